import { asBuffer } from '#kit/bytes.ts'
import { scanJson, type JsonVisitor } from './json-scan.ts'

/**
 * Whether a body asks for a stream, where it is a JSON object that says so by `stream`; undefined for every other body.
 * A look at bytes that are passed on as they are, so nothing is refused.
 */
export function streamWish(body: Uint8Array): boolean | undefined {
  // Most bodies that nobody reads are no such JSON, and that is cheap to see.
  if (!asBuffer(body).includes('"stream"')) return undefined
  const finder = new WishFinder()
  return scanJson(body, finder) === undefined ? finder.wish : undefined
}

class WishFinder implements JsonVisitor {
  wish: boolean | undefined

  key(bytes: Buffer, start: number, end: number): boolean {
    return end - start === 6 && bytes.toString('latin1', start, end) === 'stream'
  }

  value(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString('latin1', start, end)
    if (text === 'true' || text === 'false') this.wish = text === 'true'
  }
}
