import type { Span } from '#core/call.ts'
import { asBuffer } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import { scanJson, type JsonVisitor } from './json-scan.ts'

/** Where the members of a JSON object stand, for those who ask for few of them. */
export class JsonMembers {
  readonly #body: Buffer
  readonly #spans: ReadonlyMap<string, Span>

  private constructor(body: Buffer, spans: ReadonlyMap<string, Span>) {
    this.#body = body
    this.#spans = spans
  }

  /** Undefined when the body is no JSON object, or when it can be read in two ways: a key comes twice, or is escaped. */
  static of(body: Uint8Array, names: ReadonlySet<string>): JsonMembers | undefined {
    const finder = new MemberFinder(names)
    if (scanJson(body, finder) !== undefined) return undefined
    const bytes = asBuffer(body)
    const spans = finder.finish(bytes)
    return spans === undefined ? undefined : new JsonMembers(bytes, spans)
  }

  /** The value's bytes. */
  spanOf(name: string): Span | undefined {
    return this.#spans.get(name)
  }

  /** The parsed value; undefined also for one that is no JSON after all. */
  valueOf(name: string): unknown {
    const span = this.#spans.get(name)
    return span === undefined ? undefined : parseJson(this.#body.toString('utf8', span.start, span.end))
  }
}

const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d

class MemberFinder implements JsonVisitor {
  readonly #names: ReadonlySet<string>
  readonly #spans = new Map<string, Span>()
  #next = ''
  /** A container whose end is not known: a scan tells its beginning only. */
  #open: { readonly name: string; readonly start: number } | undefined
  #isAmbiguous = false

  constructor(names: ReadonlySet<string>) {
    this.#names = names
  }

  key(bytes: Buffer, start: number, end: number): boolean {
    this.#close(bytes, start - 1)
    const name = bytes.toString('latin1', start, end)
    if (bytes.subarray(start, end).includes(backslash)) this.#isAmbiguous = true
    if (!this.#names.has(name)) return false
    if (this.#spans.has(name)) this.#isAmbiguous = true
    this.#next = name
    return true
  }

  value(bytes: Buffer, start: number, end: number): void {
    this.#spans.set(this.#next, { start, end })
    if (isOpening(bytes[start])) this.#open = { name: this.#next, start }
  }

  finish(bytes: Buffer): ReadonlyMap<string, Span> | undefined {
    const end = bytes.lastIndexOf(closeBrace)
    if (end === -1 || this.#isAmbiguous) return undefined
    this.#close(bytes, end)
    return this.#spans
  }

  /** Between a container and what follows it stand no other brackets. */
  #close(bytes: Buffer, before: number): void {
    if (this.#open === undefined) return
    const { name, start } = this.#open
    // In ASCII a closing brace or bracket stands two places after the opening one.
    const end = bytes.lastIndexOf((bytes[start] ?? 0) + 2, before - 1) + 1
    this.#spans.set(name, { start, end })
    this.#open = undefined
  }
}

function isOpening(byte: number | undefined): boolean {
  return byte === openBrace || byte === 0x5b
}
