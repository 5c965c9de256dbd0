import type { Cache } from '#cache/cache.ts'
import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import type { Refusal } from '#core/refusal.ts'
import type { HealthBook } from '#core/health.ts'
import type { HookBook } from '#hook/book.ts'
import type { Credentials } from '#credential/credentials.ts'
import type { Repeats } from '#idempotency/repeats.ts'
import type { Tokens } from '#identity/tokens.ts'
import type { Roster } from '#kit/roster.ts'
import type { Budgets } from '#limit/budget.ts'
import type { Limits } from '#limit/limits.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { Log } from '#ports/log.ts'
import type { Random } from '#ports/random.ts'
import type { TimerWheel } from '#ports/timer-wheel.ts'
import type { Transport } from '#ports/transport.ts'
import type { Figures } from '#route/figures.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Breakers } from '#upstream/breaker.ts'
import type { PriceBook } from '#usage/price-book.ts'
import type { Translator } from './translator.ts'

/** What outlives a request: the current snapshot, what traffic taught us, and the outside world. */
export interface Gateway {
  /** Read once per request. */
  current(): Snapshot
  readonly breakers: Breakers
  /** Whose turn it is where a backend has several credentials, and who of them rests. */
  readonly credentials: Credentials
  /** Tokens of clients that were checked; absent: none is accepted. */
  readonly tokens?: Tokens | undefined
  /** What checks found out about backends. */
  readonly health: HealthBook
  /** What strategies and affinity go by. */
  readonly figures: Figures
  /** What was taken of limits, and who runs and waits. */
  readonly limits: Limits
  /** Answers that may be given again; absent: none is. */
  readonly cache?: Cache | undefined
  /** What calls taught about the operator's hooks; absent: none is called. */
  readonly hooks?: HookBook | undefined
  /** Routes, by state key, that were asked to go on with a text and said that they never do. */
  readonly prefillRefusers: Set<string>
  /** Exchanges that are not settled yet; shutdown waits for them. */
  readonly live: Roster<Exchange>
  readonly sinks: readonly ExchangeSink[]
  /** Is told who was turned away beside the road; undefined: nobody counts. */
  readonly onTurnedAway?: ((refusal: Refusal) => void) | undefined
  readonly clock: Clock
  /** For time limits that nearly every request meets. */
  readonly wheel: TimerWheel
  readonly random: Random
  readonly ids: Ids
  readonly transport: Transport
  readonly translator: Translator
  /** What tokens cost; absent: nobody knows. */
  readonly prices?: PriceBook | undefined
  /** What was spent of budgets; absent: nobody keeps any. */
  readonly budgets?: Budgets | undefined
  /** Requests with a key of their own that were done; absent: nothing of them is remembered. */
  readonly repeats?: Repeats | undefined
  readonly log: Log
}
