import { isAnswer, type Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Failure } from '#core/failure.ts'
import type { RescueMode } from '#core/plan.ts'
import { concat } from '#kit/bytes.ts'
import { isRejection } from '#translate/notes.ts'
import { asksForStream } from '#upstream/request.ts'
import { send } from '#upstream/send.ts'
import { Continuation } from '#wire/continuation.ts'
import { isContinuable, isPrefillRejection, prefilled } from '#wire/prefill.ts'
import type { SaidText } from '#wire/said-text.ts'
import { discard, orObjection } from './attempt.ts'
import { whoseIs, type Errand } from './errand.ts'
import { Flight } from './flight.ts'
import { tellSwitch } from './verdict.ts'
import type { Turn } from './walk.ts'

/** An answer that may go on with what the client has, and how. */
export interface Rescuer {
  readonly answer: Answer
  readonly continuation: Continuation
}

type Way = 'match' | 'prefill'

/** Looks for routes that go on with a stream which broke after its first content: one after the other, each once per way. */
export class Rescue {
  readonly #errand: Errand
  readonly #form: StreamForm
  readonly #said: SaidText
  /** The route whose turn it is, and how it may still be asked. */
  #open: { readonly turn: Turn; readonly ways: Way[]; wasAsked: boolean } | undefined
  isLooking = false

  constructor(errand: Errand, form: StreamForm, said: SaidText) {
    this.#errand = errand
    this.#form = form
    this.#said = said
  }

  /** Whether an answer to this call could be gone on with at all. */
  static suits(form: StreamForm, { body, endpoint }: Call): boolean {
    return endpoint.reads !== 'nothing' && body !== undefined && isContinuable(form, body)
  }

  /** The next route that answers; undefined when nobody is left, or there is nobody to look for. */
  async next(): Promise<Rescuer | undefined> {
    this.isLooking = true
    this.#errand.walk.answerBegan()
    try {
      return await this.#look()
    } finally {
      this.isLooking = false
    }
  }

  async #look(): Promise<Rescuer | undefined> {
    const { gateway, exchange, plan, call, presence, walk } = this.#errand
    for (;;) {
      if (presence.gone !== undefined) return undefined
      this.#open ??= this.#nextRoute()
      if (this.#open === undefined) return undefined
      const { turn, ways, wasAsked } = this.#open
      const way = ways.shift()
      if (way === undefined) {
        this.#open = undefined
        continue
      }
      const asked = this.#callFor(turn.candidate, way)
      if (asked === undefined) {
        if (!wasAsked && ways.length === 0) walk.declined(turn, 'its request cannot hold the text so far')
        continue
      }
      const translation = await gateway.translator.translate(asked.call, turn.candidate, whoseIs(this.#errand))
      if (translation !== undefined && isRejection(translation)) {
        if (!wasAsked && ways.length === 0) walk.declined(turn, translation.message)
        continue
      }
      // Asking the same route in another way is an attempt as well.
      if (wasAsked && !walk.mayAskAgain()) return undefined
      this.#open.wasAsked = true

      tellSwitch(gateway, exchange, turn)
      const firstContentMs = asksForStream(call) ? turn.candidate.streamClocks.firstContentMs : 0
      const flight = new Flight(gateway, plan, exchange, turn, { leftMs: Infinity, firstContentMs, translation })
      flight.record.rescue = way
      presence.watch(flight.stop)
      const brought = await send(gateway, asked.call, turn.candidate, plan, flight)
      const outcome = flight.land(orObjection(brought, this.#form))
      if (isAnswer(outcome)) {
        if (outcome.form === this.#form && outcome.rest !== undefined) {
          return { answer: outcome, continuation: new Continuation(this.#said, way, asked.cut, turn.candidate.prefill) }
        }
        exchange.ride?.pay()
        discard({ gateway, exchange }, outcome)
      } else if (way === 'prefill' && rejectsPrefill(outcome)) {
        gateway.prefillRefusers.add(turn.candidate.stateKey)
      } else if (outcome.held === undefined) {
        // Who did not answer at all will not do so when asked in another way.
        this.#open = undefined
      }
    }
  }

  #nextRoute(): { turn: Turn; ways: Way[]; wasAsked: boolean } | undefined {
    const { walk, plan } = this.#errand
    for (let turn = walk.next(); turn !== undefined; turn = walk.next()) {
      const ways = waysOf(plan.streaming.rescue).filter((way) => way === 'match' || this.#mayPrefill(turn.candidate))
      if (ways.length > 0) return { turn, ways, wasAsked: false }
      walk.declined(turn, 'it does not go on with a text that it did not begin')
    }
    return undefined
  }

  #mayPrefill({ prefill, stateKey }: Candidate): boolean {
    return prefill !== undefined && !this.#errand.gateway.prefillRefusers.has(stateKey)
  }

  /** The call as it is, or with the text so far in it; undefined where that cannot be done. */
  #callFor({ prefill }: Candidate, way: Way): { readonly call: Call; readonly cut: string } | undefined {
    const { call } = this.#errand
    if (way === 'match') return { call, cut: '' }
    if (prefill === undefined || call.body === undefined) return undefined
    const made = prefilled(this.#form, call.body, call.modelAt, this.#said.text, prefill)
    if (made === undefined) return undefined
    return { call: { ...call, body: concat(made.body), modelAt: made.modelAt }, cut: made.cut }
  }
}

function waysOf(mode: RescueMode): Way[] {
  if (mode === 'match_then_prefill') return ['match', 'prefill']
  return mode === 'off' ? [] : [mode]
}

function rejectsPrefill({ status, held }: Failure): boolean {
  return status !== undefined && held !== undefined && isPrefillRejection(status, Buffer.from(held.body).toString())
}
