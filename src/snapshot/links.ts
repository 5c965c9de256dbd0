import * as v from 'valibot'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import type { Link, PoolLimits, ProxyOptions, TlsOptions } from '#ports/transport.ts'
import { DirectHosts, isLoopback } from '#upstream/direct-hosts.ts'
import { PoolSchema, TlsSchema } from '#upstream/link-schema.ts'
import { findTlsFaults } from './certificates.ts'

type BackendSettings = Config['backends'][number]
type Tell = (severity: CompileProblem['severity'], place: readonly string[], message: string) => void

/** Makes the links of a snapshot: equal ones are one object. */
export class LinkTable {
  readonly #byContent = new Map<string, Link>()
  readonly #proxy: ProxyOptions | undefined
  readonly #direct: DirectHosts

  constructor(config: Config) {
    this.#proxy = parseProxy(config.outbound_proxy.url)
    this.#direct = new DirectHosts(config.outbound_proxy.no_proxy)
  }

  linkTo(url: URL, settings: BackendSettings): Link {
    return this.#one({
      // A limit is the backend's own; without one, backends at the same address share what is open.
      ...(settings.max_connections > 0 && { owner: settings.name }),
      tls: tlsOf(settings.tls),
      unixPath: settings.unix_socket,
      proxy: this.#proxyTo(url, settings),
      pool: poolOf(settings),
      http2: settings.http2,
      transport: usesFetch(settings) ? 'fetch' : 'own',
    })
  }

  #one(link: Link): Link {
    const content = JSON.stringify(link)
    const known = this.#byContent.get(content)
    if (known !== undefined) return known
    this.#byContent.set(content, link)
    return link
  }

  /** As a backend at this address that says nothing of how it is connected to. */
  plainLinkTo(url: URL): Link {
    return this.#one({
      tls: tlsOf(plainTls),
      unixPath: undefined,
      proxy: this.#commonProxyTo(url),
      pool: poolOf({ pool: plainPool, max_connections: 0 }),
      http2: false,
      transport: 'own',
    })
  }

  #proxyTo(url: URL, { outbound_proxy: own, unix_socket: socket }: BackendSettings): ProxyOptions | undefined {
    if (url.protocol === 'mock:' || socket !== undefined || own === 'none') return undefined
    if (own !== undefined && own !== '') return parseProxy(own)
    return this.#commonProxyTo(url)
  }

  #commonProxyTo(url: URL): ProxyOptions | undefined {
    return isLoopback(url) || this.#direct.includes(url) ? undefined : this.#proxy
  }
}

/** What is wrong, or does nothing, in how this backend, which stands at `path`, is to be connected to. */
export function findLinkProblems(
  url: URL,
  settings: BackendSettings,
  path: CompileProblem['path'],
): readonly CompileProblem[] {
  const problems: CompileProblem[] = []
  const tell: Tell = (severity, place, message) => {
    problems.push({ severity, path: [...path, ...place], message })
  }
  if (url.protocol === 'mock:') {
    const given = [...givenOf(settings), ...givenIn('tls', settings.tls, plainTls), ...givenPool(settings)]
    for (const place of given) tell('warning', place, 'does nothing, since a mock backend needs no connection')
    return problems
  }
  if (settings.http2 && url.protocol !== 'https:') {
    tell('error', ['http2'], 'only https:// addresses are spoken to by HTTP/2: change "url", or leave this out')
  }
  if (settings.unix_socket !== undefined && !['', 'none', undefined].includes(settings.outbound_proxy)) {
    tell('warning', ['outbound_proxy'], 'does nothing, since "unix_socket" is on this machine')
  }
  tellTls(url, settings.tls, tell)
  tellPool(settings, tell)
  return problems
}

/** What of a proxy's address nobody may see, in every form in which it is sent or written. */
export function secretsOfProxy(text: string | undefined): readonly string[] {
  const authorization = parseProxy(text)?.authorization
  if (text === undefined || authorization === undefined) return []
  const { password } = new URL(text)
  const passwords = [password, decodeURIComponent(password)].filter(({ length }) => length >= passwordLengthMin)
  return [authorization.slice('Basic '.length), ...passwords]
}

/** A shorter one would be found in any text; in an address it is hidden all the same. */
const passwordLengthMin = 8

function usesFetch({ transport, http2 }: BackendSettings): boolean {
  return transport === 'fetch' || http2
}

function tlsOf({ ca, cert, key, server_name, min_version, verify }: BackendSettings['tls']): TlsOptions {
  return { verify, ca, cert, key, serverName: server_name, minVersion: min_version }
}

function poolOf({
  pool,
  max_connections: connectionsMax,
}: Pick<BackendSettings, 'pool' | 'max_connections'>): PoolLimits {
  return {
    connectionsMax,
    idleMax: pool.max_idle,
    idleMs: pool.idle_timeout,
    ageMs: pool.max_age,
    waitingMax: pool.max_waiting,
    prewarm: Math.min(pool.prewarm, pool.max_idle, connectionsMax === 0 ? Infinity : connectionsMax),
  }
}

/** The proxy that the text names, its password taken out of the address; undefined when it names none. */
function parseProxy(text: string | undefined): ProxyOptions | undefined {
  if (text === undefined || text === 'none' || !URL.canParse(text)) return undefined
  const { origin, username, password } = new URL(text)
  const isOpen = username === '' && password === ''
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { url: new URL(origin), authorization: isOpen ? undefined : `Basic ${Buffer.from(user).toString('base64')}` }
}

function tellTls(url: URL, tls: BackendSettings['tls'], tell: Tell): void {
  if (url.protocol !== 'https:') {
    const given = givenIn('tls', tls, plainTls)
    for (const place of given) tell('warning', place, `does nothing, since the address is ${url.protocol}//`)
    return
  }
  if (tls.ca !== undefined && !tls.verify) tell('warning', ['tls', 'ca'], 'does nothing while "verify" is false')
  for (const { key, message } of findTlsFaults(tls)) tell('error', ['tls', key], message)
}

function tellPool(settings: BackendSettings, tell: Tell): void {
  const { max_connections: connectionsMax, pool } = settings
  if (usesFetch(settings)) {
    const cause = settings.http2 ? '"http2" goes through fetch' : 'the transport is fetch'
    const given = connectionsMax === 0 ? [] : [['max_connections']]
    given.push(...givenPool(settings).filter(([, key = '']) => !fetchKeeps.has(key)))
    for (const place of given) tell('warning', place, `does nothing, since ${cause}`)
    return
  }
  const place = ['pool', 'prewarm']
  if (pool.prewarm > pool.max_idle) tell('warning', place, 'more than "max_idle" keeps, and cut to it')
  else if (connectionsMax !== 0 && pool.prewarm > connectionsMax) {
    tell('warning', place, 'more than "max_connections" allows, and cut to it')
  }
}

/** Keys of `pool` that the platform's fetch has something like. */
const fetchKeeps: ReadonlySet<string> = new Set(['max_idle', 'idle_timeout'])

/** What these sections are when nothing is written in them. */
const plainTls = v.parse(TlsSchema, {})
const plainPool = v.parse(PoolSchema, {})

function givenPool({ pool }: BackendSettings): readonly string[][] {
  return givenIn('pool', pool, plainPool)
}

/** The keys of a section that say something else than its default. */
function givenIn(section: string, written: object, plain: object): readonly string[][] {
  const defaults = new Map<string, unknown>(Object.entries(plain))
  return Object.entries(written).flatMap(([key, value]) => (defaults.get(key) === value ? [] : [[section, key]]))
}

/** The keys beside the sections that say something else than their default. */
function givenOf(settings: BackendSettings): readonly string[][] {
  const { transport, http2, max_connections: connectionsMax, unix_socket: socket, outbound_proxy: proxy } = settings
  const given: Readonly<Record<string, boolean>> = {
    transport: transport !== 'own',
    http2,
    max_connections: connectionsMax !== 0,
    unix_socket: socket !== undefined,
    outbound_proxy: proxy !== undefined && proxy !== '' && proxy !== 'none',
  }
  return Object.keys(given)
    .filter((key) => given[key] === true)
    .map((key) => [key])
}
