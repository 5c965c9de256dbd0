import type { Span } from '#core/call.ts'
import { asBuffer } from '#kit/bytes.ts'
import { asText, parseJson } from '#kit/json-value.ts'
import { scanJson, type JsonVisitor } from './json-scan.ts'

/** Where the members of a JSON object stand, for those who ask for few of them. */
export class JsonMembers {
  readonly #body: Buffer
  readonly #spans: ReadonlyMap<string, Span>

  private constructor(body: Buffer, spans: ReadonlyMap<string, Span>) {
    this.#body = body
    this.#spans = spans
  }

  /**
   * Undefined when the body is no JSON object, or when it can be read in two ways: one of these keys comes twice, is
   * escaped, or stands there in other letters, which some servers do not tell apart.
   */
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
    if (!this.#names.has(name)) {
      if (mayBeAnother.test(name) && this.#meansOne(bytes.toString('utf8', start - 1, end + 1)))
        this.#isAmbiguous = true
      return false
    }
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

  /** `key`: with its quotes. What follows a backslash may be wrong, and then nobody knows what is meant. */
  #meansOne(key: string): boolean {
    const name = asText(parseJson(key))
    if (name === undefined) return true
    const letters = folded(name)
    return this.#names.values().some((other) => folded(other) === letters)
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

/** Something in it is escaped, or a letter that has another case. */
const mayBeAnother = /[\\A-Z\u0080-\u00ff]/

/** A long s is an s, too, to servers that take capitals for small letters. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll('\u017f', 's')
}

function isOpening(byte: number | undefined): boolean {
  return byte === openBrace || byte === 0x5b
}
