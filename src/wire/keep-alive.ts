import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'

/**
 * A sign of life that official clients of the form pass over. It may stand before everything and between two whole
 * events, where the gate says `start` or `between`, and never behind the stream's end.
 */
export function keepAlive(form: StreamForm): Uint8Array {
  return keepAlives[form]
}

const comment = encode(': keep-alive\n\n')
const blank = encode(' ')

const keepAlives: Readonly<Record<StreamForm, Uint8Array>> = {
  chat: comment,
  completions: comment,
  responses: comment,
  messages: encode('event: ping\ndata: {"type":"ping"}\n\n'),
  // Google's clients lose data at a comment.
  gemini_sse: encode('data: {"candidates":[{"content":{"role":"model","parts":[]},"index":0}]}\n\n'),
  gemini_array: blank,
  // A blank in front of the next line. At a line of its own that is empty, Ollama's Python client gives up.
  ndjson: blank,
}

/** The same for an answer that is one JSON value, before its first byte. */
export const keepAliveJson: Uint8Array = blank

/** Headers of a head that goes out before any upstream has answered. */
export function headersOfForm(form: StreamForm | 'json'): readonly (readonly [name: string, value: string])[] {
  return headers[form]
}

const eventStream = [['content-type', 'text/event-stream; charset=utf-8']] as const

const headers: Readonly<Record<StreamForm | 'json', readonly (readonly [name: string, value: string])[]>> = {
  chat: eventStream,
  completions: eventStream,
  responses: eventStream,
  messages: eventStream,
  gemini_sse: eventStream,
  gemini_array: [['content-type', 'application/json; charset=UTF-8']],
  ndjson: [['content-type', 'application/x-ndjson']],
  json: [['content-type', 'application/json']],
}
