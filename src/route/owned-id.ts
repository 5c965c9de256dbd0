import type { Call } from '#core/call.ts'
import { anonymous } from '#core/caller.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { OwnedKind, Owner, ResourceAccess } from '#core/owner.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { idsOfPath, readResourcePath } from '#wire/resource-path.ts'
import { textsOf } from './named-ids.ts'
import type { Owners } from './owners.ts'

/**
 * Who has what a request speaks of, by its path or its body: it can be answered there and nowhere else. Undefined: it
 * speaks of nothing that is known. What belongs to another caller is not there, also where its id is known.
 */
export function ownerOf(
  owners: Owners,
  call: Call,
  caller: string,
  nowMs: number,
  resources: ResourceAccess = 'all',
): Owner | Refusal | undefined {
  const { endpoint, path } = call
  const isRaw = endpoint.dialect === 'raw'
  if (owners.size === 0) return undefined
  if (resources === 'own' && !isRaw && endpoint.mayLackModel === true && !isOwn(owners, path, caller, nowMs)) {
    return undefined
  }
  let first: Owner | undefined
  for (const id of idsIn(call, owners)) {
    const owner = owners.find(id, nowMs)
    if (owner === undefined) continue
    if (isMeantFor(owner, caller)) first ??= owner
    // Whoever stands behind a service sees to it.
    else if (!isRaw) return unknownId(id, resources)
  }
  return first
}

/** What nobody saw being made, or was made when callers were not told apart, is for everybody. */
function isMeantFor({ caller: maker }: Owner, caller: string): boolean {
  return maker === undefined || maker === anonymous.id || maker === caller
}

/** Is there no id in the path, or one of something that this caller made? */
function isOwn(owners: Owners, path: string, caller: string, nowMs: number): boolean {
  const resource = readResourcePath(path)
  const [id] = resource === undefined ? [] : idsOfPath(resource)
  if (id === undefined) return true
  const owner = owners.find(id, nowMs)
  return owner !== undefined && owner.caller !== undefined && isMeantFor(owner, caller)
}

/** A header that names an alias helps where ids may be asked for that nobody saw. */
export function unknownId(id: string, resources: ResourceAccess): Refusal {
  const shown = id
    .slice(0, shownMax)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')
  // Programs look for OpenAI's own words.
  const missing = shown.startsWith('resp_') ? `Response with id '${shown}' not found` : `Cannot find "${shown}"`
  if (resources !== 'all') {
    return refuse('unknown_id', `${missing}: nobody saw it being made, ask for what was made through this address`)
  }
  return refuse(
    'unknown_id',
    `${missing}: nobody here is known to have it, name a model whose backend does by the header "${modelHeader}: <alias>"`,
  )
}

/** Names an alias where a request has no place for a model. */
export const modelHeader = 'x-llm-proxy-model'

/** Limit: characters of a client's text that are sent back and logged. */
const shownMax = 64

/** What says most about where a request belongs comes first. */
function* idsIn(call: Call, owners: Owners): Generator<string> {
  const { endpoint, path, body, headers } = call
  if (endpoint.reads === 'nothing' || endpoint.mayLackModel === true) {
    const resource = readResourcePath(path)
    if (resource !== undefined) yield* idsOfPath(resource)
  }
  if (body === undefined || endpoint.reads === 'multipart' || headers.has('content-encoding')) return
  for (const [kind, names] of membersFor(call)) if (owners.mayHave(kind)) yield* textsOf(body, names)
}

type Members = readonly (readonly [kind: OwnedKind, names: ReadonlySet<string>])[]

const allMembers: Members = [
  ['response', new Set(['previous_response_id'])],
  ['conversation', new Set(['conversation'])],
  [
    'file',
    new Set([
      'input_file_id',
      'file_id',
      'file_ids',
      'training_file',
      'validation_file',
      'fileUri',
      'file_uri',
      'fileName',
      'file_name',
    ]),
  ],
  ['vector_store', new Set(['vector_store_ids', 'vector_store_id'])],
  ['container', new Set(['container', 'container_id'])],
  ['cache', new Set(['cachedContent', 'cached_content'])],
]

const geminiMembers: Members = [
  ['cache', new Set(['cachedContent', 'cached_content'])],
  ['file', new Set(['fileUri', 'file_uri'])],
]

/** Where their names are known, only those are looked for: each costs a walk over the whole body. */
const membersByForm: Readonly<Record<StreamForm, Members>> = {
  chat: [['file', new Set(['file_id'])]],
  completions: [],
  responses: [
    ['response', new Set(['previous_response_id'])],
    ['conversation', new Set(['conversation'])],
    ['file', new Set(['file_id', 'file_ids'])],
    ['vector_store', new Set(['vector_store_ids'])],
    ['container', new Set(['container'])],
  ],
  messages: [
    ['container', new Set(['container'])],
    ['file', new Set(['file_id'])],
  ],
  gemini_sse: geminiMembers,
  gemini_array: geminiMembers,
  ndjson: [],
}

function membersFor({ endpoint, path }: Call): Members {
  if (endpoint.stream !== undefined) return membersByForm[endpoint.stream]
  if (endpoint.dialect === 'gemini' && endpoint.reads === 'path') return geminiMembers
  if (endpoint.path !== path) return allMembers
  // Other endpoints of models have nothing to go on with.
  return endpoint.dialect === 'anthropic' ? membersByForm.messages : []
}
