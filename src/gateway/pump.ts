import type { Answer, BodySource } from '#core/answer.ts'
import type { Exchange, Outcome } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { openGate } from '#wire/gate.ts'
import type { Gate } from '#wire/sse.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { streamError } from '#wire/stream-error.ts'
import type { Gateway } from './gateway.ts'
import { idleSeconds, type Incoming } from './incoming.ts'
import { settle } from './settle.ts'
import { StallClock } from './stall-clock.ts'
import { learnEnd, type Ending } from './verdict.ts'

/**
 * The one wrapper on a response body: hands every chunk on as it comes, at the client's pace, and sees to it that a
 * stream which breaks never looks complete. Streams of a known form end with an in-protocol error, all others with a reset.
 */
export function pump(
  gateway: Gateway,
  plan: Plan,
  incoming: Incoming,
  answer: Answer,
  rest: BodySource,
  exchange: Exchange,
): ReadableStream<Uint8Array> {
  return new ReadableStream(new Pump(gateway, plan, incoming, answer, rest, exchange), { highWaterMark: 0 })
}

type Controller = ReadableStreamDefaultController<Uint8Array>

/** Why a body ends before its time. */
interface Break {
  readonly outcome: Outcome
  readonly ending: Ending
  readonly code: string
  readonly message: string
}

class Pump {
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #incoming: Incoming
  readonly #answer: Answer
  readonly #rest: BodySource
  readonly #exchange: Exchange
  readonly #gate: Gate | undefined
  readonly #end: StreamEnd | undefined
  readonly #stall: StallClock
  #controller: Controller | undefined
  #heldAt = 0
  #isCut = false
  #isOver = false

  constructor(gateway: Gateway, plan: Plan, incoming: Incoming, answer: Answer, rest: BodySource, exchange: Exchange) {
    const { form, candidate } = answer
    this.#gateway = gateway
    this.#plan = plan
    this.#incoming = incoming
    this.#answer = answer
    this.#rest = rest
    this.#exchange = exchange
    this.#gate = form === undefined ? undefined : openGate(form)
    this.#end = form === undefined ? undefined : new StreamEnd(form)
    const limits = { upstreamMs: candidate.backend.timeouts.idleMs, clientMs: clientStallMs }
    this.#stall = new StallClock(gateway.clock, limits, () => this.#onStall())
    exchange.cut = (): void => {
      this.#isCut = true
      this.#giveUp()
    }
  }

  async pull(controller: Controller): Promise<void> {
    this.#controller = controller
    const { held } = this.#answer
    while (this.#heldAt < held.length) {
      const chunk = held[this.#heldAt]
      this.#heldAt += 1
      if (chunk !== undefined && this.#pass(controller, chunk)) return
    }
    try {
      for (;;) {
        this.#stall.reads()
        const { done, value } = await this.#rest.read()
        this.#stall.rests()
        if (this.#isOver) return
        if (done) break
        if (this.#pass(controller, value)) return
      }
    } catch (error) {
      if (this.#isOver) return
      if (this.#incoming.request.signal.aborted) return this.#finish('client_closed', 'neither')
      return await this.#breakOff(controller, wasAborted(this.#rest.explain(error)) ? tookTooLong : connectionBroke)
    }
    const why = this.#whyIncomplete()
    if (why !== undefined) return await this.#breakOff(controller, why)
    const tail = this.#gate?.end()
    if (tail !== undefined) controller.enqueue(tail)
    if (this.#end?.verdict() === 'errored')
      this.#finish('upstream_broke', 'neither', 'the upstream sent an error event')
    else this.#finish('complete', 'good')
    controller.close()
  }

  async cancel(): Promise<void> {
    this.#finish('client_closed', 'neither')
    await this.#rest.cancel()
  }

  /** False when nothing could go out yet: a gate keeps the beginning of an event until the event is whole. */
  #pass(controller: Controller, chunk: Uint8Array): boolean {
    this.#end?.see(chunk)
    const ready = this.#gate === undefined ? chunk : this.#gate.push(chunk)
    if (ready === undefined || ready.byteLength === 0) return false
    this.#exchange.firstByteMs ??= this.#gateway.clock.monotonicMs()
    this.#exchange.bytesOut += ready.byteLength
    controller.enqueue(ready)
    return true
  }

  #whyIncomplete(): Break | undefined {
    const verdict = this.#end?.verdict()
    // A stream that said all it has to say is whole, even if its connection stayed open.
    if (verdict === 'complete') return undefined
    if (this.#isCut) return shuttingDown
    if (this.#stall.stalled === 'upstream') return fellSilent
    return verdict === 'incomplete' ? endedEarly : undefined
  }

  async #breakOff(controller: Controller, { outcome, ending, code, message }: Break): Promise<void> {
    const { clock } = this.#gateway
    const { form } = this.#answer
    this.#finish(outcome, ending, message)
    if (form !== undefined && this.#gate !== undefined) {
      const fault = { code, message, requestId: this.#exchange.id, position: this.#gate.position }
      for (const piece of streamError(form, fault)) {
        controller.enqueue(piece)
        // Gemini clients need each piece in a packet of its own.
        await clock.sleep(pieceGapMs)
      }
      // The reset below may overtake what was just written; the client must have read it by then.
      await clock.sleep(lingerMs)
    }
    controller.error(new Error(message))
  }

  #finish(outcome: Outcome, ending: Ending, brokenBy?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stall.stop()
    this.#exchange.brokenBy = brokenBy
    learnEnd(this.#gateway, this.#plan, this.#answer.candidate, this.#exchange, ending, brokenBy)
    // Before the body ends, or the idle connection would never be closed.
    this.#incoming.patience(idleSeconds)
    settle(this.#gateway, this.#exchange, outcome)
  }

  #onStall(): void {
    if (this.#stall.stalled === 'client') {
      this.#finish('client_closed', 'neither', 'the client took nothing for too long')
      this.#controller?.error(new Error('Cannot go on: the client takes nothing'))
    }
    this.#giveUp()
  }

  /** Ends the read that is waiting; `pull` then finds out why. */
  #giveUp(): void {
    // A body that broke meanwhile cannot be cancelled any more, and need not be.
    this.#rest.cancel().catch(() => {})
  }
}

const shuttingDown: Break = {
  outcome: 'shut_down',
  ending: 'neither',
  code: 'shutting_down',
  message: 'Cannot complete the answer: the server is shutting down',
}
const fellSilent: Break = {
  outcome: 'stalled',
  ending: 'bad',
  code: 'upstream_timeout',
  message: 'Cannot complete the answer: the upstream fell silent for longer than timeout.idle',
}
const tookTooLong: Break = {
  outcome: 'stalled',
  ending: 'neither',
  code: 'upstream_timeout',
  message: 'Cannot complete the answer: it took longer than timeout.total',
}
const endedEarly: Break = {
  outcome: 'upstream_broke',
  ending: 'bad',
  code: 'stream_incomplete',
  message: 'Cannot complete the answer: the upstream ended the stream before it was complete',
}
const connectionBroke: Break = {
  outcome: 'upstream_broke',
  ending: 'bad',
  code: 'upstream_error',
  message: 'Cannot complete the answer: the upstream connection broke',
}

/** Limit: milliseconds for which a client may leave what was sent to it lying; then its upstream is let go. */
const clientStallMs = 300_000

/** Milliseconds between the pieces of a stream error. */
const pieceGapMs = 5

/** Milliseconds between the error event and the reset of the connection. */
const lingerMs = 50

/** Only our own clock aborts an exchange whose client is still there. */
function wasAborted(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'cause' in error && error.cause === 'aborted'
}
