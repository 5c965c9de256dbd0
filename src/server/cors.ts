import { refuse, type Refusal } from '#core/refusal.ts'
import { isWelcome } from '#snapshot/cors.ts'
import type { CorsPolicy, Snapshot } from '#snapshot/snapshot.ts'

/** The browser asks whether a page may ask. `isForBackend`: what is no such question is for somebody else to answer. */
export function isPreflight({ method, headers }: Request, isForBackend: boolean): boolean {
  return method === 'OPTIONS' && (headers.has(methodHeader) || !isForBackend)
}

/** Answered without a key: browsers send none with it. A page that may not ask learns so from what is missing. */
export function preflightAnswer({ headers }: Request, policy: CorsPolicy, requestId: string): Response {
  const answer = new Response(null, { status: 204, headers: { 'x-request-id': requestId } })
  const vary = ['access-control-request-headers', methodHeader]
  const allowed = allow(answer, policy, headers.get('origin') ?? '')
  if (allowed) {
    const wanted = headers.get('access-control-request-headers')
    const methods = policy.methods ?? headers.get(methodHeader)
    const names = policy.headers ?? wanted
    if (methods !== null) answer.headers.set('access-control-allow-methods', methods)
    if (names !== null) answer.headers.set('access-control-allow-headers', names)
    answer.headers.set('access-control-max-age', String(policy.maxAgeSeconds))
    // Pages of the open net must ask for it before they reach into a private one.
    if (headers.get('access-control-request-private-network') === 'true') {
      answer.headers.set('access-control-allow-private-network', 'true')
    }
  }
  for (const name of vary) answer.headers.append('vary', name)
  return answer
}

const methodHeader = 'access-control-request-method'

/**
 * Why a page may not send this. What a gateway asks no key for, any page that somebody looks at could otherwise use; with
 * a key, whoever has it may. Reading is no harm: nothing of the answer is shown to the page.
 */
export function objectionToPage(
  origin: string,
  { method }: Request,
  { keys, cors }: Pick<Snapshot, 'keys' | 'cors'>,
): Refusal | undefined {
  if (!keys.isOpen || method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return undefined
  return isWelcome(origin, cors) ? undefined : fromElsewhere
}

/**
 * Browsers say of what a page asks whether the page is of the same site. Nobody who may use a gateway without a key is a
 * page of another one, save those of programs of this machine and those that are allowed. Images and links name no origin.
 */
export function objectionToSite({ headers }: Request, { cors }: Pick<Snapshot, 'cors'>): Refusal | undefined {
  if (headers.get('sec-fetch-site') !== 'cross-site') return undefined
  const origin = headers.get('origin')
  return origin !== null && isWelcome(origin, cors) ? undefined : fromElsewhere
}

/**
 * A page from elsewhere can let its own name lead to this machine, and is then to its browser a page of ours. `Host` still
 * tells the name.
 */
export function objectionToName(
  { headers }: Request,
  { isStrangeName }: Pick<Snapshot, 'isStrangeName'>,
): Refusal | undefined {
  if (isStrangeName === undefined) return undefined
  const host = headers.get('host')
  if (host === null || !isStrangeName(host)) return undefined
  return refuse(
    'foreign_host',
    `Cannot accept the request: "${host.slice(0, echoMax)}" is no name of this machine, and without a key a web page could ask by it: set proxy_api_key, or add the name to "forward_proxy.own_hosts" if it leads here on purpose`,
  )
}

/** Limit: characters of a client's text that are sent back and logged. */
const echoMax = 64

const fromElsewhere = refuse(
  'cross_origin',
  'Cannot accept the request: a page that is not from this machine asks, and no key is set: set proxy_api_key, or name its origin in "cors.allowed_origins"',
)

/** Lets the page that asked read the answer, if it may. */
export function shownTo(origin: string, policy: CorsPolicy, answer: Response): Response {
  if (allow(answer, policy, origin)) answer.headers.set('access-control-expose-headers', policy.exposed)
  return answer
}

function allow({ headers }: Response, policy: CorsPolicy, origin: string): boolean {
  const allowed = policy.allowedOrigin(origin)
  if (allowed !== '*') headers.append('vary', 'origin')
  if (allowed === undefined) return false
  headers.set('access-control-allow-origin', allowed)
  if (policy.allowsCredentials) headers.set('access-control-allow-credentials', 'true')
  return true
}
