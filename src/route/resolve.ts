import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { nearest } from '#kit/nearest.ts'

/** What can be asked for; a snapshot is one. */
export interface PlanTable {
  readonly plans: ReadonlyMap<string, Plan>
  /** The aliases that may be named to a client. */
  readonly aliases: readonly string[]
  readonly unknownModelStatus: number
}

/** The alias that a client asked for → its plan. An alias whose routes all rest is known, and so never refused here. */
export function resolve(table: PlanTable, model: string): Plan | Refusal {
  const plan = table.plans.get(model)
  if (plan !== undefined) return plan
  const meant = nearestAlias(table.aliases, model)
  const hint = meant === undefined ? 'ask for one that "/v1/models" lists' : `did you mean "${meant}"?`
  return refuse('model_not_found', `Cannot find the model: no alias is named "${echo(model)}", ${hint}`, {
    status: table.unknownModelStatus,
    param: 'model',
  })
}

function nearestAlias(aliases: readonly string[], model: string): string | undefined {
  // Limit: a client that asks for unknown models must not make us compare with thousands of names.
  if (aliases.length > 200 || model.length > echoMax) return undefined
  // "claude-opus-4-5" for "anthropic/claude-opus-4-5", and the other way round.
  const part = aliases.find((alias) => alias.endsWith(`/${model}`) || model.endsWith(`/${alias}`))
  return part ?? nearest(model, aliases)
}

/** Limit: characters of a client's text that are sent back and logged. */
const echoMax = 64

function echo(text: string): string {
  const start = text.length > echoMax ? `${text.slice(0, echoMax)}…` : text
  return start.toWellFormed().replaceAll(/\p{Cc}/gu, ' ')
}
