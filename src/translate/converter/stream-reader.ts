import { asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { callId } from '#translate/chat/call-id.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonEvent, PartHead } from '#translate/common.ts'
import type { ConverterPiece } from '#translate/converter.ts'
import { errorOf, finishOf, shown, usageOf } from './answer-values.ts'
import { given, misfit } from './misfit.ts'

/** A converter's own reader; what it gives may be of any type. */
export interface OwnReader {
  push(piece: ConverterPiece): unknown
  end?(): unknown
}

/** Events of a converter → common events, each part begun and ended. Throws where they are not in its contract. */
export class ConverterReader implements StreamReader {
  readonly #own: OwnReader
  readonly #facts: AnswerFacts
  readonly #takenIds = new Set<string>()
  /** Calls that are not over, by their index: the number of their part. */
  readonly #calls = new Map<number, number>()
  #parts = 0
  /** What texts go to. */
  #open: { readonly kind: 'text' | 'thinking'; readonly part: number } | undefined
  #hasStarted = false
  #hasFinished = false
  #isOver = false

  constructor(own: OwnReader, facts: AnswerFacts) {
    this.#own = own
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return none
    return this.#read('push', given('push', this.#own.push({ name, data })))
  }

  end(): readonly CommonEvent[] {
    if (this.#isOver) return none
    const events = [...this.#read('end', given('end', this.#own.end?.() ?? []))]
    // Read may have come to the end itself.
    if (this.#isDone()) return events
    this.#isOver = true
    events.push(this.#hasFinished ? ended : incomplete)
    return events
  }

  #isDone(): boolean {
    return this.#isOver
  }

  #read(member: string, told: unknown): readonly CommonEvent[] {
    if (!Array.isArray(told)) throw misfit(member, `no list of events: ${shown(told)}`)
    const events: CommonEvent[] = []
    for (const value of told) {
      if (this.#isOver) break
      const event = asObject(value)
      if (event === undefined) throw misfit(member, `an event that is no object: ${shown(value)}`)
      this.#take(member, event, events)
    }
    return events
  }

  #take(member: string, event: JsonObject, events: CommonEvent[]): void {
    const { kind } = event
    if (kind === 'error') return this.#stop({ event: 'error', error: errorOf(event, undefined) }, events)
    if (kind === 'end') return this.#stop(this.#hasFinished ? ended : incomplete, events)
    this.#start(events)
    if (kind === 'usage') return this.#usage(event, events)
    if (this.#hasFinished) throw misfit(member, `more behind "finish": ${shown(kind)}`)
    switch (kind) {
      case 'text':
      case 'thinking':
        return this.#say(kind, textOf(member, event), events)
      case 'tool_call':
        return this.#call(member, event, events)
      case 'finish':
        this.#hasFinished = true
        this.#close(events)
        this.#closeCalls(events)
        events.push({ event: 'finish', choice: 0, finish: finishOf(member, event['finish']) })
        return
      default:
        throw misfit(member, `an event of no known kind: ${shown(kind)}`)
    }
  }

  #start(events: CommonEvent[]): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const { ids, model, nowSeconds } = this.#facts
    events.push({ event: 'start', id: ids.base62(24), model, createdAt: nowSeconds })
  }

  #stop(last: CommonEvent, events: CommonEvent[]): void {
    this.#isOver = true
    events.push(last)
  }

  #usage(event: JsonObject, events: CommonEvent[]): void {
    const usage = usageOf(event['usage'])
    if (usage !== undefined) events.push({ event: 'usage', usage })
  }

  #say(kind: 'text' | 'thinking', text: string, events: CommonEvent[]): void {
    if (text === '') return
    if (this.#open?.kind !== kind) {
      this.#close(events)
      this.#open = { kind, part: this.#begin(kind === 'text' ? textHead : thoughtHead, events) }
    }
    events.push({ event: 'part_delta', choice: 0, part: this.#open.part, text })
  }

  #call(member: string, event: JsonObject, events: CommonEvent[]): void {
    const index = asNumber(event['index']) ?? 0
    const name = asText(event['name']) ?? ''
    let part = this.#calls.get(index)
    if (name !== '') {
      if (part !== undefined) events.push({ event: 'part_end', choice: 0, part })
      this.#close(events)
      const id = callId(asText(event['id']) ?? '', this.#takenIds, this.#facts.ids)
      part = this.#begin({ kind: 'tool_call', id, name, isCustom: false, tool: 'function' }, events)
      this.#calls.set(index, part)
    }
    if (part === undefined) throw misfit(member, 'more of a call that has not begun with its name')
    const args = event['args'] ?? ''
    if (typeof args !== 'string') throw misfit(member, '"args" that are no text')
    if (args !== '') events.push({ event: 'part_delta', choice: 0, part, text: args })
  }

  #begin(head: PartHead, events: CommonEvent[]): number {
    const part = this.#parts
    this.#parts += 1
    events.push({ event: 'part_start', choice: 0, part, head })
    return part
  }

  #close(events: CommonEvent[]): void {
    if (this.#open !== undefined) events.push({ event: 'part_end', choice: 0, part: this.#open.part })
    this.#open = undefined
  }

  #closeCalls(events: CommonEvent[]): void {
    for (const part of this.#calls.values()) events.push({ event: 'part_end', choice: 0, part })
    this.#calls.clear()
  }
}

function textOf(member: string, event: JsonObject): string {
  const text = asText(event['text'])
  if (text === undefined) throw misfit(member, 'a text that is none')
  return text
}

const none: readonly CommonEvent[] = []
const textHead: PartHead = { kind: 'text' }
const thoughtHead: PartHead = { kind: 'reasoning', style: 'raw', isRedacted: false }
const ended: CommonEvent = { event: 'end' }
const incomplete: CommonEvent = {
  event: 'error',
  error: {
    kind: 'upstream_failed',
    status: 502,
    message: 'the stream of the backend ended before it was complete',
    code: 'stream_incomplete',
  },
}
