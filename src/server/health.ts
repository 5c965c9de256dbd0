import type { Snapshot } from '#snapshot/snapshot.ts'

/** Liveness: the process answers. Never touches an upstream. */
export function health(snapshot: Snapshot, version: string): object {
  return {
    status: 'ok',
    service: 'llm-proxy',
    version,
    backends: snapshot.backends.size,
    models: snapshot.aliases.length,
  }
}

/** Readiness: may a balancer send traffic here? `problem` names the check that fails. */
export function readiness(snapshot: Snapshot, draining: boolean): { ready: boolean; body: object } {
  const checks = {
    config: 'ok',
    routes: snapshot.aliases.length > 0 ? 'ok' : 'no model alias has a usable route',
    draining: draining ? 'the server is shutting down' : 'ok',
  }
  const ready = Object.values(checks).every((check) => check === 'ok')
  return { ready, body: { status: ready ? 'ready' : 'not_ready', checks, config_version: snapshot.version } }
}
