import { describe, expect, test } from 'bun:test'
import { answered, ask, codeOf, limitedAliases, limitedKeys, limitedRoad } from '../support/limiting.ts'
import { chatAnswer, openRoad } from '../support/road.ts'
import { answering } from '../support/scripted.ts'

describe('requests in a minute', () => {
  test('C201 C209: rate_limiting.global.requests_per_minute: the 101st is refused, and told when to come again', async () => {
    const road = await limitedRoad('rate_limiting: { global: { requests_per_minute: 100 } }')
    expect(await answered(road, 100)).toBe(100)
    await road.clock.advance(20_500)
    const refused = await ask(road)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('40')
    expect(refused.headers.get('retry-after-ms')).toBe('39500')
    expect(refused.headers.get('x-should-retry')).toBe('true')
    expect(await codeOf(refused)).toBe('rate_limit_exceeded')
    expect(road.settled.at(-1)?.refusal?.code).toBe('rate_limit_exceeded')
    await road.clock.advance(39_500)
    expect((await ask(road)).status).toBe(200)
  })

  test('F100: of 1,000 requests at once exactly 100 are admitted', async () => {
    const road = await limitedRoad('rate_limiting: { global: { requests_per_minute: 100 } }')
    const answers = await Promise.all(Array.from({ length: 1000 }, async () => await ask(road)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100)
    expect(road.sent).toHaveLength(100)
  })

  test('rate_limiting.global.requests_per_second: in a second, fractions too', async () => {
    const road = await limitedRoad('rate_limiting: { global: { requests_per_second: 2.5 } }')
    expect(await answered(road, 10)).toBe(3)
    await road.clock.advance(1200)
    expect(await answered(road, 10)).toBe(3)
  })

  test('C203: rate_limiting.per_user.requests_per_minute: who has asked enough, and nobody else', async () => {
    const road = await limitedRoad(`${limitedKeys}rate_limiting: { per_user: { requests_per_minute: 2 } }`)
    expect(await answered(road, 5, { key: 'key-of-ann' })).toBe(2)
    expect(await answered(road, 5, { key: 'key-of-bob' })).toBe(2)
  })

  test('rate_limiting.per_user.requests_per_second is told apart by callers too', async () => {
    const road = await limitedRoad(`${limitedKeys}rate_limiting: { per_user: { requests_per_second: 1 } }`)
    expect(await answered(road, 5, { key: 'key-of-ann' })).toBe(1)
    expect(await answered(road, 5, { key: 'key-of-bob' })).toBe(1)
  })

  test('C203: rate_limiting.per_user.enabled: false leaves callers alone', async () => {
    const road = await limitedRoad(
      `${limitedKeys}rate_limiting: { per_user: { enabled: false, requests_per_minute: 2 } }`,
    )
    expect(await answered(road, 5, { key: 'key-of-ann' })).toBe(5)
  })

  test('C407: the limit of a key wins over that of all, and counts where nothing else is limited', async () => {
    const both = await limitedRoad(`${limitedKeys}rate_limiting: { per_user: { requests_per_minute: 1 } }`)
    expect(await answered(both, 5, { key: 'key-of-cy' })).toBe(3)
    expect(await answered(both, 5, { key: 'key-of-ann' })).toBe(1)
    const alone = await limitedRoad(limitedKeys)
    expect(await answered(alone, 5, { key: 'key-of-cy' })).toBe(3)
    expect(await answered(alone, 5, { key: 'key-of-ann' })).toBe(5)
  })

  test('without keys of their own callers are told apart by address', async () => {
    const road = await limitedRoad(
      'trusted_proxies: ["127.0.0.1"]\nrate_limiting: { per_user: { requests_per_minute: 1 } }',
    )
    expect(await answered(road, 3, { from: '192.0.2.1' })).toBe(1)
    expect(await answered(road, 3, { from: '192.0.2.2' })).toBe(1)
  })

  test('rate_limiting.per_ip.requests_per_minute: each address, of IPv6 each network of 64 bits', async () => {
    const road = await limitedRoad(
      'trusted_proxies: ["127.0.0.1"]\nrate_limiting: { per_ip: { requests_per_minute: 1 } }',
    )
    expect(await answered(road, 2, { from: '192.0.2.1' })).toBe(1)
    expect(await answered(road, 2, { from: '192.0.2.2' })).toBe(1)
    expect(await answered(road, 1, { from: '2001:db8:0:1::1' })).toBe(1)
    expect(await answered(road, 1, { from: '2001:db8:0:1:ffff::9' })).toBe(0)
    expect(await answered(road, 1, { from: '2001:db8:0:2::1' })).toBe(1)
  })

  test('rate_limiting.per_ip.enabled: false and requests_per_second', async () => {
    const off = await limitedRoad('rate_limiting: { per_ip: { enabled: false, requests_per_second: 1 } }')
    expect(await answered(off, 5)).toBe(5)
    const on = await limitedRoad('rate_limiting: { per_ip: { requests_per_second: 1 } }')
    expect(await answered(on, 5)).toBe(1)
  })

  test('N117: who makes up addresses is limited all the same, unless the proxy is trusted', async () => {
    const road = await limitedRoad('rate_limiting: { per_ip: { requests_per_minute: 3 } }')
    let count = 0
    for (let index = 0; index < 10; index += 1) count += await answered(road, 1, { from: `192.0.2.${index}` })
    expect(count).toBe(3)
  })

  test('C205: rate_limiting.per_model.<name>: that model alone; a pattern counts every alias for itself', async () => {
    const road = await limitedRoad(
      'rate_limiting: { per_model: { gpt-4: { requests_per_minute: 2 }, "cl*": { requests_per_second: 1 } } }',
    )
    expect(await answered(road, 5, { model: 'gpt-4' })).toBe(2)
    expect(await answered(road, 5, { model: 'claude-3' })).toBe(1)
    await road.clock.advance(1000)
    expect(await answered(road, 5, { model: 'claude-3' })).toBe(1)
  })

  test('C205: rate_limiting.per_model.enabled: false leaves models alone', async () => {
    const road = await limitedRoad(
      'rate_limiting: { per_model: { enabled: false, gpt-4: { requests_per_minute: 1 } } }',
    )
    expect(await answered(road, 5)).toBe(5)
  })

  test('rate_limiting.enabled: false leaves everybody alone', async () => {
    const road = await limitedRoad('rate_limiting: { enabled: false, global: { requests_per_minute: 1 } }')
    expect(await answered(road, 5)).toBe(5)
    expect(road.gateway.current().limits).toBeUndefined()
  })

  test('a request that one limit refuses takes nothing of the others', async () => {
    const road = await limitedRoad(`${limitedKeys}rate_limiting:
  global: { requests_per_minute: 10 }
  per_user: { requests_per_minute: 3 }
`)
    expect(await answered(road, 50, { key: 'key-of-ann' })).toBe(3)
    expect(await answered(road, 50, { key: 'key-of-bob' })).toBe(3)
    expect(await answered(road, 50, { key: 'key-of-cy' })).toBe(3)
    const meter = road.gateway.limits
    expect(meter.tally.rejected).toBe(141)
  })

  test('C210: rate_limiting.algorithm: token_bucket gives back little by little, rate_limiting.burst saves up', async () => {
    const road = await limitedRoad(
      'rate_limiting: { algorithm: token_bucket, burst: 0.5, global: { requests_per_minute: 60 } }',
    )
    expect(await answered(road, 100)).toBe(30)
    await road.clock.advance(5000)
    expect(await answered(road, 100)).toBe(5)
    await road.clock.advance(600_000)
    expect(await answered(road, 100)).toBe(30)
  })

  test('C1124 N116: a reload changes limits, and gives nothing back', async () => {
    const limit = (count: number): string =>
      `${limitedAliases}rate_limiting: { global: { requests_per_minute: ${count} } }`
    const road = await openRoad(limit(10), answering({}))
    expect(await answered(road, 20)).toBe(10)
    await road.reload(limit(12))
    expect(await answered(road, 20)).toBe(2)
    await road.reload(limit(5))
    expect(await answered(road, 20)).toBe(0)
    await road.reload(limitedAliases)
    expect(await answered(road, 20)).toBe(20)
  })

  test('D71: lists of models and health are nobody to be limited, services and passthrough are', async () => {
    const road = await limitedRoad(`
services: { s: { models: { m: { backends: [{ id: one, url: "http://c" }] } } } }
rate_limiting: { global: { requests_per_minute: 2 } }
`)
    for (let index = 0; index < 5; index += 1) {
      expect((await road.fetch('/v1/models')).status).toBe(200)
      expect((await road.fetch('/health')).status).toBe(200)
    }
    const statuses: number[] = []
    for (let index = 0; index < 3; index += 1) statuses.push((await road.fetch('/s/m/any')).status)
    expect(statuses).toEqual([200, 200, 429])
  })

  test('with several processes each holds its share of every limit', async () => {
    const road = await limitedRoad('server: { workers: 4 }\nrate_limiting: { global: { requests_per_minute: 10 } }')
    Object.assign(road.gateway.limits, { workers: 4 })
    expect(await answered(road, 20)).toBe(3)
  })
})

describe('what clients are told of it', () => {
  test('C213: rate_limiting.headers: OpenAI clients get x-ratelimit-…, of the limit of which the least is left', async () => {
    const road = await limitedRoad(`rate_limiting:
  global: { requests_per_minute: 100, tokens_per_minute: 5000 }
  per_model: { gpt-4: { requests_per_minute: 10 } }
`)
    const { headers } = await ask(road)
    expect(headers.get('x-ratelimit-limit-requests')).toBe('10')
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('9')
    expect(headers.get('x-ratelimit-reset-requests')).toBe('60s')
    expect(headers.get('x-ratelimit-limit-tokens')).toBe('5000')
    expect(Number(headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(5000)
  })

  test('C213: Messages clients get anthropic-ratelimit-…, also with a refusal', async () => {
    const road = await limitedRoad('rate_limiting: { global: { requests_per_minute: 1 } }')
    const asked = {
      method: 'POST',
      body: '{"model":"gpt-4","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}',
    }
    await road.fetch('/v1/messages', asked)
    const refused = await road.fetch('/v1/messages', asked)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('anthropic-ratelimit-requests-limit')).toBe('1')
    expect(refused.headers.get('anthropic-ratelimit-requests-remaining')).toBe('0')
    expect(refused.headers.get('anthropic-ratelimit-requests-reset')).toBe('2026-01-13T09:42:00Z')
    expect(refused.headers.has('x-ratelimit-limit-requests')).toBe(false)
    expect(await refused.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } })
  })

  test('C213: a provider’s own limits are passed on where we have none, and never beside ours', async () => {
    const theirs = { 'x-ratelimit-limit-requests': '9999', 'x-ratelimit-remaining-tokens': '1' }
    const upstream = (): Response => {
      const answer = chatAnswer()
      for (const [name, value] of Object.entries(theirs)) answer.headers.set(name, value)
      return answer
    }
    const open = await limitedRoad('', upstream)
    expect((await ask(open)).headers.get('x-ratelimit-limit-requests')).toBe('9999')
    const limited = await limitedRoad('rate_limiting: { global: { requests_per_minute: 5 } }', upstream)
    const { headers } = await ask(limited)
    expect(headers.get('x-ratelimit-limit-requests')).toBe('5')
    expect(headers.has('x-ratelimit-remaining-tokens')).toBe(false)
    const silent = await limitedRoad('rate_limiting: { headers: false, global: { requests_per_minute: 5 } }', upstream)
    expect((await ask(silent)).headers.get('x-ratelimit-limit-requests')).toBe('9999')
  })

  test('Gemini clients find the wait in the body', async () => {
    const road = await limitedRoad('rate_limiting: { global: { requests_per_minute: 1 } }')
    const asked = { method: 'POST', body: '{"contents":[{"parts":[{"text":"hi"}]}]}' }
    await road.fetch('/v1beta/models/gpt-4:generateContent', asked)
    const refused = await road.fetch('/v1beta/models/gpt-4:generateContent', asked)
    expect(await refused.json()).toMatchObject({
      error: { status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '60s' }] },
    })
  })
})

describe('pages', () => {
  test('health.verbose.show_rate_limit_status: what is limited, how much of it is used, and no names', async () => {
    const road = await limitedRoad(
      `${limitedKeys}rate_limiting: { global: { requests_per_minute: 10 }, per_user: { requests_per_minute: 5 } }`,
    )
    await ask(road, { key: 'key-of-ann' })
    const page = await (await road.fetch('/health/verbose')).text()
    expect(JSON.parse(page)).toMatchObject({
      rate_limit: {
        status: 'ok',
        backend: 'memory',
        algorithm: 'sliding_window',
        limits: [
          { scope: 'global', requests_per_minute: 10, used: { requests: 1 } },
          { scope: 'per_user', requests_per_minute: 5, known: 1 },
        ],
        rejected_total: 0,
      },
    })
    expect(page).not.toContain('ann')
  })
})

test('without limits a request has no ticket', async () => {
  const road = await limitedRoad('')
  expect(road.gateway.current().limits).toBeUndefined()
  expect(await answered(road, 3)).toBe(3)
  expect(road.gateway.limits.sizeOf('global')).toBe(0)
})
