import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { withoutModelsPrefix } from './model-path.ts'

/** Verbs whose bodies may name the model once more; Google refuses a name that is not the path's. */
const namingVerb = /:(?:embedContent|batchEmbedContents|countTokens)$/

// Limit: beyond this many pieces their views cost more than a copy.
const piecesMax = 256

const key = encode('"model"')

/**
 * The body of a Gemini call with another model, where it repeats the name that stands in the path: as its own `model`,
 * in each of its `requests`, or in the request whose tokens are to be counted. Every other byte stays as it is: the
 * pieces between the names are views of the body, and the bodies of all other verbs are one piece.
 */
export function spliceGeminiBody(
  body: Uint8Array<ArrayBuffer>,
  path: string,
  from: string,
  to: string,
): readonly Uint8Array<ArrayBuffer>[] {
  if (!namingVerb.test(path)) return [body]
  const bytes = asBuffer(body)
  const name = encode(JSON.stringify(`models/${withoutModelsPrefix(to)}`))
  const pieces: Uint8Array<ArrayBuffer>[] = []
  let behind = 0
  // Quotes are escaped inside a JSON string, so these bytes with a colon behind them are always a key.
  for (let at = bytes.indexOf(key); at !== -1; at = bytes.indexOf(key, at + key.length)) {
    const start = valueAfter(bytes, at + key.length)
    const end = start === undefined ? -1 : bytes.indexOf('"', start + 1) + 1
    if (start === undefined || end <= 0 || !names(bytes.toString('utf8', start, end), from)) continue
    pieces.push(body.subarray(behind, start), name)
    behind = end
  }
  if (behind === 0) return [body]
  if (behind < body.length) pieces.push(body.subarray(behind))
  return pieces.length > piecesMax ? [concat(pieces)] : pieces
}

/** Where the quoted value of a key begins; undefined when the bytes were no key, or its value is no string. */
function valueAfter(bytes: Buffer, keyEnd: number): number | undefined {
  const colon = skipSpace(bytes, keyEnd)
  if (bytes[colon] !== 0x3a) return undefined
  const start = skipSpace(bytes, colon + 1)
  return bytes[start] === 0x22 ? start : undefined
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

/** Limit: a name with a quote in it is cut short here and so left alone; Google has none. */
function names(quoted: string, model: string): boolean {
  try {
    return withoutModelsPrefix(String(JSON.parse(quoted))) === model
  } catch {
    return false
  }
}
