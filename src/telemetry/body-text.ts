import { seenBytesMax } from '#core/exchange.ts'
import { printableBlock } from '#kit/printable.ts'
import type { Masker } from './mask.ts'

/** A body as text for people: masked, cut, harmless in a terminal; of anything but text only its length. */
export function bodyText(body: Uint8Array | undefined, masker: Masker | undefined): string {
  if (body === undefined || body.byteLength === 0) return ''
  const text = decode(body.subarray(0, seenBytesMax))
  if (text === undefined) return `(${body.byteLength} bytes that are not text)`
  const masked = masker === undefined ? text : masker.mask(text)
  if (body.byteLength < seenBytesMax) return printableBlock(masked)
  // The cut may have gone through a key, and half a key is not recognised: the last piece is given up.
  const kept = masker === undefined ? masked : masked.slice(0, -tailLength)
  return `${printableBlock(kept)}\n(cut: at most the first ${seenBytesMax} bytes are shown)`
}

/** Longer than any key in use. */
const tailLength = 512

function decode(bytes: Uint8Array): string | undefined {
  try {
    // `stream` forgives a character that the cut split.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return text.includes('\0') ? undefined : text
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
