import { describe, expect, test } from 'bun:test'
import { MemcachedStore } from '#cache/memcached-store.ts'
import { RedisStore } from '#cache/redis-store.ts'
import type { TextStore } from '#cache/remote-store.ts'
import { noMemcached, startMemcached } from '../support/memcached.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { chatAnswer, eventStream, openRoad, type Road } from '../support/road.ts'

interface RunningStore extends AsyncDisposable {
  /** The members of `cache` that lead there. */
  readonly config: string
  open(prefix?: string): TextStore
  kill(): Promise<void>
}

async function redis(): Promise<RunningStore> {
  const running = await startRedis()
  const policy = { kind: 'redis', address: running.url, timeoutMs: 5000 } as const
  return {
    config: `backend: redis, timeout: 1s, redis: { url: "${running.url}", db: 3 }`,
    open: (keyPrefix = 'a:') => new RedisStore({ ...policy, keyPrefix }),
    kill: async () => await running.kill(),
    [Symbol.asyncDispose]: async () => await running[Symbol.asyncDispose](),
  }
}

async function memcached(): Promise<RunningStore> {
  const running = await startMemcached()
  const policy = { kind: 'memcached', address: running.address, timeoutMs: 5000 } as const
  return {
    config: `backend: memcached, timeout: 1s, memcached: { address: "${running.address}" }`,
    open: (keyPrefix = 'a:') => new MemcachedStore({ ...policy, keyPrefix }),
    kill: async () => await running.kill(),
    [Symbol.asyncDispose]: async () => await running[Symbol.asyncDispose](),
  }
}

const stores = [
  { row: 'C302 D76', kind: 'redis', start: redis, missing: noRedis },
  { row: 'C303', kind: 'memcached', start: memcached, missing: noMemcached },
] as const

const configOf = (cache: string): string => `
allow_unauthenticated: true
backends: [{ name: one, url: "http://one.test" }]
models: { m: { routes: [{ backend: one, model: up }] } }
cache: { enabled: true, ${cache} }
`

async function asked(road: Road, extra: Record<string, unknown> = {}): Promise<[cache: string | null, text: string]> {
  const response = await road.chat('m', extra)
  return [response.headers.get('x-cache'), await response.text()]
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 400; !(await isSo()); left -= 1) {
    if (left === 0) throw new Error('It did not happen')
    await Bun.sleep(5)
  }
}

/** What was answered is written when nobody waits for it any more. */
async function hit(road: Road, extra: Record<string, unknown> = {}): Promise<string> {
  let text = ''
  await until(async () => {
    const [cache, body] = await asked(road, extra)
    text = body
    return cache === 'HIT'
  })
  return text
}

async function connected(road: Road): Promise<void> {
  await until(async () => {
    await road.gateway.cache?.look()
    return road.gateway.cache?.remote?.isDown === false
  })
}

for (const { row, kind, start, missing } of stores) {
  const title = missing === undefined ? `${row} ${kind}` : `${row} ${kind}: left out, ${missing}`
  describe.skipIf(missing !== undefined)(title, () => {
    test('what one gateway keeps another one gives, before and after a restart, up to the last byte', async () => {
      await using store = await start()
      const text = 'héllo \r\n wörld 你好 END\r\nVALUE x 0 1\r\n'
      const first = await openRoad(configOf(store.config), () => chatAnswer(text))
      await connected(first)
      const [, told] = await asked(first)
      expect(await hit(first)).toBe(told)
      const second = await openRoad(configOf(store.config), () => chatAnswer('other'))
      await connected(second)
      expect(await hit(second)).toBe(told)
      expect(second.sent).toHaveLength(0)
      expect(second.settled.at(-1)).toMatchObject({ cache: 'hit', usage: { inputTokens: 1, outputTokens: 1 } })
    })

    test('a stream is kept as it was', async () => {
      await using store = await start()
      const parts = [
        'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n',
        'data: [DONE]\n\n',
      ]
      const road = await openRoad(configOf(store.config), () => eventStream(parts))
      await connected(road)
      await asked(road, { stream: true })
      expect(await hit(road, { stream: true })).toBe(parts.join(''))
    })

    test('C304 an entry is too old by the ttl of the moment, whatever the store says', async () => {
      await using store = await start()
      const road = await openRoad(configOf(`ttl: 30s, ${store.config}`), () => chatAnswer())
      await connected(road)
      await asked(road)
      await hit(road)
      await road.clock.advance(29_999)
      expect((await asked(road))[0]).toBe('HIT')
      await road.clock.advance(1)
      expect((await asked(road))[0]).toBe('MISS')
    })

    test('F80 when it dies, requests are answered all the same, without a wait; then it is left alone', async () => {
      await using store = await start()
      const road = await openRoad(configOf(store.config), () => chatAnswer())
      await connected(road)
      await asked(road)
      await hit(road)
      await store.kill()
      const before = road.sent.length
      for (let turn = 0; turn < 3; turn += 1) expect((await asked(road))[0]).toBe('MISS')
      expect(road.sent.length).toBe(before + 3)
      expect(road.gateway.cache?.remote).toEqual({ kind, isDown: true })
      expect(road.lines.filter(({ event }) => event === 'cache_unreachable')).toHaveLength(1)
    })

    test('C540 readiness says 503 and names the cache, until it is back', async () => {
      await using store = await start()
      const road = await openRoad(configOf(store.config), () => chatAnswer())
      await connected(road)
      expect((await road.fetch('/ready')).status).toBe(200)
      await store.kill()
      await road.clock.advance(1001)
      await road.fetch('/ready')
      await until(() => road.gateway.cache?.remote?.isDown === true)
      const refused = await road.fetch('/ready')
      expect(refused.status).toBe(503)
      expect(await refused.json()).toMatchObject({
        status: 'not_ready',
        checks: { cache: `${kind}, where answers are kept, does not answer`, upstream: 'ok' },
      })
    })

    test('cache.key_prefix: gateways with another one know nothing of each other', async () => {
      await using store = await start()
      const first = await openRoad(configOf(`key_prefix: "x:", ${store.config}`), () => chatAnswer())
      const second = await openRoad(configOf(`key_prefix: "y:", ${store.config}`), () => chatAnswer())
      await connected(first)
      await connected(second)
      await asked(first)
      await hit(first)
      expect((await asked(second))[0]).toBe('MISS')
    })

    test('emptying it takes what has its prefix, and nothing else', async () => {
      await using store = await start()
      const [own, other] = [store.open('a:'), store.open('b:')]
      await own.get('x')
      await other.get('x')
      await own.put('x', '1', 60_000)
      await own.put('y', '2', 60_000)
      await other.put('x', '3', 60_000)
      expect([await own.get('x'), await own.get('y'), await other.get('x')]).toEqual(['1', '2', '3'])
      await own.clear()
      expect([await own.get('x'), await own.get('y'), await other.get('x')]).toEqual([undefined, undefined, '3'])
      await own.put('x', '4', 60_000)
      expect(await store.open('a:').get('x')).toBe('4')
      own.close()
      other.close()
    })

    test('several gets and puts at a time get each what is theirs, of any size', async () => {
      await using store = await start()
      const own = store.open()
      const texts = Array.from({ length: 40 }, (_, index) => `${index}:`.repeat(1 + index * 500))
      await Promise.all(texts.map(async (text, index) => await own.put(`k${index}`, text, 60_000)))
      const back = await Promise.all(texts.map(async (_, index) => await own.get(`k${index}`)))
      expect(back).toEqual(texts)
      expect(await own.get('nothing')).toBeUndefined()
      own.close()
    })
  })
}

describe('a store that hangs', () => {
  const hanging: TextStore = {
    get: async () => await new Promise<never>(() => undefined),
    put: async () => await new Promise<never>(() => undefined),
    clear: async () => await new Promise<never>(() => undefined),
    ping: async () => undefined,
    close: () => undefined,
  }

  test('F80 cache.timeout is how long a store that hangs is waited for, once', async () => {
    const yaml = configOf('backend: redis, timeout: 30ms')
    let wasAsked = false
    const store: TextStore = {
      ...hanging,
      get: async (key) => {
        wasAsked = true
        return await hanging.get(key)
      },
    }
    const road = await openRoad(yaml, () => chatAnswer(), 1, { openStore: async () => store })
    await connected(road)
    const asking = asked(road)
    await until(() => wasAsked)
    await road.clock.advance(29)
    expect(road.sent).toHaveLength(0)
    await road.clock.advance(1)
    expect((await asking)[0]).toBe('MISS')
    // The next one does not wait at all.
    expect((await asked(road))[0]).toBe('MISS')
    expect(road.clock.monotonicMs()).toBe(30)
    expect(road.gateway.cache?.remote?.isDown).toBe(true)
  })

  test('F80 one request at a time tries it again, and it is told once that it is back', async () => {
    const texts = new Map<string, string>()
    let isDown = true
    let tries = 0
    const store: TextStore = {
      ...hanging,
      async get(key) {
        tries += 1
        if (isDown) throw new Error('down')
        return texts.get(key)
      },
      put: async (key, text) => void texts.set(key, text),
    }
    const road = await openRoad(configOf('backend: redis'), () => chatAnswer(), 1, { openStore: async () => store })
    await connected(road)
    for (let turn = 0; turn < 5; turn += 1) await asked(road)
    expect(tries).toBe(1)
    isDown = false
    await road.clock.advance(500)
    await asked(road)
    expect(await hit(road)).toContain('hello')
    const told = road.lines.map(({ event }) => event).filter((event) => event.startsWith('cache_'))
    expect(told).toEqual(['cache_unreachable', 'cache_reachable'])
  })

  test('F80 many that fail at once are one failure: after half a second it is tried again', async () => {
    let isDown = true
    const store: TextStore = {
      ...hanging,
      async get() {
        if (isDown) throw new Error('down')
        return undefined
      },
      put: async () => undefined,
    }
    const road = await openRoad(configOf('backend: redis'), () => chatAnswer(), 1, { openStore: async () => store })
    await connected(road)
    await Promise.all(Array.from({ length: 20 }, async (_, seed) => await asked(road, { seed })))
    expect(road.gateway.cache?.remote?.isDown).toBe(true)
    isDown = false
    await road.clock.advance(500)
    await asked(road)
    expect(road.gateway.cache?.remote?.isDown).toBe(false)
  })

  test('F80 an answer that takes long to be written is waited for by nobody, and is no reason to give it up', async () => {
    const written = Promise.withResolvers<void>()
    const store: TextStore = { ...hanging, get: async () => undefined, put: async () => await written.promise }
    const road = await openRoad(configOf('backend: redis'), () => chatAnswer(), 1, { openStore: async () => store })
    await connected(road)
    await asked(road)
    await road.clock.advance(500)
    expect(road.gateway.cache?.remote?.isDown).toBe(false)
    await road.clock.advance(2000)
    expect(road.gateway.cache?.remote?.isDown).toBe(true)
  })

  test.skipIf(noRedis !== undefined)(
    'F80 a Redis without room takes nothing new, is told of once, and gives what it has',
    async () => {
      await using running = await startRedis()
      const road = await openRoad(configOf(`backend: redis, timeout: 1s, redis: { url: "${running.url}" }`), () =>
        chatAnswer(),
      )
      await connected(road)
      await hit(road)
      const operator = new Bun.RedisClient(running.url)
      await operator.send('CONFIG', ['SET', 'maxmemory', '1'])
      operator.close()
      const refusals = (): number => road.lines.filter(({ event }) => event === 'cache_refuses').length
      await asked(road, { seed: 1 })
      await until(() => refusals() === 1)
      expect((await asked(road, { seed: 1 }))[0]).toBe('MISS')
      expect((await asked(road))[0]).toBe('HIT')
      expect(road.gateway.cache?.remote?.isDown).toBe(false)
      expect(refusals()).toBe(1)
    },
  )

  test('whatever stands there is an answer or nothing', async () => {
    for (const junk of [
      '',
      '{',
      '{}\n',
      '{"v":1}\nx',
      '{"v":1,"kind":"body","contentType":"a\\nb","createdMs":1}\n{}',
      'null\n',
      '[1]\n',
    ]) {
      const store: TextStore = { ...hanging, get: async () => junk, put: async () => undefined }
      const road = await openRoad(configOf('backend: redis'), () => chatAnswer(), 1, { openStore: async () => store })
      await connected(road)
      expect((await asked(road))[0]).toBe('MISS')
    }
  })
})
