import type { Answer } from '#core/answer.ts'
import type { HeaderList } from '#kit/header-list.ts'
import { concat, encode } from '#kit/bytes.ts'
import { asText, parseJson } from '#kit/json-value.ts'
import { scanJsonHead, type JsonVisitor } from '#wire/json-scan.ts'

/** The text of a body, or of its beginning, its Content-Encoding undone; empty when it cannot be undone. */
export type TextOf = (body: Uint8Array, headers: HeaderList) => string

/** By what later requests may name an answer: its own id, or that of the response that its first events speak of. */
export function answerIdOf({ held, headers }: Answer, textOf: TextOf): string | undefined {
  const [only] = held
  const text = textOf(only !== undefined && held.length === 1 ? only : concat(held), headers)
  if (/^\s*\{/.test(text)) return idIn(text)
  let start = 0
  // Limit: lines of a stream, of which the first event tells the id.
  for (let left = 32; left > 0 && start < text.length; left -= 1) {
    const lineEnd = text.indexOf('\n', start)
    const end = lineEnd === -1 ? text.length : lineEnd
    const id = text.startsWith('data:', start) ? idIn(text.slice(start + 'data:'.length, end)) : undefined
    if (id !== undefined) return id
    start = end + 1
  }
  return undefined
}

function idIn(json: string): string | undefined {
  const bytes = encode(json)
  const top = new Ids()
  scanJsonHead(bytes, top)
  if (top.responseAt === undefined) return top.id
  const response = new Ids()
  scanJsonHead(bytes.subarray(top.responseAt), response)
  return response.id ?? top.id
}

class Ids implements JsonVisitor {
  id: string | undefined
  /** Where the object begins that is wrapped into an event. */
  responseAt: number | undefined
  #name = ''

  key(bytes: Buffer, start: number, end: number): boolean {
    // Limit: no name that is wanted is longer.
    this.#name = end - start > 8 ? '' : bytes.toString('latin1', start, end)
    return this.#name === 'id' || this.#name === 'response'
  }

  value(bytes: Buffer, start: number, end: number): void {
    if (this.#name === 'response') this.responseAt ??= start
    // Limit: bytes of an id.
    else if (end - start <= 512) this.id ??= asText(parseJson(bytes.toString('utf8', start, end)))
  }
}
