import { describe, expect, test } from 'bun:test'
import { idleSeconds, uploadSeconds } from '#gateway/incoming.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { whenDone } from '../support/scripted.ts'
import { signalOf } from '../support/upstream.ts'

const hello = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
const stop = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

const config = (rest: string): string => `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2 }] }
  only-b: { routes: [{ backend: b, model: mb, priority: 1 }] }
${rest}`

/** A stream that sends `first` at once and `last` after `ms`. */
function slowStream(first: string, ms: number, last: string): Upstream {
  return (request, { clock }) => {
    const encoder = new TextEncoder()
    const parts = [first, last]
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const part = parts.shift()
        if (part === undefined) return controller.close()
        if (parts.length === 0) {
          const signal = signalOf(request.stop)
          await clock.sleep(ms, signal)
          if (signal.aborted) return controller.error(broken('body', 'aborted'))
        }
        controller.enqueue(encoder.encode(part))
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}

/** Everything the client gets while time goes on, and whether the body ended or broke. */
async function readWhile(
  road: Road,
  response: Response,
  stepMs: number,
  steps: number,
): Promise<{ text: string; ended: boolean | undefined }> {
  const told: { text: string; ended: boolean | undefined } = { text: '', ended: undefined }
  const reader = response.body?.getReader()
  const reading = (async () => {
    for (;;) {
      const step = await reader?.read()
      if (step === undefined || step.done) return void (told.ended = true)
      told.text += new TextDecoder().decode(step.value)
    }
  })().catch(() => void (told.ended = false))
  for (let step = 0; step < steps && told.ended === undefined; step += 1) await road.clock.advance(stepMs)
  if (told.ended !== undefined) await reading
  return told
}

describe('the limits of an attempt', () => {
  test('a deadline ends at the first content: a stream that is under way goes on', async () => {
    const road = await openRoad(config('fallback: { deadline: 2s }'), slowStream(hello, 10_000, stop))
    const told = await readWhile(road, await road.chat('m', { stream: true }), 500, 30)
    expect(told).toEqual({ text: hello + stop, ended: true })
  })

  test('timeout.total holds for the body, also when a deadline is shorter', async () => {
    const road = await openRoad(
      config('fallback: { deadline: 2s }\ntimeout: { total: 3s }'),
      slowStream(hello, 10_000, stop),
    )
    const told = await readWhile(road, await road.chat('m', { stream: true }), 500, 30)
    expect(told.ended).toBe(false)
    expect(told.text).toContain('timeout.total')
    expect(road.settled[0]?.endedMs).toBe(3000)
  })

  test('a deadline that earlier routes used up is not held against the last one', async () => {
    const road = await openRoad(config('fallback: { deadline: 2s }'), async (request, { clock }) => {
      if (request.url.hostname === 'a') {
        await clock.sleep(1900)
        return new Response('no', { status: 500 })
      }
      await clock.sleep(500, signalOf(request.stop))
      return request.stop.isAsked ? broken('head', 'aborted') : chatAnswer()
    })
    const first = road.chat('m')
    for (let step = 0; step < 10; step += 1) await road.clock.advance(500)
    expect((await first).status).toBe(500)
    const second = road.chat('only-b')
    for (let step = 0; step < 4; step += 1) await road.clock.advance(500)
    expect((await second).status).toBe(200)
  })
})

describe('a body that breaks off', () => {
  test('is no success of its route: the circuit opens', async () => {
    const road = await openRoad(
      config('fallback: { cooldown_seconds: 0 }\ncircuit_breaker: { failure_threshold: 2 }'),
      (request) => (request.url.hostname === 'a' ? eventStream([hello], 'cut') : chatAnswer()),
    )
    for (let turn = 0; turn < 2; turn += 1) await readWhile(road, await road.chat('m', { stream: true }), 20, 10)
    await (await road.chat('m')).text()
    expect(road.tried()).toEqual(['a/ma', 'a/ma', 'b/mb'])
  })

  test('cools its route down', async () => {
    const road = await openRoad(config('fallback: { cooldown_seconds: 60 }'), (request) =>
      request.url.hostname === 'a' ? eventStream([hello]) : chatAnswer(),
    )
    await readWhile(road, await road.chat('m', { stream: true }), 20, 10)
    await (await road.chat('m')).text()
    expect(road.tried()).toEqual(['a/ma', 'b/mb'])
  })

  test('by the client’s doing is nobody’s failure', async () => {
    const road = await openRoad(config('fallback: { cooldown_seconds: 60 }'), () => eventStream([hello], 'open'))
    const response = await road.chat('m', { stream: true })
    await response.body?.cancel()
    await road.chat('m', { stream: true })
    expect(road.tried()).toEqual(['a/ma', 'a/ma'])
    expect(road.settled[0]?.outcome).toBe('client_closed')
  })
})

test('a client that takes nothing for five minutes is given up, and its upstream let go', async () => {
  let wasCancelled = false
  const road = await openRoad(config(''), () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(`: ${'x'.repeat(100_000)}\n\n${hello}`)),
      cancel: () => void (wasCancelled = true),
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  })
  const response = await road.chat('m', { stream: true })
  const reader = response.body?.getReader()
  await reader?.read()
  await road.clock.advance(290_000)
  expect([road.gateway.live.size, wasCancelled]).toEqual([1, false])
  await road.clock.advance(20_000)
  expect([road.gateway.live.size, wasCancelled]).toEqual([0, true])
  expect(road.settled[0]?.outcome).toBe('client_closed')
})

describe('a connection may be silent while a slow request is served, and not longer', () => {
  /** Answers after 30 ms. */
  const slowly =
    (answer: () => ReturnType<Upstream>): Upstream =>
    async (_, { clock }) => {
      await clock.sleep(30)
      return await answer()
    }

  async function patienceOf(road: Road, response: Promise<Response>): Promise<number[]> {
    const { value } = await whenDone(road.clock, response, 1000, 10)
    await whenDone(road.clock, value.text(), 1000, 10)
    return road.patience
  }

  test.each<{ name: string; upstream: () => ReturnType<Upstream> }>([
    { name: 'an answer', upstream: () => chatAnswer() },
    { name: 'routes that all fail', upstream: () => broken('connect', 'refused') },
    {
      name: 'a failure of ours',
      upstream: () => {
        throw new Error('a bug')
      },
    },
    { name: 'a stream', upstream: () => eventStream([hello, stop]) },
  ])('$name', async ({ upstream }) => {
    const road = await openRoad(config(''), slowly(upstream))
    expect(await patienceOf(road, road.chat('m', { stream: true }))).toEqual([0, idleSeconds])
  })

  test('a stream that began at once', async () => {
    const road = await openRoad(config(''), slowStream(hello, 50, stop))
    expect(await patienceOf(road, road.chat('m', { stream: true }))).toEqual([0, idleSeconds])
  })

  test.each([
    { name: 'a slow upload', body: '{"model":"m"}', wanted: [uploadSeconds, 0, idleSeconds] },
    { name: 'a slow upload for an unknown model', body: '{"model":"x"}', wanted: [uploadSeconds, 0, idleSeconds] },
    { name: 'a slow upload of nonsense', body: '{', wanted: [uploadSeconds, idleSeconds] },
  ])('$name', async ({ body, wanted }) => {
    const road = await openRoad(config(''), () => chatAnswer())
    const upload = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await road.clock.sleep(30)
        controller.enqueue(Buffer.from(body))
        controller.close()
      },
    })
    const response = road.fetch('/v1/chat/completions', { method: 'POST', body: upload })
    expect(await patienceOf(road, response)).toEqual([...wanted])
  })

  test.each([
    { name: 'an answer', upstream: () => chatAnswer() },
    { name: 'a stream', upstream: () => eventStream([hello, stop]) },
    { name: 'a refusal', upstream: () => broken('connect', 'refused') },
  ] satisfies { name: string; upstream: Upstream }[])(
    'nothing is changed for $name that is quick',
    async ({ upstream }) => {
      const road = await openRoad(config(''), upstream)
      await (await road.chat('m', { stream: true })).text()
      await road.clock.advance(120_000)
      expect([road.patience, road.clock.pending]).toEqual([[], 0])
    },
  )
})

describe('F9: a backend without a free connection', () => {
  test.each([
    { cause: 'timeout', code: 'queue_timeout' },
    { cause: 'full', code: 'queue_full' },
  ] as const)('is a 503 $code that tells when to come again, and no reason to rest', async ({ cause, code }) => {
    const road = await openRoad(config(''), () => broken('queue', cause))
    const response = await road.chat('m')
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.json()).toMatchObject({ error: { code } })
    expect(road.tried()).toEqual(['a/ma', 'b/mb'])
    expect(road.gateway.breakers.list(road.clock.monotonicMs(), undefined)).toEqual([])
  })

  test('leads on to the next route', async () => {
    const road = await openRoad(config(''), ({ url }) =>
      url.hostname === 'a' ? broken('queue', 'full') : chatAnswer(),
    )
    expect((await road.chat('m')).status).toBe(200)
    expect(road.tried()).toEqual(['a/ma', 'b/mb'])
  })
})

test('F8: a request that went down with a dead idle connection is sent again, and that is no attempt of its own', async () => {
  const trace = { bytesSent: 120, bytesReceived: 0, wasReused: true, afterMs: 1 }
  const road = await openRoad(config('fallback: { max_retries: 1 }'), ({ fresh }) =>
    fresh === true ? chatAnswer() : { ...broken('head'), trace },
  )
  expect((await road.chat('m')).status).toBe(200)
  expect(road.tried()).toEqual(['a/ma', 'a/ma'])
  expect(road.settled[0]?.attempts).toMatchObject([{ backend: 'a', isRepeated: true, failure: undefined }])
  expect(road.lines.filter(({ event }) => event === 'attempt_failed')).toEqual([])
  expect(road.lines.filter(({ event }) => event === 'attempt_repeated')).toMatchObject([{ fields: { backend: 'a' } }])
})

test('retry.on_status holds for a status that detection would hand to the client', async () => {
  const statuses = [503, 200]
  const road = await openRoad(
    config(
      'detection: { error_codes: ["500"] }\nfallback: { cooldown_seconds: 0 }\nretry: { max_retries: 1, base_delay: 0 }',
    ),
    () => (statuses.shift() === 200 ? chatAnswer() : new Response('busy', { status: 503 })),
  )
  expect((await road.chat('m')).status).toBe(200)
  expect(road.tried()).toEqual(['a/ma', 'a/ma'])
})
