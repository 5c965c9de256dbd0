import type { Candidate } from '#core/candidate.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { lastCheckOf, type LastCheck } from './health.ts'

type Parts = Pick<Gateway, 'health'>

/** One backend of a service, in the words that programs of this kind know. */
interface BackendEntry extends LastCheck {
  readonly id: string
  readonly name: string
  /** For admins alone. */
  readonly url?: string
  readonly weight: number
  readonly status: 'healthy' | 'unhealthy' | 'unknown'
}

type ServiceEntries = Readonly<Record<string, readonly BackendEntry[]>>

/** How the backends of all services are. `urls`: shows where they are. */
export function allServices(snapshot: Snapshot, parts: Parts, urls: boolean): object {
  const services = Array.from(snapshot.services.byName.keys(), (service): [string, ServiceEntries] => [
    service,
    entriesOf(service, snapshot, parts, urls),
  ])
  // The name by which programs know this page.
  return { service: 'api-proxy-gateway', type: 'health_status', data: Object.fromEntries(services) }
}

/** The same of one service. */
export function oneService(service: string, snapshot: Snapshot, parts: Parts, urls: boolean): object | Refusal {
  if (!snapshot.services.byName.has(service)) {
    const message = `Cannot show service "${service.slice(0, 64)}": there is no service of this name`
    return refuse('route_not_found', message)
  }
  return { service, data: entriesOf(service, snapshot, parts, urls) }
}

function entriesOf(service: string, { services }: Snapshot, { health }: Parts, urls: boolean): ServiceEntries {
  const models = services.byName.get(service) ?? new Map<string, string>()
  return Object.fromEntries(
    Array.from(models, ([model, key]): [string, readonly BackendEntry[]] => {
      const candidates = services.plans.get(key)?.tiers.flatMap((tier) => tier.candidates) ?? []
      return [model, candidates.map((candidate) => entryOf(candidate, health, urls))]
    }),
  )
}

function entryOf({ backend, weight, entry }: Candidate, health: Parts['health'], urls: boolean): BackendEntry {
  const record = health.recordOf(backend.name)
  // Those that only pretend are well without being asked.
  const unasked = backend.url.protocol === 'mock:' ? 'healthy' : 'unknown'
  return {
    id: entry?.id ?? backend.name,
    name: entry?.name ?? backend.name,
    ...(urls && { url: `${backend.url.protocol}//${backend.url.host}${backend.url.pathname}` }),
    weight,
    status: record?.state ?? unasked,
    ...lastCheckOf(record),
  }
}
