import { expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { checkFront, type FrontDoor } from '#doctor/front-check.ts'
import { plainLink } from '#doctor/listener-check.ts'
import type { IncomingBody, IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import { linesOf, portsOf } from '../../support/doctor.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { headersOf, wholeResponse } from '../../support/upstream.ts'

const healthy = wholeResponse(200, { 'content-type': 'application/json' }, '{"service":"llm-proxy","version":"9.9"}')

const door: FrontDoor = {
  url: new URL('http://127.0.0.1:8080/llm/'),
  link: plainLink(),
  isGiven: false,
  adminPath: '/admin',
  isAdminElsewhere: false,
  adminKey: 'admin-key-123456',
}

/** A stream whose pieces come at these times. */
function streamOf(
  clock: FakeClock,
  pieces: readonly (readonly [atMs: number, bytes: string | Uint8Array])[],
  end: 'end' | TransportFailure = 'end',
  headers: Readonly<Record<string, string>> = {},
): IncomingResponse {
  const left = [...pieces]
  const body: IncomingBody = {
    whole: undefined,
    async read() {
      const next = left.shift()
      if (next === undefined) return end
      await clock.advance(next[0] - clock.monotonicMs())
      return Buffer.from(next[1])
    },
    flow() {},
    pause() {},
    resume() {},
    cancel() {},
  }
  const all = headersOf({ 'content-type': 'text/event-stream', ...headers })
  return { kind: 'response', status: 200, headers: all, sentMs: undefined, body }
}

const event = 'data: {}\n\n'
const inTime = [0, 200, 400, 600, 800].map((atMs) => [atMs, event] as const)
const cut: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'reset',
  message: 'the connection broke',
}

async function linesFor(
  probe: (clock: FakeClock) => IncomingResponse | TransportFailure,
  changes: Partial<FrontDoor> = {},
  health: IncomingResponse | TransportFailure = healthy,
): Promise<{ lines: string[]; sent: OutgoingRequest[] }> {
  const clock = new FakeClock()
  const sent: OutgoingRequest[] = []
  const transport: Transport = {
    async send(request) {
      sent.push(request)
      return await Promise.resolve(request.url.pathname.endsWith('/health') ? health : probe(clock))
    },
  }
  return { lines: linesOf(await checkFront(portsOf({ clock, transport }), { ...door, ...changes })), sent }
}

test('checkFront() finds streams that come through as they are sent', async () => {
  const { lines, sent } = await linesFor((clock) => streamOf(clock, inTime))
  expect(lines).toEqual(['ok llm-proxy 9.9 answers', 'ok streams come through as they are sent (5 events in N ms)'])
  expect(sent.map(({ url }) => url.href)).toEqual([
    'http://127.0.0.1:8080/llm/health',
    'http://127.0.0.1:8080/llm/admin/sse-probe',
  ])
})

test.each<{ name: string; probe: (clock: FakeClock) => IncomingResponse | TransportFailure; says: RegExp }>([
  {
    name: 'buffering',
    probe: (clock) => streamOf(clock, [[800, event.repeat(5)]]),
    says: /^fail streams are buffered on their way: all events came at once, at the end — .*"proxy_buffering off"/,
  },
  {
    name: 'buffering of all but the first event',
    probe: (clock) =>
      streamOf(clock, [
        [790, event],
        [800, event.repeat(4)],
      ]),
    says: /^fail streams are buffered/,
  },
  {
    name: 'an answer that is there with its head',
    probe: () => wholeResponse(200, { 'content-type': 'text/event-stream' }, event.repeat(5)),
    says: /^fail streams are buffered/,
  },
  {
    name: 'a stream that is cut',
    probe: (clock) => streamOf(clock, inTime.slice(0, 2), cut),
    says: /^fail a stream was cut after 2 of 5 events: the connection broke — raise the time limits/,
  },
  {
    name: 'a stream that ends early',
    probe: (clock) => streamOf(clock, inTime.slice(0, 3)),
    says: /^fail a stream was cut after 3 of 5 events — /,
  },
  {
    name: 'compression',
    probe: (clock) => {
      const bytes = gzipSync(event.repeat(5))
      const pieces = [0, 200, 400, 600].map((atMs, index) => [atMs, bytes.subarray(index * 4, index * 4 + 4)] as const)
      return streamOf(clock, [...pieces, [800, bytes.subarray(16)]], 'end', { 'content-encoding': 'gzip' })
    },
    says: /^warn streams are compressed on their way \(gzip\) — leave text\/event-stream out/,
  },
  {
    name: 'a wrong key',
    probe: () => wholeResponse(401, {}),
    says: /^warn it was not tested .* set LLM_PROXY_ADMIN_KEY/,
  },
  {
    name: 'no admin pages',
    probe: () => wholeResponse(404, {}),
    says: /^warn it was not tested .* \(status 404\) — set "admin\.key"/,
  },
  {
    name: 'a bad gateway',
    probe: () => wholeResponse(502, {}),
    says: /^warn it was not tested .*: status 502 — look at the log/,
  },
  { name: 'no answer', probe: () => cut, says: /^fail a stream was not answered: the connection broke — / },
])('checkFront() tells of $name', async ({ probe, says }) => {
  const { lines } = await linesFor(probe)
  expect(lines).toEqual(['ok llm-proxy 9.9 answers', expect.stringMatching(says)])
})

test.each([
  { name: 'without a key', changes: { adminKey: undefined }, says: /there are no admin pages — set "admin\.key"$/ },
  { name: 'where the admin pages are elsewhere', changes: { isAdminElsewhere: true }, says: /at "admin\.listen" — / },
  {
    name: 'over http to another machine',
    changes: { url: new URL('http://gateway.test') },
    says: /the admin key is not sent over http:\/\/ — /,
  },
])('checkFront() sends no key $name', async ({ changes, says }) => {
  const { lines, sent } = await linesFor(() => cut, changes)
  expect(lines.at(-1)).toMatch(says)
  expect(sent.length).toBe(1)
  expect(JSON.stringify(sent[0]?.headers)).not.toContain('admin-key')
})

test.each([
  { name: 'no answer', health: cut, says: /^fail \/health was not answered: the connection broke — / },
  {
    name: 'another program',
    health: wholeResponse(200, {}, 'Welcome to nginx!'),
    says: /^fail \/health was answered with status 200, and not by llm-proxy — /,
  },
])('checkFront() asks no further after $name', async ({ health, says }) => {
  const { lines, sent } = await linesFor(() => cut, {}, health)
  expect(lines).toEqual([expect.stringMatching(says)])
  expect(sent.length).toBe(1)
})
