import { loadSnapshot } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { Secret } from '#core/secret.ts'
import { asObject, asText, parseJson } from '#kit/json-value.ts'
import { printable } from '#kit/printable.ts'
import { systemClock } from '#ports/clock.ts'
import { isLocal } from '#snapshot/listen.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import type { Io } from './io.ts'
import { sourceOf } from './source.ts'

/** Where the running process is and what opens its admin pages; what is left out is looked up. */
export interface AdminOptions {
  /** `http://127.0.0.1:8080`, `unix:/run/llm-proxy.sock`; a path in it stands before that of the admin pages. */
  readonly url?: string | undefined
  readonly key?: string | undefined
  /** Default: `config.yaml`, where there is one. */
  readonly config?: string | undefined
}

/** Asks a running llm-proxy for its admin pages. Whatever goes wrong is a sentence. */
export class AdminClient {
  /** As a person would write it. */
  readonly address: string
  readonly language: Snapshot['logging']['language']
  readonly #place: Place
  readonly #key: string

  private constructor(place: Place, key: string, language: Snapshot['logging']['language']) {
    this.address = place.unix === undefined ? place.base : `unix:${place.unix}`
    this.language = language
    this.#place = place
    this.#key = key
  }

  /** From the flags, then the environment, then the configuration; or why that is not enough. */
  static async from({ url, key, config }: AdminOptions, io: Pick<Io, 'env'>): Promise<AdminClient | string> {
    const file = config ?? 'config.yaml'
    const found = await configured(config, io.env)
    const snapshot = typeof found === 'string' ? undefined : found
    const none = typeof found === 'string' ? found : ''
    const adminPath = snapshot?.admin.path ?? '/admin'
    const place = url === undefined ? snapshot && placeOf(snapshot) : placeIn(url, adminPath)
    if (place === undefined) {
      return url === undefined
        ? `Cannot find the running llm-proxy: ${none}; name its address with --running and its key with --key`
        : `Cannot use the address "${printable(url)}": write one such as "http://127.0.0.1:8080" or "unix:/path"`
    }
    const asked = key ?? given(io.env['LLM_PROXY_ADMIN_KEY']) ?? (snapshot && keyOf(snapshot))
    if (asked === undefined) {
      const why = snapshot === undefined ? none : `"${file}" has neither "admin.key" nor "proxy_api_key", set the first`
      return `Cannot open the admin pages without a key: ${why}; or give it with --key or LLM_PROXY_ADMIN_KEY`
    }
    if (!/^[\x20-\x7e]+$/.test(asked)) return 'Cannot send the admin key: it holds characters that no header may have'
    return new AdminClient(place, asked, snapshot?.logging.language ?? 'en')
  }

  /** A page by its path below that of the admin pages, such as `/requests?limit=5`: its JSON, or a sentence. */
  async get(path: string): Promise<unknown> {
    const { base, unix, isHere } = this.#place
    const deadline = new AbortController()
    const cancel = systemClock.after(answerMsMax, () => deadline.abort())
    try {
      // oxlint-disable-next-line no-restricted-globals -- one page of our own program; no link of any backend leads there
      const response = await fetch(`${base}${path}`, {
        headers: { authorization: `Bearer ${this.#key}` },
        // The key goes to the address that was named, and nowhere else.
        redirect: 'manual',
        signal: deadline.signal,
        ...(unix === undefined ? {} : { unix }),
        // Proxies of the environment are for what lies outside.
        ...(isHere ? { proxy: false } : {}),
      })
      const body = parseJson(await response.text())
      return response.ok && typeof body === 'object' ? body : this.#refused(response.status, body)
    } catch (error) {
      return this.#unreachable(error)
    } finally {
      cancel()
    }
  }

  #refused(status: number, body: unknown): string {
    const error = asObject(asObject(body)?.['error'])
    const code = asText(error?.['code'])
    const message = printable(asText(error?.['message']) ?? '')
    switch (code) {
      case 'invalid_api_key':
      case 'missing_api_key':
      case 'ambiguous_credentials':
        return `Cannot open the admin pages at ${this.address}: the key is not the one of the running process (--key, LLM_PROXY_ADMIN_KEY, or "admin.key" in its configuration)`
      case 'route_not_found':
        return `Cannot find admin pages at ${this.address}: they are closed or elsewhere. Without "admin.key" they open for programs of the same machine only, with "admin.listen" they have an address of their own, "admin.path" moves them`
      case undefined:
        return `Cannot use what ${this.address} answered: status ${status}, and no JSON of llm-proxy; is it another program?`
      default:
        return message
    }
  }

  #unreachable(error: unknown): string {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (error instanceof Error && error.name === 'AbortError') {
      return `Cannot reach llm-proxy at ${this.address}: no answer within ${answerMsMax / 1000} s`
    }
    const isAbsent = ['ConnectionRefused', 'ECONNREFUSED', 'ENOENT', 'FailedToOpenSocket'].includes(code)
    const reason = isAbsent
      ? 'nothing listens there'
      : printable(error instanceof Error ? error.message : String(error))
    return `Cannot reach llm-proxy at ${this.address}: ${reason}; start it, or name its address with --running`
  }
}

/** Limit: milliseconds for one page. */
const answerMsMax = 30_000

/** Where the pages are. */
interface Place {
  /** With the path of the admin pages, without a slash at its end. */
  readonly base: string
  readonly unix: string | undefined
  readonly isHere: boolean
}

/** The snapshot that the file gives, or why there is none. */
async function configured(config: string | undefined, env: Io['env']): Promise<Snapshot | string> {
  const file = config ?? 'config.yaml'
  try {
    const { snapshot } = await loadSnapshot(sourceOf(config), { env, version: 1, listen: {} })
    return snapshot ?? `"${file}" has errors, "llm-proxy check -config ${file}" tells them`
  } catch (error) {
    return `"${file}" cannot be read: ${whyUnreadable(error)}`
  }
}

function placeOf({ admin, listen }: Snapshot): Place {
  return placeAt(admin.listen ?? listen, admin.path)
}

function placeAt(listen: ListenAddress, adminPath: string): Place {
  if (listen.kind === 'unix') return { base: `http://localhost${adminPath}`, unix: listen.path, isHere: true }
  const host = listen.host === undefined || listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host
  const reachable = host === '::' ? '::1' : host
  const isHere = isLocal({ ...listen, host: reachable })
  const written = reachable.includes(':') ? `[${reachable}]` : reachable
  return { base: `http://${written}:${listen.port}${adminPath}`, unix: undefined, isHere }
}

function placeIn(url: string, adminPath: string): Place | undefined {
  if (url.startsWith('unix:')) {
    const path = url.slice('unix:'.length)
    return path === '' ? undefined : placeAt({ kind: 'unix', path }, adminPath)
  }
  const text = url.includes('://') ? url : `http://${url}`
  if (!URL.canParse(text)) return undefined
  const { protocol, host, hostname, pathname, username } = new URL(text)
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '') return undefined
  const before = pathname.replace(/\/+$/, '')
  const path = before.endsWith(adminPath) ? before : `${before}${adminPath}`
  const isHere = isLocal({ kind: 'tcp', host: hostname.replace(/^\[|\]$/g, ''), port: 0 })
  return { base: `${protocol}//${host}${path}`, unix: undefined, isHere }
}

function keyOf({ settings }: Snapshot): string | undefined {
  for (const name of ['admin.key', 'proxy_api_key']) {
    const value = settings.get(name)
    if (value instanceof Secret && value.reveal() !== '') return value.reveal()
  }
  return undefined
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
