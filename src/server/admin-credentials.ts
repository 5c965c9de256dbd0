import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { readQuery } from './admin-query.ts'

type Parts = Pick<Gateway, 'clock' | 'credentials' | 'log'>

/** The credentials of each backend that has several, and how they are doing. Names only. */
export function credentialsOf({ clock, credentials }: Parts): object[] {
  const nowMs = clock.monotonicMs()
  return Array.from(credentials.rings(), ([backend, ring]) => ({
    backend,
    credentials: ring.list(nowMs),
  }))
}

/** Credentials that rest are tried again: all of them, those of one backend, or those of one name. */
export function resetCredentials({ clock, credentials, log }: Parts, query: string): object | Refusal {
  const asked = readQuery(query, ['backend', 'name'])
  if (isRefusal(asked)) return asked
  const { backend: only, name } = asked
  const rings = credentials.rings()
  if (only !== undefined && !rings.has(only)) return unknown('backend', 'backend with credentials', [...rings.keys()])
  const nowMs = clock.monotonicMs()
  const meant = [...rings].filter(([backend]) => only === undefined || backend === only)
  const names = new Set(meant.flatMap(([, ring]) => ring.list(nowMs).map((one) => one.name)))
  if (name !== undefined && !names.has(name)) return unknown('name', 'name of a credential', [...names])
  const backends = meant.map(([backend, ring]) => {
    const count = ring.reset(nowMs, name)
    if (count > 0) log.write('info', 'credentials_reset', { backend, credential: name, count })
    return { backend, reset: count }
  })
  return { reset: backends.reduce((sum, { reset }) => sum + reset, 0), backends }
}

function unknown(param: 'backend' | 'name', what: string, names: readonly string[]): Refusal {
  const listed = names.slice(0, listedMax).join(', ')
  const known = names.length === 0 ? 'there are none' : `there are ${listed}${names.length > listedMax ? ', …' : ''}`
  return refuse('invalid_parameter', `Cannot reset credentials: "${param}" is no ${what}, ${known}`, { param })
}

/** Limit: names in one message. */
const listedMax = 20
