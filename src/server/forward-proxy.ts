import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { Connection } from '#gateway/incoming.ts'
import type { ForwardPolicy } from '#snapshot/snapshot.ts'
import type { Target } from './guard.ts'

/** What was asked of us as of a proxy. */
export interface Forwarded {
  /** As the backends of its plan are asked. */
  readonly target: Target
  readonly plan: Plan
}

/**
 * What a program that uses us as its proxy wants of one of our backends; undefined when it wants something of ourselves.
 * The platform keeps of an absolute address only path and query, so that `Host` tells which one it was. What a client lies
 * about it gains nothing: wherever a request is sent, it goes to a backend of ours, with what is meant for that one.
 * `isProbe`: at this path probes ask, old ones of which name no host.
 */
export function forwardedTarget(
  { headers, method }: Request,
  connection: Connection,
  { path, query }: Target,
  policy: ForwardPolicy,
  isProbe: boolean,
): Forwarded | Refusal | undefined {
  if (method === 'CONNECT') return noTunnels
  const host = headers.get('host')
  if (host === null) return isProbe ? undefined : nameless
  const name = host.toLowerCase()
  if (isThisMachine(name, connection, headers)) return undefined
  const way = policy.wayTo(name, path)
  if (way !== undefined) return { target: { path: path.slice(way.base.length), query }, plan: way.plan }
  if (isOwn(name, connection, headers, policy)) return undefined
  return refuse(
    'foreign_host',
    `Cannot forward to "${host.slice(0, echoMax)}": only backends of "passthrough" are reached from here; if it is a name of this gateway, add it to "forward_proxy.own_hosts"`,
  )
}

/** Limit: characters of a client's text that are sent back and logged. */
const echoMax = 64

const nameless = refuse(
  'foreign_host',
  'Cannot serve the request: it has no Host header, without which nobody knows whom a request through a proxy is for',
)

const noTunnels = refuse(
  'method_not_allowed',
  'Cannot open a tunnel: this proxy adds keys to what it forwards, which it cannot do inside of one: write http:// in place of https://, and the connection to the backend will be encrypted all the same',
  { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' },
)

/** At our own port this machine is meant by its usual names, also where a backend has one of them for want of another. */
function isThisMachine(host: string, { port }: Connection, headers: Headers): boolean {
  const [name, digits] = split(host)
  if (!loopback.test(name)) return false
  return port === undefined ? !isProxied(headers) : Number(digits ?? 80) === port
}

function isOwn(host: string, { port }: Connection, headers: Headers, { ownHosts }: ForwardPolicy): boolean {
  const [name, digits] = split(host)
  if (ownHosts.has(host) || ownHosts.has(name)) return true
  // Behind a unix socket stands a proxy of ours, which knows whom it asks.
  if (port === undefined) return !isProxied(headers)
  // A port that nobody writes because it is the usual one says nothing about whose it is.
  return digits !== undefined && Number(digits) === port && !isProxied(headers)
}

function split(host: string): readonly [name: string, digits: string | undefined] {
  const [, name = host, digits] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
  return [name, digits]
}

/** Some clients tell so that they ask for somebody else; many do not. */
function isProxied(headers: Headers): boolean {
  return headers.has('proxy-connection') || headers.has('proxy-authorization')
}

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/
