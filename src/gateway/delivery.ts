import type { Answer } from '#core/answer.ts'
import type { Cuttable, Outcome } from '#core/exchange.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { concat, encode } from '#kit/bytes.ts'
import { Stop } from '#kit/stop.ts'
import { errorBody } from '#wire/error-body.ts'
import type { GatePosition } from '#wire/gate.ts'
import { SaidText } from '#wire/said-text.ts'
import { nextSequenceNumber } from '#wire/sequence-number.ts'
import { faultOf, type StreamFault } from '#wire/stream-error.ts'
import { endedEarly, saysOtherwise, shuttingDown, tookTooLong, type Break } from './break.ts'
import { ClientStream, type AwaitedForm, type Feeder } from './client-stream.ts'
import { discard } from './attempt.ts'
import type { Errand } from './errand.ts'
import { cannotAnswer } from './no-answer.ts'
import { Pump, type PumpOwner } from './pump.ts'
import { FlowMeter, mayTell, meterWhole } from './meter.ts'
import { beginFill, fillWhole } from './recalled.ts'
import { Rescue, type Rescuer } from './rescue.ts'
import { settle } from './settle.ts'
import { learnEnd, noteBreak, type Ending } from './verdict.ts'

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
  /** Undefined: nobody counts what it took. */
  readonly #meter: FlowMeter | undefined
  /** What the pump's body says about its route is told, which happens once. */
  #isJudged = true
  #rescue: Rescue | undefined
  /** Why the client's stream stopped, while another route is looked for. */
  #why: Break | undefined
  #hasBegun = false
  #isLeft = false
  #isCut = false
  #isOver = false

  constructor(errand: Errand, form: AwaitedForm | undefined) {
    const { gateway, exchange, plan, call } = errand
    this.#errand = errand
    this.#form = form
    this.#client = new ClientStream(gateway.clock, gateway.wheel, exchange, plan.streaming, form, this)
    const isCounted = errand.snapshot.usage !== undefined || errand.entry?.countsTokens === true
    this.#meter = isCounted && mayTell(errand) ? new FlowMeter(errand) : undefined
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
    attempting.then((outcome) => this.#arrive(outcome)).catch((error: unknown) => this.#stumble(error))
    return body
  }

  get isBetweenEvents(): boolean {
    return this.#pump === undefined ? !this.#isOver : this.#pump.position !== 'inside' && this.#form !== 'json'
  }

  // Called by the client's stream.

  onReady(): void {
    this.#begin()
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
      return this.#leave()
    }
    this.#client.endAfter(finishMsMax)
    this.#pump.resume()
  }

  onClientStalled(): void {
    const message = 'the client took nothing for longer than streaming.client_timeout'
    this.#pump?.drop()
    this.#errand.presence.leave()
    this.#judge('neither')
    this.#settle('client_closed', message)
    this.#client.reset(`Cannot go on: ${message}`)
  }

  onQuiet(stillMs: number): boolean {
    return this.#pump?.isOverAfter(stillMs) === true
  }

  onSilence(): void {
    const pump = this.#pump
    // An upstream that is still being told something may well listen; whether it does, its connection sees.
    if (this.#errand.call.upload?.isOver === false) return this.#client.awaitFor(pump?.idleMs ?? 0)
    pump?.fellSilent()
  }

  onTooLong(): void {
    const why = tookTooLong('streaming.max_duration')
    if (this.#rescue?.isLooking !== true) return this.#pump?.stop(why)
    this.#errand.presence.leave()
    this.#fail(this.#why ?? why)
  }

  // Called by the pump.

  onComplete(how: 'complete' | 'errored'): void {
    // An error answer that was too large to be held is no success of its route.
    const isGood = how === 'complete' && (this.#pump?.answer.status ?? 0) < 400
    this.#judge(isGood ? 'good' : 'neither')
    const { affinity } = this.#errand.walk
    if (affinity !== undefined && isGood) affinity.sawUsage(this.#pump?.tail ?? nothing)
    if (how === 'complete') this.#settle(isGood ? 'complete' : 'failed')
    else this.#settle('upstream_broke', 'the upstream sent an error event')
    this.#client.close()
  }

  onBroken(why: Break): void {
    if (this.#errand.presence.hasLeft) return this.#leave()
    if (this.#pump?.hasSpoken === true || this.#why === undefined) this.#why = why
    const { upload } = this.#errand.call
    this.#judge(upload?.fault === undefined ? why.ending : 'neither', why.message)
    if (why.mayBeRescued && this.#mayLookFurther()) return this.#lookFurther(why)
    // Of what the client got nothing of, it is told nothing.
    this.#fail(why === shuttingDown ? why : this.#why)
  }

  onDiverged(): void {
    this.#judge('neither')
    if (this.#mayLookFurther()) this.#lookFurther(saysOtherwise)
    else this.#fail(this.#isCut ? shuttingDown : (this.#why ?? endedEarly))
  }

  cut(): void {
    this.#isCut = true
    if (this.#rescue?.isLooking === true) this.#errand.presence.cut()
    else this.#pump?.stop(shuttingDown)
  }

  #take(answer: Answer, rescuer?: Rescuer): void {
    const { gateway, exchange, plan, presence } = this.#errand
    if (answer.rest === undefined) throw new Error('Cannot deliver the answer piece by piece: all of it is there')
    const part = {
      answer,
      body: answer.rest,
      said: this.#said,
      isMetered: this.#meter !== undefined,
      continuation: rescuer?.continuation,
      fill: this.#errand.fill,
    }
    if (part.fill !== undefined) beginFill(part.fill, answer)
    this.#meter?.take()
    this.#pump = new Pump(gateway.clock, exchange, part, this.#client, this)
    this.#isJudged = false
    exchange.cut = this
    // A client that leaves is told of here; it must not end what is read for the accounts.
    if (plan.streaming.onDisconnect === 'finish') presence.watch(new Stop())
  }

  /** What came for a client that has its head already. */
  #arrive(outcome: Answer | Refusal): void {
    if (isRefusal(outcome)) return this.#refuse(outcome)
    if (outcome.status >= 300) return this.#refuse(this.#wordsFor(outcome), outcome)
    if (this.#isLeft) {
      discard(this.#errand, outcome)
      return this.#leave()
    }
    if (outcome.rest === undefined) return this.#giveWhole(outcome)
    this.#take(outcome)
    this.#begin()
  }

  #begin(): void {
    if (this.#pump === undefined) return
    const { form, candidate } = this.#pump.answer
    // However many routes take part in it, it is one stream.
    if (!this.#hasBegun && form !== undefined) this.#client.endAfter(candidate.streamClocks.durationMs)
    this.#hasBegun = true
    this.#pump.start()
    if (this.#client.isFull) this.#pump.pause()
  }

  #giveWhole(answer: Answer): void {
    const { exchange, gateway } = this.#errand
    const bytes = concat(answer.held)
    exchange.firstByteMs = gateway.clock.monotonicMs()
    exchange.bytesOut += bytes.byteLength
    exchange.chunksOut += 1
    exchange.copy?.add(bytes)
    this.#client.send(bytes)
    if (this.#meter !== undefined) meterWhole(this.#errand, answer, bytes)
    if (this.#errand.fill !== undefined) fillWhole(this.#errand.fill, answer, bytes, exchange)
    this.#settle('complete')
    this.#client.close()
  }

  /** The status is told already, so the refusal has to stand in the body. */
  #refuse(refusal: Refusal, answer?: Answer): void {
    const { exchange } = this.#errand
    if (answer !== undefined) discard(this.#errand, answer)
    exchange.refusal = refusal
    this.#settle(refusal.code === 'client_closed' ? 'client_closed' : 'failed')
    const held = answer === undefined || answer.rest !== undefined ? undefined : concat(answer.held)
    const isPlain = answer?.headers.has('content-encoding') === false
    const told = held === undefined || !isPlain ? undefined : faultOf(held, answer?.status ?? 502, exchange.dialect)
    if (this.#form === 'json') {
      const meant = { ...refusal, status: answer?.status ?? refusal.status }
      this.#client.send(told === undefined || held === undefined ? this.#errorBody(meant) : held)
      return this.#client.close()
    }
    const { code, message, status } = refusal
    this.#tell(
      told ?? {
        code: answer?.status === 429 ? 'rate_limit_exceeded' : code,
        message,
        status: answer?.status ?? status,
      },
    )
  }

  #errorBody(refusal: Refusal): Uint8Array {
    const { exchange } = this.#errand
    return encode(errorBody(exchange.dialect, refusal, exchange.id).body)
  }

  #wordsFor({ status }: Answer): Refusal {
    return refuse('upstream_error', `${cannotAnswer(this.#errand.plan)}: its backend answered ${status}`)
  }

  #stumble(error: unknown): void {
    const fault = this.#fault(error)
    if (this.#pump === undefined) return this.#refuse(fault)
    this.#pump.drop()
    this.#judge('neither')
    this.#fail({ ...endedEarly, code: fault.code, message: fault.message })
  }

  #fault(error: unknown): Refusal {
    const { gateway, exchange } = this.#errand
    const [reason, stack] = error instanceof Error ? [error.message, error.stack] : [String(error), undefined]
    gateway.log.write('error', 'internal_error', { requestId: exchange.id, reason, stack })
    return refuse('internal_error', 'Cannot answer: the gateway failed, its log tells more under this request id')
  }

  #mayLookFurther(): boolean {
    return !this.#isLeft && !this.#isCut && this.#said?.canContinue === true
  }

  /** Another route may go on with what the client has. */
  #lookFurther(why: Break): void {
    const { exchange, walk } = this.#errand
    this.#meter?.count(this.#pump, false)
    noteBreak(this.#errand, why)
    if (this.#pump !== undefined) walk.affinity?.leave(this.#pump.answer.candidate.stateKey, why.message)
    this.#client.awaitFor(0)
    exchange.cut = this
    this.#findRescuer()
      .then((found) => this.#goOn(found))
      .catch((error: unknown) => this.#stumble(error))
  }

  async #findRescuer(): Promise<Rescuer | undefined> {
    const said = this.#said
    const form = this.#form
    if (said === undefined || form === undefined || form === 'json') return undefined
    this.#rescue ??= new Rescue(this.#errand, form, said)
    return await this.#rescue.next()
  }

  #goOn(found: Rescuer | undefined): void {
    const { presence } = this.#errand
    const isWanted = !this.#isOver && !this.#isLeft && presence.gone === undefined
    if (found !== undefined && !isWanted) discard(this.#errand, found.answer)
    if (this.#isOver) return
    if (this.#isLeft || presence.hasLeft) return this.#leave()
    if (presence.gone !== undefined) return this.#fail(shuttingDown)
    if (found === undefined) return this.#fail(this.#why ?? endedEarly)
    this.#take(found.answer, found)
    this.#begin()
  }

  #leave(): void {
    this.#judge('neither')
    this.#settle('client_closed')
  }

  #fail({ outcome, code, message, ownWords }: Break): void {
    this.#settle(outcome, message)
    if (ownWords === undefined) return this.#tell({ code, message })
    this.#errand.exchange.bytesOut += ownWords.byteLength
    this.#errand.exchange.chunksOut += 1
    this.#client.send(ownWords)
    this.#client.close()
  }

  #tell(fault: Pick<StreamFault, 'code' | 'message' | 'status' | 'type'>): void {
    const form = this.#form
    const position = this.#pump?.position ?? 'start'
    if (form === undefined || form === 'json') return this.#client.reset(fault.message)
    const sequence = form === 'responses' ? this.#nextSequence(position) : undefined
    void this.#client.fail(form, { ...fault, requestId: this.#errand.exchange.id, position, sequence })
  }

  /** Events of the route that was to go on have numbers that the client was not told. */
  #nextSequence(position: GatePosition): number | undefined {
    if (this.#rescue !== undefined) return this.#said?.nextSequence
    return nextSequenceNumber(this.#pump?.tail ?? nothing, position)
  }

  /** What the body that flowed says about its route. */
  #judge(ending: Ending, reason?: string): void {
    if (this.#isJudged || this.#pump === undefined) return
    this.#isJudged = true
    const { gateway, plan, exchange } = this.#errand
    learnEnd(gateway, plan, this.#pump.answer.candidate, exchange, ending, reason)
  }

  #settle(outcome: Outcome, brokenBy?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#client.rest()
    const { exchange, gateway } = this.#errand
    exchange.brokenBy = brokenBy
    if (outcome === 'complete') exchange.copy?.complete()
    this.#meter?.settle(this.#pump, outcome === 'complete')
    if (outcome === 'complete') this.#errand.fill?.complete(exchange)
    settle(gateway, exchange, this.#isLeft ? 'client_closed' : outcome)
  }
}

const nothing = new Uint8Array(0)

/** Limit: milliseconds for which a stream is read on without its client (`streaming.on_disconnect: finish`). */
const finishMsMax = 60_000
