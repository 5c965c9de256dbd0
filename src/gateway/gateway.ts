import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import type { HealthBook } from '#core/health.ts'
import type { Credentials } from '#credential/credentials.ts'
import type { Roster } from '#kit/roster.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { Log } from '#ports/log.ts'
import type { Random } from '#ports/random.ts'
import type { TimerWheel } from '#ports/timer-wheel.ts'
import type { Transport } from '#ports/transport.ts'
import type { Figures } from '#route/figures.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Breakers } from '#upstream/breaker.ts'
import type { Translator } from './translator.ts'

/** What outlives a request: the current snapshot, what traffic taught us, and the outside world. */
export interface Gateway {
  /** Read once per request. */
  current(): Snapshot
  readonly breakers: Breakers
  /** Whose turn it is where a backend has several credentials, and who of them rests. */
  readonly credentials: Credentials
  /** What checks found out about backends. */
  readonly health: HealthBook
  /** What strategies and affinity go by. */
  readonly figures: Figures
  /** Routes, by state key, that were asked to go on with a text and said that they never do. */
  readonly prefillRefusers: Set<string>
  /** Exchanges that are not settled yet; shutdown waits for them. */
  readonly live: Roster<Exchange>
  readonly sinks: readonly ExchangeSink[]
  readonly clock: Clock
  /** For time limits that nearly every request meets. */
  readonly wheel: TimerWheel
  readonly random: Random
  readonly ids: Ids
  readonly transport: Transport
  readonly translator: Translator
  readonly log: Log
}
