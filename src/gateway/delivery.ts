import type { Answer } from '#core/answer.ts'
import type { Cuttable, Outcome } from '#core/exchange.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { concat, encode } from '#kit/bytes.ts'
import { Stop } from '#kit/stop.ts'
import { errorBody } from '#wire/error-body.ts'
import { SaidText } from '#wire/said-text.ts'
import { faultOf, type StreamFault } from '#wire/stream-error.ts'
import { endedEarly, shuttingDown, tookTooLong, type Break } from './break.ts'
import { ClientStream, type AwaitedForm, type Feeder } from './client-stream.ts'
import type { Errand } from './errand.ts'
import { Pump, type PumpOwner } from './pump.ts'
import { Rescue, type Rescuer } from './rescue.ts'
import { settle } from './settle.ts'
import { learnEnd, type Ending } from './verdict.ts'

/**
 * An answer that takes its time, from its head on: waits for a route if the head had to go out before there was one,
 * hands its body on, has another route go on when it breaks, and tells at the end what became of it.
 */
export class Delivery implements Feeder, PumpOwner, Cuttable {
  readonly #errand: Errand
  readonly #client: ClientStream
  /** `json`: one answer, which is no stream; undefined: a body that nothing can be put into. */
  readonly #form: AwaitedForm | undefined
  readonly #said: SaidText | undefined
  #pump: Pump | undefined
  #rescue: Rescue | undefined
  /** Why the client's stream stopped, while another route is looked for. */
  #why: Break | undefined
  #isLeft = false
  #isOver = false

  constructor(errand: Errand, form: AwaitedForm | undefined) {
    const { gateway, exchange, plan, call } = errand
    this.#errand = errand
    this.#form = form
    this.#client = new ClientStream(gateway.clock, gateway.wheel, exchange, plan.streaming, form, this)
    const mayBeRescued = plan.streaming.rescue !== 'off' && form !== undefined && form !== 'json'
    this.#said = mayBeRescued && Rescue.suits(form, call) ? new SaidText(form) : undefined
  }

  /** The body for a response whose answer is there. */
  of(answer: Answer): ReadableStream<Uint8Array> {
    this.#take(answer)
    return this.#client.open()
  }

  /** The body for a response whose answer is still looked for: until it is there, the client gets signs of life. */
  after(attempting: Promise<Answer | Refusal>): ReadableStream<Uint8Array> {
    const body = this.#client.open()
    this.#client.beat()
    attempting.then(
      (outcome) => this.#arrive(outcome),
      (error: unknown) => this.#arrive(this.#fault(error)),
    )
    return body
  }

  get isBetweenEvents(): boolean {
    return this.#pump === undefined ? !this.#isOver : this.#pump.position !== 'inside' && this.#form !== 'json'
  }

  // Called by the client's stream.

  onReady(): void {
    this.#pump?.start()
  }

  onFull(): void {
    this.#pump?.pause()
  }

  onRoom(): void {
    this.#pump?.resume()
  }

  onClientLeft(): void {
    if (this.#isOver) return
    this.#isLeft = true
    const { plan, presence } = this.#errand
    if (this.#pump === undefined || this.#rescue?.isLooking === true) return presence.leave()
    if (plan.streaming.onDisconnect === 'cancel') {
      this.#pump.drop()
      return this.#finish('client_closed', 'neither')
    }
    const { idleMs, durationMs } = this.#pump.answer.candidate.streamClocks
    this.#client.limit({ idleMs, durationMs: durationMs === 0 ? finishMsMax : Math.min(durationMs, finishMsMax) })
    this.#pump.resume()
  }

  onClientStalled(): void {
    this.#pump?.drop()
    const message = 'the client took nothing for longer than streaming.client_timeout'
    this.#finish('client_closed', 'neither', message)
    this.#client.reset(`Cannot go on: ${message}`)
  }

  onQuiet(): boolean {
    return this.#pump?.finishIfOver() === true
  }

  onSilence(): void {
    this.#pump?.fellSilent()
  }

  onTooLong(): void {
    this.#pump?.stop(tookTooLong('streaming.max_duration'))
  }

  // Called by the pump.

  onComplete(how: 'complete' | 'errored'): void {
    if (how === 'errored') this.#finish('upstream_broke', 'neither', 'the upstream sent an error event')
    else this.#finish('complete', 'good')
    this.#client.close()
  }

  onBroken(why: Break): void {
    const { presence } = this.#errand
    if (presence.hasLeft) return this.#leave()
    if (this.#pump?.hasSpoken === true) this.#why = why
    if (this.#isLeft || !why.mayBeRescued || this.#said?.canContinue !== true) return this.#fail(this.#why ?? why)
    this.#learn(why.ending, why.message)
    void this.#lookFurther()
  }

  onDiverged(): void {
    this.#learn('neither')
    if (this.#said?.canContinue !== true) return this.#fail(this.#why ?? endedEarly)
    void this.#lookFurther()
  }

  cut(): void {
    if (this.#rescue?.isLooking === true) return this.#errand.presence.cut()
    this.#pump?.stop(shuttingDown)
  }

  #take(answer: Answer, rescuer?: Rescuer): void {
    const { gateway, exchange, plan, presence } = this.#errand
    if (answer.rest === undefined) throw new Error('Cannot deliver the answer piece by piece: all of it is there')
    const part = { answer, body: answer.rest, said: this.#said, continuation: rescuer?.continuation }
    this.#pump = new Pump(gateway.clock, exchange, part, this.#client, this)
    exchange.cut = this
    // A client that leaves is told here; it must not end what is read for the accounts.
    if (plan.streaming.onDisconnect === 'finish') presence.watch(new Stop())
  }

  /** What came for a client that has its head already. */
  #arrive(outcome: Answer | Refusal): void {
    if (isRefusal(outcome)) return this.#refuse(outcome)
    const isFit = outcome.status < 300 && (this.#form === 'json' || outcome.form === this.#form)
    if (!isFit) return this.#refuse(this.#unfit(outcome), outcome)
    if (this.#isLeft) {
      outcome.rest?.cancel()
      return this.#leave()
    }
    if (outcome.rest === undefined) return this.#giveWhole(outcome)
    this.#take(outcome)
    this.#pump?.start()
  }

  #giveWhole({ held }: Answer): void {
    const { exchange, gateway } = this.#errand
    const bytes = concat(held)
    exchange.firstByteMs = gateway.clock.monotonicMs()
    exchange.bytesOut += bytes.byteLength
    this.#client.send(bytes)
    this.#settle('complete')
    this.#client.close()
  }

  /** The status is told already, so the refusal has to stand in the body. */
  #refuse(refusal: Refusal, answer?: Answer): void {
    const { exchange } = this.#errand
    answer?.rest?.cancel()
    exchange.refusal = refusal
    const outcome: Outcome = refusal.code === 'client_closed' ? 'client_closed' : 'failed'
    if (this.#form === 'json') {
      const body = answer === undefined ? encode(errorBody(exchange.dialect, refusal, exchange.id).body) : undefined
      this.#settle(outcome)
      this.#client.send(body ?? concat(answer?.held ?? []))
      return this.#client.close()
    }
    this.#settle(outcome)
    const { code, message, status } = refusal
    const reported = answer === undefined ? undefined : faultOf(concat(answer.held), answer.status, exchange.dialect)
    this.#tell({ code, message, status, ...reported })
  }

  #unfit({ status, candidate }: Answer): Refusal {
    const model = this.#errand.plan.alias.slice(0, 64)
    if (status >= 400) {
      return refuse('upstream_error', `Cannot answer with model "${model}": its backend answered ${status}`)
    }
    learnEnd(this.#errand.gateway, this.#errand.plan, candidate, this.#errand.exchange, 'neither')
    const message = `Cannot answer with model "${model}": its backend sent no stream, although one was asked for`
    return refuse('upstream_invalid_response', message)
  }

  #fault(error: unknown): Refusal {
    const { gateway, exchange } = this.#errand
    const [reason, stack] = error instanceof Error ? [error.message, error.stack] : [String(error), undefined]
    gateway.log.write('error', 'internal_error', { requestId: exchange.id, reason, stack })
    return refuse('internal_error', 'Cannot answer: the gateway failed, its log tells more under this request id')
  }

  /** Another route may go on with what the client has. */
  async #lookFurther(): Promise<void> {
    const { presence } = this.#errand
    const said = this.#said
    const form = this.#form
    if (said === undefined || form === undefined || form === 'json') return
    this.#rescue ??= new Rescue(this.#errand, form, said)
    this.#client.limit({ idleMs: 0, durationMs: 0 })
    const found = await this.#rescue.next()
    if (this.#isOver) return found?.answer.rest?.cancel()
    if (presence.hasLeft || this.#isLeft) {
      found?.answer.rest?.cancel()
      return this.#leave()
    }
    if (presence.gone !== undefined) {
      found?.answer.rest?.cancel()
      return this.#fail(shuttingDown)
    }
    if (found === undefined) return this.#fail(this.#why ?? shuttingDown)
    this.#take(found.answer, found)
    this.#pump?.start()
  }

  #leave(): void {
    this.#finish('client_closed', 'neither')
    this.#client.rest()
  }

  #fail({ outcome, ending, code, message, ownWords }: Break): void {
    this.#finish(outcome, ending, message)
    if (ownWords === undefined) return this.#tell({ code, message })
    this.#client.send(ownWords)
    this.#client.close()
  }

  #tell(fault: Pick<StreamFault, 'code' | 'message' | 'status' | 'type'>): void {
    const form = this.#form
    const position = this.#pump?.position ?? 'start'
    if (form === undefined || form === 'json') return this.#client.reset(fault.message)
    void this.#client.fail(form, { ...fault, requestId: this.#errand.exchange.id, position })
  }

  #learn(ending: Ending, reason?: string): void {
    const { gateway, plan, exchange } = this.#errand
    if (this.#pump !== undefined) learnEnd(gateway, plan, this.#pump.answer.candidate, exchange, ending, reason)
  }

  #finish(outcome: Outcome, ending: Ending, brokenBy?: string): void {
    if (this.#isOver) return
    this.#errand.exchange.brokenBy = brokenBy
    // What a rescue looks for is judged on its own.
    if (this.#rescue?.isLooking !== true) this.#learn(ending, brokenBy)
    this.#settle(this.#isLeft ? 'client_closed' : outcome)
  }

  #settle(outcome: Outcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#client.rest()
    settle(this.#errand.gateway, this.#errand.exchange, outcome)
  }
}

/** Limit: milliseconds for which a stream is read on without its client (`streaming.on_disconnect: finish`). */
const finishMsMax = 60_000
