import { isIP } from 'node:net'
import { dial, type Resolver, type Socket, type SocketOwner } from '#http1/dial.ts'
import { runPhase } from '#http1/phase.ts'
import type { Address } from '#http1/dns.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { Link, TransportClocks, TransportFailure } from '#ports/transport.ts'
import { stepClocks } from './ask.ts'
import { shownOn, type CertificateFacts, type Shown } from './certificate.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

export interface ReachPorts {
  readonly clock: Clock
  readonly resolver: Resolver
}

/** Where to, and how. */
export interface Destination {
  readonly url: URL
  readonly link: Link
  readonly clocks?: Pick<TransportClocks, 'dnsMs' | 'connectMs' | 'tlsMs'>
  /** The key of the configuration that holds the URL, for advice. */
  readonly urlKey: string
}

/** How the way there is. */
export interface Way {
  readonly findings: readonly Finding[]
  /** The other side can be asked. */
  readonly isOpen: boolean
}

/** Looks the host up, connects, and makes TLS, step by step and by the program's own means; asks nothing. */
export async function reach(ports: ReachPorts, destination: Destination): Promise<Way> {
  return await new Reaching(ports, destination).run()
}

class Reaching {
  readonly #ports: ReachPorts
  readonly #to: Destination
  readonly #findings: Finding[] = []

  constructor(ports: ReachPorts, to: Destination) {
    this.#ports = ports
    this.#to = to
  }

  async run(): Promise<Way> {
    const isOpen = (await this.#lookUp()) && (await this.#connect()) && (await this.#encrypt())
    return { findings: this.#findings, isOpen }
  }

  async #lookUp(): Promise<boolean> {
    const { url, link, urlKey } = this.#to
    if (link.unixPath !== undefined) return true
    const host = bareHost(link.proxy?.url ?? url)
    if (isIP(host) !== 0) return true
    const { clock, resolver } = this.#ports
    const limitMs = stepClocks(this.#to.clocks).dnsMs
    const late: TransportFailure = {
      kind: 'transport_failure',
      phase: 'dns',
      cause: 'timeout',
      message: `the host name was not found within ${limitMs} ms`,
    }
    const startedMs = clock.monotonicMs()
    const found = await runPhase<readonly Address[]>({ clock, stop: new Stop(), limitMs, late }, (settle) => {
      void resolver.resolve(host).then(settle)
      return () => {}
    })
    const whose = link.proxy === undefined ? host : `the proxy ${host}`
    if ('kind' in found) {
      this.#findings.push(fail(`DNS: ${whose}: ${found.message}`, adviceForName(found, link, urlKey)))
      return false
    }
    const shown = found.slice(0, addressesShown).map(({ address }) => address)
    const more = found.length > addressesShown ? ', …' : ''
    this.#findings.push(ok(`DNS: ${whose} is ${shown.join(', ')}${more} (${this.#since(startedMs)})`))
    return true
  }

  async #connect(): Promise<boolean> {
    const { url, link, urlKey } = this.#to
    // The same host and port without TLS: each step is told by itself.
    const plain = new URL(`http://${url.hostname}:${portOf(url)}/`)
    const startedMs = this.#ports.clock.monotonicMs()
    const socket = await this.#dial(plain, link)
    if ('kind' in socket) {
      this.#findings.push(fail(`connect ${routeOf(url, link)}: ${socket.message}`, adviceFor(socket, link, urlKey)))
      return false
    }
    socket.close()
    this.#findings.push(ok(`connected ${routeOf(url, link)} (${this.#since(startedMs)})`))
    return true
  }

  async #encrypt(): Promise<boolean> {
    const { url, link, urlKey } = this.#to
    if (url.protocol !== 'https:') return true
    const startedMs = this.#ports.clock.monotonicMs()
    const socket = await this.#dial(url, link)
    if ('kind' in socket) {
      if (socket.phase === 'connect') {
        this.#findings.push(fail(`connect ${routeOf(url, link)}: ${socket.message}`, adviceFor(socket, link, urlKey)))
      } else this.#findings.push(await this.#explain(socket))
      return false
    }
    const shown = shownOn(socket)
    socket.close()
    this.#findings.push(...this.#judge(shown, this.#since(startedMs)))
    return true
  }

  #judge({ protocol, certificate }: Shown, took: string): readonly Finding[] {
    const { link } = this.#to
    const name = protocol === '' ? 'TLS' : protocol
    const findings: Finding[] = []
    if (!link.tls.verify) {
      const todo = 'whoever is in between can read everything: set "tls.ca" to the authority instead of "verify: false"'
      findings.push(warn(`${name}: the certificate is not verified`, todo))
    }
    if (certificate === undefined) return [...findings, ok(`${name}: the certificate is in order (${took})`)]
    const daysLeft = (certificate.untilMs - this.#ports.clock.wallMs()) / dayMs
    const what = `${name}: certificate for ${certificate.subject} by ${certificate.issuer}, valid until ${dayOf(certificate.untilMs)}`
    if (daysLeft >= daysLeftMin) findings.push(ok(`${what} (${took})`))
    else if (daysLeft >= 0) findings.push(warn(`${what}, ${Math.floor(daysLeft)} days from now`, renew))
    else findings.push(warn(`${what}: it has expired`, renew))
    return findings
  }

  /** Looks once more, without verifying, at what was shown; nothing is sent over that connection. */
  async #explain(failure: TransportFailure): Promise<Finding> {
    const { url, link, urlKey } = this.#to
    const what = `TLS: ${failure.message}`
    if (/does not speak TLS/.test(failure.message)) {
      return fail(what, `write "http://" in "${urlKey}" if it is meant to be without TLS, or correct the port`)
    }
    if (!link.tls.verify || failure.cause !== 'tls') return fail(what, whyClosed)
    const socket = await this.#dial(url, { ...link, tls: { ...link.tls, verify: false } })
    if ('kind' in socket) return fail(what, whyClosed)
    const { certificate } = shownOn(socket)
    socket.close()
    if (certificate === undefined) return fail(what, distrusted)
    return explainCertificate(failure.message, certificate, link.tls.serverName ?? bareHost(url), urlKey)
  }

  async #dial(url: URL, link: Link): Promise<Socket | TransportFailure> {
    const clocks = stepClocks(this.#to.clocks)
    return await dial({ url, link, clocks, stop: new Stop() }, this.#ports, silentOwner)
  }

  #since(startedMs: number): string {
    return `${Math.round(this.#ports.clock.monotonicMs() - startedMs)} ms`
  }
}

const addressesShown = 3
const dayMs = 86_400_000

/** Days of validity below which a certificate is told. */
const daysLeftMin = 14

const renew = 'have the certificate renewed'
const distrusted =
  'if it is an authority of your own, or a proxy of your company that looks into TLS, set "tls.ca" to its certificate'
const whyClosed =
  'a firewall may stand in between, or it wants a client certificate ("tls.cert" and "tls.key") or another TLS version'

function explainCertificate(message: string, facts: CertificateFacts, wanted: string, urlKey: string): Finding {
  const shown = `TLS: the certificate for ${facts.subject} by ${facts.issuer}`
  if (message.includes('CERT_HAS_EXPIRED')) {
    return fail(
      `${shown} expired on ${dayOf(facts.untilMs)}`,
      `${renew}, or set the clock of this machine if it is wrong`,
    )
  }
  if (message.includes('CERT_NOT_YET_VALID')) {
    return fail(`${shown} is valid from ${dayOf(facts.fromMs)} on only`, 'set the clock of this machine')
  }
  if (message.includes('ALTNAME') || message.includes('HOSTNAME_MISMATCH')) {
    const names = facts.names === '' ? facts.subject : facts.names
    const todo = `write one of these names in "${urlKey}", or set "tls.server_name"`
    return fail(`TLS: the certificate is for ${names}, not for ${wanted}`, todo)
  }
  if (message.includes('SELF_SIGNED_CERT') && message.includes('DEPTH_ZERO')) {
    return fail(
      `${shown} is signed by itself and trusted by nobody`,
      'if it is yours, set "tls.ca" to this certificate',
    )
  }
  return fail(`${shown} is not trusted (${codeIn(message)})`, distrusted)
}

function codeIn(message: string): string {
  return /failed with (\S+)/.exec(message)?.[1] ?? 'no code'
}

function adviceForName({ cause }: TransportFailure, { proxy }: Link, urlKey: string): string {
  if (cause !== 'not_found')
    return 'check the name servers of this machine (/etc/resolv.conf) and its way to the network'
  if (proxy !== undefined) return 'check the spelling of the host in the address of the outbound proxy'
  return `check the spelling of the host in "${urlKey}"; where only a proxy knows names outside, set "outbound_proxy.url"`
}

function adviceFor({ cause, message }: TransportFailure, { proxy, unixPath }: Link, urlKey: string): string {
  if (unixPath !== undefined) return 'is the server running, and may this user open its socket ("unix_socket")?'
  if (proxy !== undefined)
    return 'check "outbound_proxy", and whether this proxy lets you through to that host and port'
  if (cause === 'refused' && message.includes('refused'))
    return `is the server running, and is the port in "${urlKey}" right?`
  if (cause === 'timeout' || cause === 'refused') {
    return 'a firewall may swallow the connection: if the way out leads through a proxy, set "outbound_proxy.url"'
  }
  return `check the address in "${urlKey}", and this machine's way to the network`
}

function routeOf(url: URL, { proxy, unixPath }: Link): string {
  if (unixPath !== undefined) return `to the unix socket ${unixPath}`
  return proxy === undefined ? `to ${url.hostname}:${portOf(url)} directly` : `through the proxy ${proxy.url.origin}`
}

function bareHost({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

function dayOf(wallMs: number): string {
  return Number.isNaN(wallMs) ? 'an unknown day' : new Date(wallMs).toISOString().slice(0, 10)
}

/** Whatever happens on a connection that is only looked at is of no interest. */
const silentOwner: SocketOwner = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }
