import { HeaderList } from '#kit/header-list.ts'
import type { StopListener } from '#kit/stop.ts'
import type {
  BodySink,
  IncomingBody,
  IncomingResponse,
  OutgoingRequest,
  Transport,
  TransportFailure,
  TransportPhase,
} from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { SimClock } from './sim-clock.ts'

/** What an upstream does with one request, moment by moment. */
export type Script = BrokenScript | AnswerScript

/** It breaks before there is a head; `hang`: only a limit ends it. */
export interface BrokenScript {
  readonly kind: 'broken'
  readonly phase: Exclude<TransportPhase, 'body'>
  readonly cause: TransportFailure['cause'] | 'hang'
  readonly afterMs: number
  /** An idle connection died: the request may be sent again, and then this happens. */
  readonly stale?: Script
}

export interface AnswerScript {
  readonly kind: 'answer'
  readonly afterMs: number
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly moves: readonly Move[]
  readonly ending: Ending
  /** Head and body come in one piece, as far as everything in it comes at once. */
  readonly isTogether?: boolean
}

export interface Move {
  readonly afterMs: number
  readonly bytes: Uint8Array
}

export interface Ending {
  readonly afterMs: number
  readonly how: 'end' | 'reset' | 'malformed' | 'open'
}

/** What came of one request at an upstream. */
export interface Visit {
  readonly request: OutgoingRequest
  readonly sentMs: number
  headMs: number | undefined
  /** What was handed to the gateway. */
  readonly given: Uint8Array[]
  /** When it was over, and how; `dropped`: the gateway gave it up. */
  endedMs: number | undefined
  how: 'end' | 'broken' | 'timeout' | 'dropped' | undefined
}

/** The outside world by script: keeps every promise of the port, its clocks and its pace included. */
export class SimTransport implements Transport {
  readonly #clock: SimClock
  readonly #scriptFor: (request: OutgoingRequest, visit: Visit) => Script
  /** Exchanges that are under way: sockets, in the real world. */
  readonly open = new Set<object>()

  constructor(clock: SimClock, scriptFor: (request: OutgoingRequest, visit: Visit) => Script) {
    this.#clock = clock
    this.#scriptFor = scriptFor
  }

  async send(request: OutgoingRequest): Promise<IncomingResponse | TransportFailure> {
    const sentMs = this.#clock.monotonicMs()
    const visit: Visit = { request, sentMs, headMs: undefined, given: [], endedMs: undefined, how: undefined }
    const planned = this.#scriptFor(request, visit)
    const isSecond = request.fresh === true && planned.kind === 'broken' && planned.stale !== undefined
    const script = isSecond ? planned.stale : planned
    return await new Promise((resolve) => {
      const exchange = new SimExchange(this.#clock, request, script, visit, resolve, () => this.open.delete(exchange))
      this.open.add(exchange)
      exchange.start()
    })
  }
}

/** Pieces that nobody asked for are kept up to this many bytes; then the upstream has to wait. */
const queuedBytesMax = 262_144

class SimExchange implements IncomingBody, StopListener {
  readonly #clock: SimClock
  readonly #request: OutgoingRequest
  readonly #script: Script
  readonly #visit: Visit
  readonly #resolve: (outcome: IncomingResponse | TransportFailure) => void
  readonly #close: () => void
  readonly #moves: Move[]
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #hasHead = false
  #isOver = false
  #isPaused = false
  /** A piece is on its way. */
  #isWaiting = false
  #ending: 'end' | TransportFailure | undefined
  #sink: BodySink | undefined
  #reading: ((step: Uint8Array | 'end' | TransportFailure) => void) | undefined
  #cancelNext: (() => void) | undefined
  #cancelIdle: (() => void) | undefined

  constructor(
    clock: SimClock,
    request: OutgoingRequest,
    script: Script,
    visit: Visit,
    resolve: (outcome: IncomingResponse | TransportFailure) => void,
    close: () => void,
  ) {
    this.#clock = clock
    this.#request = request
    this.#script = script
    this.#visit = visit
    this.#resolve = resolve
    this.#close = close
    this.#moves = script.kind === 'answer' ? [...script.moves] : []
  }

  start(): void {
    const { stop, clocks } = this.#request
    stop.tell(this)
    if (this.#isOver) return
    const script = this.#script
    const phase = script.kind === 'broken' ? script.phase : 'head'
    const limitMs = limitOf(phase, clocks)
    const isLate = script.kind === 'broken' && script.cause === 'hang'
    const afterMs = isLate ? Infinity : script.afterMs
    if (limitMs > 0 && afterMs >= limitMs) {
      this.#cancelNext = this.#clock.after(limitMs, () => this.#breakBeforeHead(failure(phase, 'timeout'), 'timeout'))
    } else if (afterMs !== Infinity) {
      this.#cancelNext = this.#clock.after(afterMs, () => this.#arrive(script))
    }
  }

  onStop(): void {
    if (this.#isOver) return
    if (!this.#hasHead) return this.#breakBeforeHead(failure('head', 'aborted'), 'dropped')
    this.#end(failure('body', 'aborted'), 'dropped')
  }

  readonly whole = undefined

  async read(): Promise<Uint8Array | 'end' | TransportFailure> {
    if (this.#reading !== undefined) throw new Error('Two reads at a time')
    if (this.#sink !== undefined) throw new Error('A read of a body that flows')
    const queued = this.#queue.shift()
    if (queued !== undefined) {
      this.#queuedBytes -= queued.byteLength
      this.#goOn()
      return queued
    }
    if (this.#ending !== undefined) return this.#ending
    return await new Promise((resolve) => (this.#reading = resolve))
  }

  flow(sink: BodySink): void {
    if (this.#sink !== undefined) throw new Error('A body that flows twice')
    if (this.#reading !== undefined) throw new Error('A flow of a body under read')
    if (this.#visit.how === 'dropped') return
    this.#sink = sink
    for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
      this.#queuedBytes -= piece.byteLength
      this.#give(sink, piece)
      if (this.#isDropped) return
    }
    if (this.#ending === 'end') sink.onEnd()
    else if (this.#ending !== undefined) sink.onBreak(this.#ending)
    else this.#goOn()
  }

  pause(): void {
    this.#isPaused = true
    this.#cancelIdle?.()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#goOn()
  }

  cancel(): void {
    this.#queue.length = 0
    this.#sink = undefined
    if (this.#isOver) return
    const reading = this.#reading
    this.#reading = undefined
    this.#settle('dropped')
    this.#ending = failure('body', 'aborted')
    reading?.(this.#ending)
  }

  get #isDropped(): boolean {
    return this.#visit.how === 'dropped'
  }

  #arrive(script: Script): void {
    if (script.kind === 'broken') {
      if (script.cause === 'hang') return
      const afterMs = Math.min(script.afterMs, 100)
      const stale = { bytesSent: 200, bytesReceived: 0, wasReused: true, afterMs }
      const broken = failure(script.phase, script.cause)
      return this.#breakBeforeHead(script.stale === undefined ? broken : { ...broken, trace: stale }, 'broken')
    }
    this.#hasHead = true
    this.#visit.headMs = this.#clock.monotonicMs()
    const { status, ending, isTogether } = script
    const headers = HeaderList.from(Object.entries(script.headers))
    const isWhole = isTogether === true && ending.how === 'end' && script.moves.every(({ afterMs }) => afterMs === 0)
    if (isWhole) {
      const bytes = Buffer.concat(script.moves.map((move) => move.bytes))
      this.#visit.given.push(bytes)
      this.#settle('end')
      return this.#resolve({ kind: 'response', status, headers, sentMs: undefined, body: new WholeBody(bytes) })
    }
    this.#resolve({ kind: 'response', status, headers, sentMs: undefined, body: this })
    this.#goOn()
  }

  /** Waits for the next piece, unless enough lies there already; a piece on its way comes in any case. */
  #goOn(): void {
    if (this.#isOver || this.#isPaused || this.#queuedBytes > queuedBytesMax) return
    this.#watchSilence()
    if (this.#isWaiting) return
    const next = this.#moves[0]
    const { ending } = this.#script as AnswerScript
    if (next === undefined && ending.how === 'open') return
    this.#isWaiting = true
    this.#cancelNext = this.#clock.after(next?.afterMs ?? ending.afterMs, () => {
      this.#isWaiting = false
      if (next === undefined) return this.#finish(ending)
      this.#moves.shift()
      this.#take(next.bytes)
    })
  }

  #watchSilence(): void {
    this.#cancelIdle?.()
    const { idleMs = 0 } = this.#request.clocks
    if (idleMs > 0) this.#cancelIdle = this.#clock.after(idleMs, () => this.#end(failure('body', 'timeout'), 'timeout'))
  }

  #take(bytes: Uint8Array): void {
    if (this.#sink !== undefined) this.#give(this.#sink, bytes)
    else if (this.#reading !== undefined) {
      const reading = this.#reading
      this.#reading = undefined
      this.#visit.given.push(bytes)
      reading(bytes)
    } else {
      this.#visit.given.push(bytes)
      this.#queue.push(bytes)
      this.#queuedBytes += bytes.byteLength
    }
    this.#goOn()
  }

  #give(sink: BodySink, bytes: Uint8Array): void {
    this.#visit.given.push(bytes)
    sink.onPiece(bytes)
  }

  #finish({ how }: Ending): void {
    if (how === 'end') this.#end('end', 'end')
    else this.#end(failure('body', how === 'malformed' ? 'malformed' : 'reset'), 'broken')
  }

  #end(ending: 'end' | TransportFailure, how: NonNullable<Visit['how']>): void {
    if (this.#isOver) return
    this.#settle(how)
    this.#ending = ending
    const reading = this.#reading
    const sink = this.#sink
    this.#reading = this.#sink = undefined
    reading?.(ending)
    if (ending === 'end') sink?.onEnd()
    else sink?.onBreak(ending)
  }

  #breakBeforeHead(broken: TransportFailure, how: NonNullable<Visit['how']>): void {
    if (this.#isOver) return
    this.#settle(how)
    this.#resolve(broken)
  }

  #settle(how: NonNullable<Visit['how']>): void {
    this.#isOver = true
    this.#cancelNext?.()
    this.#cancelIdle?.()
    this.#request.stop.forget(this)
    this.#visit.how = how
    this.#visit.endedMs = this.#clock.monotonicMs()
    this.#close()
  }
}

function limitOf(phase: BrokenScript['phase'], clocks: OutgoingRequest['clocks']): number {
  switch (phase) {
    case 'queue':
      return clocks.queueMs
    case 'dns':
      return clocks.dnsMs
    case 'connect':
      return clocks.connectMs
    case 'tls':
      return clocks.tlsMs
    case 'write':
      return clocks.writeMs
    case 'head':
      return clocks.firstByteMs
  }
}

function failure(phase: TransportPhase, cause: TransportFailure['cause']): TransportFailure {
  return { kind: 'transport_failure', phase, cause, message: `the connection broke in ${phase}: ${cause}` }
}
