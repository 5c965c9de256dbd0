import { describe, expect, test } from 'bun:test'
import type { Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import { Walk } from '#gateway/walk.ts'
import { HeaderList } from '#kit/header-list.ts'
import { settledExchange } from '../support/exchange.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { answering, errorAnswer } from '../support/scripted.ts'
import { callOf, sentBy, signalOf } from '../support/upstream.ts'

const backends = `
trusted_proxies: ["127.0.0.1"]
backends: [{ name: a, url: "http://a/v1" }, { name: b, url: "http://b/v1" }, { name: c, url: "http://c/v1" }]
`
const two = '[{ backend: a, model: up }, { backend: b, model: up }]'

function aliasWith(keys: string, routes = two): string {
  return `${backends}models: { m: { ${keys}${keys === '' ? '' : ','} routes: ${routes} } }\n`
}

/** The first letters of the backends that were asked, in order. */
function asked(road: Road): string {
  return road
    .tried()
    .map((tried) => tried[0] ?? '')
    .join('')
}

async function ask(road: Road, count: number, from?: string, extra: Record<string, unknown> = {}): Promise<void> {
  const init = from === undefined ? {} : { headers: { 'x-forwarded-for': from } }
  for (let request = 0; request < count; request += 1) await (await road.chat('m', extra, init)).text()
}

function answerOf(candidate: Candidate): Answer {
  return {
    kind: 'answer',
    candidate,
    status: 200,
    headers: new HeaderList(),
    held: [],
    rest: undefined,
    form: undefined,
  }
}

function shareOf(road: Road, backend: string): number {
  const all = asked(road)
  return all.split(backend).length / all.length - 1 / all.length
}

describe('models.<name>.strategy', () => {
  const weighted = '[{ backend: a, model: up, weight: 3 }, { backend: b, model: up }]'

  test.each([
    { strategy: 'round_robin', routes: two, first: 'abababab' },
    { strategy: 'round_robin', routes: weighted, first: 'aabaaaba' },
  ])('C101 D11 D18: $strategy is exact: $first', async ({ strategy, routes, first }) => {
    const road = await openRoad(aliasWith(`strategy: ${strategy}`, routes), answering({}))
    await ask(road, 8)
    expect(asked(road)).toBe(first)
  })

  test.each([
    { strategy: 'weighted_random', share: 0.75 },
    { strategy: 'weighted', share: 0.75 },
    { strategy: 'random', share: 0.5 },
    { strategy: 'hash', share: 0.75 },
  ])('C103 C104: $strategy gives the first of 3:1 the share $share', async ({ strategy, share }) => {
    const road = await openRoad(aliasWith(`strategy: ${strategy}`, weighted), answering({}))
    for (let request = 0; request < 400; request += 1) await ask(road, 1, undefined, { user: `user ${request}` })
    expect(shareOf(road, 'a')).toBeWithin(share - 0.05, share + 0.05)
  })

  test('hash: the same key goes to the same route, without anything being remembered', async () => {
    const road = await openRoad(aliasWith('strategy: hash', weighted), answering({}))
    for (const user of ['one', 'two', 'three', 'four']) await ask(road, 5, undefined, { user })
    expect(asked(road)).toMatch(/^(?:aaaaa|bbbbb){4}$/)
    expect(road.gateway.figures.pins.size).toBe(0)
  })

  test('C102: least_connections goes around a route that is slow', async () => {
    const gate = Promise.withResolvers<undefined>()
    const upstream: Upstream = async ({ url }) => {
      if (url.hostname === 'a') await gate.promise
      return chatAnswer()
    }
    const road = await openRoad(aliasWith('strategy: least_connections'), upstream)
    const hanging: Promise<Response>[] = []
    while (!asked(road).includes('a')) {
      const request = road.chat('m')
      hanging.push(request)
      await Promise.race([request, new Promise<void>((resolve) => void setImmediate(resolve))])
    }
    const before = road.sent.length
    await ask(road, 20)
    expect(asked(road).slice(before)).toBe('b'.repeat(20))
    gate.resolve(undefined)
    for (const response of await Promise.all(hanging)) await response.text()
    const { figures } = road.gateway
    expect([...new Set(road.tried())].map((id) => figures.inFlightOf(JSON.stringify(id.split('/'))))).toEqual([0, 0])
  })

  test('a stream counts until its end, and what another alias asks of a route counts too', async () => {
    const stream = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
    const both = `${aliasWith('strategy: least_connections')}  n: { routes: [{ backend: a, model: up }] }\n`.replace(
      /models: \{ (m: .*) \}\n {2}n/,
      'models:\n  $1\n  n',
    )
    const road = await openRoad(both, (request) =>
      sentBy(request).toString().includes('"stream":true') ? eventStream([stream], 'open') : chatAnswer(),
    )
    const response = await road.chat('n', { stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await ask(road, 10)
    expect(asked(road)).toBe(`a${'b'.repeat(10)}`)
    await reader?.cancel()
    expect(road.gateway.figures.inFlightOf(JSON.stringify(['a', 'up']))).toBe(0)
  })

  test('latency: the faster one gets the traffic, and the slow one another chance when its news are old', async () => {
    const road = await openRoad(aliasWith('strategy: latency'), async ({ url }, { clock }) => {
      await clock.advance(url.hostname === 'a' ? 900 : 100)
      return chatAnswer()
    })
    await ask(road, 22)
    expect(asked(road).slice(0, 2).split('').toSorted().join('')).toBe('ab')
    expect(asked(road).slice(2)).toBe('b'.repeat(20))
    await road.clock.advance(600_000)
    road.sent.length = 0
    for (let request = 0; request < 30 && !asked(road).includes('a'); request += 1) {
      await ask(road, 1)
      await road.clock.advance(6000)
    }
    expect(asked(road)).toContain('a')
  })

  test('latency: streams and other answers are each compared with their own kind', async () => {
    const parts = ['data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n', 'data: [DONE]\n\n']
    const road = await openRoad(aliasWith('strategy: latency'), async (request, { clock }) => {
      const isStream = sentBy(request).toString().includes('"stream":true')
      await clock.advance(isStream === (request.url.hostname === 'a') ? 900 : 100)
      return isStream ? eventStream(parts) : chatAnswer()
    })
    await ask(road, 8)
    expect(asked(road).slice(2)).toBe('aaaaaa')
    road.sent.length = 0
    await ask(road, 8, undefined, { stream: true })
    expect(asked(road).slice(2)).toBe('bbbbbb')
  })

  test('latency: a WebSocket is chosen by what it will be measured as', async () => {
    const { gateway } = await openRoad(aliasWith('strategy: latency'), answering({}))
    const plan = gateway.current().plans.get('m')
    if (plan === undefined) throw new Error('The alias has no plan')
    for (const candidate of plan.tiers.flatMap(({ candidates }) => candidates)) {
      for (const isStream of [true, false]) {
        const ride = gateway.figures.begin(candidate.stateKey, isStream)
        ride.land(answerOf(candidate), isStream === (candidate.backend.name === 'a') ? 900 : 100, 0)
      }
    }
    const opening = settledExchange({ attempts: [], stream: true })
    const turn = new Walk(gateway, plan, callOf({ stream: false }), opening).next()
    expect(turn?.candidate.backend.name).toBe('b')
  })

  test('latency: a failure counts as slow, whatever its cooldown', async () => {
    const road = await openRoad(
      `${aliasWith('strategy: latency')}fallback: { cooldown_seconds: 0 }`,
      async ({ url }, { clock }) => {
        await clock.advance(url.hostname === 'a' ? 1 : 500)
        return url.hostname === 'a' ? errorAnswer(500) : chatAnswer()
      },
    )
    await ask(road, 20)
    expect(asked(road).split('a')).toHaveLength(2)
  })

  test.each([400, 404, 422])('latency: who only refuses with %p is no fast one', async (status) => {
    const road = await openRoad(
      `${aliasWith('strategy: latency')}fallback: { cooldown_seconds: 0 }`,
      async ({ url }, { clock }) => {
        await clock.advance(url.hostname === 'a' ? 5 : 100)
        return url.hostname === 'a' ? errorAnswer(status) : chatAnswer()
      },
    )
    await ask(road, 20)
    expect(asked(road).split('a')).toHaveLength(2)
  })

  test('latency: who speaks another dialect is no rival, so that the slow one is not drawn beside it', async () => {
    const routes =
      '[{ backend: a, model: up }, { backend: b, model: up }, { backend: c, model: up, protocol: anthropic }, { backend: c, model: other, protocol: anthropic }]'
    const road = await openRoad(aliasWith('strategy: latency', routes), async ({ url }, { clock }) => {
      await clock.advance(url.hostname === 'a' ? 100 : 500)
      return chatAnswer()
    })
    await ask(road, 20)
    expect(asked(road).split('b')).toHaveLength(2)
  })

  test('latency: a route that hangs is left when its clients leave', async () => {
    let hangs = false
    const road = await openRoad(aliasWith('strategy: latency'), async ({ url, stop }, { clock }) => {
      if (url.hostname === 'b' || !hangs) {
        await clock.advance(url.hostname === 'a' ? 50 : 100)
        return chatAnswer()
      }
      const gone = Promise.withResolvers<undefined>()
      signalOf(stop).addEventListener('abort', () => gone.resolve(undefined), { once: true })
      await gone.promise
      return broken('head', 'aborted')
    })
    await ask(road, 4)
    hangs = true
    road.sent.length = 0
    for (let request = 0; request < 6; request += 1) {
      const leaving = new AbortController()
      const response = road.chat('m', {}, { signal: leaving.signal })
      await Promise.race([response, new Promise<void>((resolve) => void setImmediate(resolve))])
      await road.clock.advance(5000)
      leaving.abort()
      await (await response).text()
    }
    expect(asked(road)).toBe('abbbbb')
  })

  test('latency: what one credential fails by is not held against its route', async () => {
    const config = `backends:
  - { name: a, url: "http://a/v1", credentials: [{ name: c1, api_key: k1 }, { name: c2, api_key: k2 }] }
  - { name: b, url: "http://b/v1" }
models: { m: { strategy: latency, routes: ${two} } }
`
    let isSpent = false
    const road = await openRoad(config, async ({ url, headers }, { clock }) => {
      const key = headers.find(([name]) => name === 'authorization')?.[1]
      if (isSpent && key === 'Bearer k1') return errorAnswer(429)
      await clock.advance(url.hostname === 'a' ? 50 : 400)
      return chatAnswer()
    })
    await ask(road, 4)
    isSpent = true
    road.sent.length = 0
    await ask(road, 6)
    expect(asked(road)).toBe('aaaaaaa')
  })

  test('a stream that broke no longer counts for its route while another one goes on with it', async () => {
    const part = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
    let isFirst = true
    const road = await openRoad(`${aliasWith('strategy: least_connections')}streaming: { rescue: match }`, () => {
      const stream = isFirst ? eventStream([part], 'cut') : eventStream([part, part], 'open')
      isFirst = false
      return stream
    })
    const reader = (await road.chat('m', { stream: true })).body?.getReader()
    await reader?.read()
    await reader?.read()
    const inFlight = (): number[] =>
      asked(road)
        .split('')
        .map((backend) => road.gateway.figures.inFlightOf(JSON.stringify([backend, 'up'])))
    expect(inFlight()).toEqual([0, 1])
    await reader?.cancel()
    expect(inFlight()).toEqual([0, 0])
  })

  test('models.<name>.routes[].cost: the cheapest is asked, another one when it fails', async () => {
    const routes =
      '[{ backend: a, model: up, cost: { input: 3, output: 15 } }, { backend: b, model: up, cost: { input: 2, output: 17 } }]'
    const road = await openRoad(aliasWith('strategy: cost', routes), answering({ b: [200, 200, 500] }))
    await ask(road, 4)
    expect(asked(road)).toBe('bbbaa')
  })

  test('C106 B16: priorities stand above it', async () => {
    const routes = `[{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 1 }, { backend: c, model: up, priority: 2 }]`
    const road = await openRoad(aliasWith('strategy: round_robin', routes), answering({ a: [500], b: [500] }))
    await ask(road, 2)
    expect(asked(road)).toBe('abcc')
  })

  test('round_robin: while one rests the others alternate exactly, and it comes back to its turn', async () => {
    const three = '[{ backend: a, model: up }, { backend: b, model: up }, { backend: c, model: up }]'
    const road = await openRoad(aliasWith('strategy: round_robin', three), answering({ a: [500, 200] }))
    await ask(road, 6)
    expect(asked(road)).toBe('abcbcbc')
    await road.clock.advance(60_000)
    await ask(road, 6)
    expect(asked(road).slice(7).split('').toSorted().join('')).toBe('aabbcc')
  })

  test('round_robin: who would have to translate has no turn among those who need not', async () => {
    const routes =
      '[{ backend: a, model: up }, { backend: b, model: up, protocol: anthropic }, { backend: c, model: up, weight: 2 }]'
    const road = await openRoad(aliasWith('strategy: round_robin', routes), answering({}))
    await ask(road, 6)
    expect(asked(road)).toBe('caccac')
  })

  test('weight 0 is asked when nobody else is left', async () => {
    const routes = '[{ backend: a, model: up, weight: 0 }, { backend: b, model: up }]'
    for (const strategy of ['round_robin', 'least_connections', 'latency', 'cost', 'hash', 'random']) {
      const road = await openRoad(aliasWith(`strategy: ${strategy}`, routes), answering({ b: [200, 200, 500] }))
      await ask(road, 4)
      expect(asked(road)).toBe('bbbaa')
    }
  })

  test('a reload keeps turns, speeds and pins of what is still there', async () => {
    const three = '[{ backend: a, model: up }, { backend: b, model: up }, { backend: c, model: up }]'
    const keys = 'strategy: round_robin, affinity: { by: user }'
    const road = await openRoad(aliasWith(keys, three), answering({}))
    await ask(road, 4)
    await ask(road, 1, undefined, { user: 'one' })
    await road.reload(aliasWith(keys, three).replace('"http://c/v1"', '"http://c/v2"'))
    await ask(road, 1, undefined, { user: 'one' })
    await ask(road, 3)
    expect(asked(road)).toBe('abcabbcab')
    await road.reload(aliasWith(keys, two))
    expect(road.gateway.figures.pins.size).toBe(1)
    await road.reload(aliasWith(keys, '[{ backend: a, model: up }, { backend: c, model: up }]'))
    expect(road.gateway.figures.pins.size).toBe(0)
  })
})

describe('load_balancing.strategy', () => {
  test.each([
    { own: '', common: 'round_robin', first: 'abababab' },
    { own: 'strategy: cost', common: 'round_robin', first: 'bbbbbbbb' },
  ])('holds for aliases that say nothing else: "$own"', async ({ own, common, first }) => {
    const routes =
      '[{ backend: a, model: up, cost: { input: 2, output: 2 } }, { backend: b, model: up, cost: { input: 1, output: 1 } }]'
    const road = await openRoad(`${aliasWith(own, routes)}load_balancing: { strategy: ${common} }`, answering({}))
    await ask(road, 8)
    expect(asked(road)).toBe(first)
  })
})

describe('models.<name>.affinity', () => {
  const clients = Array.from({ length: 40 }, (_, at) => `203.0.113.${at + 1}`)

  test.each([
    { keys: 'affinity: { by: ip }', stays: true },
    { keys: 'affinity: { by: off }', stays: false },
    { keys: '', stays: false },
  ])('D19: by ip, ten calls of one address go to one backend: "$keys"', async ({ keys, stays }) => {
    const road = await openRoad(aliasWith(keys), answering({}))
    for (const client of clients) await ask(road, 10, client)
    const each = clients.map((_, at) => new Set(asked(road).slice(at * 10, at * 10 + 10)).size)
    expect(Math.max(...each)).toBe(stays ? 1 : 2)
    expect(shareOf(road, 'a')).toBeWithin(0.25, 0.75)
  })

  test('D18 D19: new addresses take turns, known ones stay and take nobody’s', async () => {
    const road = await openRoad(aliasWith('strategy: round_robin, affinity: { by: ip }'), answering({}))
    for (const client of clients.slice(0, 4)) await ask(road, 3, client)
    expect(asked(road)).toBe('aaabbbaaabbb')
  })

  test.each([
    { by: 'user', one: { extra: { user: 'u' } } },
    { by: 'auto', one: { extra: { prompt_cache_key: 'p' } } },
    { by: 'system', one: { extra: { messages: [{ role: 'system', content: 's' }] } } },
    { by: '"header:X-Tenant"', one: { headers: { 'x-tenant': 't' } } },
  ])('C331: models.<name>.affinity.by: $by', async ({ by, one }) => {
    const road = await openRoad(aliasWith(`strategy: round_robin, affinity: { by: ${by} }`), answering({}))
    const init = { headers: new Headers('headers' in one ? one.headers : {}) }
    for (let request = 0; request < 6; request += 1) {
      await (await road.chat('m', 'extra' in one ? one.extra : {}, init)).text()
      await (await road.chat('m', { messages: [{ role: 'user', content: `${request}` }] })).text()
    }
    const own = asked(road)
      .split('')
      .filter((_, at) => at % 2 === 0)
    expect(new Set(own).size).toBe(1)
    const others = asked(road)
      .split('')
      .filter((_, at) => at % 2 === 1)
    expect(new Set(others).size).toBe(2)
  })

  test.each([
    { ttl: '60s', seconds: 59, stays: true },
    { ttl: '60s', seconds: 61, stays: false },
    { ttl: '1h', seconds: 3000, stays: true },
  ])('D20: models.<name>.affinity.ttl: $ttl, asked again after $seconds s: $stays', async ({ ttl, seconds, stays }) => {
    const keys = `strategy: round_robin, affinity: { by: ip, ttl: ${ttl} }`
    const road = await openRoad(aliasWith(keys), answering({}))
    await ask(road, 1, '203.0.113.1')
    await road.clock.advance(seconds * 500)
    await ask(road, 1, '203.0.113.1')
    await road.clock.advance(seconds * 1000)
    await ask(road, 1, '203.0.113.1')
    expect(asked(road)).toBe(stays ? 'aaa' : 'aab')
  })

  test('D21 D22: who fails is left for who answers, and the client stays there when it is back', async () => {
    const keys = 'strategy: round_robin, affinity: { by: ip }'
    const road = await openRoad(aliasWith(keys), answering({ a: [200, 500, 200] }))
    await ask(road, 2, '203.0.113.1')
    expect(asked(road)).toBe('aab')
    expect(road.gateway.figures.pins.repinned).toBe(1)
    await road.clock.advance(60_000)
    await ask(road, 3, '203.0.113.1')
    expect(asked(road)).toBe('aabbbb')
  })

  test('what it cost to leave is told: in the record, in the figures of the alias, by its reason', async () => {
    const usage = (tokens: number): string =>
      `data: {"choices":[],"usage":{"prompt_tokens_details":{"cached_tokens":${tokens}}}}\n\n`
    const said = 'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    let isDown = false
    const road = await openRoad(aliasWith('strategy: round_robin, affinity: { by: ip }'), ({ url }) =>
      isDown && url.hostname === 'a'
        ? errorAnswer(500)
        : eventStream([said, usage(512), usage(2048), 'data: [DONE]\n\n']),
    )
    await ask(road, 2, '203.0.113.1', { stream: true })
    isDown = true
    await ask(road, 1, '203.0.113.1', { stream: true })
    isDown = false
    await road.clock.advance(60_000)
    await ask(road, 1, '203.0.113.1', { stream: true })
    expect(asked(road)).toBe('aaabb')
    const why = 'it answered with status 500'
    expect(road.settled.map(({ repinned }) => repinned)).toEqual([
      undefined,
      undefined,
      { from: 'a/up', why, cachedTokens: 2048 },
      undefined,
    ])
    const tally = { pins: 1, hits: 2, repinned: 1, cachedTokensLost: 2048 }
    expect(road.gateway.figures.pins.tallyOf('m')).toEqual(tally)
  })

  test('of several credentials the one that has the prompts goes on, until it rests', async () => {
    const config = `backends:
  - { name: a, url: "http://a/v1", credentials: [{ name: c1, api_key: k1 }, { name: c2, api_key: k2 }, { name: c3, api_key: k3 }] }
models: { m: { affinity: { by: user }, routes: [{ backend: a, model: up }] } }
`
    let refused = ''
    const road = await openRoad(config, ({ headers }) =>
      headers.some(([, value]) => value === `Bearer ${refused}`) ? errorAnswer(429) : chatAnswer(),
    )
    const keys = (): string =>
      road.sent.map(({ headers }) => headers.find(([name]) => name === 'authorization')?.[1].at(-1)).join('')
    for (const user of ['x', 'y', 'x', 'x', 'y']) await ask(road, 1, undefined, { user })
    expect(keys()).toBe('12112')
    refused = 'k1'
    await ask(road, 2, undefined, { user: 'x' })
    expect(keys()).toBe('12112133')
  })

  test('who answers when it is asked again is the one to stay with', async () => {
    const keys = 'strategy: round_robin, affinity: { by: ip }'
    const road = await openRoad(
      `${aliasWith(keys)}retry: { max_retries: 1, base_delay: 0 }\nfallback: { cooldown_seconds: 0 }`,
      answering({ a: [503, 200] }),
    )
    await ask(road, 3, '203.0.113.1')
    expect(asked(road)).toBe('aaaa')
  })

  test('a route of lower priority is left as soon as a better one is back', async () => {
    const routes = '[{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }]'
    const road = await openRoad(aliasWith('affinity: { by: ip }', routes), answering({ a: [500, 200] }))
    await ask(road, 2)
    await road.clock.advance(60_000)
    await ask(road, 1)
    expect(asked(road)).toBe('abba')
  })

  test('an answer that is gone on with is asked for where it was made, whatever the priorities', async () => {
    const routes = '[{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }]'
    let isDown = true
    const road = await openRoad(aliasWith('affinity: {}', routes), ({ url }) =>
      isDown && url.hostname === 'a'
        ? errorAnswer(500)
        : Response.json({ id: `resp_${url.hostname}`, object: 'response', status: 'completed', output: [{}] }),
    )
    const respond = async (extra: object): Promise<void> => {
      const body = JSON.stringify({ model: 'm', input: 'hi', ...extra })
      await (await road.fetch('/v1/responses', { method: 'POST', body })).text()
    }
    await respond({})
    isDown = false
    await road.clock.advance(60_000)
    await respond({ previous_response_id: 'resp_b' })
    await respond({ previous_response_id: 'resp_unknown' })
    expect(asked(road)).toBe('abba')
  })

  test.each([
    { whenAllCooling: 'refuse', letters: '', status: 503 },
    { whenAllCooling: 'least_bad', letters: 'h', status: 200 },
  ])('nobody else is asked for an answer whose route rests: $whenAllCooling', async (expected) => {
    const { whenAllCooling, letters, status } = expected
    const config = `${aliasWith('affinity: {}')}fallback: { when_all_cooling: ${whenAllCooling} }`
    let home: string | undefined
    let isDown = false
    const road = await openRoad(config, ({ url }) => {
      home ??= url.hostname
      if (home !== url.hostname) return errorAnswer(400)
      return isDown
        ? errorAnswer(503)
        : Response.json({ id: 'resp_x', object: 'response', status: 'completed', output: [{}] })
    })
    const respond = async (extra: object): Promise<Response> => {
      const body = JSON.stringify({ model: 'm', input: 'hi', ...extra })
      return await road.fetch('/v1/responses', { method: 'POST', body })
    }
    await (await respond({})).text()
    isDown = true
    const failed = await respond({ previous_response_id: 'resp_x' })
    await failed.text()
    expect([failed.status, asked(road)]).toEqual([503, `${home}${home}`])
    isDown = false
    const resting = await respond({ previous_response_id: 'resp_x' })
    await resting.text()
    expect(resting.status).toBe(status)
    expect(resting.headers.has('retry-after')).toBe(status === 503)
    expect(asked(road)).toBe(`${home}${home}${letters === '' ? '' : home}`)
  })

  test('C332 C333: what is read for it passes unchanged', async () => {
    const road = await openRoad(aliasWith('affinity: {}'), answering({}))
    const body =
      '{ "model":"m", "cache_prompt" : true,"id_slot":3,"prompt_cache_key": "k","messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}] }'
    await road.fetch('/v1/chat/completions', {
      method: 'POST',
      body,
      headers: { 'x-llm-proxy-affinity': 'mine', 'session-id': 's' },
    })
    const [request] = road.sent
    expect(request === undefined ? '' : sentBy(request).toString()).toBe(body.replace('"m"', '"up"'))
    const names = request?.headers.map(([name]) => name) ?? []
    expect([names.includes('session-id'), names.includes('x-llm-proxy-affinity')]).toEqual([true, false])
  })
})
