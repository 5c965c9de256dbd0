import type { Random } from '#ports/random.ts'
import type { Ending, Outcome, Question } from './response-outcome.ts'

/** A valid response made by chance, and what must come out of it when the connection closes behind it. */
export interface RandomResponse {
  /** As latin-1. */
  readonly text: string
  readonly question: Question
  readonly outcome: Outcome
  /** The bytes that are not body, roughly: where cuts and changes matter. */
  readonly edges: readonly number[]
}

export interface RandomResponseOptions {
  /** Valid forms too that other readers refuse or take otherwise. */
  readonly isExotic: boolean
}

/** The next response that this chance brings forth. */
export function randomResponse(random: Random, { isExotic }: RandomResponseOptions): RandomResponse {
  const maker = new Maker(random, isExotic)
  return maker.make()
}

/** The bytes in pieces of random sizes; often it is every byte for itself, or one piece. */
export function randomPieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const sizeMax = pickOf(random, [1, 3, 10, 40, 200, 1000, bytes.length])
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const size = 1 + below(random, sizeMax)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** A whole number from 0 up to, but not including, `count`. */
export function below(random: Random, count: number): number {
  return Math.floor(random.unit() * count)
}

export function pickOf<Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[below(random, values.length)] ?? values[0]
}

type Framing = 'none' | 'length' | 'chunks' | 'end'

class Maker {
  readonly #random: Random
  readonly #isExotic: boolean
  #text = ''
  readonly #edges: number[] = []

  constructor(random: Random, isExotic: boolean) {
    this.#random = random
    this.#isExotic = isExotic
  }

  make(): RandomResponse {
    const method = this.#pick(['GET', 'GET', 'POST', 'POST', 'HEAD'])
    const status = this.#pick([200, 200, 200, 201, 202, 204, 206, 304, 400, 404, 429, 500, 503, 529, 599])
    const isCurrent = this.#chance(0.9)
    const hasNone = method === 'HEAD' || status === 204 || status === 304
    const framing: Framing = hasNone ? 'none' : this.#pick(isCurrent ? ['length', 'chunks', 'end'] : ['length', 'end'])
    for (let left = this.#chance(0.1) ? 1 + this.#below(3) : 0; left > 0; left -= 1) this.#addInterim()
    const body = framing === 'none' ? '' : this.#content()
    const connection = this.#connection(isCurrent)
    const headers = this.#headers(framing, status, isCurrent, body, connection.pair)
    this.#addHead(isCurrent ? '1' : '0', status, headers)
    if (framing === 'chunks') this.#addChunks(body)
    else this.#text += body
    this.#edge()
    const ending: Ending = connection.isPersistent && framing !== 'end' ? 'reusable' : 'spent'
    const length = framing === 'none' ? 0 : framing === 'length' ? body.length : undefined
    return {
      text: this.#text,
      question: { method },
      outcome: { status, headers: headers.map(([name, value]) => [name.toLowerCase(), value]), length, body, ending },
      edges: this.#edges,
    }
  }

  #addInterim(): void {
    const headers: [string, string][] = []
    while (this.#chance(0.4)) headers.push(this.#header())
    this.#addHead('1', this.#pick([100, 102, 103]), headers)
  }

  #connection(isCurrent: boolean): {
    readonly pair: readonly [string, string] | undefined
    readonly isPersistent: boolean
  } {
    const name = this.#case('connection')
    const option = this.#below(4)
    if (option === 0) return { pair: [name, this.#case('close')], isPersistent: false }
    if (option === 1) return { pair: [name, this.#case('keep-alive')], isPersistent: true }
    if (option === 2 && this.#isExotic) return { pair: [name, `x-a ,\t${this.#case('close')}`], isPersistent: false }
    return { pair: undefined, isPersistent: isCurrent }
  }

  #headers(
    framing: Framing,
    status: number,
    isCurrent: boolean,
    body: string,
    connection: readonly [string, string] | undefined,
  ): (readonly [string, string])[] {
    const headers: (readonly [string, string])[] = []
    while (this.#chance(0.8) && headers.length < 40) headers.push(this.#header())
    const add = (pair: readonly [string, string]): void => void headers.splice(this.#below(headers.length + 1), 0, pair)
    if (connection !== undefined) add(connection)
    const zeros = this.#isExotic && this.#chance(0.1) ? '0'.repeat(this.#below(20)) : ''
    if (framing === 'length') add([this.#case('content-length'), `${zeros}${body.length}`])
    if (framing === 'chunks') add([this.#case('transfer-encoding'), this.#case('chunked')])
    if (framing === 'none' && status !== 204) {
      // What the body would have had, were there one.
      if (this.#chance(0.4)) add([this.#case('content-length'), String(this.#below(1000))])
      else if (isCurrent && this.#chance(0.2)) add([this.#case('transfer-encoding'), 'chunked'])
    }
    return headers
  }

  #addHead(minor: string, status: number, headers: readonly (readonly [string, string])[]): void {
    const reason = this.#pick(['OK', 'Not at all', '', 'a\tb', ...(this.#isExotic ? ['d\xe9j\xe0 vu'] : [])])
    this.#edge()
    this.#text += `HTTP/1.${minor} ${status}`
    this.#text += reason === '' && this.#chance(0.5) ? '\r\n' : ` ${reason}\r\n`
    for (const [name, value] of headers) {
      this.#edge()
      this.#text += `${name}:${this.#blank()}`
      this.#edge()
      this.#text += `${value}${this.#blankBehind(name, value)}\r\n`
    }
    this.#edge()
    this.#text += '\r\n'
    this.#edge()
  }

  #header(): [string, string] {
    const known = this.#pick([
      'Content-Type',
      'Date',
      'Server',
      'Set-Cookie',
      'Vary',
      'ETag',
      'X-Request-Id',
      'Retry-After',
    ])
    return [
      this.#chance(0.5) ? this.#case(known) : `X-${this.#letters(nameLetters, 1 + this.#below(20))}`,
      this.#value(),
    ]
  }

  #value(): string {
    return this.#letters(valueLetters, this.#below(this.#chance(0.05) ? 2000 : 40)).replaceAll(/^[\t ]+|[\t ]+$/g, '')
  }

  #content(): string {
    return this.#letters(contentLetters, this.#below(this.#pick([1, 3, 30, 300, 3000])))
  }

  #addChunks(body: string): void {
    let at = 0
    while (at < body.length) {
      const size = Math.min(1 + this.#below(this.#pick([1, 20, 400])), body.length - at)
      this.#addSizeLine(size)
      this.#text += body.slice(at, at + size)
      this.#edge()
      this.#text += '\r\n'
      at += size
    }
    this.#addSizeLine(0)
    for (let left = this.#chance(0.2) ? 1 + this.#below(3) : 0; left > 0; left -= 1) {
      this.#edge()
      this.#text += `X-${this.#letters(nameLetters, 1 + this.#below(9))}:${this.#blank()}${this.#value()}\r\n`
    }
    this.#edge()
    this.#text += '\r\n'
  }

  #addSizeLine(size: number): void {
    const digits = this.#case(size.toString(16))
    const zeros = this.#chance(0.1) ? '0'.repeat(this.#below(14 - digits.length)) : ''
    this.#edge()
    this.#text += `${zeros}${digits}`
    if (this.#chance(0.15)) this.#text += this.#extension()
    this.#edge()
    this.#text += '\r\n'
  }

  #extension(): string {
    const plain = this.#pick([';a', ';a=b', ';name=value;other', ';a="b"', ';sig="0 1 2"'])
    return this.#isExotic ? this.#pick([plain, ' ;a', '; a = b', ';a="\\";b\xe9"', '\t;\ta\t=\t""']) : plain
  }

  #blank(): string {
    return this.#pick([' ', ' ', ' ', '', '  ', '\t', ' \t '])
  }

  /** With a tab behind them Node takes a coding for another one, and refuses a length. */
  #blankBehind(name: string, value: string): string {
    if (value === '') return ''
    return this.#isExotic || !framing.test(name) ? this.#blank() : this.#pick(['', ' ', '  '])
  }

  #case(text: string): string {
    const kind = this.#below(4)
    if (kind === 0) return text.toUpperCase()
    if (kind === 1) return text.toLowerCase()
    if (kind === 2) return text
    return Array.from(text, (letter) => (this.#chance(0.5) ? letter.toUpperCase() : letter.toLowerCase())).join('')
  }

  #letters(alphabet: string, count: number): string {
    let text = ''
    for (let left = count; left > 0; left -= 1) text += alphabet[this.#below(alphabet.length)] ?? ''
    return text
  }

  /** Here one part of the text ends and another begins. */
  #edge(): void {
    this.#edges.push(this.#text.length)
  }

  #chance(share: number): boolean {
    return this.#random.unit() < share
  }

  #below(count: number): number {
    return below(this.#random, count)
  }

  #pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return pickOf(this.#random, values)
  }
}

const small = 'abcdefghijklmnopqrstuvwxyz'
const nameLetters = `${small}${small.toUpperCase()}0123456789-_!#$%&'*+.^\`|~`
const valueLetters = `${small}${small.toUpperCase()}0123456789 \t:;,="()<>{}[]/?@\\-_!#$%&'*+.^\`|~\x80\xa0\xe9\xff`
const contentLetters = `${small}0123456789\r\n\r\n\r\n\0: ;\x80\xff`
const framing = /^(?:transfer-encoding|content-length|connection)$/i
