import { Stop } from '#kit/stop.ts'
import type { Link, OutgoingRequest, PoolLimits, TlsOptions, TransportClocks } from '#ports/transport.ts'

export const plainTls: TlsOptions = {
  verify: true,
  ca: undefined,
  cert: undefined,
  key: undefined,
  serverName: undefined,
  minVersion: '1.2',
}

export const roomyPool: PoolLimits = {
  connectionsMax: 0,
  idleMax: 512,
  idleMs: 50_000,
  ageMs: 0,
  waitingMax: 1000,
  prewarm: 0,
}

/** A link without anything special but `pool` and `tls`. */
export function linkWith(pool: Partial<PoolLimits> = {}, tls: Partial<TlsOptions> = {}): Link {
  return {
    tls: { ...plainTls, ...tls },
    unixPath: undefined,
    proxy: undefined,
    pool: { ...roomyPool, ...pool },
    http2: false,
    transport: 'own',
  }
}

/** No clock ends anything. */
export const patient: TransportClocks = {
  queueMs: 0,
  dnsMs: 0,
  connectMs: 0,
  tlsMs: 0,
  writeMs: 0,
  firstByteMs: 0,
}

/** A POST of two bytes, unless told otherwise. */
export function outgoing(url: URL, changes: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    method: 'POST',
    url,
    headers: [['Content-Type', 'application/json']],
    body: [Buffer.from('{}')],
    clocks: patient,
    link: plainLink,
    stop: new Stop(),
    ...changes,
  }
}

const plainLink = linkWith()
