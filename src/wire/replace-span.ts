import type { Span } from '#core/call.ts'

/**
 * A body with other bytes in one place, as pieces to be sent one behind the other. Those in front and behind are views:
 * a copy of 256 KB costs more than everything else that is done to it.
 */
export function replaceSpan(
  body: Uint8Array<ArrayBuffer>,
  { start, end }: Span,
  replacement: Uint8Array<ArrayBuffer>,
): readonly Uint8Array<ArrayBuffer>[] {
  return [body.subarray(0, start), replacement, body.subarray(end)]
}
