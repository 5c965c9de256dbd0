import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer, concat } from '#kit/bytes.ts'
import { parseJson, type JsonObject } from '#kit/json-value.ts'
import { isLastWord, isPing } from './event-content.ts'
import { ChoiceEnds, choicesOf, terminalOf, type StreamEnding, type Terminal } from './event-terminal.ts'
import { finishReason, MemberScanner } from './member-scanner.ts'
import { soleObject } from './sole-object.ts'
import type { SseEvent } from './sse.ts'
import { endOfLastEvent, SseParser } from './sse.ts'
import { findMarker } from './terminal-marker.ts'

// Limit: bytes of the stream's end that are kept; of what lies before, only a terminal marker is remembered.
const tailBytes = 16 * 1024

// Limit: pieces that are kept apart, since each costs more than its bytes.
const piecesMax = 512

/** Bytes that are searched beyond a cut, so that no marker is missed because it lies across. */
const overlapBytes = 64

/**
 * Events in front of a terminal one that are searched for an error: some servers send one and then end as usual. Comments,
 * pings and events without choices, such as usage, do not count.
 */
const eventsBefore = 2

/**
 * Keeps the end of a stream of server-sent events and judges it. A chunk costs an entry in a list; the bytes are
 * searched once per {@link tailBytes}, and only the last events are parsed, when the stream has ended.
 *
 * `[DONE]` is believed, also behind a choice that spoke and named no reason to end: some servers never name one. So a
 * stream that broke passes for whole where a relay appends the word to whatever it got.
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
  /** For Gemini: has read what was let go of the event whose end is still kept. */
  #front: MemberScanner | undefined

  constructor(form: StreamForm) {
    this.#form = form
    this.#isChat = form === 'chat' || form === 'completions'
    this.#isGemini = form === 'gemini_sse'
  }

  see(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > 2 * tailBytes || this.#chunks.length > piecesMax) this.#compact()
  }

  /** In one piece from now on: it is asked for again by those who read more in it than its end. */
  get tail(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [concat(this.#chunks)]
    return this.#chunks[0] ?? nothing
  }

  look(): StreamEnding {
    const found = this.#find()
    const { terminal, hasFinalWord, choices } = found
    const verdict = this.#isComplete(found) ? 'complete' : isError(terminal) ? 'errored' : 'incomplete'
    // To a server that names a reason to end in every event, it says nothing.
    const isOver = verdict === 'complete' && (hasFinalWord || !choices.endsAgain)
    return { verdict, isOver, hasFinalWord }
  }

  #isComplete({ terminal, choices }: Found): boolean {
    if (terminal !== undefined) return terminal === 'complete' && !(this.#isGemini && choices.hasOpen)
    return this.#isChat && !choices.hasOpen && (choices.hasEnd || this.#marked !== undefined)
  }

  #find(): Found {
    const { tail } = this
    const choices = new ChoiceEnds()
    let terminal: Terminal | undefined
    let hasFinalWord = false
    let before = 0
    // From the last event back to the first one that is kept.
    for (let end = endOfContent(tail, tail.length); end > 0 && (before < eventsBefore || this.#isOpen(choices));) {
      const start = endOfLastEvent(tail.subarray(0, end))
      const isCut = start === 0 && this.#isCut
      const event = isCut ? undefined : parseBlock(tail.subarray(start, end))
      const body = event === undefined ? undefined : soleObject(parseJson(event.data))
      const found = isCut ? this.#terminalOfCut(tail, end) : this.#terminalOf(event, body, choices)
      // Gemini's has no word for the end of all.
      hasFinalWord ||= found === 'failed' || (found === 'complete' && !this.#isGemini)
      if (isError(found)) return { terminal: found, hasFinalWord, choices }
      if (terminal !== undefined && event !== undefined && this.#isSpeech(event, body)) before++
      terminal ??= found
      end = endOfContent(tail, start)
    }
    return { terminal, hasFinalWord, choices }
  }

  #isSpeech({ event }: SseEvent, body: JsonObject | undefined): boolean {
    return this.#isChat || this.#isGemini ? choicesOf(body).length > 0 : !isPing(event, body)
  }

  /** One candidate's end is not that of the others; that of one which is still open may stand further in front. */
  #isOpen(choices: ChoiceEnds): boolean {
    return this.#isGemini && choices.hasOpen
  }

  #compact(): void {
    const all = concat(this.#chunks)
    if (all.length <= 2 * tailBytes) {
      this.#chunks = [all]
      return
    }
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
    const beginsLine = eventStart > 0 || !this.#isCut
    if (this.#isGemini) {
      if (beginsLine || this.#front === undefined) this.#front = new MemberScanner(finishReason)
      this.#front.scan(bytes.subarray(eventStart, cut))
      return
    }
    // The event that goes on behind the cut is another one than at the last cut, so its marker counts no more.
    if (eventStart > 0) this.#marked = undefined
    this.#marked ??= findMarker(this.#form, bytes.subarray(eventStart, cut + overlapBytes), beginsLine)
  }

  #terminalOf(event: SseEvent | undefined, body: JsonObject | undefined, choices: ChoiceEnds): Terminal | undefined {
    if (event === undefined) return undefined
    if (this.#isChat && isLastWord(event.data)) return 'complete'
    if (this.#isChat || this.#isGemini) choices.add(body)
    return terminalOf(this.#form, event.event, event.data, body)
  }

  /** The event whose beginning was let go: once it has ended, its marker tells what it was. */
  #terminalOfCut(tail: Uint8Array, end: number): Terminal | undefined {
    if (end === tail.length) return undefined
    if (this.#isGemini) {
      const whole = new MemberScanner(finishReason, this.#front)
      whole.scan(tail.subarray(0, end))
      return whole.hasFound ? 'complete' : undefined
    }
    const marker = findMarker(this.#form, tail.subarray(0, end), false)
    if (this.#isChat) this.#marked ??= marker
    return this.#isChat ? undefined : (this.#marked ?? marker)
  }
}

const nothing = new Uint8Array(0)

/** What the end of a stream says. */
interface Found {
  readonly terminal: Terminal | undefined
  readonly hasFinalWord: boolean
  readonly choices: ChoiceEnds
}

function isError(terminal: Terminal | undefined): boolean {
  return terminal === 'errored' || terminal === 'failed'
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
