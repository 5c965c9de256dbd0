import type { Call } from '#core/call.ts'
import type { Backend, Candidate } from '#core/candidate.ts'
import type { Credential, CredentialBook, CredentialInUse } from '#core/credential.ts'
import type { Finding, HealthPolicy } from '#core/health.ts'
import { formatDuration } from '#kit/quantity.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import {
  isSafeToRepeat,
  type IncomingBody,
  type IncomingResponse,
  type Transport,
  type TransportClocks,
  type TransportFailure,
} from '#ports/transport.ts'
import { replaced, requestHeaders } from './headers.ts'
import { prove } from './prove.ts'
import type { PiecewiseRequest } from './request.ts'

export interface CheckPorts {
  readonly clock: Clock
  readonly transport: Transport
  readonly credentials: CredentialBook
}

/** A backend that is checked. */
export interface CheckedBackend extends Backend {
  readonly health: HealthPolicy
}

/**
 * Asks a backend once whether it is well, proved as every request to it is; `stop` ends it early. Never rejects. What
 * keeps the question from being asked is no fault of the backend.
 */
export async function checkOnce(ports: CheckPorts, backend: CheckedBackend, stop: Stop): Promise<Finding> {
  const { clock } = ports
  const inner = new Stop()
  const end = { onStop: () => inner.ask() }
  stop.tell(end)
  const disarm = clock.after(backend.health.timeoutMs, () => inner.ask())
  try {
    return await new Check(ports, backend, inner).run()
  } catch (error) {
    return { kind: 'undecided', reason: `it could not be asked: ${error instanceof Error ? error.name : 'no reason'}` }
  } finally {
    disarm()
    stop.forget(end)
  }
}

class Check {
  readonly #ports: CheckPorts
  readonly #backend: CheckedBackend
  readonly #stop: Stop

  constructor(ports: CheckPorts, backend: CheckedBackend, stop: Stop) {
    this.#ports = ports
    this.#backend = backend
    this.#stop = stop
  }

  async run(): Promise<Finding> {
    const { credentials: set } = this.#backend
    if (set === undefined) return await this.#ask(checkRequest(this.#backend, this.#stop))
    const credential = this.#ports.credentials.ringOf(set)?.peek(this.#ports.clock.monotonicMs())
    if (credential === undefined) return { kind: 'undecided', reason: 'all its credentials rest' }
    return await this.#askWith(credential, true)
  }

  async #askWith(credential: Credential, mayRenew: boolean): Promise<Finding> {
    const use: CredentialInUse = { credential, proof: undefined, secrets: [], lacks: undefined }
    const bare = checkRequest(this.#backend, this.#stop)
    const request = await prove(bare, callFor(this.#backend), candidateFor(this.#backend), use)
    if ('kind' in request) return { kind: 'undecided', reason: request.message }
    const finding = await this.#ask(request)
    // Left alone, a token that was withdrawn would be shown again until it expires.
    const refused = finding.kind === 'fault' && finding.status === 401 && mayRenew ? use.proof : undefined
    return refused !== undefined && credential.refused(refused) ? await this.#askWith(credential, false) : finding
  }

  async #ask(request: PiecewiseRequest): Promise<Finding> {
    const { clock } = this.#ports
    const startedMs = clock.monotonicMs()
    const response = await this.#send(request)
    if (response.kind === 'transport_failure') return this.#judgeBroken(response)
    const latencyMs = clock.monotonicMs() - startedMs
    const { status } = response
    const broken = await useUp(response.body)
    if (!this.#backend.health.expects(status)) {
      return { kind: 'fault', status, reason: `it answered with status ${status}` }
    }
    return broken === undefined ? { kind: 'well', latencyMs } : this.#judgeBroken(broken, status)
  }

  async #send(request: PiecewiseRequest): Promise<IncomingResponse | TransportFailure> {
    const { transport } = this.#ports
    const response = await transport.send(request)
    if (response.kind !== 'transport_failure' || !isSafeToRepeat(response)) return response
    return await transport.send({ ...request, fresh: true })
  }

  #judgeBroken({ phase, message }: TransportFailure, status?: number): Finding {
    // All its connections are in use: it is busy, and who is busy is there.
    if (phase === 'queue') return { kind: 'undecided', reason: 'all its connections are in use' }
    const { timeoutMs } = this.#backend.health
    const reason = this.#stop.isAsked ? `no answer within ${formatDuration(timeoutMs)}` : message
    return { kind: 'fault', reason, ...(status !== undefined && { status }) }
  }
}

/** The request of a check, less the proof of credentials. */
export function checkRequest(backend: CheckedBackend, stop: Stop): PiecewiseRequest {
  const { health, link } = backend
  return {
    method: health.method,
    url: health.url,
    headers: replaced(requestHeaders(callFor(backend), candidateFor(backend)), health.headers),
    body: undefined,
    clocks: clocksFor(backend),
    link,
    stop,
  }
}

function callFor({ health: { method, url, dialect } }: CheckedBackend): Call {
  return {
    endpoint: { path: url.pathname, dialect, reads: 'nothing', stream: undefined },
    method,
    path: url.pathname,
    query: url.search.slice(1),
    headers: new Headers({ accept: '*/*', 'user-agent': 'llm-proxy-health' }),
    model: '',
    stream: false,
    body: undefined,
    modelAt: { start: 0, end: 0 },
    client: { address: '127.0.0.1', peer: undefined },
  }
}

function candidateFor(backend: CheckedBackend): Candidate {
  const { protocol, dialect } = backend.health
  return {
    id: backend.name,
    stateKey: backend.name,
    backend,
    model: '',
    protocol,
    dialects: new Set([dialect]),
    weight: 1,
    streamClocks: { firstContentMs: 0, idleMs: 0, durationMs: 0 },
    prefill: undefined,
  }
}

/** What the way may take by the configuration, and never longer than the whole check. */
function clocksFor({ timeouts, health: { timeoutMs } }: CheckedBackend): TransportClocks {
  const cut = (limitMs: number): number => (limitMs === 0 ? timeoutMs : Math.min(limitMs, timeoutMs))
  return {
    queueMs: timeoutMs,
    dnsMs: cut(timeouts.dnsMs),
    connectMs: cut(timeouts.connectMs),
    tlsMs: cut(timeouts.tlsMs),
    writeMs: timeoutMs,
    firstByteMs: timeoutMs,
    idleMs: timeoutMs,
  }
}

/** Reads the rest, so that the connection can be used again; gives what broke it off, if something did. */
async function useUp(body: IncomingBody): Promise<TransportFailure | undefined> {
  if (body.whole !== undefined) return undefined
  let length = 0
  for (;;) {
    const step = await body.read()
    if (step === 'end') return undefined
    if ('kind' in step) return step
    length += step.byteLength
    if (length <= readBytesMax) continue
    body.cancel()
    return undefined
  }
}

/** Limit: bytes of an answer that are read; of a longer one the connection is closed. */
const readBytesMax = 262_144
