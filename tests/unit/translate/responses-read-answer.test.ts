import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import { seededRandom } from '#ports/random.ts'
import type { CommonEvent, CommonResponse } from '#translate/common.ts'
import { responsesBackend } from '#translate/responses/backend.ts'
import { commonEvents, faultsOf } from '../../support/common-events.ts'
import { answerFacts, folded, foldedParts, framedEvents, readStream } from '../../support/responses-codec.ts'

function readBody(told: JsonObject, model?: string): CommonResponse {
  const read = responsesBackend.readBody(told, answerFacts(model))
  if (!('choices' in read)) throw new Error(read.message)
  return read
}

function body(output: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  return { id: 'resp_1', object: 'response', status: 'completed', model: 'gpt-5-2026', created_at: 5, output, ...more }
}

const message: JsonObject = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
}
const weather: JsonObject = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'weather',
  arguments: '{"city": "Oslo"}',
}
const created: JsonObject = {
  type: 'response.created',
  response: { id: 'resp_1', model: 'gpt-5-2026', created_at: 5, output: [] },
}

function completed(more: JsonObject = {}): JsonObject {
  return { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [], ...more } }
}

function lastError(events: readonly CommonEvent[]): unknown {
  const last = events.at(-1)
  return last?.event === 'error' ? last.error : undefined
}

describe('a body', () => {
  test('is parts in the order of its items', () => {
    const reasoning = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [
        { type: 'summary_text', text: 'a' },
        { type: 'summary_text', text: 'b' },
      ],
      encrypted_content: 'gAAA',
    }
    const custom = { type: 'custom_tool_call', id: 'ctc_1', call_id: 'call_2', name: 'sql', input: 'SELECT 1' }
    const read = readBody(body([reasoning, message, weather, custom], { service_tier: 'flex' }))
    expect(read).toMatchObject({ id: 'resp_1', model: 'gpt-5-2026', createdAt: 5, tier: 'flex' })
    expect(read.choices).toMatchObject([
      {
        finish: { reason: 'tool_calls', native: 'completed' },
        parts: [
          {
            kind: 'reasoning',
            text: 'a\n\nb',
            style: 'summary',
            itemId: 'rs_1',
            opaque: { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'gAAA' },
          },
          { kind: 'text', text: 'Hello' },
          { kind: 'tool_call', id: 'call_1', name: 'weather', args: { raw: '{"city": "Oslo"}' }, isCustom: false },
          { kind: 'tool_call', id: 'call_2', name: 'sql', args: { raw: 'SELECT 1' }, isCustom: true },
        ],
      },
    ])
  })

  test('usage has its details (§7.2)', () => {
    const usage = {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 1 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 2 },
    }
    expect(readBody(body([], { usage })).usage).toMatchObject({
      input: 10,
      cacheRead: 4,
      cacheWrite: 1,
      output: 5,
      reasoning: 2,
    })
    expect(readBody(body([])).usage).toBeUndefined()
  })

  test.each<[reason: string, status: string, details: unknown]>([
    ['stop', 'completed', null],
    ['length', 'incomplete', { reason: 'max_output_tokens' }],
    ['length', 'incomplete', { reason: 'max_messages' }],
    ['length', 'incomplete', { reason: 'max_tokens' }],
    ['length', 'incomplete', null],
    ['content_filter', 'incomplete', { reason: 'content_filter' }],
    ['pause', 'incomplete', { reason: 'steered' }],
    ['other', 'incomplete', { reason: 'new' }],
  ])('%s is what %s with %j means (§7.1)', (reason, status, details) => {
    const read = readBody(body([message], { status, incomplete_details: details }))
    expect(read.choices[0]?.finish.reason).toBe(reason as never)
  })

  test.each<[name: string, failed: JsonObject, kind: string]>([
    [
      'failed',
      body([], { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'slow down' } }),
      'rate_limit',
    ],
    ['failed without a reason', body([], { status: 'failed', error: null }), 'upstream_failed'],
    ['cancelled', body([], { status: 'cancelled' }), 'upstream_failed'],
    ['an error with a good status', { error: { message: 'no', type: 'server_error' } }, 'upstream_failed'],
    ['something else', { hello: 1 }, 'upstream_failed'],
  ])('that is %s is an error', (_, failed, kind) => {
    expect(responsesBackend.readBody(failed, answerFacts())).toMatchObject({ kind })
  })

  test('refusals, citations, probabilities, images and what only this API knows', () => {
    const annotation = { type: 'url_citation', url: 'https://a', title: 'A', start_index: 0, end_index: 3 }
    const logprob = { token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [{ token: 'b', logprob: -1, bytes: [98] }] }
    const content = [
      { type: 'output_text', text: 'abc', annotations: [annotation], logprobs: [logprob] },
      { type: 'refusal', refusal: 'no' },
    ]
    const image = {
      type: 'image_generation_call',
      id: 'ig_1',
      status: 'completed',
      result: 'AAAA',
      output_format: 'webp',
    }
    const search = { type: 'web_search_call', id: 'ws_1' }
    const programmed = { ...weather, caller: { type: 'program', caller_id: 'x' } }
    expect(readBody(body([{ ...message, content }, image, search, programmed])).choices[0]?.parts).toMatchObject([
      {
        text: 'abc',
        annotations: [{ kind: 'url', url: 'https://a', title: 'A', start: 0, end: 3 }],
        logprobs: [{ token: 'a', logprob: -0.5, top: [{ token: 'b', logprob: -1 }] }],
      },
      { kind: 'refusal', text: 'no' },
      { kind: 'media', medium: 'image', mime: 'image/webp', source: { base64: 'AAAA' } },
      { kind: 'native', type: 'web_search_call', value: search },
      { kind: 'native', type: 'function_call' },
    ])
  })

  test('several calls in the words of one are what they are (§11.1)', () => {
    const uses = {
      tool_uses: [
        { recipient_name: 'functions.a', parameters: { x: 1 } },
        { recipient_name: 'b', parameters: {} },
      ],
    }
    const call = { ...weather, name: 'multi_tool_use.parallel', arguments: JSON.stringify(uses) }
    expect(readBody(body([call])).choices[0]?.parts).toMatchObject([
      { id: 'call_1_0', name: 'a', args: { value: { x: 1 } } },
      { id: 'call_1_1', name: 'b', args: { value: {} } },
    ])
    expect(readBody(body([{ ...call, name: 'parallel', arguments: '{}' }])).choices[0]?.parts).toMatchObject([
      { name: 'parallel' },
    ])
  })

  test('nothing in it makes the reader throw', () => {
    const odd: readonly unknown[] = [
      null,
      0,
      'x',
      [],
      {},
      [null],
      { type: 'message' },
      { type: 'message', content: 'x' },
    ]
    for (const value of odd) {
      for (const type of ['message', 'reasoning', 'function_call', 'image_generation_call', 'x']) {
        const item = {
          type,
          content: value,
          summary: value,
          arguments: value,
          result: value,
          call_id: value,
          name: value,
        }
        expect(() =>
          responsesBackend.readBody({ output: [value, item], usage: value, error: value }, answerFacts()),
        ).not.toThrow()
        const stream = [
          { type: 'response.output_item.done', output_index: value, item },
          completed({ output: [value, item], usage: value }),
        ]
        expect(() => readStream(stream)).not.toThrow()
      }
    }
  })
})

describe('a stream', () => {
  const added = (index: number, item: JsonObject): JsonObject => ({
    type: 'response.output_item.added',
    output_index: index,
    item,
  })
  const done = (index: number, item: JsonObject): JsonObject => ({
    type: 'response.output_item.done',
    output_index: index,
    item,
  })
  const delta = (type: string, index: number, text: string, more: JsonObject = {}): JsonObject => ({
    type: `response.${type}.delta`,
    output_index: index,
    delta: text,
    ...more,
  })

  test('is told as it comes, each delta at once', () => {
    const events = readStream([
      created,
      { type: 'response.in_progress', response: {} },
      added(0, { type: 'message', id: 'msg_1', content: [] }),
      {
        type: 'response.content_part.added',
        output_index: 0,
        content_index: 0,
        part: { type: 'output_text', text: '' },
      },
      delta('output_text', 0, 'Hel'),
      delta('output_text', 0, 'lo'),
      done(0, message),
      completed({ output: [message], usage: { input_tokens: 3, output_tokens: 2 } }),
    ])
    expect(events).toEqual([
      { event: 'start', id: 'resp_1', model: 'gpt-5-2026', createdAt: 5 },
      { event: 'keepalive' },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 0, text: 'Hel' },
      { event: 'part_delta', choice: 0, part: 0, text: 'lo' },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'usage', usage: { input: 3, output: 2 } },
      { event: 'finish', choice: 0, finish: { reason: 'stop', native: 'completed' } },
      { event: 'end' },
    ])
  })

  test('calls are begun with their names, and items are known by place, not by id', () => {
    const events = readStream([
      created,
      added(0, { ...weather, arguments: '' }),
      added(1, { type: 'custom_tool_call', id: 'x', call_id: 'call_2', name: 'sql', input: '' }),
      delta('function_call_arguments', 0, '{"city"', { item_id: 'one' }),
      delta('custom_tool_call_input', 1, 'SELECT', { item_id: 'two' }),
      delta('function_call_arguments', 0, ': "Oslo"}', { item_id: 'three' }),
      done(0, { ...weather, id: 'four' }),
      done(1, { type: 'custom_tool_call', id: 'y', call_id: 'call_2', name: 'sql', input: 'SELECT 1' }),
      completed(),
    ])
    expect(foldedParts(events)).toMatchObject([
      { kind: 'tool_call', id: 'call_1', name: 'weather', args: { raw: '{"city": "Oslo"}' } },
      { kind: 'tool_call', id: 'call_2', name: 'sql', args: { raw: 'SELECT 1' }, isCustom: true },
    ])
    expect(folded(events)?.choices[0]?.finish.reason).toBe('tool_calls')
    expect(faultsOf(events)).toEqual([])
  })

  test('summaries are paragraphs of one thought, with what is encrypted', () => {
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [
        { type: 'summary_text', text: 'One.' },
        { type: 'summary_text', text: 'Two.' },
      ],
      encrypted_content: 'gAAA',
    }
    const events = readStream([
      created,
      added(0, { type: 'reasoning', id: 'rs_1', summary: [] }),
      delta('reasoning_summary_text', 0, 'One.', { summary_index: 0 }),
      { type: 'response.reasoning_summary_text.done', output_index: 0, summary_index: 0, text: 'One.' },
      delta('reasoning_summary_text', 0, 'Tw', { summary_index: 1 }),
      { type: 'response.reasoning_summary_text.done', output_index: 0, summary_index: 1, text: 'Two.' },
      done(0, item),
      completed({ output: [item] }),
    ])
    expect(foldedParts(events)).toMatchObject([
      {
        kind: 'reasoning',
        text: 'One.\n\nTwo.',
        style: 'summary',
        opaque: { kind: 'encrypted', id: 'rs_1', payload: 'gAAA' },
      },
    ])
  })

  test('thoughts themselves are told raw; encrypted ones without a summary have no text', () => {
    const raw = readStream([
      created,
      added(0, { type: 'reasoning', id: 'rs_1', summary: [], content: [] }),
      delta('reasoning_text', 0, 'Hm.'),
      { type: 'response.reasoning_text.done', output_index: 0, text: 'Hm. Yes.' },
      completed(),
    ])
    expect(foldedParts(raw)).toMatchObject([{ kind: 'reasoning', style: 'raw', text: 'Hm. Yes.' }])
    const encrypted = readStream([
      created,
      done(0, { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'g' }),
      completed(),
    ])
    expect(foldedParts(encrypted)).toMatchObject([{ kind: 'reasoning', text: '', opaque: { payload: 'g' } }])
    expect(
      foldedParts(readStream([created, done(0, { type: 'reasoning', id: 'rs_1', summary: [] }), completed()])),
    ).toEqual([])
  })

  test('events that were left out are made up for by those that tell the whole', () => {
    const onlyDone = readStream([created, done(0, message), done(1, weather), completed()])
    expect(foldedParts(onlyDone)).toMatchObject([
      { text: 'Hello' },
      { name: 'weather', args: { raw: '{"city": "Oslo"}' } },
    ])
    const onlyEnd = readStream([created, completed({ output: [message, weather] })])
    expect(foldedParts(onlyEnd)).toMatchObject([{ text: 'Hello' }, { name: 'weather' }])
    const noAdded = readStream([
      created,
      delta('output_text', 0, 'Hel'),
      { type: 'response.output_text.done', output_index: 0, text: 'Hello' },
      completed(),
    ])
    expect(foldedParts(noAdded)).toMatchObject([{ text: 'Hello' }])
    const unnamed = readStream([
      created,
      delta('function_call_arguments', 0, '{"city": '),
      done(0, weather),
      completed(),
    ])
    expect(foldedParts(unnamed)).toMatchObject([{ id: 'call_1', name: 'weather', args: { raw: '{"city": "Oslo"}' } }])
    for (const events of [onlyDone, onlyEnd, noAdded, unnamed]) expect(faultsOf(events)).toEqual([])
  })

  test('a part that was not told to its end is told to its end by the last event', () => {
    const events = readStream([created, delta('output_text', 0, 'Hel'), completed({ output: [message] })])
    expect(foldedParts(events)).toMatchObject([{ text: 'Hello' }])
  })

  test('what was told is not told again, whatever its place in the last event', () => {
    const events = readStream([created, done(1, message), done(2, weather), completed({ output: [weather, message] })])
    expect(foldedParts(events)).toHaveLength(2)
    const rotated = readStream([created, done(1, message), completed({ output: [{ ...message, id: 'msg_other' }] })])
    expect(foldedParts(rotated)).toHaveLength(1)
  })

  test('refusals, citations, probabilities and images', () => {
    const annotation = { type: 'url_citation', url: 'https://a', title: 'A', start_index: 0, end_index: 1 }
    const events = readStream([
      created,
      delta('output_text', 0, 'a', { content_index: 0, logprobs: [{ token: 'a', logprob: -1, top_logprobs: [] }] }),
      { type: 'response.output_text.annotation.added', output_index: 0, content_index: 0, annotation },
      { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'a' },
      delta('refusal', 0, 'no', { content_index: 1 }),
      done(0, {
        type: 'message',
        content: [
          { type: 'output_text', text: 'a', annotations: [annotation] },
          { type: 'refusal', refusal: 'no' },
        ],
      }),
      added(1, { type: 'image_generation_call', id: 'ig_1', status: 'in_progress' }),
      { type: 'response.image_generation_call.partial_image', output_index: 1, partial_image_b64: 'BBBB' },
      done(1, { type: 'image_generation_call', id: 'ig_1', result: 'AAAA', output_format: 'png' }),
      completed(),
    ])
    expect(foldedParts(events)).toMatchObject([
      { text: 'a', annotations: [{ url: 'https://a' }], logprobs: [{ token: 'a', logprob: -1, top: [] }] },
      { kind: 'refusal', text: 'no' },
      { kind: 'media', mime: 'image/png', source: { base64: 'AAAA' } },
    ])
    expect(foldedParts(events)[0]).toMatchObject({ annotations: [expect.anything()] })
  })

  test('several calls in the words of one are told when all of them are there', () => {
    const args = JSON.stringify({ tool_uses: [{ recipient_name: 'functions.a', parameters: { x: 1 } }] })
    const call = { ...weather, name: 'parallel', arguments: args }
    const events = readStream([
      created,
      added(0, { ...call, arguments: '' }),
      delta('function_call_arguments', 0, args),
      done(0, call),
      completed(),
    ])
    expect(foldedParts(events)).toMatchObject([{ id: 'call_1_0', name: 'a', args: { raw: '{"x":1}' } }])
    expect(faultsOf(events)).toEqual([])
  })

  test.each<[name: string, events: readonly JsonObject[], kind: string, code: string | undefined]>([
    [
      'flat',
      [{ type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null }],
      'rate_limit',
      'rate_limit_exceeded',
    ],
    [
      'nested',
      [
        { type: 'error', error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'no money' } },
        {
          type: 'response.failed',
          response: { status: 'failed', error: { code: 'insufficient_quota', message: 'no money' } },
        },
      ],
      'quota',
      'insufficient_quota',
    ],
    [
      'only the fate',
      [{ type: 'response.failed', response: { status: 'failed', error: { code: 'server_error', message: 'x' } } }],
      'upstream_failed',
      'server_error',
    ],
    ['a fate without words', [{ type: 'response.failed', response: {} }], 'upstream_failed', undefined],
    ['without a type', [{ error: { message: 'x', type: 'server_error' } }], 'upstream_failed', 'server_error'],
    [
      'in the last event',
      [{ type: 'response.completed', response: { status: 'failed', error: { code: 'server_error', message: 'x' } } }],
      'upstream_failed',
      'server_error',
    ],
  ])('an error is told once: %s (§8.4)', (_, events, kind, code) => {
    const read = readStream([created, delta('output_text', 0, 'part'), ...events])
    expect(read.filter(({ event }) => event === 'error')).toHaveLength(1)
    expect(lastError(read)).toMatchObject({ kind, ...(code === undefined ? {} : { code }) })
  })

  test('a stream that just ends is an error, one that ends well is not, whatever follows', () => {
    expect(lastError(readStream([created, delta('output_text', 0, 'part')]))).toMatchObject({
      code: 'stream_incomplete',
    })
    expect(lastError(readStream([]))).toMatchObject({ code: 'stream_incomplete' })
    expect(readStream([created, completed(), '[DONE]', created]).at(-1)).toEqual({ event: 'end' })
  })

  test('a second beginning counts as long as nothing was told (#17.19)', () => {
    const other = { type: 'response.created', response: { id: 'resp_2' } }
    const early = readStream([
      created,
      added(0, { type: 'message', id: 'm' }),
      other,
      delta('output_text', 0, 'a'),
      completed(),
    ])
    expect(foldedParts(early)).toMatchObject([{ text: 'a' }])
    expect(early.filter(({ event }) => event === 'start')).toHaveLength(1)
    expect(lastError(readStream([created, delta('output_text', 0, 'a'), other]))).toMatchObject({
      kind: 'upstream_failed',
    })
    expect(lastError(readStream([created, delta('output_text', 0, 'a'), created, completed()]))).toBeUndefined()
  })

  test('what is no event is skipped where it is a sign of life', () => {
    const events = readStream([
      created,
      'ping',
      '[DONE]',
      '{"type":"response.new.thing"}',
      delta('output_text', 0, 'a'),
      completed(),
    ])
    expect(foldedParts(events)).toMatchObject([{ text: 'a' }])
    expect(lastError(readStream([created, '{"type":"respo']))).toMatchObject({ kind: 'upstream_failed' })
  })

  test('what is missing at the start is made up', () => {
    const [start] = readStream([delta('output_text', 0, 'a'), completed()])
    expect(start).toMatchObject({ event: 'start', model: 'gpt-5', createdAt: 1_790_000_000 })
    expect(start?.event === 'start' && start.id).toMatch(/^resp_.{48}$/)
  })

  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'of our own is read as it was meant, with any events left out, seed %i',
    (seed) => {
      const events = commonEvents(seed)
      const framed = framedEvents(events).map(({ data }) => JSON.parse(data) as JsonObject)
      const random = seededRandom(seed)
      const thinned = framed.filter(({ type }) => !/\.(?:added|delta|done)$/.test(String(type)) || random.unit() > 0.4)
      const wanted = foldedParts(events).map(inWords)
      for (const stream of [framed, framed.filter(({ type }) => !String(type).endsWith('.delta')), framed.slice(-1)]) {
        const read = readStream(stream)
        expect(faultsOf(read)).toEqual([])
        expect(foldedParts(read).map(inWords).join('|')).toBe(wanted.join('|'))
      }
      expect(faultsOf(readStream(thinned))).toEqual([])
    },
  )
})

/** Kind and text, where texts side by side are told apart by nobody. */
function inWords(part: ReturnType<typeof foldedParts>[number]): string {
  if (part.kind === 'tool_call') return `${part.name}${'raw' in part.args ? part.args.raw || '{}' : ''}`
  return 'text' in part ? `${part.kind}:${part.text}` : part.kind
}

test('an error answer has its kind, its words and what it blames (§8.1)', () => {
  const error = {
    message: "Invalid 'temperature'",
    type: 'invalid_request_error',
    param: 'temperature',
    code: 'decimal_below_min_value',
  }
  expect(responsesBackend.readError(400, new Headers(), { error })).toMatchObject({
    kind: 'invalid_request',
    status: 400,
    message: "Invalid 'temperature'",
    code: 'decimal_below_min_value',
    param: 'temperature',
  })
  expect(responsesBackend.readError(429, new Headers({ 'retry-after': '3' }), 'busy')).toMatchObject({
    kind: 'rate_limit',
    retryAfterMs: 3000,
  })
  expect(responsesBackend.readError(503, new Headers(), '<html>')).toMatchObject({ status: 503 })
})
