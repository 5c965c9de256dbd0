import type { Access, Caller } from '#core/caller.ts'
import type { Call } from '#core/call.ts'
import type { Client } from '#core/client.ts'
import type { Endpoint } from '#core/endpoint.ts'
import type { Permission } from '#core/permission.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { readResourcePath } from '#wire/resource-path.ts'
import { permissionOf } from './permission-of.ts'

/** Why a caller may not ask at all: from where it comes, or this kind of request. Undefined: it may. */
export function objectionToRequest(
  access: Access,
  { endpoint, path, client }: { readonly endpoint: Endpoint; readonly path: string; readonly client: Client },
): Refusal | undefined {
  return objectionToAddress(access, client) ?? objectionToKind(access, permissionOf(endpoint, path))
}

export function objectionToAddress({ allowsAddress }: Access, client: Pick<Client, 'address'>): Refusal | undefined {
  return allowsAddress === undefined || allowsAddress(client.address) ? undefined : wrongAddress
}

const wrongAddress = refuse(
  'ip_not_allowed',
  'Cannot accept the request: the API key may not be used from the address that it comes from',
)

export function objectionToKind({ permissions }: Access, kind: Permission): Refusal | undefined {
  if (permissions === undefined || permissions.has(kind)) return undefined
  return refuse('permission_denied', `Cannot accept the request: the API key lacks the permission "${kind}"`)
}

/** How a caller is told of models that it may not ask. */
export interface ForbiddenModels {
  /** As if there were none of the name. */
  readonly isHidden: boolean
  readonly unknownModelStatus: number
}

/**
 * Why a caller may not ask this model. What it asks without naming one could lead to any, so that of this only what
 * makes no model work is allowed.
 */
export function objectionToModel(
  { allowsModel }: Access,
  call: Pick<Call, 'endpoint' | 'method' | 'path' | 'model'>,
  forbidden: ForbiddenModels,
): Refusal | undefined {
  if (allowsModel === undefined) return undefined
  const { model } = call
  if (model === '') return asksNoModel(call) ? undefined : noModelNamed
  if (allowsModel(model)) return asksOthers(call) ? noModelNamed : undefined
  const shown = shownName(model)
  if (forbidden.isHidden) return modelMissing(shown, forbidden.unknownModelStatus)
  return refuse('model_not_allowed', `Cannot ask model "${shown}": the API key may not use it`, { param: 'model' })
}

/** What a caller that may ask some models only is told of one that there is not: hints would name those of others. */
export function withoutHints({ access }: Caller, refusal: Refusal, { model }: Pick<Call, 'model'>): Refusal {
  if (access?.allowsModel === undefined || refusal.code !== 'model_not_found') return refusal
  return modelMissing(shownName(model), refusal.status)
}

function modelMissing(shown: string, status: number): Refusal {
  return refuse('model_not_found', `Cannot find model "${shown}": there is no alias of this name`, {
    param: 'model',
    status,
  })
}

const noModelNamed = refuse(
  'model_not_allowed',
  'Cannot accept the request: it names no model, and the API key may use some models only',
)

function asksNoModel({ endpoint, method, path }: Pick<Call, 'endpoint' | 'method' | 'path'>): boolean {
  if (endpoint.dialect === 'raw') return false
  const resource = readResourcePath(path)
  if (resource === undefined) return false
  return method === 'GET' || method === 'HEAD' || method === 'DELETE' || stores.has(resource.collection)
}

/**
 * Could it ask other models than the one that it names? A header names who answers, and no more; batches and runs name
 * theirs deeper down.
 */
function asksOthers(call: Pick<Call, 'endpoint' | 'method' | 'path'>): boolean {
  const { endpoint, path } = call
  if (endpoint.dialect === 'raw') return false
  const collection = endpoint.reads === 'path' ? undefined : readResourcePath(path)?.collection
  const isNamedInside = endpoint.reads !== 'nothing' && (collection === undefined || !namesDeeper.has(collection))
  return !isNamedInside && !asksNoModel(call)
}

const namesDeeper: ReadonlySet<string> = new Set(['batches', 'evals', 'messages/batches'])

/** What is put there is kept, and asks no model by itself. */
const stores: ReadonlySet<string> = new Set([
  'chat/completions',
  'containers',
  'conversations',
  'files',
  'fileSearchStores',
  'responses',
  'uploads',
  'vector_stores',
])

/** Those of a list that a caller may know of. */
export function visibleModels(aliases: readonly string[], caller: Caller | undefined): readonly string[] {
  const allows = caller?.access?.allowsModel
  return allows === undefined ? aliases : aliases.filter(allows)
}

/** Limit: characters of a client's text that are sent back and logged. */
const echoMax = 64

function shownName(model: string): string {
  const start = model.length > echoMax ? `${model.slice(0, echoMax)}…` : model
  return start.toWellFormed().replaceAll(/\p{Cc}/gu, ' ')
}
