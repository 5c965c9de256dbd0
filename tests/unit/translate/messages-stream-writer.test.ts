import { expect, test } from 'bun:test'
import type { CommonEvent, CommonRequest, Finish, Opaque, PartHead } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { messagesBackend } from '#translate/messages/backend.ts'
import { messagesClient } from '#translate/messages/client.ts'
import { unsealed } from '#translate/opaque.ts'
import { commonEvents } from '../../support/common-events.ts'
import { answerContext, answerFacts, claude45 } from '../../support/messages-codec.ts'

type Told = Readonly<Record<string, unknown>>

/** Framed as SSE, as the machinery does it. */
function sse(
  events: readonly CommonEvent[],
  request: Partial<CommonRequest> = {},
  headers: Readonly<Record<string, string>> = {},
): string {
  const writer = messagesClient.openWriter(answerContext(request, headers))
  const framed = events.flatMap((event) => writer.write(event))
  return framed.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join('')
}

function written(events: readonly CommonEvent[], request: Partial<CommonRequest> = {}, headers = {}): Told[] {
  const blocks = sse(events, request, headers).split('\n\n').slice(0, -1)
  return blocks.map((block) => {
    const [name, data] = block.split('\n')
    const event = JSON.parse(data?.slice(6) ?? '') as Told
    expect(name).toBe(`event: ${String(event['type'])}`)
    return event
  })
}

const start: CommonEvent = { event: 'start', id: 'chatcmpl-1', model: 'gpt', createdAt: 1 }
const end: CommonEvent = { event: 'end' }

function part(index: number, head: PartHead, ...told: (string | Opaque)[]): CommonEvent[] {
  return [
    { event: 'part_start', choice: 0, part: index, head },
    ...told.map((one): CommonEvent =>
      typeof one === 'string'
        ? { event: 'part_delta', choice: 0, part: index, text: one }
        : { event: 'part_meta', choice: 0, part: index, meta: { opaque: one } },
    ),
    { event: 'part_end', choice: 0, part: index },
  ]
}

function finish(reason: Finish['reason'], rest: Partial<Finish> = {}): CommonEvent {
  return { event: 'finish', choice: 0, finish: { reason, ...rest } }
}

function call(id: string, name: string): PartHead {
  return { kind: 'tool_call', id, name, isCustom: false, tool: 'function' }
}

const thought: PartHead = { kind: 'reasoning', style: 'raw', isRedacted: false }
const text: PartHead = { kind: 'text' }
const ours: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'Ev==' }
const googles: Opaque = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'G' }

/** The blocks of a stream as a client puts them together. */
function blocksOf(events: readonly Told[]): object[] {
  const blocks: Record<string, unknown>[] = []
  for (const event of events) {
    const delta = event['delta'] as Record<string, string> | undefined
    if (event['type'] === 'content_block_start') {
      expect(event['index']).toBe(blocks.length)
      blocks.push({ ...(event['content_block'] as object) })
    } else if (event['type'] === 'content_block_delta') {
      expect(event['index']).toBe(blocks.length - 1)
      const block = blocks.at(-1) ?? {}
      for (const name of ['text', 'thinking', 'partial_json']) {
        if (delta?.[name] !== undefined) block[name] = textOf(block[name]) + delta[name]
      }
      if (delta?.['signature'] !== undefined) block['signature'] = delta['signature']
    }
  }
  return blocks.map(opened)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function opened(block: Readonly<Record<string, unknown>>): object {
  const name = block['type'] === 'redacted_thinking' ? 'data' : 'signature'
  const sealed = block[name]
  if (typeof sealed !== 'string' || !sealed.startsWith('lp1.')) return block
  return { ...block, [name]: { sealed: unsealed(sealed, 'messages', 'signature', 'claude') } }
}

test('a whole turn, event by event (§11.5, Appendix B.3)', () => {
  const events: CommonEvent[] = [
    start,
    ...part(0, thought, 'Let me ', 'check.', ours),
    ...part(1, text, 'Check', 'ing.'),
    ...part(2, call('call_A1', 'get_weather'), '{"ci', 'ty":1}'),
    ...part(3, call('call_B2', 'get_time')),
    finish('tool_calls'),
    { event: 'usage', usage: { input: 120, cacheRead: 100, output: 45, reasoning: 12 } },
    end,
  ]
  const usage =
    '"usage":{"input_tokens":120,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}'
  expect(sse(events)).toBe(
    [
      `event: message_start\ndata: {"type":"message_start","message":{"id":"msg_${'A'.repeat(24)}","type":"message","role":"assistant","content":[],"model":"alias","stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,${usage}}}`,
      'event: ping\ndata: {"type":"ping"}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me "}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"check."}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Ev=="}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Check"}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"ing."}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_A1","name":"get_weather","input":{}}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"ci"}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"ty\\":1}"}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":2}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"call_B2","name":"get_time","input":{}}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":3}',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"container":null},"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":100,"output_tokens":45,"output_tokens_details":{"thinking_tokens":12},"server_tool_use":null}}',
      'event: message_stop\ndata: {"type":"message_stop"}',
      '',
    ].join('\n\n'),
  )
})

/** A signature that is no native one. */
function envelope(opaque: Partial<Opaque>): object {
  return { sealed: opaque }
}

test.each<{ name: string; events: CommonEvent[]; blocks: object[]; request?: Partial<CommonRequest> }>([
  {
    name: 'thoughts that nobody signed',
    events: part(0, thought, 'hm'),
    blocks: [{ type: 'thinking', thinking: 'hm', signature: envelope({ kind: 'text', payload: '' }) }],
  },
  {
    name: 'thoughts of OpenAI, with a summary',
    events: part(0, thought, 'sum', { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'X' }),
    blocks: [{ type: 'thinking', thinking: 'sum', signature: envelope({ id: 'rs_1', payload: 'X' }) }],
  },
  {
    name: 'thoughts of OpenAI, without one',
    events: part(0, thought, { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'X' }),
    blocks: [{ type: 'redacted_thinking', data: envelope({ form: 'responses', id: 'rs_1' }) }],
  },
  {
    name: 'thoughts of Claude that nobody may read',
    events: part(0, { ...thought, isRedacted: true }, { ...ours, kind: 'redacted', payload: 'Em==' }),
    blocks: [{ type: 'redacted_thinking', data: 'Em==' }],
  },
  {
    name: 'signed thoughts that Claude did not show',
    events: part(0, thought, ours),
    blocks: [{ type: 'thinking', thinking: '', signature: 'Ev==' }],
  },
  {
    name: 'thoughts that the client does not want to see',
    request: { reasoning: { kind: 'adaptive', visibility: 'none' } },
    events: [...part(0, thought, 'hm', ours), ...part(1, thought, 'se', 'cret')],
    blocks: [
      { type: 'thinking', thinking: '', signature: 'Ev==' },
      { type: 'thinking', thinking: '', signature: envelope({ kind: 'text', payload: 'secret' }) },
    ],
  },
  {
    name: 'a signature of Google’s on a call stands in front of it',
    events: part(0, call('c1', 'f'), googles, '{}'),
    blocks: [
      { type: 'thinking', thinking: '', signature: envelope({ form: 'gemini', id: 'c1', payload: 'G' }) },
      { type: 'tool_use', id: 'c1', name: 'f', input: {}, partial_json: '{}' },
    ],
  },
  {
    name: 'a signature that comes behind the arguments stands behind the call, and says whose it is',
    events: part(0, call('c1', 'f'), '{}', googles),
    blocks: [{ type: 'tool_use' }, { type: 'thinking', thinking: '', signature: envelope({ id: 'c1' }) }],
  },
  {
    name: 'a signature of Google’s on a text',
    events: part(0, text, 'hi', googles),
    blocks: [
      { type: 'text', text: 'hi' },
      { type: 'thinking', thinking: '', signature: envelope({ id: 'text', payload: 'G' }) },
    ],
  },
  {
    name: 'an id that clients of Anthropic’s refuse, and none',
    events: [...part(0, call('functions.f:0', 'f')), ...part(1, call('', 'g'))],
    blocks: [{ id: `toolu_${'A'.repeat(24)}` }, { id: `toolu_${'A'.repeat(24)}` }],
  },
  {
    name: 'free text of a custom tool is its input',
    events: part(0, { ...call('c', 'patch'), isCustom: true } as PartHead, 'say "', 'hi"\n'),
    blocks: [{ type: 'tool_use', partial_json: '{"input":"say \\"hi\\"\\n"}' }],
  },
  {
    name: 'a refusal in words',
    events: part(0, { kind: 'refusal' }, 'I will not'),
    blocks: [{ type: 'text', text: 'I will not' }],
  },
  {
    name: 'a sound, by what is said in it',
    events: part(0, {
      kind: 'media',
      part: { kind: 'media', medium: 'audio', mime: 'audio/wav', source: { base64: '' }, transcript: 'hello' },
    }),
    blocks: [{ type: 'text', text: 'hello' }],
  },
  {
    name: 'a picture, by a word about it',
    events: part(0, { kind: 'media', part: { kind: 'media', medium: 'image', mime: '', source: { base64: '' } } }),
    blocks: [{ type: 'text', text: expect.stringContaining('image') }],
  },
  {
    name: 'what only another API understands is not told, and leaves no gap (#17.21)',
    events: [
      ...part(0, { kind: 'native', part: { kind: 'native', form: 'gemini', type: 'executableCode', value: {} } }),
      ...part(1, text, 'hi'),
    ],
    blocks: [{ type: 'text', text: 'hi' }],
  },
  {
    name: 'a tool that Anthropic carries out, as it does it',
    events: part(0, {
      kind: 'native',
      part: {
        kind: 'native',
        form: 'messages',
        type: 'server_tool_use',
        value: { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } },
      },
    }),
    blocks: [{ type: 'server_tool_use', id: 's', name: 'web_search', input: {}, partial_json: '{"query":"x"}' }],
  },
])('to a client of Anthropic’s: $name', ({ events, blocks, request }) => {
  const told = blocksOf(written([start, ...events, finish('stop'), end], request))
  expect(told).toHaveLength(blocks.length)
  expect(told).toMatchObject(blocks)
})

const refused = { type: 'refusal', category: null }

test.each<{
  name: string
  events?: CommonEvent[]
  finish: CommonEvent
  delta: object
  headers?: Record<string, string>
}>([
  { name: 'stop', finish: finish('stop', { native: 'stop' }), delta: { stop_reason: 'end_turn', stop_sequence: null } },
  {
    name: 'a stop sequence',
    finish: finish('stop', { stopSequence: 'END' }),
    delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
  },
  { name: 'calls', finish: finish('tool_calls'), delta: { stop_reason: 'tool_use' } },
  { name: 'length', finish: finish('length'), delta: { stop_reason: 'max_tokens' } },
  {
    name: 'a full window, to a client that knows it',
    headers: { 'anthropic-version': '2026-10-21' },
    finish: finish('length', { native: 'model_context_window_exceeded' }),
    delta: { stop_reason: 'model_context_window_exceeded' },
  },
  {
    name: 'a full window, to one that does not',
    headers: { 'anthropic-version': '2023-06-01' },
    finish: finish('length', { native: 'model_context_window_exceeded' }),
    delta: { stop_reason: 'max_tokens' },
  },
  {
    name: 'a refusal with its reason',
    finish: finish('content_filter', { explanation: 'why' }),
    delta: { stop_reason: 'refusal', stop_details: { ...refused, explanation: 'why' } },
  },
  {
    name: 'a refusal in words (§7.1-5)',
    events: part(0, { kind: 'refusal' }, 'no'),
    finish: finish('stop'),
    delta: { stop_reason: 'refusal', stop_details: { ...refused, explanation: null } },
  },
  { name: 'a pause of which nothing can be seen', finish: finish('pause'), delta: { stop_reason: 'end_turn' } },
  {
    name: 'a pause in the middle of a tool of Anthropic’s',
    events: part(0, { kind: 'native', part: { kind: 'native', form: 'messages', type: 'x', value: { type: 'x' } } }),
    finish: finish('pause'),
    delta: { stop_reason: 'pause_turn' },
  },
  { name: 'anything else (#17.3)', finish: finish('other', { native: 'weird' }), delta: { stop_reason: 'end_turn' } },
])('why it stopped, in Anthropic’s words: $name', ({ events = [], finish: last, delta, headers }) => {
  const told = written([start, ...events, last, end], {}, headers)
  expect(told.at(-1)).toEqual({ type: 'message_stop' })
  expect(told.at(-2)?.['delta']).toMatchObject(delta)
})

test('where nobody counted, the counts are estimated, and none of them is missing (§7.2)', () => {
  const told = written([start, ...part(0, text, 'some words'), finish('stop'), end])
  expect(told.at(-2)?.['usage']).toMatchObject({ input_tokens: 120, output_tokens: 4, output_tokens_details: null })
})

test('an answer that failed is an error, and nothing follows it (§8.4, #17.15)', () => {
  const error: CommonEvent = { event: 'error', error: { kind: 'overloaded', status: 529, message: 'busy' } }
  const told = written([start, ...part(0, text, 'a'), error, end])
  expect(told.at(-1)).toEqual({
    type: 'error',
    error: { type: 'overloaded_error', message: 'busy' },
    request_id: 'req_1',
  })
  expect(written([start, finish('error', { native: 'MALFORMED_FUNCTION_CALL' }), end]).at(-1)).toMatchObject({
    type: 'error',
    error: { type: 'api_error' },
  })
})

test('signs of life are pings, also before everything', () => {
  expect(written([{ event: 'keepalive' }])).toEqual([{ type: 'ping' }])
})

test('other choices than the first are not told', () => {
  const other: CommonEvent[] = [
    { event: 'part_start', choice: 1, part: 0, head: text },
    { event: 'part_delta', choice: 1, part: 0, text: 'b' },
    { event: 'part_end', choice: 1, part: 0 },
  ]
  expect(blocksOf(written([start, ...other, ...part(0, text, 'a'), finish('stop'), end]))).toHaveLength(1)
})

/** Texts, thoughts and calls, without what is made anew on the way. */
function folded(events: readonly CommonEvent[]): object {
  const fold = new Fold()
  for (const event of events) fold.take(event)
  const response = fold.result()
  if (response === undefined || !('choices' in response)) throw new Error('no answer')
  const [choice] = response.choices
  const parts = (choice?.parts ?? []).map((one) => {
    if (one.kind !== 'reasoning') return one
    return { text: one.text, opaque: one.opaque?.payload.startsWith('lp1.') === true ? undefined : one.opaque }
  })
  return { parts, reason: choice?.finish.reason, usage: response.usage }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))('what is written can be read again: stream %d', (seed) => {
  const events = commonEvents(seed, { hasMeta: true })
  const reader = messagesBackend.openReader(answerFacts(claude45))
  const back = written(events).flatMap((event) => reader.push('', JSON.stringify(event)))
  const before = folded(events)
  expect(folded([...back, ...reader.end()])).toMatchObject(before)
})
