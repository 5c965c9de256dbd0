import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { CredentialRing, CredentialSet } from '#core/credential.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Owner } from '#core/owner.ts'
import type { Plan, Tier } from '#core/plan.ts'
import { servesItself } from '#core/serving.ts'
import type { BackendPlace } from '#limit/backend-slots.ts'
import { affinityOf, type Affinity } from '#route/affinity.ts'
import { Course, objectionTo, reasonOf, waitMsMax, type Objection } from '#route/course.ts'
import type { ChoiceNotes } from '#route/ejection.ts'
import { SlowStart } from '#route/slow-start.ts'
import { plainOutlook, type Ability, type Outlook } from '#route/strategy.ts'
import { retryDelayMs } from '#upstream/backoff.ts'
import { CredentialUse } from './credential-use.ts'
import type { Gateway } from './gateway.ts'
import { isRequestsFault, type Miss } from './no-answer.ts'

/** A candidate whose turn it is. */
export interface Turn {
  readonly candidate: Candidate
  readonly tier: Tier
  /** Pause before it; only a retry on the same route has one. */
  readonly pauseMs: number
  /** Undefined when the request belongs to no others. */
  readonly affinity?: Affinity | undefined
  /** Undefined where the backend has its one key, or none. */
  readonly credential?: CredentialUse | undefined
  /** It rests, and is asked for want of others. */
  readonly isResting?: boolean | undefined
}

/** What is known of a request that makes some routes better for it than others. */
export interface Belonging {
  /** Who has what it speaks of. */
  readonly owner?: Owner | undefined
  /** Who asks, where callers are told apart. */
  readonly caller?: string | undefined
  /** Its place at a backend, where only so many may run; undefined: everywhere any number may. */
  readonly place?: BackendPlace | undefined
  /** What is left of the budgets of backends; undefined: they have none. */
  readonly purse?: Purse | undefined
}

/** Pays for a request at whichever backend it asks. */
export interface Purse {
  /** Takes what it may come to there; false: nothing is left for it. */
  mayAsk(backend: string): boolean
}

/** A candidate that was passed over until its time comes. */
interface Resting {
  readonly candidate: Candidate
  readonly tier: Tier
  readonly untilMs: number
}

/** One request's way through its plan: whose turn is next, and when it is over. Sends nothing itself. */
export class Walk implements Ability, ChoiceNotes {
  readonly misses: Miss[] = []
  /** The resting candidate that recovers first. */
  soonest: Resting | undefined
  /** For as long as one turn is looked for. */
  places: ChoiceNotes['places']
  /** Somebody was passed over for nothing but failed health checks. */
  hasUnwell = false
  /** The one of them that may be asked all the same. */
  #leastBad: Resting | undefined
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #startedMs: number
  readonly #outlook: Outlook
  readonly #owner: Owner | undefined
  #course: Course
  #retries = 0
  #retry: Turn | undefined
  #turns = 0
  #isOver = false
  #hasBegun = false
  /** Nobody who is well can be asked, so health checks count for nothing. */
  #isFailingOpen = false
  readonly place: BackendPlace | undefined
  readonly #purse: Purse | undefined
  /** Backends that were passed over since they are full. */
  #full: Set<string> | undefined
  #hasWaited = false

  constructor(gateway: Gateway, plan: Plan, call: Call, exchange: Exchange, belonging: Belonging = {}) {
    const { owner, caller, place, purse } = belonging
    this.#gateway = gateway
    this.#plan = plan
    this.#call = call
    this.#exchange = exchange
    this.#startedMs = gateway.clock.monotonicMs()
    const isPlain = plan.balance === undefined && plan.slowStartMs === 0
    this.#owner = owner
    this.place = place
    this.#purse = purse
    this.#outlook = isPlain ? plainOutlook : outlookFor(this, gateway, plan, call, exchange, caller)
    if (owner !== undefined && this.affinity !== undefined) this.affinity.isBound = true
    this.#course = new Course(plan, exchange.seed, this.#outlook, call.endpoint)
  }

  /** Undefined when the request belongs to no others. */
  get affinity(): Affinity | undefined {
    return this.#outlook.affinity
  }

  /** What the request speaks of was made for who asks. */
  get isOwned(): boolean {
    return this.#owner?.caller !== undefined
  }

  isAble(candidate: Candidate): boolean {
    return this.#objectionTo(candidate, this.#gateway.clock.monotonicMs()) === undefined
  }

  /** Milliseconds until the plan's deadline; without one, until waiting for a resting route makes no sense. */
  leftMs(): number {
    const limitMs = this.#plan.deadlineMs === 0 ? waitMsMax : this.#plan.deadlineMs
    return this.#startedMs + limitMs - this.#gateway.clock.monotonicMs()
  }

  /** Whose turn is next, best first; undefined when nobody is left or the limits are reached. */
  next(): Turn | undefined {
    if (this.place !== undefined && this.#retry === undefined) this.place.leave()
    if (!this.#mayGoOn()) return undefined
    const turn = this.#retry ?? this.#takeNext() ?? this.#takeUnwell() ?? this.#takeLeastBad()
    if (turn !== undefined) this.#turns += 1
    this.#retry = undefined
    return turn
  }

  /** The turn did not bring an answer: is the same route asked again, another one, or nobody? */
  missed(turn: Turn, failure: Failure): void {
    const { candidate, credential } = turn
    this.affinity?.leave(candidate.stateKey, failure.message)
    if (credential?.isToBlame === true) return this.#missedBy(credential, turn, failure)
    this.misses.push({ candidate, failure, ...(turn.isResting === true && { wasResting: true }) })
    const pauseMs = this.#pauseBeforeRetry(failure)
    if (pauseMs === undefined) {
      if (!failure.tryNext || this.#isRequestsFault()) this.#isOver = true
      return
    }
    this.#retries += 1
    this.#retry = { ...turn, pauseMs, affinity: this.#outlook.affinity }
    this.#gateway.log.write('debug', 'retry_waits', {
      requestId: this.#exchange.id,
      backend: candidate.backend.name,
      waitMs: pauseMs,
    })
  }

  /** The turn failed, and taught how its route wants to be asked: it is asked again that way, at once. */
  mended(turn: Turn, failure: Failure): void {
    this.misses.push({ candidate: turn.candidate, failure })
    this.#retry = { ...turn, pauseMs: 0 }
  }

  /** The turn was not used: it is no attempt, and what it took is given back. */
  declined({ candidate }: Turn, reason: string): void {
    this.#turns -= 1
    this.#gateway.breakers.release(candidate.stateKey, this.#exchange.id)
    this.#note(candidate, reason)
  }

  /** One more request to a route whose turn it is already; false when the request may make no more. */
  mayAskAgain(): boolean {
    if (!this.#mayGoOn()) return false
    this.#turns += 1
    return true
  }

  /** The deadline was kept, and is of no concern to what comes after it. */
  answerBegan(): void {
    this.#hasBegun = true
  }

  /** From the best tier on again, after a wait for a resting route. */
  startOver(): void {
    this.#course = new Course(this.#plan, this.#exchange.seed, this.#outlook, this.#call.endpoint)
    this.soonest = undefined
    this.#leastBad = undefined
    this.hasUnwell = false
    this.#isFailingOpen = false
  }

  /** Backends that are full, where one of them may be asked as soon as it is not. */
  get full(): ReadonlySet<string> | undefined {
    return this.#mayGoOn() ? this.#full : undefined
  }

  /** One of them has room again: everybody is asked who was not yet. */
  placeCame(): void {
    this.#full = undefined
    this.#hasWaited = true
    this.startOver()
  }

  #takeNext(): Turn | undefined {
    this.#retries = 0
    this.places = undefined
    const { breakers, clock } = this.#gateway
    const { breaker } = this.#plan
    for (;;) {
      const candidate = this.#course.next()
      const { tier } = this.#course
      if (candidate === undefined || tier === undefined) return undefined
      const nowMs = clock.monotonicMs()
      const objection = this.#objectionTo(candidate, nowMs)
      if (objection !== undefined) {
        this.#passOver(candidate, tier, objection, nowMs)
        continue
      }
      if (this.place !== undefined && !this.#mayHavePlace(candidate, this.place)) continue
      if (this.#purse !== undefined && !this.#mayPay(candidate, this.#purse)) continue
      // Takes the probe of a half-open circuit, if there is one to take.
      breakers.mayTry(candidate.stateKey, nowMs, breaker, this.#exchange.id)
      if (tier.strategy === 'round_robin') this.#takeTurn(tier, candidate, nowMs)
      return this.#turnOf(candidate, tier, nowMs)
    }
  }

  /** Checks may be wrong: where they leave nobody, those who fail them are asked as if they were well. */
  #takeUnwell(): Turn | undefined {
    if (!this.hasUnwell || this.#isFailingOpen || this.#turns > 0 || !this.#plan.failsOpen) return undefined
    this.#isFailingOpen = true
    this.#course = new Course(this.#plan, this.#exchange.seed, this.#outlook, this.#call.endpoint)
    return this.#takeNext()
  }

  /** Better than giving up, where the operator says so; also when others were asked before and failed. */
  #takeLeastBad(): Turn | undefined {
    if (this.#leastBad === undefined || this.#plan.whenAllCooling !== 'least_bad') return undefined
    const { candidate, tier } = this.#leastBad
    this.#leastBad = undefined
    if (this.place !== undefined && !this.#mayHavePlace(candidate, this.place)) return undefined
    if (this.#purse !== undefined && !this.#mayPay(candidate, this.#purse)) return undefined
    const turn = this.#turnOf(candidate, tier, this.#gateway.clock.monotonicMs())
    if (turn.credential === undefined && candidate.backend.credentials !== undefined) return undefined
    this.soonest = undefined
    return { ...turn, isResting: true }
  }

  /** After a wait those who failed before it are not asked again. */
  #mayHavePlace(candidate: Candidate, place: BackendPlace): boolean {
    if (this.#hasWaited && this.misses.some((miss) => miss.candidate === candidate)) return false
    const { name } = candidate.backend
    if (!place.isFull(name)) return true
    ;(this.#full ??= new Set()).add(name)
    this.#note(candidate, `it is full, ${place.limit} requests run there`)
    return false
  }

  #mayPay(candidate: Candidate, purse: Purse): boolean {
    if (purse.mayAsk(candidate.backend.name)) return true
    this.#note(candidate, 'nothing is left of its budget')
    return false
  }

  #turnOf(candidate: Candidate, tier: Tier, nowMs: number): Turn {
    this.place?.moveTo(candidate.backend.name)
    const { affinity } = this.#outlook
    const { credentials: set } = candidate.backend
    if (set === undefined) return { candidate, tier, pauseMs: 0, affinity, credential: undefined }
    const ring = this.#gateway.credentials.ringOf(set)
    return {
      candidate,
      tier,
      pauseMs: 0,
      affinity,
      credential: ring && this.#credentialOf(ring, candidate, set, nowMs),
    }
  }

  /** Whoever made it, if there is one; else the one whose account has the prompts; else whose turn it is. */
  #credentialOf(
    ring: CredentialRing,
    candidate: Candidate,
    set: CredentialSet,
    nowMs: number,
  ): CredentialUse | undefined {
    const only = this.#boundTo(set)
    if (only !== undefined) return CredentialUse.only(ring, nowMs, candidate.model, only)
    const { affinity } = this
    const wanted = affinity?.pinned === candidate.stateKey ? affinity.credential : undefined
    return CredentialUse.first(ring, nowMs, candidate.model, wanted)
  }

  /** Of several credentials the one that alone may be used; one that is gone binds nobody. */
  #boundTo(set: CredentialSet | undefined): string | undefined {
    const name = this.#owner?.credential
    return name !== undefined && set?.backend === this.#owner?.backend && set?.names.includes(name) === true
      ? name
      : undefined
  }

  /** The failure was the credential's own: another one takes the turn at the same route, at once. */
  #missedBy(last: CredentialUse, { candidate, tier }: Turn, failure: Failure): void {
    const { clock, log } = this.#gateway
    const nowMs = clock.monotonicMs()
    const told = { requestId: this.#exchange.id, backend: candidate.backend.name }
    const mayGoOn = this.#mayGoOn()
    const next = mayGoOn ? last.next(nowMs) : undefined
    if (next !== undefined) {
      this.misses.push({ candidate, failure })
      this.#retry = { candidate, tier, pauseMs: 0, affinity: this.#outlook.affinity, credential: next }
      const [from, to] = [last.credential.name, next.credential.name]
      if (next.credential !== last.credential) log.write('info', 'credential_switched', { ...told, from, to })
      return
    }
    if (!failure.tryNext) this.#isOver = true
    if (last.isInDoubt) {
      this.misses.push({ candidate, failure })
      return
    }
    const untilMs = last.restsUntil(nowMs)
    if (mayGoOn || untilMs !== undefined) {
      this.misses.push({ candidate, failure, noCredentialMs: Math.max(0, (untilMs ?? nowMs) - nowMs) })
      const client = this.#exchange.client.address
      log.write('error', 'credentials_exhausted', { ...told, client, reason: failure.message })
    } else this.misses.push({ candidate, failure })
  }

  /** Who was asked because the request belongs to it took nobody's turn. */
  #takeTurn(tier: Tier, taken: Candidate, nowMs: number): void {
    if (this.#outlook.affinity?.pinned === taken.stateKey) return
    const able = tier.candidates.filter(
      (candidate) =>
        candidate === taken ||
        (this.#sharesTurns(candidate, taken) && this.#objectionTo(candidate, nowMs) === undefined),
    )
    this.#gateway.figures.takeTurn(tier.alias, able, taken, this.#outlook.easing)
  }

  /** Who comes behind all those that need no translation has no turn among them. */
  #sharesTurns(candidate: Candidate, taken: Candidate): boolean {
    const { endpoint } = this.#call
    if (this.#plan.compat?.prefersNative !== true) return true
    return servesItself(candidate, endpoint) === servesItself(taken, endpoint)
  }

  #objectionTo(candidate: Candidate, nowMs: number): Objection | undefined {
    const only = this.#owner === undefined ? undefined : this.#boundTo(candidate.backend.credentials)
    const objection = objectionTo(candidate, this.#call.endpoint, this.#gateway, nowMs, this.#plan, this, only)
    return this.#isFailingOpen && objection?.why === 'unhealthy' ? undefined : objection
  }

  /**
   * Two backends that refuse a request in the same way are right, unless they speak of themselves: a key without money
   * may be told by a 400 too.
   */
  #isRequestsFault(): boolean {
    return isRequestsFault(this.misses.filter((miss) => !miss.failure.cools))
  }

  /** Milliseconds, or undefined when asking the same route again makes no sense. */
  #pauseBeforeRetry(failure: Failure): number | undefined {
    const { retry, cooldown, deadlineMs } = this.#plan
    const mayMend = failure.retrySame && (failure.status === undefined || retry.retriesStatus(failure.status))
    if (!mayMend || this.#retries >= retry.retriesMax || !this.#mayGoOn()) return undefined
    const askedMs = cooldown.respectRetryAfter ? (failure.retryAfterMs ?? 0) : 0
    // Who asks for a longer pause than we would make is not asked again, but another one.
    if (askedMs > retry.delayMsMax) return undefined
    const pauseMs = Math.max(askedMs, retryDelayMs(retry, this.#retries, this.#gateway.random))
    // Another route may answer in time; this one cannot.
    return deadlineMs !== 0 && !this.#hasBegun && pauseMs >= this.leftMs() ? undefined : pauseMs
  }

  #mayGoOn(): boolean {
    if (this.#isOver || this.#turns >= this.#plan.attemptsMax) return false
    return this.#plan.deadlineMs === 0 || this.#hasBegun || this.leftMs() > 0 || this.misses.length === 0
  }

  #passOver(candidate: Candidate, tier: Tier, objection: Objection, nowMs: number): void {
    if (objection.why !== 'dialect') {
      const resting = { candidate, tier, untilMs: objection.untilMs }
      this.soonest = sooner(this.soonest, resting)
      if (objection.why === 'unhealthy') this.hasUnwell = true
      // What a backend refused it is not shown again before its time.
      else if (objection.why !== 'credentials') this.#leastBad = sooner(this.#leastBad, resting)
    }
    // Everybody was told of already.
    if (this.#isFailingOpen) return
    const reason = reasonOf(objection, candidate, this.#call.endpoint, nowMs)
    this.affinity?.leave(candidate.stateKey, reason)
    this.#note(candidate, reason)
  }

  #note({ backend, model }: Candidate, reason: string): void {
    const skips = (this.#exchange.skips ??= [])
    if (skips.length >= skipsMax) return
    skips.push({ backend: backend.name, model, reason })
    const { log } = this.#gateway
    if (log.keeps('debug')) {
      log.write('debug', 'route_skipped', { requestId: this.#exchange.id, backend: backend.name, model, reason })
    }
  }
}

function sooner(one: Resting | undefined, other: Resting): Resting {
  return one !== undefined && one.untilMs <= other.untilMs ? one : other
}

function outlookFor(
  ability: Ability,
  gateway: Gateway,
  { alias, balance, slowStartMs }: Plan,
  call: Call,
  { stream }: Exchange,
  caller: string | undefined,
): Outlook {
  const { figures, clock } = gateway
  const nowMs = clock.monotonicMs()
  const affinity = balance?.affinity && affinityOf(figures.pins, balance.affinity, alias, call, nowMs, caller)
  const easing = slowStartMs === 0 ? undefined : new SlowStart(gateway, slowStartMs, clock)
  return { figures, affinity, isStream: stream, nowMs, ability, easing }
}

/** Limit: candidates of one request whose passing over is told. */
const skipsMax = 50
