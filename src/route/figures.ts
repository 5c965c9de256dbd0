import { isAnswer, type Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Debt } from '#core/debts.ts'
import type { Failure } from '#core/failure.ts'
import { Owners } from './owners.ts'
import { Pins } from './pins.ts'
import type { Easing } from './slow-start.ts'

/** What traffic taught about routes, as far as a strategy goes by it. Looking changes nothing. */
export interface FiguresView {
  /** Who stays with which route. */
  readonly pins?: Pins
  /** Requests that the route works on. */
  inFlightOf(stateKey: string): number
  /** Those of them whose answer has not begun. */
  waitingOf(stateKey: string): number
  /** Milliseconds until an answer begins; undefined while none was seen. Old news fade, so that the slow get another chance. */
  latencyOf(stateKey: string, isStream: boolean, nowMs: number): number | undefined
  /** What a route of an alias has saved up towards its next turn. */
  creditOf(alias: string, stateKey: string): number
}

/**
 * Load, speed and turns of routes, and who stays with which of them. Lives outside the snapshot, by `Candidate.stateKey`
 * and alias, and outlives a reload. Holds only what some plan asks for.
 */
export class Figures implements FiguresView {
  readonly pins = new Pins()
  readonly owners = new Owners()
  readonly #loads = new Map<string, Load>()
  readonly #credits = new Map<string, Map<string, number>>()
  /** Undefined until a snapshot said which routes there are. */
  #known: ReadonlySet<string> | undefined

  inFlightOf(stateKey: string): number {
    return this.#loads.get(stateKey)?.inFlight ?? 0
  }

  waitingOf(stateKey: string): number {
    return this.#loads.get(stateKey)?.waiting ?? 0
  }

  latencyOf(stateKey: string, isStream: boolean, nowMs: number): number | undefined {
    const load = this.#loads.get(stateKey)
    return (isStream ? load?.streams : load?.others)?.at(nowMs)
  }

  creditOf(alias: string, stateKey: string): number {
    return this.#credits.get(alias)?.get(stateKey) ?? 0
  }

  /** An attempt sets out, with `rivals` for the same turn. What it gives is owed until its body is over. */
  begin(stateKey: string, isStream: boolean, rivals: readonly Candidate[] = []): Ride {
    let load = this.#loads.get(stateKey)
    if (load === undefined) {
      load = { inFlight: 0, waiting: 0, streams: new Average(), others: new Average() }
      // An old exchange may still ask a route that a reload removed.
      if (this.#known?.has(stateKey) !== false) this.#loads.set(stateKey, load)
    }
    return new Ride(this, load, isStream, rivals)
  }

  /** Milliseconds after which the slowest of them that is known answers; 0 when none is. */
  slowestOf(candidates: readonly Candidate[], isStream: boolean): number {
    let slowestMs = 0
    for (const { stateKey } of candidates) {
      const load = this.#loads.get(stateKey)
      slowestMs = Math.max(slowestMs, (isStream ? load?.streams : load?.others)?.answeredMs ?? 0)
    }
    return slowestMs
  }

  /**
   * A turn was taken (smooth weighted round robin, as in nginx): all that could have had it save up their weight, and who
   * had it pays for all. Those that rest neither save nor pay.
   */
  takeTurn(alias: string, able: readonly Candidate[], taken: Candidate, easing?: Easing): void {
    let credits = this.#credits.get(alias)
    if (credits === undefined) this.#credits.set(alias, (credits = new Map()))
    const isEven = able.every(({ weight }) => weight === 0)
    const gainOf = (candidate: Candidate): number => (isEven ? 1 : candidate.weight) * (easing?.easeOf(candidate) ?? 1)
    let total = 0
    for (const candidate of able) total += gainOf(candidate)
    for (const candidate of able) {
      const { stateKey } = candidate
      const credit = (credits.get(stateKey) ?? 0) + gainOf(candidate) - (candidate === taken ? total : 0)
      // What was saved up under other weights, before a reload, buys no more than one round.
      credits.set(stateKey, Math.min(total, Math.max(-total, credit)))
    }
  }

  /** After a start or a reload: forgets what is no longer configured. */
  retain(stateKeys: ReadonlySet<string>, aliases: { has(alias: string): boolean }): void {
    this.#known = stateKeys
    for (const key of this.#loads.keys()) if (!stateKeys.has(key)) this.#loads.delete(key)
    for (const [alias, credits] of this.#credits) {
      if (!aliases.has(alias)) this.#credits.delete(alias)
      for (const key of credits.keys()) if (!stateKeys.has(key)) credits.delete(key)
    }
    this.pins.retain(stateKeys, aliases)
  }

  /** Nothing is known of these any more, and nobody stays with them. */
  forget(stateKeys: ReadonlySet<string>): void {
    for (const key of stateKeys) this.#loads.delete(key)
    for (const credits of this.#credits.values()) for (const key of stateKeys) credits.delete(key)
    this.pins.forget(stateKeys)
  }

  /** Routes whose load is known. Limit: one per configured route. */
  get size(): number {
    return this.#loads.size
  }
}

interface Load {
  inFlight: number
  waiting: number
  /** A stream begins long before an answer that comes whole, so each kind is compared with its own. */
  readonly streams: Average
  readonly others: Average
}

/** One attempt on its route, from setting out until its body is over. */
export class Ride implements Debt {
  readonly #figures: Figures
  readonly #load: Load
  readonly #isStream: boolean
  readonly #rivals: readonly Candidate[]
  #isWaiting = true
  #isOver = false

  constructor(figures: Figures, load: Load, isStream: boolean, rivals: readonly Candidate[]) {
    this.#figures = figures
    this.#load = load
    this.#isStream = isStream
    this.#rivals = rivals
    load.inFlight += 1
    load.waiting += 1
  }

  /** The answer began, or there is none. Whoever refuses at once must not look like the fastest. */
  land(outcome: Answer | Failure, tookMs: number, nowMs: number): void {
    const average = this.#isStream ? this.#load.streams : this.#load.others
    if (isAnswer(outcome) && outcome.status < 400) average.answered(tookMs, nowMs)
    else if (!isAnswer(outcome) && wasCutShort(outcome)) this.#gaveUp(average, tookMs, nowMs)
    else average.add(Math.max(tookMs, failureMs, 2 * this.#slowestMs()), nowMs)
    this.#stopWaiting()
    if (!isAnswer(outcome)) this.pay()
  }

  /** Nobody knows when the answer would have begun, only that it would have been later: never better news than before. */
  #gaveUp(average: Average, tookMs: number, nowMs: number): void {
    if (tookMs > (average.at(nowMs) ?? this.#slowestMs())) average.add(tookMs, nowMs)
  }

  #slowestMs(): number {
    return this.#figures.slowestOf(this.#rivals, this.#isStream)
  }

  pay(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopWaiting()
    this.#load.inFlight -= 1
  }

  #stopWaiting(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#load.waiting -= 1
  }
}

/** It ended by the doing of others: its client left, or the deadline came that those before it had used up. */
function wasCutShort({ side, reason, cools }: Failure): boolean {
  return side !== 'upstream' || (reason === 'total_timeout' && !cools)
}

/** As which an attempt counts at least that failed. */
const failureMs = 10_000

/** A moving average that fades while there is no news. */
class Average {
  /** The same of answers alone, which does not fade; undefined while there was none. */
  answeredMs: number | undefined
  #ms: number | undefined
  #sinceMs = 0

  answered(ms: number, nowMs: number): void {
    this.answeredMs = mixed(this.answeredMs, ms, newsShare)
    this.add(ms, nowMs)
  }

  add(ms: number, nowMs: number): void {
    // The older the old news, the less they count.
    const share = 1 - 0.5 ** (Math.max(0, nowMs - this.#sinceMs) / halfLifeMs)
    this.#ms = mixed(this.#ms, ms, Math.max(newsShare, share))
    this.#sinceMs = nowMs
  }

  at(nowMs: number): number | undefined {
    return this.#ms === undefined ? undefined : this.#ms * 0.5 ** (Math.max(0, nowMs - this.#sinceMs) / halfLifeMs)
  }
}

function mixed(before: number | undefined, news: number, share: number): number {
  return before === undefined ? news : before + (news - before) * share
}

const newsShare = 0.25
const halfLifeMs = 30_000
