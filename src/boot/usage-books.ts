import type { BudgetPolicy } from '#limit/budget-compile.ts'
import { Budgets, type PastSpending, type Spending } from '#limit/budget.ts'
import type { Clock } from '#ports/clock.ts'
import { systemFiles } from '#ports/files.ts'
import type { Log } from '#ports/log.ts'
import type { Transport } from '#ports/transport.ts'
import type { UsageBook } from '#server/usage-pages.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { PriceSourcePolicy } from '#usage/compile.ts'
import { DayClock } from '#usage/days.ts'
import type { LedgerKeeper } from '#usage/keep-ledger.ts'
import { Ledger } from '#usage/ledger.ts'
import { PriceBook } from '#usage/price-book.ts'
import type { PriceSource } from '#usage/price-source.ts'
import type { Tally } from '#usage/tally.ts'

export interface UsagePorts {
  readonly clock: Clock
  readonly log: Log
}

/** What requests took and what tokens cost, as the configuration wants it kept and learned. */
export class UsageBooks implements UsageBook {
  readonly prices = new PriceBook()
  readonly ledger: Ledger
  readonly budgets: Budgets
  #budgetPolicies: readonly BudgetPolicy[] | undefined
  #hasCache = false
  #zone: string | undefined
  readonly #ports: UsagePorts
  readonly #days = new DayClock()
  #retentionDays = 1
  #file: string | undefined
  #keeper: LedgerKeeper | undefined
  #source: PriceSource | undefined
  #sourceKey: string | undefined
  /** One more with each change of what is loaded for it. */
  #turn = 0

  constructor(ports: UsagePorts) {
    this.#ports = ports
    this.budgets = new Budgets(ports)
    this.ledger = new Ledger((wallMs) => this.#days.hourOf(wallMs))
  }

  /** Are sums wanted: does a file keep them, or may somebody look? */
  static isWanted({ usage, admin }: Snapshot): boolean {
    return usage !== undefined && (usage.file !== undefined || !admin.keys.isOpen)
  }

  adopt({ usage, logging, budgets, cache }: Snapshot, transport: Transport): void {
    this.#budgetPolicies = budgets
    this.#hasCache = cache !== undefined
    this.#zone = logging.zone
    this.#days.zone = logging.zone
    this.#retentionDays = usage?.retentionDays ?? 1
    if (this.ledger.size > 0) this.ledger.forgetBefore(this.firstDay(this.#retentionDays))
    this.#keepIn(usage?.file)
    // Budgets that are new were spent of already.
    if (this.#keeper !== undefined) this.#restoreBudgets()
    this.#readFrom(usage?.source, transport)
  }

  refresh(): void {
    this.#keeper?.refresh()
  }

  /** Sums are to be kept, and are not. */
  get isFailing(): boolean {
    return this.#keeper?.isFailing === true
  }

  firstDay(days: number): string {
    return this.#days.firstDayOf(days, this.#ports.clock.wallMs())
  }

  /** What is not written yet is written now. */
  stop(): void {
    this.#turn++
    this.#keeper?.stop()
    this.#source?.stop()
  }

  #keepIn(file: string | undefined): void {
    if (file === this.#file) return
    this.#file = file
    this.#keeper?.stop()
    this.#keeper = undefined
    if (file !== undefined) void this.#openKeeper(file)
  }

  async #openKeeper(file: string): Promise<void> {
    const turn = this.#turn
    const { LedgerKeeper: Keeper } = await import('#usage/keep-ledger.ts')
    if (turn !== this.#turn || file !== this.#file) return
    const firstDay = (): string => this.firstDay(this.#retentionDays)
    this.#keeper = new Keeper(file, {
      ...this.#ports,
      ledger: this.ledger,
      firstDay,
      onRead: () => this.#restoreBudgets(),
      wantsNews: () => this.#budgetPolicies !== undefined,
    })
    this.#keeper.start()
  }

  /** What the file knows of earlier processes, and of others, is spent as well. */
  #restoreBudgets(): void {
    const policies = this.#budgetPolicies
    if (policies === undefined) return
    const hour = this.#days.hourOf(this.#ports.clock.wallMs())
    const current = this.ledger.hours.find((one) => one.hour === hour)?.tally
    // Hours do not tell apart what a cache gave: its tokens were not spent.
    const spent = current && { ...spendingOf(current), ...(this.#hasCache && { tokens: 0 }) }
    this.budgets.restore(policies, { zone: this.#zone, rows: pastOf(this.ledger), hour: spent })
  }

  #readFrom(source: PriceSourcePolicy | undefined, transport: Transport): void {
    const key = source && JSON.stringify([source.location, source.key?.reveal(), source.everyMs])
    if (key === this.#sourceKey) return
    this.#sourceKey = key
    this.#source?.stop()
    this.#source = undefined
    if (source === undefined) this.prices.adopt(new Map())
    else void this.#openSource(source, transport, key)
  }

  async #openSource(policy: PriceSourcePolicy, transport: Transport, key: string | undefined): Promise<void> {
    const turn = this.#turn
    const { PriceSource: Source } = await import('#usage/price-source.ts')
    if (turn !== this.#turn || key !== this.#sourceKey) return
    this.#source = new Source(policy, { ...this.#ports, transport, files: systemFiles, book: this.prices })
    this.#source.start()
  }
}

function* pastOf({ rows }: Ledger): Generator<PastSpending> {
  for (const { day, caller, alias, backend, tally } of rows) yield { day, caller, alias, backend, ...spendingOf(tally) }
}

function spendingOf({ costUsd, inputTokens, outputTokens }: Tally): Spending {
  return { usd: costUsd, tokens: inputTokens + outputTokens }
}
