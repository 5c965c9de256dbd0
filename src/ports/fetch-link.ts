import type { Link, TlsOptions } from './transport.ts'

/** A link in the words of the platform's fetch. */
export interface FetchLink {
  readonly session: Bun.FetchSession
  /** Milliseconds for which a connection may be idle at the utmost. */
  readonly idleMsMax: number
  /** Always said: left open, a variable of the environment would decide. */
  readonly tls: BunFetchRequestInitTLS
  /** False keeps the proxy variables of the environment out. */
  readonly proxy: Bun.FetchProxyOption
  readonly protocol: 'http1.1' | 'http2'
}

/** The links of all requests, put into words once for each. */
export class FetchLinks {
  readonly #linkOf = new WeakMap<Link, FetchLink>()
  readonly #sessionOf = new Map<string, Bun.FetchSession>()

  of(link: Link): FetchLink {
    const known = this.#linkOf.get(link)
    if (known !== undefined) return known
    const { tls, proxy, pool, http2 } = link
    const idleSeconds = pool.idleMs === 0 ? idleSecondsMax : Math.min(idleSecondsMax, Math.ceil(pool.idleMs / 1000))
    const worded: FetchLink = {
      session: this.#session(pool.idleMax, idleSeconds),
      idleMsMax: (idleSeconds + lateSeconds(idleSeconds)) * 1000,
      tls: tlsOf(tls),
      proxy: proxy === undefined ? false : proxyOf(proxy.url, proxy.authorization),
      protocol: http2 ? 'http2' : 'http1.1',
    }
    this.#linkOf.set(link, worded)
    return worded
  }

  /** Within a session, the platform shares connections by the content of the TLS options, proxy and socket path. */
  #session(idleMax: number, idleSeconds: number): Bun.FetchSession {
    const key = `${idleMax}/${idleSeconds}`
    const known = this.#sessionOf.get(key)
    if (known !== undefined) return known
    // Limit: only reloads make more; a forgotten session ends with its last request and idle connection.
    if (this.#sessionOf.size >= sessionsMax) this.#sessionOf.clear()
    const session = new Bun.FetchSession({
      keepAlive: idleMax === 0 ? false : { idleTimeout: idleSeconds, maxIdleSockets: idleMax },
    })
    this.#sessionOf.set(key, session)
    return session
  }
}

const sessionsMax = 256

/** The longest that the platform keeps an idle connection. */
const idleSecondsMax = 14_280

/** Its timer moves in steps of four seconds, above four minutes in whole minutes, and may be late by two of them. */
function lateSeconds(idleSeconds: number): number {
  return idleSeconds > 240 ? 120 : 8
}

function proxyOf(url: URL, authorization: string | undefined): Bun.FetchProxyOption {
  const headers = authorization === undefined ? {} : { 'proxy-authorization': authorization }
  return { url: url.href, headers, respectNoProxy: false }
}

/** The platform takes a version by its number on the wire, which its types do not know yet. */
type TlsInit = BunFetchRequestInitTLS & { minVersion: number }

const versions = { '1.2': 0x0303, '1.3': 0x0304 } as const

function tlsOf({ verify, ca, cert, key, serverName, minVersion }: TlsOptions): BunFetchRequestInitTLS {
  const init: TlsInit = { rejectUnauthorized: verify, minVersion: versions[minVersion] }
  if (ca !== undefined) init.ca = ca
  if (cert !== undefined) init.cert = cert
  if (key !== undefined) init.key = key
  if (serverName !== undefined) init.serverName = serverName
  return init
}
