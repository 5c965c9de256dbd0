import type { Debt } from '#core/debts.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { BudgetPolicy } from './budget-compile.ts'
import { saneAmount } from './meter.ts'
import { Calendar, type Period } from './period.ts'

/** What a request takes, or is thought to take. */
export interface Spending {
  readonly usd: number
  readonly tokens: number
}

/** Whose budgets count: empty names where something has none. */
export interface Spender {
  readonly caller: string
  /** As asked. */
  readonly alias: string
}

/** Sums of earlier requests, as the ledger has them. */
export interface PastSpending extends Spender, Spending {
  /** `2026-01-13` */
  readonly day: string
  readonly backend: string
}

/** What a ledger knows. */
export interface PastLedger {
  /** Where its days and hours begin; undefined: the zone of the machine. */
  readonly zone: string | undefined
  readonly rows: Iterable<PastSpending>
  /** All of the current hour. */
  readonly hour: Spending | undefined
}

/** One budget of one of those who have it. */
export interface BudgetState extends Spending {
  readonly whose: string
  /** Taken for requests that are under way. */
  readonly heldUsd: number
  readonly heldTokens: number
  /** Part of it that is spent: 1 and more: all. */
  readonly used: number
}

/** What one of those who have it spent in the current period. */
class Account {
  readonly whose: string
  startMs: number
  usd = 0
  tokens = 0
  heldUsd = 0
  heldTokens = 0
  /** Requests for which something is held. */
  holds = 0
  /** 1: the log told that it comes to its end; 2: that it did. */
  told = 0

  constructor(whose: string, startMs: number) {
    this.whose = whose
    this.startMs = startMs
  }
}

/** Limit: accounts of one budget; beyond it the rest share one. */
const accountsMax = 50_000

/** Looking for accounts that may go takes as long as there are many. */
const makeRoomEveryMs = 60_000

function isFull(accounts: ReadonlyMap<string, Account> | undefined): boolean {
  return accounts !== undefined && accounts.size >= accountsMax
}

/** With another scope or period it is another budget: what began under the old one must not count in its periods. */
function idOf({ name, scope, per, zone }: BudgetPolicy): string {
  return `${scope} ${per} ${zone ?? ''} ${name}`
}

/** Whose account they share who have none of their own. */
const others = '(others)'

/** What was spent of each budget. Survives reloads by the names of budgets, and is told their amounts at each use. */
export class Budgets {
  readonly #clock: Clock
  readonly #log: Log
  readonly #calendar = new Calendar()
  readonly #accounts = new Map<string, Map<string, Account>>()
  #roomDueMs = 0

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock
    this.#log = log
  }

  /** Budgets that are there no more are forgotten. */
  retain(policies: readonly BudgetPolicy[] | undefined): void {
    const ids = new Set(policies?.map(idOf))
    for (const id of this.#accounts.keys()) if (!ids.has(id)) this.#accounts.delete(id)
  }

  get nowWallMs(): number {
    return this.#clock.wallMs()
  }

  periodOf({ per, zone }: BudgetPolicy): Period {
    return this.#calendar.periodOf(per, zone, this.#clock.wallMs())
  }

  /** `spent`: nothing is left; `held`: nothing but what is taken for requests that are under way. */
  stateOf(policy: BudgetPolicy, whose: string): 'left' | 'held' | 'spent' {
    const accounts = this.#accounts.get(idOf(policy))
    const account = accounts?.get(whose) ?? (isFull(accounts) ? accounts?.get(others) : undefined)
    if (account === undefined) return policy.usd === 0 || policy.tokens === 0 ? 'spent' : 'left'
    this.#turn(account, policy)
    const { usd = Infinity, tokens = Infinity } = policy
    if (account.usd >= usd || account.tokens >= tokens) return 'spent'
    return account.usd + account.heldUsd >= usd || account.tokens + account.heldTokens >= tokens ? 'held' : 'left'
  }

  /** Takes what a request may come to, until it is over. */
  hold(policies: readonly BudgetPolicy[], exchange: Exchange, held: Held): Reservation {
    return new Reservation(this, policies, exchange, held)
  }

  accountOf(policy: BudgetPolicy, whose: string): Account {
    const id = idOf(policy)
    let accounts = this.#accounts.get(id)
    if (accounts === undefined) this.#accounts.set(id, (accounts = new Map<string, Account>()))
    const known = accounts.get(whose)
    if (known !== undefined) {
      this.#turn(known, policy)
      return known
    }
    if (isFull(accounts)) this.#makeRoom(accounts, policy)
    // Limit: who comes later shares an account.
    if (isFull(accounts) && whose !== others) return this.accountOf(policy, others)
    const made = new Account(whose, this.periodOf(policy).startMs)
    accounts.set(whose, made)
    return made
  }

  spend(policy: BudgetPolicy, whose: string, { usd, tokens }: Spending): void {
    if (usd === 0 && tokens === 0) return
    const account = this.accountOf(policy, whose)
    account.usd += usd
    account.tokens += tokens
    this.#tell(policy, account)
  }

  /**
   * What a ledger knows of the current periods counts, where it is more than what was seen here; of days that began
   * before a period, whose hours it does not tell apart, nothing.
   */
  restore(policies: readonly BudgetPolicy[], { zone, rows, hour }: PastLedger): void {
    const sums = new Map<BudgetPolicy, { readonly firstDay: string; readonly spent: Map<string, Spending> }>()
    for (const policy of policies) {
      if (policy.per === 'hour') continue
      const firstDay = this.#calendar.firstDayFrom(this.periodOf(policy).startMs, zone)
      sums.set(policy, { firstDay, spent: new Map() })
    }
    for (const row of rows) {
      // Nobody was asked: what a cache gave has tokens, and costs nothing.
      if (row.backend === '') continue
      for (const [policy, { firstDay, spent }] of sums) {
        if (row.day < firstDay) continue
        const whose = nameIn(policy, row, row.backend)
        if (whose === undefined) continue
        const sum = spent.get(whose) ?? { usd: 0, tokens: 0 }
        spent.set(whose, { usd: sum.usd + saneUsd(row.usd), tokens: sum.tokens + saneAmount(row.tokens) })
      }
    }
    for (const [policy, { spent }] of sums) for (const [whose, sum] of spent) this.#atLeast(policy, whose, sum)
    if (hour === undefined) return
    const { startMs } = this.#calendar.periodOf('hour', zone, this.#clock.wallMs())
    for (const policy of policies) {
      if (policy.per !== 'hour' || policy.scope !== 'global') continue
      if (this.periodOf(policy).startMs === startMs) this.#atLeast(policy, '', hour)
    }
  }

  /** Those who spent most come first. */
  statesOf(policy: BudgetPolicy): readonly BudgetState[] {
    const accounts = [...(this.#accounts.get(idOf(policy))?.values() ?? [])]
    return accounts
      .map((account): BudgetState => {
        this.#turn(account, policy)
        const { whose, usd, tokens, heldUsd, heldTokens } = account
        return { whose, usd, tokens, heldUsd, heldTokens, used: usedOf(policy, account) }
      })
      .toSorted((one, other) => other.used - one.used || (one.whose < other.whose ? -1 : 1))
  }

  #atLeast(policy: BudgetPolicy, whose: string, { usd, tokens }: Spending): void {
    const account = this.accountOf(policy, whose)
    account.usd = Math.max(account.usd, usd)
    account.tokens = Math.max(account.tokens, tokens)
    this.#tell(policy, account)
  }

  /** A new period begins with nothing spent. */
  #turn(account: Account, policy: BudgetPolicy): void {
    const { startMs } = this.periodOf(policy)
    if (account.startMs === startMs) return
    account.startMs = startMs
    account.usd = account.tokens = account.told = 0
  }

  /** Accounts of which nothing was spent in this period are worth nothing. */
  #makeRoom(accounts: Map<string, Account>, policy: BudgetPolicy): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < this.#roomDueMs) return
    this.#roomDueMs = nowMs + makeRoomEveryMs
    for (const [whose, account] of accounts) {
      this.#turn(account, policy)
      if (account.usd + account.tokens + account.holds === 0) accounts.delete(whose)
    }
  }

  #tell(policy: BudgetPolicy, account: Account): void {
    const used = usedOf(policy, account)
    const level = used >= 1 ? 2 : used >= policy.alertAt ? 1 : 0
    if (level <= account.told) return
    account.told = level
    this.#log.write('warn', 'budget_alert', {
      budget: policy.name,
      whose: account.whose === '' ? undefined : account.whose,
      percent: Math.floor(used * 100),
      usd: policy.usd === undefined ? undefined : Math.round(account.usd * 1e6) / 1e6,
      usdMax: policy.usd,
      tokens: policy.tokens === undefined ? undefined : account.tokens,
      tokensMax: policy.tokens,
      endsAt: new Date(this.periodOf(policy).endMs).toISOString(),
    })
  }
}

/** For whom something is held, and how much. */
export interface Held extends Spender, Spending {
  /** Those that may be asked first. */
  readonly backends: readonly string[]
}

/** What is held for a request: given back at its end, when what it took is spent. */
export class Reservation implements Debt {
  readonly #budgets: Budgets
  readonly #policies: readonly BudgetPolicy[]
  readonly #exchange: Exchange
  readonly #held: Held
  readonly #accounts: Account[] = []
  /** Some backend may be spent. */
  readonly boundsBackends: boolean
  #isPaid = false
  /** Backends that were not among the first. */
  #later: Set<string> | undefined

  constructor(budgets: Budgets, policies: readonly BudgetPolicy[], exchange: Exchange, held: Held) {
    this.#budgets = budgets
    this.#policies = policies
    this.#exchange = exchange
    this.#held = held
    this.boundsBackends = policies.some(isBound)
    for (const policy of policies) {
      for (const backend of policy.scope === 'backend' ? held.backends : [undefined]) {
        const whose = nameIn(policy, held, backend)
        if (whose !== undefined) this.#hold(budgets.accountOf(policy, whose))
      }
    }
  }

  /** Also what is held for those who are asked when others failed; false: nothing is left for it. */
  mayAsk(backend: string): boolean {
    if (this.#isPaid || this.#held.backends.includes(backend) || this.#later?.has(backend) === true) return true
    for (const policy of this.#policies) {
      if (!isBound(policy) || nameIn(policy, this.#held, backend) === undefined) continue
      if (this.#budgets.stateOf(policy, backend) !== 'left') return false
    }
    ;(this.#later ??= new Set()).add(backend)
    for (const policy of this.#policies) {
      if (policy.scope !== 'backend' || nameIn(policy, this.#held, backend) === undefined) continue
      this.#hold(this.#budgets.accountOf(policy, backend))
    }
    return true
  }

  pay(): void {
    this.#isPaid = true
    const { usd, tokens } = this.#held
    for (const account of this.#accounts) {
      account.holds -= 1
      // Without any nothing is held, whatever sums of fractions leave.
      account.heldUsd = account.holds === 0 ? 0 : Math.max(0, account.heldUsd - usd)
      account.heldTokens = account.holds === 0 ? 0 : Math.max(0, account.heldTokens - tokens)
    }
    const spent = spentBy(this.#exchange, this.#held)
    const backend = this.#exchange.attempts.at(-1)?.backend
    for (const policy of this.#policies) {
      const whose = nameIn(policy, this.#held, backend)
      if (whose !== undefined) this.#budgets.spend(policy, whose, spent)
    }
  }

  #hold(account: Account): void {
    account.heldUsd += this.#held.usd
    account.heldTokens += this.#held.tokens
    account.holds += 1
    this.#accounts.push(account)
  }
}

function isBound({ scope, onExceeded }: BudgetPolicy): boolean {
  return scope === 'backend' && onExceeded !== 'warn'
}

/** Whose account it is; undefined: the budget is not for them. */
export function nameIn(
  policy: BudgetPolicy,
  { caller, alias }: Spender,
  backend: string | undefined,
): string | undefined {
  const { scope, isFor } = policy
  if (scope === 'global') return ''
  const whose = scope === 'key' ? caller : scope === 'model' ? alias : backend
  if (whose === undefined) return undefined
  return isFor === undefined || isFor(whose) ? whose : undefined
}

/** What it came to; where nobody knows, what was held, unless nobody answered. */
function spentBy({ usage, costUsd, outcome, attempts }: Exchange, held: Spending): Spending {
  // What was given again costs nothing.
  if (attempts.length === 0) return nothing
  if (usage !== undefined) {
    return { usd: saneUsd(costUsd ?? 0), tokens: saneAmount(usage.inputTokens) + saneAmount(usage.outputTokens) }
  }
  return outcome === 'refused' || outcome === 'failed' ? nothing : held
}

const nothing: Spending = { usd: 0, tokens: 0 }

/** Limit: the most that one request can cost, whatever its backend tells of it. */
const usdMax = 1_000_000

function saneUsd(usd: number): number {
  return Number.isNaN(usd) || usd <= 0 ? 0 : Math.min(usd, usdMax)
}

function usedOf({ usd: usdLimit, tokens: tokensLimit }: BudgetPolicy, { usd, tokens }: Spending): number {
  return Math.max(partOf(usd, usdLimit), partOf(tokens, tokensLimit))
}

function partOf(spent: number, limit: number | undefined): number {
  if (limit === undefined) return 0
  return limit === 0 ? 1 : spent / limit
}
