import { describe, expect, test } from 'bun:test'
import { chatClient } from '#translate/chat/client.ts'
import type { CommonEvent, PartHead } from '#translate/common.ts'
import { sealed } from '#translate/opaque.ts'
import { asList, asObject } from '#kit/json-value.ts'
import { answerContext, written } from '../../support/answering.ts'
import { commonEvents } from '../../support/common-events.ts'

const opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'SIG' } as const
const start: CommonEvent = { event: 'start', id: 'chatcmpl-G1', model: 'up', createdAt: 1_790_000_000 }

function part(at: number, head: PartHead, ...texts: string[]): CommonEvent[] {
  return [
    { event: 'part_start', choice: 0, part: at, head },
    ...texts.map((text) => ({ event: 'part_delta', choice: 0, part: at, text }) as const),
    { event: 'part_end', choice: 0, part: at },
  ]
}

function call(name: string, id: string): PartHead {
  return { kind: 'tool_call', id, name, isCustom: false, tool: 'function' }
}

function finish(reason: 'stop' | 'tool_calls' | 'content_filter' | 'error', explanation?: string): CommonEvent {
  return { event: 'finish', choice: 0, finish: { reason, explanation } }
}

const end: CommonEvent = { event: 'end' }

function deltas(events: readonly CommonEvent[], ...context: Parameters<typeof answerContext>): unknown[] {
  return written(chatClient.openWriter(answerContext(...context)), [start, ...events, end])
    .filter((data) => data !== '[DONE]')
    .flatMap((data) => asList(asObject(JSON.parse(data))?.['choices']))
    .map((choice) => asObject(choice)?.['delta'])
}

describe('the writer of Chat streams (§11.3)', () => {
  test('one turn with a signed thought, text and two calls (appendix B.1)', () => {
    const envelope = sealed(opaque)
    const thought = part(0, { kind: 'reasoning', style: 'raw', isRedacted: false }, 'Let me ', 'check both.')
    const events: CommonEvent[] = [
      start,
      ...thought.slice(0, -1),
      { event: 'part_meta', choice: 0, part: 0, meta: { opaque } },
      ...thought.slice(-1),
      ...part(1, { kind: 'text' }, 'Check', 'ing.'),
      ...part(2, call('get_weather', 'call_A1'), '{"ci', 'ty":"Paris"}'),
      ...part(3, call('get_time', 'call_B2')),
      { event: 'usage', usage: { input: 120, cacheRead: 100, output: 45, reasoning: 12 } },
      finish('tool_calls'),
      end,
    ]
    const head = '{"id":"chatcmpl-G1","object":"chat.completion.chunk","created":1790000000,"model":"alias","choices":['
    const chunk = (delta: string, reason = 'null'): string =>
      `${head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}],"usage":null}`
    expect(written(chatClient.openWriter(answerContext({ includeUsage: true })), events)).toEqual([
      chunk('{"role":"assistant","content":""}'),
      chunk('{"reasoning_content":"Let me "}'),
      chunk('{"reasoning_content":"check both."}'),
      chunk(
        `{"reasoning_details":[{"type":"reasoning.text","text":"Let me check both.","signature":"${envelope}","index":0}]}`,
      ),
      chunk('{"content":"Check"}'),
      chunk('{"content":"ing."}'),
      chunk(
        `{"tool_calls":[{"index":0,"id":"call_A1","type":"function","function":{"name":"get_weather","arguments":""},"extra_content":{"google":{"thought_signature":"${envelope}"}}}]}`,
      ),
      chunk('{"tool_calls":[{"index":0,"function":{"arguments":"{\\"ci"}}]}'),
      chunk('{"tool_calls":[{"index":0,"function":{"arguments":"ty\\":\\"Paris\\"}"}}]}'),
      chunk(
        '{"tool_calls":[{"index":1,"id":"call_B2","type":"function","function":{"name":"get_time","arguments":""}}]}',
      ),
      chunk('{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}'),
      chunk('{}', '"tool_calls"'),
      `${head}],"usage":{"prompt_tokens":120,"completion_tokens":45,"total_tokens":165,"prompt_tokens_details":{"cached_tokens":100},"completion_tokens_details":{"reasoning_tokens":12}}}`,
      '[DONE]',
    ])
  })

  test('without the wish for usage there is neither a chunk of it nor a member', () => {
    const events = [start, ...part(0, { kind: 'text' }, 'hi'), finish('stop'), end]
    const frames = written(chatClient.openWriter(answerContext()), events)
    expect(frames.join('')).not.toContain('usage')
    expect(frames.at(-1)).toBe('[DONE]')
  })

  test('a backend that does not count is estimated for those who want usage', () => {
    const events = [start, ...part(0, { kind: 'text' }, 'abcdef'), finish('stop'), end]
    const frames = written(chatClient.openWriter(answerContext({ includeUsage: true })), events)
    expect(JSON.parse(frames.at(-2) ?? '')).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 100, completion_tokens: 2 },
    })
  })

  test('numbers of calls rise from 0 without gaps, whatever stands between them (#17.11)', () => {
    const events = [
      ...part(0, { kind: 'text' }, 'a'),
      ...part(1, call('f', 'c1'), '{}'),
      ...part(2, { kind: 'text' }, 'b'),
      ...part(3, call('g', 'c2'), '{}'),
      finish('tool_calls'),
    ]
    const numbers = deltas(events).flatMap((delta) => asList(asObject(delta)?.['tool_calls']))
    expect(numbers.map((piece) => asObject(piece)?.['index'])).toEqual([0, 0, 1, 1])
  })

  test('calls may be told in turn; neither id nor name comes twice', () => {
    const [a1, a2, a3] = part(0, call('f', 'c1'), '{"a":1}')
    const [b1, b2, b3] = part(1, call('g', 'c2'), '{"b":2}')
    const events = [a1, b1, b2, a2, a3, b3].filter((event) => event !== undefined)
    const pieces = deltas([...events, finish('tool_calls')]).flatMap((delta) => asList(asObject(delta)?.['tool_calls']))
    expect(pieces).toEqual([
      { index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } },
      { index: 1, id: 'c2', type: 'function', function: { name: 'g', arguments: '' } },
      { index: 1, function: { arguments: '{"b":2}' } },
      { index: 0, function: { arguments: '{"a":1}' } },
    ])
  })

  test('a custom tool gets its input as text', () => {
    const head: PartHead = { kind: 'tool_call', id: 'c1', name: 'patch', isCustom: true, tool: 'function' }
    expect(deltas([...part(0, head, '*** Begin'), finish('tool_calls')]).slice(1)).toEqual([
      { tool_calls: [{ index: 0, id: 'c1', type: 'custom', custom: { name: 'patch', input: '' } }] },
      { tool_calls: [{ index: 0, custom: { input: '*** Begin' } }] },
      {},
    ])
  })

  test('clients of functions get one function call and its own word for the finish', () => {
    const body = { functions: [{ name: 'f' }] }
    const events = [...part(0, call('f', 'c1'), '{}'), ...part(1, call('g', 'c2'), '{}'), finish('tool_calls')]
    const frames = written(chatClient.openWriter(answerContext({}, {}, body)), [start, ...events, end])
    expect(deltas(events, {}, {}, body)).toEqual([
      { role: 'assistant', content: '' },
      { function_call: { name: 'f', arguments: '' } },
      { function_call: { arguments: '{}' } },
      {},
    ])
    expect(frames.at(-2)).toContain('"finish_reason":"function_call"')
  })

  test("Gemini's signature at a call is told as Google's own compatible API tells it", () => {
    const [head, ...rest] = part(0, call('f', 'c1'), '{}')
    const signature = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'R0VN' } as const
    const meta: CommonEvent = { event: 'part_meta', choice: 0, part: 0, meta: { opaque: signature } }
    const ordered = [head, meta, ...rest, finish('tool_calls')].filter((event) => event !== undefined)
    const extra_content = { google: { thought_signature: 'R0VN' } }
    expect(deltas(ordered).slice(1, 3)).toEqual([
      { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' }, extra_content }] },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
    ])
    // One that comes late stands in a piece of its own.
    const late = [head, rest[0], meta, rest[1], finish('tool_calls')].filter((event) => event !== undefined)
    expect(deltas(late).slice(2, 4)).toEqual([
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
      { tool_calls: [{ index: 0, extra_content }] },
    ])
  })

  test.each([
    { field: 'reasoning_content', told: [{ reasoning_content: 'hm' }] },
    { field: 'reasoning', told: [{ reasoning: 'hm' }] },
    { field: 'both', told: [{ reasoning_content: 'hm', reasoning: 'hm' }] },
    { field: 'off', told: [] },
  ] as const)('thoughts are shown as the config says: $field', ({ field, told }) => {
    const events = [...part(0, { kind: 'reasoning', style: 'raw', isRedacted: false }, 'hm'), finish('stop')]
    expect(deltas(events, {}, { chatReasoning: field }).slice(1, -1)).toEqual([...told])
  })

  test('a refusal has its own delta, and the words of a filter are one', () => {
    expect(deltas([...part(0, { kind: 'refusal' }, 'No.'), finish('content_filter', 'bad')])).toEqual([
      { role: 'assistant', content: '' },
      { refusal: 'No.' },
      {},
    ])
    expect(deltas([finish('content_filter', 'against the rules')])).toEqual([
      { role: 'assistant', content: '' },
      { refusal: 'against the rules' },
      {},
    ])
  })

  test('citations stand at code points of all of the text; probabilities in a chunk of their own', () => {
    const citation = { kind: 'url', url: 'https://x.test', title: 'X', start: 0, end: 2 } as const
    const logprobs = [{ token: 'é', logprob: -0.5, top: [] }]
    const events: CommonEvent[] = [
      ...part(0, { kind: 'text' }, 'a🙂'),
      ...part(1, { kind: 'text' }, 'bc').slice(0, -1),
      { event: 'part_meta', choice: 0, part: 1, meta: { annotation: citation, logprobs } },
      { event: 'part_end', choice: 0, part: 1 },
      finish('stop'),
    ]
    const frames = written(chatClient.openWriter(answerContext()), [start, ...events, end])
    const token = { token: 'é', logprob: -0.5, bytes: [195, 169], top_logprobs: [] }
    expect(frames.some((frame) => frame.includes(JSON.stringify({ content: [token], refusal: null })))).toBe(true)
    expect(deltas(events)).toContainEqual({
      annotations: [
        { type: 'url_citation', url_citation: { start_index: 2, end_index: 4, url: 'https://x.test', title: 'X' } },
      ],
    })
  })

  test('an image is told whole, audio in pieces', () => {
    const image: PartHead = {
      kind: 'media',
      part: { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: '' } },
    }
    const audio = {
      kind: 'media',
      part: { kind: 'media', medium: 'audio', mime: '', source: { base64: '' } },
    } as const
    const told = deltas([...part(0, image, 'AA', 'AA'), ...part(1, audio, 'BB', 'CC'), finish('stop')])
    expect(told[1]).toEqual({
      images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' }, index: 0 }],
    })
    expect(told.slice(2, 4)).toMatchObject([{ audio: { data: 'BB' } }, { audio: { data: 'CC' } }])
    const whole: PartHead = { kind: 'media', part: { ...audio.part, source: { base64: 'DD' }, transcript: 'hi' } }
    expect(deltas([...part(0, whole), finish('stop')]).slice(1, 3)).toMatchObject([
      { audio: { data: 'DD' } },
      { audio: { transcript: 'hi' } },
    ])
  })

  test.each([
    { name: 'an error', event: { event: 'error', error: { kind: 'overloaded', status: 503, message: 'full' } } },
    { name: 'a finish by an error', event: { event: 'finish', choice: 0, finish: { reason: 'error' } } },
  ] as const)('$name is the last that a client reads, and no [DONE] follows (§8.4, #17.15)', ({ event }) => {
    const frames = written(chatClient.openWriter(answerContext()), [
      start,
      event,
      end,
      ...part(0, { kind: 'text' }, 'x'),
    ])
    expect(frames).toHaveLength(2)
    expect(JSON.parse(frames[1] ?? '')).toMatchObject({ error: { param: null } })
  })

  test('B122: every chunk has choices, a role only at the beginning, and one head', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const events = commonEvents(seed, { choices: 3, interleaves: true, hasMeta: true })
      const frames = written(chatClient.openWriter(answerContext({ includeUsage: seed % 2 === 0 })), events)
      expect(frames.at(-1)).toBe('[DONE]')
      const roles = new Map<unknown, number>()
      const heads = new Set<string>()
      for (const frame of frames.slice(0, -1)) {
        const chunk = asObject(JSON.parse(frame)) ?? {}
        heads.add(JSON.stringify([chunk['id'], chunk['created'], chunk['model'], chunk['object']]))
        expect(Array.isArray(chunk['choices'])).toBe(true)
        for (const value of asList(chunk['choices'])) {
          const choice = asObject(value) ?? {}
          const { role } = asObject(choice['delta']) ?? {}
          if (!roles.has(choice['index'])) expect(role).toBe('assistant')
          else expect(role).toBeUndefined()
          roles.set(choice['index'], 1)
        }
      }
      expect(heads.size).toBe(1)
      const finished = new Set(events.flatMap((event) => (event.event === 'finish' ? [event.choice] : [])))
      expect(roles.size).toBeGreaterThanOrEqual(finished.size)
    }
  })
})
