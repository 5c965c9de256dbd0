import { isAnswer, type Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Failure } from '#core/failure.ts'
import type { RescueMode } from '#core/plan.ts'
import { concat } from '#kit/bytes.ts'
import { send } from '#upstream/send.ts'
import { Continuation } from '#wire/continuation.ts'
import { isContinuable, isPrefillRejection, prefilled } from '#wire/prefill.ts'
import type { SaidText } from '#wire/said-text.ts'
import type { Errand } from './errand.ts'
import { Flight } from './flight.ts'
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
  /** Still to be asked in these ways, before the next route's turn. */
  #open: { readonly turn: Turn; readonly ways: Way[] } | undefined
  isLooking = false

  constructor(errand: Errand, form: StreamForm, said: SaidText) {
    this.#errand = errand
    this.#form = form
    this.#said = said
  }

  /** Whether an answer to this call could be gone on with at all. */
  static suits(form: StreamForm, { body }: Call): boolean {
    return body !== undefined && isContinuable(form, body)
  }

  /** The next route that answers; undefined when nobody is left, or there is nobody to look for. */
  async next(): Promise<Rescuer | undefined> {
    this.isLooking = true
    this.#errand.walk.answerBegan()
    const found = await this.#look()
    this.isLooking = false
    return found
  }

  async #look(): Promise<Rescuer | undefined> {
    const { gateway, exchange, plan, presence, walk } = this.#errand
    for (;;) {
      if (presence.gone !== undefined) return undefined
      const step = this.#step()
      if (step === undefined) return undefined
      const { turn, way } = step
      const asked = this.#callFor(turn.candidate, way)
      if (asked === undefined) {
        if (this.#open === undefined) walk.declined(turn, 'its request cannot hold the text so far')
        continue
      }
      if (turn.pauseMs > 0) await presence.pause(gateway.clock, turn.pauseMs)
      if (presence.gone !== undefined) return undefined

      const flight = new Flight(gateway, plan, exchange, turn, Infinity)
      flight.record.rescue = way
      presence.watch(flight.stop)
      const outcome = flight.land(await send(gateway, asked.call, turn.candidate, plan, flight))
      if (!isAnswer(outcome)) {
        if (way === 'prefill' && rejectsPrefill(outcome)) gateway.prefillRefusers.add(turn.candidate.stateKey)
        // The same route may still be asked in another way; whether it is asked once more in this one is for the walk.
        if (this.#open === undefined) walk.missed(turn, outcome)
        continue
      }
      if (outcome.form !== this.#form || outcome.rest === undefined) {
        outcome.rest?.cancel()
        continue
      }
      return { answer: outcome, continuation: new Continuation(this.#said, way, asked.cut) }
    }
  }

  #step(): { readonly turn: Turn; readonly way: Way } | undefined {
    this.#open ??= this.#nextRoute()
    const way = this.#open?.ways.shift()
    if (this.#open === undefined || way === undefined) return undefined
    const { turn } = this.#open
    if (this.#open.ways.length === 0) this.#open = undefined
    return { turn, way }
  }

  #nextRoute(): { turn: Turn; ways: Way[] } | undefined {
    const { walk, plan } = this.#errand
    for (let turn = walk.next(); turn !== undefined; turn = walk.next()) {
      const ways = waysOf(plan.streaming.rescue).filter((way) => way === 'match' || this.#mayPrefill(turn.candidate))
      if (ways.length > 0) return { turn, ways }
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
