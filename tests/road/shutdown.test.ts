import { describe, expect, test } from 'bun:test'
import { chatAnswer, eventStream, openRoad, type Road } from '../support/road.ts'
import { untilStopped } from '../support/scripted.ts'

const config = `
backends: [{ name: a, url: "http://a" }, { name: b, url: "http://b" }]
models: { m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2 }] } }
`
const content = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'

function cutAll(road: Road): void {
  for (const exchange of road.gateway.live) exchange.cut?.cut()
}

test('B118: while the server shuts down new work is refused, and health tells the truth', async () => {
  const road = await openRoad(config, () => chatAnswer())
  road.setDraining()
  const refused = await road.chat('m')
  expect(refused.status).toBe(503)
  expect([refused.headers.get('connection'), refused.headers.get('retry-after')]).toEqual(['close', '1'])
  expect([(await road.fetch('/health')).status, (await road.fetch('/ready')).status]).toEqual([200, 503])
  expect(road.sent).toEqual([])
})

describe('what still runs when the time is over', () => {
  test('a stream ends with an error event and a reset, and its route is not blamed', async () => {
    const road = await openRoad(config, () => eventStream([content], 'open'))
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    let text = ''
    const reading = (async (): Promise<string> => {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true }
        if (done || value === undefined) return 'end'
        text += decoder.decode(value)
      }
    })().catch(() => 'reset')
    await road.clock.advance(1000)
    cutAll(road)
    for (let step = 0; step < 10; step += 1) await road.clock.advance(20)
    expect(await reading).toBe('reset')
    expect(text).toStartWith(`${content}data: {"error":`)
    expect(text).toContain('"code":"shutting_down"')
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['shut_down'])
    expect([road.gateway.live.size, road.gateway.breakers.list(road.clock.monotonicMs(), undefined)]).toEqual([0, []])
  })

  test('a stream that said all and only keeps its connection is whole', async () => {
    const whole = [content, 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n']
    const road = await openRoad(config, () => eventStream(whole, 'open'))
    const reading = (await road.chat('m', { stream: true })).text()
    await road.clock.advance(1000)
    cutAll(road)
    expect(await reading).toBe(whole.join(''))
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['complete'])
  })

  test('a request that waits for its answer gets 503, asks nobody else, and its route is not blamed', async () => {
    const road = await openRoad(config, async (request) => await untilStopped(request.stop))
    const asked = road.chat('m')
    await road.clock.advance(1000)
    cutAll(road)
    const response = await asked
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.json()).toMatchObject({ error: { code: 'shutting_down' } })
    expect(road.tried()).toEqual(['a/ma'])
    expect(road.settled.map(({ outcome, status }) => [outcome, status])).toEqual([['failed', 503]])
    expect(road.gateway.breakers.list(road.clock.monotonicMs(), undefined)).toEqual([])
  })

  test('a request between two attempts makes no further one', async () => {
    const road = await openRoad(
      `${config}retry: { max_retries: 3, base_delay: 5s, max_delay: 5s, jitter: none }`,
      () => new Response('{}', { status: 503 }),
    )
    const asked = road.chat('m')
    await road.clock.advance(1000)
    expect(road.tried()).toEqual(['a/ma'])
    cutAll(road)
    await road.clock.advance(10_000)
    expect((await asked).status).toBe(503)
    expect(road.tried()).toEqual(['a/ma'])
    expect(road.settled).toHaveLength(1)
  })

  test('an exchange that has ended cannot be cut', async () => {
    const road = await openRoad(config, () => chatAnswer())
    await (await road.chat('m')).text()
    expect(road.settled.map((exchange) => exchange.cut)).toEqual([undefined])
  })
})
