import type { Span } from '#core/call.ts'
import { encode } from '#kit/bytes.ts'
import { replaceSpan } from './replace-span.ts'

/** The body with another model, in pieces: only the bytes of `span`, a JSON string with its quotes, are replaced. */
export function spliceModel(
  body: Uint8Array<ArrayBuffer>,
  span: Span,
  model: string,
): readonly Uint8Array<ArrayBuffer>[] {
  return replaceSpan(body, span, encode(JSON.stringify(model)))
}
