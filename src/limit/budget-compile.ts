import type * as v from 'valibot'
import type { CompileProblem } from '#core/problem.ts'
import { compileGlob } from '#kit/glob.ts'
import { timeZoneOf } from '#kit/time-zone.ts'
import type { BudgetsSchema } from './budget-schema.ts'
import type { Per } from './period.ts'

export type BudgetScope = 'global' | 'key' | 'model' | 'backend'

/** Money or tokens per period, for one or for each of many. */
export interface BudgetPolicy {
  /** Under which what was spent is remembered over reloads. */
  readonly name: string
  readonly scope: BudgetScope
  /** Undefined: for all of its scope. */
  readonly isFor: ((whose: string) => boolean) | undefined
  readonly per: Per
  /** Undefined: that of the machine. */
  readonly zone: string | undefined
  readonly usd: number | undefined
  readonly tokens: number | undefined
  readonly alertAt: number
  readonly onExceeded: 'refuse' | 'warn' | 'fallback'
}

/** What budgets are held against when they are compiled. */
export interface BudgetSurroundings {
  readonly usage: {
    readonly enabled: boolean
    readonly file?: string | undefined
    readonly retention_days: number
    readonly pricing: object
    readonly pricing_source?: string | undefined
  }
  readonly workers: number | 'auto'
  /** `logging.timezone` */
  readonly logZone: string
}

/** The `budgets` section, compiled; undefined: there are none. */
export function compileBudgets(
  settings: v.InferOutput<typeof BudgetsSchema>,
  { usage, workers, logZone }: BudgetSurroundings,
  problems: CompileProblem[],
): readonly BudgetPolicy[] | undefined {
  if (settings.length === 0) return undefined
  const warn = (path: CompileProblem['path'], message: string): void => {
    problems.push({ severity: 'warning', path, message })
  }
  if (!usage.enabled) {
    const message = 'nobody counts what requests take while "usage.enabled" is false'
    problems.push({ severity: 'error', path: ['budgets'], message })
  }
  if (workers !== 1 && usage.file === undefined) {
    warn(
      ['budgets'],
      `with "server.workers: ${workers}" each process has these budgets for itself, unless "usage.file" is set`,
    )
  }
  const hasPrices = Object.keys(usage.pricing).length > 0 || usage.pricing_source !== undefined
  const names = new Set<string>()
  return settings.map((budget, index): BudgetPolicy => {
    const { scope, match, per, usd, tokens } = budget
    const own = budget.name ?? [scope, ...(match === undefined ? [] : [match]), 'per', per].join(' ')
    if (budget.name !== undefined && names.has(own)) {
      const message = `another budget has the name "${own}", too`
      problems.push({ severity: 'error', path: ['budgets', index, 'name'], message })
    }
    const name = names.has(own) ? `${own} (${index + 1})` : own
    names.add(name)
    if (usd !== undefined && !hasPrices) {
      warn(['budgets', index, 'usd'], 'no prices are known, so nothing is spent of it: see "usage.pricing"')
    }
    const days = daysOf[per]
    if (usage.file !== undefined && usage.retention_days < days) {
      const message = `after a restart only "usage.retention_days: ${usage.retention_days}" of its ${days} days are known`
      warn(['budgets', index, 'per'], message)
    }
    if (usage.file !== undefined && per === 'day' && zoneName(budget.timezone) !== zoneName(logZone)) {
      const message = `"usage.file" sums up by days of "logging.timezone: ${logZone}", so it starts anew at a restart`
      warn(['budgets', index, 'timezone'], message)
    }
    return {
      name,
      scope,
      isFor: match === undefined || match === '*' ? undefined : compileGlob(match),
      per,
      zone: timeZoneOf(budget.timezone),
      usd,
      tokens,
      alertAt: budget.alert_at,
      onExceeded: budget.on_exceeded,
    }
  })
}

const daysOf: Readonly<Record<Per, number>> = { hour: 1, day: 1, week: 7, month: 31 }

/** By its full name, also that of the machine. */
function zoneName(written: string): string {
  return timeZoneOf(written) ?? new Intl.DateTimeFormat('en').resolvedOptions().timeZone
}
