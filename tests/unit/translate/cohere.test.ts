import { describe, expect, test } from 'bun:test'
import type { CompatPolicy } from '#core/compat.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { seededRandom } from '#ports/random.ts'
import { cohereBackend } from '#translate/cohere/backend.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonEvent, CommonRequest, CommonResponse, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { openUnframer } from '#translate/unframe.ts'
import { countingIds, readAll } from '../../support/answering.ts'
import { faultsOf } from '../../support/common-events.ts'
import { commonRequest, said, targetFor } from '../../support/common-request.ts'

const png = 'iVBORw0KGgoAAAANSUhEUg=='

function write(
  overrides: Partial<CommonRequest>,
  model = 'command-a-vision',
  policy: Partial<CompatPolicy> = {},
): { readonly body: JsonObject; readonly notes: Notes; readonly path: string } {
  const notes = new Notes()
  const target = targetFor('cohere', 'cohere', model, {}, policy)
  const { body, path } = cohereBackend.writeRequest(commonRequest(overrides), target, notes)
  return { body, notes, path }
}

const call = { kind: 'tool_call', isCustom: false, tool: 'function' } as const
const result = { kind: 'tool_result', isCustom: false, isError: false } as const
const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
const f = { kind: 'function', name: 'f', description: 'd', schema } as const
const g = { kind: 'function', name: 'g', schema: undefined } as const

function own(payload: string): { readonly opaque: NonNullable<Extract<Part, { kind: 'reasoning' }>['opaque']> } {
  return { opaque: { form: 'cohere', family: 'command', kind: 'text', payload } }
}

describe('a request for Cohere (§12.5)', () => {
  test('the least', () => {
    const { body, path } = write({})
    expect(body).toEqual({ model: 'command-a-vision', messages: [{ role: 'user', content: 'hi' }], stream: false })
    expect(path).toBe('/v2/chat')
  })

  test('what is sampled has its own names', () => {
    const sampling = {
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      seed: 7,
      stop: ['END'],
      maxOutputTokens: 9,
      logprobs: true,
    }
    const { body, notes } = write({ sampling })
    expect(body).toMatchObject({
      temperature: 0.5,
      p: 0.9,
      k: 3,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      seed: 7,
      stop_sequences: ['END'],
      max_tokens: 9,
      logprobs: true,
    })
    expect(notes.codes).toEqual([])
  })

  test.each([
    [{ temperature: 1.5 }, { temperature: 1 }, 'adapted:temperature_clamped'],
    [{ topP: 1 }, { p: 0.99 }, 'adapted:value_clamped'],
    [{ topK: 1000 }, { k: undefined }, 'dropped:top_k'],
    [{ frequencyPenalty: -1 }, { frequency_penalty: undefined }, 'dropped:penalties'],
    [{ presencePenalty: 2 }, { presence_penalty: undefined }, 'dropped:penalties'],
    [{ repetitionPenalty: 1.2 }, {}, 'dropped:penalties'],
    [{ minP: 0.1 }, {}, 'dropped:unknown_field'],
    [{ seed: -5 }, { seed: undefined }, 'dropped:seed'],
    [{ logitBias: { 5: 1 } }, {}, 'dropped:logit_bias'],
    [{ logprobs: true, topLogprobs: 2 }, { logprobs: true }, 'dropped:logprobs'],
    [{ stop: ['1', '2', '3', '4', '5', '6'] }, { stop_sequences: ['1', '2', '3', '4', '5'] }, 'adapted:stop_emulated'],
  ])('%p is sent as %p with %p', (sampling, wanted, code) => {
    const { body, notes } = write({ sampling })
    for (const [name, value] of Object.entries(wanted)) expect(body[name]).toEqual(value as unknown)
    expect(notes.codes).toEqual(code === undefined ? [] : [code])
  })

  test('a history with a plan, calls, results and images', () => {
    const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png }, detail: 'low' }
    const { body, notes } = write({
      messages: [
        { ...said('system', 'be brief'), placement: 'top' },
        said('user', 'look', image, { kind: 'media', medium: 'image', mime: '', source: { url: 'https://a.b/c.png' } }),
        said(
          'assistant',
          { kind: 'reasoning', text: 'I will look.', style: 'raw', isRedacted: false, ...own('tool_plan') },
          { ...call, id: 'c1', name: 'f', args: { raw: '{"a": 1.0}' } },
          { ...call, id: 'c2', name: 'g', args: { raw: '' } },
        ),
        said(
          'user',
          { ...result, callId: 'c1', parts: [], value: { degrees: 18 } },
          { ...result, callId: 'c2', parts: [{ kind: 'text', text: 'offline' }], isError: true },
          'and?',
        ),
      ],
    })
    expect(body['messages']).toEqual([
      { role: 'system', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://a.b/c.png' } },
        ],
      },
      {
        role: 'assistant',
        tool_plan: 'I will look.',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a": 1.0}' } },
          { id: 'c2', type: 'function', function: { name: 'g', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'document', document: { data: { degrees: 18 } } }] },
      { role: 'tool', tool_call_id: 'c2', content: 'Error: offline' },
      { role: 'user', content: 'and?' },
    ])
    expect(notes.codes).toEqual([])
  })

  test('a result that says nothing says so, and its media follow', () => {
    const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } }
    const { body, notes } = write({
      messages: [
        said(
          'assistant',
          { ...call, id: 'c1', name: 'f', args: { raw: '' } },
          { ...call, id: 'c2', name: 'f', args: { raw: '' } },
        ),
        said('user', { ...result, callId: 'c1', parts: [] }, { ...result, callId: 'c2', parts: [image] }),
      ],
    })
    expect((body['messages'] as JsonObject[]).slice(1)).toEqual([
      { role: 'tool', tool_call_id: 'c1', content: '(no output)' },
      { role: 'tool', tool_call_id: 'c2', content: 'See attached file 1.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Attached file 1:' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
        ],
      },
    ])
    expect(notes.codes).toEqual(['adapted:tool_media_moved'])
  })

  test('thoughts of others are not told', () => {
    const opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 's' } as const
    const thought: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque }
    const { body, notes } = write({ messages: [said('assistant', thought, 'a'), said('user', 'b')] })
    expect(body['messages']).toEqual([
      { role: 'assistant', content: 'a' },
      { role: 'user', content: 'b' },
    ])
    expect(notes.codes).toEqual(['dropped:foreign_reasoning'])
  })

  test.each([
    ['audio input is not supported', { medium: 'audio', mime: 'audio/wav', source: { base64: 'UklGRg==' } }],
    ['file input is not supported', { medium: 'file', mime: 'application/pdf', source: { base64: 'JVBERi0=' } }],
    [
      'a file of another provider is not supported',
      { medium: 'image', mime: '', source: { file: { form: 'chat', id: 'f' } } },
    ],
  ])('%s', (message, media) => {
    const { notes } = write({ messages: [said('user', { kind: 'media', ...media } as Part)] })
    expect(notes.rejection?.message).toBe(message)
  })

  test('models that only read refuse images', () => {
    const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } }
    expect(write({ messages: [said('user', image)] }, 'command-r-plus').notes.rejection?.message).toBe(
      'image input is not supported',
    )
  })

  test.each([
    [undefined, ['f', 'g'], undefined],
    [{ mode: 'auto' }, ['f', 'g'], undefined],
    [{ mode: 'none' }, ['f', 'g'], 'NONE'],
    [{ mode: 'required' }, ['f', 'g'], 'REQUIRED'],
    [{ mode: 'tool', name: 'g', isCustom: false }, ['g'], 'REQUIRED'],
    [{ mode: 'allowed', names: ['f'], isRequired: false }, ['f'], undefined],
    [{ mode: 'allowed', names: ['f'], isRequired: true }, ['f'], 'REQUIRED'],
  ] as const)('choice %p sends %p and %p (§5.5)', (toolChoice, names, wanted) => {
    const { body } = write({ tools: [f, g], toolChoice: toolChoice })
    const tools = body['tools'] as { readonly function: { readonly name: string } }[]
    expect(tools.map((tool) => tool.function.name)).toEqual([...names])
    expect(body['tool_choice']).toBe(wanted)
  })

  test('a choice that names no tool of the request is rejected', () => {
    expect(write({ tools: [f], toolChoice: { mode: 'tool', name: 'x', isCustom: false } }).notes.rejection?.field).toBe(
      'tool_choice',
    )
  })

  test('strict is said once, where all tools are', () => {
    const strict = { ...f, strict: true }
    expect(write({ tools: [strict] }).body['strict_tools']).toBe(true)
    expect(write({ tools: [strict, f] }).body['strict_tools']).toBeUndefined()
    expect(write({ tools: [{ ...g, strict: true }] }).body['strict_tools']).toBeUndefined()
  })

  test('formats (§5.8)', () => {
    expect(write({ output: { format: { kind: 'json' } } }).body['response_format']).toEqual({ type: 'json_object' })
    expect(write({ output: { format: { kind: 'json_schema', schema } } }).body['response_format']).toEqual({
      type: 'json_object',
      json_schema: schema,
    })
    const list = write({ output: { format: { kind: 'json_schema', schema: { type: 'array', items: {} } } } })
    expect(list.body['response_format']).toMatchObject({ json_schema: { type: 'object', required: ['value'] } })
    expect(list.notes.codes).toEqual(['adapted:schema_wrapped'])
    const beside = write({ tools: [f], output: { format: { kind: 'json_schema', schema } } })
    expect(beside.body['response_format']).toBeUndefined()
    expect(beside.notes.codes).toEqual(['adapted:json_object_instruction'])
  })

  test.each([
    ['command-a-reasoning-08-2025', { effort: 'none' }, { type: 'disabled' }],
    ['command-a-reasoning-08-2025', { effort: 'low' }, { type: 'enabled', token_budget: 2048 }],
    ['command-a-reasoning-08-2025', { budgetTokens: 500 }, { type: 'enabled', token_budget: 500 }],
    ['command-a-reasoning-08-2025', { kind: 'adaptive' }, { type: 'enabled' }],
    ['command-a-03-2025', { effort: 'low' }, undefined],
  ] as const)('%s is asked to think %p: %p (§5.7)', (model, reasoning, wanted) => {
    expect(write({ reasoning }, model).body['thinking']).toEqual(wanted)
  })

  test('the same request gives the same bytes', () => {
    const asked: Partial<CommonRequest> = { tools: [f, g], sampling: { stop: ['a'] }, stream: true }
    expect(JSON.stringify(write(asked).body)).toBe(JSON.stringify(write(asked).body))
    expect(write(asked).body['stream']).toBe(true)
  })
})

function facts(): AnswerFacts {
  return { model: 'command-a', profile: profileOf('cohere', 'cohere', 'command-a'), ids: countingIds(), nowSeconds: 5 }
}

function read(...frames: (string | object)[]): CommonEvent[] {
  const events = readAll(cohereBackend.openReader(facts()), frames)
  expect(faultsOf(events)).toEqual([])
  return events
}

function folded(events: readonly CommonEvent[]): CommonResponse {
  const fold = new Fold()
  for (const event of events) fold.take(event)
  const answer = fold.result()
  if (answer === undefined || !('choices' in answer)) throw new Error(`no answer: ${JSON.stringify(answer)}`)
  return answer
}

function errorOf(events: readonly CommonEvent[]): object | undefined {
  const last = events.at(-1)
  return last?.event === 'error' ? last.error : undefined
}

const delta = (type: string, message: object, more: object = {}): object => ({ type, delta: { message }, ...more })
const start = {
  id: 'msg-1',
  type: 'message-start',
  delta: { message: { role: 'assistant', content: [], tool_calls: [] } },
}
const usage = {
  billed_units: { input_tokens: 1, output_tokens: 1 },
  tokens: { input_tokens: 30, output_tokens: 7 },
  cached_tokens: 20,
}
const over = (reason: string, more: object = {}): object => ({
  type: 'message-end',
  delta: { finish_reason: reason, usage, ...more },
})
const begins = (index: number, content: object): object => delta('content-start', { content }, { index })
const says = (text: string, index = 0): object => delta('content-delta', { content: { text } }, { index })
const thinks = (thinking: string): object => delta('content-delta', { content: { thinking } }, { index: 0 })
const ends = (index: number): object => ({ type: 'content-end', index })
const argues = (text: string, index = 0): object =>
  delta('tool-call-delta', { tool_calls: { function: { arguments: text } } }, { index })
const calls = (id: string, name: string, args = '', index = 0): object =>
  delta('tool-call-start', { tool_calls: { id, type: 'function', function: { name, arguments: args } } }, { index })

const said1: Part = { kind: 'text', text: 'Hi!' }

describe('the reader of Cohere streams (§11.1)', () => {
  test('a plain stream, event by event', () => {
    expect(
      read(start, begins(0, { type: 'text', text: '' }), says('Hi'), says('!'), ends(0), over('COMPLETE')),
    ).toEqual([
      { event: 'start', id: 'msg-1', model: 'command-a', createdAt: 5 },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 0, text: 'Hi' },
      { event: 'part_delta', choice: 0, part: 0, text: '!' },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'usage', usage: { input: 30, cacheRead: 20, output: 7 } },
      { event: 'finish', choice: 0, finish: { reason: 'stop', native: 'COMPLETE' } },
      { event: 'end' },
    ])
  })

  test('thoughts, then text', () => {
    const { choices } = folded(
      read(
        start,
        begins(0, { type: 'thinking', thinking: 'h' }),
        thinks('m'),
        ends(0),
        begins(1, { type: 'text', text: 'Hi' }),
        says('!', 1),
        ends(1),
        over('COMPLETE'),
      ),
    )
    expect(choices[0]?.parts).toEqual([
      { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, ...own('') },
      said1,
    ])
  })

  test('a plan is a thought, and two calls', () => {
    const { choices } = folded(
      read(
        start,
        delta('tool-plan-delta', { tool_plan: 'I will' }),
        delta('tool-plan-delta', { tool_plan: ' look' }),
        calls('c1', 'f'),
        argues('{"a"'),
        argues(':1}'),
        { type: 'tool-call-end', index: 0 },
        calls('c2', 'g', '', 1),
        argues('{}', 1),
        { type: 'tool-call-end', index: 1 },
        over('TOOL_CALL'),
      ),
    )
    expect(choices[0]?.parts).toEqual([
      { kind: 'reasoning', text: 'I will look', style: 'raw', isRedacted: false, ...own('tool_plan') },
      { ...call, id: 'c1', name: 'f', args: { raw: '{"a":1}' } },
      { ...call, id: 'c2', name: 'g', args: { raw: '{}' } },
    ])
    expect(choices[0]?.finish).toEqual({ reason: 'tool_calls', native: 'TOOL_CALL' })
  })

  test.each([
    ['nothing', []],
    ['null', ['null']],
    ['null in pieces', ['n', 'ul', 'l']],
    ['blanks', [' ']],
  ])('arguments that are %s are none', (_, pieces) => {
    const events = read(
      start,
      calls('c', 'f'),
      ...pieces.map((piece) => argues(piece)),
      { type: 'tool-call-end' },
      over('TOOL_CALL'),
    )
    expect(folded(events).choices[0]?.parts).toEqual([{ ...call, id: 'c', name: 'f', args: { raw: '{}' } }])
  })

  const source = (document: object): object => ({ type: 'document', id: 'd', document })
  const citation = {
    start: 0,
    end: 2,
    text: 'Hi',
    sources: [source({ url: 'https://a.b', title: 'A' })],
    type: 'TEXT_CONTENT',
  }
  const cited = {
    kind: 'url',
    url: 'https://a.b',
    title: 'A',
    start: 0,
    end: 2,
    citedText: 'Hi',
    native: citation,
  } as const

  test.each([
    ['before', [delta('citation-start', { citations: citation }, { index: 0 }), { type: 'citation-end' }, ends(0)]],
    ['behind', [ends(0), delta('citation-start', { citations: citation }, { index: 0 }), { type: 'citation-end' }]],
  ])('citations %s the end of the text belong to it', (_, frames) => {
    const events = read(start, begins(0, { type: 'text', text: '' }), says('Hi!'), ...frames, over('COMPLETE'))
    expect(folded(events).choices[0]?.parts).toEqual([{ ...said1, annotations: [cited] }])
  })

  test('a source without an address is kept; one of a plan is not told', () => {
    const tool = { ...citation, sources: [{ type: 'tool', id: 'c:0', tool_output: { degrees: '18' } }] }
    const ofPlan = { ...citation, type: 'PLAN' }
    const frames = [tool, ofPlan].map((each) => delta('citation-start', { citations: each }))
    const { choices } = folded(read(start, says('Hi!'), ...frames, over('COMPLETE')))
    expect(choices[0]?.parts).toEqual([
      { ...said1, annotations: [{ kind: 'other', title: undefined, start: 0, end: 2, citedText: 'Hi', native: tool }] },
    ])
  })

  test('probabilities are those of chunks', () => {
    const logprobs = { token_ids: [1, 2], text: 'Hi!', logprobs: [-0.5, -0.25] }
    const { choices } = folded(
      read(start, delta('content-delta', { content: { text: 'Hi!' } }, { index: 0, logprobs }), over('COMPLETE')),
    )
    expect(choices[0]?.parts).toEqual([{ ...said1, logprobs: [{ token: 'Hi!', logprob: -0.75, top: [] }] }])
  })

  test.each([
    ['COMPLETE', 'stop'],
    ['STOP_SEQUENCE', 'stop'],
    ['TOOL_CALL', 'tool_calls'],
    ['MAX_TOKENS', 'length'],
    ['USER_CANCEL', 'other'],
  ])('%s is %s (§7.1)', (native, reason) => {
    expect(folded(read(start, says('a'), over(native))).choices[0]?.finish).toEqual({ reason, native } as never)
  })

  test('errors (§8.4)', () => {
    expect(errorOf(read(start, says('a'), over('ERROR', { error: 'it broke' })))).toMatchObject({
      kind: 'upstream_failed',
      message: 'it broke',
    })
    expect(errorOf(read(start, says('a'), over('TIMEOUT')))).toMatchObject({ kind: 'timeout', status: 504 })
    expect(errorOf(read(start, says('a')))).toMatchObject({ code: 'stream_incomplete' })
    expect(errorOf(read(start, '{"type'))).toMatchObject({ kind: 'upstream_failed' })
    expect(errorOf(read({ id: 'x', message: 'too many tokens' }))).toMatchObject({ message: 'too many tokens' })
    expect(errorOf(read(start, { type: 'error', message: 'boom' }))).toMatchObject({ message: 'boom' })
  })

  test('signs of life, the last word of others, and events that nobody knows are passed over', () => {
    const reader = cohereBackend.openReader(facts())
    expect(reader.push('ping', '')).toEqual([{ event: 'keepalive' }])
    expect(reader.push('', '{"type":"debug","prompt":"…"}')).toEqual([])
    expect(folded(read(start, says('Hi!'), '[DONE]', { type: 'debug' }, over('COMPLETE'))).choices[0]?.parts).toEqual([
      said1,
    ])
  })

  test('odd values are passed over', () => {
    const odd = [
      null,
      5,
      'x',
      [],
      {},
      { message: 5 },
      { message: { content: 5, tool_calls: [1], citations: 'x', tool_plan: {} } },
    ]
    const types = [
      'message-start',
      'content-start',
      'content-delta',
      'tool-plan-delta',
      'tool-call-delta',
      'citation-start',
      'content-end',
    ]
    read(...types.flatMap((type) => odd.map((value) => ({ type, delta: value, index: 'x' }))), over('COMPLETE'))
  })

  test('however the bytes are cut, the events are the same', () => {
    const frames = [
      start,
      delta('tool-plan-delta', { tool_plan: 'é🙂' }),
      calls('c', 'f'),
      argues('{"a":"日本"}'),
      { type: 'tool-call-end' },
      over('TOOL_CALL'),
    ]
    const wire = frames.map((each) => `event: x\ndata: ${JSON.stringify(each)}\n\n`).join('')
    const bytes = new TextEncoder().encode(wire)
    const wanted = JSON.stringify(read(...frames))
    for (let seed = 0; seed < 50; seed++) {
      const random = seededRandom(seed)
      const reader = cohereBackend.openReader(facts())
      const unframer = openUnframer(cohereBackend.framing)
      const events: CommonEvent[] = []
      const sink = { takeFramed: (name: string, data: string) => void events.push(...reader.push(name, data)) }
      for (let from = 0; from < bytes.length;) {
        const to = from + 1 + Math.floor(random.unit() * 30)
        unframer.push(bytes.slice(from, to), sink)
        from = to
      }
      unframer.end(sink)
      expect(JSON.stringify([...events, ...reader.end()])).toBe(wanted)
    }
  })
})

describe('a body of Cohere', () => {
  const citations = [
    { start: 0, end: 2, text: 'Hi', sources: [{ type: 'document', document: { url: 'https://a.b' } }] },
  ]
  const body = {
    id: 'msg-1',
    message: {
      role: 'assistant',
      tool_plan: 'I will',
      content: [
        { type: 'thinking', thinking: 'hm' },
        { type: 'text', text: 'Hi!' },
      ],
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: 'null' } }],
      citations,
    },
    finish_reason: 'TOOL_CALL',
    usage,
    logprobs: [{ token_ids: [1], text: 'Hi!', logprobs: [-0.5] }],
  }

  test('the plan, thoughts, text with what is told of it, calls', () => {
    expect(cohereBackend.readBody(body, facts())).toEqual({
      id: 'msg-1',
      model: 'command-a',
      createdAt: 5,
      choices: [
        {
          index: 0,
          parts: [
            { kind: 'reasoning', text: 'I will', style: 'raw', isRedacted: false, ...own('tool_plan') },
            { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, ...own('') },
            {
              ...said1,
              annotations: [
                {
                  kind: 'url',
                  url: 'https://a.b',
                  title: undefined,
                  start: 0,
                  end: 2,
                  citedText: 'Hi',
                  native: citations[0] ?? {},
                },
              ],
              logprobs: [{ token: 'Hi!', logprob: -0.5, top: [] }],
            },
            { ...call, id: 'c', name: 'f', args: { raw: '{}' } },
          ],
          finish: { reason: 'tool_calls', native: 'TOOL_CALL' },
        },
      ],
      usage: { input: 30, cacheRead: 20, output: 7 },
      tier: undefined,
      fingerprint: undefined,
    })
  })

  test('where the tokens of the model are not told, those that are paid for count', () => {
    const { tokens: _tokens, ...billed } = usage
    expect(cohereBackend.readBody({ ...body, usage: billed }, facts())).toMatchObject({
      usage: { input: 1, output: 1 },
    })
  })

  test.each([
    [{ id: 'x', message: 'invalid request' }, 'invalid request'],
    [{}, 'the backend answered without a message'],
    [{ message: {} }, 'the backend answered without a message'],
    [{ ...body, finish_reason: 'ERROR' }, 'the backend broke the answer off with an error'],
  ])('an error in a good body: %#', (told, message) => {
    expect(cohereBackend.readBody(told, facts())).toMatchObject({ kind: 'upstream_failed', message })
  })

  test.each([
    [400, { id: 'x', message: 'invalid request: temperature' }, 'invalid_request'],
    [401, { id: 'x', message: 'invalid api token' }, 'upstream_auth'],
    [404, { id: 'x', message: "model 'x' not found" }, 'not_found'],
    [429, { id: 'x', message: 'Please slow down' }, 'rate_limit'],
    [
      400,
      { id: 'x', message: 'too many tokens: total number of tokens in the prompt exceeds the maximum context length' },
      'context_overflow',
    ],
    [500, undefined, 'upstream_failed'],
  ])('status %d with %p is of the kind %s (§8.2)', (status, told, kind) => {
    expect(cohereBackend.readError(status, new Headers(), told).kind).toBe(kind as never)
  })
})
