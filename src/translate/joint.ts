import type { Choice, CommonError, CommonEvent, CommonResponse, Usage } from './common.ts'
import type { EventSink } from './event-sink.ts'
import type { EventWriter } from './event-writer.ts'
import { mergedUsage } from './fold.ts'

/** Where the events of a whole stream go. */
export interface JointStream {
  readonly writer: EventWriter
  /** Leads to `writer`. */
  readonly last: EventSink
  readonly isSerial: boolean
}

/** One of several requests, as far as its answer is joined with theirs. */
export interface JointPart {
  readonly joint: Joint
  readonly index: number
}

/** The answers to several requests as one: the choices of each under numbers of their own, their usage in one sum. */
export class Joint {
  readonly #width: number
  readonly #estimates: readonly number[]
  readonly #responses: (CommonResponse | undefined)[]
  readonly #sinks: (PartSink | undefined)[]
  #stream: JointStream | undefined
  #hasBegun = false
  #left: number
  #isOver = false

  /** `width`: answers that each request brings. `estimates`: the tokens of each, by our own count. */
  constructor(width: number, estimates: readonly number[]) {
    this.#width = width
    this.#estimates = estimates
    this.#left = estimates.length
    this.#responses = Array.from(estimates, () => undefined)
    this.#sinks = Array.from(estimates, () => undefined)
  }

  /** All was said, or an error. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The answer of this one is not there, or not whole. */
  lacks(index: number): boolean {
    return this.#responses[index] === undefined && this.#sinks[index]?.hasEnded !== true
  }

  /** Takes a whole answer; the last to come gives the one that all are. An error is that of all. */
  add(index: number, answer: CommonResponse | CommonError): CommonResponse | CommonError | undefined {
    if (this.#isOver || this.#responses[index] !== undefined) return undefined
    if (!('choices' in answer)) {
      this.#isOver = true
      return answer
    }
    this.#responses[index] = answer
    this.#left--
    if (this.#left > 0) return undefined
    this.#isOver = true
    return this.#whole(this.#responses.filter((response) => response !== undefined))
  }

  /** Where all write to: opened by the first. */
  openStream(open: () => JointStream): JointStream {
    this.#stream ??= open()
    return this.#stream
  }

  /** Where the events of this one go. */
  sinkOf(index: number, { last }: JointStream): EventSink {
    const sink = new PartSink(this, index * this.#width, this.#width, last)
    this.#sinks[index] = sink
    return sink
  }

  /** False for all but the first. */
  begins(): boolean {
    const isFirst = !this.#hasBegun
    this.#hasBegun = true
    return isFirst
  }

  fail(event: CommonEvent, last: EventSink): void {
    this.#isOver = true
    last.take(event)
  }

  /**
   * Nobody finishes before all are at their end: a stream whose choices have finished counts as complete, however many may
   * not have begun.
   */
  ended(last: EventSink): void {
    this.#left--
    if (this.#left > 0) return
    this.#isOver = true
    for (const sink of this.#sinks) for (const finish of sink?.finishes ?? []) last.take(finish)
    const usage = this.#sum(this.#sinks.map((sink) => ({ usage: sink?.usage, characters: sink?.characters ?? 0 })))
    if (usage !== undefined) last.take({ event: 'usage', usage })
    last.take({ event: 'end' })
  }

  #whole(responses: readonly CommonResponse[]): CommonResponse {
    const choices: Choice[] = []
    for (const [part, response] of responses.entries()) {
      for (const { index, parts, finish } of response.choices) {
        if (index < this.#width) choices.push({ index: part * this.#width + index, parts, finish })
      }
    }
    const [first] = responses
    const usage = this.#sum(responses.map((response) => ({ usage: response.usage, characters: lengthOf(response) })))
    return {
      id: first?.id,
      model: first?.model ?? '',
      createdAt: first?.createdAt,
      choices,
      usage,
      tier: soleOf(responses.map(({ tier }) => tier)),
      fingerprint: soleOf(responses.map(({ fingerprint }) => fingerprint)),
    }
  }

  /** Where only some have told, what the others used is estimated; where nobody has, nothing is told here. */
  #sum(parts: readonly { readonly usage: Usage | undefined; readonly characters: number }[]): Usage | undefined {
    if (parts.every(({ usage }) => usage === undefined)) return undefined
    const sum: Partial<Record<keyof Usage, number>> = {}
    for (const [index, { usage, characters }] of parts.entries()) {
      const told: Usage = usage ?? {
        input: this.#estimates[index] ?? 0,
        output: Math.ceil(characters / charactersPerToken),
      }
      for (const name of names) {
        const count = told[name]
        if (count !== undefined) sum[name] = (sum[name] ?? 0) + count
      }
    }
    return sum
  }
}

const names = [
  'input',
  'cacheRead',
  'cacheWrite',
  'cacheWrite5m',
  'cacheWrite1h',
  'output',
  'reasoning',
  'audioInput',
  'audioOutput',
  'acceptedPrediction',
  'rejectedPrediction',
] as const satisfies readonly (keyof Usage)[]

/** Of most texts. */
const charactersPerToken = 3.2

function lengthOf({ choices }: CommonResponse): number {
  let length = 0
  for (const { parts } of choices) for (const part of parts) if ('text' in part) length += part.text.length
  return length
}

/** What all of them say; undefined where they differ. */
function soleOf(words: readonly (string | undefined)[]): string | undefined {
  const [first] = words
  return words.every((word) => word === first) ? first : undefined
}

/** The events of one request on their way to where those of all go. */
class PartSink implements EventSink {
  readonly finishes: CommonEvent[] = []
  usage: Usage | undefined
  characters = 0
  hasEnded = false
  readonly #joint: Joint
  readonly #from: number
  readonly #width: number
  readonly #last: EventSink

  constructor(joint: Joint, from: number, width: number, last: EventSink) {
    this.#joint = joint
    this.#from = from
    this.#width = width
    this.#last = last
  }

  take(event: CommonEvent): void {
    if (this.hasEnded || this.#joint.isOver) return
    if ('choice' in event) return this.#takeOfChoice(event)
    switch (event.event) {
      case 'start':
        if (this.#joint.begins()) this.#last.take(event)
        return
      case 'usage':
        this.usage = mergedUsage(this.usage ?? {}, event.usage)
        return
      case 'keepalive':
        return this.#last.take(event)
      case 'error':
        return this.#joint.fail(event, this.#last)
      case 'end':
        this.hasEnded = true
        return this.#joint.ended(this.#last)
    }
  }

  #takeOfChoice(event: Extract<CommonEvent, { readonly choice: number }>): void {
    // Nobody asked for more.
    if (event.choice >= this.#width) return
    const choice = this.#from + event.choice
    if (event.event === 'part_delta') this.characters += event.text.length
    const numbered = choice === event.choice ? event : { ...event, choice }
    if (event.event === 'finish') this.finishes.push(numbered)
    else this.#last.take(numbered)
  }
}
