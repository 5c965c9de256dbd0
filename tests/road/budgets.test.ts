import { describe, expect, test } from 'bun:test'
import { budgetsPage } from '#server/budgets-page.ts'
import { answered, ask, codeOf, limitedKeys } from '../support/limiting.ts'
import { chatAnswer, openRoad, type Road, type Upstream } from '../support/road.ts'

/** Each answer takes two tokens, which cost a dollar each. */
const priced = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  gpt-4:
    routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }]
  claude-3:
    routes: [{ backend: b, model: up }]
  cheap:
    routes: [{ backend: b, model: small }]
usage: { pricing: { up: { input: 1, output: 1, per: token }, small: { input: 0, output: 0.1, per: token } } }
`

const good: Upstream = () => chatAnswer()

async function budgetRoad(budgets: string, sections = '', upstream = good): Promise<Road> {
  return await openRoad(`${priced}${sections}\nbudgets: ${budgets}`, upstream)
}

const alerts = (road: Road): unknown[] =>
  road.lines.filter(({ event }) => event === 'budget_alert').map(({ fields }) => fields)

describe('budgets', () => {
  test('budgets[].usd and per: when it is spent, 429 insufficient_quota tells which one, and until when', async () => {
    const road = await budgetRoad('[{ name: all-day, scope: global, per: day, usd: 5 }]')
    expect(await answered(road, 3)).toBe(3)
    const refused = await ask(road)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(await refused.json()).toEqual({
      error: {
        message:
          'Cannot accept the request: the budget "all-day" of 5 US dollars per day for all clients is spent, it begins anew at 2026-01-14T00:00:00.000Z',
        type: 'insufficient_quota',
        param: null,
        code: 'insufficient_quota',
      },
    })
    expect(road.settled.at(-1)).toMatchObject({ attempts: [], status: 429 })
    // F78: the next day.
    await road.clock.advance((14 * 60 + 19) * 60_000)
    expect((await ask(road)).status).toBe(200)
  })

  test.each([
    { per: 'hour', ms: 19 * 60_000 },
    { per: 'week', ms: (5 * 24 + 14) * 3_600_000 + 19 * 60_000 },
    { per: 'month', ms: (18 * 24 + 14) * 3_600_000 + 19 * 60_000 },
  ])('F78: budgets[].per: $per begins anew in time', async ({ per, ms }) => {
    const road = await budgetRoad(`[{ scope: global, per: ${per}, usd: 1 }]`)
    expect(await answered(road, 2)).toBe(1)
    await road.clock.advance(ms - 1000)
    expect(await answered(road, 1)).toBe(0)
    await road.clock.advance(1000)
    expect(await answered(road, 2)).toBe(1)
  })

  test('F78: budgets[].timezone is where days begin', async () => {
    const road = await budgetRoad('[{ scope: global, per: day, usd: 1, timezone: Asia/Tokyo }]')
    expect(await answered(road, 2)).toBe(1)
    // It is 18:41 in Tokyo.
    await road.clock.advance((5 * 60 + 19) * 60_000)
    expect(await answered(road, 2)).toBe(1)
  })

  test('budgets[].tokens: those of prompts and answers, whatever they cost', async () => {
    const road = await budgetRoad('[{ scope: global, per: day, tokens: 5 }]')
    expect(await answered(road, 5)).toBe(3)
    const none = await budgetRoad('[{ scope: global, per: day, tokens: 0 }]')
    expect(await answered(none, 1)).toBe(0)
  })

  test('budgets[].scope key: each caller has it for itself; budgets[].match: only those that are like it', async () => {
    const road = await budgetRoad('[{ scope: key, per: day, usd: 3, match: "a*" }]', limitedKeys)
    expect(await answered(road, 5, { key: 'key-of-ann' })).toBe(2)
    expect(await answered(road, 5, { key: 'key-of-bob' })).toBe(5)
    const all = await budgetRoad('[{ scope: key, per: day, usd: 3 }]', limitedKeys)
    expect(await answered(all, 5, { key: 'key-of-ann' })).toBe(2)
    expect(await answered(all, 5, { key: 'key-of-bob' })).toBe(2)
  })

  test('budgets[].scope model: each alias has it for itself', async () => {
    const road = await budgetRoad('[{ scope: model, per: day, usd: 3, match: gpt-4 }]')
    expect(await answered(road, 5)).toBe(2)
    expect(await answered(road, 5, { model: 'claude-3' })).toBe(5)
  })

  test('budgets[].scope backend: one that has spent it is passed over; when all have, the request is refused', async () => {
    const road = await budgetRoad('[{ scope: backend, per: day, usd: 3, match: a }]')
    expect(await answered(road, 5)).toBe(5)
    expect(road.tried()).toEqual(['a/up', 'a/up', 'b/up', 'b/up', 'b/up'])
    const both = await budgetRoad('[{ scope: backend, per: day, usd: 3 }]')
    expect(await answered(both, 6)).toBe(4)
    expect(await codeOf(await ask(both))).toBe('insufficient_quota')
  })

  test('budgets[].on_exceeded warn: the log tells, and everything is answered', async () => {
    const road = await budgetRoad('[{ name: w, scope: global, per: day, usd: 3, on_exceeded: warn }]')
    expect(await answered(road, 5)).toBe(5)
    expect(alerts(road)).toMatchObject([
      { budget: 'w', percent: 133, usd: 4, usdMax: 3, endsAt: '2026-01-14T00:00:00.000Z' },
    ])
  })

  test('budgets[].on_exceeded fallback: the fallback aliases answer; without any it is refused', async () => {
    const road = await budgetRoad(
      '[{ scope: global, per: day, usd: 3, on_exceeded: fallback }]',
      'fallback: { alias_fallback: { gpt-4: [cheap] } }',
    )
    expect(await answered(road, 4)).toBe(4)
    expect(road.tried()).toEqual(['a/up', 'a/up', 'b/small', 'b/small'])
    expect(await answered(road, 1, { model: 'claude-3' })).toBe(0)
  })

  test('budgets[].alert_at: the log tells once that it comes to its end, and once that it did', async () => {
    const road = await budgetRoad('[{ name: n, scope: global, per: day, usd: 10, alert_at: 0.3 }]')
    await answered(road, 3)
    expect(alerts(road)).toMatchObject([{ percent: 40 }])
    await answered(road, 5)
    expect(alerts(road)).toMatchObject([{ percent: 40 }, { percent: 100 }])
  })

  test('budgets[].name: what was spent is remembered by it over reloads', async () => {
    const road = await budgetRoad('[{ name: mine, scope: global, per: day, usd: 3 }]')
    expect(await answered(road, 3)).toBe(2)
    await road.reload(`${priced}\nbudgets: [{ name: mine, scope: global, per: day, usd: 5 }]`)
    expect(await answered(road, 3)).toBe(1)
    await road.reload(`${priced}\nbudgets: [{ name: yours, scope: global, per: day, usd: 5 }]`)
    expect(await answered(road, 3)).toBe(3)
    await road.reload(priced)
    expect(await answered(road, 9)).toBe(9)
  })

  test('all that apply count', async () => {
    const road = await budgetRoad('[{ scope: global, per: day, usd: 100 }, { scope: model, per: hour, tokens: 3 }]')
    expect(await answered(road, 5)).toBe(2)
  })
})

describe('F101: requests under way', () => {
  test('hold what they may come to: of many at once one more than the rest of a budget allows is let in', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const road = await budgetRoad('[{ scope: global, per: day, usd: 0.01 }]', '', async () => {
      await promise
      return chatAnswer()
    })
    const all = Array.from({ length: 20 }, async () => await ask(road))
    for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(0)
    expect(road.sent).toHaveLength(1)
    resolve()
    const answers = await Promise.all(all)
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 429),
    ])
    const refused = answers.find(({ status }) => status === 429)
    // Somebody may give something back in a moment.
    expect(refused?.headers.get('x-should-retry')).toBe('true')
    expect(await refused?.text()).toContain('is taken by requests under way')
    expect(await codeOf(await ask(road))).toBe('insufficient_quota')
  })

  test('hold it also where they are asked when others failed: a backend without enough is passed over', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const asks = async (road: Road): Promise<number[]> => {
      const all = Array.from({ length: 20 }, async () => (await ask(road)).status)
      for (let turn = 0; turn < 40; turn += 1) await Bun.sleep(0)
      resolve()
      return await Promise.all(all)
    }
    const upstream: Upstream = async ({ url }) => {
      if (url.hostname === 'a') return Response.json({ error: { message: 'no' } }, { status: 500 })
      await promise
      return chatAnswer()
    }
    const rest = 'fallback: { cooldown_seconds: 0 }'
    const road = await budgetRoad('[{ name: last, scope: backend, match: b, per: day, usd: 1 }]', rest, upstream)
    expect((await asks(road)).filter((status) => status === 200)).toHaveLength(1)
    expect(road.settled.find(({ skips }) => skips !== undefined)?.skips).toEqual([
      { backend: 'b', model: 'up', reason: 'nothing is left of its budget' },
    ])
    const policies = road.gateway.current().budgets ?? []
    expect(policies.map((policy) => road.gateway.budgets?.statesOf(policy))).toMatchObject([
      [{ whose: 'b', usd: 2, heldUsd: 0, heldTokens: 0 }],
    ])
    const warned = await budgetRoad(
      '[{ scope: backend, match: b, per: day, usd: 1, on_exceeded: warn }]',
      rest,
      upstream,
    )
    expect((await asks(warned)).filter((status) => status === 200)).toHaveLength(20)
  })

  test('of what is no talk and tells no usage, its own size is spent, and no answer', async () => {
    const road = await budgetRoad('[{ scope: global, per: day, tokens: 5000 }]', '', () =>
      Response.json({ results: [] }),
    )
    const body = JSON.stringify({ model: 'gpt-4', input: 'hi' })
    expect((await road.fetch('/v1/moderations', { method: 'POST', body })).status).toBe(200)
    const [policy] = road.gateway.current().budgets ?? []
    const [state] = (policy && road.gateway.budgets?.statesOf(policy)) ?? []
    expect(state).toMatchObject({ tokens: Math.ceil(body.length / 4), heldTokens: 0 })
  })

  test('a small number somewhere else does not make them look cheap', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const road = await budgetRoad('[{ scope: global, per: day, tokens: 10000 }]', '', async () => {
      await promise
      return chatAnswer()
    })
    const extra = { metadata: { max_tokens: 1 }, max_tokens: 4000 }
    const all = Array.from({ length: 20 }, async () => await ask(road, { extra }))
    for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(0)
    expect(road.sent).toHaveLength(3)
    resolve()
    await Promise.all(all)
  })

  test('that were begun under another period or scope spend nothing of the new one, and take nothing from it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let count = 0
    const upstream: Upstream = async () => {
      count += 1
      if (count === 1) await promise
      return chatAnswer()
    }
    const road = await budgetRoad('[{ name: x, scope: global, per: day, usd: 9000 }]', '', upstream)
    const first = ask(road)
    for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(0)
    await road.reload(`${priced}\nbudgets: [{ name: x, scope: global, per: month, usd: 9000 }]`)
    expect(await answered(road, 3)).toBe(3)
    resolve()
    await first
    const spent = (): unknown => {
      const [policy] = road.gateway.current().budgets ?? []
      return policy && road.gateway.budgets?.statesOf(policy).map(({ whose, usd }) => [whose, usd])
    }
    expect(spent()).toEqual([['', 6]])
    await road.reload(`${priced}\nbudgets: [{ name: x, scope: model, per: month, usd: 9000 }]`)
    await answered(road, 1)
    expect(spent()).toEqual([['gpt-4', 2]])
  })

  test('what they took is spent at their end, as their backend told it; failures cost nothing', async () => {
    let count = 0
    const road = await budgetRoad(
      '[{ scope: global, per: day, usd: 100 }]',
      'fallback: { cooldown_seconds: 0 }',
      () => {
        count += 1
        return count <= 2 ? Response.json({ error: { message: 'no' } }, { status: 500 }) : chatAnswer()
      },
    )
    expect((await ask(road)).status).toBe(500)
    expect((await ask(road)).status).toBe(200)
    const policies = road.gateway.current().budgets ?? []
    const states = policies.map((policy) => road.gateway.budgets?.statesOf(policy))
    expect(states).toMatchObject([[{ usd: 2, tokens: 2, heldUsd: 0, heldTokens: 0 }]])
    expect(road.settled.at(-1)).toMatchObject({ costUsd: 2 })
  })

  test('what is only looked at, or counted, costs nothing', async () => {
    const road = await budgetRoad('[{ scope: global, per: day, usd: 0 }]')
    expect((await ask(road)).status).toBe(429)
    const counted = await road.fetch('/v1/messages/count_tokens', {
      method: 'POST',
      body: JSON.stringify({ model: 'gpt-4', messages: [] }),
    })
    expect(counted.status).not.toBe(429)
  })
})

test('GET /api/budgets tells of each budget what was spent of it, those that spent most first', async () => {
  const road = await budgetRoad('[{ name: per-key, scope: key, per: month, usd: 10, tokens: 100 }]', limitedKeys)
  await answered(road, 1, { key: 'key-of-ann' })
  await answered(road, 2, { key: 'key-of-bob' })
  expect(budgetsPage(road.gateway, '')).toEqual({
    budgets: [
      {
        name: 'per-key',
        scope: 'key',
        per: 'month',
        timezone: 'UTC',
        limit_usd: 10,
        limit_tokens: 100,
        alert_at: 0.8,
        on_exceeded: 'refuse',
        starts_at: '2026-01-01T00:00:00.000Z',
        ends_at: '2026-02-01T00:00:00.000Z',
        accounts: 2,
        spent: [
          { of: 'bob', usd: 4, tokens: 4, held_usd: 0, held_tokens: 0, used: 0.4 },
          { of: 'ann', usd: 2, tokens: 2, held_usd: 0, held_tokens: 0, used: 0.2 },
        ],
      },
    ],
  })
  expect(budgetsPage(road.gateway, 'x=1')).toMatchObject({ code: 'invalid_parameter' })
})
