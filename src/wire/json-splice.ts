import type { Span } from '#core/call.ts'
import { encode, replaceRange } from '#kit/bytes.ts'

/** The body with another model: only the bytes of `span`, a JSON string with its quotes, are replaced. */
export function spliceModel(body: Uint8Array, span: Span, model: string): Uint8Array<ArrayBuffer> {
  return replaceRange(body, span.start, span.end, encode(JSON.stringify(model)))
}
