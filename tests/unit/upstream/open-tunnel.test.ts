import { describe, expect, test } from 'bun:test'
import type { Credential, CredentialFailure, Proof } from '#core/credential.ts'
import { Secret } from '#core/secret.ts'
import { acceptFor } from '#http1/websocket-handshake.ts'
import { HeaderList, type HeaderPair } from '#kit/header-list.ts'
import { Stop } from '#kit/stop.ts'
import type { OutgoingRequest, RawSocket, Transport, TransportFailure } from '#ports/transport.ts'
import { carriesTunnels, openTunnel } from '#upstream/open-tunnel.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { attemptOf } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { callOf, planOf, responseOf } from '../../support/upstream.ts'

const opening = callOf({
  endpoint: { path: '/v1/realtime', dialect: 'openai', reads: 'json', stream: undefined },
  method: 'GET',
  path: '/v1/realtime',
  query: 'model=alias&x=1',
  headers: new Headers({ 'openai-beta': 'realtime=v1', 'sec-websocket-key': 'the-clients-own', upgrade: 'websocket' }),
})

interface Opened {
  readonly sent: OutgoingRequest[]
  readonly destroyed: boolean
  readonly outcome: Awaited<ReturnType<typeof openTunnel>>
}

/** Tries it at a transport that answers the first times with `failures`, then with a 101 whose headers are changed. */
async function open(
  change: (headers: HeaderPair[]) => void = () => {},
  { candidate = candidateOf('b', 'their-model'), failures = [] as TransportFailure[] } = {},
): Promise<Opened> {
  const sent: OutgoingRequest[] = []
  let destroyed = false
  const socket = { destroy: () => void (destroyed = true) } as unknown as RawSocket
  const transport: Transport = {
    send: async () => await Promise.reject(new Error('Cannot happen')),
    async upgrade(request) {
      sent.push(request)
      const failure = failures.shift()
      if (failure !== undefined) return await Promise.resolve(failure)
      const key = request.headers.find(([name]) => name === 'Sec-WebSocket-Key')?.[1] ?? ''
      const headers: HeaderPair[] = [
        ['upgrade', 'websocket'],
        ['connection', 'Upgrade'],
        ['sec-websocket-accept', acceptFor(key)],
        ['openai-version', '2020'],
      ]
      change(headers)
      return { kind: 'upgraded', status: 101, headers: new HeaderList(headers), socket }
    },
  }
  const trip = { stop: new Stop(), record: attemptOf(), isSeen: false, contentCame() {} }
  const ports = { transport, clock: new FakeClock() }
  const outcome = await openTunnel(ports, opening, candidate, planOf(), trip, ['realtime'])
  return { sent, destroyed, outcome }
}

/** Tries it at a backend that answers like any HTTP server. */
async function refused(
  status: number,
  text = '',
  cools: (status: number) => boolean = () => false,
): ReturnType<typeof openTunnel> {
  const transport: Transport = {
    send: async () => await Promise.reject(new Error('Cannot happen')),
    upgrade: async () => await Promise.resolve(responseOf(status, {}, text === '' ? [] : [text])),
  }
  const trip = { stop: new Stop(), record: attemptOf(), isSeen: false, contentCame() {} }
  const ports = { transport, clock: new FakeClock() }
  return await openTunnel(ports, opening, candidateOf('b', 'm'), planOf(undefined, undefined, cools), trip, [])
}

describe('an answer that is not 101', () => {
  test.each([401, 429, 500, 502, 503, 504, 529])('lets the route rest at %p', async (status) => {
    expect(await refused(status)).toMatchObject({ kind: 'failure', status, cools: true, tryNext: true })
  })

  test.each([200, 204, 301, 307, 400, 402, 403, 404, 405, 408, 409, 425, 426, 501])(
    'lets no route rest at %p, as a backend need not know WebSockets',
    async (status) => {
      const failure = { kind: 'failure', status, cools: false, tryNext: true }
      expect(await refused(status)).toMatchObject(failure)
      // Neither words that mean the backend's key elsewhere nor the operator's rule for HTTP change that.
      const text = '{"error":{"message":"The model does not exist","code":"model_not_found","type":"billing_error"}}'
      const told = await refused(status, text, () => true)
      expect(told).toMatchObject(failure)
      expect(told).not.toHaveProperty('blamesCredential', true)
    },
  )

  test('is the client’s to see at 404 and 426, but not at 403', async () => {
    for (const status of [404, 426]) expect(await refused(status, 'no')).toMatchObject({ held: { status } })
    const forbidden = await refused(403, 'no')
    expect('held' in forbidden).toBe(false)
    expect(forbidden).toMatchObject({
      reason: 'status',
      message: "it answered with status 403: it opens no WebSocket there, or not for the backend's key",
    })
  })
})

describe('with a credential', () => {
  async function opened(proof: Proof | CredentialFailure): Promise<{ sent: OutgoingRequest[]; outcome: unknown }> {
    const sent: OutgoingRequest[] = []
    const transport: Transport = {
      send: async () => await Promise.reject(new Error('Cannot happen')),
      async upgrade(request) {
        sent.push(request)
        return await Promise.resolve(responseOf(401, { 'x-echo': 'the-token-1' }, []))
      },
    }
    const credential: Credential = {
      name: 'c',
      headers: async () => await Promise.resolve(proof),
      refused: () => false,
      secrets: () => [new Secret('the-token-1')],
    }
    const use = { credential, proof: undefined, secrets: [], lacks: undefined }
    const trip = { stop: new Stop(), record: attemptOf(), isSeen: false, credential: use, contentCame() {} }
    const ports = { transport, clock: new FakeClock() }
    return { sent, outcome: await openTunnel(ports, opening, candidateOf('b', 'm'), planOf(), trip, []) }
  }

  test('is proved by it, and what it sent is not handed on', async () => {
    const headers: HeaderPair[] = [['authorization', 'Bearer the-token-1']]
    const { sent, outcome } = await opened({ kind: 'proof', headers, isReused: false })
    expect(sent[0]?.headers).toContainEqual(['authorization', 'Bearer the-token-1'])
    expect(sent[0]?.headers.some(([name]) => name === 'Sec-WebSocket-Key')).toBe(true)
    expect(outcome).toMatchObject({ kind: 'failure', status: 401, cools: true })
    expect(JSON.stringify(outcome)).not.toContain('the-token-1')
  })

  test('is not asked for when there is nothing to prove it with', async () => {
    const { sent, outcome } = await opened({ kind: 'credential_failure', reason: 'no_token', message: 'no token' })
    expect(sent).toEqual([])
    expect(outcome).toMatchObject({ side: 'upstream', reason: 'no_credential', cools: false, tryNext: true })
  })
})

test('asks for the backend’s model, with an opening of its own', async () => {
  const { sent, outcome } = await open()
  expect(sent[0]?.url.href).toBe('http://backend.test/v1/realtime?model=their-model&x=1')
  const headers = Object.fromEntries(sent[0]?.headers.map(([name, value]) => [name.toLowerCase(), value]) ?? [])
  expect(headers).toMatchObject({ 'openai-beta': 'realtime=v1', upgrade: 'websocket', connection: 'Upgrade' })
  expect(headers['sec-websocket-protocol']).toBe('realtime')
  expect(headers['sec-websocket-key']).not.toBe('the-clients-own')
  expect(sent[0]?.headers.filter(([name]) => name.toLowerCase() === 'sec-websocket-key')).toHaveLength(1)
  expect(outcome).toMatchObject({ kind: 'answer', status: 101, protocol: undefined })
  expect('headers' in outcome ? outcome.headers.pairs : []).toEqual([['openai-version', '2020']])
})

test.each(['http://a.test', 'http://a.test/openai', 'http://a.test/openai/v1', 'http://a.test/openai/v1/'])(
  'at Azure it asks %s for its current path',
  async (url) => {
    const backend = backendOf('b', { url: new URL(url) })
    const { sent } = await open(() => {}, { candidate: candidateOf('b', 'deployed', { protocol: 'azure', backend }) })
    expect(sent[0]?.url.href).toBe('http://a.test/openai/v1/realtime?model=deployed&x=1')
  },
)

test.each<{ name: string; change: (headers: HeaderPair[]) => void; says: string }>([
  { name: 'no proof', change: (headers) => headers.splice(2, 1), says: 'Sec-WebSocket-Accept' },
  { name: 'an extension', change: (headers) => headers.push(['sec-websocket-extensions', 'x']), says: 'extension' },
  {
    name: 'another subprotocol',
    change: (headers) => headers.push(['sec-websocket-protocol', 'x']),
    says: 'subprotocol',
  },
])('a 101 with $name is a failure, and its connection is closed', async ({ change, says }) => {
  const { outcome, destroyed } = await open(change)
  expect(outcome).toMatchObject({
    kind: 'failure',
    reason: 'invalid_response',
    tryNext: true,
    cools: false,
    status: 101,
  })
  expect('message' in outcome ? outcome.message : '').toContain(says)
  expect(destroyed).toBe(true)
})

test('an idle connection that died is replaced at once, and only that', async () => {
  const broken = { kind: 'transport_failure', phase: 'head', cause: 'reset', message: 'it was reset' } as const
  const stale = { ...broken, trace: { bytesSent: 300, bytesReceived: 0, wasReused: true, afterMs: 1 } }
  const again = await open(() => {}, { failures: [stale] })
  expect(again.sent.map(({ fresh }) => fresh)).toEqual([undefined, true])
  expect(again.outcome.kind).toBe('answer')
  const once = await open(() => {}, { failures: [broken] })
  expect(once.sent).toHaveLength(1)
  expect(once.outcome).toMatchObject({ kind: 'failure', reason: 'reset' })
})

test('a transport that cannot is a failure that is not held against the route', async () => {
  const transport = { send: async () => await Promise.resolve(responseOf(200, {}, [])) }
  const trip = { stop: new Stop(), record: attemptOf(), isSeen: false, contentCame() {} }
  const ports = { transport, clock: new FakeClock() }
  const outcome = await openTunnel(ports, opening, candidateOf('b', 'm'), planOf(), trip, [])
  expect(outcome).toMatchObject({ kind: 'failure', cools: false, tryNext: true })
})

test.each([
  { name: 'one that allows it', backend: { websocket: true }, carries: true },
  { name: 'one that does not', backend: { websocket: false }, carries: false },
  { name: 'the mock', backend: { url: new URL('mock://x') }, carries: false },
])('carriesTunnels() says $carries to $name', ({ backend, carries }) => {
  expect(carriesTunnels(backendOf('b', backend))).toBe(carries)
})
