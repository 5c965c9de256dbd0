import type { Gateway } from '#gateway/gateway.ts'
import type { Connection } from '#gateway/incoming.ts'
import { requestIdFor } from '#gateway/request-id.ts'
import type { AdminPages } from './admin.ts'
import type { Target } from './guard.ts'
import { health } from './health.ts'
import type { PageFile } from './page-files.ts'

type Parts = Pick<Gateway, 'clock' | 'current' | 'ids'>

/** The status page for browsers: `/` for those who ask for HTML, and the files that it is made of. */
export class StatusPage {
  readonly #gateway: Parts
  readonly #version: string
  readonly #admin: AdminPages | undefined

  /** `admin`: the pages at the same address, if there are any; the status page asks them. */
  constructor(gateway: Parts, version: string, admin: AdminPages | undefined) {
    this.#gateway = gateway
    this.#version = version
    this.#admin = admin
  }

  covers({ method, headers }: Request, { path }: Target): boolean {
    if (path !== '/' && !path.startsWith(folder)) return false
    if (method !== 'GET' && method !== 'HEAD') return false
    if (!this.#gateway.current().admin.hasPage) return false
    return path !== '/' || headers.get('accept')?.includes('text/html') === true
  }

  /** Undefined: there is no such file. */
  async answer(request: Request, connection: Connection, { path }: Target): Promise<Response | undefined> {
    if (path === factsPath) return this.#facts(request)
    // Few gateways are ever looked at, so what browsers get is loaded with the first of them.
    const { page, pageFiles } = await import('./page-files.ts')
    if (path !== '/') {
      const file = pageFiles.get(path.slice(folder.length))
      // Its name changes with its content.
      return file && this.#told(request, file, 'public, max-age=31536000, immutable')
    }
    const isOpen = this.#admin?.isThereFor(request, connection) === true
    const response = this.#told(request, page(isOpen ? this.#gateway.current().admin.path : undefined), 'no-cache')
    // Programs get JSON here.
    response.headers.set('vary', 'accept')
    return response
  }

  /** What everybody may know, wherever the pages for probes stand. */
  #facts(request: Request): Response {
    const snapshot = this.#gateway.current()
    const at = new Date(this.#gateway.clock.wallMs()).toISOString()
    const text = JSON.stringify({ ...health(snapshot, this.#version), at })
    const response = new Response(request.method === 'HEAD' ? null : text)
    this.#head(response, request, { text, type: 'application/json' })
    response.headers.set('cache-control', 'no-store')
    return response
  }

  #told(request: Request, { text, type, tag }: PageFile, caching: string): Response {
    const isKnown = request.headers.get('if-none-match')?.includes(tag) === true
    const body = isKnown || request.method === 'HEAD' ? null : text
    const response = new Response(body, { status: isKnown ? 304 : 200 })
    this.#head(response, request, isKnown ? { text: undefined, type } : { text, type })
    response.headers.set('cache-control', caching)
    response.headers.set('etag', tag)
    return response
  }

  /** `text`: what GET is answered with; undefined: nothing. */
  #head(response: Response, { headers, method }: Request, { text, type }: Told): void {
    for (const [name, value] of safety) response.headers.set(name, value)
    response.headers.set('content-type', type)
    response.headers.set('x-request-id', requestIdFor(headers, this.#gateway))
    if (method === 'HEAD' && text !== undefined) response.headers.set('content-length', String(Buffer.byteLength(text)))
  }
}

interface Told {
  readonly text: string | undefined
  readonly type: string
}

const folder = '/static/'
const factsPath = '/static/health.json'

/** Nothing but our own script runs, asks or is shown, whatever a name or an error text may hold. */
const safety: readonly (readonly [name: string, value: string])[] = [
  [
    'content-security-policy',
    [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
  ],
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'],
]
