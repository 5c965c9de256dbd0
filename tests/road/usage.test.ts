import { beforeAll, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { Exchange } from '#core/exchange.ts'
import { HeaderList } from '#kit/header-list.ts'
import { ask, byHost, done, finish, letPass, paced, reading, role, routesOn, says } from '../support/chat-road.ts'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { dataEvent, namedEvent } from '../support/streams.ts'
import { bodyFrom } from '../support/upstream.ts'

const one = `
backends: [{ name: a, url: "http://a/v1" }]
models: { m: { routes: [{ backend: a, model: up }] } }
`
const claude = `
backends: [{ name: a, url: "http://a", protocol: anthropic }]
models: { m: { routes: [{ backend: a, model: up }] } }
`

// What is loaded with the first translated request takes real time, and that of these tests is not.
beforeAll(async () => {
  const road = await openRoad(claude, () => messagesAnswer())
  await road.chat('m')
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })
  await road.fetch('/v1beta/models/m:generateContent', { method: 'POST', body })
})

const counted = {
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  prompt_tokens_details: { cached_tokens: 60 },
}
const usageEvent = dataEvent({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'up',
  choices: [],
  usage: counted,
})
const upstream = { inputTokens: 100, outputTokens: 20, cachedTokens: 60, source: 'upstream' }

function jsonWith(usage: unknown, text = 'hello'): Response {
  return Response.json({
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage,
  })
}

function messagesAnswer(): Response {
  return Response.json({
    id: 'msg',
    type: 'message',
    role: 'assistant',
    model: 'up',
    content: [{ type: 'text', text: 'hi' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 7 },
  })
}

const messagesStart = namedEvent({
  type: 'message_start',
  message: {
    id: 'msg',
    type: 'message',
    role: 'assistant',
    content: [],
    model: 'up',
    stop_reason: null,
    usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 1 },
  },
})
const messagesText =
  namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
  namedEvent({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'Hello there, how are you today?' },
  })
const messagesEnd =
  namedEvent({ type: 'content_block_stop', index: 0 }) +
  namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }) +
  namedEvent({ type: 'message_stop' })

async function exchangeOf(yaml: string, answer: Upstream, extra: Record<string, unknown> = {}): Promise<Exchange> {
  const road = await openRoad(yaml, answer)
  await ask(road, 5000, extra)
  return settledIn(road)
}

function settledIn({ settled }: Road): Exchange {
  const [exchange] = settled
  if (exchange === undefined) throw new Error('Nothing was settled')
  return exchange
}

describe('what a provider tells is what counts', () => {
  test('of a whole answer', async () => {
    expect((await exchangeOf(one, () => jsonWith(counted))).usage).toEqual(upstream as never)
  })

  test('of one that is compressed', async () => {
    const exchange = await exchangeOf(one, () => {
      const body = gzipSync(JSON.stringify({ choices: [{ message: { content: 'x' } }], usage: counted }))
      return new Response(body, { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } })
    })
    expect(exchange.usage).toEqual(upstream as never)
  })

  test('of a stream', async () => {
    const answer = (): Response => eventStream([role, says('hello'), finish, usageEvent, 'data: [DONE]\n\n'])
    expect((await exchangeOf(one, answer, { stream: true })).usage).toEqual(upstream as never)
  })

  test('of a stream of Messages, whose beginning and end tell each a part', async () => {
    const road = await openRoad(claude, () => eventStream([messagesStart, messagesText, messagesEnd]))
    const body = JSON.stringify({
      model: 'm',
      max_tokens: 9,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    })
    await (await road.fetch('/v1/messages', { method: 'POST', body })).text()
    expect(settledIn(road).usage).toEqual({
      inputTokens: 100,
      outputTokens: 7,
      cachedTokens: 90,
      source: 'upstream',
    } as never)
  })

  test.each([{ stream: false }, { stream: true }])(
    'of a translated answer, though its client did not ask: %p',
    async ({ stream }) => {
      const answer = (): Response =>
        stream ? eventStream([messagesStart, messagesText, messagesEnd]) : messagesAnswer()
      const exchange = await exchangeOf(claude, answer, { stream })
      expect(exchange.usage).toEqual({
        inputTokens: 100,
        outputTokens: 7,
        cachedTokens: 90,
        source: 'upstream',
      } as never)
    },
  )

  test('#5289: an error answer took nothing, unless it says so', async () => {
    const failing = `${one}\nfallback: { cooldown_seconds: 0 }`
    const told = await exchangeOf(failing, () =>
      Response.json({ error: { message: 'You used "usage" of many tokens' } }, { status: 400 }),
    )
    expect([told.status, told.usage]).toEqual([400, undefined])
  })

  test('what was asked about an earlier request is not taken again', async () => {
    const road = await openRoad(one, () => jsonWith(counted))
    await road.fetch('/v1/responses/resp_1', { headers: { 'x-llm-proxy-model': 'm' } })
    for (const { usage } of road.settled) expect(usage).toBeUndefined()
  })

  test('usage.enabled: false: nobody counts', async () => {
    const exchange = await exchangeOf(`${one}\nusage: { enabled: false }`, () => jsonWith(counted))
    expect([exchange.usage, exchange.costUsd]).toEqual([undefined, undefined])
  })

  test('it is there before anything is paid that goes by it', async () => {
    const road = await openRoad(one, () => jsonWith(counted))
    const seen: unknown[] = []
    const { live } = road.gateway
    const add = live.add.bind(live)
    live.add = (exchange) => {
      add(exchange)
      exchange.debts.owe({ pay: () => void seen.push(exchange.usage?.inputTokens) })
    }
    await road.chat('m')
    expect(seen).toEqual([100])
  })
})

test('#7241: a response that is incomplete, in pieces cut anywhere, whose texts speak of usage', async () => {
  const text = '"usage": {"input_tokens": 1, "output_tokens": 1} '.repeat(150)
  const usage = { input_tokens: 100, input_tokens_details: { cached_tokens: 60 }, output_tokens: 20 }
  const stream = [
    namedEvent({ type: 'response.created', response: { id: 'r', status: 'in_progress', output: [], usage: null } }),
    namedEvent({ type: 'response.output_text.delta', item_id: 'i', output_index: 0, content_index: 0, delta: text }),
    namedEvent({
      type: 'response.incomplete',
      response: {
        id: 'r',
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        output: [{ type: 'message', id: 'i', role: 'assistant', content: [{ type: 'output_text', text }] }],
        usage,
        metadata: { usage: 'none' },
      },
    }),
  ].join('')
  for (const size of [1_000_000, 4096, 997]) {
    const pieces = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    const road = await openRoad(
      one,
      paced(
        pieces.map((piece) => [0, piece] as const),
        'end',
      ),
    )
    const body = JSON.stringify({ model: 'm', stream: true, input: 'hi' })
    const told = reading(road, road.fetch('/v1/responses', { method: 'POST', body }))
    await letPass(road.clock, 5000, () => told.ended !== undefined)
    expect(settledIn(road).usage).toEqual(upstream as never)
  }
})

test('a refusal of Claude, as a client of Gemini gets it, is a whole stream', async () => {
  const refused =
    messagesStart +
    namedEvent({ type: 'message_delta', delta: { stop_reason: 'refusal' }, usage: { output_tokens: 5 } }) +
    namedEvent({ type: 'message_stop' })
  const pieces = refused.match(/[^]{1,30}/g) ?? []
  const road = await openRoad(
    claude,
    paced(
      pieces.map((piece) => [0, piece] as const),
      'end',
    ),
  )
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })
  const told = reading(road, road.fetch('/v1beta/models/m:streamGenerateContent?alt=sse', { method: 'POST', body }))
  await letPass(road.clock, 5000, () => told.ended !== undefined)
  const { outcome, usage } = settledIn(road)
  expect([outcome, usage?.source, usage?.outputTokens]).toEqual(['complete', 'upstream', 5])
})

describe('what nobody told is estimated, and said to be', () => {
  test('of a stream of Chat without usage', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(10)
    const { usage } = await exchangeOf(one, () => eventStream([role, says(text), done]), { stream: true })
    expect(usage?.source).toBe('estimated')
    expect(usage?.outputTokens).toBeWithin(80, 150)
    expect(usage?.inputTokens).toBeWithin(5, 40)
  })

  test.each([{ usage: { prompt_tokens: -1, completion_tokens: 'many' } }, { usage: '{}' }, {}])(
    'F104: of an answer with %p',
    async ({ usage: told }) => {
      const { usage } = await exchangeOf(one, () => jsonWith(told, 'four words of text'))
      expect(usage?.source).toBe('estimated')
      expect(usage?.outputTokens).toBeWithin(3, 9)
    },
  )

  test('F28: of a stream that broke, what came', async () => {
    const road = await openRoad(claude, () => eventStream([messagesStart, messagesText], 'cut'))
    const body = JSON.stringify({
      model: 'm',
      max_tokens: 9,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    })
    const told = reading(road, road.fetch('/v1/messages', { method: 'POST', body }))
    await letPass(road.clock, 5000, () => told.ended !== undefined)
    const { usage, outcome } = settledIn(road)
    // The prompt was told at the beginning.
    expect([outcome, usage?.source, usage?.inputTokens]).toEqual(['upstream_broke', 'estimated', 100])
    expect(usage?.outputTokens).toBeWithin(6, 14)
  })

  test('F38 #7062: of a stream whose client left, what came until then', async () => {
    const road = await openRoad(
      one,
      paced(
        [
          [0, role],
          [0, says('one two three four five six seven eight')],
          [60_000, done],
        ],
        'end',
      ),
    )
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.read()
    await reader?.cancel()
    await letPass(road.clock, 1000)
    const { usage, outcome } = settledIn(road)
    expect([outcome, usage?.source]).toEqual(['client_closed', 'estimated'])
    expect(usage?.outputTokens).toBeWithin(6, 14)
  })

  test('F38: with streaming.on_disconnect: finish the rest is read, and tells', async () => {
    const road = await openRoad(
      `${one}\nstreaming: { on_disconnect: finish }`,
      paced(
        [
          [0, role],
          [0, says('one')],
          [2000, finish + usageEvent + 'data: [DONE]\n\n'],
        ],
        'end',
      ),
    )
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await letPass(road.clock, 5000)
    const { usage, outcome } = settledIn(road)
    expect(outcome).toBe('client_closed')
    expect(usage).toEqual(upstream as never)
  })

  test('of a stream that another route went on with, what the client got of both', async () => {
    const road = await openRoad(
      routesOn(['a', 'b'], 'rescue: prefill, heartbeat: 0'),
      byHost({
        a: () => eventStream([role, says('one two three four five six')], 'cut'),
        b: () => eventStream([role, says(' seven'), finish, usageEvent, 'data: [DONE]\n\n']),
      }),
    )
    const told = reading(road, road.chat('m', { stream: true }))
    await letPass(road.clock, 5000, () => told.ended !== undefined)
    const { usage, rescuedAtBytes } = settledIn(road)
    expect(rescuedAtBytes).toHaveLength(1)
    expect(usage?.source).toBe('estimated')
    expect(usage?.outputTokens).toBeWithin(24, 32)
  })
})

describe('prices', () => {
  test('usage.pricing: what a request cost, by the model that answered; other models are not', async () => {
    const priced = `${one}\nusage: { pricing: { up: { input: 2, output: 10, cached_input: 0.5 }, other: { input: 1, output: 1 } } }`
    const exchange = await exchangeOf(priced, () => jsonWith(counted))
    expect(exchange.costUsd).toBeCloseTo((40 * 2 + 60 * 0.5 + 20 * 10) / 1e6, 12)
    const unknown = await exchangeOf(one, () => jsonWith(counted))
    expect(unknown.costUsd).toBeUndefined()
  })

  test.each([
    { key: 'per: thousand', price: '{ input: 2, output: 10, per: thousand }', usd: 0.4 },
    { key: 'cache_write', price: '{ input: 2, output: 10, cache_write: 100 }', usd: (90 * 2 + 10 * 100 + 70) / 1e6 },
    { key: 'reasoning', price: '{ input: 2, output: 10, reasoning: 30 }', usd: (200 + 20 * 30) / 1e6 },
  ])('usage.pricing.<name>.$key', async ({ key, price, usd }) => {
    const told =
      key === 'cache_write'
        ? { prompt_tokens: 100, completion_tokens: 7, prompt_tokens_details: { cache_write_tokens: 10 } }
        : {
            prompt_tokens: 100,
            completion_tokens: 20,
            completion_tokens_details: { reasoning_tokens: key === 'reasoning' ? 20 : 0 },
          }
    const exchange = await exchangeOf(`${one}\nusage: { pricing: { "u*": ${price} } }`, () => jsonWith(told))
    expect(exchange.costUsd).toBeCloseTo(usd, 10)
  })

  test('headers.debug: a whole answer tells its cost, a stream cannot, and nobody does without a price', async () => {
    const priced = `${one}\nusage: { pricing: { up: { input: 2, output: 10 } } }\nheaders: { debug: true }`
    let streams = false
    const road = await openRoad(priced, () =>
      streams ? eventStream([role, says('hello'), finish, usageEvent, 'data: [DONE]\n\n']) : jsonWith(counted),
    )
    const told = async (): Promise<string | null> => {
      const { status, headers, body } = await road.chat('m', { stream: streams })
      await body?.cancel()
      expect(status).toBe(200)
      return headers.get('x-llm-proxy-cost')
    }
    expect(await told()).toBe('0.0004')
    streams = true
    expect(await told()).toBeNull()
    streams = false
    await road.reload(`${one}\nheaders: { debug: true }`)
    expect(await told()).toBeNull()
    await road.reload(priced.replace('debug: true', 'debug: false'))
    expect(await told()).toBeNull()
  })

  test('a reload brings other prices', async () => {
    const road = await openRoad(`${one}\nusage: { pricing: { up: { input: 1, output: 1 } } }`, () => jsonWith(counted))
    await road.chat('m')
    await road.reload(`${one}\nusage: { pricing: { up: { input: 2, output: 2 } } }`)
    await road.chat('m')
    const [first = 0, second = 0] = road.settled.map(({ costUsd }) => costUsd ?? 0)
    expect(second / first).toBeCloseTo(2, 9)
  })
})

test('an answer that is too large to be held tells it at its end', async () => {
  const exchange = await exchangeOf(one, () => {
    const body = JSON.stringify({ choices: [{ message: { content: 'x'.repeat(3_000_000) } }], usage: counted })
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        const bytes = new TextEncoder().encode(body)
        for (let at = 0; at < bytes.length; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536))
        controller.close()
      },
    })
    const headers = HeaderList.from(new Headers({ 'content-type': 'application/json' }))
    return { kind: 'response', status: 200, headers, sentMs: undefined, body: bodyFrom(stream) }
  })
  expect(exchange.usage).toEqual(upstream as never)
})

test('an answer without usage keeps its bytes', async () => {
  const road = await openRoad(one, () => chatAnswer('hello'))
  expect(await (await road.chat('m')).text()).toContain('hello')
})
