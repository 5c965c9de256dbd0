import { concat } from '#kit/bytes.ts'
import type { IncomingBody } from './transport.ts'

/** All of a body as text; undefined where it broke off, or is longer than `bytesMax`: then nothing more of it is read. */
export async function bodyText(body: IncomingBody, bytesMax: number): Promise<string | undefined> {
  if (body.whole !== undefined) return textOf([body.whole], bytesMax)
  const pieces: Uint8Array[] = []
  let length = 0
  for (;;) {
    const step = await body.read()
    if (step === 'end') return textOf(pieces, bytesMax)
    if (!(step instanceof Uint8Array)) return undefined
    pieces.push(step)
    length += step.byteLength
    if (length > bytesMax) {
      body.cancel()
      return undefined
    }
  }
}

function textOf(pieces: readonly Uint8Array[], bytesMax: number): string | undefined {
  const bytes = concat(pieces)
  return bytes.byteLength > bytesMax ? undefined : new TextDecoder().decode(bytes)
}
