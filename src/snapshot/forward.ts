import type { Plan } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import { isLocal } from './listen.ts'
import type { ForwardPolicy, ForwardWay, ListenAddress } from './snapshot.ts'

/** The `forward_proxy` section: which hosts are those of backends, and which our own. */
export function compileForwarding(
  { forward_proxy: settings }: Config,
  passthrough: Plan | undefined,
  problems: CompileProblem[],
): ForwardPolicy | undefined {
  if (!settings.enabled) return undefined
  if (passthrough === undefined) {
    const message = 'there is no "passthrough", so every request for another host is refused'
    problems.push({ severity: 'warning', path: ['forward_proxy', 'enabled'], message })
  }
  const waysByHost = passthrough === undefined ? new Map<string, HostWays>() : findWays(passthrough)
  const plans = Array.from(waysByHost.values(), ({ whole, byBase }) => [whole, ...byBase.map(({ plan }) => plan)])
  return {
    wayTo(host, path) {
      const ways = waysByHost.get(withPort(host))
      if (ways === undefined) return undefined
      return ways.byBase.find(({ base }) => isBelow(path, base)) ?? { plan: ways.whole, base: '' }
    },
    plans: plans.flat(),
    ownHosts: ownHostsOf(settings.own_hosts),
  }
}

/**
 * By which names nobody should ask who is on this machine: those that a page of the net could have for its own. Undefined
 * where a key is asked for, or where others than this machine connect, by names that only they know.
 */
export function compileStrangeName(
  { forward_proxy: settings }: Config,
  isOpen: boolean,
  listen: ListenAddress | undefined,
): ((host: string) => boolean) | undefined {
  if (!isOpen || listen?.kind !== 'tcp' || !isLocal(listen)) return undefined
  const ownHosts = ownHostsOf(settings.own_hosts)
  return (text) => {
    const host = text.toLowerCase()
    const name = host.replace(/:\d*$/, '').replace(/\.$/, '')
    return !(harmless.test(name) || ownHosts.has(host) || ownHosts.has(name))
  }
}

/** Addresses, names without a dot, and those that are kept for machines and private networks: nobody can register one. */
const harmless = /^(?:\d+(?:\.\d+){3}|\[[\da-f:.]+\]|[^.]*|.*\.localhost|.*\.internal)$/

/** As they are compared: in lower case. */
function ownHostsOf(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}

interface HostWays {
  /** For paths that begin like none of its backends' addresses: who takes us for one of them leaves that away. */
  readonly whole: Plan
  /** The longest first. */
  readonly byBase: readonly ForwardWay[]
}

/** A request for one host goes to the backends of that host alone, and of them to those that its path begins like. */
function findWays(plan: Plan): ReadonlyMap<string, HostWays> {
  const addresses = plan.tiers.flatMap(({ candidates }) => candidates.map(({ backend }) => backend.url))
  const ways = new Map<string, HostWays>()
  for (const host of new Set(addresses.flatMap(hostsOf))) {
    const ofHost = addresses.filter((url) => hostsOf(url).includes(host))
    const bases = [...new Set(ofHost.map(baseOf))].toSorted((one, other) => other.length - one.length)
    const whole = narrowed(plan, `${plan.alias}@${host}`, (url) => hostsOf(url).includes(host))
    const planAt = (base: string): Plan =>
      narrowed(whole, `${plan.alias}@${host}${base}`, (url) => baseOf(url) === base)
    ways.set(host, { whole, byBase: bases.map((base) => ({ base, plan: planAt(base) })) })
  }
  return ways
}

/** The plan with the backends of these addresses only. What is learned of it by its name is no news of the whole one. */
function narrowed(plan: Plan, alias: string, isMeant: (url: URL) => boolean): Plan {
  const tiers = plan.tiers.map((tier) => ({
    ...tier,
    alias,
    candidates: tier.candidates.filter(({ backend }) => isMeant(backend.url)),
  }))
  const isWhole = tiers.every(({ candidates }, index) => candidates.length === plan.tiers[index]?.candidates.length)
  return isWhole ? plan : { ...plan, alias, tiers: tiers.filter(({ candidates }) => candidates.length > 0) }
}

function baseOf({ pathname }: URL): string {
  return pathname === '/' ? '' : pathname
}

function isBelow(path: string, base: string): boolean {
  return path.startsWith(base) && (base === '' || path.length === base.length || path[base.length] === '/')
}

/** Who is to encrypt for a program must be asked without: `http://host/` stands for `https://host/` as well. */
function hostsOf({ protocol, hostname, port }: URL): string[] {
  if (protocol === 'mock:') return []
  if (port !== '') return [`${hostname}:${port}`]
  return protocol === 'https:' ? [`${hostname}:443`, `${hostname}:80`] : [`${hostname}:80`]
}

/** As {@link hostsOf} writes them; a host without a port is that of plain HTTP. */
function withPort(host: string): string {
  const [, name = host, port = '80'] = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase()) ?? []
  return `${name.replace(/\.$/, '')}:${port}`
}
