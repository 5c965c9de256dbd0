import type { Backend, Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import type {
  BackendStatus,
  CheckStatus,
  Condition,
  CredentialStatus,
  LastError,
  RouteStatus,
  Status,
  Traffic,
  WorkerPlace,
} from '#core/status.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Masker } from '#telemetry/mask.ts'
import { NewsByRoute, type RouteError } from '#telemetry/route-news.ts'
import { shownUrl, type LoadReport } from './admin-config.ts'
import { standingOf } from './admin-routes.ts'

/** What the page is made from. */
export interface StatusParts {
  readonly gateway: Pick<Gateway, 'breakers' | 'clock' | 'credentials' | 'health' | 'live'>
  readonly news: NewsByRoute
  readonly masker: Masker
  readonly version: string
  /** Wall clock. */
  readonly startedMs: number
  readonly worker?: WorkerPlace | undefined
  isDraining(): boolean
  loadReport(): LoadReport
}

/** Everything about how the gateway is doing at this moment, for the status page. */
export function statusPage(snapshot: Snapshot, parts: StatusParts): Status {
  const { gateway, masker, version, startedMs } = parts
  const { loadedMs, warnings, restartKeys, refused } = parts.loadReport()
  const look = new Look(parts)
  const masked = (text: string): string => masker.mask(text)
  const listed = new Set(snapshot.aliases)
  return {
    version,
    at: iso(gateway.clock.wallMs()),
    startedAt: iso(startedMs),
    zone: snapshot.logging.zone,
    isDraining: parts.isDraining(),
    worker: parts.worker,
    inFlight: gateway.live.size,
    config: {
      version: snapshot.version,
      file: snapshot.file,
      loadedAt: iso(loadedMs),
      warnings: warnings.map(masked),
      restartKeys,
      refused: refused && { at: iso(refused.atMs), problems: refused.problems.map(masked) },
    },
    aliases: Array.from(snapshot.plans.values(), (plan) => ({
      alias: plan.alias,
      isListed: listed.has(plan.alias),
      routes: look.routesOf(plan),
    })),
    services: Array.from(snapshot.services.byName, ([service, models]) => ({
      service,
      models: Array.from(models, ([model, key]) => ({
        model,
        routes: look.routesOf(snapshot.services.plans.get(key)),
      })),
    })),
    passthrough: look.routesOf(snapshot.passthrough),
    backends: look.backendsOf(snapshot),
    credentials: look.credentials(),
  }
}

/** One look at everything that was learned; what is asked for twice is worked out once. */
class Look {
  readonly #parts: StatusParts
  readonly #nowMs: number
  readonly #inFlight: ReadonlyMap<string, number>
  /** Of requests on the road, whose news is told when they end. */
  readonly #failures: NewsByRoute

  constructor(parts: StatusParts) {
    this.#parts = parts
    this.#nowMs = parts.gateway.clock.monotonicMs()
    this.#inFlight = countInFlight(parts.gateway.live)
    this.#failures = new NewsByRoute(parts.masker)
    for (const exchange of parts.gateway.live) this.#failures.noteFailures(exchange)
  }

  routesOf(plan: Plan | undefined): RouteStatus[] {
    if (plan === undefined) return []
    return plan.tiers.flatMap(({ alias, level, priority, candidates }) =>
      candidates.map((candidate): RouteStatus => {
        const { backend, model, weight } = candidate
        const traffic = this.#trafficOf(backend.name, model)
        return {
          backend: backend.name,
          name: candidate.entry?.name ?? backend.name,
          model,
          alias,
          level,
          priority,
          weight,
          ...this.#conditionOf(candidate, plan),
          traffic,
        }
      }),
    )
  }

  /** Those that a route leads to, and those that stand in the file for nobody. */
  backendsOf(snapshot: Snapshot): BackendStatus[] {
    const found = new Map<Backend, Map<string, RouteSeen>>()
    for (const backend of snapshot.backends.values()) found.set(backend, new Map())
    for (const plan of everyPlan(snapshot)) {
      for (const { candidates } of plan.tiers) {
        for (const candidate of candidates) {
          const { backend: asked, stateKey } = candidate
          // One backend may have two addresses.
          const backend = snapshot.backends.get(asked.name) ?? asked
          const seen = found.get(backend) ?? new Map<string, RouteSeen>()
          found.set(backend, seen)
          // A fallback leads to the same route once more.
          if (!seen.has(stateKey)) seen.set(stateKey, { candidate, plan })
        }
      }
    }
    return Array.from(found, ([backend, routes]) => this.#backendOf(backend, [...routes.values()]))
  }

  credentials(): CredentialStatus[] {
    const { gateway, masker } = this.#parts
    return Array.from(gateway.credentials.rings()).flatMap(([backend, ring]) =>
      ring.list(this.#nowMs).map(({ name, weight, state, restsForMs, turns, setbacks, reason }) => ({
        backend,
        name,
        weight,
        state,
        restsForMs,
        turns,
        setbacks,
        reason: reason === undefined ? undefined : masker.mask(reason),
      })),
    )
  }

  #backendOf(backend: Backend, routes: readonly RouteSeen[]): BackendStatus {
    const { name, url, apiKey, credentials } = backend
    const check = this.#checkOf(backend)
    const states = routes.map(({ candidate, plan }) => this.#conditionOf(candidate, plan))
    // As well as its best route: where there is one way left, requests get through.
    const best = states.toSorted((a, b) => rankOf(a.state) - rankOf(b.state) || a.restsForMs - b.restsForMs)[0]
    return {
      backend: name,
      url: shownUrl(url, this.#parts.masker),
      hasKey: apiKey !== undefined || credentials !== undefined,
      state: best?.state ?? check?.state ?? 'unknown',
      restsForMs: best?.restsForMs ?? 0,
      routes: routes.length,
      traffic: sumOf(routes.map(({ candidate: { model } }) => this.#trafficOf(name, model))),
      check,
    }
  }

  #conditionOf(candidate: Candidate, plan: Plan): Pick<RouteStatus, 'state' | 'restsForMs'> {
    const { gateway } = this.#parts
    const { state, restsForMs } = standingOf(candidate, plan, gateway, this.#nowMs)
    const { name, health } = candidate.backend
    const isUnchecked = health !== undefined && gateway.health.recordOf(name)?.state === 'unknown'
    return { state: state === 'healthy' && isUnchecked ? 'unknown' : state, restsForMs }
  }

  #checkOf({ name, health }: Backend): CheckStatus | undefined {
    const record = health === undefined ? undefined : this.#parts.gateway.health.recordOf(name)
    if (record === undefined) return undefined
    const { state, checkedAtMs, latencyMs, fault, nextDueMs } = record
    return {
      state,
      at: checkedAtMs === undefined ? undefined : iso(checkedAtMs),
      latencyMs: rounded(latencyMs),
      fault: fault === undefined ? undefined : this.#parts.masker.mask(fault),
      nextInMs: Math.max(0, Math.ceil(nextDueMs - this.#nowMs)),
    }
  }

  #trafficOf(backend: string, model: string): Traffic {
    const news = this.#parts.news.of(backend, model)
    const failed = this.#failures.of(backend, model)
    return {
      inFlight: this.#inFlight.get(routeKey(backend, model)) ?? 0,
      attempts: (news?.attempts ?? 0) + (failed?.attempts ?? 0),
      failures: (news?.failures ?? 0) + (failed?.failures ?? 0),
      latencyMs: rounded(news?.latencyMs),
      firstContentMs: rounded(news?.firstContentMs),
      lastError: this.#errorOf(laterOf(news?.lastError, failed?.lastError)),
    }
  }

  #errorOf(error: RouteError | undefined): LastError | undefined {
    if (error === undefined) return undefined
    const { atMs, reason, status, message } = error
    // Masked once more: a secret may be newer than the error.
    return { at: iso(atMs), reason, status, message: this.#parts.masker.mask(message) }
  }
}

interface RouteSeen {
  readonly candidate: Candidate
  readonly plan: Plan
}

/** Every plan of the configuration, whatever leads to it. */
export function everyPlan({ plans, services, passthrough }: Snapshot): readonly Plan[] {
  return [...plans.values(), ...services.plans.values(), ...(passthrough === undefined ? [] : [passthrough])]
}

/** From the best to the worst. */
const ranks: readonly Condition[] = [
  'healthy',
  'unknown',
  'circuit_half_open',
  'cooling',
  'no_credential',
  'ejected',
  'circuit_open',
  'unhealthy',
]

function rankOf(state: Condition): number {
  return ranks.indexOf(state)
}

/** Requests by the route that works on them now. */
function countInFlight(live: Iterable<Exchange>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { attempts } of live) {
    const attempt = attempts.at(-1)
    if (attempt === undefined || attempt.failure !== undefined) continue
    const key = routeKey(attempt.backend, attempt.model)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

function laterOf(one: RouteError | undefined, other: RouteError | undefined): RouteError | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.atMs >= one.atMs ? other : one
}

function routeKey(backend: string, model: string): string {
  return JSON.stringify([backend, model])
}

/** Averages by the attempts behind them; of errors the last one. */
function sumOf(parts: readonly Traffic[]): Traffic {
  const sum = (of: (part: Traffic) => number): number => parts.reduce((total, part) => total + of(part), 0)
  const mean = (of: (part: Traffic) => number | undefined): number | undefined => {
    const known = parts.filter((part) => of(part) !== undefined)
    const weight = known.reduce((total, { attempts }) => total + attempts, 0)
    if (weight === 0) return undefined
    return rounded(known.reduce((total, part) => total + (of(part) ?? 0) * part.attempts, 0) / weight)
  }
  const errors = parts.flatMap(({ lastError }) => lastError ?? [])
  return {
    inFlight: sum(({ inFlight }) => inFlight),
    attempts: sum(({ attempts }) => attempts),
    failures: sum(({ failures }) => failures),
    latencyMs: mean(({ latencyMs }) => latencyMs),
    firstContentMs: mean(({ firstContentMs }) => firstContentMs),
    lastError: errors.toSorted((a, b) => (a.at < b.at ? 1 : -1))[0],
  }
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
