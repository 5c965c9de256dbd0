import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { Connection } from '#gateway/incoming.ts'
import { queryCredential } from '#gateway/query.ts'
import { identifyAny } from '#identity/identify.ts'
import { objectionToAddress } from '#identity/permit.ts'
import { percentDecoded } from '#kit/percent.ts'
import { limitReport } from '#limit/report.ts'
import { secondsUntil } from '#route/course.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { AdminPages } from './admin.ts'
import { everyPlan } from './admin-status.ts'
import { clientAddress } from './client-ip.ts'
import type { Target } from './guard.ts'
import { allServices, oneService } from './health-status.ts'
import { cacheReport } from '#cache/report.ts'
import { cacheCheck, countHealth, health, lastCheckOf, readiness, type HealthCount } from './health.ts'

/** What the pages are made from. */
export interface HealthParts {
  readonly gateway: Pick<
    Gateway,
    'breakers' | 'cache' | 'clock' | 'current' | 'figures' | 'health' | 'ids' | 'limits' | 'live' | 'tokens'
  >
  readonly version: string
  isDraining(): boolean
  isConfigRefused(): boolean
  isStorageFailing(): boolean
  /** Who knows an admin when they see one. Undefined: nobody is taken for one here. */
  readonly admin: AdminPages | undefined
}

/** Who looks: with no key at all, with one of a client, or with one that opens the admin pages. */
type Viewer = 'stranger' | 'client' | 'admin'

/** The pages for probes and for those who want to know how the backends are. None of them asks an upstream. */
export class HealthDesk {
  readonly #parts: HealthParts
  readonly #startedMs: number

  constructor(parts: HealthParts) {
    this.#parts = parts
    this.#startedMs = parts.gateway.clock.monotonicMs()
  }

  covers(path: string): boolean {
    return this.#parts.gateway.current().healthPages.byPath.has(path) || isStatusPath(path)
  }

  answer(request: Request, connection: Connection, target: Target): Response | Refusal {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      return refuse('method_not_allowed', `Cannot serve ${method} on this path: it takes GET`, { allow: 'GET' })
    }
    const snapshot = this.#parts.gateway.current()
    const { path } = target
    switch (snapshot.healthPages.byPath.get(path)) {
      case 'liveness':
        // These two are for programs that read nothing but the status.
        if (path === '/healthz' || path === '/livez') return this.#told('ok', 'text/plain; charset=utf-8')
        return this.#json(health(snapshot, this.#parts.version))
      case 'readiness':
        return this.#readiness(snapshot)
      case 'verbose': {
        const viewer = this.#viewerOf(request, connection, target, snapshot)
        return isRefusal(viewer) ? viewer : this.#json(this.#verbose(snapshot, viewer))
      }
      case undefined:
        return this.#status(request, connection, target, snapshot)
    }
  }

  #readiness(snapshot: Snapshot): Response {
    const { gateway } = this.#parts
    // Nobody waits for what it finds: probes come again.
    if (snapshot.cache?.remote !== undefined) void gateway.cache?.look()
    const { ready, body } = readiness(snapshot, {
      isDraining: this.#parts.isDraining(),
      isConfigRefused: this.#parts.isConfigRefused(),
      isStorageFailing: this.#parts.isStorageFailing(),
      health: gateway.health,
      cache: gateway.cache,
    })
    return this.#json(body, ready ? 200 : 503)
  }

  #status(request: Request, connection: Connection, target: Target, snapshot: Snapshot): Response | Refusal {
    const { gateway } = this.#parts
    const viewer = this.#viewerOf(request, connection, target, snapshot)
    if (target.path === statusPath) return this.#json(allServices(snapshot, gateway, viewer === 'admin'))
    if (isRefusal(viewer)) return viewer
    if (viewer === 'stranger') return keyNeeded
    const page = oneService(
      percentDecoded(target.path.slice(statusPath.length + 1)),
      snapshot,
      gateway,
      viewer === 'admin',
    )
    return isRefusal(page) ? page : this.#json(page)
  }

  /** Strangers see how many, and not who. */
  #verbose(snapshot: Snapshot, viewer: Viewer): object {
    const { gateway, version } = this.#parts
    const { healthPages: shows } = snapshot
    const count = countHealth(snapshot, gateway.health)
    return {
      status: statusOf(count),
      service: 'llm-proxy',
      version,
      uptime_seconds: Math.floor((gateway.clock.monotonicMs() - this.#startedMs) / 1000),
      draining: this.#parts.isDraining(),
      in_flight: gateway.live.size,
      config: {
        version: snapshot.version,
        status: this.#parts.isConfigRefused() ? 'the file has errors, the configuration before it serves on' : 'ok',
      },
      ...(shows.showUpstream && { upstream: this.#upstream(snapshot, count, viewer) }),
      ...(shows.showCache && { cache: this.#cache(snapshot) }),
      ...(shows.showRateLimit && { rate_limit: limitReport(gateway.limits, snapshot.limits) }),
    }
  }

  #upstream(snapshot: Snapshot, count: HealthCount, viewer: Viewer): object {
    const summary = { status: statusOf(count), ...count }
    if (viewer === 'stranger') return summary
    const { clock, health: book } = this.#parts.gateway
    const resting = this.#restingByBackend(snapshot)
    const nowMs = clock.monotonicMs()
    const backends = Array.from(snapshot.backends.values(), ({ name, health: policy }) => {
      const record = policy === undefined ? undefined : book.recordOf(name)
      return {
        name,
        status: policy === undefined ? 'unchecked' : (record?.state ?? 'unknown'),
        ...lastCheckOf(record),
        next_check_seconds: record === undefined ? null : secondsUntil(record.nextDueMs, nowMs),
        resting: resting.get(name) ?? [],
      }
    })
    return { ...summary, backends }
  }

  /** Routes that are passed over by what requests of clients taught, whatever the checks say. */
  #restingByBackend(snapshot: Snapshot): ReadonlyMap<string, readonly object[]> {
    const { breakers, clock } = this.#parts.gateway
    const nowMs = clock.monotonicMs()
    const resting = new Map<string, object[]>()
    const seen = new Set<string>()
    for (const { tiers, breaker, outlier } of everyPlan(snapshot)) {
      for (const { backend, model, stateKey } of tiers.flatMap(({ candidates }) => candidates)) {
        const rest = seen.has(stateKey) ? undefined : breakers.restOf(stateKey, nowMs, breaker, outlier)
        seen.add(stateKey)
        if (rest === undefined) continue
        const routes = resting.get(backend.name)
        const route = { model, why: rest.why, for_seconds: secondsUntil(rest.untilMs, nowMs) }
        if (routes === undefined) resting.set(backend.name, [route])
        else routes.push(route)
      }
    }
    return resting
  }

  /** What is kept in memory. */
  #cache(snapshot: Snapshot): object {
    const { cache, figures } = this.#parts.gateway
    return {
      status: cacheCheck(snapshot, cache) === 'ok' ? 'ok' : 'down',
      ...(snapshot.cache !== undefined && cache !== undefined && { answers: cacheReport(cache, snapshot.cache) }),
      pinned_clients: figures.pins.size,
      repinned: figures.pins.repinned,
      measured_routes: figures.size,
    }
  }

  /** A refusal for who has a key that is none. */
  #viewerOf(request: Request, connection: Connection, target: Target, snapshot: Snapshot): Viewer | Refusal {
    const { keys, admin } = snapshot
    const { clock, tokens } = this.#parts.gateway
    const known = identifyAny(request.headers, queryCredential(target.query), keys, clock.wallMs(), tokens)
    // Whose token it is was found out before, if it is anybody's.
    const client = known instanceof Promise ? unknownToken : known
    if (isRefusal(client) && client.code === 'missing_api_key') return 'stranger'
    const isClient = !isRefusal(client)
    if (isClient && client.access?.allowsAddress !== undefined) {
      const address = clientAddress(connection.peer, request.headers, snapshot.trustedProxies)
      const objection = objectionToAddress(client.access, { address })
      if (objection !== undefined) return objection
    }
    // With a key of their own admins are no clients, and a client's key is not held against anybody.
    if (isClient && !keys.isOpen && (!admin.isLocalOnly || client.id !== 'default')) return 'client'
    const verdict = this.#parts.admin?.judgeAside(request, connection) ?? 'hidden'
    if (verdict === 'welcome') return 'admin'
    if (isClient) return 'client'
    return isRefusal(verdict) ? verdict : client
  }

  #json(body: object, status = 200): Response {
    return this.#told(JSON.stringify(body), 'application/json', status)
  }

  #told(body: string, type: string, status = 200): Response {
    const response = new Response(body, { status })
    response.headers.set('content-type', type)
    response.headers.set('cache-control', 'no-store')
    response.headers.set('x-request-id', this.#parts.gateway.ids.requestId())
    return response
  }
}

const unknownToken = refuse('invalid_api_key', 'Cannot accept the request: the token is not accepted')

const statusPath = '/api/health/status'

/** Those of one service stand behind it. */
export function isStatusPath(path: string): boolean {
  return path.startsWith(statusPath) && (path.length === statusPath.length || path[statusPath.length] === '/')
}

const keyNeeded = refuse(
  'missing_api_key',
  'Cannot show one service to everybody: send a key as "Authorization: Bearer <key>"',
)

function statusOf({ total, unhealthy }: HealthCount): 'ok' | 'degraded' | 'down' {
  if (unhealthy === 0) return 'ok'
  return unhealthy < total ? 'degraded' : 'down'
}
