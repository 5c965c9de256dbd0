import { openUnwrapper, type Unwrapper } from './bare-text.ts'
import type { CommonEvent, PartHead, PartMeta, Usage } from './common.ts'
import type { EventSink } from './event-sink.ts'
import { mergedUsage } from './fold.ts'
import { StopScanner } from './stop-scanner.ts'
import { ThinkTags } from './think-tags.ts'
import type { Return } from './way-back.ts'

/** Has the text of a stream anything to be taken out of? Else no `TextBack` is needed. */
export function changesText({ back, hasTags, isBare }: Return): boolean {
  return hasTags || isBare === true || back.isOutputWrapped || back.stops.length > 0
}

/** The text of a stream without what was put around it for the backend, and cut where the client wanted it to stop. */
export class TextBack implements EventSink {
  readonly #next: EventSink
  readonly #way: Return
  readonly #choicesMax: number
  readonly #inputEstimate: number
  readonly #choices = new Map<number, ChoiceText>()
  #usage: Usage = {}
  #cuts = 0
  #characters = 0
  #isOver = false

  /** `choicesMax`: as many as were asked for. */
  constructor(next: EventSink, way: Return, choicesMax: number, inputEstimate: number) {
    this.#next = next
    this.#way = way
    this.#choicesMax = choicesMax
    this.#inputEstimate = inputEstimate
  }

  /** Every choice was cut: nothing more is wanted of the upstream. */
  get isOver(): boolean {
    return this.#isOver
  }

  take(event: CommonEvent): void {
    if (this.#isOver) return
    if ('choice' in event) return this.#takeOfChoice(event)
    if (event.event === 'usage') this.#usage = mergedUsage(this.#usage, event.usage)
    this.#next.take(event)
  }

  #takeOfChoice(event: ChoiceEvent): void {
    if (event.event === 'part_delta') this.#characters += event.text.length
    let choice = this.#choices.get(event.choice)
    if (choice === undefined) {
      this.#choices.set(event.choice, (choice = new ChoiceText(this.#next, this.#way, event.choice)))
    }
    if (choice.isCut) return
    choice.take(event)
    if (!choice.isCut) return
    this.#cuts++
    if (this.#cuts >= this.#choicesMax) this.#end()
  }

  /** Nothing more is wanted of the upstream, which so never tells what it used. */
  #end(): void {
    this.#isOver = true
    const output = Math.max(this.#usage.output ?? 0, Math.ceil(this.#characters / charactersPerToken))
    const usage = { ...this.#usage, input: this.#usage.input ?? this.#inputEstimate, output }
    this.#next.take({ event: 'usage', usage })
    this.#next.take({ event: 'end' })
  }
}

/** Of most texts. */
const charactersPerToken = 3.2

type ChoiceEvent = Extract<CommonEvent, { readonly choice: number }>

/** A part on its way; its number as the next one knows it is given when it begins. */
interface Outgoing {
  readonly head: PartHead
  number: number | undefined
  isClosed: boolean
  readonly text: TextWay | undefined
}

/** What a text goes through. */
interface TextWay {
  readonly tags: ThinkTags | undefined
  /** The part that its thoughts became. */
  thoughts: Outgoing | undefined
  readonly unwrapper: Unwrapper | undefined
  readonly scanner: StopScanner | undefined
}

const thoughtsHead: PartHead = { kind: 'reasoning', style: 'raw', isRedacted: false }

class ChoiceText {
  readonly #next: EventSink
  readonly #way: Return
  readonly #choice: number
  readonly #parts = new Map<number, Outgoing>()
  /** Of texts that are over, as the next one knows them. */
  readonly #numbers = new Map<number, number | undefined>()
  #nextNumber = 0
  #mayHaveTags: boolean
  #isCut = false

  constructor(next: EventSink, way: Return, choice: number) {
    this.#next = next
    this.#way = way
    this.#choice = choice
    this.#mayHaveTags = way.hasTags
  }

  get isCut(): boolean {
    return this.#isCut
  }

  take(event: ChoiceEvent): void {
    if (event.event === 'part_start') return this.#start(event.part, event.head)
    if (event.event === 'finish') return this.#finish(event)
    if (event.event === 'late_source') return this.#lateSource(event)
    const part = this.#parts.get(event.part)
    if (part === undefined) return
    if (event.event === 'part_delta') this.#delta(part, event.text)
    else if (event.event === 'part_meta') this.#meta(part, event.meta)
    else this.#end(part, event.part)
  }

  #start(index: number, head: PartHead): void {
    const text = head.kind === 'text' ? this.#textWay() : undefined
    const part: Outgoing = { head, number: undefined, isClosed: false, text }
    this.#parts.set(index, part)
    if (head.kind !== 'native') this.#mayHaveTags = false
    if (part.text === undefined) this.#begin(part)
  }

  #textWay(): TextWay {
    const { back } = this.#way
    return {
      tags: this.#mayHaveTags ? new ThinkTags() : undefined,
      thoughts: undefined,
      unwrapper: openUnwrapper(this.#way),
      scanner: back.stops.length > 0 ? new StopScanner(back.stops) : undefined,
    }
  }

  #delta(part: Outgoing, text: string): void {
    if (part.text === undefined) return this.#tell(part, text)
    const { tags } = part.text
    if (tags === undefined) return this.#tellText(part, part.text, text)
    const pieces = tags.push(text)
    this.#tellThoughts(part.text, pieces.thought)
    this.#tellText(part, part.text, pieces.text)
  }

  #meta(part: Outgoing, meta: PartMeta): void {
    const number = this.#begin(part)
    this.#next.take({ event: 'part_meta', choice: this.#choice, part: number, meta })
  }

  #end(part: Outgoing, index: number): void {
    if (part.text !== undefined) this.#flush(part, part.text)
    this.#close(part)
    this.#parts.delete(index)
    if (part.head.kind === 'text') this.#numbers.set(index, part.number)
  }

  /** Of a text of which nothing was left there are none. */
  #lateSource(event: Extract<ChoiceEvent, { readonly event: 'late_source' }>): void {
    const part = this.#parts.get(event.part)?.number ?? this.#numbers.get(event.part)
    if (part !== undefined) this.#next.take({ ...event, part })
  }

  /** Of parts that nobody ended, too, all must have been told by then. */
  #finish(event: Extract<ChoiceEvent, { readonly event: 'finish' }>): void {
    for (const part of this.#parts.values()) {
      if (part.text !== undefined) this.#flush(part, part.text)
      if (this.#isCut) return
    }
    this.#next.take(event)
  }

  /** What was held back. */
  #flush(part: Outgoing, way: TextWay): void {
    const last = way.tags?.end()
    this.#tellThoughts(way, last?.thought ?? '')
    this.#tellText(part, way, last?.text ?? '')
    if (this.#isCut) return
    const unwrapped = way.unwrapper?.end() ?? ''
    if (way.scanner === undefined) return this.#tell(part, unwrapped)
    this.#tell(part, way.scanner.push(unwrapped))
    if (way.scanner.found === undefined) this.#tell(part, way.scanner.end())
    else this.#cut(way.scanner.found)
  }

  #tellThoughts(way: TextWay, thought: string): void {
    if (thought === '') return
    way.thoughts ??= { head: thoughtsHead, number: undefined, isClosed: false, text: undefined }
    this.#tell(way.thoughts, thought)
  }

  #tellText(part: Outgoing, way: TextWay, text: string): void {
    if (text === '') return
    const unwrapped = way.unwrapper === undefined ? text : way.unwrapper.push(text)
    const { scanner } = way
    this.#tell(part, scanner === undefined ? unwrapped : scanner.push(unwrapped))
    if (scanner?.found !== undefined) this.#cut(scanner.found)
  }

  #tell(part: Outgoing, text: string): void {
    if (text === '') return
    const number = this.#begin(part)
    this.#next.take({ event: 'part_delta', choice: this.#choice, part: number, text })
  }

  #begin(part: Outgoing): number {
    if (part.number !== undefined) return part.number
    // Thoughts are over when the text begins.
    if (part.text?.thoughts !== undefined) this.#close(part.text.thoughts)
    part.number = this.#nextNumber++
    this.#next.take({ event: 'part_start', choice: this.#choice, part: part.number, head: part.head })
    return part.number
  }

  #close(part: Outgoing): void {
    if (part.text?.thoughts !== undefined && part.number === undefined) this.#close(part.text.thoughts)
    if (part.number === undefined || part.isClosed) return
    part.isClosed = true
    this.#next.take({ event: 'part_end', choice: this.#choice, part: part.number })
  }

  #cut(stopSequence: string): void {
    this.#isCut = true
    for (const part of this.#parts.values()) this.#close(part)
    this.#next.take({ event: 'finish', choice: this.#choice, finish: { reason: 'stop', stopSequence } })
  }
}
