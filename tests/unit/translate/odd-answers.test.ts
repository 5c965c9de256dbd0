import { describe, expect, test } from 'bun:test'
import type { Call } from '#core/call.ts'
import { encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { Asked, Translation } from '#translate/asked.ts'
import { carrierOf } from '#translate/carrier.ts'
import type { CommonEvent, PartHead } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { isRejection, Notes, type Rejection } from '#translate/notes.ts'
import { passageTo } from '#translate/passage.ts'
import { profileOf } from '#translate/profiles.ts'
import { rateLimitsFor } from '#translate/rate-limits.ts'
import type { Answered } from '#translate/recall.ts'
import { Codecs } from '#translate/registry.ts'
import { Serial } from '#translate/serial.ts'
import { StreamToBody } from '#translate/stream-answer.ts'
import { translate } from '#translate/translate.ts'
import { openUnframer } from '#translate/unframe.ts'
import { EventLog } from '../../support/common-events.ts'
import { plainPolicy } from '../../support/common-request.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { HandBody } from '../../support/hand-body.ts'
import { noWayBack, plainBackend, plainClient } from '../../support/plain-codec.ts'
import { sealed } from '#translate/opaque.ts'

/* What upstreams and clients may do that nobody asked them for. */

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }
const text: PartHead = { kind: 'text' }
const start: CommonEvent = { event: 'start', id: 'a', model: 'm', createdAt: 1 }
const begins = (part: number, head: PartHead = text): CommonEvent => ({ event: 'part_start', choice: 0, part, head })
const delta = (part: number, told: string): CommonEvent => ({ event: 'part_delta', choice: 0, part, text: told })
const finish: CommonEvent = { event: 'finish', choice: 0, finish: { reason: 'stop' } }
const end: CommonEvent = { event: 'end' }
const sse = (event: CommonEvent): string => `data: ${JSON.stringify(event)}\n\n`

function callOf(path: string, body: object, stream = false): Call {
  return {
    endpoint: { path, dialect: 'openai', reads: 'json', stream: 'chat' },
    method: 'POST',
    path,
    query: '',
    headers: new Headers(),
    model: 'alias',
    stream,
    body: encode(JSON.stringify(body)),
    modelAt: { start: 0, end: 0 },
    client: { peer: undefined, tls: false } as unknown as Call['client'],
  }
}

async function asked(
  wish: Partial<Asked>,
  more: { stops?: string[]; asksStream?: boolean; remember?: (told: Answered) => void } = {},
): Promise<Translation | Rejection> {
  const codecs = new Codecs()
  const { stops = [], asksStream, remember } = more
  codecs.register('plain', { client: plainClient, backend: plainBackend({ stops }, asksStream) })
  return await translate(
    {
      call: callOf('/v1/plain', {}),
      talk: { form: 'plain', does: 'generate' },
      form: 'plain',
      model: 'real',
      backend: 'b',
      protocol: 'openai',
      profile: profileOf('chat', 'openai', 'real'),
      policy: plainPolicy,
      requestId: 'req_1',
      ...wish,
    },
    { ids, clock: new FakeClock(), codecs, remember },
  )
}

async function translation(...wish: Parameters<typeof asked>): Promise<Translation> {
  const made = await asked(...wish)
  if (isRejection(made)) throw new Error(made.message)
  return made
}

test('line ends of two kinds are two line ends, wherever the bytes are cut', () => {
  const stream = 'event: a\ndata: {"x":1}\r\n\nevent: b\ndata: {"y":2}\r\r\nevent: c\r\ndata: 3\n\r\n'
  const readIn = (size: number): string[] => {
    const unframer = openUnframer('sse')
    const events: string[] = []
    const sink = { takeFramed: (name: string, data: string) => void events.push(name + data) }
    for (let at = 0; at < stream.length; at += size) unframer.push(encode(stream.slice(at, at + size)), sink)
    unframer.end(sink)
    return events
  }
  expect(readIn(1000)).toEqual(['a{"x":1}', 'b{"y":2}', 'c3'])
  for (const size of [1, 2, 3, 5]) expect(readIn(size)).toEqual(readIn(1000))
})

test.each([
  { rest: '{"b":2}', events: ['{"a":1}', '{"b":2}'], isTorn: false },
  { rest: '{"b":', events: ['{"a":1}'], isTorn: true },
])('a last line without its end is an event, or torn: $rest', ({ rest, events, isTorn }) => {
  const unframer = openUnframer('lines')
  const told: string[] = []
  const sink = { takeFramed: (_name: string, data: string) => void told.push(data) }
  unframer.push(encode(`{"a":1}\n${rest}`), sink)
  unframer.end(sink)
  expect(told).toEqual([...events])
  expect(unframer.isTorn).toBe(isTorn)
})

describe('headers', () => {
  test('a limit that comes back after millions of years is none', () => {
    const headers = new Headers({ 'x-ratelimit-reset-requests': '999999999d', 'x-ratelimit-limit-requests': '5' })
    expect(rateLimitsFor('messages', headers, 0)).toEqual([['anthropic-ratelimit-requests-limit', '5']])
  })

  test('neither is such a wait', async () => {
    const { answer } = await translation({})
    const headers = HeaderList.from([['x-ratelimit-reset-requests', '999999999d']])
    const told = answer({
      kind: 'response',
      status: 429,
      headers,
      sentMs: undefined,
      body: new WholeBody(encode('{}')),
    })
    expect(told.headers.get('retry-after')).toBe('1000000')
  })

  test('more warnings than there is room for are a header all the same', () => {
    const notes = new Notes()
    for (let at = 0; at < 100; at++) notes.drop(`dropped:something_${at}`)
    const header = notes.header() ?? ''
    expect(header.endsWith(',...')).toBe(true)
    expect(new Headers({ 'x-llm-proxy-warnings': header }).get('x-llm-proxy-warnings')).toBe(header)
  })
})

describe('a stream', () => {
  test('of many calls that come all at once is not looked through for each of them', () => {
    const log = new EventLog()
    const serial = new Serial(log)
    const calls = 300
    for (let call = 0; call < calls; call++) {
      serial.take(begins(call, { kind: 'tool_call', id: `c${call}`, name: 'f', isCustom: false, tool: 'function' }))
    }
    const startedMs = performance.now()
    for (let at = 0; at < 100_000; at++) serial.take(delta(at % calls, '1'))
    serial.take(finish)
    expect(log.events.filter(({ event }) => event === 'part_delta')).toHaveLength(100_000)
    expect(log.events.filter(({ event }) => event === 'part_end')).toHaveLength(calls)
    // Looking through all of them for each takes seconds.
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })

  test('whose parts nobody ended tells what was held back of them before it finishes', () => {
    const log = new EventLog()
    const way = { back: { ...noWayBack, stops: ['STOP', 'END'] }, hasTags: false, form: 'plain' }
    const { first } = passageTo(log, way, { choices: 1, inputEstimate: 1 }, false)
    for (const event of [start, begins(0), delta(0, 'hi ST'), finish, end]) first.take(event)
    const told = log.events.flatMap((event) => (event.event === 'part_delta' ? event.text : event.event))
    expect(told.slice(-4).join('')).toBe('hi STfinishend')
  })

  test('that is put together is an answer with its last word, though the upstream does not hang up', async () => {
    const { answer } = await translation({}, { asksStream: true })
    const hand = new HandBody()
    const { body } = answer(hand.answer())
    const read = body.read()
    hand.piece([start, begins(0), delta(0, 'hi'), finish, end].map(sse).join(''))
    const piece = await read
    expect(piece instanceof Uint8Array && new TextDecoder().decode(piece)).toContain('"text":"hi"')
    expect(await body.read()).toBe('end')
    expect(hand.asked).toEqual(['cancel'])
  })

  test('that is put together breaks where it never comes to an end of beginnings', () => {
    const fold = new Fold()
    const way = { back: noWayBack, hasTags: false, form: 'plain' }
    const codec = plainBackend()
    const reader = codec.openReader({ model: 'm', profile: profileOf('chat', 'openai', 'm'), ids, nowSeconds: 1 })
    const source = { unframer: openUnframer('sse'), reader, unwrap: undefined }
    const rewriter = new StreamToBody(
      source,
      passageTo(fold, way, { choices: 1, inputEstimate: 1 }, false),
      fold,
      () => new Uint8Array(),
    )
    rewriter.push(encode(sse(start)))
    const many = encode(Array.from({ length: 10_000 }, (_, part) => sse(begins(part))).join(''))
    let pushes = 0
    while (rewriter.failure === undefined && pushes < 100) {
      rewriter.push(many)
      pushes++
    }
    expect(rewriter.failure?.message).toBe('its answer is too large')
  })

  test('leaves nothing in memory for the next request but what this may need', async () => {
    const kept: Answered[] = []
    const opaque = { form: 'plain', family: 'p', kind: 'signature', payload: 'sig' } as const
    const { answer } = await translation(
      { call: callOf('/v1/plain', {}, true) },
      { remember: (told) => void kept.push(told) },
    )
    const hand = new HandBody()
    const { body } = answer(hand.answer())
    hand.piece(
      [
        start,
        begins(0, { kind: 'reasoning', style: 'raw', isRedacted: false }),
        delta(0, 'hm'),
        { event: 'part_meta', choice: 0, part: 0, meta: { opaque } } as const,
        begins(1),
        delta(1, 'long text'),
        begins(2, { kind: 'tool_call', id: 'c', name: 'f', isCustom: false, tool: 'function' }),
        delta(2, '{"long":"args"}'),
        finish,
        end,
      ]
        .map(sse)
        .join(''),
    )
    await body.read()
    expect(kept).toHaveLength(1)
    expect(kept[0]?.parts).toMatchObject([
      { kind: 'reasoning', text: 'hm', opaque },
      { kind: 'tool_call', id: 'c' },
    ])
    expect(JSON.stringify(kept[0]?.parts)).not.toContain('long')
  })
})

test('stop sequences without number are refused, for each costs time with every word of the answer', async () => {
  const many = Array.from({ length: 65 }, (_, at) => `stop ${at}`)
  expect(await asked({}, { stops: many })).toMatchObject({ kind: 'rejection', field: 'stop' })
  expect(await asked({}, { stops: ['x'.repeat(1025)] })).toMatchObject({ kind: 'rejection', field: 'stop' })
  expect(isRejection(await asked({}, { stops: many.slice(1) }))).toBe(false)
})

describe('Claude in a cloud', () => {
  const messages = [
    { role: 'user', content: 'q' },
    {
      role: 'assistant',
      content: [
        {
          type: 'thinking',
          thinking: 't',
          signature: sealed({ form: 'chat', family: 'gpt', kind: 'text', payload: '' }),
        },
        { type: 'text', text: 'a' },
      ],
    },
    { role: 'user', content: 'more' },
  ]
  const cloud = {
    call: callOf('/v1/messages', { model: 'alias', max_tokens: 9, messages }),
    talk: { form: 'messages', does: 'generate' },
    form: 'messages',
    protocol: 'bedrock',
    carrier: carrierOf('bedrock_invoke'),
  } as const

  test('is not sent the thoughts of others either (§6.4)', async () => {
    const { call, warnings } = await translation(cloud)
    expect(JSON.parse(new TextDecoder().decode(call.body))).toMatchObject({
      messages: [{}, { content: [{ type: 'text', text: 'a' }] }, {}],
    })
    expect(warnings.header()).toBe('dropped:foreign_reasoning')
  })

  test('is not asked where a strict client loses something (§3)', async () => {
    expect(await asked({ ...cloud, policy: { ...plainPolicy, mode: 'strict' } })).toMatchObject({ kind: 'rejection' })
  })
})
