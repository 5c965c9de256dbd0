import { describe, expect, test } from 'bun:test'
import { openRoad, type Road } from '../support/road.ts'
import { answering } from '../support/scripted.ts'

const backends = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
`

/** Asks the alias again and again; gives the share of each upstream. */
async function shares(road: Road, count = 400): Promise<Record<string, number>> {
  for (let turn = 0; turn < count; turn += 1) await (await road.chat('m')).text()
  const share: Record<string, number> = {}
  for (const tried of road.tried()) share[tried] = (share[tried] ?? 0) + 1 / count
  return share
}

describe('a route', () => {
  test('models.<name>.routes[].backend and .model say where a request goes, and under which name', async () => {
    const road = await openRoad(
      `${backends}
models:
  m: { routes: [{ backend: a, model: one }] }
  "vendor/n": { routes: [{ backend: b, model: "two/three" }] }`,
      answering({}),
    )
    await road.chat('m')
    await road.chat('vendor/n')
    expect(road.tried()).toEqual(['a/one', 'b/two/three'])
  })

  test.each([
    { name: 'the smaller number comes first', a: 'priority: 2', b: 'priority: 1', tried: ['b/up'] },
    { name: 'negative numbers too', a: 'priority: 0', b: 'priority: -1', tried: ['b/up'] },
    { name: 'B09: without one it is 0', a: 'priority: 1', b: 'weight: 1', tried: ['b/up'] },
  ])('B08: models.<name>.routes[].priority: $name', async ({ a, b, tried }) => {
    const routes = `[{ backend: a, model: up, ${a} }, { backend: b, model: up, ${b} }]`
    const road = await openRoad(`${backends}models: { m: { routes: ${routes} } }`, answering({}))
    expect(Object.keys(await shares(road, 10))).toEqual([...tried])
  })

  test.each([
    { enabled: true, tried: ['a/up'] },
    { enabled: false, tried: ['b/up'] },
  ])('B19: models.<name>.routes[].enabled $enabled decides whether it is tried', async ({ enabled, tried }) => {
    const routes = `[{ backend: a, model: up, enabled: ${enabled} }, { backend: b, model: up, priority: 1 }]`
    const road = await openRoad(`${backends}models: { m: { routes: ${routes} } }`, answering({}))
    await road.chat('m')
    expect(road.tried()).toEqual([...tried])
  })

  test.each([
    { protocol: 'openai', status: 200, path: '/v1/chat/completions' },
    { protocol: 'anthropic', status: 200, path: '/v1/messages' },
    { protocol: 'any', status: 200, path: '/v1/messages' },
  ])('B101: models.<name>.routes[].protocol "$protocol" wins over that of the backend', async (row) => {
    const route = `{ backend: a, model: up, protocol: ${row.protocol} }`
    const road = await openRoad(`${backends}models: { m: { routes: [${route}] } }`, answering({}))
    const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
    const response = await road.fetch('/v1/messages', { method: 'POST', body })
    expect([response.status, road.sent[0]?.url.pathname]).toEqual([row.status, row.path])
  })

  test('B17: backends[].enabled false takes all of its routes out of use', async () => {
    const models =
      'models: { m: { routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }] } }'
    const road = await openRoad(`${backends}${models}`, answering({}))
    await road.chat('m')
    await road.reload(`${backends.replace('a/v1"', 'a/v1", enabled: false')}${models}`)
    await road.chat('m')
    expect(road.tried()).toEqual(['a/up', 'b/up'])
  })
})

describe('routes of one priority', () => {
  test.each([
    { name: 'even when nothing is said', a: 'weight: 1', b: 'enabled: true', share: 0.5 },
    { name: 'three to one', a: 'weight: 3', b: 'weight: 1', share: 0.75 },
    { name: 'less than one', a: 'weight: 0.1', b: 'weight: 0.9', share: 0.1 },
    { name: 'nothing while the other answers', a: 'weight: 0', b: 'weight: 1', share: 0 },
  ])('B15: share the load by models.<name>.routes[].weight: $name', async ({ a, b, share }) => {
    const routes = `[{ backend: a, model: up, ${a} }, { backend: b, model: up, ${b} }]`
    const road = await openRoad(`${backends}models: { m: { routes: ${routes} } }`, answering({}))
    expect((await shares(road))['a/up'] ?? 0).toBeCloseTo(share, 1)
  })

  test.each([
    { weight: 4, share: 0.8 },
    { weight: 1, share: 0.5 },
    { weight: 0, share: 0 },
  ])('share the load by backends[].weight too: $weight', async ({ weight, share }) => {
    const weighted = backends.replace('a/v1"', `a/v1", weight: ${weight}`)
    const routes = '[{ backend: a, model: up }, { backend: b, model: up }]'
    const road = await openRoad(`${weighted}models: { m: { routes: ${routes} } }`, answering({}))
    expect((await shares(road))['a/up'] ?? 0).toBeCloseTo(share, 1)
  })

  test('one of weight 0 is asked when the other fails', async () => {
    const routes = '[{ backend: a, model: up, weight: 0 }, { backend: b, model: up }]'
    const road = await openRoad(`${backends}models: { m: { routes: ${routes} } }`, answering({ b: [500] }))
    expect((await road.chat('m')).status).toBe(200)
    expect(road.tried()).toEqual(['b/up', 'a/up'])
  })
})
