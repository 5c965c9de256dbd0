import type { HeaderPair } from '#kit/header-list.ts'

/** What the writer needs of a socket. */
export interface Writable {
  /** Bytes taken, which may be fewer than given; negative when the socket is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number
}

/** How the body is framed: its bytes, `chunked` when nobody knows how many, undefined when there is none. */
export type Framing = number | 'chunked' | undefined

/**
 * The head of a request: headers as given, and besides them only `host` and the framing. Undefined when something in it
 * cannot stand in a head.
 */
export function requestHead(
  method: string,
  target: string,
  host: string,
  headers: readonly HeaderPair[],
  framing: Framing,
): string | undefined {
  if (!token.test(method) || !targetText.test(target) || !valueText.test(host)) return undefined
  let lines = ''
  let hasHost = false
  for (const [name, value] of headers) {
    const kind = kindOf(name)
    if (kind === 'bad' || !valueText.test(value)) return undefined
    if (kind === 'ours') continue
    if (kind === 'host') hasHost = true
    // One joining: each makes objects of its own.
    lines = `${lines}${name}: ${value}\r\n`
  }
  if (framing === 'chunked') lines += 'Transfer-Encoding: chunked\r\n'
  else if (framing !== undefined) lines += `Content-Length: ${framing}\r\n`
  return hasHost
    ? `${method} ${target} HTTP/1.1\r\n${lines}\r\n`
    : `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`
}

/** Methods whose requests have a body by their meaning, so that an empty one is announced too. */
export function framingOf(method: string, bytes: number | undefined): Framing {
  if (bytes !== undefined) return bytes
  return method === 'POST' || method === 'PUT' || method === 'PATCH' ? 0 : undefined
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const targetText = /^[\x21-\x7e]+$/
const valueText = /^[\t\x20-\x7e\x80-\xff]*$/

type NameKind = 'plain' | 'host' | 'ours' | 'bad'

/** Framing is the client's own; waiting for a "100 Continue" would be a pause that no caller asked for. */
const specialNames: ReadonlyMap<string, NameKind> = new Map<string, NameKind>([
  ['content-length', 'ours'],
  ['transfer-encoding', 'ours'],
  ['expect', 'ours'],
  ['host', 'host'],
])

/** Header names are few and come again with every request. */
const knownNames = new Map<string, NameKind>()
const knownNamesMax = 1024

function kindOf(name: string): NameKind {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const kind = token.test(name) ? (specialNames.get(name.toLowerCase()) ?? 'plain') : 'bad'
  if (knownNames.size < knownNamesMax) knownNames.set(name, kind)
  return kind
}

/** Pieces that together are no larger go out in one write. */
const scratchBytes = 65_536
/** Pieces up to this size are copied behind the head; larger ones go out uncopied. */
const smallBytesMax = 16_384

/** Emptied with each write, so that all connections share it. */
let scratch: Buffer | undefined

/** Puts bytes on one connection and keeps what the socket does not take at once. */
export class Writer {
  /** Bytes that the socket took since `begin`. */
  sent = 0
  readonly #socket: Writable
  #waiting: Uint8Array[] = []
  /** Bytes of the first waiting piece that went out already. */
  #offset = 0

  constructor(socket: Writable) {
    this.#socket = socket
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** A new request. */
  begin(): void {
    this.sent = 0
    this.#waiting = []
    this.#offset = 0
  }

  /** Head and body; true when the socket took all of it. */
  sendRequest(head: string, pieces: readonly Uint8Array[]): boolean {
    const buffer = (scratch ??= Buffer.allocUnsafeSlow(scratchBytes))
    let filled = buffer.write(head, 0, 'latin1')
    if (filled < head.length) {
      // Limit: a head larger than the scratch is rare, and goes out as it is.
      this.send(Buffer.from(head, 'latin1'))
      filled = 0
    }
    let at = 0
    for (; at < pieces.length; at += 1) {
      const piece = pieces[at]
      if (piece === undefined || filled + piece.byteLength > scratchBytes) break
      if (piece.byteLength > smallBytesMax && !(at === pieces.length - 1 && filled + piece.byteLength <= scratchBytes))
        break
      buffer.set(piece, filled)
      filled += piece.byteLength
    }
    if (filled > 0) this.#sendScratch(buffer, filled)
    for (; at < pieces.length; at += 1) {
      const piece = pieces[at]
      if (piece !== undefined && piece.byteLength > 0) this.send(piece)
    }
    return this.isEmpty
  }

  /** True when the socket took all of it; the bytes may not change until they went out. */
  send(bytes: Uint8Array): boolean {
    if (!this.isEmpty) {
      this.#waiting.push(bytes)
      return false
    }
    const taken = Math.max(0, this.#socket.write(bytes, 0, bytes.byteLength))
    this.sent += taken
    if (taken === bytes.byteLength) return true
    this.#waiting.push(bytes)
    this.#offset = taken
    return false
  }

  /** The socket takes more. True when nothing waits any longer. */
  resume(): boolean {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const left = first.byteLength - this.#offset
      const taken = Math.max(0, this.#socket.write(first, this.#offset, left))
      this.sent += taken
      if (taken < left) {
        this.#offset += taken
        return false
      }
      this.#waiting.shift()
      this.#offset = 0
    }
    return true
  }

  #sendScratch(buffer: Buffer, length: number): void {
    if (!this.isEmpty) {
      this.#waiting.push(Uint8Array.from(buffer.subarray(0, length)))
      return
    }
    const taken = Math.max(0, this.#socket.write(buffer, 0, length))
    this.sent += taken
    if (taken < length) this.#waiting.push(Uint8Array.from(buffer.subarray(taken, length)))
  }
}
