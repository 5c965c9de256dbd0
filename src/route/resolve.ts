import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { OwnedIdsPolicy, Owner } from '#core/owner.ts'
import { nearest } from '#kit/nearest.ts'
import { percentDecoded } from '#kit/percent.ts'
import { homeOf, homesOf, isThere, keptTo, nobodyKnown, type HomeTable } from './homes.ts'
import { modelHeader, unknownId } from './owned-id.ts'
import { readResourcePath } from '#wire/resource-path.ts'
import { serviceOf, type ServiceTable } from './service-path.ts'

/** What can be asked for; a snapshot is one. */
export interface PlanTable extends HomeTable {
  readonly plans: ReadonlyMap<string, Plan>
  /** The aliases that may be named to a client. */
  readonly aliases: readonly string[]
  readonly unknownModelStatus: number
  readonly services: ServiceTable<Plan>
  /** Takes what nothing else takes. */
  readonly passthrough: Plan | undefined
  readonly ownedIds: Pick<OwnedIdsPolicy, 'resources'>
}

type Asked = Pick<Call, 'endpoint' | 'method' | 'model' | 'path' | 'headers' | 'forwarded'>

/**
 * What a request asks for → its plan. An alias whose routes all rest is known, and so never refused here. `owner`: who has
 * what it speaks of, and nobody else is asked.
 */
export function resolve(table: PlanTable, call: Asked, owner?: Owner): Plan | Refusal {
  const { endpoint } = call
  if (endpoint.reads === 'nothing' && endpoint.dialect !== 'raw') return resolveWithoutModel(table, call, owner)
  if (owner === undefined && endpoint.mayLackModel === true && table.ownedIds.resources === 'own') {
    const id = readResourcePath(call.path)?.rest[0]
    if (id !== undefined) return table.passthrough ?? unknownId(id, table.ownedIds.resources)
  }
  const plan = resolveFreely(table, call)
  return owner === undefined || isRefusal(plan) ? plan : keptTo(table, plan, owner, call)
}

/** A file, a batch, a former answer: whoever has it, else whom a header names, else who is the only one. */
function resolveWithoutModel(table: PlanTable, call: Asked, owner?: Owner): Plan | Refusal {
  const { endpoint, path, headers } = call
  const { dialect } = endpoint
  const home = owner && homeOf(table, owner, dialect)
  if (home !== undefined) return home
  const id = readResourcePath(path)?.rest[0]
  const isElsewhere = owner !== undefined && isThere(table, owner)
  if (id !== undefined && (isElsewhere || table.ownedIds.resources === 'own'))
    return table.passthrough ?? unknownId(id, table.ownedIds.resources)
  const alias = headers.get(modelHeader)
  if (alias !== null && alias !== '') {
    const plan = table.plans.get(alias)
    return plan === undefined ? unknownAlias(table, alias) : homesOf(table, plan, call)
  }
  return table.passthrough ?? table.homes?.sole.get(dialect) ?? nobodyKnown(path)
}

function resolveFreely(table: PlanTable, { endpoint, model, path, forwarded }: Asked): Plan | Refusal {
  if (forwarded !== undefined) return forwarded
  if (endpoint.dialect !== 'raw') return table.plans.get(model) ?? table.passthrough ?? unknownAlias(table, model)
  const { services } = table
  const service = services.plans.get(model)
  if (service !== undefined) return service
  const isOfService = serviceOf(services, path) !== undefined
  const passthrough = isOfService ? undefined : table.passthrough
  return passthrough ?? unknownService(table, path)
}

/** For those who name an alias, or a model of a service as `service/model`, and send nothing. */
export function resolveNamed(table: PlanTable, model: string): Plan | Refusal {
  const { plans, services, passthrough } = table
  return plans.get(model) ?? services.plans.get(model) ?? passthrough ?? unknownAlias(table, model)
}

function unknownAlias({ aliases, unknownModelStatus }: PlanTable, model: string): Refusal {
  const meant = nearestName(aliases, model)
  const hint = meant === undefined ? 'ask for one that "/v1/models" lists' : `did you mean "${meant}"?`
  return refuse('model_not_found', `Cannot find the model: no alias is named "${echo(model)}", ${hint}`, {
    status: unknownModelStatus,
    param: 'model',
  })
}

function unknownService({ services }: PlanTable, path: string): Refusal {
  const name = serviceOf(services, path)
  const [, first = '', second = ''] = path.split('/', 3).map(percentDecoded)
  const asked = `${first}/${second}`
  if (name === undefined) {
    const hint = hintAt('the services are', [...services.byName.keys()], first)
    return refuse('model_not_found', `Cannot find "${echo(asked)}": no service is named "${echo(first)}"${hint}`)
  }
  const models = [...(services.byName.get(name)?.keys() ?? [])]
  if (second === '') {
    return refuse(
      'model_not_found',
      `Cannot find a model: the path ends behind service "${echo(name)}", and its model should follow${hintAt('its models are', models, '')}`,
    )
  }
  const hint = hintAt('its models are', models, second)
  return refuse(
    'model_not_found',
    `Cannot find "${echo(asked)}": service "${echo(name)}" has no model of that name${hint}`,
  )
}

/** What there is, to be put behind a complaint. */
function hintAt(lead: string, names: readonly string[], asked: string): string {
  const meant = asked === '' ? undefined : nearestName(names, asked)
  if (meant !== undefined) return `, did you mean "${meant}"?`
  if (names.length === 0 || names.length > namedMax) return ''
  return `, ${lead} ${names.map((name) => `"${echo(name)}"`).join(', ')}`
}

/** Limit: names that are told to a client that hit none of them. */
const namedMax = 10

function nearestName(names: readonly string[], asked: string): string | undefined {
  // Limit: a client that asks for unknown models must not make us compare with thousands of names.
  if (names.length > 200 || asked.length > echoMax) return undefined
  // "claude-opus-4-5" for "anthropic/claude-opus-4-5", and the other way round.
  const part = names.find((name) => name.endsWith(`/${asked}`) || asked.endsWith(`/${name}`))
  return part ?? nearest(asked, names)
}

/** Limit: characters of a client's text that are sent back and logged. */
const echoMax = 64

function echo(text: string): string {
  const start = text.length > echoMax ? `${text.slice(0, echoMax)}…` : text
  return start.toWellFormed().replaceAll(/\p{Cc}/gu, ' ')
}
