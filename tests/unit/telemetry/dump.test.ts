import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'bun:test'
import type { Exchange } from '#core/exchange.ts'
import { systemFiles } from '#ports/files.ts'
import { createSink } from '#telemetry/access.ts'
import type { DumpPolicy } from '#telemetry/policy.ts'
import { keepSwept, sweep } from '#telemetry/sweep.ts'
import { attemptOf, bytesOf, settledExchange, statusFailure } from '../../support/exchange.ts'
import { logBench, plainPolicy } from '../../support/log.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryFiles } from '../../support/memory-files.ts'

const folder = './logs/dumps/2026-01-13/req_abc123'
const everything: DumpPolicy = { directory: './logs/dumps', includeBody: true, ageDaysMax: 7 }

async function dumpsOf(exchange: Exchange, dumps: DumpPolicy, maskSensitive = true): Promise<Map<string, string>> {
  const bench = logBench({
    policy: { dumps, generalFile: undefined, maskSensitive },
    secrets: ['real-backend-key-0042'],
  })
  createSink({ log: bench.log, policy: () => bench.policy, masker: bench.masker }).settled(exchange)
  await bench.log.flush()
  return new Map([...bench.files.texts].map(([path, text]) => [path.replace(`${folder}/`, ''), text]))
}

const told = settledExchange({
  seen: {
    method: 'POST',
    target: '/v1/chat/completions',
    headers: [['x-api-key', 'client-key-0123456789']],
    body: bytesOf('{"model":"opus","temperature":1,"user":"bob","seed":7}'),
  },
  attempts: [
    attemptOf({
      backend: 'first',
      status: 500,
      failure: statusFailure(500, '{"error":"boom"}'),
      sent: { headers: [], body: bytesOf('{}') },
    }),
    attemptOf({
      sent: {
        headers: [['authorization', 'Bearer real-backend-key-0042']],
        body: bytesOf('{"model":"up","temperature":0,"seed":7,"api_key":"abcdefgh","stream":true}'),
      },
      received: { headers: [['content-type', 'application/json']], body: bytesOf('{"id":"1"}') },
    }),
  ],
  answered: { headers: [['x-request-id', 'req_abc123']], body: undefined },
})

describe('dumps', () => {
  test('two requests to which their client gave the same id have a folder each', async () => {
    const folders = await Promise.all(
      [1, 2].map(async (seed) => [...(await dumpsOf({ ...told, id: 'mine', seed }, everything)).keys()][0]),
    )
    expect(folders).toEqual([1, 2].map((seed) => `./logs/dumps/2026-01-13/mine~${seed}/client_request.httpdump`))
  })

  test('B116: every message has its file, masked, and the diff tells what was changed', async () => {
    const files = await dumpsOf(told, everything)
    expect([...files.keys()].toSorted()).toEqual([
      'client_request.httpdump',
      'client_response.httpdump',
      'request_diff.json',
      'upstream_request.attempt1.httpdump',
      'upstream_request.httpdump',
      'upstream_response.attempt1.httpdump',
      'upstream_response.httpdump',
    ])
    expect(files.get('client_request.httpdump')).toBe(
      'POST /v1/chat/completions HTTP/1.1\nx-api-key: clien****6789\n\n{"model":"opus","temperature":1,"user":"bob","seed":7}\n',
    )
    expect(files.get('upstream_request.httpdump')).toBe(
      'POST https://api.provider-a.com/v1/chat/completions HTTP/1.1\nauthorization: Bearer real-****0042\n\n' +
        '{"model":"up","temperature":0,"seed":7,"api_key":"****","stream":true}\n',
    )
    expect(files.get('upstream_response.attempt1.httpdump')).toBe(
      'HTTP/1.1 500\ncontent-type: application/json\n\n{"error":"boom"}\n',
    )
    expect(files.get('upstream_response.httpdump')).toBe('HTTP/1.1 200\ncontent-type: application/json\n\n{"id":"1"}\n')
    expect(files.get('client_response.httpdump')).toBe('HTTP/1.1 200\nx-request-id: req_abc123\n\n{"id":"1"}\n')
    expect(JSON.parse(files.get('request_diff.json') ?? '')).toEqual({
      comparable: true,
      added: { api_key: '****', stream: true },
      removed: { user: 'bob' },
      modified: { temperature: { from: 1, to: 0 } },
    })
  })

  test('B116: without include_body there are heads and nothing else', async () => {
    const files = await dumpsOf(told, { ...everything, includeBody: false })
    expect(files.has('request_diff.json')).toBe(false)
    for (const text of files.values()) expect(text).not.toContain('{')
  })

  test('B62: with mask_sensitive off the dumps are raw', async () => {
    const files = await dumpsOf(told, everything, false)
    expect(files.get('upstream_request.httpdump')).toContain('authorization: Bearer real-backend-key-0042')
    expect(files.get('request_diff.json')).toContain('abcdefgh')
  })

  test.each([
    { name: 'a long text', value: 'x'.repeat(1001), shown: '(text of 1001 characters)' },
    { name: 'a long list', value: [1, 2, 3, 4, 5, 6], shown: '(list of 6)' },
    { name: 'a big object', value: { a: 'x'.repeat(1000) }, shown: '(1008 characters of JSON)' },
    {
      name: 'a nested secret',
      value: { inner: [{ password: 'hunter2', note: 'ok' }] },
      shown: { inner: [{ password: '****', note: 'ok' }] },
    },
  ])('B116: the diff shows $name in short', async ({ value, shown }) => {
    const changed = settledExchange({
      seen: { method: 'POST', target: '/x', headers: [], body: bytesOf('{"__proto__":1}') },
      attempts: [attemptOf({ sent: { headers: [], body: bytesOf(JSON.stringify({ extra: value })) } })],
    })
    const files = await dumpsOf(changed, everything)
    expect(JSON.parse(files.get('request_diff.json') ?? '')).toMatchObject({ added: { extra: shown } })
    expect(files.get('request_diff.json')).toContain('"__proto__": 1')
  })

  test.each(['not json', '[1]', '"text"', '{"cut":'])(
    'B116: a body such as %s is told to be no object',
    async (body) => {
      const changed = settledExchange({
        seen: { method: 'POST', target: '/x', headers: [], body: bytesOf(body) },
        attempts: [attemptOf({ sent: { headers: [], body: bytesOf('{}') } })],
      })
      const files = await dumpsOf(changed, everything)
      expect(JSON.parse(files.get('request_diff.json') ?? '')).toMatchObject({ comparable: false })
    },
  )
})

describe('sweep()', () => {
  test.each([
    { ageDaysMax: 7, left: ['2026-01-06', '2026-01-12', 'mine'] },
    { ageDaysMax: 0.5, left: ['2026-01-12', 'mine'] },
    { ageDaysMax: 0, left: ['2026-01-05', '2026-01-06', '2026-01-12', 'mine'] },
  ])('B116: with max_age_days $ageDaysMax the days $left stay', async ({ ageDaysMax, left }) => {
    const files = filled()
    const policy = { ...plainPolicy, dumps: { ...everything, ageDaysMax } }
    await sweep({ policy: () => policy, files, clock: new FakeClock() })
    expect(await files.list('./logs/dumps')).toEqual(left)
  })

  test('B116: runs at once and every hour, and tells when a folder cannot be swept', async () => {
    const { clock, log, files, lines } = logBench()
    const policy = { ...plainPolicy, dumps: { ...everything, ageDaysMax: 7 } }
    const stop = new AbortController()
    files.list = async () => await Promise.reject(new Error('EACCES: not yours'))
    const running = keepSwept({ policy: () => policy, files, clock, log }, stop.signal)
    await clock.advance(1000)
    await log.flush()
    expect(lines().filter((line) => line.includes('Cannot write ./logs/dumps: EACCES'))).toHaveLength(1)
    files.list = async () => await Promise.resolve(['2026-01-05'])
    files.texts.set('./logs/dumps/2026-01-05/r/x.httpdump', 'x')
    await clock.advance(3_600_000)
    expect(files.texts.has('./logs/dumps/2026-01-05/r/x.httpdump')).toBe(false)
    stop.abort()
    await running
    await log.close()
    expect(clock.pending).toBe(0)
  })

  test('B116: removes folders from a real disk', async () => {
    const root = await mkdtemp(join(tmpdir(), 'llm-proxy-sweep-'))
    try {
      const policy = { ...plainPolicy, dumps: { ...everything, directory: join(root, 'dumps') } }
      const sweepNow = async (): Promise<void> => {
        await sweep({ policy: () => policy, files: systemFiles, clock: new FakeClock() })
      }
      await sweepNow()
      await systemFiles.append(join(root, 'dumps', '2025-12-31', 'req_1', 'client_request.httpdump'), 'x')
      await systemFiles.append(join(root, 'dumps', '2026-01-13', 'req_2', 'client_request.httpdump'), 'x')
      await sweepNow()
      expect(await systemFiles.list(join(root, 'dumps'))).toEqual(['2026-01-13'])
    } finally {
      await rm(root, { recursive: true })
    }
  })

  test('removes nothing when dumps are off', async () => {
    const files = filled()
    await sweep({ policy: () => plainPolicy, files, clock: new FakeClock() })
    expect(files.texts.size).toBe(4)
  })
})

function filled(): MemoryFiles {
  const files = new MemoryFiles()
  for (const day of ['2026-01-05', '2026-01-06', '2026-01-12', 'mine'])
    files.texts.set(`./logs/dumps/${day}/r/x.httpdump`, 'x')
  return files
}
