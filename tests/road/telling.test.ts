import { describe, expect, test } from 'bun:test'
import { asNumber, asObject } from '#kit/json-value.ts'
import { byHost, letPass, reading, routesOn } from '../support/chat-road.ts'
import { plainStream } from '../support/plain-streams.ts'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { errorAnswer } from '../support/scripted.ts'
import { dataEvent, namedEvent } from '../support/streams.ts'

/* What a client is told beside an answer, and in place of one. */

/** The numbers of the events of a stream, in order. */
function numbersIn(stream: string): (number | undefined)[] {
  const events = stream.split('\n\n').flatMap((event) => /^data: (\{.*)$/m.exec(event)?.[1] ?? [])
  return events.map((event) => asNumber(asObject(JSON.parse(event))?.['sequence_number']))
}

async function streamed(road: Road, path = '/v1/responses'): Promise<string> {
  const body = JSON.stringify({ model: 'm', stream: true, input: 'hi', messages: [{ role: 'user', content: 'hi' }] })
  const told = reading(road, road.fetch(path, { method: 'POST', body }))
  await letPass(road.clock, 20_000, () => told.ended !== undefined)
  return told.text
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('§8.4: the error at the end of a broken stream of Responses is numbered as its next events', () => {
  const events = plainStream('responses').events(['One', ' two', ' three'])

  test.each([1, 3, 5])('behind %i events as the backend sent them', async (count) => {
    const road = await openRoad(
      routesOn(['a'], 'rescue: off'),
      byHost({ a: () => eventStream([...events.slice(0, 5), ...events.slice(5, 5 + count)], 'cut') }),
    )
    const stream = await streamed(road)
    expect(stream).toContain('event: response.failed')
    expect(numbersIn(stream)).toEqual(upTo(5 + count + 2))
  })

  test('behind half of an event, which the client never gets', async () => {
    const half = (events[6] ?? '').slice(0, -20)
    const road = await openRoad(
      routesOn(['a'], 'rescue: off'),
      byHost({ a: () => eventStream([...events.slice(0, 6), half], 'cut') }),
    )
    expect(numbersIn(await streamed(road))).toEqual(upTo(8))
  })

  test('behind what another route went on with, whose own numbers the client never saw', async () => {
    const again = plainStream('responses').events(['One two', ' three', ' four'])
    const road = await openRoad(
      routesOn(['a', 'b'], 'rescue: match'),
      byHost({ a: () => eventStream(events.slice(0, 5), 'cut'), b: () => eventStream(again.slice(0, 6), 'cut') }),
    )
    const stream = await streamed(road)
    expect(road.tried()).toEqual(['a/up', 'b/up'])
    expect(stream).toContain(' three')
    const numbers = numbersIn(stream)
    expect(numbers).toEqual(upTo(numbers.length))
  })

  test('behind what was translated', async () => {
    const usage = { input_tokens: 1, output_tokens: 1 }
    const message = { id: 'msg_1', type: 'message', role: 'assistant', content: [], model: 'up', usage }
    const road = await openRoad(
      `
backends: [{ name: a, url: "http://a", protocol: anthropic }]
models: { m: { routes: [{ backend: a, model: up }] } }`,
      () =>
        eventStream(
          [
            namedEvent({ type: 'message_start', message }),
            namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
            namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'One' } }),
          ],
          'cut',
        ),
    )
    const numbers = numbersIn(await streamed(road))
    expect(numbers.length).toBeGreaterThan(5)
    expect(numbers).toEqual(upTo(numbers.length))
  })

  test('from 0 where there was nothing before it', async () => {
    const road = await openRoad(
      routesOn(['a'], 'heartbeat: 1s'),
      byHost({
        a: async (_, { clock }) => {
          await clock.sleep(3000)
          return errorAnswer(500)
        },
      }),
    )
    expect(numbersIn(await streamed(road))).toEqual([0, 1])
  })
})

describe('F22, N103: a route that rests hides no answer of another one', () => {
  const wrong = { error: { message: 'max_tokens is too large', type: 'invalid_request_error', code: 'x' } }
  const refuses: Upstream = () => Response.json(wrong, { status: 400 })

  const ladder = (names: readonly string[], more = ''): string => `
backends: [${names.map((name) => `{ name: ${name}, url: "http://${name}/v1" }`).join(', ')}]
models: { m: { routes: [${names.map((name, at) => `{ backend: ${name}, model: up, priority: ${at + 1} }`).join(', ')}] } }
fallback: { cooldown_seconds: 60${more} }
`

  test.each(['refuse', 'wait', 'least_bad'])('nor do several, with when_all_cooling %s', async (what) => {
    for (const names of [
      ['a', 'b', 'c'],
      ['b', 'a', 'c'],
      ['b', 'c', 'a'],
    ]) {
      const answers = { a: errorAnswer(500) as Response | undefined }
      const road = await openRoad(
        ladder(names, `, when_all_cooling: ${what}`),
        byHost({
          a: async (...asked) => answers.a ?? (await refuses(...asked)),
          b: () => errorAnswer(503),
          c: () => errorAnswer(503),
        }),
      )
      // All of them rest, then a is well again before the others.
      await road.chat('m')
      answers.a = undefined
      road.gateway.breakers.forget([JSON.stringify(['a', 'up'])])
      const { status, body } = await told(road)
      expect([status, body]).toEqual([400, wrong])
    }
  })

  test('a resting one that answers after all is heard, where it is asked', async () => {
    const answers = { b: errorAnswer(503) as Response | undefined }
    const road = await openRoad(
      ladder(['b', 'a'], ', when_all_cooling: least_bad'),
      byHost({ a: refuses, b: () => answers.b ?? chatAnswer('well') }),
    )
    expect((await told(road)).status).toBe(400)
    answers.b = undefined
    expect((await told(road)).status).toBe(200)
  })

  test('where the only one that could be asked can be told nothing of the kind, the resting ones are waited for', async () => {
    const road = await openRoad(
      `
backends: [{ name: a, url: "http://a/v1" }, { name: b, url: "http://b", protocol: anthropic }]
models: { m: { routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }] } }
fallback: { cooldown_seconds: 60 }`,
      byHost({ a: () => errorAnswer(503) }),
    )
    await road.chat('m', { n: 2 })
    const { status, body } = await told(road, { n: 2 })
    expect(status).toBe(503)
    expect(asObject(body['error'])?.['message']).toContain('every route of it that can be asked that is cooling down')
  })

  async function told(road: Road, extra: Record<string, unknown> = {}) {
    const response = await road.chat('m', extra)
    return { status: response.status, body: asObject(await response.json()) ?? {} }
  }
})

describe('C610: what kind of stream it is', () => {
  const stream: Upstream = () => eventStream([dataEvent({ choices: [{ index: 0, delta: { content: 'x' } }] })], 'open')

  test.each([
    { streaming: 'rescue: off', says: 'live' },
    { streaming: 'rescue: match', says: 'rescued-capable' },
  ])('x-stream-status with $streaming is $says', async ({ streaming, says }) => {
    const road = await openRoad(routesOn(['a'], streaming), stream)
    const response = await road.chat('m', { stream: true })
    expect(response.headers.get('x-stream-status')).toBe(says)
    expect(response.headers.get('server-timing')).toBeNull()
    await response.body?.cancel()
  })

  test('an answer that is no stream says nothing of the kind', async () => {
    const road = await openRoad(routesOn(['a'], 'rescue: off'), () => chatAnswer())
    expect((await road.chat('m')).headers.get('x-stream-status')).toBeNull()
  })

  test('the same where the head goes out before there is an answer', async () => {
    const road = await openRoad(routesOn(['a'], 'heartbeat: 1s, rescue: match'), async (_, { clock }) => {
      await clock.sleep(3000)
      return chatAnswer()
    })
    const asking = road.chat('m', { stream: true })
    await letPass(road.clock, 1500)
    const response = await asking
    expect(response.headers.get('x-stream-status')).toBe('rescued-capable')
    await response.body?.cancel()
  })

  test.each([true, false])(
    'headers.debug: how long each attempt took is told in server-timing (stream: %p)',
    async (isStream) => {
      const road = await openRoad(
        routesOn(['a', 'b'], 'rescue: off', 'headers: { debug: true }'),
        byHost({
          a: async (_, { clock }) => {
            await clock.sleep(250)
            return errorAnswer(500)
          },
          b: isStream ? stream : () => chatAnswer(),
        }),
      )
      const asking = road.chat('m', { stream: isStream })
      await letPass(road.clock, 1000)
      const { headers, body } = await asking
      expect(headers.get('server-timing')).toMatch(/^attempt1;dur=25\d\.\d, attempt2;dur=\d+\.\d$/)
      expect(headers.get('x-llm-proxy-attempts')).toBe('2')
      await body?.cancel()
    },
  )
})
