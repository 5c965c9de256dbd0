import { describe, expect, test } from 'bun:test'
import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { HeaderList, type HeaderPair } from '#kit/header-list.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { Asked, TranslateMeans, Translation } from '#translate/asked.ts'
import type { WayBack } from '#translate/codec.ts'
import type { CommonEvent, CommonResponse } from '#translate/common.ts'
import { isRejection } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import type { Answered } from '#translate/recall.ts'
import { Codecs } from '#translate/registry.ts'
import { translate } from '#translate/translate.ts'
import { unfolded } from '#translate/unfold.ts'
import { cut } from '../../support/common-events.ts'
import { seededRandom } from '#ports/random.ts'
import { plainPolicy } from '../../support/common-request.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { HandBody } from '../../support/hand-body.ts'
import { plainBackend, plainClient } from '../../support/plain-codec.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

interface Wish {
  readonly stream?: boolean
  readonly body?: object | string
  readonly headers?: Record<string, string>
  readonly back?: Partial<WayBack>
  /** The backend is asked for a stream. */
  readonly asksStream?: boolean
  readonly form?: StreamForm
  readonly means?: Partial<TranslateMeans>
  readonly asked?: Partial<Asked>
}

function callOf({ stream = false, body = { a: 1 }, headers = {}, form = 'chat' }: Wish): Call {
  return {
    endpoint: { path: '/v1/plain', dialect: 'openai', reads: 'json', stream: form },
    method: 'POST',
    path: '/v1/plain',
    query: 'key=1',
    headers: new Headers(headers),
    model: 'alias',
    stream,
    body: encode(typeof body === 'string' ? body : JSON.stringify(body)),
    modelAt: { start: 3, end: 5 },
    client: { peer: undefined, tls: false } as unknown as Call['client'],
  }
}

async function ask(wish: Wish = {}): Promise<Awaited<ReturnType<typeof translate>>> {
  const codecs = new Codecs()
  codecs.register('plain', { client: plainClient, backend: plainBackend(wish.back, wish.asksStream) })
  return await translate(
    {
      call: callOf(wish),
      talk: { form: 'plain', does: 'generate' },
      form: 'plain',
      model: 'real',
      backend: 'b',
      protocol: 'openai',
      profile: profileOf('chat', 'openai', 'real'),
      policy: plainPolicy,
      requestId: 'req_1',
      ...wish.asked,
    },
    { ids, clock: new FakeClock(), codecs, ...wish.means },
  )
}

async function translation(wish: Wish = {}): Promise<Translation> {
  const asked = await ask(wish)
  if (isRejection(asked)) throw new Error(asked.message)
  return asked
}

const said: CommonResponse = {
  id: 'a',
  model: 'm',
  createdAt: 1,
  choices: [{ index: 0, parts: [{ kind: 'text', text: 'Hello 🙂' }], finish: { reason: 'stop' } }],
  usage: { input: 3, output: 2 },
  tier: undefined,
  fingerprint: undefined,
}
const events = unfolded(said, ids, 1)
const sse = (list: readonly CommonEvent[]): string => list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const jsonBody = JSON.stringify({ response: said })

function whole(text: string, type = 'application/json', status = 200, more: HeaderPair[] = []): IncomingResponse {
  const headers = HeaderList.from([['content-type', type], ...more])
  return { kind: 'response', status, headers, sentMs: undefined, body: new WholeBody(encode(text)) }
}

async function textOf({ body }: IncomingResponse): Promise<string> {
  let text = ''
  for (;;) {
    const step = await body.read()
    if (step === 'end') return text
    if (!(step instanceof Uint8Array)) return `${text}(${step.cause}: ${step.message})`
    text += new TextDecoder().decode(step)
  }
}

describe('a translated call', () => {
  test('is one of the backend’s form, with nothing of the client but its traces (§9.1)', async () => {
    const headers = {
      authorization: 'Bearer client',
      'x-api-key': 'client',
      'anthropic-beta': 'a',
      'x-stainless-os': 'x',
      cookie: 'c',
      'user-agent': 'sdk',
      'idempotency-key': 'i',
      'x-request-id': 'r',
      traceparent: 't',
      'accept-encoding': 'gzip',
    }
    const { call, warnings } = await translation({ headers, body: { a: 1, seed: 5 }, stream: true })
    expect(Object.fromEntries(call.headers)).toEqual({
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      traceparent: 't',
      'user-agent': 'llm-proxy',
      'x-plain': 'yes',
      'x-request-id': 'r',
    })
    expect(call).toMatchObject({ method: 'POST', path: '/plain', query: '', model: 'real', stream: true })
    expect(call.endpoint).toEqual({ path: '/plain', dialect: 'openai', reads: 'json', stream: undefined })
    expect(new TextDecoder().decode(call.body)).toBe('{"model":"real","rest":{"a":1,"seed":5},"messages":[]}')
    expect(warnings.codes).toEqual(['dropped:seed'])
  })

  test('is the same, byte for byte, for the same request', async () => {
    const [first, second] = [await translation({}), await translation({})]
    expect(first.call.body).toEqual(second.call.body ?? new Uint8Array())
  })

  test.each([
    { name: 'what must not be lost', wish: { body: { bad: true } }, field: 'bad' },
    { name: 'a body that is no JSON', wish: { body: 'nonsense' }, field: '' },
    { name: 'a list', wish: { body: [] }, field: '' },
    { name: 'a form that nobody knows', wish: { asked: { form: 'other' } }, field: '' },
    {
      name: 'a talk that nobody translates',
      wish: { asked: { form: 'other', talk: { form: 'plain', does: 'embed' } } },
      field: '',
    },
  ] as const)('is not made of $name', async ({ wish, field }) => {
    expect(await ask(wish)).toMatchObject({ kind: 'rejection', field })
  })

  test('refuses what would be dropped, where the operator is strict', async () => {
    const rejected = await ask({ body: { seed: 1 }, asked: { policy: { ...plainPolicy, mode: 'strict' } } })
    expect(rejected).toMatchObject({ kind: 'rejection', field: 'seed' })
  })

  describe('holds files by address', () => {
    const image = { kind: 'media', medium: 'image', mime: '', source: { url: 'https://files/a.png' } }
    const inResult = { kind: 'tool_result', callId: 'c', parts: [image], isError: false, isCustom: false }
    const body = { messages: [{ role: 'user', placement: 'inline', parts: [image, inResult] }] }
    const profile = {
      ...profileOf('chat', 'openai', 'real'),
      takesMediaUrls: false,
      media: new Set(['image'] as const),
    }

    test('as the files themselves, each fetched once', async () => {
      const fetched: string[] = []
      const fetchMedia = async (url: string): Promise<{ mime: string; base64: string }> => {
        fetched.push(url)
        return await Promise.resolve({ mime: 'image/png', base64: 'AAAA' })
      }
      const { call, warnings } = await translation({ body, asked: { profile }, means: { fetchMedia } })
      const sent = new TextDecoder().decode(call.body)
      expect(sent.match(/"mime":"image\/png","source":\{"base64":"AAAA"\}/g)).toHaveLength(2)
      expect(fetched).toEqual(['https://files/a.png'])
      expect(warnings.codes).toEqual(['adapted:url_fetched'])
    })

    test('as they are, where the backend fetches them', async () => {
      const { call } = await translation({ body, asked: { profile: { ...profile, takesMediaUrls: true } } })
      expect(new TextDecoder().decode(call.body)).toContain('"url":"https://files/a.png"')
    })

    test('not at all, where nobody fetches them or they are not there', async () => {
      expect(await ask({ body, asked: { profile } })).toMatchObject({ kind: 'rejection' })
      const fetchMedia = async (): Promise<string> => await Promise.resolve('it is not there')
      const rejected = await ask({ body, asked: { profile }, means: { fetchMedia } })
      expect(rejected).toMatchObject({
        kind: 'rejection',
        field: 'messages[0].content[0]',
        message: 'a file cannot be fetched: it is not there',
      })
    })
  })
})

describe('a translated answer', () => {
  test('body → body', async () => {
    const { answer } = await translation({ body: { seed: 1 } })
    const response = answer(whole(jsonBody))
    expect(response.body.whole).toBeDefined()
    expect(JSON.parse(await textOf(response))).toEqual({ response: JSON.parse(JSON.stringify(said)) as unknown })
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('x-llm-proxy-warnings')).toBe('dropped:seed')
  })

  test('stream → stream, the same for every way of cutting it', async () => {
    const { answer } = await translation({ stream: true })
    const text = sse(events)
    const expected = sse(events)
    expect(await textOf(answer(whole(text, 'text/event-stream')))).toBe(expected)
    for (let seed = 1; seed <= 40; seed++) {
      const hand = new HandBody()
      const response = answer(hand.answer())
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      // Cut between units of UTF-16 that are characters of their own.
      for (const piece of cut(seededRandom(seed), text.replace('🙂', 'é'))) hand.piece(piece)
      hand.end()
      expect(await textOf(response)).toBe(expected.replace('🙂', 'é'))
    }
  })

  test('stream → stream: of lines, of elements, of events that nobody named', async () => {
    const { answer } = await translation({ stream: true })
    const lines = events.map((event) => JSON.stringify(event)).join('\n')
    expect(await textOf(answer(whole(lines, 'application/x-ndjson')))).toBe(sse(events))
    const list = `\n[${events.map((event) => JSON.stringify(event)).join(',')}]`
    expect(await textOf(answer(whole(list, 'application/json')))).toBe(sse(events))
    expect(await textOf(answer(whole(`\n${sse(events)}`, 'text/plain')))).toBe(sse(events))
    expect(await textOf(answer(whole(sse(events), '')))).toBe(sse(events))
  })

  test('a stream that ends before its time just ends: the road sees that its last word is missing', async () => {
    const { answer } = await translation({ stream: true })
    const cutEvents = events.slice(0, -3)
    expect(await textOf(answer(whole(sse(cutEvents), 'text/event-stream')))).toBe(sse(cutEvents))
    const hand = new HandBody([sse(cutEvents)])
    hand.break()
    expect(await textOf(answer(hand.answer()))).toBe(`${sse(cutEvents)}(reset: it broke)`)
  })

  test('an error in a stream is its last word, and the upstream is given up', async () => {
    const { answer } = await translation({ stream: true })
    const error = { event: 'error', error: { kind: 'overloaded', status: 503, message: 'no' } } as const
    const hand = new HandBody([sse([...events.slice(0, 2), error])])
    const text = await textOf(answer(hand.answer()))
    expect(text).toBe(`${sse(events.slice(0, 2))}event: error\n${sse([error])}`)
    expect(hand.asked).toEqual(['cancel'])
  })

  test('behind its last word the end of the upstream is awaited, and nothing else told', async () => {
    const { answer } = await translation({ stream: true })
    const hand = new HandBody([sse(events)])
    const response = answer(hand.answer())
    const first = await response.body.read()
    expect(first).toBeInstanceOf(Uint8Array)
    hand.piece(sse(events))
    hand.end()
    expect(await response.body.read()).toBe('end')
    expect(hand.asked).toEqual([])
  })

  test('a sign of life is one in the client’s form', async () => {
    const { answer } = await translation({ stream: true, form: 'messages' })
    const hand = new HandBody([sse([{ event: 'keepalive' }])])
    const piece = await answer(hand.answer()).body.read()
    expect(new TextDecoder().decode(piece as Uint8Array)).toBe('event: ping\ndata: {"type":"ping"}\n\n')
  })

  test('a body, where a stream was asked for, becomes one (§11.9)', async () => {
    const { answer } = await translation({ stream: true })
    const response = answer(whole(jsonBody))
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await textOf(response)).toBe(sse(events))
    const error = await textOf(answer(whole('{"error":{"message":"no","type":"overloaded_error"}}')))
    expect(error).toStartWith('event: error\ndata: {"event":"error","error":{"kind":"overloaded"')
  })

  test('a stream, where none was asked for, becomes a body (§11.9)', async () => {
    const { answer, call } = await translation({ asksStream: true })
    expect(call.stream).toBe(true)
    const response = answer(whole(sse(events), 'text/event-stream'))
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(JSON.parse(await textOf(response))).toEqual({ response: JSON.parse(JSON.stringify(said)) as unknown })
    const cutShort = answer(whole(sse(events.slice(0, -1)), 'text/event-stream'))
    expect(await textOf(cutShort)).toBe('(other: its stream ended before it was complete)')
    const error = { event: 'error', error: { kind: 'overloaded', status: 503, message: 'no' } } as const
    expect(await textOf(answer(whole(sse([error]), 'text/event-stream')))).toContain('"message":"no"')
  })

  test('a stop that we look for ends the stream and the upstream (§5.1-6)', async () => {
    const { answer } = await translation({ stream: true, back: { stops: ['lo'] } })
    const hand = new HandBody([sse(events.slice(0, 3))])
    const text = await textOf(answer(hand.answer()))
    expect(text).toContain('"text":"Hel"')
    expect(text).toContain('"stopSequence":"lo"')
    expect(text).toContain('"event":"end"')
    expect(hand.asked).toEqual(['cancel'])
    const body = await translation({ asksStream: true, back: { stops: ['lo'] } })
    const folding = new HandBody([sse(events.slice(0, 3))])
    expect(await textOf(body.answer(folding.answer()))).toContain('"text":"Hel"')
    expect(folding.asked).toEqual(['cancel'])
  })

  describe('with an error status', () => {
    const limited = '{"error":{"message":"slow down","type":"rate_limit_error"}}'

    test('is one in the client’s form, with what tells when to come back (§8.3)', async () => {
      const { answer } = await translation()
      const response = answer(
        whole(limited, 'application/json', 429, [
          ['retry-after', '3'],
          ['x-request-id', 'up'],
        ]),
      )
      expect(response.status).toBe(429)
      expect(JSON.parse(await textOf(response))).toMatchObject({ error: { message: 'slow down' } })
      const told = ['retry-after', 'retry-after-ms', 'x-should-retry', 'x-request-id', 'content-type']
      expect(told.map((name) => response.headers.get(name))).toEqual(['3', '3000', null, 'up', 'application/json'])
    })

    test('is not tried again where that is hopeless', async () => {
      const { answer } = await translation()
      const quota = '{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}'
      expect(answer(whole(quota, 'application/json', 429)).headers.get('x-should-retry')).toBe('false')
      expect(answer(whole('{}', 'application/json', 400)).headers.get('x-should-retry')).toBeNull()
    })

    test('may come in pieces, or not at all', async () => {
      const { answer } = await translation({ stream: true })
      const hand = new HandBody([limited.slice(0, 20), limited.slice(20)])
      hand.end()
      const response = answer(hand.answer('application/json', 429))
      expect(response.status).toBe(429)
      expect(JSON.parse(await textOf(response))).toMatchObject({ error: { message: 'slow down' } })
      const empty = new HandBody()
      empty.end()
      expect(JSON.parse(await textOf(answer(empty.answer('', 503))))).toHaveProperty('error.message')
      expect(JSON.parse(await textOf(answer(whole('<html>', 'text/html', 502))))).toHaveProperty('error.message')
    })

    test('is told by its status when it is compressed', async () => {
      const { answer } = await translation()
      const response = answer(whole('\u001f\u008b', 'application/json', 503, [['content-encoding', 'gzip']]))
      expect(JSON.parse(await textOf(response))).toHaveProperty('error.message')
    })
  })

  test.each([
    {
      name: 'is compressed',
      response: whole('x', 'application/json', 200, [['content-encoding', 'gzip']]),
      says: '(malformed: its answer is compressed against our wish)',
    },
    { name: 'is no JSON', response: whole('nonsense'), says: '(malformed: its answer is no JSON)' },
    { name: 'is empty', response: whole(''), says: '' },
    {
      name: 'makes a converter throw',
      response: whole('data: throw\n\n', 'text/event-stream'),
      says: '(malformed: its answer cannot be translated: a converter of the operator)',
    },
  ])('that $name is none', async ({ response, says }) => {
    const { answer } = await translation()
    expect(await textOf(answer(response))).toBe(says)
  })

  test('that nobody translates is the road’s to judge', async () => {
    const { answer } = await translation()
    for (const response of [whole('<html>', 'text/html'), whole('', '', 302)]) expect(answer(response)).toBe(response)
  })

  test('is remembered when it came to its end, streamed or not', async () => {
    const remembered: Answered[] = []
    const remember = (answered: Answered): void => void remembered.push(answered)
    const body = await translation({ means: { remember } })
    body.answer(whole(jsonBody))
    const stream = await translation({ stream: true, means: { remember } })
    stream.answer(whole(sse(events), 'text/event-stream'))
    stream.answer(whole(sse(events.slice(0, -1)), 'text/event-stream'))
    const parts = [{ kind: 'text', text: 'Hello 🙂' }]
    expect(remembered).toHaveLength(2)
    expect(remembered).toMatchObject([
      { form: 'plain', body: { a: 1 }, parts },
      { form: 'plain', body: { a: 1 }, parts },
    ])
  })
})
