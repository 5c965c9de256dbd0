import { describe, expect, test } from 'bun:test'
import { idleSeconds } from '#gateway/incoming.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'

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
          const { signal } = request.abort
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
      await clock.sleep(500, request.abort.signal)
      return request.abort.signal.aborted ? broken('head', 'aborted') : chatAnswer()
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
      pull: (controller) => controller.enqueue(new TextEncoder().encode(hello)),
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

describe('an idle connection may be closed again', () => {
  const dead: Upstream = () => broken('connect', 'refused')
  test.each([
    { name: 'after an answer', model: 'm', upstream: () => chatAnswer() },
    { name: 'after an unknown model', model: 'nobody', upstream: () => chatAnswer() },
    { name: 'after all routes failed', model: 'm', upstream: dead },
    {
      name: 'after a failure of ours',
      model: 'm',
      upstream: () => {
        throw new Error('a bug')
      },
    },
  ] satisfies { name: string; model: string; upstream: Upstream }[])('$name', async ({ model, upstream }) => {
    const road = await openRoad(config(''), upstream)
    await (await road.chat(model)).text()
    expect(road.patience.at(-1)).toBe(idleSeconds)
  })

  test('after a bad body', async () => {
    const road = await openRoad(config(''), () => chatAnswer())
    await road.fetch('/v1/chat/completions', { method: 'POST', body: '{' })
    expect(road.patience.at(-1)).toBe(idleSeconds)
  })

  test('after a stream', async () => {
    const road = await openRoad(config(''), () => eventStream([hello, stop]))
    await (await road.chat('m', { stream: true })).text()
    expect(road.patience.at(-1)).toBe(idleSeconds)
  })
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
