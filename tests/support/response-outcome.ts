import { defaultLimits, ResponseReader, type ReaderLimits, type ReadFault, type ResponseHead } from '#http1/reader.ts'

/** What a response is read for. */
export interface Question {
  readonly method?: string | undefined
  readonly asksUpgrade?: boolean | undefined
  readonly limits?: ReaderLimits | undefined
}

/** All that can be told of one response after which the connection was closed. */
export interface Outcome {
  readonly status: number | undefined
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly length: number | undefined
  /** As latin-1; of a response that broke, what was handed over before. */
  readonly body: string
  readonly ending: Ending
}

/** `spent`: complete, but the connection cannot carry another request. */
export type Ending = 'reusable' | 'spent' | `${ReadFault['kind']} ${ReadFault['where']}`

/** Has the reader read these pieces and then the end; throws where it does not keep to its own rules. */
export function readPieces(pieces: Iterable<Uint8Array>, question: Question = {}): Outcome {
  const witness = new Witness()
  const reader = new ResponseReader(witness, question.limits ?? defaultLimits)
  reader.begin(question.method ?? 'GET', question.asksUpgrade ?? false)
  let fault: ReadFault | undefined
  for (const piece of pieces) {
    fault = reader.push(piece)
    if (fault !== undefined) break
  }
  fault ??= reader.end()
  const ending = witness.endingWith(fault)
  const told = witness.told
  // Whoever goes on after the end is not listened to.
  const later = reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nmore'))
  if (later === undefined || (fault !== undefined && later !== fault)) throw new Error('a dead reader takes bytes')
  if (reader.end() !== later) throw new Error('a dead reader has another fault at its end')
  if (witness.told !== told) throw new Error('a dead reader told of something')
  const { head, body } = witness
  return {
    status: head?.status,
    headers: head === undefined ? [] : head.headers.pairs.map(([name, value]) => [name, value]),
    length: head?.length,
    body: Buffer.concat(body).toString('latin1'),
    ending,
  }
}

/** Takes down what a reader tells and sees to it that it tells it in order. */
class Witness {
  head: ResponseHead | undefined
  readonly body: Uint8Array[] = []
  told = 0
  #mayReuse: boolean | undefined

  onHead(head: ResponseHead): void {
    this.told += 1
    if (this.head !== undefined) throw new Error('there was a second head')
    this.head = head
  }

  onPiece(bytes: Uint8Array): void {
    this.told += 1
    if (this.head === undefined || this.#mayReuse !== undefined)
      throw new Error('there was a piece outside of the body')
    if (bytes.length === 0) throw new Error('there was an empty piece')
    this.body.push(bytes)
  }

  onEnd(mayReuse: boolean): void {
    this.told += 1
    if (this.head === undefined || this.#mayReuse !== undefined) throw new Error('there was an end outside of the body')
    this.#mayReuse = mayReuse
  }

  endingWith(fault: ReadFault | undefined): Ending {
    // After the end only bytes that nobody asked for can be a fault, and they are none of the response.
    if (this.#mayReuse !== undefined) return this.#mayReuse && fault === undefined ? 'reusable' : 'spent'
    if (fault === undefined) throw new Error('there was neither an end nor a fault')
    if ((fault.where === 'head') !== (this.head === undefined)) throw new Error('the fault is not where it says')
    if (!/^the [a-z].{10,}$/.test(fault.message)) throw new Error(`the fault says "${fault.message}"`)
    return `${fault.kind} ${fault.where}`
  }
}

/** The bytes cut into two at this place. */
export function cutAt(bytes: Uint8Array, at: number): Uint8Array[] {
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

/** Every byte for itself. */
export function* byteByByte(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1)
}
