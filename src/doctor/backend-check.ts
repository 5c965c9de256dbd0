import type { Backend } from '#core/candidate.ts'
import type { Credential } from '#core/credential.ts'
import type { Protocol } from '#core/dialect.ts'
import { AddressList } from '#kit/address-list.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { isLoopback } from '#upstream/direct-hosts.ts'
import { ask, type AskPorts, type Reply } from './ask.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import { judgeList, type KeyProof } from './list-answer.ts'
import { listRequest, provedListRequest, requestTarget } from './model-list.ts'
import { reach, type ReachPorts } from './reach.ts'
import type { BackendUse } from './subject.ts'

export type BackendPorts = AskPorts & ReachPorts

/** How a backend is, and by how much this machine's clock is ahead of its. */
export interface BackendState {
  readonly findings: readonly Finding[]
  readonly aheadMs: number | undefined
}

/** Everything about one backend that can be known without spending a token. */
export async function checkBackend(ports: BackendPorts, use: BackendUse): Promise<BackendState> {
  const { backend, anthropic, models, credentials = [] } = use
  const { url, link, timeouts } = backend
  if (url.protocol === 'mock:')
    return { findings: [ok('the built-in mock backend, which is always there')], aheadMs: undefined }
  const way = await reach(ports, { url, link, clocks: timeouts, urlKey: 'url' })
  const findings = [...way.findings, ...judgeScheme(backend)]
  let aheadMs: number | undefined
  for (const [protocol, wanted] of way.isOpen ? models : []) {
    const asked =
      credentials.length === 0
        ? await askForList(ports, backend, protocol, wanted)
        : await askByEach(ports, backend, protocol, wanted, credentials)
    findings.push(...asked.findings)
    aheadMs ??= asked.aheadMs
  }
  if (anthropic !== undefined) {
    // Hardly any of them has a list of models.
    const second = await reach(ports, {
      url: anthropic.url,
      link: anthropic.link,
      clocks: timeouts,
      urlKey: 'url_anthropic',
    })
    for (const finding of second.findings) findings.push({ ...finding, what: `url_anthropic: ${finding.what}` })
    findings.push(...judgeScheme(anthropic))
  }
  return { findings, aheadMs }
}

/** Each credential may be a good one or not; what the list says about names is told once. */
async function askByEach(
  ports: BackendPorts,
  backend: Backend,
  protocol: Protocol,
  wanted: ReadonlyMap<string, readonly string[]>,
  credentials: readonly Credential[],
): Promise<BackendState> {
  const findings: Finding[] = []
  const ofNames: Finding[] = []
  let aheadMs: number | undefined
  for (const credential of credentials.slice(0, credentialsMax)) {
    const state = await askForList(ports, backend, protocol, wanted, credential)
    const [first, ...others] = state.findings
    if (first !== undefined) findings.push({ ...first, what: `credential "${credential.name}": ${first.what}` })
    if (ofNames.length === 0) ofNames.push(...others)
    aheadMs ??= state.aheadMs
  }
  const left = credentials.length - credentialsMax
  if (left > 0) findings.push(ok(`${left} more credentials were not looked at`))
  return { findings: [...findings, ...ofNames], aheadMs }
}

/** Limit: credentials of one backend that are tried. */
const credentialsMax = 20

async function askForList(
  ports: BackendPorts,
  backend: Backend,
  protocol: Protocol,
  wanted: ReadonlyMap<string, readonly string[]>,
  credential?: Credential,
): Promise<BackendState> {
  const request =
    credential === undefined ? listRequest(backend, protocol) : await provedListRequest(backend, protocol, credential)
  if ('kind' in request) {
    return { findings: [fail(request.message, 'look at it in "credentials" of this backend')], aheadMs: undefined }
  }
  const reply = await ask(ports, request)
  if (reply.kind === 'transport_failure') {
    return { findings: [await explainBroken(ports, backend, reply)], aheadMs: undefined }
  }
  const hasKey = credential !== undefined || (backend.apiKey !== undefined && backend.authMode !== 'none')
  const proof = hasKey ? await proofOf(ports, backend, protocol, reply) : undefined
  const target = requestTarget(backend, protocol)
  return { findings: judgeList(reply, { protocol, hasKey, proof, target, wanted }), aheadMs: reply.aheadMs }
}

/** Some show their models to everybody; then a good answer says nothing about the key. */
async function proofOf(ports: BackendPorts, backend: Backend, protocol: Protocol, reply: Reply): Promise<KeyProof> {
  if (reply.status < 200 || reply.status > 299) return 'none'
  const keyless = await ask(ports, listRequest({ ...backend, apiKey: undefined }, protocol))
  if (keyless.kind === 'transport_failure') return 'none'
  return keyless.status === reply.status ? 'open' : refusals.has(keyless.status) ? 'guarded' : 'none'
}

/** What those who lack a key are told. */
const refusals: ReadonlySet<number> = new Set([400, 401, 403, 404])

async function explainBroken(ports: BackendPorts, { url, link }: Backend, failure: TransportFailure): Promise<Finding> {
  const what = `the list of models was not answered: ${failure.message}`
  if (url.protocol === 'http:' && failure.phase === 'head' && failure.cause !== 'timeout') {
    // A server that wants TLS takes plain words for nonsense.
    const secured = new URL(url)
    secured.protocol = 'https:'
    secured.port = url.port === '' ? '80' : url.port
    const tls = { ...link.tls, verify: false }
    const { isOpen } = await reach(ports, { url: secured, link: { ...link, tls }, clocks: hintClocks, urlKey: 'url' })
    if (isOpen) return fail(what, 'write "https://" in "url": what answers there speaks TLS')
  }
  if (failure.cause === 'timeout')
    return fail(what, 'the server takes connections and says nothing: look at its own log')
  if (failure.cause === 'malformed')
    return fail(what, 'what answers there is no HTTP/1.1 server, correct the port in "url"')
  return fail(what, 'look at the log of the server, or of the proxy before it')
}

/** For a hint, nobody waits long. */
const hintClocks = { dnsMs: 1000, connectMs: 1000, tlsMs: 1000 }

/** Who listens in between could read keys and prompts; within one's own four walls that is a matter of taste. */
function judgeScheme({ url, link, apiKey, credentials }: Backend): readonly Finding[] {
  if (url.protocol !== 'http:' || link.unixPath !== undefined || isNear(url)) return []
  const lost = apiKey === undefined && credentials === undefined ? 'prompts' : 'key and prompts'
  return [warn(`${lost} are sent unencrypted to ${url.hostname}`, 'write "https://" in "url"')]
}

function isNear(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return isLoopback(url) || !host.includes('.') || nearName.test(host) || privateAddresses.includes(host)
}

const nearName = /\.(?:local|internal|lan|home|corp|svc|cluster\.local)$/i

const privateAddresses = new AddressList([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
])
