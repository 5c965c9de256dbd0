import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { Http1Client } from '#http1/client.ts'
import { HeaderList } from '#kit/header-list.ts'
import { WholeBody } from '#ports/whole-body.ts'
import {
  ask,
  done,
  eventLoopTurns,
  finish,
  byHost,
  letPass,
  paced,
  reading,
  role,
  routesOn,
  says,
  sign,
  standStill,
  textOf,
} from '../support/chat-road.ts'
import { eventually } from '../support/eventually.ts'
import { HandBody } from '../support/hand-body.ts'
import { plainStream } from '../support/plain-streams.ts'
import { chunk, chunkedHead, rawOrigin } from '../support/raw-origin.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { errorAnswer, silentStream, untilStopped } from '../support/scripted.ts'
import { dataEvent, namedEvent } from '../support/streams.ts'
import { sentBy, signalOf } from '../support/upstream.ts'

const two = ['a', 'b']
const four = ['a', 'b', 'c', 'd']
const cools = 'fallback: { cooldown_seconds: 30 }'

/** Backends that were told to rest, in order. */
function cooled({ lines }: Road): unknown[] {
  return lines.filter(({ event }) => event === 'route_cooled').map(({ fields }) => fields['backend'])
}

function events({ lines }: Road): string[] {
  return lines.map(({ event }) => event)
}

const cutAfter =
  (...parts: readonly string[]): Upstream =>
  () =>
    eventStream(parts, 'cut')

const whole =
  (...parts: readonly string[]): Upstream =>
  () =>
    eventStream(parts)

const rejectsPrefill: Upstream = () =>
  errorAnswer(
    400,
    {},
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  )

/** What is said about each route from now on, as `name verdict`. */
function judgementsOf({ gateway }: Road): string[] {
  const told: string[] = []
  const { breakers } = gateway
  for (const verdict of ['succeeded', 'failed', 'release'] as const) {
    const before = breakers[verdict].bind(breakers) as (...values: unknown[]) => never
    breakers[verdict] = (key: string, ...rest: unknown[]) => {
      told.push(`${JSON.parse(key)[0]} ${verdict}`)
      return before(key, ...rest)
    }
  }
  return told
}

/** More than half of what may wait for a client. */
const big = 'x'.repeat(30_000)

/** A stream that has begun, and that breaks when its client has more waiting than it may. */
function breaksWhileFull(): { readonly upstream: Upstream; readonly flood: () => void } {
  const body = new HandBody([role + says('One')])
  return {
    upstream: () => body.answer(),
    flood: () => {
      for (let count = 0; count < 3; count += 1) body.piece(says(big))
      body.break()
    },
  }
}

describe('what a break says about its route', () => {
  const opens = `circuit_breaker: { failure_threshold: 2, open_timeout: 30s }\n${cools}`

  test.each(['off', 'match'])('with rescue %s a stream that breaks is one failure of its route', async (rescue) => {
    const road = await openRoad(
      routesOn(two, `rescue: ${rescue}`, opens),
      byHost({ a: cutAfter(role, says('One')), b: () => errorAnswer(500) }),
    )
    await ask(road, 20_000)
    expect(cooled(road)).toEqual(rescue === 'off' ? ['a'] : ['a', 'b'])
    expect(events(road)).not.toContain('circuit_opened')
  })

  test('a route that says something else has not failed', async () => {
    const road = await openRoad(
      routesOn(two, 'rescue: match', opens),
      byHost({ a: cutAfter(role, says('One two')), b: whole(role, says('Two'), done) }),
    )
    await ask(road, 20_000)
    expect([cooled(road), road.settled[0]?.outcome]).toEqual([['a'], 'upstream_broke'])
  })

  test('nor has one that goes on when the time of the whole stream is over', async () => {
    const comments = Array.from({ length: 20 }, () => [1000, ': thinking\n\n'] as const)
    const road = await openRoad(
      routesOn(two, 'rescue: match, max_duration: 5s', opens),
      byHost({
        a: paced(
          [
            [0, role + says('1')],
            [1000, says('2')],
          ],
          'cut',
        ),
        b: paced([[0, role + says('1')], ...comments], 'open'),
      }),
    )
    await ask(road, 90_000)
    expect([road.settled[0]?.outcome, cooled(road)]).toEqual(['upstream_broke', ['a']])
  })

  const filtered = dataEvent({ error: { message: 'filtered', type: 'invalid_request_error', code: 'content_filter' } })

  test.each(['hold: true, heartbeat: 0', 'rescue: match', 'rescue: off'])(
    'with %s an error event in the middle is held against nobody',
    async (setting) => {
      const road = await openRoad(
        routesOn(two, setting, cools),
        byHost({ a: whole(role, says('hi'), filtered), b: whole(role, says('hi there'), filtered) }),
      )
      await ask(road, 20_000)
      expect(cooled(road)).toEqual([])
      expect(road.tried()).toEqual(setting === 'rescue: off' ? ['a/up'] : ['a/up', 'b/up'])
    },
  )

  test('a refusal that is too large to be held is no success of its route', async () => {
    const body = JSON.stringify({ error: { message: 'y'.repeat(1_200_000) } })
    const turns = [503, 400, 503]
    const road = await openRoad(
      routesOn(['a'], 'rescue: off', `detection: { error_codes: [5xx] }\n${opens.replace('30 }', '0 }')}`),
      () => {
        const status = turns.shift() ?? 200
        if (status !== 400) return errorAnswer(status)
        const { body: pieces } = eventStream([body.slice(0, 1_100_000), body.slice(1_100_000)])
        return new Response(pieces, { status, headers: { 'content-type': 'text/event-stream' } })
      },
    )
    for (let count = 0; count < 3; count += 1) await ask(road, 5000, {})
    expect(events(road)).toContain('circuit_opened')
  })

  test('a stream that another route goes on with is a failed attempt, and is told as one', async () => {
    const road = await openRoad(
      routesOn(two, 'rescue: match', 'fallback: { cooldown_seconds: 0 }'),
      byHost({
        a: paced(
          [
            [0, role],
            [700, says('One')],
          ],
          'cut',
        ),
        b: whole(role, says('One two'), done),
      }),
    )
    await ask(road, 20_000)
    const [first, second] = road.settled[0]?.attempts ?? []
    expect(first).toMatchObject({ backend: 'a', status: 200, failure: { reason: 'reset' } })
    expect(second).toMatchObject({ backend: 'b', status: 200, failure: undefined, rescue: 'match' })
    const told = events(road)
    expect(told.indexOf('attempt_failed')).toBeGreaterThan(-1)
    expect(told.indexOf('backend_switched')).toBeGreaterThan(told.indexOf('attempt_failed'))
  })
})

describe('when the head went out before there was an answer', () => {
  test('a throw behind it is told and settled', async () => {
    const body = new HandBody([role + says('hi')])
    body.flow = () => {
      throw new Error('a bug')
    }
    const road = await openRoad(
      routesOn(two, 'heartbeat: 2s, idle_timeout: 0', 'timeout: { idle: 0 }'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(5000)
          return body.answer()
        },
      }),
    )
    const told = await ask(road, 20_000)
    expect([told.text.includes('internal_error'), told.text.includes('a bug'), told.ended]).toEqual([
      true,
      false,
      'reset',
    ])
    expect([road.settled.length, road.gateway.live.size, body.asked]).toEqual([1, 0, ['cancel']])
  })

  test.each([true, false])(
    'an answer that is no stream is a failed attempt, and the next route is asked (whole: %p)',
    async (isWhole) => {
      const body = new HandBody(['hello'])
      const road = await openRoad(
        routesOn(two, 'heartbeat: 2s', cools),
        byHost({
          a: async (_, { clock }) => {
            await clock.sleep(5000)
            return isWhole ? chatAnswer('whole') : body.answer('text/plain')
          },
          b: whole(role, says('hi'), done),
        }),
      )
      const told = await ask(road, 20_000)
      expect(told).toMatchObject({ text: sign.repeat(2) + role + says('hi') + done, ended: 'clean' })
      expect(body.asked).toEqual(isWhole ? [] : ['cancel'])
      const [failed] = road.settled[0]?.attempts ?? []
      expect(failed).toMatchObject({ backend: 'a', failure: { reason: 'invalid_response' } })
      expect([road.tried(), cooled(road)]).toEqual([['a/up', 'b/up'], []])
      expect(events(road).filter((event) => event === 'attempt_failed')).toHaveLength(1)
    },
  )

  test('before that it is handed on as it is', async () => {
    const road = await openRoad(routesOn(two, 'heartbeat: 2s'), byHost({ a: () => chatAnswer('whole') }))
    const told = await ask(road, 20_000)
    expect([JSON.parse(told.text).choices[0].message.content, road.tried()]).toEqual(['whole', ['a/up']])
  })

  test.each([true, false])('a plain-text 429 is told as the limit that it is (stream: %p)', async (stream) => {
    const road = await openRoad(
      routesOn(two, 'heartbeat: 2s, json_keepalive: true'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(5000)
          return new Response('slow down', { status: 429, headers: { 'content-type': 'text/plain' } })
        },
        b: () => broken('connect', 'refused'),
      }),
    )
    const told = await ask(road, 10_000, { stream })
    expect(told.text).toContain('"type":"rate_limit_error"')
    expect(told.text.includes('"code":"rate_limit_exceeded"')).toBe(stream)
    expect(told.ended).toBe(stream ? 'reset' : 'clean')
  })

  test('json_keepalive: the answer is asked for as it is, and one that is compressed all the same is not taken', async () => {
    const road = await openRoad(
      routesOn(two, 'heartbeat: 2s, json_keepalive: true', cools),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(5000)
          const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
          return new Response(gzipSync(JSON.stringify({ choices: [{ message: { content: 'pressed' } }] })), { headers })
        },
        b: () => chatAnswer('plain'),
      }),
    )
    const told = reading(road, road.chat('m', {}, { headers: { 'accept-encoding': 'gzip' } }))
    await letPass(road.clock, 10_000, () => told.ended !== undefined)
    expect(JSON.parse(told.text).choices[0].message.content).toBe('plain')
    const encodings = road.sent.map(({ headers }) => headers.filter(([name]) => name === 'accept-encoding'))
    expect(encodings).toEqual([[['accept-encoding', 'identity']], [['accept-encoding', 'identity']]])
    expect([road.tried(), cooled(road)]).toEqual([['a/up', 'b/up'], []])
  })

  const page = '<html>bad gateway</html>'
  const large = JSON.stringify({ error: { message: 'y'.repeat(1_200_000) } })
  const pieces = [large.slice(0, 1_100_000), large.slice(1_100_000)]

  test.each([
    { name: 'a page', status: 502, parts: [page], type: 'text/html' },
    { name: 'more than can be held', status: 400, parts: pieces, type: 'text/event-stream' },
  ])('json_keepalive: an error that is $name is told as a JSON error', async ({ status, parts, type }) => {
    const road = await openRoad(
      routesOn(two, 'heartbeat: 2s, json_keepalive: true', 'detection: { error_codes: [5xx] }'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(5000)
          return new Response(eventStream(parts).body, { status, headers: { 'content-type': type } })
        },
        b: () => broken('connect', 'refused'),
      }),
    )
    const told = await ask(road, 10_000, {})
    expect(JSON.parse(told.text).error).toMatchObject({
      code: 'upstream_error',
      message: expect.stringContaining(String(status)),
    })
    expect([told.ended, road.settled[0]?.outcome]).toEqual(['clean', 'failed'])
  })

  test('json_keepalive: in the words of the client’s own dialect', async () => {
    const yaml = routesOn(['a'], 'heartbeat: 2s, json_keepalive: true').replace('prefill: none', 'protocol: anthropic')
    const road = await openRoad(yaml, async (_, { clock }) => {
      await clock.sleep(5000)
      return new Response('<html></html>', { status: 502, headers: { 'content-type': 'text/html' } })
    })
    const body = JSON.stringify({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] })
    const told = reading(road, road.fetch('/v1/messages', { method: 'POST', body }))
    await letPass(road.clock, 10_000, () => told.ended !== undefined)
    expect(JSON.parse(told.text)).toMatchObject({ type: 'error', error: { message: expect.any(String) } })
  })
})

describe('time', () => {
  test('no silence of a connection ends a stream whose first content is awaited', async () => {
    await using origin = await rawOrigin((peer) => peer.write(chunkedHead() + chunk(role)))
    let client: Http1Client | undefined
    const answered = Promise.withResolvers<void>()
    const road = await openRoad(
      routesOn(['a'], 'time_to_first_token: 300s', 'timeout: { idle: 1s }'),
      async (request, { clock }) => {
        client ??= new Http1Client({ clock })
        const outcome = await client.send({ ...request, url: origin.url })
        answered.resolve()
        return outcome
      },
    )
    const told = reading(road, road.chat('m', { stream: true }))
    await answered.promise
    await eventLoopTurns()
    await road.clock.advance(250_000)
    expect([told.ended, road.settled]).toEqual([undefined, []])
    origin.peers[0]?.write(chunk(says('hi')))
    await eventually(
      () => told.text.includes('hi'),
      () => told.text,
    )
    // From here on silence counts.
    await road.clock.advance(2000)
    expect(road.settled[0]).toMatchObject({ outcome: 'stalled', brokenBy: expect.stringContaining('timeout.idle') })
    await letPass(road.clock, 2000)
    expect(told.ended).toBe('reset')
  })

  test('time_to_first_token is counted from the start of an attempt, whatever comes before the content', async () => {
    const road = await openRoad(
      routesOn(two, 'time_to_first_token: 5s, heartbeat: 0'),
      byHost({
        a: async (request, { clock }) => {
          await clock.sleep(3000)
          return await paced(
            [
              [1000, role],
              [3000, says('late')],
              [0, done],
            ],
            'end',
          )(request, { clock })
        },
        b: whole(role, says('hi'), done),
      }),
    )
    const told = await ask(road, 30_000)
    expect([told.text, told.at[0]]).toEqual([role + says('hi') + done, 5000])
    expect(road.settled[0]?.attempts[0]?.failure?.reason).toBe('first_content_timeout')
  })

  test.each([
    { idle: '60s', rest: '' },
    { idle: '0', rest: 'timeout: { idle: 0 }' },
  ])(
    'hold with an idle_timeout of $idle: what said all is sent, though its connection stays open',
    async ({ idle, rest }) => {
      const road = await openRoad(
        routesOn(two, `hold: true, heartbeat: 0, idle_timeout: ${idle}`, rest),
        byHost({ a: paced([[0, role + says('hi') + done]], 'open') }),
      )
      const told = await ask(road, 300_000)
      expect([told.text, told.ended]).toEqual([role + says('hi') + done, 'clean'])
      expect(told.endedMs).toBeLessThanOrEqual(1500)
    },
  )

  test('hold: a stream that told an error is left for another route, though its connection stays open', async () => {
    const error = dataEvent({ error: { message: 'the provider stumbled' } })
    const road = await openRoad(
      routesOn(two, 'hold: true, heartbeat: 0'),
      byHost({
        a: paced(
          [
            [0, role + says('hi')],
            [0, error],
          ],
          'open',
        ),
        b: whole(role, says('ok'), done),
      }),
    )
    const told = await ask(road, 200_000)
    expect([told.text, road.tried()]).toEqual([role + says('ok') + done, ['a/up', 'b/up']])
    expect(told.endedMs).toBeLessThanOrEqual(1500)
  })

  test('hold: max_duration ends a stream that never ends, and another route answers', async () => {
    const words = Array.from({ length: 100 }, () => [1000, says('x')] as const)
    const road = await openRoad(
      routesOn(two, 'hold: true, max_duration: 5s, heartbeat: 0', cools),
      byHost({ a: paced(words, 'open'), b: whole(role, says('ok'), done) }),
    )
    const told = await ask(road, 90_000)
    expect([told.text, road.tried(), cooled(road)]).toEqual([role + says('ok') + done, ['a/up', 'b/up'], []])
    expect(told.endedMs).toBeLessThanOrEqual(7000)
  })

  test('max_duration counts from the first content on, however many routes take part', async () => {
    const more = Array.from({ length: 20 }, () => [1000, says('x')] as const)
    const road = await openRoad(
      routesOn(two, 'rescue: match, max_duration: 5s'),
      byHost({
        a: paced(
          [
            [1000, role + says('1')],
            [1000, says('2')],
            [1000, says('3')],
            [1000, says('4')],
          ],
          'cut',
        ),
        b: paced([[0, role + says('1234')], ...more], 'open'),
      }),
    )
    const told = await ask(road, 60_000)
    expect(road.settled[0]).toMatchObject({ outcome: 'stalled', endedMs: 6000 })
    expect([textOf(told), told.text.includes('streaming.max_duration')]).toEqual(['1234xx', true])
  })

  test('max_duration also ends the search for a route that goes on, and the client is told what broke', async () => {
    let stoppedMs: number | undefined
    const road = await openRoad(
      routesOn(two, 'rescue: match, max_duration: 5s, time_to_first_token: 50s'),
      byHost({
        a: paced(
          [
            [0, role + says('1')],
            [1000, says('2')],
          ],
          'cut',
        ),
        b: (request) => {
          request.stop.tell({ onStop: () => void (stoppedMs = road.clock.monotonicMs()) })
          return silentStream(signalOf(request.stop))
        },
      }),
    )
    const told = await ask(road, 90_000)
    expect(road.settled[0]).toMatchObject({ outcome: 'upstream_broke', endedMs: 5000 })
    expect([told.text.includes('the upstream connection broke'), told.ended, stoppedMs]).toEqual([true, 'reset', 5000])
    await letPass(road.clock, 60_000)
    expect([road.gateway.live.size, road.clock.pending]).toEqual([0, 0])
  })

  test('usage that comes a while behind the reason to finish reaches the client', async () => {
    const usage = dataEvent({ choices: [], usage: { total_tokens: 9 } })
    const road = await openRoad(
      routesOn(two, 'rescue: off'),
      byHost({
        a: paced(
          [
            [0, role + says('hi') + finish],
            [6000, `${usage}data: [DONE]\n\n`],
          ],
          'end',
        ),
      }),
    )
    const told = await ask(road, 20_000)
    expect(told.text).toBe(`${role}${says('hi')}${finish}${usage}data: [DONE]\n\n`)
    expect(told.ended).toBe('clean')
  })
})

describe('what came while this process stood still counts before any limit', () => {
  test('time_to_first_token', async () => {
    const body = new HandBody([role])
    let isStopped = false
    const road = await openRoad(
      routesOn(two, 'time_to_first_token: 5s, heartbeat: 0'),
      byHost({
        a: ({ stop }) => {
          stop.tell({ onStop: () => void (isStopped = true) })
          return body.answer()
        },
      }),
    )
    const told = reading(road, road.chat('m', { stream: true }))
    const goOn = standStill(road.clock)
    await letPass(road.clock, 9000)
    body.piece(says('hi') + done)
    await eventLoopTurns()
    goOn()
    body.end()
    await letPass(road.clock, 2000)
    expect([told.text, told.ended, road.tried()]).toEqual([role + says('hi') + done, 'clean', ['a/up']])
    expect(isStopped).toBe(false)
  })

  test('timeout.idle of an answer that is read before it is sent', async () => {
    const body = new HandBody(['{"choices":'])
    const road = await openRoad(
      routesOn(two, 'rescue: off', 'timeout: { idle: 5s }'),
      byHost({ a: () => body.answer('application/json') }),
    )
    const told = reading(road, road.chat('m'))
    const goOn = standStill(road.clock)
    await letPass(road.clock, 9000)
    body.piece('[]}')
    await eventLoopTurns()
    goOn()
    body.end()
    await letPass(road.clock, 2000)
    expect([told.text, told.ended, road.tried()]).toEqual(['{"choices":[]}', 'clean', ['a/up']])
  })

  test('streaming.idle_timeout', async () => {
    const body = new HandBody([role + says('hi')])
    const road = await openRoad(routesOn(two, 'idle_timeout: 5s'), byHost({ a: () => body.answer() }))
    const told = reading(road, road.chat('m', { stream: true }))
    await eventLoopTurns()
    const goOn = standStill(road.clock)
    await letPass(road.clock, 9000)
    body.piece(says(' there'))
    goOn()
    expect(road.settled).toEqual([])
    // And the limit goes on to hold.
    await letPass(road.clock, 9000)
    goOn()
    await letPass(road.clock, 2000)
    expect([textOf(told), told.ended]).toEqual(['hi there', 'reset'])
    expect(road.settled[0]?.brokenBy).toContain('streaming.idle_timeout')
  })
})

describe('the end of a stream whose connection broke', () => {
  const usage = dataEvent({ choices: [], usage: { total_tokens: 9 } })

  test.each([
    { name: 'half of an event is no part of it', tail: usage.slice(0, 24), sent: '' },
    { name: 'an event that lacks only its blank line is completed', tail: usage.slice(0, -1), sent: usage },
    { name: 'an event that lacks its line ends is completed', tail: usage.slice(0, -2), sent: usage },
    { name: 'its last word is completed', tail: 'data: [DONE]', sent: 'data: [DONE]\n\n' },
  ])('said all: $name', async ({ tail, sent }) => {
    const road = await openRoad(routesOn(two, 'rescue: off'), byHost({ a: cutAfter(role, says('hi'), finish, tail) }))
    const told = await ask(road, 20_000)
    expect([told.text, told.ended]).toEqual([role + says('hi') + finish + sent, 'clean'])
    expect(road.settled[0]?.outcome).toBe('complete')
  })

  const error = dataEvent({ error: { message: 'overloaded' } })

  test.each(['cut', 'open', 'end'] as const)(
    'an error event of the upstream is told once, and held against nobody, when its connection is %s behind it',
    async (how) => {
      const road = await openRoad(
        routesOn(two, 'rescue: off', cools),
        byHost({
          a: paced(
            [
              [0, role + says('hi')],
              [0, error],
            ],
            how,
          ),
        }),
      )
      const told = await ask(road, 200_000)
      expect(told.text).toBe(role + says('hi') + error)
      expect(road.settled[0]).toMatchObject({ outcome: 'upstream_broke' })
      expect([cooled(road), (told.endedMs ?? Infinity) <= 1500]).toEqual([[], true])
    },
  )

  test('a client that reads slowly gets all of it and the error, as long as it takes something', async () => {
    const { upstream, flood } = breaksWhileFull()
    const road = await openRoad(routesOn(two, 'rescue: off'), byHost({ a: upstream }))
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    await eventLoopTurns()
    flood()
    let text = ''
    let how = ''
    for (let count = 0; count < 12 && how === ''; count += 1) {
      try {
        const step = await reader?.read()
        if (step?.done !== false) how = 'clean'
        else text += Buffer.from(step.value).toString()
      } catch {
        how = 'reset'
      }
      await letPass(road.clock, 12_000)
    }
    expect(text).toStartWith(role + says('One') + says(big).repeat(3))
    expect([text.includes('"code":"upstream_error"'), how]).toEqual([true, 'reset'])
  })
})

describe('what stands behind an error event is kept with it, and told when nobody goes on', () => {
  const chatError = dataEvent({ error: { message: 'overloaded' } })
  const failed = [
    namedEvent({ type: 'error', code: 'server_error', message: 'overloaded' }),
    namedEvent({ type: 'response.failed', response: { id: 'resp_one', status: 'failed', error: { code: 'x' } } }),
  ]
  const geminiError = { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } }
  const [begun = '', ...rest] = plainStream('gemini_sse').events(['One', ' two', ' three'])

  test.each([
    {
      form: 'chat',
      path: '/v1/chat/completions',
      said: role + says('One'),
      words: [chatError, 'data: [DONE]\n\n'],
    },
    {
      form: 'responses',
      path: '/v1/responses',
      said: plainStream('responses').events(['One']).slice(0, 5).join(''),
      words: failed,
    },
    {
      form: 'gemini',
      path: '/v1beta/models/m:streamGenerateContent?alt=sse',
      said: begun + (rest[0] ?? ''),
      words: [dataEvent(geminiError), JSON.stringify(geminiError)],
    },
  ])('$form', async ({ form, path, said, words }) => {
    const parts = [said, ...words].map((text, index): [number, string] => [index === 2 ? 10 : 0, text])
    const yaml = routesOn(two, 'rescue: match')
    const road = await openRoad(
      form === 'gemini' ? yaml.replaceAll('/v1"', '/v1beta", protocol: gemini') : yaml,
      byHost({ a: paced(parts, 'end'), b: () => errorAnswer(500) }),
    )
    const asked = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }], input: 'hi' }
    const contents = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }
    const body = JSON.stringify(form === 'gemini' ? contents : asked)
    const told = reading(road, road.fetch(path, { method: 'POST', body }))
    await letPass(road.clock, 20_000, () => told.ended !== undefined)
    expect(told.text).toBe(said + words.join(''))
    expect([road.tried().length, road.settled[0]?.outcome]).toEqual([2, 'upstream_broke'])
  })
})

describe('the search for a route that goes on', () => {
  test('a throw in it is told and settled', async () => {
    const road = await openRoad(
      routesOn(two, 'rescue: match, heartbeat: 2s'),
      byHost({
        a: cutAfter(role, says('hi')),
        b: () => {
          throw new Error('a bug')
        },
      }),
    )
    const told = await ask(road, 20_000)
    expect([told.text.includes('internal_error'), told.text.includes('a bug'), told.ended]).toEqual([
      true,
      false,
      'reset',
    ])
    expect([road.settled.length, road.gateway.live.size]).toEqual([1, 0])
    expect(events(road)).toContain('internal_error')
  })

  test('so is a throw when a route was found', async () => {
    const second = new HandBody([role + says('One two')])
    second.flow = () => {
      throw new Error('a bug')
    }
    const road = await openRoad(
      routesOn(two, 'rescue: match, idle_timeout: 0', 'timeout: { idle: 0 }'),
      byHost({ a: cutAfter(role, says('One')), b: () => second.answer() }),
    )
    const told = await ask(road, 20_000)
    expect([told.text.includes('internal_error'), told.text.includes('a bug'), told.ended]).toEqual([
      true,
      false,
      'reset',
    ])
    expect([road.settled.length, road.gateway.live.size, second.asked]).toEqual([1, 0, ['cancel']])
  })

  test('a route that answers with no stream is a failed attempt, held against nobody', async () => {
    const road = await openRoad(
      routesOn(['a', 'b', 'c'], 'rescue: match', cools),
      byHost({
        a: cutAfter(role, says('One')),
        b: () => chatAnswer('One two'),
        c: whole(role, says('One two'), done),
      }),
    )
    const told = await ask(road, 20_000)
    expect([textOf(told), told.ended, cooled(road)]).toEqual(['One two', 'clean', ['a']])
    expect(road.settled[0]?.attempts.map(({ failure }) => failure?.reason)).toEqual([
      'reset',
      'invalid_response',
      undefined,
    ])
  })

  test('a route that goes on waits for a client that has enough to read', async () => {
    const { upstream, flood } = breaksWhileFull()
    const second = new HandBody([role + says(`One${big}${big}${big}`)])
    const road = await openRoad(routesOn(two, 'rescue: match'), byHost({ a: upstream, b: () => second.answer() }))
    const response = await road.chat('m', { stream: true })
    await eventLoopTurns()
    flood()
    await eventLoopTurns()
    expect([road.tried(), second.asked]).toEqual([['a/up', 'b/up'], ['pause']])
    const reader = response.body?.getReader()
    for (let count = 0; count < 4; count += 1) await reader?.read()
    await eventLoopTurns()
    expect(second.asked).toEqual(['pause', 'resume'])
    await reader?.cancel()
  })

  test('a route that does not answer is not asked in the other way', async () => {
    const road = await openRoad(
      routesOn(two, 'rescue: match_then_prefill, time_to_first_token: 5s'),
      byHost({ a: cutAfter(role, says('One')), b: (request) => silentStream(signalOf(request.stop)) }),
    )
    const told = await ask(road, 60_000)
    expect(road.settled[0]?.attempts.map(({ rescue, failure }) => [rescue, failure?.reason])).toEqual([
      [undefined, 'reset'],
      ['match', 'first_content_timeout'],
    ])
    expect([road.tried(), told.ended]).toEqual([['a/up', 'b/up'], 'reset'])
  })

  test.each<{ attempts: number; tried: string[] }>([
    { attempts: 2, tried: ['a/up', 'b/up'] },
    { attempts: 3, tried: ['a/up', 'b/up', 'b/up'] },
    { attempts: 4, tried: ['a/up', 'b/up', 'b/up', 'c/up'] },
  ])('each way counts as an attempt: of $attempts it makes no more', async ({ attempts, tried }) => {
    const road = await openRoad(
      routesOn(four, 'rescue: match_then_prefill', `fallback: { max_retries: ${attempts} }`),
      byHost({
        a: cutAfter(role, says('One')),
        b: () => errorAnswer(503),
        c: () => errorAnswer(503),
        d: () => errorAnswer(503),
      }),
    )
    await ask(road, 20_000)
    expect(road.tried()).toEqual(tried)
  })

  test('a way in which nothing can be asked is no attempt, and gives none back', async () => {
    const road = await openRoad(
      routesOn(four, 'rescue: match_then_prefill', 'fallback: { max_retries: 3 }'),
      byHost({
        a: cutAfter(role, says('One')),
        b: () => errorAnswer(503),
        c: () => errorAnswer(503),
        d: () => errorAnswer(503),
      }),
    )
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'y' },
    ]
    await ask(road, 20_000, { stream: true, messages })
    expect([road.tried(), road.settled[0]?.skips]).toEqual([['a/up', 'b/up', 'c/up'], undefined])
  })

  test('two routes that take no prefill are not the last', async () => {
    const road = await openRoad(
      routesOn(four, 'rescue: prefill', 'fallback: { max_retries: 9 }'),
      byHost({
        a: cutAfter(role, says('One')),
        b: rejectsPrefill,
        c: rejectsPrefill,
        d: whole(role, says(' two'), done),
      }),
    )
    const told = await ask(road, 20_000)
    expect([road.tried(), textOf(told), told.ended]).toEqual([['a/up', 'b/up', 'c/up', 'd/up'], 'One two', 'clean'])
  })

  test('nor is one, where a 400 is no failure that leads on', async () => {
    const road = await openRoad(
      routesOn(['a', 'b', 'c'], 'rescue: prefill', 'detection: { error_codes: [429, 5xx] }'),
      byHost({ a: cutAfter(role, says('One')), b: rejectsPrefill, c: whole(role, says(' two'), done) }),
    )
    const told = await ask(road, 20_000)
    expect([textOf(told), told.ended]).toEqual(['One two', 'clean'])
    expect(JSON.parse(road.sent[2] === undefined ? '{}' : sentBy(road.sent[2]).toString()).messages.at(-1)).toEqual({
      role: 'assistant',
      content: 'One',
    })
  })

  test('client_timeout ends it', async () => {
    const { upstream, flood } = breaksWhileFull()
    let stoppedMs: number | undefined
    const road = await openRoad(
      routesOn(two, 'rescue: match, client_timeout: 10s, time_to_first_token: 100s'),
      byHost({
        a: upstream,
        b: async (request) => {
          const stopped = await untilStopped(request.stop)
          stoppedMs = road.clock.monotonicMs()
          return stopped
        },
      }),
    )
    const judgements = judgementsOf(road)
    await road.chat('m', { stream: true })
    await eventLoopTurns()
    flood()
    await letPass(road.clock, 12_000)
    expect(judgements).toEqual(['a failed', 'b release'])
    expect(road.settled[0]).toMatchObject({ outcome: 'client_closed', endedMs: 10_000 })
    expect([stoppedMs, road.tried(), road.gateway.live.size]).toEqual([10_000, ['a/up', 'b/up'], 0])
    await letPass(road.clock, 120_000)
    expect(road.clock.pending).toBe(0)
  })

  test('and gives back the probe of a route that was just asked', async () => {
    const { upstream, flood } = breaksWhileFull()
    const road = await openRoad(
      routesOn(
        two,
        'rescue: match, client_timeout: 10s, time_to_first_token: 100s',
        'circuit_breaker: { failure_threshold: 1, open_timeout: 1s }\nfallback: { cooldown_seconds: 0 }',
      ),
      byHost({ a: upstream, b: paced([[20_000, role + says('One')]], 'open') }),
    )
    const [plan] = road.gateway.current().plans.values()
    const key = plan?.tiers[1]?.candidates[0]?.stateKey
    if (plan === undefined || key === undefined) throw new Error('the configuration has two routes')
    const { breakers } = road.gateway
    breakers.failed(key, 0, plan.cooldown, plan.breaker)
    await road.clock.advance(2000)
    await road.chat('m', { stream: true })
    await eventLoopTurns()
    flood()
    await letPass(road.clock, 5000)
    expect(road.tried()).toEqual(['a/up', 'b/up'])
    expect(breakers.restOf(key, road.clock.monotonicMs(), plan.breaker)).toBeDefined()
    await letPass(road.clock, 40_000)
    expect(breakers.restOf(key, road.clock.monotonicMs(), plan.breaker)).toBeUndefined()
  })

  test('B118: a stream that is cut while a route says something else starts no other search', async () => {
    const road = await openRoad(
      routesOn(['a', 'b', 'c'], 'rescue: match'),
      byHost({
        a: cutAfter(role, says('One two')),
        // Its last event lacks its line ends, so that what it says shows only when it is ended.
        b: paced([[0, `${role}${says('One')}data: [DONE]`]], 'open'),
        c: whole(role, says('One two three'), done),
      }),
    )
    const told = reading(road, road.chat('m', { stream: true }))
    await eventLoopTurns()
    expect(road.tried()).toEqual(['a/up', 'b/up'])
    for (const { cut } of road.gateway.live) cut?.cut()
    await letPass(road.clock, 5000)
    expect([road.tried(), road.settled[0]?.outcome]).toEqual([['a/up', 'b/up'], 'shut_down'])
    expect([told.text.includes('"code":"shutting_down"'), told.ended]).toEqual([true, 'reset'])
  })
})

test('a short stream that is there at once, without its end, is another route’s to answer', async () => {
  const road = await openRoad(routesOn(two, 'rescue: off'), (request) => ({
    kind: 'response',
    status: 200,
    headers: new HeaderList([['content-type', 'text/event-stream']]),
    sentMs: undefined,
    body: new WholeBody(
      Buffer.from(request.url.hostname === 'a' ? role + says('half') : role + says('whole') + finish + done),
    ),
  }))
  expect((await ask(road, 5000)).text).toBe(role + says('whole') + finish + done)
  expect(road.settled[0]?.attempts[0]?.failure).toMatchObject({ reason: 'incomplete', cools: true })
})

test('streaming.hold: nothing of an event that its stream broke off in is sent', async () => {
  const half = 'data: {"choices":[],"usage":{"total_tok'
  const road = await openRoad(
    routesOn(two, 'hold: true'),
    byHost({ a: () => eventStream([role, says('all') + finish + done, half], 'cut') }),
  )
  expect(await ask(road, 5000)).toMatchObject({ text: role + says('all') + finish + done, ended: 'clean' })
})
