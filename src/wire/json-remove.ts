import type { Span } from '#core/call.ts'
import { asBuffer, concat } from '#kit/bytes.ts'
import { scanJson, type JsonVisitor } from './json-scan.ts'

/**
 * A JSON text without some of its members; every other byte stays. A path names keys and indices from the outside in,
 * `*` any of them; indices are those of the text as it came. The same array where there is nothing to take out, and
 * where the text is no strict JSON. What holds `kept` stays, whatever the paths say.
 */
export function withoutMembers(
  body: Uint8Array<ArrayBuffer>,
  paths: readonly (readonly string[])[],
  kept?: Span,
): Uint8Array<ArrayBuffer> {
  const textAt = beginsWithMark(body) ? 3 : 0
  if (scanJson(body.subarray(textAt), nobody) !== undefined) return body
  const cuts = new Remover(asBuffer(body), paths, kept).run(textAt)
  if (cuts.length === 0) return body
  const pieces: Uint8Array[] = []
  let at = 0
  for (const { start, end } of cuts) {
    pieces.push(body.subarray(at, start))
    at = end
  }
  return concat([...pieces, body.subarray(at)])
}

/** A byte order mark, which many servers overlook. */
function beginsWithMark(body: Uint8Array): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
}

const nobody: JsonVisitor = { key: () => false, value() {} }

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Where paths that have begun alike go on: by name, so that many of them cost a member no more than one. */
class Fork {
  readonly #byName = new Map<string, Fork>()
  #byStar: Fork | undefined
  /** A path ends here. */
  isEnd = false

  static of(paths: readonly (readonly string[])[]): Fork {
    const root = new Fork()
    for (const path of paths) {
      let fork = root
      for (const name of path) fork = fork.#branch(name)
      fork.isEnd = true
    }
    return root
  }

  get isLast(): boolean {
    return this.#byStar === undefined && this.#byName.size === 0
  }

  /** Adds those that this name leads to. */
  follow(name: string, onward: Fork[]): void {
    const named = this.#byName.get(name)
    if (named !== undefined) onward.push(named)
    if (this.#byStar !== undefined) onward.push(this.#byStar)
  }

  #branch(name: string): Fork {
    if (name === '*') return (this.#byStar ??= new Fork())
    const found = this.#byName.get(name) ?? new Fork()
    this.#byName.set(name, found)
    return found
  }
}

/** Walks a text that was found to be JSON, so it need not look out for faults; nor for depth, which has a limit. */
class Remover {
  readonly #bytes: Buffer
  readonly #root: Fork
  readonly #kept: Span | undefined
  /** In the order of the text, none within another. */
  readonly #cuts: Span[] = []

  constructor(bytes: Buffer, paths: readonly (readonly string[])[], kept: Span | undefined) {
    this.#bytes = bytes
    this.#root = Fork.of(paths)
    this.#kept = kept
  }

  run(start: number): readonly Span[] {
    this.#walk(this.#skipSpace(start), [this.#root])
    return this.#cuts
  }

  /** From the first byte of a value to behind its last. */
  #walk(start: number, forks: readonly Fork[]): number {
    const first = this.#bytes[start]
    const isObject = first === openBrace
    if (forks.every(({ isLast }) => isLast) || (!isObject && first !== openBracket)) return this.#skipValue(start)
    let at = this.#skipSpace(start + 1)
    /** Beginning of the members in a row that go away; -1 where the last one stayed. */
    let cutStart = -1
    /** Behind the last member that stayed; -1 while none did. */
    let keptEnd = -1
    let end = at
    for (let index = 0; this.#bytes[at] !== closeBrace && this.#bytes[at] !== closeBracket; index += 1) {
      const memberStart = at
      const name = isObject ? this.#nameAt(at) : String(index)
      if (isObject) at = this.#skipSpace(this.#skipSpace(this.#skipString(at)) + 1)
      const onward: Fork[] = []
      for (const fork of forks) fork.follow(name, onward)
      const isCut = onward.some(({ isEnd }) => isEnd) && !this.#holdsKept(memberStart, this.#skipValue(at))
      if (isCut) {
        end = this.#skipValue(at)
        if (cutStart === -1) cutStart = memberStart
      } else {
        if (cutStart !== -1) this.#cuts.push({ start: cutStart, end: memberStart })
        cutStart = -1
        end = this.#walk(at, onward)
        keptEnd = end
      }
      at = this.#skipSpace(end)
      if (this.#bytes[at] === comma) at = this.#skipSpace(at + 1)
    }
    // The comma in front of the first that goes is the one too many.
    if (cutStart !== -1) this.#cuts.push({ start: keptEnd === -1 ? cutStart : keptEnd, end })
    return at + 1
  }

  #holdsKept(start: number, end: number): boolean {
    return this.#kept !== undefined && start <= this.#kept.start && this.#kept.end <= end
  }

  /** A key as it is meant, whatever is escaped in it. */
  #nameAt(start: number): string {
    const end = this.#skipString(start)
    const text = this.#bytes.toString('utf8', start + 1, end - 1)
    if (!text.includes('\\')) return text
    try {
      return String(JSON.parse(this.#bytes.toString('utf8', start, end)))
    } catch {
      // What follows a backslash is checked nowhere; such a key has no name.
      return text
    }
  }

  #skipValue(start: number): number {
    const bytes = this.#bytes
    let depth = 0
    let at = start
    do {
      const byte = bytes[at]
      if (byte === quote) {
        at = this.#skipString(at)
        continue
      }
      if (byte === openBrace || byte === openBracket) depth += 1
      else if (byte === closeBrace || byte === closeBracket) depth -= 1
      else if (depth === 0) return this.#skipScalar(at)
      at += 1
    } while (depth > 0)
    return at
  }

  #skipScalar(start: number): number {
    let at = start
    for (;;) {
      const byte = this.#bytes[at]
      if (byte === undefined || byte <= 0x20 || byte === comma || byte === closeBrace || byte === closeBracket)
        return at
      at += 1
    }
  }

  /** From an opening quote to behind the closing one. */
  #skipString(start: number): number {
    let end = this.#bytes.indexOf(quote, start + 1)
    for (; end !== -1; end = this.#bytes.indexOf(quote, end + 1)) {
      let slashes = end
      while (this.#bytes[slashes - 1] === backslash) slashes -= 1
      if (((end - slashes) & 1) === 0) return end + 1
    }
    return this.#bytes.length
  }

  #skipSpace(start: number): number {
    let at = start
    while ((this.#bytes[at] ?? 0xff) <= 0x20) at += 1
    return at
  }
}
