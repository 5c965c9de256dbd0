import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer, concat } from '#kit/bytes.ts'
import type { Terminal } from './event-terminal.ts'
import { ChoiceEnds, terminalOf } from './event-terminal.ts'
import type { SseEvent } from './sse.ts'
import { endOfLastEvent, SseParser } from './sse.ts'
import { findMarker } from './terminal-marker.ts'

// Limit: bytes of the stream's end that are kept; of what lies before, only a terminal marker is remembered.
const tailBytes = 16 * 1024

/** Bytes that are searched beyond a cut, so that no marker is missed because it lies across. */
const overlapBytes = 64

/** Events in front of a terminal one that are searched for an error: some servers send one and then end as usual. */
const eventsBefore = 2

/**
 * Keeps the end of a stream of server-sent events and judges it. A chunk costs an entry in a list; the bytes are
 * searched once per {@link tailBytes}, and only the last events are parsed, when the stream has ended.
 */
export class EventTail {
  readonly #form: StreamForm
  readonly #isChat: boolean
  readonly #isGemini: boolean
  #chunks: Uint8Array[] = []
  #bytes = 0
  /** The stream began before the bytes that are kept. */
  #isCut = false
  /** Found in bytes that were let go: for chat anywhere, else in the event whose end is still kept. */
  #marked: Terminal | undefined

  constructor(form: StreamForm) {
    this.#form = form
    this.#isChat = form === 'chat' || form === 'completions'
    this.#isGemini = form === 'gemini_sse'
  }

  see(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > 2 * tailBytes) this.#compact()
  }

  verdict(): Terminal | 'incomplete' {
    return this.#verdictOf(this.#look())
  }

  /** Nothing more can come. Some servers name a reason to finish in every event, so that it says nothing. */
  isOver(): boolean {
    const ending = this.#look()
    const hasSaidSo = this.#isChat && ending.terminal === 'complete'
    return this.#verdictOf(ending) === 'complete' && (hasSaidSo || !ending.choices.endsAgain)
  }

  #verdictOf({ terminal, choices }: Ending): Terminal | 'incomplete' {
    if (terminal === 'errored') return 'errored'
    if (this.#isGemini) return terminal === undefined || choices.hasOpen ? 'incomplete' : 'complete'
    if (terminal !== undefined) return terminal
    return this.#isChat && !choices.hasOpen && (choices.hasEnd || this.#marked !== undefined)
      ? 'complete'
      : 'incomplete'
  }

  #look(): Ending {
    const tail = concat(this.#chunks)
    const choices = new ChoiceEnds()
    let terminal: Terminal | undefined
    let before = 0
    // From the last event back to the first one that is kept.
    for (let end = endOfContent(tail, tail.length); end > 0 && (before <= eventsBefore || this.#isOpen(choices));) {
      const start = endOfLastEvent(tail.subarray(0, end))
      const isCut = start === 0 && this.#isCut
      const found = isCut ? this.#terminalOfCut(tail, end) : this.#terminalOf(tail.subarray(start, end), choices)
      if (found === 'errored') return { terminal: found, choices }
      terminal ??= found
      if (terminal !== undefined) before++
      end = endOfContent(tail, start)
    }
    return { terminal, choices }
  }

  /** One candidate's end is not that of the others; that of one which is still open may stand further in front. */
  #isOpen(choices: ChoiceEnds): boolean {
    return this.#isGemini && choices.hasOpen
  }

  #compact(): void {
    const all = concat(this.#chunks)
    const cut = all.length - tailBytes
    this.#mark(all, cut)
    // A copy, so that a large buffer does not live on for its end.
    const tail = all.slice(cut)
    this.#chunks = [tail]
    this.#bytes = tail.length
    this.#isCut = true
  }

  /** Remembers what the bytes before `cut` say about the stream's end. */
  #mark(bytes: Uint8Array, cut: number): void {
    const eventStart = this.#isChat ? 0 : endOfLastEvent(bytes.subarray(0, cut))
    // The event that goes on behind the cut is another one than at the last cut, so its marker counts no more.
    if (eventStart > 0) this.#marked = undefined
    const beginsLine = eventStart > 0 || !this.#isCut
    this.#marked ??= findMarker(this.#form, bytes.subarray(eventStart, cut + overlapBytes), beginsLine)
  }

  #terminalOf(block: Uint8Array, choices: ChoiceEnds): Terminal | undefined {
    const event = parseBlock(block)
    if (event === undefined) return undefined
    if (this.#isChat && event.data.trim() === '[DONE]') return 'complete'
    if (this.#isChat || this.#isGemini) choices.add(event.data)
    return terminalOf(this.#form, event.event, event.data)
  }

  /** The event whose beginning was let go: once it has ended, its marker tells what it was. */
  #terminalOfCut(tail: Uint8Array, end: number): Terminal | undefined {
    if (end === tail.length) return undefined
    const marker = findMarker(this.#form, tail.subarray(0, end), false)
    if (this.#isChat) this.#marked ??= marker
    return this.#isChat ? undefined : (this.#marked ?? marker)
  }
}

/** What the end of a stream says. */
interface Ending {
  readonly terminal: Terminal | undefined
  readonly choices: ChoiceEnds
}

/** The offset behind the last byte in front of `end` that is no line end. */
function endOfContent(bytes: Uint8Array, end: number): number {
  let at = end
  while (at > 0 && (bytes[at - 1] === 0x0a || bytes[at - 1] === 0x0d)) at--
  return at
}

/** The event in a block without its blank line; undefined for comments and for an event that broke off. */
function parseBlock(block: Uint8Array): SseEvent | undefined {
  const parser = new SseParser()
  parser.push(block)
  const event = parser.end()
  if (event !== undefined) return event
  // Errors that are sent once as bare JSON, for clients that see no other form.
  return block[0] === 0x7b ? { event: '', data: asBuffer(block).toString() } : undefined
}
