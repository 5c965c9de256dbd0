import type { Cache } from '#cache/cache.ts'
import type { HealthBook, HealthRecord, HealthState } from '#core/health.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'

/** Liveness: the process answers. Never touches an upstream. */
export function health(snapshot: Snapshot, version: string): object {
  return {
    status: 'ok',
    service: 'llm-proxy',
    version,
    backends: snapshot.backends.size,
    models: snapshot.aliases.length + snapshot.services.plans.size,
  }
}

/** What readiness depends on beside the configuration. */
export interface Circumstances {
  readonly isDraining: boolean
  /** The file has a content that cannot be used. */
  readonly isConfigRefused: boolean
  /** Sums of usage do not reach their file. */
  readonly isStorageFailing: boolean
  readonly health: HealthBook
  readonly cache: Pick<Cache, 'remote'> | undefined
}

/** Readiness: may a balancer send traffic here? `checks` names what fails. */
export function readiness(
  snapshot: Snapshot,
  { isDraining, isConfigRefused, isStorageFailing, health: book, cache }: Circumstances,
): { readonly ready: boolean; readonly body: object } {
  const checks = {
    routes: isServing(snapshot) ? 'ok' : 'no model alias has a usable route',
    upstream: upstreamCheck(countHealth(snapshot, book)),
    ...(snapshot.cache?.remote !== undefined && { cache: cacheCheck(snapshot, cache) }),
    ...(snapshot.usage?.file !== undefined && {
      storage: isStorageFailing ? '"usage.file" cannot be written: the log tells why' : 'ok',
    }),
    draining: isDraining ? 'the server is shutting down' : 'ok',
  }
  const ready = Object.values(checks).every((check) => check === 'ok')
  // What was refused changes nothing: the former configuration serves on, and whoever looks here is told.
  const config = isConfigRefused
    ? 'the file has errors, so the configuration before it serves on: see "llm-proxy check"'
    : 'ok'
  return {
    ready,
    body: { status: ready ? 'ready' : 'not_ready', checks: { config, ...checks }, config_version: snapshot.version },
  }
}

/** What the last check of a backend found, in the words of the pages. */
export interface LastCheck {
  readonly last_check: string | null
  readonly error_message: string | null
  readonly response_time_ms: number | null
}

export function lastCheckOf(record: HealthRecord | undefined): LastCheck {
  return {
    last_check: record?.checkedAtMs === undefined ? null : new Date(record.checkedAtMs).toISOString(),
    error_message: record?.fault ?? null,
    response_time_ms: record?.latencyMs === undefined ? null : Math.round(record.latencyMs * 10) / 10,
  }
}

/** How many backends are how, by their last checks. */
export interface HealthCount extends Readonly<Record<HealthState, number>> {
  readonly total: number
  /** Asked by nobody; they count as well. */
  readonly unchecked: number
}

export function countHealth({ backends }: Snapshot, book: HealthBook): HealthCount {
  const count = { healthy: 0, unhealthy: 0, unknown: 0, unchecked: 0 }
  for (const { name, health: policy } of backends.values()) {
    count[policy === undefined ? 'unchecked' : (book.recordOf(name)?.state ?? 'unknown')] += 1
  }
  return { total: backends.size, ...count }
}

function isServing({ aliases, services, passthrough }: Snapshot): boolean {
  return aliases.length > 0 || services.plans.size > 0 || passthrough !== undefined
}

/** It fails when nobody is left: one that is well, or not known to be down, is enough. */
function upstreamCheck({ total, unhealthy }: HealthCount): string {
  if (unhealthy === 0 || unhealthy < total) return 'ok'
  return unhealthy === 1 ? 'the only backend fails its health checks' : `all ${total} backends fail their health checks`
}

/** A store outside of the process is part of what was configured, though every request is answered without it, too. */
export function cacheCheck(snapshot: Snapshot, cache: Pick<Cache, 'remote'> | undefined): string {
  const remote = snapshot.cache?.remote === undefined ? undefined : cache?.remote
  return remote?.isDown === true ? `${remote.kind}, where answers are kept, does not answer` : 'ok'
}
