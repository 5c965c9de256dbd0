import { asList, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonEvent, Finish, MediaPart, Opaque, PartHead, PartMeta } from '#translate/common.ts'
import { tellUnreadOfCandidate, tellUnreadOfPart } from './answer-members.ts'
import { callIdOf, finishOf, nativeOf, opaqueOf } from './answer-words.ts'
import { annotationsOf } from './grounding.ts'
import { logprobsOf } from './logprobs.ts'
import { PartialArgs } from './partial-args.ts'
import { fileMedia, inlineMedia } from './read-media.ts'

/** One candidate of a stream: which part is open, and what is known only at its end (formats §11.1). */
export class CandidateReader {
  readonly #choice: number
  readonly #facts: AnswerFacts
  #next = 0
  #open: 'text' | 'reasoning' | undefined
  /** Its number. */
  #part = 0
  /** The open part has its signature, and says no more. */
  #isSigned = false
  #call: { readonly part: number; readonly args: PartialArgs } | undefined
  /** Of the open text, for sources that are told at the end. */
  #texts: string[] = []
  /** The last text that is over. */
  #last: OverText | undefined
  /** The last chunk that told sources. */
  #sources: JsonObject | undefined
  #finish: Finish | undefined

  constructor(choice: number, facts: AnswerFacts) {
    this.#choice = choice
    this.#facts = facts
  }

  get hasFinish(): boolean {
    return this.#finish !== undefined
  }

  /** Events are added to `events`. */
  push(candidate: JsonObject, events: CommonEvent[]): void {
    tellUnreadOfCandidate(candidate, this.#facts.notes)
    for (const each of asList(asObject(candidate['content'])?.['parts'])) {
      const part = asObject(each)
      if (part !== undefined) this.#piece(part, events)
    }
    if (candidate['groundingMetadata'] !== undefined || candidate['citationMetadata'] !== undefined)
      this.#sources = { ...this.#sources, ...sourcesIn(candidate) }
    if (candidate['logprobsResult'] !== undefined) this.#readLogprobs(candidate['logprobsResult'], events)
    const finish = finishOf(candidate)
    if (finish === undefined) return
    this.#finish = finish
    this.#endCall(events)
  }

  /** The prompt was not let through. */
  block(finish: Finish): void {
    this.#finish ??= finish
  }

  close(events: CommonEvent[]): void {
    this.#endCall(events)
    this.#closePart(events)
    this.#tellLate(events)
    if (this.#finish !== undefined) events.push({ event: 'finish', choice: this.#choice, finish: this.#finish })
  }

  #readLogprobs(result: unknown, events: CommonEvent[]): void {
    const logprobs = logprobsOf(result)
    if (this.#open === 'text') this.#meta({ logprobs }, this.#part, events)
    else if (logprobs !== undefined) this.#facts.notes?.lose('dropped:logprobs')
  }

  /** Sources of a text that was over when they came. */
  #tellLate(events: CommonEvent[]): void {
    if (this.#sources === undefined) return
    const { part, text } = this.#last ?? { part: -1, text: '' }
    const annotations = annotationsOf(this.#sources, text)
    if (part === -1 && annotations.length > 0) this.#facts.notes?.lose('dropped:citations')
    if (part === -1) return
    for (const annotation of annotations) {
      events.push({ event: 'late_source', choice: this.#choice, part, annotation })
    }
  }

  #piece(part: JsonObject, events: CommonEvent[]): void {
    tellUnreadOfPart(part, this.#facts.notes)
    const text = asText(part['text'])
    const opaque = opaqueOf(part['thoughtSignature'])
    if (text !== undefined) return this.#text(text, part['thought'] === true ? 'reasoning' : 'text', opaque, events)
    const call = asObject(part['functionCall'])
    if (call !== undefined) return this.#callPiece(call, opaque, events)
    this.#closePart(events)
    const media = mediaOf(part)
    const native = media === undefined ? nativeOf(part) : undefined
    if (media !== undefined) this.#whole({ kind: 'media', part: media }, events)
    else if (native !== undefined) this.#whole({ kind: 'native', part: native }, events)
  }

  #text(text: string, kind: 'text' | 'reasoning', opaque: Opaque | undefined, events: CommonEvent[]): void {
    // A signature without text belongs to what was said last; behind anything else it is a thought that nobody sees.
    const isEmpty = text === ''
    if (isEmpty && opaque === undefined) return
    const goesOn = this.#open === kind && !this.#isSigned
    if (!goesOn) this.#openPart(isEmpty ? 'reasoning' : kind, events)
    const part = this.#part
    if (!isEmpty) {
      if (kind === 'text') this.#texts.push(text)
      events.push({ event: 'part_delta', choice: this.#choice, part, text })
    }
    if (opaque === undefined) return
    this.#isSigned = true
    this.#meta({ opaque }, part, events)
  }

  #openPart(kind: 'text' | 'reasoning', events: CommonEvent[]): void {
    this.#closePart(events)
    this.#open = kind
    this.#part = this.#start(kind === 'text' ? textHead : thoughtHead, events)
  }

  #closePart(events: CommonEvent[]): void {
    if (this.#open === undefined) return
    const part = this.#part
    if (this.#open === 'text') {
      this.#last = { part, text: this.#texts.join('') }
      if (this.#sources !== undefined) this.#tellSources(this.#sources, this.#last, events)
    }
    this.#open = undefined
    this.#isSigned = false
    this.#texts = []
    events.push({ event: 'part_end', choice: this.#choice, part })
  }

  #tellSources(candidate: JsonObject, { part, text }: OverText, events: CommonEvent[]): void {
    this.#sources = undefined
    for (const annotation of annotationsOf(candidate, text)) this.#meta({ annotation }, part, events)
  }

  #callPiece(call: JsonObject, opaque: Opaque | undefined, events: CommonEvent[]): void {
    const name = asText(call['name'])
    const goesOn = call['willContinue'] === true
    if (name !== undefined && name !== '') {
      this.#endCall(events)
      this.#closePart(events)
      const part = this.#start(
        { kind: 'tool_call', id: callIdOf(call, this.#facts), name, isCustom: false, tool: 'function' },
        events,
      )
      if (opaque !== undefined) this.#meta({ opaque }, part, events)
      this.#call = { part, args: new PartialArgs(asObject(call['args'])) }
    } else {
      this.#call?.args.merge(asObject(call['args']))
      if (opaque !== undefined && this.#call !== undefined) this.#meta({ opaque }, this.#call.part, events)
    }
    this.#call?.args.add(call['partialArgs'])
    if (!goesOn) this.#endCall(events)
  }

  #endCall(events: CommonEvent[]): void {
    if (this.#call === undefined) return
    const { part, args } = this.#call
    this.#call = undefined
    events.push(
      { event: 'part_delta', choice: this.#choice, part, text: args.text() },
      { event: 'part_end', choice: this.#choice, part },
    )
  }

  #whole(head: PartHead, events: CommonEvent[]): void {
    const part = this.#start(head, events)
    events.push({ event: 'part_end', choice: this.#choice, part })
  }

  #start(head: PartHead, events: CommonEvent[]): number {
    const part = this.#next
    this.#next += 1
    events.push({ event: 'part_start', choice: this.#choice, part, head })
    return part
  }

  #meta(meta: PartMeta, part: number, events: CommonEvent[]): void {
    events.push({ event: 'part_meta', choice: this.#choice, part, meta })
  }
}

/** The latest of each. */
function sourcesIn({ groundingMetadata, citationMetadata }: JsonObject): JsonObject {
  return {
    ...(groundingMetadata !== undefined && { groundingMetadata }),
    ...(citationMetadata !== undefined && { citationMetadata }),
  }
}

interface OverText {
  readonly part: number
  readonly text: string
}

const textHead: PartHead = { kind: 'text' }

const thoughtHead: PartHead = { kind: 'reasoning', style: 'summary', isRedacted: false }

function mediaOf(part: JsonObject): MediaPart | undefined {
  const blob = asObject(part['inlineData'])
  if (blob !== undefined) return inlineMedia(blob)
  const file = asObject(part['fileData'])
  return file && fileMedia(file)
}
