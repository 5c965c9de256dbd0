import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import type { CorsPolicy } from './snapshot.ts'

/** The `cors` section. `isOpen`: no client key is set, so what reaches us is let in. */
export function compileCors({ cors }: Config, isOpen: boolean, problems: CompileProblem[]): CorsPolicy | undefined {
  if (!cors.enabled) return undefined
  const { allowed_origins: listed, allow_credentials: allowsCredentials } = cors
  const allowsAll = listed === undefined ? !isOpen : listed.includes('*')
  if (allowsCredentials && allowsAll) {
    const message =
      listed === undefined
        ? 'may not stand without a list of origins: say in "cors.allowed_origins" which pages may send them'
        : 'may not stand together with the origin "*": name the pages in "cors.allowed_origins"'
    problems.push({ severity: 'error', path: ['cors', 'allow_credentials'], message })
  }
  const origins = new OriginList(listed ?? [])
  const isAllowed = listed === undefined ? isLocalOrigin : (origin: string): boolean => origins.includes(origin)
  return {
    allowedOrigin: (origin) => (allowsAll ? '*' : isAllowed(origin) ? origin : undefined),
    allowsCredentials,
    methods: cors.allow_methods.includes('*') ? undefined : cors.allow_methods.join(', ').toUpperCase(),
    headers: cors.allow_headers?.includes('*') === false ? cors.allow_headers.join(', ') : undefined,
    exposed: [...new Set([...exposedHeaders, ...cors.expose_headers.map((name) => name.toLowerCase())])].join(', '),
    maxAgeSeconds: cors.max_age,
  }
}

/** May a page of this origin use a gateway that asks nobody for a key? */
export function isWelcome(origin: string, cors: CorsPolicy | undefined): boolean {
  return cors?.allowedOrigin(origin) !== undefined || isLocalOrigin(origin)
}

/**
 * Does a program of this machine ask: a page that it serves, or one that it brought along? No page from elsewhere can
 * have such an origin.
 */
function isLocalOrigin(origin: string): boolean {
  return (
    /^https?:\/\/(?:localhost|[^/:]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(origin) ||
    ofPrograms.test(origin)
  )
}

/** Pages inside of desktop programs and editors. */
const ofPrograms = /^(?:app|file|tauri|vscode-file|vscode-webview):\/\//i

class OriginList {
  readonly #exact = new Set<string>()
  /** `https://*.example.com` as what stands before and behind the star. */
  readonly #patterns: (readonly [start: string, end: string])[] = []

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [start = '', end] = entry.toLowerCase().split('*')
      if (end === undefined) this.#exact.add(start)
      else this.#patterns.push([start, end])
    }
  }

  includes(text: string): boolean {
    const origin = text.toLowerCase()
    return this.#exact.has(origin) || this.#patterns.some(([start, end]) => isBetween(origin, start, end))
  }
}

/** Something that could be the names below a domain stands between them. */
function isBetween(origin: string, start: string, end: string): boolean {
  if (!origin.startsWith(start) || !origin.endsWith(end) || origin.length <= start.length + end.length) return false
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(origin.slice(start.length, origin.length - end.length))
}

const kinds = ['requests', 'tokens']
const measures = ['limit', 'remaining', 'reset']

/** What clients read: ids, limits, retries, and what we say of ourselves. */
const exposedHeaders: readonly string[] = [
  'x-request-id',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  ...kinds.flatMap((kind) => measures.map((measure) => `x-ratelimit-${measure}-${kind}`)),
  ...[...kinds, 'input-tokens', 'output-tokens'].flatMap((kind) =>
    measures.map((measure) => `anthropic-ratelimit-${kind}-${measure}`),
  ),
  'x-llm-proxy-backend',
  'x-llm-proxy-model',
  'x-llm-proxy-attempts',
  'x-llm-proxy-cost',
  'x-llm-proxy-upstream-id',
  'x-llm-proxy-warnings',
  'x-stream-status',
]
