import { describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { FramedEvent } from '#translate/codec.ts'
import type { CommonError, CommonEvent, CommonResponse, Finish, Opaque, Part, PartHead } from '#translate/common.ts'
import { Serial } from '#translate/serial.ts'
import { unsealed } from '#translate/opaque.ts'
import { responsesClient } from '#translate/responses/client.ts'
import { commonEvents } from '../../support/common-events.ts'
import { answerContext, asStream, folded, framedEvents, readAsked } from '../../support/responses-codec.ts'

const signature: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'sig' }
const text: PartHead = { kind: 'text' }
const thoughts: PartHead = { kind: 'reasoning', style: 'summary', isRedacted: false }

function start(): CommonEvent {
  return { event: 'start', id: 'msg_up', model: 'claude', createdAt: 1_790_000_000 }
}

function whole(part: number, head: PartHead, ...texts: readonly string[]): readonly CommonEvent[] {
  return [
    { event: 'part_start', choice: 0, part, head },
    ...texts.map((delta) => ({ event: 'part_delta', choice: 0, part, text: delta }) as const),
    { event: 'part_end', choice: 0, part },
  ]
}

function call(id: string, name: string, more: Partial<PartHead & { kind: 'tool_call' }> = {}): PartHead {
  return { kind: 'tool_call', id, name, isCustom: false, tool: 'function', ...more }
}

function over(reason: Finish['reason'], more: Partial<Finish> = {}): readonly CommonEvent[] {
  return [{ event: 'finish', choice: 0, finish: { reason, ...more } }, { event: 'end' }]
}

function response(
  parts: readonly Part[],
  finish: Partial<Finish> = {},
  more: Partial<CommonResponse> = {},
): CommonResponse {
  return {
    id: 'msg_up',
    model: 'claude',
    createdAt: 1_789_999_999,
    choices: [{ index: 0, parts, finish: { reason: 'stop', ...finish } }],
    usage: { input: 120, cacheRead: 100, output: 45, reasoning: 12 },
    tier: undefined,
    fingerprint: undefined,
    ...more,
  }
}

function lastResponse(events: readonly FramedEvent[]): JsonObject {
  return asObject(asObject(JSON.parse(events.at(-1)?.data ?? ''))?.['response']) ?? {}
}

function dataOf(events: readonly FramedEvent[], name: string): readonly JsonObject[] {
  return events.flatMap((event) => (event.name === name ? [JSON.parse(event.data) as JsonObject] : []))
}

/** One turn with everything: thoughts with a signature, text, two calls, usage. */
const turn: readonly CommonEvent[] = [
  start(),
  { event: 'part_start', choice: 0, part: 0, head: thoughts },
  { event: 'part_delta', choice: 0, part: 0, text: 'Both ' },
  { event: 'part_delta', choice: 0, part: 0, text: 'first.' },
  { event: 'part_meta', choice: 0, part: 0, meta: { opaque: signature } },
  { event: 'part_end', choice: 0, part: 0 },
  ...whole(1, text, 'Look', 'ing.'),
  ...whole(2, call('call_A', 'get_weather'), '{"ci', 'ty":"Oslo"}'),
  ...whole(3, call('call_B', 'get_time')),
  { event: 'usage', usage: { input: 120, cacheRead: 100, output: 45, reasoning: 12 } },
  ...over('tool_calls'),
]

describe('a stream', () => {
  test('has every event in the order that official clients want (§11.4, #17.5)', () => {
    const events = framedEvents(turn)
    expect(events.map(({ name }) => name?.replace(/^response\./, ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ])
  })

  test('numbers its events, and names each as its type', () => {
    for (const [index, { name, data }] of framedEvents(turn).entries()) {
      const event = JSON.parse(data) as JsonObject
      expect(event['sequence_number']).toBe(index)
      expect(event['type']).toBe(name)
    }
  })

  test('tells bytes that clients know', () => {
    const events = framedEvents([start(), ...whole(0, text, 'Hi'), ...over('stop')])
    const item = `msg_${'2'.padStart(48, '0')}`
    expect(events.slice(2, 8).map(({ data }) => data)).toEqual([
      `{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"${item}","type":"message","status":"in_progress","role":"assistant","content":[]}}`,
      `{"type":"response.content_part.added","sequence_number":3,"item_id":"${item}","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}`,
      `{"type":"response.output_text.delta","sequence_number":4,"item_id":"${item}","output_index":0,"content_index":0,"delta":"Hi","logprobs":[]}`,
      `{"type":"response.output_text.done","sequence_number":5,"item_id":"${item}","output_index":0,"content_index":0,"text":"Hi","logprobs":[]}`,
      `{"type":"response.content_part.done","sequence_number":6,"item_id":"${item}","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi","annotations":[],"logprobs":[]}}`,
      `{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"id":"${item}","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[],"logprobs":[]}]}}`,
    ])
  })

  test('ends with the whole answer, its items and its usage in every detail (#17.5)', () => {
    const last = lastResponse(framedEvents(turn))
    expect(last).toMatchObject({
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      model: 'alias',
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Both first.' }] },
        { type: 'message', content: [{ type: 'output_text', text: 'Looking.' }] },
        {
          type: 'function_call',
          call_id: 'call_A',
          name: 'get_weather',
          arguments: '{"city":"Oslo"}',
          status: 'completed',
        },
        { type: 'function_call', call_id: 'call_B', name: 'get_time', arguments: '{}' },
      ],
      usage: {
        input_tokens: 120,
        input_tokens_details: { cached_tokens: 100, cache_write_tokens: 0 },
        output_tokens: 45,
        output_tokens_details: { reasoning_tokens: 12 },
        total_tokens: 165,
      },
    })
    expect(last['completed_at']).toBe(1_790_000_000)
  })

  test('ids are not empty, and the same from the first event of an item to its last', () => {
    const events = framedEvents(turn)
    const done = dataOf(events, 'response.output_item.done').map((event) => asObject(event['item'])?.['id'])
    const added = dataOf(events, 'response.output_item.added').map((event) => asObject(event['item'])?.['id'])
    expect(added).toEqual(done)
    expect(new Set(done).size).toBe(4)
    for (const id of done) expect(String(id)).toMatch(/^(?:rs|msg|fc)_[0-9a-f]{48}$/)
    expect(lastResponse(events)['id']).toMatch(/^resp_[0-9a-f]{48}$/)
  })

  test('texts and refusals side by side are one message with rising indexes', () => {
    const events = framedEvents([
      start(),
      ...whole(0, text, 'a'),
      ...whole(1, { kind: 'refusal' }, 'no'),
      ...over('stop'),
    ])
    expect(lastResponse(events)['output']).toMatchObject([
      {
        type: 'message',
        content: [
          { type: 'output_text', text: 'a' },
          { type: 'refusal', refusal: 'no' },
        ],
      },
    ])
    expect(dataOf(events, 'response.content_part.added').map((event) => event['content_index'])).toEqual([0, 1])
    expect(dataOf(events, 'response.refusal.done')).toMatchObject([{ refusal: 'no', content_index: 1 }])
  })

  test('texts with something between them are two messages (§7.3)', () => {
    const events = framedEvents([
      start(),
      ...whole(0, text, 'a'),
      ...whole(1, call('c', 'f'), '{}'),
      ...whole(2, text, 'b'),
      ...over('tool_calls'),
    ])
    expect((lastResponse(events)['output'] as JsonObject[]).map(({ type }) => type)).toEqual([
      'message',
      'function_call',
      'message',
    ])
  })

  test('custom tools tell their text as it is', () => {
    const events = framedEvents([
      start(),
      ...whole(0, call('c', 'apply', { isCustom: true }), '*** Be', 'gin'),
      ...over('tool_calls'),
    ])
    expect(dataOf(events, 'response.custom_tool_call_input.delta').map((event) => event['delta'])).toEqual([
      '*** Be',
      'gin',
    ])
    expect(dataOf(events, 'response.custom_tool_call_input.done')).toMatchObject([{ input: '*** Begin' }])
    expect(lastResponse(events)['output']).toMatchObject([
      { type: 'custom_tool_call', name: 'apply', input: '*** Begin', call_id: 'c' },
    ])
  })

  test('calls of namespaces say theirs', () => {
    const events = framedEvents([
      start(),
      ...whole(0, call('c', 'send', { namespace: 'mail' }), '{}'),
      ...over('tool_calls'),
    ])
    expect(lastResponse(events)['output']).toMatchObject([{ name: 'send', namespace: 'mail' }])
  })

  test.each<[tool: string, args: JsonObject, item: JsonObject]>([
    [
      'local_shell',
      { command: ['ls'] },
      { type: 'local_shell_call', action: { type: 'exec', command: ['ls'], env: {} } },
    ],
    [
      'shell',
      { commands: ['ls'] },
      { type: 'shell_call', action: { commands: ['ls'], timeout_ms: null, max_output_length: null } },
    ],
    [
      'apply_patch',
      { type: 'delete_file', path: 'a' },
      { type: 'apply_patch_call', operation: { type: 'delete_file', path: 'a' } },
    ],
    [
      'computer',
      { type: 'screenshot' },
      { type: 'computer_call', action: { type: 'screenshot' }, pending_safety_checks: [] },
    ],
  ])('a call of %s is an item of its own', (tool, args, item) => {
    const events = framedEvents([
      start(),
      ...whole(0, call('c', tool, { tool }), JSON.stringify(args)),
      ...over('tool_calls'),
    ])
    expect(lastResponse(events)['output']).toMatchObject([{ ...item, call_id: 'c', status: 'completed' }])
  })

  test.each<[reason: Finish['reason'], status: string, details: unknown]>([
    ['stop', 'completed', null],
    ['tool_calls', 'completed', null],
    ['pause', 'completed', null],
    ['other', 'completed', null],
    ['length', 'incomplete', { reason: 'max_output_tokens' }],
    ['content_filter', 'incomplete', { reason: 'content_filter' }],
    ['error', 'failed', null],
  ])('%s is told as %s (§7.1, #17.3)', (reason, status, details) => {
    const events = framedEvents([start(), ...whole(0, text, 'a'), ...over(reason)])
    expect(events.at(-1)?.name).toBe(`response.${status}`)
    expect(lastResponse(events)).toMatchObject({ status, incomplete_details: details })
    const body = responsesClient.writeBody(response([{ kind: 'text', text: 'a' }], { reason }), answerContext())
    expect(body).toMatchObject({ status, incomplete_details: details })
  })

  test('what was cut is incomplete, what stands before it is not', () => {
    const events = framedEvents([
      start(),
      ...whole(0, text, 'a'),
      ...whole(1, call('c', 'f'), '{"a'),
      ...over('length'),
    ])
    expect(lastResponse(events)['output']).toMatchObject([
      { status: 'completed' },
      { status: 'incomplete', arguments: '{"a' },
    ])
  })

  test('why it was refused is told as a refusal (§7.1-5)', () => {
    const events = framedEvents([start(), ...over('content_filter', { explanation: 'Not that.' })])
    expect(lastResponse(events)['output']).toMatchObject([{ content: [{ type: 'refusal', refusal: 'Not that.' }] }])
    expect(lastResponse(events)['status']).toBe('incomplete')
  })

  test('no usage is estimated, rather too high than too low (§7.2)', () => {
    const events = framedEvents([start(), ...whole(0, text, 'twelve chars'), ...over('stop')])
    expect(lastResponse(events)['usage']).toMatchObject({ input_tokens: 7, output_tokens: 4, total_tokens: 11 })
  })

  test('calls without an id or with one that was there get their own', () => {
    const events = framedEvents([
      start(),
      ...whole(0, call('', 'f')),
      ...whole(1, call('call_0', 'f')),
      ...whole(2, call('call_0', 'f')),
      ...whole(3, call('x'.repeat(80), 'f')),
      ...over('tool_calls'),
    ])
    const ids = (lastResponse(events)['output'] as JsonObject[]).map((item) => String(item['call_id']))
    expect(ids[0]).toMatch(/^call_.{24}$/)
    expect(ids.slice(1, 3)).toEqual(['call_0', 'call_0_2'])
    expect(ids[3]?.length).toBeLessThanOrEqual(64)
  })

  test('citations and log probabilities go with their text', () => {
    const logprobs = [{ token: 'é', logprob: -1, top: [{ token: 'e', logprob: -2 }] }]
    const events = framedEvents([
      start(),
      { event: 'part_start', choice: 0, part: 0, head: text },
      { event: 'part_delta', choice: 0, part: 0, text: '🙂é' },
      { event: 'part_meta', choice: 0, part: 0, meta: { annotation: { kind: 'url', url: 'https://a', title: 'A' } } },
      {
        event: 'part_meta',
        choice: 0,
        part: 0,
        meta: { annotation: { kind: 'other', native: { type: 'char_location' } } },
      },
      { event: 'part_meta', choice: 0, part: 0, meta: { logprobs } },
      { event: 'part_end', choice: 0, part: 0 },
      ...over('stop'),
    ])
    const annotation = { type: 'url_citation', start_index: 0, end_index: 2, url: 'https://a', title: 'A' }
    const told = [
      { token: 'é', logprob: -1, bytes: [195, 169], top_logprobs: [{ token: 'e', logprob: -2, bytes: [101] }] },
    ]
    expect(dataOf(events, 'response.output_text.annotation.added')).toMatchObject([{ annotation_index: 0, annotation }])
    expect(dataOf(events, 'response.output_text.delta').at(-1)).toMatchObject({ delta: '', logprobs: told })
    expect(lastResponse(events)['output']).toMatchObject([{ content: [{ annotations: [annotation], logprobs: told }] }])
  })

  test('an image is an item, sound is what was said in it', () => {
    const image = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'AAAA' } } as const
    const audio = {
      kind: 'media',
      medium: 'audio',
      mime: 'audio/wav',
      source: { base64: '' },
      transcript: 'Hello',
    } as const
    const events = framedEvents([
      start(),
      ...whole(0, { kind: 'media', part: image }),
      ...whole(1, { kind: 'media', part: audio }, 'UklG'),
      ...over('stop'),
    ])
    const items = [
      { type: 'image_generation_call', result: 'AAAA', output_format: 'png' },
      { type: 'message', content: [{ text: 'Hello' }] },
    ]
    expect(lastResponse(events)['output']).toMatchObject(items)
    expect(responsesClient.writeBody(response([image, audio]), answerContext())['output']).toMatchObject(items)
  })

  test('other choices and what nobody here knows are not told', () => {
    const native: PartHead = {
      kind: 'native',
      part: { kind: 'native', form: 'messages', type: 'server_tool_use', value: {} },
    }
    const events = framedEvents([
      start(),
      { event: 'part_start', choice: 1, part: 0, head: text },
      { event: 'part_delta', choice: 1, part: 0, text: 'other' },
      ...whole(0, native),
      ...whole(1, { kind: 'reasoning', style: 'raw', isRedacted: false }),
      ...over('stop'),
    ])
    expect(lastResponse(events)['output']).toEqual([])
  })
})

describe('what cannot be read and must come back (§6.2)', () => {
  function envelopes(items: unknown): unknown[] {
    return (items as JsonObject[]).map((item) => {
      const envelope = asText(item['encrypted_content'])
      return envelope === undefined ? item['type'] : unsealed(envelope, 'responses', 'encrypted', 'gpt')
    })
  }

  test("Claude's signature goes with its thoughts, redacted ones have no text", () => {
    const redacted: Opaque = { form: 'messages', family: 'claude', kind: 'redacted', payload: 'data' }
    const events = framedEvents([
      ...turn.slice(0, 6),
      { event: 'part_start', choice: 0, part: 1, head: { kind: 'reasoning', style: 'raw', isRedacted: true } },
      { event: 'part_meta', choice: 0, part: 1, meta: { opaque: redacted } },
      { event: 'part_end', choice: 0, part: 1 },
      ...over('stop'),
    ])
    expect(envelopes(lastResponse(events)['output'])).toEqual([signature, redacted])
    expect(lastResponse(events)['output']).toMatchObject([{ summary: [{ text: 'Both first.' }] }, { summary: [] }])
  })

  const gemini: Opaque = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'g' }

  test("Gemini's signature of a call is told in front of it in a body, behind it in a stream, with its id", () => {
    const parts: readonly Part[] = [
      { kind: 'tool_call', id: 'A', name: 'f', args: { value: {} }, isCustom: false, tool: 'function', opaque: gemini },
    ]
    const body = responsesClient.writeBody(response(parts, { reason: 'tool_calls' }), answerContext())
    expect(envelopes(body['output'])).toEqual([{ ...gemini, id: 'A' }, 'function_call'])
    const events = framedEvents([
      start(),
      { event: 'part_start', choice: 0, part: 0, head: call('A', 'f') },
      { event: 'part_meta', choice: 0, part: 0, meta: { opaque: gemini } },
      { event: 'part_delta', choice: 0, part: 0, text: '{}' },
      { event: 'part_end', choice: 0, part: 0 },
      ...over('tool_calls'),
    ])
    expect(envelopes(lastResponse(events)['output'])).toEqual(['function_call', { ...gemini, id: 'A' }])
  })

  test.each(['body', 'stream'])('a turn in a %s comes back as it was', (how) => {
    const parts: readonly Part[] = [
      { kind: 'reasoning', text: 'thought\n\nmore ', style: 'summary', isRedacted: false, opaque: signature },
      { kind: 'text', text: 'Hi', opaque: gemini },
      {
        kind: 'tool_call',
        id: 'A',
        name: 'f',
        args: { raw: '{ "a":1.0 }' },
        isCustom: false,
        tool: 'function',
        opaque: gemini,
      },
      { kind: 'tool_call', id: 'B', name: 'g', args: { raw: '{}' }, isCustom: false, tool: 'function' },
    ]
    const context = answerContext()
    const answer =
      how === 'body'
        ? responsesClient.writeBody(response(parts, { reason: 'tool_calls' }), context)
        : lastResponse(framedEvents(unfoldedParts(parts), context))
    const { request } = readAsked({ input: answer['output'] })
    const back = request.messages[0]?.parts.map((part) => JSON.parse(JSON.stringify(part)) as JsonObject)
    expect(request.messages).toHaveLength(1)
    expect(back).toMatchObject(JSON.parse(JSON.stringify(parts)) as JsonObject[])
  })
})

function unfoldedParts(parts: readonly Part[]): CommonEvent[] {
  const events: CommonEvent[] = [start()]
  for (const [index, part] of parts.entries()) {
    const opaque = 'opaque' in part ? part.opaque : undefined
    const head: PartHead =
      part.kind === 'tool_call' ? call(part.id, part.name) : part.kind === 'reasoning' ? thoughts : text
    const told = part.kind === 'tool_call' ? ('raw' in part.args ? part.args.raw : '') : 'text' in part ? part.text : ''
    const [begin, delta, end] = whole(index, head, told)
    if (begin === undefined || delta === undefined || end === undefined) continue
    events.push(begin, delta)
    if (opaque !== undefined) events.push({ event: 'part_meta', choice: 0, part: index, meta: { opaque } })
    events.push(end)
  }
  return [...events, ...over('tool_calls')]
}

describe('a body', () => {
  test('has every member of the type, and repeats what the client sent (§7.7)', () => {
    const body = {
      input: 'q',
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      tools: [{ type: 'function', name: 'f', parameters: {} }],
      tool_choice: 'required',
      parallel_tool_calls: false,
      temperature: 0.1,
      top_p: 0.2,
      max_output_tokens: 9,
      reasoning: { effort: 'low' },
      text: { verbosity: 'low' },
      truncation: 'auto',
      store: false,
      user: 'u',
      previous_response_id: null,
    }
    const { input: _, ...echoed } = body
    const answer = responsesClient.writeBody(
      response([{ kind: 'text', text: 'a' }], {}, { tier: 'standard' }),
      answerContext(body),
    )
    expect(answer).toMatchObject({ ...echoed, service_tier: 'default', created_at: 1_789_999_999 })
    const plain = responsesClient.writeBody(response([]), answerContext())
    expect(Object.keys(plain)).toEqual([
      'id',
      'object',
      'created_at',
      'status',
      'error',
      'incomplete_details',
      'instructions',
      'metadata',
      'model',
      'output',
      'parallel_tool_calls',
      'temperature',
      'tool_choice',
      'tools',
      'top_p',
      'access_programs',
      'usage',
      'completed_at',
    ])
  })

  test('a time that the backend did not tell is now, and calls that were taken back are left out', () => {
    const taken: Part = {
      kind: 'tool_call',
      id: 'c',
      name: 'f',
      args: { raw: '' },
      isCustom: false,
      tool: 'function',
      isVoid: true,
    }
    const answer = responsesClient.writeBody(response([taken], {}, { createdAt: 0 }), answerContext())
    expect(answer).toMatchObject({ created_at: 1_790_000_000, output: [] })
  })

  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'is what the stream of the same events ends with, seed %i',
    (seed) => {
      const events = commonEvents(seed, { hasMeta: true, interleaves: true })
      const serial: CommonEvent[] = []
      const line = new Serial({ take: (event) => void serial.push(event) })
      for (const event of events) line.take(event)
      const answer = folded(serial)
      if (answer === undefined) throw new Error('the events are not complete')
      const streamed = lastResponse(framedEvents(serial))
      const body = responsesClient.writeBody(answer, answerContext())
      expect(withoutIds(streamed)).toEqual(withoutIds(body))
    },
  )
})

/** Ids are made in another order. */
function withoutIds(answer: JsonObject): unknown {
  return JSON.parse(JSON.stringify(answer).replaceAll(/(resp|msg|rs|fc|call)_0*\d+"/g, '$1"'))
}

describe('an error in a stream (§8.4, #17.15)', () => {
  const error: CommonError = { kind: 'upstream_failed', status: 502, message: 'upstream broke' }

  test('is told flat and nested, and then as the end of the response', () => {
    const events = framedEvents([
      start(),
      ...whole(0, text, 'part').slice(0, 2),
      { event: 'error', error },
      { event: 'end' },
    ])
    const [told, last] = events.slice(-2)
    expect(told?.name).toBe('error')
    expect(JSON.parse(told?.data ?? '')).toMatchObject({
      type: 'error',
      code: 'server_error',
      message: 'upstream broke',
      param: null,
      error: { type: 'server_error', code: 'server_error', message: 'upstream broke', param: null },
    })
    expect(last?.name).toBe('response.failed')
    expect(lastResponse(events)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: 'upstream broke' },
    })
  })

  test.each<[kind: CommonError['kind'], code: string, free: string]>([
    ['rate_limit', 'rate_limit_exceeded', 'rate_limit_exceeded'],
    ['context_overflow', 'invalid_prompt', 'context_length_exceeded'],
    ['overloaded', 'server_error', 'server_error'],
    ['timeout', 'server_error', 'server_error'],
  ])('%s has a code that the type of a response knows: %s', (kind, code, free) => {
    const events = framedEvents([start(), { event: 'error', error: { ...error, kind } }])
    expect(lastResponse(events)['error']).toMatchObject({ code })
    expect(dataOf(events, 'error')).toMatchObject([{ code: free }])
  })
})

describe("OpenAI's own client", () => {
  function clientOf(body: string, type: string): OpenAI {
    const answer = (): Response => new Response(body, { headers: { 'content-type': type } })
    return new OpenAI({
      apiKey: 'k',
      baseURL: 'http://localhost/v1',
      maxRetries: 0,
      fetch: async () => Promise.resolve(answer()),
    })
  }

  test('reads a stream of every kind of item', async () => {
    const events = framedEvents([
      ...turn.slice(0, -3),
      ...whole(4, call('call_C', 'apply', { isCustom: true }), 'x'),
      ...whole(5, call('call_D', 'shell', { tool: 'shell' }), '{"commands":["ls"]}'),
      ...whole(6, call('call_E', 'apply_patch', { tool: 'apply_patch' }), '{"type":"delete_file","path":"a"}'),
      ...whole(7, call('call_F', 'computer', { tool: 'computer' }), '{"type":"screenshot"}'),
      ...whole(8, {
        kind: 'media',
        part: { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'AAAA' } },
      }),
      ...whole(9, text, 'and'),
      ...whole(10, { kind: 'refusal' }, 'no'),
      ...turn.slice(-3),
    ])
    const stream = clientOf(asStream(events), 'text/event-stream').responses.stream({ model: 'alias', input: 'q' })
    const seen: string[] = []
    stream.on('response.output_text.delta', (event) => seen.push(event.delta))
    const final = await stream.finalResponse()
    expect(seen.join('')).toBe('Looking.and')
    expect(final.output_text).toBe('Looking.and')
    expect(final.output.map((item) => item.type)).toEqual([
      'reasoning',
      'message',
      'function_call',
      'function_call',
      'custom_tool_call',
      'shell_call',
      'apply_patch_call',
      'computer_call',
      'image_generation_call',
      'message',
    ])
    expect(final.usage?.total_tokens).toBe(165)
  })

  test.each(Array.from({ length: 20 }, (_, seed) => seed))('reads random streams, seed %i', async (seed) => {
    const serial: CommonEvent[] = []
    const line = new Serial({ take: (event) => void serial.push(event) })
    for (const event of commonEvents(seed, { hasMeta: true, interleaves: true })) line.take(event)
    const said = serial.map((event) => (event.event === 'part_delta' ? event.text : '')).join('')
    const stream = clientOf(asStream(framedEvents(serial)), 'text/event-stream').responses.stream({
      model: 'alias',
      input: 'q',
    })
    const final = await stream.finalResponse()
    const told = final.output.map((item) => {
      if (item.type === 'message')
        return item.content.map((part) => (part.type === 'output_text' ? part.text : '')).join('')
      if (item.type === 'reasoning') return item.summary.map((part) => part.text).join('')
      return item.type === 'function_call' && item.arguments !== '{}' ? item.arguments : ''
    })
    expect(told.join('')).toBe(said.replaceAll('{}', ''))
  })

  test('throws on an error in the middle of a stream', async () => {
    const error: CommonError = { kind: 'upstream_failed', status: 502, message: 'upstream broke' }
    const events = framedEvents([start(), ...whole(0, text, 'part').slice(0, 2), { event: 'error', error }])
    const stream = clientOf(asStream(events), 'text/event-stream').responses.stream({ model: 'alias', input: 'q' })
    const failure = await stream.finalResponse().catch((thrown: unknown) => thrown)
    expect(failure).toBeInstanceOf(Error)
    expect(String(failure)).toContain('upstream broke')
  })

  test('reads a body', async () => {
    const answer = responsesClient.writeBody(response([{ kind: 'text', text: 'Hi' }]), answerContext())
    const read = await clientOf(JSON.stringify(answer), 'application/json').responses.create({
      model: 'alias',
      input: 'q',
    })
    expect(read.output_text).toBe('Hi')
  })
})

describe('§7.1-5, §11.3: calls of an answer that was refused', () => {
  test('are not offered: the last one is not complete, and the answer as a whole has none', () => {
    const events = framedEvents([
      start(),
      ...whole(0, text, 'Let me.'),
      ...whole(1, call('call_A', 'look'), '{}'),
      ...whole(2, call('call_B', 'look'), '{"a":1}'),
      ...over('content_filter', { explanation: 'I will not.' }),
    ])
    const calls = dataOf(events, 'response.output_item.done').map((event) => asObject(event['item']) ?? {})
    expect(calls.find((item) => item['call_id'] === 'call_B')).toMatchObject({ status: 'incomplete' })
    const { status, output } = lastResponse(events)
    expect(status).toBe('incomplete')
    expect((output as { type: string }[]).map(({ type }) => type)).toEqual(['message', 'message'])
  })

  test('of an answer that was cut for its length stay, the last one incomplete', () => {
    const events = framedEvents([start(), ...whole(0, call('call_A', 'look'), '{"a'), ...over('length')])
    expect(lastResponse(events)).toMatchObject({ output: [{ type: 'function_call', status: 'incomplete' }] })
  })
})
