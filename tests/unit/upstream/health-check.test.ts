import { describe, expect, test } from 'bun:test'
import type { Backend } from '#core/candidate.ts'
import type { HealthPolicy } from '#core/health.ts'
import { Secret } from '#core/secret.ts'
import { Http1Client } from '#http1/client.ts'
import { Stop } from '#kit/stop.ts'
import { systemClock } from '#ports/clock.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import type { Finding } from '#core/health.ts'
import { checkOnce, type CheckedBackend } from '#upstream/health-check.ts'
import { backendOf } from '../../support/candidate.ts'
import { credentialBench, setOf } from '../../support/credentials.ts'
import { linkWith, outgoing } from '../../support/outgoing.ts'
import { rawOrigin } from '../../support/raw-origin.ts'
import { broken } from '../../support/road.ts'
import { untilStopped } from '../../support/scripted.ts'
import { responseOf, wholeResponse } from '../../support/upstream.ts'

function checked(policy: Partial<HealthPolicy> = {}, backend: Partial<Backend> = {}): CheckedBackend {
  return {
    ...backendOf('b', { apiKey: new Secret('sk-of-b'), ...backend }),
    health: {
      method: 'GET',
      url: new URL('http://backend.test/v1/models'),
      protocol: 'openai',
      dialect: 'openai',
      headers: [],
      expects: (status) => status >= 200 && status <= 299,
      intervalMs: 30_000,
      timeoutMs: 5000,
      failureThreshold: 3,
      successThreshold: 2,
      ...policy,
    },
  }
}

type Answering = (request: OutgoingRequest, count: number) => Promise<IncomingResponse | TransportFailure>

/** One check of a backend that answers so, with what was sent. */
async function check(
  answer: Answering,
  backend: CheckedBackend = checked(),
  bench = credentialBench(),
): Promise<{ finding: Finding; sent: OutgoingRequest[] }> {
  const sent: OutgoingRequest[] = []
  const transport: Transport = {
    async send(request) {
      sent.push(request)
      return await answer(request, sent.length)
    },
  }
  const finding = await checkOnce({ clock: bench.clock, transport, credentials: bench.book }, backend, new Stop())
  return { finding, sent }
}

function answers(status: number): Answering {
  return async () => wholeResponse(status, {})
}

function headersOf(request: OutgoingRequest | undefined): Record<string, string> {
  return Object.fromEntries((request?.headers ?? []).map(([name, value]) => [name.toLowerCase(), value]))
}

describe('checkOnce()', () => {
  test('D36: asks by the configured method and address, with the key of the backend and headers of its own', async () => {
    const url = new URL('http://backend.test/v1/chat/completions?deep=1')
    const backend = checked({
      method: 'OPTIONS',
      url,
      headers: [
        ['X-Probe', 'yes'],
        ['User-Agent', 'mine'],
      ],
    })
    const { finding, sent } = await check(answers(204), backend)
    expect(finding).toMatchObject({ kind: 'well' })
    expect(sent.map((request) => `${request.method} ${request.url.href}`)).toEqual([`OPTIONS ${url.href}`])
    expect(headersOf(sent[0])).toEqual({
      accept: '*/*',
      authorization: 'Bearer sk-of-b',
      'x-probe': 'yes',
      'user-agent': 'mine',
    })
    expect(sent[0]?.body).toBeUndefined()
  })

  test.each([
    { row: 'an expected status is well', answer: answers(200), kind: 'well', reason: undefined },
    { row: 'D32: another is not', answer: answers(500), kind: 'fault', reason: 'it answered with status 500' },
    { row: 'a redirect is not followed', answer: answers(302), kind: 'fault', reason: 'it answered with status 302' },
    {
      row: 'nobody listens',
      answer: async () => broken('connect', 'refused'),
      kind: 'fault',
      reason: 'the connection broke in connect',
    },
    {
      row: 'all connections are in use: it is busy, not down',
      answer: async () => broken('queue', 'timeout'),
      kind: 'undecided',
      reason: 'all its connections are in use',
    },
    {
      row: 'a program error is no news about the backend',
      answer: async () => await Promise.reject(new RangeError('secret')),
      kind: 'undecided',
      reason: 'it could not be asked: RangeError',
    },
  ] satisfies { row: string; answer: Answering; kind: Finding['kind']; reason: string | undefined }[])(
    '$row',
    async ({ answer, kind, reason }) => {
      const { finding } = await check(answer)
      expect(finding).toMatchObject({ kind, ...(reason !== undefined && { reason }) })
    },
  )

  test('D33: who has not answered when the time is up is not well', async () => {
    const bench = credentialBench()
    const waiting = check(async ({ stop }) => await untilStopped(stop), checked({ timeoutMs: 1500 }), bench)
    await bench.clock.advance(1499)
    await bench.clock.advance(1)
    expect((await waiting).finding).toEqual({ kind: 'fault', reason: 'no answer within 1s500ms' })
    expect(bench.clock.pending).toBe(0)
  })

  test('an idle connection that was dead is no fault: a fresh one tells', async () => {
    const trace = { bytesSent: 10, bytesReceived: 0, wasReused: true, afterMs: 1 }
    const { finding, sent } = await check(async (_, count) =>
      count === 1 ? { ...broken('head'), trace } : wholeResponse(200, {}),
    )
    expect(finding.kind).toBe('well')
    expect(sent.map(({ fresh }) => fresh)).toEqual([undefined, true])
  })

  test('a body is read, so that its connection can be used again, and one without end is given up', async () => {
    const short = responseOf(200, {}, ['a', 'b'])
    const endless = responseOf(
      200,
      {},
      Array.from({ length: 10 }, () => 'x'.repeat(100_000)),
    )
    expect((await check(async () => short)).finding.kind).toBe('well')
    expect((await check(async () => endless)).finding.kind).toBe('well')
    expect([short.wasCancelled(), endless.wasCancelled()]).toEqual([false, true])
  })

  test('a backend whose only connection is in use is busy, whichever clock runs out first', async () => {
    await using origin = await rawOrigin(() => {})
    const bench = credentialBench()
    const transport = new Http1Client({ clock: systemClock })
    const link = linkWith({ connectionsMax: 1 })
    const stop = new Stop()
    const stream = transport.send(outgoing(origin.url, { link, stop }))
    await origin.arrived(1)
    const checking = checkOnce(
      { clock: bench.clock, transport, credentials: bench.book },
      checked({ url: origin.url }, { url: origin.url, link }),
      new Stop(),
    )
    await bench.clock.advance(5000)
    expect(await checking).toEqual({ kind: 'undecided', reason: 'all its connections are in use' })
    stop.ask()
    await stream
  })

  test.each([
    { row: 'that breaks off', status: 200, chunks: ['a'], reason: 'the connection broke in body' },
    { row: 'that breaks off behind another status', status: 500, chunks: ['a'], reason: 'it answered with status 500' },
    {
      row: 'that breaks off where nobody reads any more',
      status: 200,
      chunks: ['x'.repeat(300_000)],
      reason: undefined,
    },
  ])('an answer $row', async ({ status, chunks, reason }) => {
    const { finding } = await check(async () => responseOf(status, {}, chunks, broken('body')))
    expect(finding).toMatchObject(reason === undefined ? { kind: 'well' } : { kind: 'fault', reason, status })
  })

  test('an answer that does not end in time', async () => {
    const bench = credentialBench()
    const waiting = check(
      async ({ stop }) => {
        const hung = responseOf(200, {}, ['a'], 'hang')
        stop.tell({ onStop: () => hung.body.cancel() })
        return hung
      },
      checked(),
      bench,
    )
    await bench.clock.advance(5000)
    expect((await waiting).finding).toEqual({ kind: 'fault', status: 200, reason: 'no answer within 5s' })
  })

  test('of several credentials the first one that does not rest proves it, and takes no turn', async () => {
    const bench = credentialBench()
    const set = await setOf(
      [
        { name: 'one', api_key: 'key-one' },
        { name: 'two', api_key: 'key-two' },
      ],
      { url: 'http://backend.test/v1' },
    )
    bench.book.adopt([set])
    const ring = bench.book.ringOf(set)
    const backend = checked({}, { apiKey: undefined, credentials: set })
    const first = await check(answers(200), backend, bench)
    expect(headersOf(first.sent[0])['authorization']).toBe('Bearer key-one')
    const turn = ring?.next(0)
    expect(turn?.kind === 'turn' && turn.number).toBe(1)
    if (turn?.kind !== 'turn') return
    const policy = { cooldownMs: 60_000, retryAfterMsMax: 60_000, respectRetryAfter: true }
    ring?.failed(turn, undefined, { status: 429, retryAfterMs: undefined, message: 'no' }, policy, 0)
    const second = await check(answers(200), backend, bench)
    expect(headersOf(second.sent[0])['authorization']).toBe('Bearer key-two')
    const other = ring?.next(0)
    if (other?.kind === 'turn')
      ring?.failed(other, undefined, { status: 429, retryAfterMs: undefined, message: 'no' }, policy, 0)
    const third = await check(answers(200), backend, bench)
    expect(third).toEqual({ finding: { kind: 'undecided', reason: 'all its credentials rest' }, sent: [] })
  })

  test('a minted token that is refused is made anew before anybody is called down', async () => {
    const bench = credentialBench()
    const set = await setOf([{ type: 'jwt', client_id: 'id1', client_secret: 'secret1', tenant: 't1', ttl: '10m' }], {
      url: 'http://backend.test/v1',
    })
    bench.book.adopt([set])
    const backend = checked({}, { apiKey: undefined, credentials: set })
    await check(answers(200), backend, bench)
    await bench.clock.advance(2000)
    const { finding, sent } = await check(
      async (_, count) => wholeResponse(count === 1 ? 401 : 200, {}),
      backend,
      bench,
    )
    expect(finding.kind).toBe('well')
    const [old, renewed] = sent.map((request) => headersOf(request)['authorization'])
    expect(old).toStartWith('Bearer ey')
    expect(renewed).not.toBe(old)
  })
})
