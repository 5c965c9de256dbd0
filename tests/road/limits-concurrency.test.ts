import { describe, expect, test } from 'bun:test'
import { ask, codeOf, limitedKeys, limitedRoad } from '../support/limiting.ts'
import { chatAnswer, eventStream, openRoad } from '../support/road.ts'
import { answering, whenDone } from '../support/scripted.ts'

describe('requests at a time', () => {
  /** An upstream that answers when it is told to. */
  function held(): { upstream: () => Promise<Response>; next: () => void; running: () => number } {
    const waiting: (() => void)[] = []
    return {
      upstream: async () => {
        await new Promise<void>((resolve) => void waiting.push(resolve))
        return chatAnswer()
      },
      next: () => waiting.shift()?.(),
      running: () => waiting.length,
    }
  }

  test('C221 B107: concurrency.max_requests: one more waits for its turn', async () => {
    const { upstream, next, running } = held()
    const road = await limitedRoad('concurrency: { enabled: true, max_requests: 2 }', upstream)
    const all = [ask(road), ask(road), ask(road)]
    await road.clock.advance(1000)
    expect(running()).toBe(2)
    next()
    expect((await Promise.race(all)).status).toBe(200)
    await road.clock.advance(0)
    expect(running()).toBe(2)
    next()
    next()
    for (const answer of all) expect((await answer).status).toBe(200)
    expect(road.gateway.limits.slots.size).toBe(0)
  })

  test('concurrency.enabled: false limits nothing', async () => {
    const { upstream, next, running } = held()
    const road = await limitedRoad('concurrency: { enabled: false, max_requests: 1 }', upstream)
    const all = [ask(road), ask(road)]
    await road.clock.advance(10)
    expect(running()).toBe(2)
    next()
    next()
    await Promise.all(all)
  })

  test('C222: concurrency.max_queue_size: one more is refused with 503', async () => {
    const { upstream, next } = held()
    const road = await limitedRoad('concurrency: { enabled: true, max_requests: 1, max_queue_size: 1 }', upstream)
    const first = ask(road)
    const second = ask(road)
    const third = await ask(road)
    expect(third.status).toBe(503)
    expect(await codeOf(third)).toBe('queue_full')
    expect(third.headers.get('retry-after')).toBe('1')
    next()
    await first
    await road.clock.advance(0)
    next()
    expect((await second).status).toBe(200)
  })

  test('B107: concurrency.queue_timeout: who waited so long is refused with 503', async () => {
    const { upstream, next } = held()
    const road = await limitedRoad('concurrency: { enabled: true, max_requests: 1, queue_timeout: 5s }', upstream)
    const first = ask(road)
    const { value, tookMs } = await whenDone(road.clock, ask(road))
    expect(value.status).toBe(503)
    expect(await codeOf(value)).toBe('queue_timeout')
    expect(tookMs).toBe(5000)
    next()
    expect((await first).status).toBe(200)
    expect(road.gateway.limits.slots.size).toBe(0)
  })

  test('concurrency.per_user: one caller’s many requests leave room for others', async () => {
    const { upstream, next, running } = held()
    const road = await limitedRoad(
      `${limitedKeys}concurrency: { enabled: true, per_user: 1, max_queue_size: 0 }`,
      upstream,
    )
    const ann = ask(road, { key: 'key-of-ann' })
    const refused = await ask(road, { key: 'key-of-ann' })
    expect(refused.status).toBe(429)
    expect(await codeOf(refused)).toBe('concurrency_limit_exceeded')
    const bob = ask(road, { key: 'key-of-bob' })
    await road.clock.advance(0)
    expect(running()).toBe(2)
    next()
    next()
    expect([(await ann).status, (await bob).status]).toEqual([200, 200])
  })

  test('a stream keeps its place until its end, and gives it back when its client leaves', async () => {
    const part = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
    const road = await limitedRoad('concurrency: { enabled: true, max_requests: 1, max_queue_size: 0 }', () =>
      eventStream([part], 'open'),
    )
    const stream = await ask(road, { extra: { stream: true } })
    const reader = stream.body?.getReader()
    await reader?.read()
    expect((await ask(road)).status).toBe(503)
    await reader?.cancel()
    expect(road.gateway.limits.slots.size).toBe(0)
    expect((await ask(road, { extra: { stream: true } })).status).toBe(200)
  })

  const two = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  m: { routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }] }
`

  test('B107: concurrency.per_backend_limit: a full backend is passed over, and when all are full it is waited', async () => {
    const { upstream, next, running } = held()
    const road = await openRoad(`${two}concurrency: { enabled: true, per_backend_limit: 1 }`, upstream)
    const all = [road.chat('m'), road.chat('m'), road.chat('m')]
    await road.clock.advance(10)
    expect(road.tried()).toEqual(['a/up', 'b/up'])
    next()
    expect((await Promise.race(all)).status).toBe(200)
    await road.clock.advance(0)
    expect(road.tried()).toEqual(['a/up', 'b/up', 'a/up'])
    expect(running()).toBe(2)
    next()
    next()
    for (const answer of all) expect((await answer).status).toBe(200)
    expect(road.gateway.limits.backends.taken('a')).toBe(0)
    expect(road.gateway.limits.backends.taken('b')).toBe(0)
  })

  test('B107: who waits for a backend too long, or behind too many, is refused with 503', async () => {
    const { upstream, next } = held()
    const road = await openRoad(
      `${two}concurrency: { enabled: true, per_backend_limit: 1, max_queue_size: 1, queue_timeout: 3s }`,
      upstream,
    )
    const running = [road.chat('m'), road.chat('m')]
    const waits = road.chat('m')
    await road.clock.advance(10)
    expect(await codeOf(await road.chat('m'))).toBe('queue_full')
    const { value, tookMs } = await whenDone(road.clock, waits)
    expect(await codeOf(value)).toBe('queue_timeout')
    expect(tookMs).toBeLessThanOrEqual(3000)
    next()
    next()
    for (const answer of running) expect((await answer).status).toBe(200)
  })

  test('F103: a place at a backend goes on to the next one with the request', async () => {
    const road = await openRoad(
      `${two}concurrency: { enabled: true, per_backend_limit: 1 }\nfallback: { cooldown_seconds: 0 }`,
      answering({ a: [500, 'dead', 503], b: [200, 500] }),
    )
    for (let index = 0; index < 6; index += 1) await (await road.chat('m')).text()
    expect(road.gateway.limits.backends.taken('a')).toBe(0)
    expect(road.gateway.limits.backends.taken('b')).toBe(0)
  })

  test('F103: whatever throws on the way, every place is given back', async () => {
    const road = await limitedRoad(
      'concurrency: { enabled: true, max_requests: 2, per_backend_limit: 1, max_queue_size: 0 }',
    )
    const { log } = road.gateway
    const write = log.write.bind(log)
    for (let at = 1; at < 12; at += 1) {
      let left = at
      log.write = (...told) => {
        left -= 1
        if (left === 0) throw new Error('the disk is full')
        write(...told)
      }
      const response = await ask(road).catch(() => undefined)
      await response?.text().catch(() => {})
      log.write = write
      expect(road.gateway.limits.slots.size).toBe(0)
      expect(road.gateway.limits.backends.taken('a')).toBe(0)
    }
    expect((await ask(road)).status).toBe(200)
  })
})
