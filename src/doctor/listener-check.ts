import { isAbsolute, resolve } from 'node:path'
import { asObject, asText, parseJson } from '#kit/json-value.ts'
import type { Link } from '#ports/transport.ts'
import { cannotListen } from '#server/cannot-listen.ts'
import { formatListen } from '#snapshot/listen.ts'
import type { ListenAddress } from '#snapshot/snapshot.ts'
import { ask, type AskPorts, type Reply } from './ask.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

/** A place where requests can be sent to. */
export interface Door {
  readonly url: URL
  readonly link: Link
}

/** Who is at an address of ours. */
export interface Tenant {
  readonly finding: Finding
  readonly isOurs: boolean
}

/** Is the address free, served by this program already, or taken by another one? */
export async function checkListener(
  ports: AskPorts & { readonly machine: Machine },
  address: ListenAddress,
  isEncrypted = false,
): Promise<Tenant> {
  const where: ListenAddress = address.kind === 'unix' ? { ...address, path: resolve(address.path) } : address
  const shown = formatListen(where)
  if (address.kind === 'tcp' && address.port === 0) {
    return { finding: ok(`"${shown}" takes whatever port is free`), isOurs: false }
  }
  const { url, link } = doorOf(where, isEncrypted)
  const reply = await ask(ports, { method: 'GET', url: new URL('/health', url), headers: [], body: undefined, link })
  const version = reply.kind === 'reply' ? versionOf(reply) : undefined
  if (version !== undefined) return { finding: ok(`llm-proxy ${version} is running on "${shown}"`), isOurs: true }
  const isNobody = reply.kind === 'transport_failure' && reply.phase === 'connect'
  const fault = isNobody ? await ports.machine.listenFault(where) : undefined
  if (isNobody && fault === undefined) {
    const isVague = address.kind === 'unix' && !isAbsolute(address.path)
    const what = `"${shown}" is free, nobody listens there now`
    return { finding: isVague ? warn(`${what}, seen from this folder`, writeAbsolute) : ok(what), isOurs: false }
  }
  if (!isNobody) {
    const todo = 'stop it, or let one of the two listen elsewhere ("listen")'
    return { finding: fail(`another program than llm-proxy is on "${shown}"`, todo), isOurs: false }
  }
  return { finding: fail(cannotListen(where, fault), 'correct "listen"'), isOurs: false }
}

const writeAbsolute = 'the service may run in another one: write the path in "listen" from its root on'

/** How programs of this machine get to the address. */
export function doorOf(address: ListenAddress, isEncrypted = false): Door {
  if (address.kind === 'unix') return { url: new URL('http://localhost/'), link: plainLink(address.path) }
  const { host, port } = address
  const isAny = host === undefined || host === '0.0.0.0' || host === '::'
  const near = isAny ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  if (!isEncrypted) return { url: new URL(`http://${near}:${port}/`), link: plainLink() }
  // Its certificate is for the name by which clients know it, and not for this address.
  const link = plainLink()
  return { url: new URL(`https://${near}:${port}/`), link: { ...link, tls: { ...link.tls, verify: false } } }
}

/** The version of this program, when it is this program that answered. */
export function versionOf({ text }: Reply): string | undefined {
  const body = asObject(parseJson(text))
  return body?.['service'] === 'llm-proxy' ? (asText(body['version']) ?? 'of an unknown version') : undefined
}

/** A link as the configuration makes it when nothing is said. */
export function plainLink(unixPath?: string): Link {
  return {
    tls: { verify: true, ca: undefined, cert: undefined, key: undefined, serverName: undefined, minVersion: '1.2' },
    unixPath,
    proxy: undefined,
    pool: { connectionsMax: 0, idleMax: 0, idleMs: 1000, ageMs: 0, waitingMax: 0, prewarm: 0 },
    http2: false,
    transport: 'own',
  }
}
