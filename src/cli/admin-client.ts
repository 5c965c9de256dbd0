import { loadSnapshot, sourceName, type LoadedSnapshot, type Source } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { secretStandIn } from '#config/stand-in.ts'
import type { Config } from '#config/schema.ts'
import { asObject, asText, parseJson } from '#kit/json-value.ts'
import { printable } from '#kit/printable.ts'
import { systemClock } from '#ports/clock.ts'
import { isLocal, parseListen } from '#snapshot/listen.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import type { Io } from './io.ts'
import { listenIn } from './listen-environment.ts'
import { chooseSource, type SourceFlags } from './source.ts'

/** Where the running process is and what opens its admin pages; what is left out is looked up. */
export interface AdminOptions extends SourceFlags {
  /** `http://127.0.0.1:8080`, `unix:/run/llm-proxy.sock`; a path in it stands before that of the admin pages. */
  readonly url?: string | undefined
  readonly key?: string | undefined
}

/** Asks a running llm-proxy for its admin pages. Whatever goes wrong is a sentence. */
export class AdminClient {
  readonly language: Snapshot['logging']['language']
  #place: Place
  readonly #key: string

  private constructor(place: Place, key: string, language: Snapshot['logging']['language']) {
    this.language = language
    this.#place = place
    this.#key = key
  }

  /** As a person would write it. */
  get address(): string {
    const { unix, base } = this.#place
    return unix === undefined ? base : `unix:${unix}`
  }

  /** From the flags, then the environment, then the configuration; or why that is not enough. */
  static async from({ url, key, ...flags }: AdminOptions, io: Pick<Io, 'env'>): Promise<AdminClient | string> {
    const { adminPath, listen, isEncrypted, key: written, language, lacks } = await configured(flags, io.env)
    if (url !== undefined && isBareNumber(url)) {
      return `Cannot use the address "${printable(url)}": a port needs its host, write "127.0.0.1:${printable(url)}"`
    }
    const place = url === undefined ? listen && placeAt(listen, adminPath, isEncrypted) : placeIn(url, adminPath)
    if (place === undefined) {
      return url === undefined
        ? `Cannot find the running llm-proxy: ${lacks}; name its address with --running and its key with --key`
        : `Cannot use the address "${printable(url)}": write one such as "http://127.0.0.1:8080" or "unix:/path"`
    }
    const asked = key ?? given(io.env['LLM_PROXY_ADMIN_KEY']) ?? written
    if (asked === undefined) {
      return `Cannot open the admin pages without a key: ${lacks}; or give it with --key or LLM_PROXY_ADMIN_KEY`
    }
    if (!/^[\x20-\x7e]+$/.test(asked)) return 'Cannot send the admin key: it holds characters that no header may have'
    return new AdminClient(place, asked, language)
  }

  /** A page by its path below that of the admin pages, such as `/requests?limit=5`: its JSON, or a sentence. */
  async get(path: string): Promise<unknown> {
    let answer = await this.#ask(this.#place, path)
    const { otherBase } = this.#place
    if (otherBase !== undefined && isNoPage(answer)) {
      const place = { ...this.#place, base: otherBase, otherBase: undefined }
      const other = await this.#ask(place, path)
      if (!isNoPage(other)) {
        answer = other
        this.#place = place
      }
    }
    if (typeof answer === 'string') return answer
    const { isGood, status, body } = answer
    return isGood && typeof body === 'object' ? body : this.#refused(status, body)
  }

  async #ask({ base, unix, isHere, isOwn }: Place, path: string): Promise<Answer | string> {
    const deadline = new AbortController()
    const cancel = systemClock.after(answerMsMax, () => deadline.abort())
    try {
      // oxlint-disable-next-line no-restricted-globals -- one page of our own program; no link of any backend leads there
      const response = await fetch(`${base}${path}`, {
        headers: { authorization: `Bearer ${this.#key}` },
        // The key goes to the address that was named, and nowhere else.
        redirect: 'manual',
        signal: deadline.signal,
        // Said here, no variable of the environment can say otherwise. At its own address the certificate is for another name.
        tls: { rejectUnauthorized: !(isOwn === true && isHere) },
        ...(unix === undefined ? {} : { unix }),
        // Proxies of the environment are for what lies outside.
        ...(isHere ? { proxy: false } : {}),
      })
      return { isGood: response.ok, status: response.status, body: parseJson(await response.text()) }
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

interface Answer {
  readonly isGood: boolean
  readonly status: number
  /** Undefined when it is no JSON. */
  readonly body: unknown
}

/** Nothing of ours is there; what a page does not find is told by another code. */
function isNoPage(answer: Answer | string): boolean {
  if (typeof answer === 'string' || answer.status !== 404) return false
  const code = asText(asObject(asObject(answer.body)?.['error'])?.['code'])
  return code === undefined || code === 'route_not_found'
}

/** Where the pages are. */
interface Place {
  /** With the path of the admin pages, without a slash at its end. */
  readonly base: string
  /** Where they are, if the path that was named is theirs already; undefined when none was. */
  readonly otherBase?: string | undefined
  readonly unix: string | undefined
  readonly isHere: boolean
  /** The configuration says so. */
  readonly isOwn?: true
}

/** What the configuration says about its admin pages. */
interface Known {
  readonly adminPath: string
  /** Undefined when it is not known. */
  readonly listen: ListenAddress | undefined
  readonly isEncrypted: boolean
  readonly key: string | undefined
  readonly language: Snapshot['logging']['language']
  /** Why there is no address or no key. */
  readonly lacks: string
}

/** As far as it can be read: an edit that broke something else, or a secret of the service, need not be in the way. */
async function configured(flags: SourceFlags, env: Io['env']): Promise<Known> {
  const { source } = chooseSource(flags, env)
  const file = source.kind === 'environment' ? 'config.yaml' : sourceName(source)
  const nothing = {
    adminPath: '/admin',
    listen: undefined,
    isEncrypted: false,
    key: undefined,
    language: 'en',
  } as const
  try {
    const loaded = await loadSnapshot(source, { env, version: 1, listen: listenIn(env, source), standIns: true })
    const { draft } = loaded
    if (draft === undefined) {
      return { ...nothing, lacks: hasErrors(source) }
    }
    const lacks = source.kind === 'environment' ? noFile : keyLack(source, loaded)
    return {
      adminPath: draft.admin.path,
      listen: listenOf(loaded, draft),
      // Its files may be for the service only.
      isEncrypted: draft.tls?.enabled === true && (draft.tls.cert !== '' || loaded.stoodIn.length > 0),
      key: keyOf(draft),
      language: draft.logging.language,
      lacks,
    }
  } catch (error) {
    return { ...nothing, lacks: `"${file}" cannot be read: ${whyUnreadable(error)}` }
  }
}

const noFile =
  'there is no "config.yaml", and what is started from the environment has no key, so its admin pages are closed: ' +
  'write a configuration with "admin.key", or name it with -config'

function hasErrors(source: Source): string {
  const flags = source.kind === 'file' ? ` -config ${source.file}` : ''
  return `"${sourceName(source)}" has errors, "llm-proxy check${flags}" tells them`
}

function keyLack(source: Source, { stoodIn, snapshot }: LoadedSnapshot): string {
  const file = sourceName(source)
  if (stoodIn.length === 0 && snapshot === undefined) return hasErrors(source)
  if (stoodIn.length === 0 && source.kind === 'legacy') {
    return source.backendsFile === undefined
      ? `"${file}" is started without a key of clients, so its admin pages are closed`
      : 'BACKEND_API_KEY is not set'
  }
  if (stoodIn.length === 0) return `"${file}" has neither "admin.key" nor "proxy_api_key", set the first`
  return `"${file}" says where keys are, and they are not to be had here: ${stoodIn.join('; ')}`
}

function listenOf({ snapshot }: LoadedSnapshot, draft: Config): ListenAddress | undefined {
  if (snapshot !== undefined) return snapshot.admin.listen ?? snapshot.listen
  return parseListen(draft.admin.listen ?? draft.listen)
}

function keyOf({ admin, proxy_api_key: clientKey }: Config): string | undefined {
  return [admin.key, clientKey].find((key) => key !== undefined && key !== '' && !key.includes(secretStandIn))
}

function placeAt(listen: ListenAddress, adminPath: string, isEncrypted = false): Place {
  if (listen.kind === 'unix') return { base: `http://localhost${adminPath}`, unix: listen.path, isHere: true }
  const host = listen.host === undefined || listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host
  const reachable = host === '::' ? '::1' : host
  const isHere = isLocal({ ...listen, host: reachable })
  const written = reachable.includes(':') ? `[${reachable}]` : reachable
  const scheme = isEncrypted ? 'https' : 'http'
  return { base: `${scheme}://${written}:${listen.port}${adminPath}`, unix: undefined, isHere, isOwn: true }
}

/** The platform would read it as an address of 32 bits. */
function isBareNumber(url: string): boolean {
  return /^(?:https?:\/\/)?\d+(?:[:/]|$)/i.test(url)
}

function placeIn(url: string, adminPath: string): Place | undefined {
  if (url.startsWith('unix:')) {
    const path = url.slice('unix:'.length)
    return path === '' ? undefined : placeAt({ kind: 'unix', path }, adminPath)
  }
  const text = url.includes('://') ? url : `http://${url.startsWith(':') ? '127.0.0.1' : ''}${url}`
  if (!URL.canParse(text)) return undefined
  const { protocol, host, hostname, pathname, username } = new URL(text)
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '') return undefined
  const origin = `${protocol}//${host}`
  const before = pathname.replace(/\/+$/, '')
  const isHere = isLocal({ kind: 'tcp', host: hostname.replace(/^\[|\]$/g, ''), port: 0 })
  if (before === '' || before.endsWith(adminPath))
    return { base: `${origin}${before || adminPath}`, unix: undefined, isHere }
  return { base: `${origin}${before}${adminPath}`, otherBase: `${origin}${before}`, unix: undefined, isHere }
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
