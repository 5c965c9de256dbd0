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
export function readiness(snapshot: Snapshot, draining: boolean, refused: boolean): { ready: boolean; body: object } {
  const checks = {
    routes: snapshot.aliases.length > 0 ? 'ok' : 'no model alias has a usable route',
    draining: draining ? 'the server is shutting down' : 'ok',
  }
  const ready = Object.values(checks).every((check) => check === 'ok')
  // What was refused changes nothing: the former configuration serves on, and whoever looks here is told.
  const config = refused ? 'the file has errors, so the configuration before it serves on: see "llm-proxy check"' : 'ok'
  return {
    ready,
    body: { status: ready ? 'ready' : 'not_ready', checks: { config, ...checks }, config_version: snapshot.version },
  }
}
