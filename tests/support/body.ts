import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'

/** What became of a body: its pieces, and how it ended. */
export interface ReadBody {
  readonly pieces: readonly Buffer[]
  readonly end: 'end' | TransportFailure
}

/** Reads a body to its end, piece by piece. */
export async function readThrough(body: IncomingBody): Promise<ReadBody> {
  if (body.whole !== undefined) return { pieces: piecesOf(body.whole), end: 'end' }
  const pieces: Buffer[] = []
  for (;;) {
    const step = await body.read()
    if (!(step instanceof Uint8Array)) return { pieces, end: step }
    pieces.push(Buffer.from(step))
  }
}

/** Lets a body flow to its end. */
export async function flowThrough(body: IncomingBody): Promise<ReadBody> {
  if (body.whole !== undefined) return { pieces: piecesOf(body.whole), end: 'end' }
  const sink = new Collector()
  body.flow(sink)
  const end = await sink.ended
  return { pieces: sink.pieces, end }
}

/** The text of a body that has to end well. */
export async function textOf(body: IncomingBody): Promise<string> {
  const { pieces, end } = await readThrough(body)
  if (end !== 'end') throw new Error(`The body broke: ${end.message}`)
  return Buffer.concat(pieces).toString()
}

/** A sink that keeps everything and complains about what comes after the end. */
export class Collector implements BodySink {
  readonly pieces: Buffer[] = []
  bytes = 0
  readonly ended: Promise<'end' | TransportFailure>
  #hasEnded = false
  readonly #resolve: (end: 'end' | TransportFailure) => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<'end' | TransportFailure>()
    this.ended = promise
    this.#resolve = resolve
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString()
  }

  onPiece(bytes: Uint8Array): void {
    this.#check()
    this.pieces.push(Buffer.from(bytes))
    this.bytes += bytes.byteLength
  }

  onEnd(): void {
    this.#check()
    this.#hasEnded = true
    this.#resolve('end')
  }

  onBreak(failure: TransportFailure): void {
    this.#check()
    this.#hasEnded = true
    this.#resolve(failure)
  }

  #check(): void {
    if (this.#hasEnded) throw new Error('Something came after the end')
  }
}

function piecesOf(whole: Uint8Array): Buffer[] {
  return whole.byteLength === 0 ? [] : [Buffer.from(whole)]
}
