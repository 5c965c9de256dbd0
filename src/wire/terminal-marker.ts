import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer } from '#kit/bytes.ts'
import type { Terminal } from './event-terminal.ts'

/**
 * The terminal marker in a piece of a stream whose events are too large or too many to be parsed.
 *
 * A marker is a JSON key with its quotes and colon, or the beginning of a line. Neither can stand in a JSON string,
 * where quotes and line ends are escaped: a text that speaks of `"finish_reason":"stop"` is no marker. `beginsLine`
 * says that the piece begins with a line, not in the middle of one.
 */
export function findMarker(form: StreamForm, bytes: Uint8Array, beginsLine: boolean): Terminal | undefined {
  const piece = asBuffer(bytes)
  return markers[form].find((marker) => stands(piece, marker, beginsLine))?.terminal
}

interface Marker {
  readonly text: string
  readonly terminal: Terminal
  /** What must stand in front of it. */
  readonly before?: RegExp
  /** A letter must follow. */
  readonly beginsWord?: true
}

/** Some servers have an empty one in every event. */
const finishReasons: readonly Marker[] = [
  { text: '"finish_reason":"', terminal: 'complete', beginsWord: true },
  { text: '"finish_reason": "', terminal: 'complete', beginsWord: true },
]

/** A line that names the event, or data that begin with the event's type. */
const lineBeginning = /[\r\n](?:event: ?|data: ?\{\s{0,8}"type"\s{0,8}:\s{0,8}")$/
const lineBeginningBytes = 48

const markers: Readonly<Record<StreamForm, readonly Marker[]>> = {
  chat: finishReasons,
  completions: finishReasons,
  responses: [
    { text: 'response.completed', terminal: 'complete', before: lineBeginning },
    { text: 'response.incomplete', terminal: 'complete', before: lineBeginning },
    { text: 'response.failed', terminal: 'failed', before: lineBeginning },
  ],
  // `message_stop` is a small event of its own, and the last one.
  messages: [],
  // Whether theirs is a member of its object takes a scan of the object: `MemberScanner`.
  gemini_sse: [],
  gemini_array: [],
  ndjson: [],
}

function stands(piece: Buffer, { text, before, beginsWord }: Marker, beginsLine: boolean): boolean {
  for (let at = piece.indexOf(text); at !== -1; at = piece.indexOf(text, at + 1)) {
    if (beginsWord === true && !isLetter(piece[at + text.length])) continue
    if (before === undefined) return true
    const start = at - lineBeginningBytes
    const front = piece.toString('latin1', Math.max(0, start), at)
    if (before.test(start <= 0 && beginsLine ? `\n${front}` : front)) return true
  }
  return false
}

function isLetter(byte = 0): boolean {
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
}
