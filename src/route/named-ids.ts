import { asBuffer } from '#kit/bytes.ts'
import { asText, parseJson } from '#kit/json-value.ts'

/**
 * The texts that members of these names hold in a JSON body, wherever they stand: as a text, in a list, or as the `id` of an
 * object. Names and texts count as what they mean, however they are escaped, and a name that comes twice counts twice:
 * nobody knows which of them a backend goes by.
 */
export function* textsOf(body: Uint8Array, names: ReadonlySet<string>): Generator<string> {
  const bytes = asBuffer(body)
  if (!mayName(bytes, names)) return
  /** Of each object and list that is open, whether a wanted member holds it. */
  const open: Within[] = []
  let within: Within = 'elsewhere'
  let isWanted = false
  let isId = false
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    switch (byte) {
      case quote: {
        const end = endOfText(bytes, at + 1)
        if (end === -1) return
        const isKey = (within === 'object' || within === 'wanted object') && isColon(bytes, end + 1)
        if (isKey) {
          const name = textAt(bytes, at, end, nameBytesMax)
          isWanted = name !== undefined && names.has(name)
          isId = name === 'id' && within === 'wanted object'
        } else if (isWanted || isId || within === 'wanted list') {
          const text = textAt(bytes, at, end, textBytesMax)
          if (text !== undefined) yield text
        }
        at = end
        break
      }
      case curly:
      case square: {
        const isHeld: boolean = isWanted || within === 'wanted list'
        open.push(within)
        if (byte === curly) within = isHeld ? 'wanted object' : 'object'
        else within = isHeld ? 'wanted list' : 'elsewhere'
        isWanted = isId = false
        break
      }
      case curlyEnd:
      case squareEnd:
        within = open.pop() ?? 'elsewhere'
        isWanted = isId = false
        break
      case comma:
        isWanted = isId = false
        break
      default:
    }
  }
}

type Within = 'elsewhere' | 'object' | 'wanted object' | 'wanted list'

/** Bodies of which a search tells that nothing is in them cost no more. Escaped letters could be any name. */
function mayName(bytes: Buffer, names: ReadonlySet<string>): boolean {
  for (const name of names) if (bytes.includes(`"${name}"`)) return true
  return bytes.includes('\\u00')
}

/** Where its closing quote is; -1: nowhere. */
function endOfText(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(quote, start)
  while (end !== -1) {
    let slashes = 0
    while (end - slashes > start && bytes[end - slashes - 1] === backslash) slashes += 1
    if (slashes % 2 === 0) return end
    end = bytes.indexOf(quote, end + 1)
  }
  return -1
}

function isColon(bytes: Buffer, start: number): boolean {
  let at = start
  while (at < bytes.length && blanks.has(bytes[at] ?? 0)) at += 1
  return bytes[at] === colon
}

function textAt(bytes: Buffer, start: number, end: number, bytesMax: number): string | undefined {
  return end - start > bytesMax ? undefined : asText(parseJson(bytes.toString('utf8', start, end + 1)))
}

/** Limits: bytes of a name and of an id, each letter of which may be escaped. */
const nameBytesMax = 256
const textBytesMax = 4096

const [quote, backslash, colon, comma, curly, curlyEnd, square, squareEnd] = [
  0x22, 0x5c, 0x3a, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d,
] as const

const blanks: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
