import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { askChat } from '../support/ask.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { rawRequest } from '../support/raw-client.ts'
import { closedPort } from '../support/raw-origin.ts'

const a = servedMock(1)
const b = servedMock(2)
const c = servedMock(3)
let deadPort = 0
let gateway: RunningGateway

beforeAll(async () => {
  deadPort = await closedPort()
  // Words that the mock does not know are names: each test has models, and so rests, of its own.
  gateway = await startGateway(`${backends()}
models:
  "anthropic/claude-opus-4-5": { routes: [${route('a', 'opus-upstream')}] }
  unprefixed: { routes: [${route('a', 'opus-upstream')}] }
  shared-1: { routes: [${route('a', 'e500+shared')}, ${route('b', 'ok', 2)}] }
  shared-2: { routes: [${route('a', 'e500+shared')}, ${route('b', 'ok', 2)}] }
  l1: { routes: [${route('a', 'e500+l1')}, ${route('b', 'ok+l1', 2)}] }
  best: { routes: [${route('a', 'ok+best')}, ${route('b', 'ok+best', 2)}] }
  unranked: { routes: [${route('b', 'ok+ranked', 1)}, { backend: a, model: ok+unranked }] }
  l2-first: { routes: [${route('a', 'e500+l2')}, ${route('b', 'e503+l2', 2)}] }
  l2-second: { routes: [${route('a', 'e502+l2')}] }
  l2-third: { routes: [${route('c', 'e500+l2')}] }
  l2-last: { routes: [${route('c', 'ok+l2-last')}] }
  loop-a: { routes: [${route('a', 'e500+loop')}] }
  loop-b: { routes: [${route('b', 'e500+loop')}] }
  diamond-a: { routes: [${route('a', 'e500+diamond')}] }
  diamond-b: { routes: [${route('b', 'e500+diamond')}] }
  diamond-c: { routes: [${route('c', 'e500+diamond')}] }
  even: { routes: [${route('a', 'ok+even')}, ${route('b', 'ok+even')}, ${route('c', 'ok+even', 2)}] }
  off-backend: { routes: [${route('off', 'ok')}, ${route('b', 'ok+off-backend', 2)}] }
  off-alias: { enabled: false, routes: [${route('a', 'ok+off-alias')}] }
  off-with-fallback: { enabled: false, routes: [${route('a', 'ok+hidden')}] }
  off-route: { routes: [{ backend: a, model: ok+off-route, priority: 1, enabled: false }, ${route('b', 'ok+off-route', 2)}] }
  pair: { routes: [${route('a', 'e500+pair')}, ${route('b', 'ok+pair', 2)}] }
  pair-other: { routes: [${route('a', 'ok+pair-other')}, ${route('b', 'ok+pair', 2)}] }
  resting: { routes: [${route('a', 'e500+resting')}, ${route('b', 'e503+resting', 2)}] }
  asked: { routes: [${route('a', 'e429+asked')}] }
  other-name: { routes: [${route('a', 'e429+named')}, ${route('b', 'ok+named', 2)}] }
  bad-request: { routes: [${route('a', 'e400')}] }
  good-request: { routes: [${route('a', 'e400+retry-after=3')}] }
  teapot: { routes: [${route('a', 'e418+teapot')}, ${route('b', 'ok+teapot', 2)}] }
  unavailable: { routes: [${route('a', 'e503+unavailable')}, ${route('b', 'ok+unavailable', 2)}] }
  checked: { routes: [${route('a', 'e500+checked')}, ${route('b', 'ok+checked', 2)}] }
  one-500: { routes: [${route('a', 'e500+alone')}] }
  one-429: { routes: [${route('a', 'e429+alone')}] }
  dead-then-429: { routes: [${route('dead', 'x')}, ${route('a', 'e429+after-dead', 2)}] }
  five: { routes: [${route('dead', 'f1')}, ${route('dead', 'f2', 2)}, ${route('dead', 'f3', 3)}, ${route('dead', 'f4', 4)}, ${route('b', 'ok+five', 5)}] }
fallback:
  cooldown_seconds: 300
  max_retries: 0
  alias_fallback:
    l2-first: [l2-second, l2-third]
    l2-third: [l2-last]
    loop-a: [loop-b]
    loop-b: [loop-a]
    diamond-a: [diamond-b, diamond-c]
    diamond-b: [diamond-c]
    off-with-fallback: [best]
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([a.stop(), b.stop(), c.stop()])
})

function backends(): string {
  return `
backends:
  - { name: a, url: "${a.url}/v1" }
  - { name: b, url: "${b.url}/v1" }
  - { name: c, url: "${c.url}/v1" }
  - { name: off, url: "${a.url}/v1", enabled: false }
  - { name: dead, url: "http://127.0.0.1:${deadPort}/v1" }`
}

function route(backend: string, model: string, priority = 1): string {
  return `{ backend: ${backend}, model: "${model}", priority: ${priority} }`
}

const mocks = { a, b, c }

/** Counts what reaches the mocks from now on. */
function watch() {
  const before = { a: a.diary.requests.length, b: b.diary.requests.length, c: c.diary.requests.length }
  return {
    hits: (name: keyof typeof mocks) => mocks[name].diary.requests.length - before[name],
    models: (name: keyof typeof mocks) => mocks[name].diary.requests.slice(before[name]).map(({ model }) => model),
    all: (): number[] => (['a', 'b', 'c'] as const).map((name) => mocks[name].diary.requests.length - before[name]),
  }
}

describe('aliases', () => {
  test.each(['anthropic/claude-opus-4-5', 'unprefixed'])('B05: "%s" is answered by its route', async (alias) => {
    const seen = watch()
    const answer = await askChat(gateway.url, alias)
    expect([answer.status, answer.isWhole]).toEqual([200, true])
    expect(seen.models('a')).toEqual(['opus-upstream'])
  })

  test('B05: a slash in the name works in Gemini paths, plain and encoded', async () => {
    await using gemini = await startGateway(`
backends: [{ name: a, url: "${a.url}", protocol: gemini }]
models: { "google/gemini-3": { routes: [${route('a', 'gemini-upstream')}] } }
`)
    const seen = watch()
    for (const name of ['google/gemini-3', 'google%2Fgemini-3']) {
      const path = `/v1beta/models/${name}:generateContent`
      const body = '{"contents":[{"parts":[{"text":"hi"}]}]}'
      const headers = { 'content-type': 'application/json' }
      expect((await rawRequest(gemini.url, { method: 'POST', path, headers, body })).status).toBe(200)
    }
    expect(seen.models('a')).toEqual(['gemini-upstream', 'gemini-upstream'])
  })

  test('B06: two aliases of one pair (backend, model) both work and share its rest', async () => {
    const seen = watch()
    expect((await askChat(gateway.url, 'shared-1')).status).toBe(200)
    expect(seen.all()).toEqual([1, 1, 0])
    expect((await askChat(gateway.url, 'shared-2')).status).toBe(200)
    expect(seen.all()).toEqual([1, 2, 0])
  })
})

describe('priorities', () => {
  test('B07: a failure goes on to the next priority', async () => {
    const seen = watch()
    const answer = await askChat(gateway.url, 'l1')
    expect([answer.status, seen.all()]).toEqual([200, [1, 1, 0]])
    expect(JSON.parse(answer.text)).toMatchObject({ model: 'ok+l1' })
  })

  test('B08, B16: while the best route answers no other is asked', async () => {
    const seen = watch()
    for (let turn = 0; turn < 10; turn += 1) expect((await askChat(gateway.url, 'best')).status).toBe(200)
    expect(seen.all()).toEqual([10, 0, 0])
  })

  test('B09: a route without priority comes first, and the start says so', async () => {
    const seen = watch()
    expect((await askChat(gateway.url, 'unranked')).status).toBe(200)
    expect(seen.models('a')).toEqual(['ok+unranked'])
    expect(gateway.output()).toMatch(/\[WARN\] .*models\.unranked\.routes\[1\]: .*priority/)
  })

  test('B15, B16: routes of one priority share the load evenly, lower ones get none of it', async () => {
    const seen = watch()
    for (let turn = 0; turn < 10; turn += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, async () => await askChat(gateway.url, 'even')))
      expect(answers.every((answer) => answer.status === 200)).toBe(true)
    }
    // Chance misses 35–65 % once in 20,000 runs at most.
    expect(seen.hits('a')).toBeWithin(70, 131)
    expect(seen.hits('a') + seen.hits('b')).toBe(200)
    expect(seen.hits('c')).toBe(0)
  })
})

describe('fallbacks to other aliases', () => {
  test('B10, B11, B12: they are asked in order and in turn, each by the model of its own route', async () => {
    const seen = watch()
    const answer = await askChat(gateway.url, 'l2-first')
    expect(answer.status).toBe(200)
    expect(seen.models('a')).toEqual(['e500+l2', 'e502+l2'])
    expect(seen.models('b')).toEqual(['e503+l2'])
    expect(seen.models('c')).toEqual(['e500+l2', 'ok+l2-last'])
    await gateway.told(/Switching backend: a\/e500\+l2 → b\/e503\+l2 \(l1\)/)
    await gateway.told(/Switching backend: b\/e503\+l2 → a\/e502\+l2 \(l2\)/)
  })

  test('B13: a loop is told once at the start, and each alias is asked once', async () => {
    const seen = watch()
    const answer = await askChat(gateway.url, 'loop-a')
    expect([answer.status, seen.all()]).toEqual([500, [1, 1, 0]])
    const told = gateway
      .output()
      .split('\n')
      .filter((line) => line.includes('[WARN]') && /loop-a/.test(line) && /loop-b/.test(line))
    expect(told.filter((line) => !line.includes('[req_'))).toHaveLength(1)
  })

  test('B14: a diamond is no loop, and its end is asked once', async () => {
    const seen = watch()
    expect((await askChat(gateway.url, 'diamond-a')).status).toBe(500)
    expect(seen.all()).toEqual([1, 1, 1])
    const start = gateway.output().slice(0, gateway.output().indexOf('listening on'))
    expect(start).not.toContain('diamond')
  })
})

describe('switches', () => {
  test('B17: a switched-off backend is not asked', async () => {
    const seen = watch()
    expect((await askChat(gateway.url, 'off-backend')).status).toBe(200)
    expect(seen.all()).toEqual([0, 1, 0])
  })

  test('B18: a switched-off alias is unknown and not listed', async () => {
    const seen = watch()
    const answer = await askChat(gateway.url, 'off-alias')
    expect([answer.status, seen.all()]).toEqual([404, [0, 0, 0]])
    expect((await rawRequest(gateway.url, { path: '/v1/models' })).text).not.toContain('off-alias')
  })

  test('B18: a switched-off alias with fallbacks is served by them and not listed', async () => {
    const seen = watch()
    expect((await askChat(gateway.url, 'off-with-fallback')).status).toBe(200)
    expect(seen.models('a')).toEqual(['ok+best'])
    expect((await rawRequest(gateway.url, { path: '/v1/models' })).text).not.toContain('off-with-fallback')
  })

  test('B19: a switched-off route is skipped', async () => {
    const seen = watch()
    expect((await askChat(gateway.url, 'off-route')).status).toBe(200)
    expect(seen.all()).toEqual([0, 1, 0])
  })
})

describe('rest after a failure', () => {
  test('B20, B22: the pair that failed is left alone, another model of the same backend is not', async () => {
    const seen = watch()
    for (let turn = 0; turn < 3; turn += 1) expect((await askChat(gateway.url, 'pair')).status).toBe(200)
    expect(seen.all()).toEqual([1, 3, 0])
    expect((await askChat(gateway.url, 'pair-other')).status).toBe(200)
    expect(seen.models('a')).toEqual(['e500+pair', 'ok+pair-other'])
  })

  test('B21: after the rest it is asked again', async () => {
    await using short = await startGateway(`${backends()}
models: { m: { routes: [${route('a', 'e500+short')}, ${route('b', 'ok+short', 2)}] } }
fallback: { cooldown_seconds: 0.4 }
`)
    const seen = watch()
    const startedMs = performance.now()
    await askChat(short.url, 'm')
    await askChat(short.url, 'm')
    // A loaded machine may take longer for two requests than the rest lasts.
    if (performance.now() - startedMs < 300) expect(seen.all()).toEqual([1, 2, 0])
    while (seen.hits('a') < 2 && performance.now() - startedMs < 5000) {
      expect((await askChat(short.url, 'm')).status).toBe(200)
    }
    expect(seen.hits('a')).toBe(2)
    expect(performance.now() - startedMs).toBeGreaterThan(400)
  })

  test('B24, N102: when all rest the answer is 503 with the time to wait, not an unknown model', async () => {
    expect((await askChat(gateway.url, 'resting')).status).toBe(503)
    const seen = watch()
    const answer = await askChat(gateway.url, 'resting')
    expect([answer.status, seen.all()]).toEqual([503, [0, 0, 0]])
    // Clients wait as long as they are told, so more than a minute is never told.
    expect(answer.headers.get('retry-after')).toBe('60')
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'no_backend_available' } })
    expect(answer.text).not.toContain('not_found')
  })

  test('B25: a backend rests as long as its Retry-After asks for', async () => {
    const first = await askChat(gateway.url, 'asked')
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '7'])
    const second = await askChat(gateway.url, 'asked')
    expect(second.status).toBe(503)
    expect(Number(second.headers.get('retry-after'))).toBeWithin(5, 8)
    await gateway.told(/Route cools down: backend=a model=e429\+asked for=7000ms/)
  })

  test('B25: with respect_retry_after off the rest is cooldown_seconds', async () => {
    await using deaf = await startGateway(`${backends()}
models: { m: { routes: [${route('a', 'e429+deaf')}] } }
fallback: { cooldown_seconds: 20, respect_retry_after: false }
`)
    expect((await askChat(deaf.url, 'm')).headers.get('retry-after')).toBe('7')
    expect(Number((await askChat(deaf.url, 'm')).headers.get('retry-after'))).toBeWithin(17, 21)
  })

  test('B25: retry_after_max bounds what a backend may ask for', async () => {
    await using capped = await startGateway(`${backends()}
models: { m: { routes: [${route('a', 'e429+retry-after=99999')}] } }
fallback: { retry_after_max: 30s }
`)
    await askChat(capped.url, 'm')
    expect(Number((await askChat(capped.url, 'm')).headers.get('retry-after'))).toBeWithin(27, 31)
  })

  test('N114: the rest is of the pair with the upstream’s name, whatever the alias', async () => {
    const seen = watch()
    for (let turn = 0; turn < 2; turn += 1) expect((await askChat(gateway.url, 'other-name')).status).toBe(200)
    expect(seen.all()).toEqual([1, 2, 0])
  })

  test('N101: a request’s own 400 lets no route rest', async () => {
    const seen = watch()
    for (let turn = 0; turn < 3; turn += 1) expect((await askChat(gateway.url, 'bad-request')).status).toBe(400)
    expect(seen.hits('a')).toBe(3)
    expect(gateway.output()).not.toContain('cools down: backend=a model=e400')
  })

  test('the ruling on 4xx: the same 400 of two backends is the request’s fault and ends the search', async () => {
    await using three = await startGateway(`${backends()}
models: { m: { routes: [${route('a', 'e400')}, ${route('b', 'e400', 2)}, ${route('c', 'ok', 3)}] } }
`)
    const seen = watch()
    expect((await askChat(three.url, 'm')).status).toBe(400)
    expect(seen.all()).toEqual([1, 1, 0])
  })

  test.each([
    { when: 'wait', withinMs: 5000, expected: 200 },
    { when: 'least_bad', withinMs: 900, expected: 200 },
  ])('the ruling on resting routes: when_all_cooling: $when', async ({ when, withinMs, expected }) => {
    let isUp = false
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => (isUp ? Response.json({ choices: [] }) : new Response('{}', { status: 500 })),
    })
    await using waiting = await startGateway(`
backends: [{ name: s, url: "http://127.0.0.1:${server.port}/v1" }]
models: { m: { routes: [${route('s', 'x')}] } }
fallback: { cooldown_seconds: 1, when_all_cooling: ${when} }
`)
    expect((await askChat(waiting.url, 'm')).status).toBe(500)
    isUp = true
    const startedMs = performance.now()
    expect((await askChat(waiting.url, 'm')).status).toBe(expected)
    expect(performance.now() - startedMs).toBeLessThan(withinMs)
    await server.stop(true)
  })
})

describe('attempts in total', () => {
  test('B26: max_retries 1 is one attempt, and its error is the answer', async () => {
    await using once = await startGateway(`${backends()}
models: { m: { routes: [${route('a', 'e500+once')}, ${route('b', 'ok', 2)}] } }
fallback: { max_retries: 1 }
`)
    const seen = watch()
    const answer = await askChat(once.url, 'm')
    expect([answer.status, seen.all()]).toEqual([500, [1, 0, 0]])
    expect(answer.text).toContain('mock')
  })

  test('B27: max_retries 0 goes on until a route answers', async () => {
    const seen = watch()
    const answer = await askChat(gateway.url, 'five')
    expect([answer.status, seen.all()]).toEqual([200, [0, 1, 0]])
    await gateway.told(/Request finished: backend=b .*model=ok\+five attempts=5/)
  })
})

describe('what counts as a failure', () => {
  test.each(['teapot', 'unavailable'])('B28, B31: without settings 4xx and 5xx lead on (%s)', async (alias) => {
    const seen = watch()
    expect((await askChat(gateway.url, alias)).status).toBe(200)
    expect(seen.all()).toEqual([1, 1, 0])
  })

  describe('with settings of its own', () => {
    let strict: RunningGateway
    beforeAll(async () => {
      const aliases = ['e500', 'e429', 'e418', 'q200', 'serr', 'q200+gz', 'e418+gz', 'ok']
      strict = await startGateway(`${backends()}
models:
${aliases.map((name) => `  "${name}": { routes: [${route('a', name)}, ${route('b', 'ok', 2)}] }`).join('\n')}
detection:
  error_codes: ["429", "abc", ""]
  error_patterns: ["played quota", "insufficient_quota"]
fallback: { cooldown_seconds: 0 }
`)
    })
    afterAll(async () => await strict[Symbol.asyncDispose]())

    test.each([
      { alias: 'e500', status: 500, hits: [1, 0, 0] },
      { alias: 'e429', status: 200, hits: [1, 1, 0] },
      { alias: 'e418', status: 418, hits: [1, 0, 0] },
      { alias: 'ok', status: 200, hits: [1, 0, 0] },
    ])('B29: only the codes of the list lead on: $alias', async ({ alias, status, hits }) => {
      const seen = watch()
      const answer = await askChat(strict.url, alias)
      expect({ status: answer.status, hits: seen.all() }).toEqual({ status, hits: [...hits] })
    })

    test('B30: junk in the list is told and ignored', () => {
      const warnings = strict
        .output()
        .split('\n')
        .filter((line) => line.includes('[WARN]'))
      expect(
        warnings.filter((line) => line.includes('detection.error_codes[1]') && line.includes('"abc"')),
      ).toHaveLength(1)
      expect(warnings.filter((line) => line.includes('detection.error_codes[2]') && line.includes('""'))).toHaveLength(
        1,
      )
    })

    test.each(['q200', 'q200+gz'])('B33, B35, N109: an error inside of a 200 leads on (%s)', async (alias) => {
      const seen = watch()
      const answer = await askChat(strict.url, alias, {}, { 'accept-encoding': 'gzip' })
      expect([answer.status, seen.all()]).toEqual([200, [1, 1, 0]])
      expect(answer.text).not.toContain('insufficient_quota')
    })

    test('B34, N109: an error in the first event leads on, and nothing of it is seen', async () => {
      const seen = watch()
      const answer = await askChat(strict.url, 'serr', { stream: true })
      expect([answer.status, answer.isWhole, seen.all()]).toEqual([200, true, [1, 1, 0]])
      expect(answer.text).not.toContain('"error"')
      expect(answer.text).toEndWith('data: [DONE]\n\n')
    })
  })
})

describe('what the client is told', () => {
  test.each([
    { alias: 'one-500', status: 500 },
    { alias: 'one-429', status: 429 },
  ])('N113, N216: a stream whose only route fails is an error in JSON: $alias', async ({ alias, status }) => {
    const answer = await askChat(gateway.url, alias, { stream: true })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toStartWith('application/json')
    expect(JSON.parse(answer.text)).toHaveProperty('error')
    expect(answer.text).not.toContain('data:')
  })

  test('N103, N104: a 429 behind a dead route is not hidden, nor stripped of what helps', async () => {
    const answer = await askChat(gateway.url, 'dead-then-429')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '7'])
    expect(answer.headers.get('content-type')).toStartWith('application/json')
  })

  test.each([
    { setting: '', status: 404 },
    { setting: 'errors: { unknown_model_status: 400 }', status: 400 },
  ])('B71: an unknown alias is answered with $status', async ({ setting, status }) => {
    await using plain = await startGateway(`${backends()}
models: { known: { routes: [${route('a', 'ok')}] } }
${setting}
`)
    const seen = watch()
    const answer = await askChat(plain.url, 'knwon')
    expect([answer.status, seen.all()]).toEqual([status, [0, 0, 0]])
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'model_not_found', param: 'model' } })
    expect(answer.text).toContain('known')
    for (const { path, shape } of [
      {
        path: '/v1/messages',
        shape: { type: 'error', error: { type: status === 404 ? 'not_found_error' : 'invalid_request_error' } },
      },
      { path: '/v1beta/models/nobody:generateContent', shape: { error: { code: status } } },
    ]) {
      const headers = { 'content-type': 'application/json' }
      const other = await rawRequest(plain.url, { method: 'POST', path, headers, body: '{"model":"nobody"}' })
      expect(other.status).toBe(status)
      expect(JSON.parse(other.text)).toMatchObject(shape)
    }
  })

  test.each([
    { name: 'no model', body: '{"messages":[]}', code: 'missing_model' },
    { name: 'an empty model', body: '{"model":"","messages":[]}', code: 'invalid_parameter' },
    { name: 'a model that is no text', body: '{"model":7}', code: 'invalid_parameter' },
    { name: 'no JSON', body: 'model=x', code: 'invalid_json' },
    { name: 'an empty body', body: '', code: undefined },
  ])('B72: $name is answered with 400', async ({ body, code }) => {
    const seen = watch()
    const headers = { 'content-type': 'application/json' }
    const answer = await rawRequest(gateway.url, { method: 'POST', path: '/v1/chat/completions', headers, body })
    expect([answer.status, seen.all()]).toEqual([400, [0, 0, 0]])
    const { error } = JSON.parse(answer.text) as { error: { code: string; message: string } }
    expect(error.message).toStartWith('Cannot ')
    if (code !== undefined) expect(error.code).toBe(code)
  })
})

test('N127: without models the lists are empty, not null', async () => {
  await using bare = await startGateway(`${backends()}\nmodels: {}\n`)
  const list = async (path: string, headers = {}): Promise<unknown> =>
    JSON.parse((await rawRequest(bare.url, { path, headers })).text) as unknown
  for (const path of ['/v1/models', '/models']) expect(await list(path)).toEqual({ object: 'list', data: [] })
  expect(await list('/v1/models', { 'anthropic-version': '2023-06-01' })).toMatchObject({ data: [], has_more: false })
  expect(await list('/v1beta/models')).toEqual({ models: [] })
})

test('B67, B68: the lists are sorted', async () => {
  for (const path of ['/v1/models', '/models']) {
    const { data } = JSON.parse((await rawRequest(gateway.url, { path })).text) as { data: { id: string }[] }
    const ids = data.map(({ id }) => id)
    expect(ids).toEqual(ids.toSorted())
    expect(ids).toContain('anthropic/claude-opus-4-5')
  }
})

test('B119: nothing of all this went wrong inside the gateway', async () => {
  for (const model of ['best', 'checked', 'bad-request', 'nobody']) await askChat(gateway.url, model)
  await gateway.told(/Request refused/)
  expect(gateway.output()).not.toMatch(/Internal error|Unhandled error/)
})
