import { describe, expect, test } from 'bun:test'
import type { Outcome } from '#core/exchange.ts'
import { ask, byHost, eventLoopTurns, paced, sign, type Told } from '../support/chat-road.ts'
import { broken, chatAnswer, eventStream, openRoad, type Upstream } from '../support/road.ts'
import { errorAnswer, silentStream, untilStopped, whenDone } from '../support/scripted.ts'
import { signalOf } from '../support/upstream.ts'

const chunk = (text: string, id = 'c1', model = 'up'): string =>
  `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })}\n\n`
const role = (id = 'c1', model = 'up'): string =>
  `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] })}\n\n`
const stop = (id = 'c1', model = 'up'): string =>
  `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

/** Where a setting about streams may stand, the nearest word first. */
const places = ['file', 'alias', 'backend'] as const
type Place = (typeof places)[number]

/** Two routes in a row; `settings` stand in one place, and `elsewhere` in those that it must win over. */
function config(settings: string, place: Place = 'file', rest = ''): string {
  const at = (here: Place): string => (here === place ? `{ ${settings} }` : '{}')
  return `
backends:
  - { name: a, url: "http://a/v1", streaming: ${at('backend')} }
  - { name: b, url: "http://b/v1", prefill: plain }
models:
  m:
    streaming: ${at('alias')}
    routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }]
streaming: ${at('file')}
${rest}`
}

describe('signs of life before the first content', () => {
  test.each(['file', 'alias'] as const)(
    'streaming.heartbeat in the %s: the client gets its head and a comment, and another route still takes over unseen',
    async (place) => {
      const slow = await openRoad(
        config('heartbeat: 2s', place),
        byHost({
          a: async (_, { clock }) => {
            await clock.sleep(7000)
            return errorAnswer(503)
          },
          b: () => eventStream([role(), chunk('hi'), stop()]),
        }),
      )
      const told = await ask(slow, 20_000)
      expect(told.text).toBe(sign.repeat(3) + role() + chunk('hi') + stop())
      expect(told.ended).toBe('clean')
      expect(told.at.slice(0, 3)).toEqual([2000, 4000, 6000])
      expect(slow.settled[0]).toMatchObject({ status: 200, outcome: 'complete', heartbeats: 3 })
      expect(slow.tried()).toEqual(['a/up', 'b/up'])
    },
  )

  test('a failure of every route is told inside the stream then, with the words of the upstream', async () => {
    const road = await openRoad(
      config('heartbeat: 1s'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(3500)
          return errorAnswer(429, {}, 'slow down')
        },
        b: () => errorAnswer(429, {}, 'slow down'),
      }),
    )
    const told = await ask(road, 10_000)
    expect(told.text).toStartWith(`${sign.repeat(3)}data: {"error":`)
    expect(told.text).toContain('slow down')
    expect(told.text).not.toContain('[DONE]')
    expect(told.ended).toBe('reset')
    expect(road.settled[0]).toMatchObject({ status: 200, outcome: 'failed' })
    await road.clock.advance(120_000)
    expect([road.gateway.live.size, road.clock.pending]).toEqual([0, 0])
  })

  test('without a heartbeat nothing is sent before the first content, and the status tells a failure', async () => {
    const road = await openRoad(
      config('heartbeat: 0'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(60_000)
          return errorAnswer(400)
        },
        b: () => errorAnswer(400),
      }),
    )
    const { value } = await whenDone(road.clock, road.chat('m', { stream: true }))
    expect(value.status).toBe(400)
  })

  test('a client that leaves meanwhile ends the attempt', async () => {
    const road = await openRoad(
      config('heartbeat: 1s'),
      byHost({ a: async (request) => await untilStopped(request.stop) }),
    )
    const { value } = await whenDone(road.clock, road.chat('m', { stream: true }))
    await value.body?.cancel()
    await eventLoopTurns()
    expect(road.settled[0]).toMatchObject({ outcome: 'client_closed' })
    await road.clock.advance(120_000)
    expect([road.gateway.live.size, road.clock.pending, road.tried()]).toEqual([0, 0, ['a/up']])
  })

  test('a bug while the client waits is told in the stream, and settled', async () => {
    const road = await openRoad(
      config('heartbeat: 1s'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(3000)
          throw new Error('a bug')
        },
      }),
    )
    const told = await ask(road, 10_000)
    expect(told.text).toContain('internal_error')
    expect(told.text).not.toContain('a bug')
    expect(road.lines.some(({ event }) => event === 'internal_error')).toBe(true)
    expect(road.settled[0]).toMatchObject({ outcome: 'failed' })
  })

  test.each(['file', 'alias'] as const)(
    'streaming.json_keepalive in the %s: blanks, then the answer',
    async (place) => {
      const road = await openRoad(
        config('heartbeat: 2s, json_keepalive: true', place),
        byHost({
          a: async (_, { clock }) => {
            await clock.sleep(5000)
            return chatAnswer('late')
          },
        }),
      )
      const told = await ask(road, 10_000, {})
      expect(told.text).toMatch(/^\s\s\{/)
      expect(JSON.parse(told.text).choices[0].message.content).toBe('late')
      expect([told.ended, road.settled[0]?.outcome]).toEqual(['clean', 'complete'])
    },
  )

  test('with json_keepalive a late failure is an error object with status 200', async () => {
    const road = await openRoad(
      config('heartbeat: 2s, json_keepalive: true'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(5000)
          return broken('head')
        },
        b: () => broken('connect', 'refused'),
      }),
    )
    const told = await ask(road, 10_000, {})
    expect(JSON.parse(told.text).error.code).toBe('upstream_unreachable')
    expect(road.settled[0]).toMatchObject({ status: 200, outcome: 'failed' })
  })

  test('an answer that is no stream gets no blanks unless they are asked for', async () => {
    const road = await openRoad(
      config('heartbeat: 1s'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(5000)
          return chatAnswer('late')
        },
      }),
    )
    expect((await ask(road, 10_000, {})).text).toStartWith('{')
  })
})

describe('the clocks of a stream', () => {
  test.each(places)(
    'streaming.time_to_first_token of the %s: a route that only shakes hands is left for another',
    async (place) => {
      const road = await openRoad(
        config('time_to_first_token: 5s', place),
        byHost({
          a: (request) => silentStream(signalOf(request.stop), [role(), ': ping\n\n']),
          b: () => eventStream([role(), chunk('hi'), stop()]),
        }),
      )
      const told = await ask(road, 30_000)
      expect(told.text).toBe(role() + chunk('hi') + stop())
      expect(told.at[0]).toBe(5000)
      expect(road.settled[0]?.attempts[0]?.failure).toMatchObject({ reason: 'first_content_timeout', retrySame: false })
    },
  )

  test('a route that is silent is not asked twice, however many retries are allowed', async () => {
    const road = await openRoad(
      config('time_to_first_token: 5s', 'file', 'retry: { max_retries: 3 }\nfallback: { max_retries: 9 }'),
      byHost({
        a: (request) => silentStream(signalOf(request.stop), [role()]),
        b: (request) => silentStream(signalOf(request.stop), [role()]),
      }),
    )
    const { value } = await whenDone(road.clock, road.chat('m', { stream: true }))
    expect(value.status).toBe(504)
    expect(road.tried()).toEqual(['a/up', 'b/up'])
  })

  test('while the first content is awaited, no limit of silence cuts a model that thinks', async () => {
    const road = await openRoad(
      config('time_to_first_token: 300s, idle_timeout: 1s'),
      byHost({
        a: paced(
          [
            [0, role()],
            [200_000, chunk('hi')],
            [0, stop()],
          ],
          'end',
        ),
      }),
    )
    const told = await ask(road, 300_000)
    expect(told.text.replaceAll(sign, '')).toBe(role() + chunk('hi') + stop())
  })

  test.each(places)(
    'streaming.idle_timeout of the %s: silence after the first content ends the stream',
    async (place) => {
      const road = await openRoad(
        config('idle_timeout: 5s', place),
        byHost({ a: paced([[0, role() + chunk('hi')]], 'open') }),
      )
      const told = await ask(road, 30_000)
      expect(told.text).toContain('streaming.idle_timeout')
      expect(road.settled[0]).toMatchObject({ outcome: 'stalled', endedMs: 5000 })
    },
  )

  test.each(places)('F37: streaming.max_duration of the %s ends a stream that never ends', async (place) => {
    const parts = Array.from({ length: 40 }, () => [1000, chunk('x')] as const)
    const road = await openRoad(config('max_duration: 5s', place), byHost({ a: paced(parts, 'open') }))
    const told = await ask(road, 60_000)
    expect(told.text).toContain('streaming.max_duration')
    expect(road.settled[0]).toMatchObject({ outcome: 'stalled', endedMs: 6000 })
  })

  test('the nearest word counts: the backend’s, then the alias’s, then the file’s', async () => {
    const yaml = config('idle_timeout: 3s', 'backend')
      .replace('streaming: {}\n    routes', 'streaming: { idle_timeout: 9s }\n    routes')
      .replace(/^streaming: \{\}$/m, 'streaming: { idle_timeout: 20s }')
    const road = await openRoad(yaml, byHost({ a: paced([[0, role() + chunk('hi')]], 'open') }))
    await ask(road, 30_000)
    expect(road.settled[0]?.endedMs).toBe(3000)
  })

  test.each(['file', 'alias'] as const)(
    'streaming.client_timeout in the %s: a client that takes nothing',
    async (place) => {
      const road = await openRoad(
        config('client_timeout: 10s', place),
        byHost({ a: () => eventStream([role() + chunk('x'.repeat(200_000)), chunk('x'.repeat(200_000))], 'open') }),
      )
      await road.chat('m', { stream: true })
      await eventLoopTurns()
      await road.clock.advance(9000)
      expect(road.gateway.live.size).toBe(1)
      await road.clock.advance(2000)
      expect([road.gateway.live.size, road.settled[0]?.outcome]).toEqual([0, 'client_closed'])
    },
  )

  test.each<{ place: 'file' | 'alias'; setting: string; outcome: Outcome; wasRead: boolean }>([
    { place: 'file', setting: 'cancel', outcome: 'client_closed', wasRead: false },
    { place: 'file', setting: 'finish', outcome: 'client_closed', wasRead: true },
    { place: 'alias', setting: 'finish', outcome: 'client_closed', wasRead: true },
  ])('streaming.on_disconnect $setting in the $place', async ({ place, setting, outcome, wasRead }) => {
    let ended = false
    const road = await openRoad(
      config(`on_disconnect: ${setting}`, place),
      byHost({
        a: (request, { clock }) => {
          const signal = signalOf(request.stop)
          let turn = 0
          let cancelled = false
          const body = new ReadableStream<Uint8Array>({
            async pull(controller) {
              turn += 1
              if (turn === 1) return controller.enqueue(new TextEncoder().encode(role() + chunk('hi')))
              await clock.sleep(3000, signal)
              if (cancelled) return
              ended = true
              controller.enqueue(new TextEncoder().encode(stop()))
              controller.close()
            },
            cancel: () => void (cancelled = true),
          })
          return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
        },
      }),
    )
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    for (let ms = 0; ms < 5000; ms += 500) {
      await eventLoopTurns()
      await road.clock.advance(500)
    }
    await eventLoopTurns()
    expect([road.settled[0]?.outcome, ended, road.gateway.live.size]).toEqual([outcome, wasRead, 0])
  })
})

describe('streaming.hold', () => {
  test.each(['file', 'alias'] as const)('in the %s: nothing is sent before the answer is complete', async (place) => {
    const road = await openRoad(
      config('hold: true', place),
      byHost({
        a: () => eventStream([role(), chunk('half')], 'cut'),
        b: () => eventStream([role('c2'), chunk('whole', 'c2'), stop('c2')]),
      }),
    )
    const { value } = await whenDone(road.clock, road.chat('m', { stream: true }))
    expect(value.headers.get('x-stream-status')).toBe('replayed')
    expect(await value.text()).toBe(role('c2') + chunk('whole', 'c2') + stop('c2'))
    expect(road.tried()).toEqual(['a/up', 'b/up'])
  })

  test.each([
    ['ends without its marker', () => eventStream([role(), chunk('half')])],
    ['ends with an error event', () => eventStream([role(), chunk('half'), 'data: {"error":{"message":"no"}}\n\n'])],
    ['falls silent', paced([[0, role() + chunk('half')]], 'open')],
  ] satisfies [string, Upstream][])('a stream that %s is another route’s to answer', async (_, upstream) => {
    const road = await openRoad(
      config('hold: true, idle_timeout: 5s, heartbeat: 0'),
      byHost({ a: upstream, b: () => eventStream([role(), chunk('whole'), stop()]) }),
    )
    const { value } = await whenDone(road.clock, road.chat('m', { stream: true }))
    expect(await value.text()).toBe(role() + chunk('whole') + stop())
  })

  test('the client of a long answer gets signs of life', async () => {
    const road = await openRoad(
      config('hold: true, heartbeat: 2s'),
      byHost({
        a: paced(
          [
            [0, role() + chunk('a')],
            [5000, chunk('b')],
            [0, stop()],
          ],
          'end',
        ),
      }),
    )
    const told = await ask(road, 20_000)
    expect(told.text).toBe(sign.repeat(2) + role() + chunk('a') + chunk('b') + stop())
    expect(told.ended).toBe('clean')
  })
})

describe('streaming.rescue', () => {
  const text = (told: Told): string =>
    told.text
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)).choices?.[0]?.delta?.content ?? '')
      .join('')

  test.each(['file', 'alias'] as const)(
    'match in the %s: another route repeats the text, and the client gets the rest',
    async (place) => {
      const road = await openRoad(
        config('rescue: match', place),
        byHost({
          a: () => eventStream([role(), chunk('One two'), chunk(' three')], 'cut'),
          b: () => eventStream([role('c2'), chunk('One', 'c2'), chunk(' two three four', 'c2'), stop('c2')]),
        }),
      )
      const told = await ask(road, 20_000)
      expect([text(told), told.ended]).toEqual(['One two three four', 'clean'])
      expect(told.text).not.toContain('"c2"')
      const [exchange] = road.settled
      expect(exchange).toMatchObject({ outcome: 'complete' })
      expect(exchange?.rescuedAtBytes).toEqual([(role() + chunk('One two') + chunk(' three')).length])
      expect(exchange?.attempts.map(({ rescue }) => rescue)).toEqual([undefined, 'match'])
    },
  )

  test('an error event in the middle is kept back, and another route goes on', async () => {
    const error = 'data: {"error":{"message":"the provider stumbled"}}\n\n'
    const road = await openRoad(
      config('rescue: match'),
      byHost({
        a: () => eventStream([role(), `${chunk('One')}${error}`]),
        b: () => eventStream([role(), chunk('One two'), stop()]),
      }),
    )
    const told = await ask(road, 20_000)
    expect([text(told), told.ended]).toEqual(['One two', 'clean'])
    expect(told.text).not.toContain('stumbled')

    const alone = await openRoad(
      config('rescue: match'),
      byHost({ a: () => eventStream([role(), `${chunk('One')}${error}`]), b: () => errorAnswer(500) }),
    )
    expect((await ask(alone, 20_000)).text).toEndWith(error)
    expect(alone.settled[0]?.outcome).toBe('upstream_broke')
  })

  test('a text that differs is not gone on with: the error is that of the stream which broke', async () => {
    const road = await openRoad(
      config('rescue: match'),
      byHost({
        a: () => eventStream([role(), chunk('One two')], 'cut'),
        b: () => eventStream([role(), chunk('Two'), stop()]),
      }),
    )
    const told = await ask(road, 20_000)
    expect(text(told)).toBe('One two')
    expect(told.text).toContain('the upstream connection broke')
    expect([told.ended, road.settled[0]?.outcome]).toEqual(['reset', 'upstream_broke'])
    await road.clock.advance(120_000)
    expect(road.clock.pending).toBe(0)
  })

  test('backends[].prefill: the text so far is put into the request, and what comes is new', async () => {
    const road = await openRoad(
      config('rescue: prefill'),
      byHost({
        a: () => eventStream([role(), chunk('One two')], 'cut'),
        b: () => eventStream([role('c2'), chunk(' three', 'c2'), stop('c2')]),
      }),
    )
    const told = await ask(road, 20_000)
    expect([text(told), told.ended]).toEqual(['One two three', 'clean'])
    const body = road.sent[1]?.body
    const sent = JSON.parse(Buffer.concat(Array.isArray(body) ? body : []).toString())
    expect(sent.messages.at(-1)).toEqual({ role: 'assistant', content: 'One two' })
  })

  test('match_then_prefill asks the same route in both ways', async () => {
    let asked = 0
    const road = await openRoad(
      config('rescue: match_then_prefill'),
      byHost({
        a: () => eventStream([role(), chunk('One two')], 'cut'),
        b: () => {
          asked += 1
          return asked === 1
            ? eventStream([role(), chunk('Differs'), stop()])
            : eventStream([role(), chunk(' three'), stop()])
        },
      }),
    )
    const told = await ask(road, 20_000)
    expect(text(told)).toBe('One two three')
    expect(road.settled[0]?.attempts.map(({ rescue }) => rescue)).toEqual([undefined, 'match', 'prefill'])
  })

  test('a route that refuses a prefill is not asked for one again, and its refusal is never the client’s error', async () => {
    const road = await openRoad(
      config('rescue: prefill'),
      byHost({
        a: () => eventStream([role(), chunk('One two')], 'cut'),
        b: () =>
          errorAnswer(
            400,
            {},
            'This model does not support assistant message prefill. The conversation must end with a user message.',
          ),
      }),
    )
    const first = await ask(road, 20_000)
    expect(first.text).toContain('the upstream connection broke')
    expect(first.text).not.toContain('prefill')
    await road.clock.advance(60_000)
    await ask(road, 20_000)
    expect(road.tried()).toEqual(['a/up', 'b/up', 'a/up'])
  })

  test('while nothing is found the client gets signs of life, and may leave', async () => {
    const road = await openRoad(
      config('rescue: match, heartbeat: 2s'),
      byHost({
        a: () => eventStream([role(), chunk('One')], 'cut'),
        b: async (request) => await untilStopped(request.stop),
      }),
    )
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.read()
    const next = reader?.read()
    for (let step = 0; step < 4; step += 1) {
      await eventLoopTurns()
      await road.clock.advance(1000)
    }
    expect(Buffer.from((await next)?.value ?? []).toString()).toBe(sign)
    await reader?.cancel()
    await eventLoopTurns()
    expect(road.settled[0]?.outcome).toBe('client_closed')
    await road.clock.advance(120_000)
    expect([road.gateway.live.size, road.clock.pending]).toEqual([0, 0])
  })

  test('a rescue that breaks too is rescued by the next route', async () => {
    const road = await openRoad(
      config('rescue: match').replace(
        '{ backend: b, model: up, priority: 2 }',
        '{ backend: b, model: up, priority: 2 }, { backend: a, model: third, priority: 3 }',
      ),
      () => {
        const tried = road.tried().length
        if (tried === 1) return eventStream([role(), chunk('One ')], 'cut')
        return tried === 2
          ? eventStream([role(), chunk('One two '), chunk('three ')], 'cut')
          : eventStream([role(), chunk('One two three four'), stop()])
      },
    )
    const told = await ask(road, 20_000)
    expect([text(told), told.ended]).toEqual(['One two three four', 'clean'])
    expect(road.settled[0]?.rescuedAtBytes).toHaveLength(2)
  })

  test('off: the stream ends with an error, and nobody else is asked', async () => {
    const road = await openRoad(config(''), byHost({ a: () => eventStream([role(), chunk('One')], 'cut') }))
    const told = await ask(road, 20_000)
    expect(told.ended).toBe('reset')
    expect(road.tried()).toEqual(['a/up'])
  })
})
