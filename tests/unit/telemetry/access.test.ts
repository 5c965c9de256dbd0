import { describe, expect, test } from 'bun:test'
import type { Exchange } from '#core/exchange.ts'
import { refuse } from '#core/refusal.ts'
import { createSink } from '#telemetry/access.ts'
import type { LoggingPolicy } from '#telemetry/policy.ts'
import { attemptOf, bytesOf, settledExchange, statusFailure } from '../../support/exchange.ts'
import { logBench, type LogBench } from '../../support/log.ts'

async function settle(
  exchange: Exchange,
  policy: Partial<LoggingPolicy> = {},
  secrets: readonly string[] = [],
): Promise<LogBench> {
  const bench = logBench({ policy, secrets })
  createSink({ log: bench.log, policy: () => bench.policy, masker: bench.masker }).settled(exchange)
  await bench.log.flush()
  return bench
}

const failedTwice = [
  attemptOf({ status: 500, failure: statusFailure(500), durationMs: 2.4 }),
  attemptOf({ status: 503, failure: statusFailure(503, '{"error":{"message":"busy"}}'), durationMs: 7 }),
]

const prompt = 'a very private prompt'
const seen: Exchange['seen'] = {
  method: 'POST',
  target: '/v1/chat/completions?key=hunter2hunter2',
  headers: [
    ['authorization', 'Bearer sk-abXXXXXXXXXXXXcdef'],
    ['user-agent', 'test'],
  ],
  body: bytesOf(
    JSON.stringify({ model: 'opus', messages: [{ role: 'user', content: prompt }], note: 'own-secret-0123456789' }),
  ),
}

test('as JSON the line tells who left its route, why, and what that cost', async () => {
  const repinned = { from: 'provider-b/opus', why: 'it is cooling down for another 12 s', cachedTokens: 2048 }
  const { lines } = await settle(settledExchange({ repinned }), { format: 'json' })
  expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
    event: 'request_finished',
    repinned_from: 'provider-b/opus',
    repinned_why: 'it is cooling down for another 12 s',
    repinned_cached_tokens: 2048,
  })
  const plain = await settle(settledExchange(), { format: 'json' })
  expect(plain.lines()[0]).not.toContain('repinned')
})

describe('the line that ends a request', () => {
  test.each([
    {
      name: 'B57: a success is INFO',
      exchange: settledExchange(),
      line: '[INFO] [req_abc123] Request finished: backend=provider-a status=200 duration=1234ms model=claude-opus-4-5 attempts=1 stream=false ttfb=150ms bytes=512 end=complete',
    },
    {
      name: 'B57: a streamed success tells the time to its first token',
      exchange: settledExchange({ stream: true }),
      line: '[INFO] [req_abc123] Request finished: backend=provider-a status=200 duration=1234ms model=claude-opus-4-5 attempts=1 ttft=150ms stream=true ttfb=150ms bytes=512 end=complete',
    },
    {
      name: 'B53: all backends failed is ERROR',
      exchange: settledExchange({
        attempts: failedTwice,
        status: 502,
        outcome: 'failed',
        refusal: refuse('upstream_error', 'Cannot answer with model "opus": 2 attempts failed'),
      }),
      line: '[ERROR] [req_abc123] Request failed: status=502 code=upstream_error duration=1234ms attempts=2 client=127.0.0.1 stream=false ttfb=150ms bytes=512 end=error_status reason=Cannot answer with model "opus": 2 attempts failed',
    },
    {
      name: 'B53: the error answer of the last backend, passed on, is ERROR',
      exchange: settledExchange({ attempts: failedTwice, status: 503, outcome: 'failed' }),
      line: '[ERROR] [req_abc123] Request failed: status=503 duration=1234ms attempts=2 client=127.0.0.1 stream=false ttfb=150ms bytes=512 end=error_status reason=it answered with status 503',
    },
    {
      name: 'B53: a client error that a backend answered is WARN',
      exchange: settledExchange({ attempts: [attemptOf({ status: 400 })], status: 400, outcome: 'failed' }),
      line: '[WARN] [req_abc123] Request failed: status=400 duration=1234ms attempts=1 client=127.0.0.1 stream=false ttfb=150ms bytes=512 end=complete reason=the backend answered 400',
    },
    {
      name: 'B53: a wrong key is WARN',
      exchange: settledExchange({
        attempts: [],
        caller: undefined,
        alias: undefined,
        status: 401,
        outcome: 'refused',
        refusal: refuse('invalid_api_key', 'Cannot accept the request: the API key is unknown'),
      }),
      line: '[WARN] [req_abc123] Request refused: status=401 code=invalid_api_key client=127.0.0.1 reason=Cannot accept the request: the API key is unknown',
    },
    {
      name: 'B53: no backend left to ask is ERROR',
      exchange: settledExchange({
        attempts: [],
        status: 503,
        outcome: 'refused',
        refusal: refuse('no_backend_available', 'Cannot answer: all rest'),
      }),
      line: '[ERROR] [req_abc123] Request failed: status=503 code=no_backend_available duration=1234ms attempts=0 client=127.0.0.1 stream=false ttfb=150ms bytes=512 end=refused reason=Cannot answer: all rest',
    },
    {
      name: 'a client that left is INFO',
      exchange: settledExchange({ outcome: 'client_closed' }),
      line: '[INFO] [req_abc123] Client closed the connection: backend=provider-a duration=1234ms status=200 stream=false ttfb=150ms bytes=512 end=client_closed',
    },
    {
      name: 'B44: a stream that broke is WARN',
      exchange: settledExchange({ outcome: 'upstream_broke', brokenBy: 'the connection was reset' }),
      line: '[WARN] [req_abc123] Stream broken: backend=provider-a duration=1234ms status=200 stream=false ttfb=150ms bytes=512 end=remote_closed reason=the connection was reset',
    },
    {
      name: 'a stream that stalled is WARN',
      exchange: settledExchange({ outcome: 'stalled', brokenBy: 'silence' }),
      line: '[WARN] [req_abc123] Stream broken: backend=provider-a duration=1234ms status=200 stream=false ttfb=150ms bytes=512 end=stalled reason=silence',
    },
  ])('$name', async ({ exchange, line }) => {
    const { lines } = await settle(exchange)
    expect(lines()).toEqual([`[2026-01-13 09:41:00] ${line}`])
  })

  const signed = [attemptOf({ credential: { name: 'config1', number: 7, index: 1 } })]
  test.each([
    { name: 'a success', exchange: settledExchange({ attempts: signed }) },
    { name: 'a failure', exchange: settledExchange({ attempts: signed, outcome: 'failed', status: 500 }) },
    { name: 'a broken stream', exchange: settledExchange({ attempts: signed, outcome: 'upstream_broke' }) },
    { name: 'a client that left', exchange: settledExchange({ attempts: signed, outcome: 'client_closed' }) },
  ])('A46 A63: the line of $name tells credential, status, stream, first byte, bytes and end', async ({ exchange }) => {
    const { lines } = await settle(exchange)
    expect(lines()[0]).toMatch(
      / credential=config1 \(#7, index 1\)(?: status=200)? stream=false ttfb=150ms bytes=512 end=\w+/,
    )
    expect(lines()[0]).toContain(` status=${exchange.status} `)
    const chinese = await settle(exchange, { language: 'zh' })
    expect(chinese.lines()[0]).toMatch(
      / 凭据=config1 \(#7, 序号 1\)(?: 状态=200)? 流式=false 首字节=150ms 字节=512 结束=\w+/,
    )
  })

  test('B86: JSON holds every fact of the exchange, the client address too', async () => {
    const { lines } = await settle(
      settledExchange({ client: { address: '203.0.113.9', peer: undefined }, stream: true }),
      { format: 'json' },
    )
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      event: 'request_finished',
      request_id: 'req_abc123',
      alias: 'opus',
      client: '203.0.113.9',
      caller: 'default',
      stream: true,
      attempts: 1,
      ttft_ms: 150,
      bytes: 512,
    })
  })
})

describe('the metrics line', () => {
  const twoOnOne = settledExchange({
    attempts: [
      attemptOf({ status: 500, failure: statusFailure(500), durationMs: 2.4 }),
      attemptOf({ durationMs: 7.6 }),
    ],
  })

  test('B64: counts attempts and tells the time of each, two on one backend too', async () => {
    const { lines } = await settle(twoOnOne, { metricsLines: true })
    expect(lines()[1]).toBe(
      '[2026-01-13 09:41:00] [INFO] [req_abc123] [metrics] request=req_abc123 model=opus state=success backend=provider-a attempts=2 total=1234ms backends=[provider-a=2ms, provider-a=8ms]',
    )
  })

  test('B64: has its documented wording in Chinese', async () => {
    const { lines } = await settle(settledExchange({ attempts: [attemptOf({ backend: 'A', durationMs: 2 })] }), {
      metricsLines: true,
      language: 'zh',
    })
    expect(lines()[1]).toEndWith(
      '[性能指标] 请求=req_abc123 模型=opus 状态=成功 后端=A 尝试次数=1 总耗时=1234ms 后端耗时=[A=2ms]',
    )
  })

  test('B64: is absent when it is off', async () => {
    const { lines } = await settle(twoOnOne)
    expect(lines()).toHaveLength(1)
  })
})

describe('request files', () => {
  const policy = { separateFiles: true }
  const own = './logs/requests/req_abc123.log'
  const copy = './logs/errors/req_abc123.log'

  test('B58: a request has a file with headers, body, attempts and result', async () => {
    const attempts = [
      attemptOf({ status: 500, failure: statusFailure(500, '{"error":"boom"}') }),
      attemptOf({ backend: 'provider-b' }),
    ]
    const { files } = await settle(settledExchange({ seen, attempts }), policy, ['own-secret-0123456789'])
    expect(files.texts.get(own)?.split('\n')).toEqual([
      '==================== Request req_abc123 ====================',
      'Time: 2026-01-13T09:41:00.000Z',
      'Client: 127.0.0.1 (default)',
      'Target: POST /v1/chat/completions?key=****',
      'Model: opus',
      '-------------------- Request headers --------------------',
      'authorization: Bearer sk-ab****cdef',
      'user-agent: test',
      '-------------------- Request body --------------------',
      '{"model":"opus","messages":[{"role":"user","content":"a very private prompt"}],"note":"own-s****6789"}',
      '-------------------- Attempt 1 --------------------',
      'Backend: provider-a',
      'Model: claude-opus-4-5',
      'URL: https://api.provider-a.com/v1/chat/completions',
      'Status: 500',
      'Duration: 150ms',
      'Reason: it answered with status 500',
      'Answer: {"error":"boom"}',
      '-------------------- Attempt 2 --------------------',
      'Backend: provider-b',
      'Model: claude-opus-4-5',
      'URL: https://api.provider-a.com/v1/chat/completions',
      'Status: 200',
      'Duration: 150ms',
      '-------------------- Result --------------------',
      'Result: success',
      'Status: 200',
      'Duration: 1234ms',
      '============================================================',
      '',
    ])
  })

  test.each(['mine', 'nul', 'CON'])('B80: requests that are all called %s have a file each', async (id) => {
    const names = new Set<string>()
    for (const seed of [26, 27]) {
      const { files } = await settle(settledExchange({ id, seed, seen }), policy)
      for (const name of files.texts.keys()) if (name.includes('/requests/')) names.add(name)
    }
    expect([...names]).toEqual([`./logs/requests/${id}~1a.log`, `./logs/requests/${id}~1b.log`])
  })

  test.each([
    { name: 'a success', exchange: settledExchange({ seen }), exists: false },
    {
      name: 'a failure',
      exchange: settledExchange({ seen, attempts: failedTwice, status: 503, outcome: 'failed' }),
      exists: true,
    },
    { name: 'a broken stream', exchange: settledExchange({ seen, outcome: 'upstream_broke' }), exists: true },
    { name: 'a client that left', exchange: settledExchange({ seen, outcome: 'client_closed' }), exists: false },
  ])('B59: the copy in error_dir of $name exists: $exists', async ({ exchange, exists }) => {
    const { files } = await settle(exchange, policy)
    expect(files.texts.has(own)).toBe(true)
    expect(files.texts.has(copy)).toBe(exists)
    if (exists) expect(files.texts.get(copy)).toBe(files.texts.get(own) ?? '')
  })

  test('B62: with mask_sensitive off everything is raw', async () => {
    const { files } = await settle(settledExchange({ seen }), { ...policy, maskSensitive: false }, [
      'own-secret-0123456789',
    ])
    expect(files.texts.get(own)).toContain('authorization: Bearer sk-abXXXXXXXXXXXXcdef')
    expect(files.texts.get(own)).toContain('own-secret-0123456789')
    expect(files.texts.get(own)).toContain('key=hunter2hunter2')
  })

  test('a stranger without a valid key leaves no file', async () => {
    const refusal = refuse('invalid_api_key', 'Cannot accept the request')
    const { files } = await settle(
      settledExchange({ seen, caller: undefined, attempts: [], status: 401, outcome: 'refused', refusal }),
      policy,
    )
    expect([...files.texts.keys()]).toEqual(['./logs/proxy_2026-01-13.log'])
  })

  test('N124: a huge body is shortened, and the last piece that may hold half a key is left out', async () => {
    const body = bytesOf(`${'x'.repeat(262_144 - 20)}own-secret-0123456789${'y'.repeat(5_000_000)}`)
    const { files } = await settle(settledExchange({ seen: { ...seen, body } }), policy, ['own-secret-0123456789'])
    const text = files.texts.get(own) ?? ''
    expect(text.length).toBeLessThan(265_000)
    expect(text.includes('own-secret')).toBe(false)
    expect(text).toContain('(cut: at most the first 262144 bytes are shown)')
  })

  test.each([
    { name: 'binary', body: new Uint8Array([0xff, 0xfe, 0x00, 0x01]), shown: '(4 bytes that are not text)' },
    { name: 'with control characters', body: bytesOf('a\u001b[2J\r\nb\tc'), shown: 'a\\x1b[2J\nb\tc' },
  ])('a body $name is shown harmless', async ({ body, shown }) => {
    const { files } = await settle(settledExchange({ seen: { ...seen, body } }), policy)
    expect(files.texts.get(own)).toContain(`\n${shown}\n`)
  })

  test('a folder that cannot be written is told once and disturbs neither the log nor the next request', async () => {
    const bench = logBench({ policy })
    bench.files.failing = (path) => (path.startsWith('./logs/requests') ? 'EACCES' : undefined)
    const sink = createSink({ log: bench.log, policy: () => bench.policy, masker: bench.masker })
    sink.settled(settledExchange({ seen, id: 'req_1' }))
    await bench.clock.advance(200)
    sink.settled(settledExchange({ seen, id: 'req_2' }))
    await bench.clock.advance(30_000)
    bench.files.failing = () => undefined
    sink.settled(settledExchange({ seen, id: 'req_3' }))
    await bench.clock.advance(30_000)
    await bench.log.flush()
    const general = bench.files.texts.get('./logs/proxy_2026-01-13.log') ?? ''
    expect(general.match(/Cannot write request files: EACCES/g)).toHaveLength(1)
    expect(general).toContain('Writing works again: request files')
    expect(general).toContain('Log records dropped: 2 for request files')
    expect([...bench.files.texts.keys()]).toContain('./logs/requests/req_3.log')
  })
})

describe('merged mode', () => {
  test('B60: at debug, the whole block stands in the general log, indented', async () => {
    const { files } = await settle(settledExchange({ seen }), { level: 'debug', mergedRequests: true })
    const lines = (files.texts.get('./logs/proxy_2026-01-13.log') ?? '').split('\n').slice(1, -1)
    expect(lines[0]).toBe('[2026-01-13 09:41:00] [DEBUG] [req_abc123] Request record')
    expect(lines.slice(1).every((line) => line.startsWith('    '))).toBe(true)
    expect(lines.join('\n')).toContain(prompt)
    expect(lines.join('\n')).toContain('    authorization: Bearer sk-ab****cdef')
  })

  test('B60: a body cannot forge a line of the log', async () => {
    const body = bytesOf('x\n[2026-01-13 09:41:00] [INFO] forged')
    const { files } = await settle(settledExchange({ seen: { ...seen, body } }), {
      level: 'debug',
      mergedRequests: true,
    })
    expect(files.texts.get('./logs/proxy_2026-01-13.log')).not.toMatch(/^\[.*forged$/m)
  })

  test('prompts do not get into the log at the default level', async () => {
    const { shown } = await settle(settledExchange({ seen }))
    expect(shown()).not.toContain(prompt)
  })
})
