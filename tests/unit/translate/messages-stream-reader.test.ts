import { expect, test } from 'bun:test'
import type { CommonEvent } from '#translate/common.ts'
import { messagesBackend } from '#translate/messages/backend.ts'
import { faultsOf } from '../../support/common-events.ts'
import { answerFacts, claude45 } from '../../support/messages-codec.ts'

type Line = Readonly<Record<string, unknown>>

const started: Line = {
  type: 'message_start',
  message: { id: 'msg_1', model: claude45, usage: { input_tokens: 10, output_tokens: 1 } },
}
const ended: Line = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }
const stopped: Line = { type: 'message_stop' }

function open(index: number, content_block: Line): Line {
  return { type: 'content_block_start', index, content_block }
}

function delta(index: number, told: Line): Line {
  return { type: 'content_block_delta', index, delta: told }
}

function say(index: number, text: string): Line {
  return delta(index, { type: 'text_delta', text })
}

function close(index: number): Line {
  return { type: 'content_block_stop', index }
}

const textBlock: Line = { type: 'text', text: '' }

function read(lines: readonly (Line | string)[], isEnded = true): CommonEvent[] {
  const reader = messagesBackend.openReader(answerFacts(claude45))
  const events: CommonEvent[] = []
  for (const line of lines) {
    const isText = typeof line === 'string'
    const name = isText || typeof line['type'] !== 'string' ? '' : line['type']
    events.push(...reader.push(name, isText ? line : JSON.stringify(line)))
  }
  if (isEnded) events.push(...reader.end())
  return events
}

/** The parts that were told, and the rest of the events. */
function toldBy(lines: readonly (Line | string)[]): { parts: object[]; others: CommonEvent[] } {
  const parts: { text: string; isEnded: boolean }[] = []
  const others: CommonEvent[] = []
  for (const event of read(lines)) {
    if (event.event === 'part_start') parts.push({ ...event.head, text: '', isEnded: false })
    else if (event.event === 'part_delta')
      Object.assign(parts[event.part] ?? {}, { text: `${parts[event.part]?.text}${event.text}` })
    else if (event.event === 'part_meta') Object.assign(parts[event.part] ?? {}, event.meta)
    else if (event.event === 'part_end') Object.assign(parts[event.part] ?? {}, { isEnded: true })
    else others.push(event)
  }
  return { parts, others }
}

test.each<{ name: string; lines: readonly Line[]; parts: readonly object[] }>([
  {
    name: 'texts',
    lines: [open(0, textBlock), { type: 'ping' }, say(0, 'Hel'), say(0, ''), say(0, 'lo'), close(0)],
    parts: [{ kind: 'text', text: 'Hello', isEnded: true }],
  },
  {
    name: 'a block that begins with its text',
    lines: [open(0, { type: 'text', text: 'He' }), say(0, 'llo'), close(0)],
    parts: [{ text: 'Hello' }],
  },
  { name: 'a block in which nothing is said is no part', lines: [open(0, textBlock), close(0)], parts: [] },
  { name: 'a block without a beginning', lines: [say(0, 'Hi')], parts: [{ kind: 'text', text: 'Hi', isEnded: true }] },
  {
    name: 'thoughts, signed at their end',
    lines: [
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'hm' }),
      delta(0, { type: 'signature_delta', signature: 'Ev==' }),
      close(0),
    ],
    parts: [
      {
        kind: 'reasoning',
        style: 'summary',
        text: 'hm',
        opaque: { form: 'messages', family: 'claude', kind: 'signature', payload: 'Ev==' },
      },
    ],
  },
  {
    name: 'thoughts that are not shown',
    lines: [
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'signature_delta', signature: 'Ev==' }),
      close(0),
    ],
    parts: [{ kind: 'reasoning', text: '', opaque: { payload: 'Ev==' }, isEnded: true }],
  },
  {
    name: 'thoughts that nobody may read',
    lines: [open(0, { type: 'redacted_thinking', data: 'Em==' }), close(0)],
    parts: [{ kind: 'reasoning', isRedacted: true, opaque: { kind: 'redacted', payload: 'Em==' }, isEnded: true }],
  },
  {
    name: 'a call whose arguments come in pieces',
    lines: [
      open(0, { type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'direct' } }),
      delta(0, { type: 'input_json_delta', partial_json: '' }),
      delta(0, { type: 'input_json_delta', partial_json: '{"a"' }),
      delta(0, { type: 'input_json_delta', partial_json: ':1}' }),
      close(0),
    ],
    parts: [{ kind: 'tool_call', id: 't', name: 'f', text: '{"a":1}', isEnded: true }],
  },
  {
    name: 'a call whose arguments come at once, and one without any',
    lines: [
      open(0, { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }),
      close(0),
      open(1, { type: 'tool_use', id: 'u', name: 'g', input: {} }),
      close(1),
    ],
    parts: [
      { id: 't', text: '{"a":1}' },
      { id: 'u', text: '' },
    ],
  },
  {
    name: 'a call that code of the provider made is no call for the client',
    lines: [
      open(0, { type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'code_execution_20260120' } }),
      delta(0, { type: 'input_json_delta', partial_json: '{"a":1}' }),
      close(0),
    ],
    parts: [{ kind: 'native', part: { type: 'tool_use', value: { id: 't', input: { a: 1 } } } }],
  },
  {
    name: 'tools that the provider carries out, whole, between texts (#17.21)',
    lines: [
      open(0, textBlock),
      say(0, 'a'),
      close(0),
      open(1, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      delta(1, { type: 'input_json_delta', partial_json: '{"query":' }),
      delta(1, { type: 'input_json_delta', partial_json: '"x"}' }),
      close(1),
      open(2, { type: 'web_search_tool_result', tool_use_id: 's', content: [] }),
      close(2),
      open(3, textBlock),
      say(3, 'b'),
      close(3),
    ],
    parts: [
      { kind: 'text', text: 'a' },
      {
        kind: 'native',
        part: { form: 'messages', type: 'server_tool_use', value: { id: 's', input: { query: 'x' } } },
      },
      { kind: 'native', part: { type: 'web_search_tool_result' } },
      { kind: 'text', text: 'b' },
    ],
  },
  {
    name: 'a summary of the history',
    lines: [
      open(0, { type: 'compaction', content: null }),
      delta(0, { type: 'compaction_delta', content: 'we spoke' }),
      close(0),
    ],
    parts: [{ kind: 'native', part: { type: 'compaction', value: { content: 'we spoke' } } }],
  },
  {
    name: 'what is cited, for the whole block, counted in characters of people',
    lines: [
      open(0, { ...textBlock, citations: [] }),
      delta(0, {
        type: 'citations_delta',
        citation: {
          type: 'web_search_result_location',
          url: 'https://a.b',
          title: 'T',
          cited_text: 'c',
          encrypted_index: 'E',
        },
      }),
      say(0, 'a🙂b'),
      close(0),
    ],
    parts: [
      { text: 'a🙂b', annotation: { kind: 'url', url: 'https://a.b', title: 'T', start: 0, end: 3, citedText: 'c' } },
    ],
  },
  {
    name: 'deltas and events that nobody knows',
    lines: [
      open(0, textBlock),
      delta(0, { type: 'new_delta', text: 'x' }),
      { type: 'new_event' },
      say(0, 'a'),
      close(0),
    ],
    parts: [{ text: 'a' }],
  },
])('a stream of Claude’s: $name (§11.1)', ({ lines, parts }) => {
  const told = toldBy([started, ...lines, ended, stopped])
  expect(told.parts).toHaveLength(parts.length)
  expect(told.parts).toMatchObject(parts)
  expect(told.others[0]).toEqual({ event: 'start', id: 'msg_1', model: claude45, createdAt: 1_790_000_000 })
  expect(told.others.slice(-2)).toMatchObject([{ event: 'finish', finish: { reason: 'stop' } }, { event: 'end' }])
  expect(faultsOf(read([started, ...lines, ended, stopped]))).toEqual([])
})

test.each([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'tool_calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
  ['pause_turn', 'pause'],
  ['something_new', 'other'],
])('a stop for %s is %s (§7.1)', (stop_reason, reason) => {
  const { others } = toldBy([started, { type: 'message_delta', delta: { stop_reason, stop_sequence: 'X' } }, stopped])
  expect(others.find((event) => event.event === 'finish')?.finish as object).toMatchObject({
    reason,
    native: stop_reason,
    stopSequence: 'X',
  })
})

test('a refusal says why, also when it comes behind a call', () => {
  const details = { type: 'refusal', category: 'cyber', explanation: 'because' }
  const { others } = toldBy([
    started,
    open(0, { type: 'tool_use', id: 't', name: 'f', input: {} }),
    close(0),
    { type: 'message_delta', delta: { stop_reason: 'refusal', stop_details: details } },
    stopped,
  ])
  expect(others.find((event) => event.event === 'finish')).toMatchObject({
    finish: { reason: 'content_filter', explanation: 'because' },
  })
})

test('what is told last of the usage counts, number by number, and includes what was cached (§7.2, #17.10)', () => {
  const usages = read([
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        usage: {
          input_tokens: 43,
          cache_read_input_tokens: 100,
          cache_creation_input_tokens: 7,
          cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 },
          output_tokens: 1,
        },
      },
    },
    open(0, textBlock),
    say(0, 'a'),
    close(0),
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: {
        input_tokens: 61,
        cache_read_input_tokens: null,
        output_tokens: 9,
        output_tokens_details: { thinking_tokens: 4 },
      },
    },
    stopped,
  ]).filter((event) => event.event === 'usage')
  expect(usages.map(({ usage }) => usage.input)).toEqual([150, 168])
  expect(usages.at(-1)?.usage).toEqual({
    input: 168,
    cacheRead: 100,
    cacheWrite: 7,
    cacheWrite5m: 3,
    cacheWrite1h: 4,
    output: 9,
    reasoning: 4,
  })
})

const again: Line = { type: 'message_start', message: { id: 'msg_2', usage: { input_tokens: 20 } } }

test.each<{ name: string; lines: readonly (Line | string)[]; last: object; starts?: number }>([
  {
    name: 'the same beginning twice',
    lines: [started, started, say(0, 'a'), ended, stopped],
    last: { event: 'end' },
  },
  {
    name: 'another beginning before anything was said',
    lines: [started, again, say(0, 'a'), ended, stopped],
    last: { event: 'end' },
  },
  {
    name: 'another beginning in the middle (#17.19)',
    lines: [started, say(0, 'a'), again, say(0, 'b'), ended, stopped],
    last: { event: 'error', error: { kind: 'upstream_failed', code: 'stream_restarted' } },
  },
  {
    name: 'a stream that is cut (#17.15)',
    lines: [started, open(0, textBlock), say(0, 'a')],
    last: { event: 'error', error: { kind: 'upstream_failed', status: 502, code: 'stream_incomplete' } },
  },
  { name: 'nothing at all', lines: [], last: { event: 'error', error: { code: 'stream_incomplete' } } },
  { name: 'no last word behind the reason to stop', lines: [started, say(0, 'a'), ended], last: { event: 'end' } },
  {
    name: 'an error',
    lines: [started, say(0, 'a'), { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
    last: { event: 'error', error: { kind: 'overloaded', message: 'Overloaded' } },
  },
  {
    name: 'an event that is no JSON',
    lines: [started, '{"type":'],
    last: { event: 'error', error: { code: 'stream_malformed' } },
  },
  {
    name: 'keep-alives of other servers',
    lines: ['ping', started, '', '[DONE]', say(0, 'a'), ended, stopped],
    last: { event: 'end' },
  },
])('how a stream begins and ends: $name', ({ lines, last }) => {
  const events = read(lines)
  expect(events.at(-1)).toMatchObject(last)
  expect(events.filter(({ event }) => event === 'start').length).toBeLessThanOrEqual(1)
  expect(events.filter(({ event }) => event === 'end' || event === 'error')).toHaveLength(1)
})

test('no JSON makes the reader throw', () => {
  const odd = [null, 1, 'x', [], {}, [[]], { type: 1 }, -1, { __proto__: null }]
  for (const type of [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'error',
  ]) {
    for (const value of odd) {
      const lines = ['message', 'index', 'delta', 'content_block', 'usage', 'error'].map((name) => ({
        type,
        [name]: value,
      }))
      expect(() => read([started, ...lines, ...lines])).not.toThrow()
    }
  }
})
