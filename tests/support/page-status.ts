import type { BackendStatus, CredentialStatus, RouteStatus, Status, Traffic } from '#core/status.ts'

export const noTraffic: Traffic = {
  inFlight: 0,
  attempts: 0,
  failures: 0,
  latencyMs: undefined,
  firstContentMs: undefined,
  lastError: undefined,
}

export function routeStatus(changes: Partial<RouteStatus> = {}): RouteStatus {
  return {
    backend: 'a',
    name: changes.backend ?? 'a',
    model: 'gpt',
    alias: 'm',
    level: 'l1',
    priority: 1,
    weight: 1,
    state: 'healthy',
    restsForMs: 0,
    traffic: noTraffic,
    ...changes,
  }
}

export function backendStatus(changes: Partial<BackendStatus> = {}): BackendStatus {
  return {
    backend: 'a',
    url: 'https://a.example/v1',
    hasKey: true,
    state: 'healthy',
    restsForMs: 0,
    routes: 1,
    traffic: noTraffic,
    check: undefined,
    ...changes,
  }
}

export function credentialStatus(changes: Partial<CredentialStatus> = {}): CredentialStatus {
  return {
    backend: 'a',
    name: 'first',
    weight: 1,
    state: 'ready',
    restsForMs: 0,
    turns: 3,
    setbacks: 0,
    reason: undefined,
    ...changes,
  }
}

/** A gateway with one alias and its one route, unless told otherwise. */
export function pageStatus(changes: Partial<Status> = {}): Status {
  return {
    version: '1.2.3',
    at: '2026-01-13T09:41:00.000Z',
    startedAt: '2026-01-13T08:41:00.000Z',
    isDraining: false,
    inFlight: 0,
    config: {
      version: 1,
      file: 'config.yaml',
      loadedAt: '2026-01-13T08:41:00.000Z',
      warnings: [],
      restartKeys: [],
      refused: undefined,
    },
    aliases: [{ alias: 'm', isListed: true, routes: [routeStatus()] }],
    services: [],
    passthrough: [],
    backends: [backendStatus()],
    credentials: [],
    ...changes,
  }
}
