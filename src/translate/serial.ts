import type { CommonEvent, PartHead } from './common.ts'
import type { EventSink } from './event-sink.ts'
import { JsonEnd } from './json-end.ts'

/**
 * Brings the parts of an answer one after the other, for writers that can have only one open. Text that goes on behind
 * another part becomes a part of its own; a call waits until the one before it has all of its arguments.
 */
export class Serial implements EventSink {
  readonly #next: EventSink
  readonly #choices = new Map<number, ChoiceSerial>()

  constructor(next: EventSink) {
    this.#next = next
  }

  take(event: CommonEvent): void {
    if (!('choice' in event)) return this.#next.take(event)
    const choice = this.#of(event.choice)
    if (event.event !== 'finish') return choice.take(event)
    choice.finish()
    this.#next.take(event)
  }

  #of(index: number): ChoiceSerial {
    let choice = this.#choices.get(index)
    if (choice === undefined) this.#choices.set(index, (choice = new ChoiceSerial(this.#next)))
    return choice
  }
}

type PartEvent = Extract<CommonEvent, { readonly part: number }>

/** What is known of a part as it came. */
interface Incoming {
  /** Its number as it came. */
  readonly key: number
  readonly head: PartHead
  /** Its number as the writer knows it; undefined while it waits, and when it is over. */
  number: number | undefined
  isOver: boolean
}

/** One choice. Of its parts one at most is open; whatever belongs to others waits, or begins a new one. */
class ChoiceSerial {
  readonly #next: EventSink
  readonly #parts = new Map<number, Incoming>()
  /** Texts that are over, with the number that the writer knew last. */
  readonly #told = new Map<number, number>()
  #nextNumber = 0
  /** The part that is open. */
  #open: Incoming | undefined
  #choice = 0
  /** Arguments of the open call that were not looked at yet: most never need to be. */
  #unread: string[] = []
  #args = new JsonEnd()
  /** By part, in the order in which they began to wait. */
  readonly #waiting = new Map<number, PartEvent[]>()
  #waitingLength = 0
  #isReleasing = false

  constructor(next: EventSink) {
    this.#next = next
  }

  take(event: PartEvent): void {
    if (event.event === 'part_meta' && !this.#isOfOpen(event.part) && this.#isTold(event.part)) {
      const { choice, part } = event
      const { annotation } = event.meta
      // A text of its own would be one without a word in it.
      if (annotation !== undefined) return this.#handle({ event: 'late_source', choice, part, annotation })
    }
    if (this.#waiting.size === 0 || this.#isOfOpen(event.part)) return this.#handle(event)
    this.#wait(event)
    if (this.#mayBegin()) this.#release()
  }

  /** All that waits goes out, part by part. */
  finish(): void {
    while (this.#open !== undefined || this.#waiting.size > 0) {
      this.#close()
      this.#release()
    }
  }

  #isOfOpen(part: number): boolean {
    return this.#open !== undefined && this.#parts.get(part) === this.#open
  }

  /** Its end was told, and nothing of it waits. */
  #isTold(part: number): boolean {
    return this.#told.has(part) && !this.#waiting.has(part)
  }

  #handle(event: PartEvent): void {
    if (event.event === 'part_start') return this.#start(event)
    if (event.event === 'late_source') return this.#lateSource(event)
    const part = this.#parts.get(event.part)
    // Arguments behind those that were whole already are the upstream's mistake.
    if (part === undefined || part.isOver) return
    if (part === this.#open) return this.#goOn(event, part)
    if (event.event === 'part_end') part.isOver = true
    else if (part.head.kind !== 'tool_call' && this.#mayBegin()) this.#reopen(event, part)
    else if (part.head.kind !== 'tool_call') this.#wait(event)
  }

  #start(event: Extract<PartEvent, { readonly event: 'part_start' }>): void {
    if (!this.#mayBegin()) return this.#wait(event)
    const part: Incoming = { key: event.part, head: event.head, number: undefined, isOver: false }
    this.#parts.set(event.part, part)
    this.#begin(event.choice, part)
  }

  #lateSource(event: Extract<PartEvent, { readonly event: 'late_source' }>): void {
    const { choice, annotation } = event
    const part = this.#parts.get(event.part)?.number ?? this.#told.get(event.part)
    if (part === undefined) return
    const isOpen = this.#isOfOpen(event.part)
    this.#next.take(isOpen ? { event: 'part_meta', choice, part, meta: { annotation } } : { ...event, part })
  }

  #goOn(event: PartEvent, part: Incoming): void {
    const { number } = part
    if (number === undefined) return
    if (event.event === 'part_end') {
      part.isOver = true
      this.#close()
      return this.#release()
    }
    if (event.event === 'part_delta' && part.head.kind === 'tool_call') this.#unread.push(event.text)
    this.#next.take(event.part === number ? event : { ...event, part: number })
  }

  /** Whether the open part, if there is one, can end here; then it has ended. */
  #mayBegin(): boolean {
    if (this.#open === undefined) return true
    if (this.#open.head.kind === 'tool_call') {
      if (this.#open.head.isCustom) return false
      for (const text of this.#unread) if (!this.#args.isComplete) this.#args.push(text)
      this.#unread = []
      if (!this.#args.isComplete) return false
      this.#open.isOver = true
    }
    this.#close()
    return true
  }

  /** Text that goes on where something else came between. */
  #reopen(event: PartEvent, part: Incoming): void {
    this.#begin(event.choice, part)
    this.#goOn(event, part)
  }

  #begin(choice: number, part: Incoming): void {
    part.number = this.#nextNumber++
    this.#open = part
    this.#choice = choice
    this.#unread = []
    this.#args = new JsonEnd()
    this.#next.take({ event: 'part_start', choice, part: part.number, head: part.head })
  }

  #close(): void {
    const part = this.#open
    if (part?.number === undefined) return
    this.#open = undefined
    this.#next.take({ event: 'part_end', choice: this.#choice, part: part.number })
    if (part.head.kind === 'text') this.#told.set(part.key, part.number)
    part.number = undefined
    if (part.head.kind === 'tool_call') part.isOver = true
  }

  #wait(event: PartEvent): void {
    const own = this.#waiting.get(event.part)
    if (own === undefined) this.#waiting.set(event.part, [event])
    else own.push(event)
    this.#waitingLength += lengthOf(event)
    if (this.#waitingLength <= waitingMax) return
    // Without its arguments the open call is of no use to anybody, and neither is what stands behind it.
    this.#waiting.clear()
    this.#waitingLength = 0
    this.#next.take({
      event: 'error',
      error: {
        kind: 'upstream_failed',
        status: 502,
        message: 'the upstream left a tool call open',
        code: 'stream_malformed',
      },
    })
  }

  /** What waited for the part that was open, each part as a whole, until one that is open again keeps the rest waiting. */
  #release(): void {
    if (this.#isReleasing) return
    this.#isReleasing = true
    for (const [part, events] of this.#waiting) {
      if (!this.#isOfOpen(part) && !this.#mayBegin()) break
      this.#waiting.delete(part)
      for (const event of events) {
        this.#waitingLength -= lengthOf(event)
        this.#handle(event)
      }
      if (this.#waiting.has(part)) break
    }
    this.#isReleasing = false
  }
}

/** Limit: characters that wait for an open call to be complete. */
const waitingMax = 1_048_576

/** Every event takes room, whatever it says. */
function lengthOf(event: PartEvent): number {
  return event.event === 'part_delta' ? event.text.length + eventLength : eventLength
}

const eventLength = 8
