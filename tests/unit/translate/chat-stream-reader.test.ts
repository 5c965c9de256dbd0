import { describe, expect, test } from 'bun:test'
import { chatBackend } from '#translate/chat/backend.ts'
import { chatClient } from '#translate/chat/client.ts'
import type { CommonEvent, Part } from '#translate/common.ts'
import { answerContext, answerFacts, readAll, written } from '../../support/answering.ts'
import { commonEvents, faultsOf } from '../../support/common-events.ts'
import { Fold } from '#translate/fold.ts'

function chunk(delta: object, more: object = {}): object {
  return { id: 'gen-1', model: 'up', created: 5, choices: [{ index: 0, delta, finish_reason: null }], ...more }
}

const stop = { id: 'gen-1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }

function read(...frames: (string | object)[]): CommonEvent[] {
  const events = readAll(chatBackend.openReader(answerFacts()), frames)
  expect(faultsOf(events)).toEqual([])
  return events
}

/** The parts that a stream comes to; thoughts without what marks them as unsigned. */
function partsOf(...frames: (string | object)[]): Part[] {
  const fold = new Fold()
  for (const event of read(...frames)) fold.take(event)
  const result = fold.result()
  if (result === undefined || !('choices' in result)) throw new Error(`no answer: ${JSON.stringify(result)}`)
  return (result.choices[0]?.parts ?? []).map(plain)
}

function plain(part: Part): Part {
  if (part.kind !== 'reasoning' || part.opaque?.kind !== 'text') return part
  const { opaque: _opaque, ...rest } = part
  return rest
}

function errorOf(events: readonly CommonEvent[]): object | undefined {
  const last = events.at(-1)
  return last?.event === 'error' ? last.error : undefined
}

function called(name: string, args: string, id: string): Part {
  return { kind: 'tool_call', id, name, args: { raw: args }, isCustom: false, tool: 'function' }
}

const thought = (text: string): Part => ({ kind: 'reasoning', text, style: 'raw', isRedacted: false })
const text = (said: string): Part => ({ kind: 'text', text: said })
const piece = (call: object): object => chunk({ tool_calls: [call] })
const callsDone = { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }

describe('the reader of Chat streams (§11.1, §12.6)', () => {
  test('a plain stream, event by event', () => {
    const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }
    expect(read(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hi' }), stop, usage, '[DONE]')).toEqual([
      { event: 'start', id: 'gen-1', model: 'up', createdAt: 5 },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 0, text: 'Hi' },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'usage', usage: { input: 3, output: 2 } },
      { event: 'finish', choice: 0, finish: { reason: 'stop', native: 'stop' } },
      { event: 'end' },
    ])
  })

  test.each<{ name: string; frames: object[]; parts: Part[] }>([
    { name: 'reasoning_content', frames: [chunk({ reasoning_content: 'hm' }), stop], parts: [thought('hm')] },
    { name: 'reasoning', frames: [chunk({ reasoning: 'hm' }), stop], parts: [thought('hm')] },
    {
      name: 'the same thought in both fields counts once',
      frames: [chunk({ reasoning: 'hm', reasoning_content: 'hm' }), stop],
      parts: [thought('hm')],
    },
    {
      name: 'a thought in details only',
      frames: [chunk({ reasoning_details: [{ type: 'reasoning.text', text: 'hm', index: 0 }] }), stop],
      parts: [thought('hm')],
    },
    {
      name: 'a thought in details beside the plain one counts once',
      frames: [
        chunk({ reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm', index: 0 }] }),
        chunk({ content: 'a' }),
        stop,
      ],
      parts: [thought('hm'), text('a')],
    },
    {
      name: 'a thought that is told again, whole, in details behind it',
      frames: [
        chunk({ reasoning_content: 'Let me ' }),
        chunk({ reasoning_content: 'see.' }),
        chunk({ reasoning_details: [{ type: 'reasoning.text', text: 'Let me see.', index: 0 }] }),
        chunk({ content: 'a' }),
        stop,
      ],
      parts: [thought('Let me see.'), text('a')],
    },
    {
      name: "Mistral's content of parts",
      frames: [
        chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }], closed: true }] }),
        chunk({ content: [{ type: 'reference', reference_ids: [1] }] }),
        chunk({ content: [{ type: 'text', text: 'a' }] }),
        stop,
      ],
      parts: [thought('hm'), text('a')],
    },
    {
      name: 'text after a thought after text',
      frames: [chunk({ content: 'a' }), chunk({ reasoning: 'hm' }), chunk({ content: 'b' }), stop],
      parts: [text('a'), thought('hm'), text('b')],
    },
    { name: 'a refusal', frames: [chunk({ refusal: 'No.' }), stop], parts: [{ kind: 'refusal', text: 'No.' }] },
    {
      name: 'text of a server that knows no delta',
      frames: [
        { id: 'x', choices: [{ index: 0, text: 'a' }] },
        { choices: [{ index: 0, text: '', finish_reason: 'stop' }] },
      ],
      parts: [text('a')],
    },
    {
      name: 'a choice without a number',
      frames: [{ id: 'x', choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }] }],
      parts: [text('a')],
    },
    {
      name: 'an image',
      frames: [
        chunk({ images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }] }),
        stop,
      ],
      parts: [{ kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } }],
    },
    {
      name: 'a call in pieces',
      frames: [
        piece({ index: 0, id: 'call_a', type: 'function', function: { name: 'f', arguments: '' } }),
        piece({ index: 0, function: { arguments: '{"a"' } }),
        piece({ index: 0, id: '', function: { name: '', arguments: ':1}' } }),
        callsDone,
      ],
      parts: [called('f', '{"a":1}', 'call_a')],
    },
    {
      name: '#17.18 a call without number and type, finish beside it',
      frames: [
        {
          id: 'x',
          choices: [
            {
              delta: { tool_calls: [{ id: 'gSIMJiOkT', function: { name: 'f', arguments: '{}' } }] },
              finish_reason: 'tool_calls',
            },
          ],
        },
      ],
      parts: [called('f', '{}', 'gSIMJiOkT')],
    },
    {
      name: 'two calls that both have number 0',
      frames: [
        piece({ index: 0, id: 'call_a', function: { name: 'f', arguments: '{"a":' } }),
        piece({ index: 0, function: { arguments: '1}' } }),
        piece({ index: 0, id: 'call_b', function: { name: 'g', arguments: '{"b":' } }),
        piece({ index: 0, function: { arguments: '2}' } }),
        callsDone,
      ],
      parts: [called('f', '{"a":1}', 'call_a'), called('g', '{"b":2}', 'call_b')],
    },
    {
      name: 'two calls without numbers in one chunk',
      frames: [
        chunk({
          tool_calls: [
            { id: 'call_a', function: { name: 'f', arguments: '{}' } },
            { id: 'call_b', function: { name: 'g', arguments: '{}' } },
          ],
        }),
        callsDone,
      ],
      parts: [called('f', '{}', 'call_a'), called('g', '{}', 'call_b')],
    },
    {
      name: '#17.4 two calls in turn, the first number 1',
      frames: [
        piece({ index: 1, id: 'call_a', function: { name: 'f', arguments: '' } }),
        piece({ index: 2, id: 'call_b', function: { name: 'g', arguments: '' } }),
        piece({ index: 1, function: { arguments: '{"a":1}' } }),
        piece({ index: 2, function: { arguments: '{"b":2}' } }),
        callsDone,
      ],
      parts: [called('f', '{"a":1}', 'call_a'), called('g', '{"b":2}', 'call_b')],
    },
    {
      name: 'arguments as an object',
      frames: [piece({ index: 0, id: 'call_a', function: { name: 'f', arguments: { a: 1 } } }), callsDone],
      parts: [called('f', '{"a":1}', 'call_a')],
    },
    {
      name: 'a name that comes late, and again and again',
      frames: [
        piece({ index: 0, id: 'call_a', function: { arguments: '{"a"' } }),
        piece({ index: 0, function: { name: 'f', arguments: ':' } }),
        piece({ index: 0, function: { name: 'f', arguments: '1}' } }),
        callsDone,
      ],
      parts: [called('f', '{"a":1}', 'call_a')],
    },
    {
      name: 'ids that are counted in each turn, or missing, are replaced',
      frames: [
        piece({ index: 0, id: 'call_0', function: { name: 'f', arguments: '{}' } }),
        piece({ index: 1, function: { name: 'g', arguments: null } }),
        callsDone,
      ],
      parts: [called('f', '{}', `call_${'1'.padStart(24, '0')}`), called('g', '', `call_${'2'.padStart(24, '0')}`)],
    },
    {
      name: 'the older function call',
      frames: [
        chunk({ function_call: { name: 'f', arguments: '' } }),
        chunk({ function_call: { arguments: '{}' } }),
        { choices: [{ index: 0, delta: {}, finish_reason: 'function_call' }] },
      ],
      parts: [called('f', '{}', `call_${'1'.padStart(24, '0')}`)],
    },
    {
      name: 'a custom call',
      frames: [
        piece({ index: 0, id: 'call_a', type: 'custom', custom: { name: 'p', input: '*** ' } }),
        piece({ index: 0, custom: { input: 'Begin' } }),
        callsDone,
      ],
      parts: [
        { kind: 'tool_call', id: 'call_a', name: 'p', args: { raw: '*** Begin' }, isCustom: true, tool: 'function' },
      ],
    },
    {
      name: "Gemini's signature at a call",
      frames: [
        piece({
          index: 0,
          id: 'call_a',
          function: { name: 'f', arguments: '{}' },
          extra_content: { google: { thought_signature: 'R0VN' } },
        }),
        callsDone,
      ],
      parts: [
        {
          ...called('f', '{}', 'call_a'),
          opaque: { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'R0VN' },
        } as Part,
      ],
    },
  ])('$name', ({ frames, parts }) => {
    expect(partsOf(...frames, '[DONE]')).toEqual(parts)
  })

  test('details that come in pieces are put together, and what seals a thought stands at it', () => {
    const detail = (entry: object): object =>
      chunk({ content: '', reasoning_details: [{ format: 'anthropic-claude-v1', index: 0, ...entry }] })
    const parts = partsOf(
      detail({ type: 'reasoning.text', text: 'Let me ' }),
      detail({ type: 'reasoning.text', text: 'see.' }),
      detail({ type: 'reasoning.text', signature: 'SIG' }),
      detail({ type: 'reasoning.encrypted', data: 'RED', index: 1 }),
      chunk({ content: 'a' }),
      stop,
    )
    const of = { form: 'chat', family: 'claude' } as const
    expect(parts).toEqual([
      {
        kind: 'reasoning',
        text: 'Let me see.',
        style: 'raw',
        isRedacted: false,
        opaque: { ...of, kind: 'signature', payload: 'SIG' },
      },
      {
        kind: 'reasoning',
        text: '',
        style: 'raw',
        isRedacted: true,
        opaque: { ...of, kind: 'redacted', payload: 'RED' },
      },
      text('a'),
    ])
  })

  test('audio with its transcript, beside text', () => {
    const events = read(
      chunk({ audio: { id: 'audio_1', transcript: 'Hel' } }),
      chunk({ audio: { data: 'AAAA' } }),
      chunk({ audio: { data: 'BBBB', transcript: 'lo' } }),
      stop,
    )
    expect(events.filter(({ event }) => event === 'part_delta')).toMatchObject([{ text: 'AAAA' }, { text: 'BBBB' }])
    expect(events.filter(({ event }) => event === 'part_meta')).toMatchObject([
      { meta: { transcript: 'Hel' } },
      { meta: { transcript: 'lo' } },
    ])
    const fold = new Fold()
    for (const event of events) fold.take(event)
    expect(fold.result()).toMatchObject({
      choices: [{ parts: [{ kind: 'media', source: { base64: 'AAAABBBB' }, transcript: 'Hello' }] }],
    })
  })

  test('probabilities and citations stand at their text', () => {
    const citation = {
      type: 'url_citation',
      url_citation: { url: 'https://x.test', title: 'X', start_index: 0, end_index: 1 },
    }
    const logprobs = { content: [{ token: 'a', logprob: -1, top_logprobs: [{ token: 'b', logprob: -2 }] }] }
    const frames = [
      { id: 'x', choices: [{ index: 0, delta: { content: 'a', annotations: [citation] }, logprobs }] },
      stop,
    ]
    expect(partsOf(...frames)).toMatchObject([
      {
        kind: 'text',
        annotations: [{ kind: 'url', url: 'https://x.test', title: 'X', start: 0, end: 1 }],
        logprobs: [{ token: 'a', logprob: -1, top: [{ token: 'b', logprob: -2 }] }],
      },
    ])
  })

  test.each([
    { name: 'in the finish chunk', frames: [{ ...stop, usage: { prompt_tokens: 1, completion_tokens: 2 } }] },
    { name: 'of Groq', frames: [{ ...stop, x_groq: { usage: { prompt_tokens: 1, completion_tokens: 2 } } }] },
    {
      name: 'with every chunk, of which the last counts',
      frames: [
        chunk({ content: 'a' }, { usage: { prompt_tokens: 1, completion_tokens: 1 } }),
        { ...stop, usage: { prompt_tokens: 1, completion_tokens: 2 } },
      ],
    },
    { name: 'C1417: timings of llama.cpp', frames: [{ ...stop, timings: { prompt_n: 1, predicted_n: 2 } }] },
    { name: 'behind the finish', frames: [stop, { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } }] },
  ])('usage $name', ({ frames }) => {
    expect(read(...frames, '[DONE]')).toContainEqual({ event: 'usage', usage: { input: 1, output: 2 } })
  })

  test('the last word of a finish counts, but nothing takes back another one than stop', () => {
    const finish = (reason: string): object => ({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })
    const finishOf = (...reasons: string[]): unknown =>
      read(chunk({ content: 'a' }), ...reasons.map(finish)).find(({ event }) => event === 'finish')
    expect(finishOf('stop', 'length')).toMatchObject({ finish: { reason: 'length' } })
    expect(finishOf('length', 'stop')).toMatchObject({ finish: { reason: 'length' } })
    expect(finishOf('model_length')).toMatchObject({ finish: { reason: 'length', native: 'model_length' } })
    expect(finishOf('eos')).toMatchObject({ finish: { reason: 'other' } })
  })

  test('text behind a finish is told all the same', () => {
    expect(partsOf(chunk({ content: 'a' }), stop, chunk({ content: 'b' }))).toEqual([text('ab')])
  })

  test('Azure: what stands before the first id is no beginning', () => {
    const filters = { id: '', model: '', choices: [], prompt_filter_results: [{}] }
    expect(read(filters, chunk({ content: 'a' }), stop)[0]).toEqual({
      event: 'start',
      id: 'gen-1',
      model: 'up',
      createdAt: 5,
    })
  })

  test('id, model and time are made up where a server has none', () => {
    const events = read({ choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }] })
    const id = expect.stringMatching(/^chatcmpl-\d{29}$/) as unknown as string
    expect(events[0]).toEqual({ event: 'start', id, model: 'm', createdAt: 1_790_000_000 })
  })

  test('choices are told apart by their numbers', () => {
    const of = (index: number, content: string, finish: string | null = null): object => ({
      id: 'x',
      choices: [{ index, delta: { content }, finish_reason: finish }],
    })
    const events = read(of(0, 'a'), of(1, 'b'), of(0, 'c', 'stop'), of(1, 'd', 'length'))
    const said = events.flatMap((event) => (event.event === 'part_delta' ? [`${event.choice}${event.text}`] : []))
    expect(said).toEqual(['0a', '1b', '0c', '1d'])
    expect(events.filter(({ event }) => event === 'finish')).toMatchObject([
      { choice: 0, finish: { reason: 'stop' } },
      { choice: 1, finish: { reason: 'length' } },
    ])
  })

  test.each([
    { name: 'the transfer ends', frames: [chunk({ content: 'a' })] },
    { name: 'a relay says [DONE] to half an answer', frames: [chunk({ content: 'a' }), '[DONE]'] },
    { name: 'there was nothing at all', frames: [] },
  ])('without a finish the stream is incomplete: $name', ({ frames }) => {
    expect(errorOf(readAll(chatBackend.openReader(answerFacts()), frames))).toMatchObject({
      kind: 'upstream_failed',
      code: 'stream_incomplete',
    })
  })

  test.each<{ name: string; frame: object; said: string[]; error: object }>([
    { name: 'alone', frame: { error: { message: 'broke' } }, said: [], error: { message: 'broke' } },
    {
      name: 'beside choices that say something',
      frame: chunk({ content: 'last' }, { error: { code: 429, message: 'slow down' } }),
      said: ['last'],
      error: { kind: 'rate_limit', status: 429, message: 'slow down' },
    },
    {
      name: 'as the finish of a choice',
      frame: { choices: [{ index: 0, delta: { content: 'last' }, finish_reason: 'error' }] },
      said: ['last'],
      error: { kind: 'upstream_failed' },
    },
  ])('an error $name ends the stream', ({ frame, said, error }) => {
    const events = readAll(chatBackend.openReader(answerFacts()), [chunk({ role: 'assistant' }), frame, stop, '[DONE]'])
    expect(events.flatMap((event) => (event.event === 'part_delta' ? [event.text] : []))).toEqual(said)
    expect(errorOf(events)).toMatchObject(error)
  })

  test('an event that is named error is one, whatever it holds', () => {
    const reader = chatBackend.openReader(answerFacts())
    expect(errorOf(reader.push('error', '{"error":{"message":"m","code":"tool_use_failed"}}'))).toMatchObject({
      message: 'm',
    })
    expect(errorOf(chatBackend.openReader(answerFacts()).push('error', '{"message":"n"}'))).toMatchObject({
      message: 'n',
    })
    expect(errorOf(chatBackend.openReader(answerFacts()).push('error', 'gone'))).toMatchObject({ message: 'gone' })
  })

  test('a sign of life is skipped, another event that is no JSON is an error', () => {
    const reader = chatBackend.openReader(answerFacts())
    expect(reader.push('', 'ping')).toEqual([{ event: 'keepalive' }])
    expect(reader.push('', '{"type":"ping"}')).toEqual([{ event: 'keepalive' }])
    expect(errorOf(reader.push('', '{"choices":['))).toMatchObject({ kind: 'upstream_failed' })
  })

  test('nothing throws, whatever an event holds', () => {
    const values: unknown[] = [null, 5, '', 'x', [], [null], [[]], {}, [{}], { content: [null, 5] }, -1, 1e9, 0.5]
    for (const name of ['id', 'model', 'created', 'choices', 'usage', 'error', 'x_groq', 'timings']) {
      for (const value of values) {
        readAll(chatBackend.openReader(answerFacts()), [{ choices: [{}], [name]: value }])
      }
    }
    for (const name of ['index', 'delta', 'message', 'finish_reason', 'logprobs', 'text']) {
      for (const value of values) readAll(chatBackend.openReader(answerFacts()), [{ choices: [{ [name]: value }] }])
    }
    for (const name of [
      'content',
      'reasoning',
      'reasoning_details',
      'tool_calls',
      'function_call',
      'audio',
      'images',
    ]) {
      for (const value of values) {
        readAll(chatBackend.openReader(answerFacts()), [chunk({ [name]: value }), chunk({ [name]: [value] })])
      }
    }
  })

  test('what our own writer tells is read as what it was (§16.3-4)', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const events = commonEvents(seed, { choices: 2, interleaves: true })
      const frames = written(chatClient.openWriter(answerContext({ includeUsage: true })), events)
      const again = readAll(chatBackend.openReader(answerFacts()), frames)
      expect(faultsOf(again)).toEqual([])
      expect(sayings(again)).toEqual(sayings(events))
    }
  })
})

/** What is said in each choice, by kind; Chat tells no borders between texts. */
function sayings(events: readonly CommonEvent[]): Record<string, string> {
  const said: Record<string, string> = {}
  const kinds = new Map<string, string>()
  for (const event of events) {
    if (event.event === 'part_start') {
      const { head } = event
      const kind = head.kind === 'tool_call' ? `call ${head.id} ${head.name}` : head.kind
      kinds.set(`${event.choice}.${event.part}`, `${event.choice} ${kind}`)
      if (head.kind === 'tool_call') said[`${event.choice} ${kind}`] = ''
    } else if (event.event === 'part_delta') {
      const key = kinds.get(`${event.choice}.${event.part}`) ?? ''
      said[key] = (said[key] ?? '') + event.text
    } else if (event.event === 'part_end') {
      const key = kinds.get(`${event.choice}.${event.part}`) ?? ''
      if (key.includes('call') && said[key] === '') said[key] = '{}'
    } else if (event.event === 'finish') said[`${event.choice} finish`] = event.finish.reason
    else if (event.event === 'usage') said['usage'] = `${event.usage.input} ${event.usage.output}`
  }
  return said
}
