import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import { parseListen } from './listen.ts'
import { clientSegments } from './reserved.ts'
import type { AdminPolicy, HealthPages, MetricsPolicy, Snapshot } from './snapshot.ts'

/** What else stands at paths of the gateway. */
export interface Neighbours {
  readonly admin: Pick<AdminPolicy, 'path'>
  readonly healthPages: Pick<HealthPages, 'byPath'>
  /** No key is asked for anywhere. */
  readonly isOpen: boolean
}

/** The `metrics` section → where figures are shown; nothing of it where they are switched off. */
export function compileMetrics(
  { metrics, services }: Pick<Config, 'metrics' | 'services'>,
  { admin, healthPages, isOpen }: Neighbours,
  problems: CompileProblem[],
): Pick<Snapshot, 'metrics' | 'metricsListen'> {
  if (!metrics.enabled) return {}
  const { path, require_key: requiresKey, listen: ownListen } = metrics
  const listen = ownListen === undefined ? undefined : parseListen(ownListen)
  const [, first = ''] = path.split('/')
  const isTaken =
    (clientSegments.has(first) && first !== 'metrics') ||
    healthPages.byPath.has(path) ||
    `${path}/`.startsWith(`${admin.path}/`) ||
    Object.hasOwn(services, first)
  if (listen === undefined && isTaken) {
    const message = `"${path}" stands where clients, probes or admins ask for other things, take another such as "/metrics"`
    problems.push({ severity: 'error', path: ['metrics', 'path'], message })
  }
  if (requiresKey && isOpen) {
    const message = 'there is no key that could be asked for: set "proxy_api_key" or "admin.key"'
    problems.push({ severity: 'warning', path: ['metrics', 'require_key'], message })
  }
  const policy: MetricsPolicy = { path, hasSeedNames: metrics.seed_names, requiresKey }
  return { metrics: policy, metricsListen: listen }
}
