import type { Call } from '#core/call.ts'
import type { Backend, Candidate } from '#core/candidate.ts'
import type { Credential } from '#core/credential.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import type { Failure } from '#core/failure.ts'
import { editDistance } from '#kit/nearest.ts'
import { asList, asObject, asText, parseJson } from '#kit/json-value.ts'
import { Stop } from '#kit/stop.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { listPlaces, listUrl } from '#upstream/model-list.ts'
import { prove } from '#upstream/prove.ts'
import { outgoing, type PiecewiseRequest } from '#upstream/request.ts'
import { upstreamUrl } from '#upstream/url.ts'

/** The request for the list of a backend's models, made by the very code that makes the requests of clients. */
export function listRequest(backend: Backend, protocol: Protocol): Omit<OutgoingRequest, 'stop' | 'clocks'> {
  return asked(backend, protocol).request
}

/** The same, proved by one of the backend's credentials; or why it cannot be. */
export async function provedListRequest(
  backend: Backend,
  protocol: Protocol,
  credential: Credential,
): Promise<ReturnType<typeof listRequest> | Failure> {
  const { request, call, candidate } = asked(backend, protocol)
  return await prove(request, call, candidate, { credential, proof: undefined, secrets: [], lacks: undefined })
}

function asked(
  backend: Backend,
  protocol: Protocol,
): { readonly request: PiecewiseRequest; readonly call: Call; readonly candidate: Candidate } {
  const { path, query, dialect } = listPlaces[protocol]
  const call = callFor(path, query, dialect)
  const candidate = candidateOf(backend, protocol)
  return {
    request: { ...outgoing(call, candidate, new Stop()), url: listUrl(backend, protocol, query) },
    call,
    candidate,
  }
}

/** Where a client's request would go, so that a wrong base address can be seen; without its query. */
export function requestTarget(backend: Backend, protocol: Protocol): string {
  const { dialect } = listPlaces[protocol]
  const url = upstreamUrl(callFor(samplePath[dialect], '', dialect), candidateOf(backend, protocol))
  return `${url.origin}${url.pathname}`
}

/** The models that an answer lists; undefined when it is no such list. */
export function readModelList(text: string): ModelList | undefined {
  const value = parseJson(text)
  const body = asObject(value)
  const entries = Array.isArray(value) ? value : (body?.['data'] ?? body?.['models'] ?? body?.['publisherModels'])
  if (!Array.isArray(entries)) return undefined
  const names = new Set<string>()
  for (const entry of entries) {
    for (const name of namesOf(entry)) names.add(name.replace(/^models\//, ''))
  }
  const hasMore =
    body?.['has_more'] === true || asText(body?.['nextPageToken'] ?? body?.['next_page_token']) !== undefined
  return { names, count: entries.length, hasMore }
}

export interface ModelList {
  /** Other names of the same model included. */
  readonly names: ReadonlySet<string>
  readonly count: number
  /** It goes on, on another page. */
  readonly hasMore: boolean
}

/** Does a provider with this list know the name? Names without a date stand for the newest one with it. */
export function isListed(model: string, { names }: ModelList, protocol: Protocol): boolean {
  const name = model.replace(/^models\//, '')
  if (names.has(name)) return true
  if (protocol === 'ollama')
    return names.has(`${name}:latest`) || (name.endsWith(':latest') && names.has(name.slice(0, -7)))
  // Aggregators take a wish behind the name: `:free`, `:nitro`.
  if (names.has(name.replace(/:[a-z]+$/, ''))) return true
  const bare = undated(name)
  return names.values().some((known) => undated(known) === bare)
}

/** Is there a list at the address itself? Otherwise only that somebody answers can be known. */
export function hasList(protocol: Protocol): boolean {
  return protocol !== 'bedrock' && protocol !== 'converter'
}

/** Why the names in a list say nothing about those of routes; undefined when they do. */
export function whyNotCompared(protocol: Protocol): string | undefined {
  if (protocol === 'azure')
    return 'the list names what can be deployed, not what is: names of deployments show only when they are asked'
  if (protocol === 'vertex')
    return "the list names Google's own models alone: other names show only when they are asked"
  return undefined
}

/** The names of a list that are most like one that is not in it, best first. */
export function likeliest(model: string, { names }: ModelList): readonly string[] {
  const wanted = model.slice(0, comparedLength).toLowerCase()
  const near = [...names].slice(0, comparedMax).map((name) => {
    const offered = name.slice(0, comparedLength).toLowerCase()
    const isPart = Math.min(offered.length, wanted.length) > 2 && (offered.includes(wanted) || wanted.includes(offered))
    return { name, distance: isPart ? 1 : editDistance(wanted, offered) }
  })
  return near
    .filter(({ distance }) => distance <= wanted.length / 2)
    .toSorted((one, other) => one.distance - other.distance)
    .slice(0, likeliestMax)
    .map(({ name }) => name)
}

/** Limit: characters of a name that are compared, and names of a list. */
const comparedLength = 64
const comparedMax = 2000
const likeliestMax = 3

const samplePath: Readonly<Record<Dialect, string>> = {
  openai: '/v1/chat/completions',
  anthropic: '/v1/messages',
  gemini: '/v1beta/models/MODEL:generateContent',
  ollama: '/api/chat',
  raw: '/',
}

function callFor(path: string, query: string, dialect: Dialect): Call {
  return {
    endpoint: { path, dialect, reads: 'json', stream: undefined },
    method: 'GET',
    path,
    query,
    headers: new Headers({ accept: 'application/json', 'user-agent': 'llm-proxy-doctor' }),
    model: '',
    stream: false,
    body: undefined,
    modelAt: { start: 0, end: 0 },
    client: { address: '127.0.0.1', peer: undefined },
  }
}

function candidateOf(backend: Backend, protocol: Protocol): Candidate {
  return {
    id: backend.name,
    stateKey: backend.name,
    backend,
    model: 'MODEL',
    protocol,
    dialects: new Set([listPlaces[protocol].dialect]),
    weight: 1,
    streamClocks: { firstContentMs: 0, idleMs: 0, durationMs: 0 },
    prefill: undefined,
  }
}

function namesOf(entry: unknown): readonly string[] {
  if (typeof entry === 'string') return [entry]
  const model = asObject(entry)
  if (model === undefined) return []
  const names = [model['id'], model['name'], model['model'], ...asList(model['aliases'])]
  return names.map(asText).filter((name) => name !== undefined)
}

function undated(name: string): string {
  return name.replace(/-(?:latest|\d{8}|\d{4}-\d{2}-\d{2})$/, '')
}
