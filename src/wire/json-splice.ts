import type { Span } from '#core/call.ts'
import { encode } from '#kit/bytes.ts'
import { replaceSpan } from './replace-span.ts'

/** The body with another model, in pieces: only the bytes of `span`, a JSON string with its quotes, are replaced. */
export function spliceModel(
  body: Uint8Array<ArrayBuffer>,
  span: Span,
  model: string,
): readonly Uint8Array<ArrayBuffer>[] {
  return replaceSpan(body, span, literalOf(model))
}

/** Models' names as JSON strings: they come from the configuration, and again with every request. */
const literals = new Map<string, Uint8Array<ArrayBuffer>>()
const literalsMax = 1024

function literalOf(model: string): Uint8Array<ArrayBuffer> {
  let literal = literals.get(model)
  if (literal === undefined) {
    literal = encode(JSON.stringify(model))
    if (literals.size < literalsMax) literals.set(model, literal)
  }
  return literal
}
