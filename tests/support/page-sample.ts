import type { LastError, RouteStatus, Status, Traffic } from '#core/status.ts'
import { backendStatus, credentialStatus, noTraffic, pageStatus, routeStatus } from './page-status.ts'

/** When the sample was taken. */
export const sampleTime = new Date('2026-01-13T09:41:00.000Z')

function ago(seconds: number): string {
  return new Date(sampleTime.getTime() - seconds * 1000).toISOString()
}

function traffic(latencyMs: number, firstContentMs: number, attempts: number, changes: Partial<Traffic> = {}): Traffic {
  return { ...noTraffic, latencyMs, firstContentMs, attempts, ...changes }
}

function failed(message: string, seconds: number, status: number | undefined): LastError {
  return { at: ago(seconds), reason: 'status', status, message }
}

const limited = failed('it answered with status 429 (rate_limit_exceeded)', 41, 429)
const refused = failed('the connection was refused (ECONNREFUSED)', 6, undefined)

const anthropic = routeStatus({
  backend: 'anthropic',
  model: 'claude-opus-4-5',
  alias: 'opus',
  traffic: traffic(2140, 815, 1284, { inFlight: 3 }),
})
const relay: RouteStatus = routeStatus({
  backend: 'relay-eu',
  model: 'claude-opus-4-5',
  alias: 'opus',
  priority: 2,
  weight: 2,
  state: 'cooling',
  restsForMs: 259_000,
  traffic: traffic(2890, 1310, 96, { failures: 4, lastError: limited }),
})
const sonnet = routeStatus({
  backend: 'anthropic',
  model: 'claude-sonnet-4-5',
  alias: 'sonnet',
  traffic: traffic(1420, 520, 5310, { inFlight: 7 }),
})

function pooled(id: string, name: string, changes: Partial<RouteStatus> = {}): RouteStatus {
  return routeStatus({ backend: `image/flux/${id}`, name, model: 'image/flux', alias: 'image/flux', ...changes })
}

const first = pooled('gpu-1', 'GPU 1', { traffic: traffic(6230, 0, 212, { firstContentMs: undefined, inFlight: 2 }) })
const second = pooled('gpu-2', 'GPU 2', {
  state: 'unhealthy',
  traffic: traffic(6510, 0, 188, { firstContentMs: undefined, failures: 2, lastError: refused }),
})
const voice = routeStatus({ backend: 'speech/voice/main', name: 'Voice', model: 'speech/voice', alias: 'speech/voice' })

/** A day in the life of a gateway, for pictures. */
export const sampleStatus: Status = pageStatus({
  version: '0.1.0',
  at: sampleTime.toISOString(),
  startedAt: ago(9 * 86_400),
  inFlight: 12,
  config: {
    version: 4,
    file: '/etc/llm-proxy/config.yaml',
    loadedAt: ago(5400),
    warnings: [],
    restartKeys: [],
    refused: undefined,
  },
  aliases: [
    { alias: 'opus', isListed: true, routes: [anthropic, relay, { ...sonnet, level: 'l2' }] },
    { alias: 'sonnet', isListed: true, routes: [sonnet] },
  ],
  services: [
    { service: 'image', models: [{ model: 'flux', routes: [first, second] }] },
    { service: 'speech', models: [{ model: 'voice', routes: [{ ...voice, traffic: traffic(310, 120, 77) }] }] },
  ],
  backends: [
    backendStatus({ backend: 'anthropic', url: 'https://api.anthropic.com/', routes: 2 }),
    backendStatus({ backend: 'relay-eu', url: 'https://relay.example.com/v1', state: 'cooling', restsForMs: 259_000 }),
    backendStatus({
      backend: 'image/flux/gpu-1',
      url: 'http://10.0.0.7:8000/',
      check: { state: 'healthy', at: ago(8), latencyMs: 12, fault: undefined, nextInMs: 22_000 },
    }),
    backendStatus({
      backend: 'image/flux/gpu-2',
      url: 'http://10.0.0.8:8000/',
      state: 'unhealthy',
      check: { state: 'unhealthy', at: ago(6), latencyMs: 14, fault: refused.message, nextInMs: 24_000 },
    }),
    backendStatus({
      backend: 'speech/voice/main',
      url: 'http://10.0.0.9:8000/',
      check: { state: 'healthy', at: ago(11), latencyMs: 9, fault: undefined, nextInMs: 19_000 },
    }),
  ],
  credentials: [
    credentialStatus({ backend: 'anthropic', name: 'team-a', turns: 3301 }),
    credentialStatus({ backend: 'anthropic', name: 'team-b', turns: 3293 }),
  ],
})
