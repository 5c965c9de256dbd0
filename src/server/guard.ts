import { refuse, type Refusal } from '#core/refusal.ts'

/** A request's target, cut out of its URL once; routing, permissions and the upstream path all use this same string. */
export interface Target {
  /** Percent-encoded, starting with `/`. */
  readonly path: string
  /** Without `?`. */
  readonly query: string
}

/** What a request may be refused for that is not its own fault. */
export interface Pressure {
  /** Memory is short. */
  readonly isHigh: boolean
}

/** Runs before the router. Says why the request cannot be served at all, or nothing. */
export function objectionTo(request: Request, { path }: Target): Refusal | undefined {
  const { url, method } = request
  if (method === 'CONNECT' || method === 'TRACE') {
    return refuse('method_not_allowed', `Cannot serve ${method}: this is no forward proxy, use GET or POST`, {
      allow: 'GET, POST',
    })
  }
  // A relative URL means that Host is missing, as in health probes of HTTP/1.0, or malformed.
  if (url.startsWith('/') && request.headers.has('host'))
    return refuse('invalid_host', 'Cannot serve the request: its Host header is malformed')
  // Programs written in C read a path up to there.
  if (path.includes('%00')) return refuse('invalid_parameter', 'Cannot serve the request: its path holds a NUL')
  return undefined
}

/** Why a body that would have to be read whole cannot be taken now, or nothing. */
export function objectionToBody(request: Request, pressure: Pressure | undefined): Refusal | undefined {
  return pressure?.isHigh === true && isLarge(request) ? overloaded : undefined
}

// Limit: larger bodies are not taken while memory is short.
const smallBytesMax = 1024 ** 2

/** A body in chunks may be of any size. */
function isLarge({ headers }: Request): boolean {
  return Number(headers.get('content-length') ?? 0) > smallBytesMax || headers.has('transfer-encoding')
}

const overloaded = refuse('overloaded', 'Cannot accept the body: memory is short, try again later', {
  retryAfterMs: 5000,
})

/** From what the platform gives: an absolute URL, or a relative one, of which routers would lose the first segment. */
export function targetOf({ url }: Request): Target {
  if (url.startsWith('/')) return split(url)
  // `new URL` throws for hosts that the platform accepted; the path begins at the first slash behind "://".
  const slash = url.indexOf('/', url.indexOf('://') + 3)
  return split(slash === -1 ? '/' : url.slice(slash))
}

function split(target: string): Target {
  const hash = target.indexOf('#')
  const withoutFragment = hash === -1 ? target : target.slice(0, hash)
  const mark = withoutFragment.indexOf('?')
  if (mark === -1) return { path: withoutFragment, query: '' }
  return { path: withoutFragment.slice(0, mark), query: withoutFragment.slice(mark + 1) }
}
