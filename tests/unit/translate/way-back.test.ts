import { describe, expect, test } from 'bun:test'
import type { WayBack } from '#translate/codec.ts'
import type { Choice, CommonEvent, CommonResponse, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { passageTo } from '#translate/passage.ts'
import { unfolded } from '#translate/unfold.ts'
import { broughtBack, type Return } from '#translate/way-back.ts'
import { commonEvents, EventLog, faultsOf } from '../../support/common-events.ts'
import { noWayBack } from '../../support/plain-codec.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

function wayOf(back: Partial<WayBack> = {}, hasTags = false): Return {
  return { back: { ...noWayBack, ...back }, hasTags, form: 'chat' }
}

function answer(parts: readonly Part[], finish: Choice['finish']): CommonResponse {
  const choice: Choice = { index: 0, parts, finish }
  return {
    id: 'a',
    model: 'm',
    createdAt: 1,
    choices: [choice],
    usage: undefined,
    tier: undefined,
    fingerprint: undefined,
  }
}

const text = (said: string): Part => ({ kind: 'text', text: said })
const call = (name: string, raw: string, more: object = {}): Part => ({
  kind: 'tool_call',
  id: `call_${name}`,
  name,
  args: { raw },
  isCustom: false,
  tool: 'function',
  ...more,
})

function streamed(events: readonly CommonEvent[], way: Return, isSerial = false): readonly CommonEvent[] {
  const log = new EventLog()
  const passage = passageTo(log, way, { choices: 1, inputEstimate: 11 }, isSerial)
  for (const event of events) passage.first.take(event)
  return log.events
}

function fold(events: readonly CommonEvent[]): ReturnType<Fold['result']> {
  const folded = new Fold()
  for (const event of events) folded.take(event)
  return folded.result()
}

interface Case {
  readonly name: string
  readonly way: Return
  readonly parts: readonly Part[]
  readonly finish: Choice['finish']
  readonly becomes: { readonly parts: readonly Part[]; readonly finish: Choice['finish'] }
}

const cases: readonly Case[] = [
  {
    name: 'names of tools become those of the client, with their namespace',
    way: wayOf({ toolNames: new Map([['ns__t', { name: 't', namespace: 'ns' }]]) }),
    parts: [call('ns__t', '{}'), call('other', '{}')],
    finish: { reason: 'tool_calls' },
    becomes: {
      parts: [call('ns__t', '{}', { name: 't', namespace: 'ns' }), call('other', '{}')],
      finish: { reason: 'tool_calls' },
    },
  },
  {
    name: 'a function that stands for a custom tool gives its text',
    way: wayOf({ customTools: new Set(['apply_patch']) }),
    parts: [call('apply_patch', '{"input":"*** \\"x\\"\\n"}')],
    finish: { reason: 'tool_calls' },
    becomes: { parts: [call('apply_patch', '*** "x"\n', { isCustom: true })], finish: { reason: 'tool_calls' } },
  },
  {
    name: 'a function that stands for a built-in says which',
    way: wayOf({ builtins: new Map([['local_shell', 'shell']]) }),
    parts: [call('local_shell', '{"command":["ls"]}')],
    finish: { reason: 'tool_calls' },
    becomes: {
      parts: [call('local_shell', '{"command":["ls"]}', { tool: 'shell' })],
      finish: { reason: 'tool_calls' },
    },
  },
  {
    name: 'the tool of a structured output is the text of the answer',
    way: wayOf({ outputTool: 'json_response' }),
    parts: [call('json_response', '{"b":1, "a":1.0}')],
    finish: { reason: 'tool_calls' },
    becomes: { parts: [text('{"b":1, "a":1.0}')], finish: { reason: 'stop' } },
  },
  {
    name: 'a wrapped output is unwrapped without being read',
    way: wayOf({ outputTool: 'json_response', isOutputWrapped: true }),
    parts: [call('json_response', '{"value":[1.0, 2]}')],
    finish: { reason: 'tool_calls' },
    becomes: { parts: [text('[1.0, 2]')], finish: { reason: 'stop' } },
  },
  {
    name: 'the same where the form has structured outputs of its own',
    way: wayOf({ isOutputWrapped: true }),
    parts: [text('{"value":"a"}')],
    finish: { reason: 'stop' },
    becomes: { parts: [text('"a"')], finish: { reason: 'stop' } },
  },
  {
    name: 'a value of an enumeration is told without its quotes, where the client wants it so',
    way: { ...wayOf(), isBare: true },
    parts: [text(' "a \\"b\\""\n')],
    finish: { reason: 'stop' },
    becomes: { parts: [text('a "b"')], finish: { reason: 'stop' } },
  },
  {
    name: 'the same where it was wrapped',
    way: { ...wayOf({ isOutputWrapped: true }), isBare: true },
    parts: [text('{"value": "a"}')],
    finish: { reason: 'stop' },
    becomes: { parts: [text('a')], finish: { reason: 'stop' } },
  },
  {
    name: 'and as it stands where it has none',
    way: { ...wayOf(), isBare: true },
    parts: [text('a')],
    finish: { reason: 'stop' },
    becomes: { parts: [text('a')], finish: { reason: 'stop' } },
  },
  {
    name: 'calls win over stop (§7.1)',
    way: wayOf(),
    parts: [text('a'), call('t', '{}')],
    finish: { reason: 'stop', native: 'STOP' },
    becomes: { parts: [text('a'), call('t', '{}')], finish: { reason: 'tool_calls', native: 'STOP' } },
  },
  {
    name: 'without a call nothing has to be called (§7.1)',
    way: wayOf(),
    parts: [text('a')],
    finish: { reason: 'tool_calls' },
    becomes: { parts: [text('a')], finish: { reason: 'stop' } },
  },
  {
    name: 'length stays, calls or not (§7.1)',
    way: wayOf(),
    parts: [call('t', '{"a')],
    finish: { reason: 'length' },
    becomes: { parts: [call('t', '{"a')], finish: { reason: 'length' } },
  },
  {
    name: 'an emulated stop cuts the text and is told (§5.1-6)',
    way: wayOf({ stops: ['END', '\n\n'] }),
    parts: [text('one END two'), text('three')],
    finish: { reason: 'length' },
    becomes: { parts: [text('one ')], finish: { reason: 'stop', stopSequence: 'END' } },
  },
  {
    name: 'a text that only begins like a stop stays whole',
    way: wayOf({ stops: ['END'] }),
    parts: [text('one EN'), text('D')],
    finish: { reason: 'length' },
    becomes: { parts: [text('one EN'), text('D')], finish: { reason: 'length' } },
  },
  {
    name: 'thoughts in tags are thoughts (§11.6)',
    way: wayOf({}, true),
    parts: [text('<think>Hm.</think>\n\nYes.'), text('<think>no</think>')],
    finish: { reason: 'stop' },
    becomes: {
      parts: [
        { kind: 'reasoning', text: 'Hm.', style: 'raw', isRedacted: false },
        text('Yes.'),
        text('<think>no</think>'),
      ],
      finish: { reason: 'stop' },
    },
  },
  {
    name: 'tags behind something else are text',
    way: wayOf({}, true),
    parts: [call('t', '{}'), text('<think>Hm.</think>')],
    finish: { reason: 'stop' },
    becomes: { parts: [call('t', '{}'), text('<think>Hm.</think>')], finish: { reason: 'tool_calls' } },
  },
]

describe('on the way back', () => {
  test.each(cases)('$name', ({ way, parts, finish, becomes }) => {
    const brought = broughtBack(answer(parts, finish), way)
    const clean: unknown = JSON.parse(JSON.stringify(brought))
    expect(clean).toEqual(JSON.parse(JSON.stringify(answer(becomes.parts, { ...becomes.finish }))))
  })

  test.each(cases)('in a stream: $name', ({ way, parts, finish, becomes }) => {
    const events = unfolded(answer(parts, finish), ids, 1)
    for (const cutAt of [1, 2, 3, 1000]) {
      const brought = streamed(recut(events, cutAt), way)
      expect(faultsOf(brought)).toEqual([])
      const folded = fold(brought)
      if (folded === undefined || !('choices' in folded)) throw new Error('no answer')
      expect(JSON.parse(JSON.stringify(folded.choices[0]?.parts))).toEqual(JSON.parse(JSON.stringify(becomes.parts)))
      const { reason, stopSequence } = folded.choices[0]?.finish ?? {}
      expect({ reason, stopSequence }).toEqual({
        reason: becomes.finish.reason,
        stopSequence: becomes.finish.stopSequence,
      })
    }
  })

  test('a refusal takes the calls of its turn back, in a body', () => {
    const refused = broughtBack(answer([text('a'), call('t', '{}')], { reason: 'content_filter' }), wayOf())
    expect(refused).toMatchObject({ choices: [{ parts: [text('a')], finish: { reason: 'content_filter' } }] })
    const told = broughtBack(answer([call('t', '{}'), { kind: 'refusal', text: 'No.' }], { reason: 'stop' }), wayOf())
    expect(told).toMatchObject({ choices: [{ parts: [{ kind: 'refusal' }], finish: { reason: 'content_filter' } }] })
    const voided = broughtBack(answer([text('a'), call('t', '{}', { isVoid: true })], { reason: 'stop' }), wayOf())
    expect(voided).toMatchObject({ choices: [{ parts: [text('a')], finish: { reason: 'stop' } }] })
  })

  test('a call that somebody else carries out is not the client’s', () => {
    const brought = broughtBack(answer([text('a'), call('t', '{}', { caller: 'code' })], { reason: 'stop' }), wayOf())
    expect(brought).toMatchObject({ choices: [{ finish: { reason: 'stop' } }] })
  })

  test('an answer of which the client would see nothing is an error, in bodies and streams (§7.3)', () => {
    const native: Part = { kind: 'native', form: 'responses', type: 'mcp_approval_request', value: {} }
    const only = answer([native], { reason: 'stop' })
    expect(broughtBack(only, wayOf())).toMatchObject({ code: 'unsupported_output', status: 502 })
    expect(streamed(unfolded(only, ids, 1), wayOf()).map(({ event }) => event)).toContain('error')
    expect(broughtBack(answer([native], { reason: 'length' }), wayOf())).toHaveProperty('choices')
    expect(broughtBack(answer([native, text('a')], { reason: 'stop' }), wayOf())).toHaveProperty('choices')
    expect(broughtBack(answer([], { reason: 'stop' }), wayOf())).toHaveProperty('choices')
    expect(broughtBack(only, { ...wayOf(), form: 'responses' })).toHaveProperty('choices')
  })

  test('a stream that is cut tells what it used, as far as is known, and wants nothing more', () => {
    const log = new EventLog()
    const passage = passageTo(log, wayOf({ stops: ['!'] }), { choices: 1, inputEstimate: 11 }, false)
    const part = { choice: 0, part: 0 }
    passage.first.take({ event: 'start', id: 'a', model: 'm', createdAt: 1 })
    passage.first.take({ event: 'part_start', ...part, head: { kind: 'text' } })
    passage.first.take({ event: 'part_delta', ...part, text: 'stop! more' })
    expect(passage.isOver).toBe(true)
    passage.first.take({ event: 'part_delta', ...part, text: 'and more' })
    expect(log.events.slice(2)).toEqual([
      { event: 'part_delta', ...part, text: 'stop' },
      { event: 'part_end', ...part },
      { event: 'finish', choice: 0, finish: { reason: 'stop', stopSequence: '!' } },
      { event: 'usage', usage: { input: 11, output: 4 } },
      { event: 'end' },
    ])
  })

  test('of several choices one that is cut lets the others go on', () => {
    const log = new EventLog()
    const passage = passageTo(log, wayOf({ stops: ['!'] }), { choices: 2, inputEstimate: 1 }, false)
    for (const choice of [0, 1]) passage.first.take({ event: 'part_start', choice, part: 0, head: { kind: 'text' } })
    passage.first.take({ event: 'part_delta', choice: 0, part: 0, text: 'a!' })
    passage.first.take({ event: 'part_delta', choice: 1, part: 0, text: 'b' })
    passage.first.take({ event: 'finish', choice: 0, finish: { reason: 'length' } })
    expect(passage.isOver).toBe(false)
    expect(log.events.filter(({ event }) => event === 'finish')).toHaveLength(1)
    expect(log.events.at(-1)).toEqual({ event: 'part_delta', choice: 1, part: 0, text: 'b' })
  })

  test('parallel custom calls come one by one without waiting for the end of the stream', () => {
    const way = wayOf({ customTools: new Set(['p']) })
    const head = { kind: 'tool_call', id: 'c', name: 'p', isCustom: false, tool: 'function' } as const
    const events: CommonEvent[] = [
      { event: 'part_start', choice: 0, part: 0, head },
      { event: 'part_delta', choice: 0, part: 0, text: '{"input":"one"}' },
      { event: 'part_start', choice: 0, part: 1, head },
      { event: 'part_delta', choice: 0, part: 1, text: '{"input":"tw' },
    ]
    const brought = streamed(events, way, true)
    expect(brought.flatMap((event) => (event.event === 'part_delta' ? [event.text] : []))).toEqual(['one', 'tw'])
  })

  test('bodies and streams come to the same, whatever has to be undone', () => {
    const ways = [
      wayOf(),
      wayOf({ toolNames: new Map([['search', { name: 'suche' }]]), stops: ['world', '\n\n'] }),
      wayOf({ outputTool: 'get_time', isOutputWrapped: true }, true),
      wayOf({ customTools: new Set(['get_weather']) }, true),
    ]
    for (let seed = 1; seed <= 300; seed++) {
      const way = ways[seed % ways.length] ?? wayOf()
      // The tool of an output is the only one.
      const events = commonEvents(seed, { interleaves: way.back.outputTool === undefined, hasMeta: true })
      const whole = fold(events)
      if (whole === undefined || !('choices' in whole)) throw new Error('no answer')
      const streamedBack = streamed(events, way, seed % 3 === 0)
      expect(faultsOf(streamedBack, seed % 3 === 0)).toEqual([])
      const byStream = fold(streamedBack)
      const byBody = broughtBack(whole, way)
      expect(visible(byStream)).toEqual(visible(byBody))
    }
  })
})

/** Void calls stay in a stream, where nothing can be taken back; what was used is only estimated when it is cut. */
function visible(result: unknown): unknown {
  const { choices } = result as CommonResponse
  return choices.map(({ parts, finish }) => ({
    parts: parts
      .filter(({ kind }) => finish.reason !== 'content_filter' || kind !== 'tool_call')
      .map((part) => JSON.parse(JSON.stringify(part)) as unknown),
    reason: finish.reason,
    stopSequence: finish.stopSequence,
  }))
}

/** The deltas in pieces of this length. */
function recut(events: readonly CommonEvent[], length: number): CommonEvent[] {
  return events.flatMap((event): CommonEvent[] => {
    if (event.event !== 'part_delta') return [event]
    const pieces = event.text.match(new RegExp(`[^]{1,${length}}`, 'gu')) ?? []
    const { choice, part } = event
    return pieces.map((piece) => ({ event: 'part_delta', choice, part, text: piece }))
  })
}
