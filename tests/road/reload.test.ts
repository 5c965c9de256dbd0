import { describe, expect, test } from 'bun:test'
import { chatAnswer, eventStream, openRoad } from '../support/road.ts'

const backends = `
backends: [{ name: a, url: "http://a" }, { name: b, url: "http://b" }]
`
const ladder = `${backends}
models: { m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2 }] } }
`
const content = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

describe('a request keeps the snapshot that it started with', () => {
  test('B48: it falls back along its old plan while the new one knows neither alias nor backend', async () => {
    const gate = Promise.withResolvers<Response>()
    const road = await openRoad(ladder, async (request) =>
      request.url.hostname === 'a' ? await gate.promise : chatAnswer(),
    )
    const asked = road.chat('m')
    await road.reload(
      `backends: [{ name: c, url: "http://c" }]\nmodels: { other: { routes: [{ backend: c, model: mc }] } }`,
    )
    expect((await road.chat('m')).status).toBe(404)
    gate.resolve(new Response('{}', { status: 500 }))
    expect((await asked).status).toBe(200)
    expect(road.tried()).toEqual(['a/ma', 'b/mb'])
  })

  test('B48: its stream runs on when backend and alias are gone', async () => {
    const gate = Promise.withResolvers<void>()
    const road = await openRoad(ladder, () => {
      const parts = [content, end].map((part) => new TextEncoder().encode(part))
      return new Response(
        new ReadableStream({
          async pull(controller) {
            const part = parts.shift()
            if (part === undefined) return controller.close()
            if (parts.length === 0) await gate.promise
            controller.enqueue(part)
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    })
    const response = await road.chat('m', { stream: true })
    await road.reload('backends: []\nmodels: {}')
    gate.resolve()
    expect(await response.text()).toBe(content + end)
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['complete'])
  })

  test('B48: its time limits are the old ones', async () => {
    const withIdle = (idle: string): string => `${ladder}timeout: { idle: ${idle} }`
    const road = await openRoad(withIdle('60s'), () => eventStream([content], 'open'))
    const response = await road.chat('m', { stream: true })
    const reading = response.text().catch(() => 'reset')
    await road.reload(withIdle('1s'))
    await road.clock.advance(30_000)
    expect(road.settled).toEqual([])
    for (let step = 0; step < 40; step += 1) await road.clock.advance(1000)
    await reading
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['stalled'])
  })
})

describe('what traffic taught outlives a reload', () => {
  const cooldown = (seconds: number, routes = 'm'): string =>
    `${ladder.replace(' m:', ` ${routes}:`)}fallback: { cooldown_seconds: ${seconds} }`
  const failing = (request: { url: URL }): Response =>
    request.url.hostname === 'a' ? new Response('{}', { status: 500 }) : chatAnswer()

  test('B47, B22: a route rests under its new alias and until the time that it was given', async () => {
    const road = await openRoad(cooldown(60), failing)
    await road.chat('m')
    await road.reload(cooldown(1, 'n'))
    await road.clock.advance(10_000)
    await road.chat('n')
    expect(road.tried()).toEqual(['a/ma', 'b/mb', 'b/mb'])
    await road.clock.advance(51_000)
    await road.chat('n')
    expect(road.tried().slice(3)).toEqual(['a/ma', 'b/mb'])
    // From here on the new limit counts.
    await road.clock.advance(1500)
    await road.chat('n')
    expect(road.tried().slice(5)).toEqual(['a/ma', 'b/mb'])
  })

  test('a route that was taken out and comes back starts anew', async () => {
    const road = await openRoad(cooldown(60), failing)
    await road.chat('m')
    await road.reload(`${backends}models: { m: { routes: [{ backend: b, model: mb }] } }`)
    await road.reload(cooldown(60))
    await road.chat('m')
    expect(road.tried()).toEqual(['a/ma', 'b/mb', 'a/ma', 'b/mb'])
  })

  test('a circuit stays open', async () => {
    const circuit = (threshold: number): string =>
      `${ladder}fallback: { cooldown_seconds: 0 }\ncircuit_breaker: { failure_threshold: ${threshold}, open_timeout: 60s }`
    const road = await openRoad(circuit(2), failing)
    await road.chat('m')
    await road.chat('m')
    await road.reload(circuit(5))
    await road.chat('m')
    expect(road.tried().filter((tried) => tried === 'a/ma')).toHaveLength(2)
  })
})
