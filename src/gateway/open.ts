import { Debts } from '#core/debts.ts'
import type { Exchange } from '#core/exchange.ts'
import { keepsRequests } from '#telemetry/policy.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { envelopeOf } from '#wire/dialect.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { requestIdFor } from './request-id.ts'

/** Starts the account of one request. */
export function open(gateway: Gateway, snapshot: Snapshot, incoming: Incoming): Exchange {
  const { request, client } = incoming
  const exchange: Exchange = {
    place: -1,
    id: requestIdFor(request.headers, gateway),
    startedMs: gateway.clock.monotonicMs(),
    startedWallMs: gateway.clock.wallMs(),
    method: request.method,
    path: incoming.path,
    client,
    debts: new Debts(),
    dialect: envelopeOf(incoming.endpoint.dialect, incoming.path),
    caller: undefined,
    alias: undefined,
    stream: false,
    seed: Math.floor(gateway.random.unit() * 4_294_967_296),
    configVersion: snapshot.version,
    attempts: [],
    skips: undefined,
    status: 0,
    refusal: undefined,
    outcome: undefined,
    brokenBy: undefined,
    firstByteMs: undefined,
    endedMs: undefined,
    bytesOut: 0,
    chunksOut: 0,
    heartbeats: 0,
    rescuedAtBytes: undefined,
    seen: undefined,
  }
  if (keepsRequests(snapshot.logging)) {
    const target = incoming.query === '' ? incoming.path : `${incoming.path}?${incoming.query}`
    exchange.seen = { method: request.method, target, headers: [...request.headers], body: undefined }
  }
  if (gateway.log.keeps('warn') || exchange.seen !== undefined) client.note()
  gateway.live.add(exchange)
  return exchange
}
