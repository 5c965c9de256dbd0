import { describe, expect, test } from 'bun:test'
import { leaveScript, takeScript } from '#limit/shared-scripts.ts'
import type { Redis } from '#ports/redis.ts'
import { answered, ask, limitedAliases, limitedKeys, limitedRoad } from '../support/limiting.ts'
import { chatAnswer, eventStream, openRoad } from '../support/road.ts'
import { answering, whenDone } from '../support/scripted.ts'

describe('tokens in a minute', () => {
  const taking = (input: number, output: number) => async (): Promise<Response> =>
    await Promise.resolve(
      Response.json({
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: 'up',
        choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
      }),
    )

  test.each([
    { scope: 'global', section: 'global: { tokens_per_minute: 1000 }' },
    { scope: 'per_user', section: 'per_user: { tokens_per_minute: 1000 }' },
    { scope: 'per_ip', section: 'per_ip: { tokens_per_minute: 1000 }' },
    { scope: 'per_model.<name>', section: 'per_model: { gpt-4: { tokens_per_minute: 1000 } }' },
  ])('C202 C204: rate_limiting.$scope.tokens_per_minute counts what answers took', async ({ section }) => {
    const road = await limitedRoad(`rate_limiting: { ${section} }`, taking(300, 100))
    expect(await answered(road, 10)).toBe(3)
    await road.clock.advance(60_000)
    expect(await answered(road, 10)).toBe(3)
  })

  test('C202: what a request takes is guessed by its length and max_tokens, and put right at its end', async () => {
    const road = await limitedRoad('rate_limiting: { global: { tokens_per_minute: 10000 } }', taking(10, 10))
    const remaining = async (extra: Record<string, unknown>): Promise<number> =>
      Number((await ask(road, { extra })).headers.get('x-ratelimit-remaining-tokens'))
    expect(await remaining({ max_tokens: 2000 })).toBeLessThan(8000)
    expect(await remaining({})).toBeGreaterThan(9900)
    expect(await answered(road, 100, { extra: { max_tokens: 2000 } })).toBe(100)
  })

  test('F102: a request that nobody answered gives back what was guessed', async () => {
    const road = await limitedRoad(
      'rate_limiting: { global: { tokens_per_minute: 5000 } }\nfallback: { cooldown_seconds: 0 }',
      answering({ a: [500] }),
    )
    for (let index = 0; index < 10; index += 1) {
      expect((await ask(road, { extra: { max_tokens: 4000 } })).status).toBe(500)
    }
  })

  test('F102: a stream that the client leaves is settled, by what was told or by the guess', async () => {
    const part = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
    const road = await limitedRoad('rate_limiting: { global: { tokens_per_minute: 5000 } }', () =>
      eventStream([part], 'open'),
    )
    const response = await ask(road, { extra: { stream: true, max_tokens: 3000 } })
    const reader = response.body?.getReader()
    await reader?.read()
    expect(road.settled).toHaveLength(0)
    await reader?.cancel()
    expect(road.settled).toHaveLength(1)
    const next = Number((await ask(road, { extra: { stream: true } })).headers.get('x-ratelimit-remaining-tokens'))
    expect(next).toBeGreaterThan(1900)
    expect(next).toBeLessThan(5000)
  })

  test('a request that is larger than the limit is answered when nothing else is, and then has to be waited for', async () => {
    const road = await limitedRoad('rate_limiting: { global: { tokens_per_minute: 100 } }', taking(5000, 5000))
    expect(await answered(road, 3, { extra: { max_tokens: 50_000 } })).toBe(1)
    await road.clock.advance(60_000)
    expect(await answered(road, 3, { extra: { max_tokens: 50_000 } })).toBe(1)
  })
})

describe('what becomes of requests above a limit', () => {
  test('C206: rate_limiting.strategies.overflow: reject is 429 at once', async () => {
    const road = await limitedRoad(
      'rate_limiting: { global: { requests_per_minute: 1 }, strategies: { overflow: reject } }',
    )
    expect(await answered(road, 3)).toBe(1)
    expect(road.clock.monotonicMs()).toBe(0)
  })

  const queueing = (rest: string, limit = 'requests_per_second: 2'): string =>
    `rate_limiting: { global: { ${limit} }, strategies: { overflow: queue, ${rest} } }`

  test('C207: rate_limiting.strategies.overflow: queue lets them wait, in the order of their coming', async () => {
    const road = await limitedRoad(queueing('queue_timeout: 30s'))
    const order: number[] = []
    const all = Promise.all(
      Array.from({ length: 8 }, async (_each, index) => {
        const response = await ask(road)
        order.push(index)
        return response.status
      }),
    )
    const { value, tookMs } = await whenDone(road.clock, all)
    expect(value).toEqual([200, 200, 200, 200, 200, 200, 200, 200])
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(tookMs).toBeGreaterThanOrEqual(3000)
    expect(tookMs).toBeLessThan(3500)
    expect(road.gateway.limits.waiting.rate).toBe(0)
    expect(road.gateway.limits.room.size).toBe(0)
  })

  test('C207: rate_limiting.strategies.queue_max_size: one more is refused at once', async () => {
    const road = await limitedRoad(queueing('queue_max_size: 2'))
    const all = Promise.all(Array.from({ length: 6 }, async () => (await ask(road)).status))
    const { value } = await whenDone(road.clock, all)
    expect(value).toEqual([200, 200, 200, 200, 429, 429])
  })

  test('C207: rate_limiting.strategies.queue_timeout is how long they wait', async () => {
    const road = await limitedRoad(queueing('queue_timeout: 700ms'))
    const all = Promise.all(Array.from({ length: 4 }, async () => (await ask(road)).status))
    const { value, tookMs } = await whenDone(road.clock, all)
    expect(value).toEqual([200, 200, 429, 429])
    expect(tookMs).toBeLessThan(1000)
  })

  test('C207: tokens that were not needed let those in who wait for them', async () => {
    let finish = (): void => {}
    const held = new Promise<void>((resolve) => (finish = resolve))
    let asked = 0
    const road = await limitedRoad(queueing('queue_timeout: 30s', 'tokens_per_minute: 4200'), async () => {
      asked += 1
      if (asked === 1) await held
      return chatAnswer()
    })
    const first = ask(road, { extra: { max_tokens: 4000 } })
    const second = ask(road, { extra: { max_tokens: 1000 } })
    await road.clock.advance(1000)
    expect(asked).toBe(1)
    finish()
    expect((await first).status).toBe(200)
    expect((await second).status).toBe(200)
    expect(road.clock.monotonicMs()).toBe(1000)
  })

  test('who leaves the queue takes nothing, and the next one is let in', async () => {
    const road = await limitedRoad(queueing('queue_timeout: 30s', 'requests_per_second: 1'))
    await ask(road)
    const leaving = new AbortController()
    const gone = road.chat('gpt-4', {}, { signal: leaving.signal })
    const patient = ask(road)
    await road.clock.advance(100)
    expect(road.gateway.limits.room.size).toBe(2)
    leaving.abort()
    expect((await gone).status).toBe(499)
    expect(road.gateway.limits.room.size).toBe(1)
    await road.clock.advance(900)
    expect((await patient).status).toBe(200)
    expect(road.sent).toHaveLength(2)
  })

  test('one caller’s waiting holds up nobody else', async () => {
    const road = await limitedRoad(
      `${limitedKeys}rate_limiting: { per_user: { requests_per_second: 1 }, strategies: { overflow: queue } }`,
    )
    await ask(road, { key: 'key-of-ann' })
    const waits = ask(road, { key: 'key-of-ann' })
    expect((await ask(road, { key: 'key-of-bob' })).status).toBe(200)
    expect((await whenDone(road.clock, waits)).value.status).toBe(200)
  })

  test('C208: rate_limiting.strategies.overflow: fallback, by the fallback aliases of the alias, and a header says so', async () => {
    const road = await limitedRoad(`
fallback: { alias_fallback: { gpt-4: [claude-3] } }
rate_limiting: { per_model: { gpt-4: { requests_per_minute: 1 } }, strategies: { overflow: fallback } }
`)
    expect((await ask(road)).headers.has('x-llm-proxy-fallback')).toBe(false)
    const second = await ask(road)
    expect(second.status).toBe(200)
    expect(second.headers.get('x-llm-proxy-fallback')).toBe('claude-3')
    expect(road.tried()).toEqual(['a/up', 'b/up'])
  })

  test('C208: rate_limiting.strategies.fallback_model answers where there are none, within its own limit', async () => {
    const road = await limitedRoad(`rate_limiting:
  per_model: { gpt-4: { requests_per_minute: 1 }, claude-3: { requests_per_minute: 2 } }
  strategies: { overflow: fallback, fallback_model: claude-3 }
`)
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1) statuses.push((await ask(road)).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    expect(road.tried()).toEqual(['a/up', 'b/up', 'b/up'])
  })
})

describe('counters that are shared', () => {
  /** A Redis that lets everything in, and tells how it was asked; or one that never answers. */
  function fakeRedis(isDead: () => boolean): {
    asked: string[][]
    urls: string[]
    openRedis: (url: string) => Promise<Redis>
  } {
    const asked: string[][] = []
    const urls: string[] = []
    const run: Redis['run'] = async (_script, names, values) => {
      asked.push([...names])
      if (isDead()) return await new Promise<unknown>(() => {})
      const marks = Array.from({ length: Number(values[0]) }, () => [1, 60_000, 7]).flat()
      return await Promise.resolve([1, 0, 0, ...marks])
    }
    return {
      asked,
      urls,
      openRedis: async (url) => {
        urls.push(url)
        return await Promise.resolve({ run, close() {} })
      },
    }
  }

  const section = (rest: string): string =>
    `${limitedAliases}rate_limiting: { backend: redis, global: { requests_per_minute: 2 }, ${rest} }`

  test('C211: rate_limiting.backend: redis, redis.url and redis.key_prefix say where is counted', async () => {
    const redis = fakeRedis(() => false)
    const road = await openRoad(
      section('redis: { url: "redis://r:1/2", key_prefix: "mine:" }'),
      answering({}),
      1,
      redis,
    )
    expect(await answered(road, 5)).toBe(5)
    expect(redis.urls).toEqual(['redis://r:1/2'])
    expect(redis.asked[0]).toEqual(['mine:limit:w:m:global:'])
  })

  test('C211 C407: keys with limits of their own are counted there, where the file limits nothing else', async () => {
    const redis = fakeRedis(() => false)
    const yaml = `${limitedAliases}${limitedKeys}rate_limiting: { backend: redis, headers: false }`
    const road = await openRoad(yaml, answering({}), 1, redis)
    const response = await ask(road, { key: 'key-of-cy' })
    expect(response.headers.has('x-ratelimit-limit-requests')).toBe(false)
    expect(redis.asked).toEqual([['llm-proxy:limit:w:m:user:=cy']])
  })

  test('C221: who waits for a place asks again as soon as one is given back here', async () => {
    let running = 0
    const run: Redis['run'] = async (script) => {
      if (script === leaveScript) running -= 1
      if (script !== takeScript) return await Promise.resolve(1)
      if (running >= 1) return await Promise.resolve([0, 1, -1])
      running += 1
      return await Promise.resolve([1, 0, 0])
    }
    const waiting: (() => void)[] = []
    const road = await openRoad(
      `${limitedAliases}rate_limiting: { backend: redis }\nconcurrency: { enabled: true, max_requests: 1 }`,
      async () => {
        await new Promise<void>((resolve) => void waiting.push(resolve))
        return chatAnswer()
      },
      1,
      { openRedis: async () => await Promise.resolve({ run, close() {} }) },
    )
    const all = [ask(road), ask(road), ask(road)]
    await road.clock.advance(150)
    for (const answer of all) {
      expect(waiting).toHaveLength(1)
      waiting.shift()?.()
      expect((await answer).status).toBe(200)
      await road.clock.advance(0)
    }
    expect(running).toBe(0)
    expect(road.gateway.limits.waiting.crowd).toBe(0)
  })

  test.each([
    { onError: 'local', statuses: [200, 200, 429] },
    { onError: 'allow', statuses: [200, 200, 200] },
    { onError: 'refuse', statuses: [503, 503, 503] },
  ])('F80: rate_limiting.on_error: $onError while it does not answer', async ({ onError, statuses }) => {
    const redis = fakeRedis(() => true)
    const road = await openRoad(section(`on_error: ${onError}`), answering({}), 1, redis)
    const seen: number[] = []
    for (let index = 0; index < 3; index += 1) {
      const { value, tookMs } = await whenDone(road.clock, ask(road), 10_000, 10)
      expect(tookMs).toBe(index === 0 ? 50 : 0)
      seen.push(value.status)
    }
    expect(seen).toEqual([...statuses])
    expect(road.lines.filter(({ event }) => event === 'limits_not_shared')).toHaveLength(1)
  })

  test('F80: rate_limiting.redis.timeout is how long it is waited for', async () => {
    const redis = fakeRedis(() => true)
    const road = await openRoad(section('redis: { timeout: 200ms }'), answering({}), 1, redis)
    expect((await whenDone(road.clock, ask(road), 10_000, 10)).tookMs).toBe(200)
  })

  test('a reload to another Redis, or to none, leaves the old one', async () => {
    const redis = fakeRedis(() => false)
    const road = await openRoad(section('redis: { url: "redis://one" }'), answering({}), 1, redis)
    await ask(road)
    await road.reload(section('redis: { url: "redis://two" }'))
    await ask(road)
    await road.reload(`${limitedAliases}rate_limiting: { global: { requests_per_minute: 2 } }`)
    expect(await answered(road, 5)).toBe(2)
    expect(redis.urls).toEqual(['redis://one', 'redis://two'])
  })
})
