import { asBuffer } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import { Block, blockEnd } from './block.ts'
import { ChunkedBody, type ChunkedLimits } from './chunked.ts'
import { mayBeginHead, parseHead, type ParsedHead } from './head.ts'

/** Told in the moment the bytes are read. Nobody may push from within. */
export interface ReaderEvents {
  /** The final head; those before it (1xx) are passed over. Called once per response. */
  onHead(head: ResponseHead): void
  /** A piece of the body, never empty; a view into the pushed bytes, no copy. */
  onPiece(bytes: Uint8Array): void
  /** The body is complete. `mayReuse`: the connection can carry another request. */
  onEnd(mayReuse: boolean): void
}

export interface ResponseHead {
  /** 200 to 599, or 101 where an upgrade was asked for. */
  readonly status: number
  /** Names in lower case, values as latin-1 without the white space around them; order and duplicates kept. */
  readonly headers: HeaderList
  /** Bytes that follow the head, where their number is told. */
  readonly length: number | undefined
}

export interface ReaderLimits extends ChunkedLimits {
  /** Of one head, its empty line included. */
  readonly headBytesMax: number
  /** Header lines of one head, and trailers of one body. */
  readonly headersMax: number
  /** Heads before the final one. */
  readonly interimMax: number
}

/** Limit: far above what any provider sends, and little enough to be kept for every connection. */
export const defaultLimits: ReaderLimits = {
  headBytesMax: 65_536,
  headersMax: 256,
  interimMax: 32,
  extensionBytesMax: 1024,
  trailerBytesMax: 16_384,
}

/** Why a response cannot be read on. */
export interface ReadFault {
  readonly kind: 'malformed' | 'cut'
  readonly where: 'head' | 'body'
  /** For logs; holds no byte of the response. */
  readonly message: string
}

/**
 * Reads the responses of one HTTP/1.1 connection, in whatever pieces their bytes come. Strict: a response whose end
 * would be a guess is a fault. One that is complete by its own framing is complete, but when other bytes follow in the
 * same push, `onEnd` says that the connection is not fit for more; when they come later, they are a fault then.
 */
export class ResponseReader {
  readonly #events: ReaderEvents
  readonly #limits: ReaderLimits
  readonly #block = new Block()
  #chunks: ChunkedBody | undefined
  #reads: Reading = 'nothing'
  #method = ''
  #asksUpgrade = false
  #isPersistent = false
  #interims = 0
  /** Of a body whose length is known: bytes still to come. */
  #left = 0
  #received = 0
  #fault: ReadFault | undefined

  constructor(events: ReaderEvents, limits: ReaderLimits = defaultLimits) {
    this.#events = events
    this.#limits = limits
  }

  /** Bytes of this response seen so far, all heads included. */
  get received(): number {
    return this.#received
  }

  /**
   * The next response answers this request. `asksUpgrade`: 101 is an answer, after which bytes are no longer HTTP; as
   * they are not after a 2xx to CONNECT.
   */
  begin(method: string, asksUpgrade = false): void {
    if (this.#reads !== 'nothing') throw new Error('Cannot begin a response: the connection is not between two of them')
    this.#reads = 'head'
    this.#method = method
    this.#asksUpgrade = asksUpgrade
    this.#interims = 0
    this.#received = 0
  }

  /** Takes what the connection brought. Undefined, or what is wrong with it; after that the reader is dead. */
  push(bytes: Uint8Array): ReadFault | undefined {
    if (bytes.length === 0 || this.#fault !== undefined) return this.#fault
    if (this.#reads === 'nothing' || this.#reads === 'closed') return this.#fail('head', unasked)
    this.#received += bytes.length
    let at = 0
    do at = this.#read(bytes, at)
    while (at < bytes.length)
    return this.#fault
  }

  /** The other side closed. Undefined where that is the end of the body, or where nothing was awaited. */
  end(): ReadFault | undefined {
    if (this.#fault !== undefined) return this.#fault
    switch (this.#reads) {
      case 'head':
        return this.#fail('head', 'the connection ended before the answer had a whole head', 'cut')
      case 'length':
      case 'chunks':
        return this.#fail('body', 'the connection ended before the answer was complete', 'cut')
      case 'rest':
        this.#reads = 'closed'
        this.#events.onEnd(false)
        return undefined
      case 'nothing':
      case 'closed':
        this.#reads = 'closed'
        return undefined
    }
  }

  // Each of these returns where it stopped reading, which is at the end where nothing more may be read.

  #read(bytes: Uint8Array, start: number): number {
    switch (this.#reads) {
      case 'head':
        return this.#readHead(bytes, start)
      case 'length':
        return this.#readLength(bytes, start)
      case 'chunks':
        return this.#readChunks(bytes, start)
      case 'rest':
        this.#events.onPiece(start === 0 ? bytes : bytes.subarray(start))
        return bytes.length
      case 'nothing':
      case 'closed':
        return bytes.length
    }
  }

  #readHead(bytes: Uint8Array, start: number): number {
    const { headBytesMax, headersMax } = this.#limits
    const block = this.#block
    const buffer = asBuffer(bytes)
    const end = block.isEmpty ? buffer.indexOf(blockEnd, start) : -1
    let at = end + blockEnd.length
    let text: string | undefined
    if (end === -1) {
      at = block.take(bytes, start, headBytesMax)
      text = block.text
      if (text === undefined) {
        const wrong = mayBeginHead(block.bytes, block.length) ? block.fault : 'it does not begin as HTTP/1.1 does'
        if (wrong !== undefined) this.#failHead(wrong)
        return bytes.length
      }
      block.clear()
    } else if (at - start > headBytesMax) {
      this.#failHead(`it is larger than ${headBytesMax} bytes`)
      return bytes.length
    } else text = buffer.toString('latin1', start, end + 2)
    const head = parseHead(text, headersMax)
    if (typeof head === 'string') this.#failHead(head)
    else if (head.status < 200) this.#weighInterim(head)
    else this.#open(head, bytes.length - at)
    return this.#fault === undefined ? at : bytes.length
  }

  #weighInterim(head: ParsedHead): void {
    if (head.isChunked || (head.length ?? 0) > 0) return this.#failHead('it is an interim one and speaks of a body')
    if (head.status === 101) {
      if (!this.#asksUpgrade) return this.#failHead('it changes the protocol, which was not asked for')
      this.#reads = 'rest'
      return this.#events.onHead({ status: 101, headers: new HeaderList(head.pairs), length: undefined })
    }
    this.#interims += 1
    if (this.#interims > this.#limits.interimMax) this.#failHead('there are too many interim ones before it')
  }

  /** What follows a final head, by RFC 9112 §6.3. `further`: bytes that came behind it. */
  #open({ status, pairs, length, isChunked, isPersistent }: ParsedHead, further: number): void {
    const headers = new HeaderList(pairs)
    this.#isPersistent = isPersistent
    if (this.#method === 'CONNECT' && status < 300) {
      this.#reads = 'rest'
      return this.#events.onHead({ status, headers, length: undefined })
    }
    if (this.#method === 'HEAD' || status === 304) return this.#openNone(status, headers, further)
    if (status === 204) {
      // A body that may not be there could still be on its way.
      if (isChunked || (length ?? 0) > 0) this.#isPersistent = false
      return this.#openNone(status, headers, further)
    }
    if (isChunked) {
      this.#reads = 'chunks'
      if (this.#chunks === undefined) this.#chunks = new ChunkedBody(this.#limits)
      else this.#chunks.begin()
      return this.#events.onHead({ status, headers, length: undefined })
    }
    if (length === undefined) {
      this.#reads = 'rest'
      return this.#events.onHead({ status, headers, length })
    }
    if (length === 0) return this.#openNone(status, headers, further)
    this.#reads = 'length'
    this.#left = length
    this.#events.onHead({ status, headers, length })
  }

  #openNone(status: number, headers: HeaderList, further: number): void {
    this.#events.onHead({ status, headers, length: 0 })
    this.#finish(further)
  }

  #readLength(bytes: Uint8Array, start: number): number {
    const end = Math.min(start + this.#left, bytes.length)
    this.#left -= end - start
    this.#events.onPiece(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
    if (this.#left === 0) this.#finish(bytes.length - end)
    return bytes.length
  }

  #readChunks(bytes: Uint8Array, start: number): number {
    const chunks = this.#chunks
    if (chunks === undefined) return bytes.length
    const end = chunks.read(bytes, start, this.#events)
    if (chunks.fault !== undefined) this.#fail('body', `the answer breaks the rules of HTTP: ${chunks.fault}`)
    else if (chunks.isDone) this.#finish(bytes.length - end)
    return bytes.length
  }

  /** `further`: bytes that came behind the response. */
  #finish(further: number): void {
    const mayReuse = this.#isPersistent && further === 0
    this.#received -= further
    this.#reads = mayReuse ? 'nothing' : 'closed'
    this.#events.onEnd(mayReuse)
  }

  #failHead(wrong: string): void {
    this.#fail('head', `the head of the answer breaks the rules of HTTP: ${wrong}`)
  }

  #fail(where: ReadFault['where'], message: string, kind: ReadFault['kind'] = 'malformed'): ReadFault {
    this.#fault = { kind, where, message }
    this.#block.clear()
    return this.#fault
  }
}

/** What the next byte belongs to: `rest` is all there is until the connection ends, `nothing` is between two answers. */
type Reading = 'nothing' | 'head' | 'length' | 'chunks' | 'rest' | 'closed'

const unasked = 'the upstream sent bytes that answer no request'
