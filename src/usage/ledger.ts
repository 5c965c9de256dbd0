import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import { addTo, blankTally, count, type Tally } from './tally.ts'

/** Whose requests a row sums up, on one day. */
export interface LedgerRow {
  /** `2026-01-13` */
  readonly day: string
  readonly caller: string
  readonly alias: string
  readonly backend: string
  readonly model: string
  readonly tally: Tally
}

/** All requests of one hour. */
export interface LedgerHour {
  /** `2026-01-13 09` */
  readonly hour: string
  readonly tally: Tally
}

/** Tells the hour of a time: `2026-01-13 09`. */
export type HourOf = (wallMs: number) => string

/** What was added since it was asked last. */
export interface LedgerChanges {
  readonly rows: ReadonlyMap<string, LedgerRow>
  readonly hours: ReadonlyMap<string, LedgerHour>
}

/** Limit: rows that are kept; the oldest days go first, and beyond that new callers share a row. */
const rowsMax = 50_000

/** Limit: hours that are kept: a week. */
const hoursMax = 168

/** Whose row they share who have none of their own. */
export const otherCallers = '(others)'

/**
 * What requests took, summed up for each day, caller, alias, backend and model while they settle: whoever asks for sums
 * reads rows, never requests. Strangers, whose key was not accepted, are in none.
 */
export class Ledger implements ExchangeSink {
  readonly #rowsMax: number
  readonly #hourOf: HourOf
  readonly #rows = new Map<string, LedgerRow>()
  readonly #hours = new Map<string, LedgerHour>()
  /** Undefined while nobody wants to know. */
  #changes: { rows: Map<string, LedgerRow>; hours: Map<string, LedgerHour> } | undefined
  /** One more with each change. */
  version = 0
  /** There are rows of this day alone, and no room. */
  #fullDay = ''

  constructor(hourOf: HourOf, { max = rowsMax }: { readonly max?: number } = {}) {
    this.#hourOf = hourOf
    this.#rowsMax = max
  }

  settled(exchange: Exchange): void {
    const { caller, attempts } = exchange
    if (caller === undefined) return
    this.version++
    const hour = this.#hourOf(exchange.startedWallMs)
    const last = attempts.at(-1)
    // Before there is an attempt, the name of the model is what a client made up.
    const whose = {
      day: hour.slice(0, 10),
      caller,
      alias: last === undefined ? '' : (exchange.alias ?? ''),
      backend: last?.backend ?? '',
      model: last?.model ?? '',
    }
    const row = this.#rowOf(whose)
    count(row.tally, exchange)
    count(this.#hour(hour).tally, exchange)
    if (this.#changes === undefined) return
    count(changed(this.#changes.rows, keyOf(row), row).tally, exchange)
    count(hourIn(this.#changes.hours, hour).tally, exchange)
  }

  get rows(): Iterable<LedgerRow> {
    return this.#rows.values()
  }

  get size(): number {
    return this.#rows.size
  }

  /** The latest last. */
  get hours(): readonly LedgerHour[] {
    return [...this.#hours.values()].toSorted((one, other) => (one.hour < other.hour ? -1 : 1))
  }

  /** Somebody wants to keep what changes from now on; what there is already counts as changed. */
  follow(): void {
    if (this.#changes !== undefined) return
    this.#changes = { rows: new Map(), hours: new Map() }
    for (const [key, row] of this.#rows) this.#changes.rows.set(key, { ...row, tally: { ...row.tally } })
    for (const [key, { hour, tally }] of this.#hours) this.#changes.hours.set(key, { hour, tally: { ...tally } })
  }

  /** Nobody does any more. */
  unfollow(): void {
    this.#changes = undefined
  }

  get hasChanges(): boolean {
    return this.#changes !== undefined && this.#changes.rows.size > 0
  }

  /** What changed since it was taken last; whoever cannot keep it gives it back. */
  takeChanges(): LedgerChanges | undefined {
    if (this.#changes === undefined) return undefined
    const taken = this.#changes
    this.#changes = { rows: new Map(), hours: new Map() }
    return taken
  }

  giveBack(changes: LedgerChanges): void {
    if (this.#changes === undefined) return
    for (const [key, row] of changes.rows) addTo(changed(this.#changes.rows, key, row).tally, row.tally)
    for (const { hour, tally } of changes.hours.values()) addTo(hourIn(this.#changes.hours, hour).tally, tally)
  }

  /** A row as a file has it, which several processes write: it takes the place of ours. Nothing is owed to that file then. */
  replace(row: LedgerRow): void {
    const known = this.#rows.get(keyOf(row))
    if (known === undefined && this.#rows.size >= this.#rowsMax) return
    this.version++
    Object.assign((known ?? this.#rowOf(row)).tally, row.tally)
  }

  replaceHour({ hour, tally }: LedgerHour): void {
    this.version++
    Object.assign(this.#hour(hour).tally, tally)
  }

  /** Days in front of this one are forgotten. */
  forgetBefore(day: string): void {
    for (const [key, row] of this.#rows) if (row.day < day) this.#rows.delete(key)
  }

  #rowOf(whose: Omit<LedgerRow, 'tally'>): LedgerRow {
    const key = keyOf(whose)
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    if (this.#rows.size >= this.#rowsMax) this.#makeRoom(whose.day)
    // Aliases, backends and models are those of the configuration; callers may be anybody.
    if (this.#rows.size >= this.#rowsMax && whose.caller !== otherCallers) {
      return this.#rowOf({ ...whose, caller: otherCallers })
    }
    const row = { ...whose, tally: blankTally() }
    this.#rows.set(key, row)
    return row
  }

  /** The oldest day goes, unless it is the one that room is needed for. */
  #makeRoom(day: string): void {
    if (day === this.#fullDay) return
    let oldest = day
    for (const row of this.#rows.values()) if (row.day < oldest) oldest = row.day
    if (oldest === day) this.#fullDay = day
    else for (const [key, row] of this.#rows) if (row.day === oldest) this.#rows.delete(key)
  }

  #hour(hour: string): LedgerHour {
    const known = this.#hours.get(hour)
    if (known !== undefined) return known
    const made = hourIn(this.#hours, hour)
    if (this.#hours.size > hoursMax) {
      const [oldest = hour] = [...this.#hours.keys()].toSorted()
      this.#hours.delete(oldest)
    }
    return made
  }
}

export function keyOf({ day, caller, alias, backend, model }: Omit<LedgerRow, 'tally'>): string {
  return `${day}\0${caller}\0${alias}\0${backend}\0${model}`
}

function changed(
  rows: Map<string, LedgerRow>,
  key: string,
  { day, caller, alias, backend, model }: LedgerRow,
): LedgerRow {
  let row = rows.get(key)
  if (row === undefined) rows.set(key, (row = { day, caller, alias, backend, model, tally: blankTally() }))
  return row
}

function hourIn(hours: Map<string, LedgerHour>, hour: string): LedgerHour {
  let found = hours.get(hour)
  if (found === undefined) hours.set(hour, (found = { hour, tally: blankTally() }))
  return found
}
