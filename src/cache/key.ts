import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Plan } from '#core/plan.ts'
import type { Talk } from '#core/talk.ts'
import { asBuffer } from '#kit/bytes.ts'
import { asExactObject, parseExact } from '#translate/exact-json.ts'
import type { KeyPolicy } from './compile.ts'
import type { EntryKind } from './entry.ts'
import { normalText } from './normal.ts'
import { isRepeatable } from './repeatable.ts'
import { hasTwins } from './twins.ts'

/** Who asks. */
export interface Tenant {
  readonly id: string
  /** Clients are not told apart, so that a key of their own is all that may do so. */
  readonly isAnyone: boolean
}

/** The name of what a request may be answered by; undefined: by nothing that was kept. */
export function keyOf(call: Call, plan: Plan, tenant: Tenant, policy: KeyPolicy): string | undefined {
  const { talk } = call.endpoint
  if (talk === undefined || !suits(call, talk)) return undefined
  const text = asBuffer(call.body ?? nothing).toString('utf8')
  const body = asExactObject(parseExact(text))
  if (body === undefined || !isRepeatable(talk.form, body) || hasTwins(text, body)) return undefined
  const normal = normalText(body, policy)
  if (normal === undefined) return undefined
  const hasher = new Bun.CryptoHasher('sha256')
  const add = (part: string): void => {
    // With its length in front no two lists of parts are the same bytes.
    hasher.update(`${Buffer.byteLength(part)}:`).update(part)
  }
  add(policy.epoch)
  add(talk.form)
  add(variantOf(call, talk))
  add(canBeRetold(call) ? '' : kindOf(call))
  addTenant(add, call, tenant, policy)
  // Vectors of different models have nothing to say to each other.
  if (policy.byModel || talk.does === 'embed') {
    // One plan may answer for models of any name.
    add(call.model)
    add(plan.alias)
    add(wayOf(plan))
  }
  for (const name of answering) add(call.headers.get(name) ?? '')
  for (const name of policy.headers) {
    add(name)
    add(call.headers.get(name) ?? '')
  }
  add(normal)
  return hasher.digest('base64url')
}

const nothing = new Uint8Array(0)

function suits({ method, body, upload, endpoint, forwarded }: Call, { does }: Talk): boolean {
  return (
    method === 'POST' &&
    body !== undefined &&
    upload === undefined &&
    forwarded === undefined &&
    (endpoint.reads === 'json' || endpoint.reads === 'path') &&
    does !== 'count'
  )
}

/** How the answer to it is framed. */
export function kindOf({ stream, endpoint }: Call): EntryKind {
  return stream ? (endpoint.stream ?? 'body') : 'body'
}

/** Can a stream be given as a body, and a body as a stream? Otherwise each is kept for itself. */
export function canBeRetold(call: Call): boolean {
  const { talk, stream } = call.endpoint
  if (talk === undefined || talk.does !== 'generate' || !retold.has(talk.form)) return false
  if (talk.form === 'ollama') return call.path.endsWith('/chat')
  return !(call.stream && stream === ('gemini_array' satisfies StreamForm))
}

/** Forms that are both read from backends and written for clients. */
const retold: ReadonlySet<string> = new Set(['chat', 'responses', 'messages', 'gemini', 'ollama'])

/** Paths of one form that are answered in different words. */
function variantOf({ path, query, endpoint }: Call, { form, does }: Talk): string {
  const kept = query.split('&').filter((part) => part !== '' && !/^(?:alt|key|\$alt|prettyPrint)=/.test(part))
  const verb = form === 'gemini' && does === 'embed' ? (path.split(':').at(-1) ?? '') : ''
  const end = form === 'ollama' || does === 'embed' ? (endpoint.sentAs ?? path).replace(/^\/v1(?=\/)/, '') : ''
  return JSON.stringify([does, verb, form === 'gemini' ? '' : end, kept.toSorted()])
}

/** Headers that change what is answered, or who pays for it. */
const answering = [
  'anthropic-beta',
  'anthropic-version',
  'openai-beta',
  'openai-organization',
  'openai-project',
  'x-llm-proxy-compat',
] as const

const credentials = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'] as const

function addTenant(
  add: (part: string) => void,
  { headers, keyInQuery }: Call,
  tenant: Tenant,
  { isShared }: KeyPolicy,
): void {
  if (isShared) return add('shared')
  add('tenant')
  add(tenant.id)
  if (!tenant.isAnyone) return
  for (const name of credentials) add(headers.get(name) ?? '')
  add(keyInQuery ?? '')
}

const ways = new WeakMap<Plan, string>()

/** Where its requests go: an alias that leads elsewhere is another model. */
function wayOf(plan: Plan): string {
  let way = ways.get(plan)
  if (way === undefined) {
    const candidates = plan.tiers.flatMap((tier) => tier.candidates)
    way = JSON.stringify(candidates.map(({ stateKey, backend }) => `${stateKey} ${backend.url.href}`).toSorted())
    ways.set(plan, way)
  }
  return way
}
