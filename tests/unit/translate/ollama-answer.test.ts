import { describe, expect, test } from 'bun:test'
import { Ollama } from 'ollama'
import type { JsonObject } from '#kit/json-value.ts'
import { seededRandom } from '#ports/random.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { CommonEvent, CommonRequest, CommonResponse, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { ollamaBackend } from '#translate/ollama/backend.ts'
import { ollamaClient } from '#translate/ollama/client.ts'
import { openUnframer } from '#translate/unframe.ts'
import { answerContext, answerFacts, readAll, written } from '../../support/answering.ts'
import { commonEvents, faultsOf } from '../../support/common-events.ts'

const at = '2026-09-21T10:13:20.123456789Z'
const atSeconds = Math.floor(Date.parse(at) / 1000)

function line(message: object, more: object = {}): JsonObject {
  return { model: 'up', created_at: at, message: { role: 'assistant', content: '', ...message }, done: false, ...more }
}

const last = line({}, { done: true, done_reason: 'stop', total_duration: 5, prompt_eval_count: 3, eval_count: 2 })

function read(...lines: (string | object)[]): CommonEvent[] {
  const events = readAll(ollamaBackend.openReader(answerFacts()), lines)
  expect(faultsOf(events)).toEqual([])
  return events
}

function folded(events: readonly CommonEvent[]): CommonResponse {
  const fold = new Fold()
  for (const event of events) fold.take(event)
  const result = fold.result()
  if (result === undefined || !('choices' in result)) throw new Error(`no answer: ${JSON.stringify(result)}`)
  return result
}

function errorOf(events: readonly CommonEvent[]): object | undefined {
  const end = events.at(-1)
  return end?.event === 'error' ? end.error : undefined
}

const own = { form: 'ollama', family: '', kind: 'text', payload: '' }

describe('the reader of Ollama streams (§11.1)', () => {
  test('a stream, event by event', () => {
    expect(read(line({ thinking: 'hm' }), line({ content: 'Hi' }), line({ content: '!' }), last)).toEqual([
      { event: 'start', id: '000000000000000000000001', model: 'up', createdAt: atSeconds },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'reasoning', style: 'raw', isRedacted: false } },
      { event: 'part_delta', choice: 0, part: 0, text: 'hm' },
      { event: 'part_meta', choice: 0, part: 0, meta: { opaque: { ...own, family: answerFacts().profile.family } } },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'part_start', choice: 0, part: 1, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 1, text: 'Hi' },
      { event: 'part_delta', choice: 0, part: 1, text: '!' },
      { event: 'part_end', choice: 0, part: 1 },
      { event: 'usage', usage: { input: 3, output: 2 } },
      { event: 'finish', choice: 0, finish: { reason: 'stop', native: 'stop' } },
      { event: 'end' },
    ] as CommonEvent[])
  })

  test('calls come whole; those without an id get one', () => {
    const calls = [
      { id: 'call_x', function: { index: 0, name: 'f', arguments: { a: [1, 'é'] } } },
      { function: { name: 'g', arguments: {} } },
    ]
    const { choices } = folded(read(line({ content: 'a' }), line({ tool_calls: calls }), last))
    const parts = choices[0]?.parts ?? []
    expect(parts.map((part) => part.kind)).toEqual(['text', 'tool_call', 'tool_call'])
    expect(parts[1]).toMatchObject({ id: 'call_x', name: 'f', args: { raw: '{"a":[1,"é"]}' } })
    expect(parts[2]).toMatchObject({ name: 'g', args: { raw: '{}' } })
    expect(parts[2]).toHaveProperty('id', expect.stringMatching(/^call_.+/))
  })

  test('probabilities belong to the text', () => {
    const logprobs = [{ token: 'Hi', logprob: -0.5, bytes: [72], top_logprobs: [{ token: 'Ho', logprob: -2 }] }]
    const { choices } = folded(read(line({ content: 'Hi' }, { logprobs }), last))
    expect(choices[0]?.parts).toEqual([
      { kind: 'text', text: 'Hi', logprobs: [{ token: 'Hi', logprob: -0.5, top: [{ token: 'Ho', logprob: -2 }] }] },
    ])
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['load', 'other'],
    ['unload', 'other'],
  ])('done_reason %s is %s (§7.1)', (native, reason) => {
    expect(folded(read({ ...last, done_reason: native })).choices[0]?.finish).toEqual({ reason, native } as never)
  })

  test('an older server says only that it is done', () => {
    const { done_reason: _reason, prompt_eval_count: _count, ...older } = last
    const answer = folded(read(line({ content: 'a' }), older))
    expect(answer.choices[0]?.finish).toEqual({ reason: 'stop' })
    expect(answer.usage).toEqual({ output: 2 })
  })

  test('nothing follows the last line', () => {
    expect(
      read(line({ content: 'a' }), last, line({ content: 'b' })).filter(({ event }) => event === 'part_delta'),
    ).toHaveLength(1)
  })

  test('errors: a line of its own, a cut, what is no JSON (§8.4)', () => {
    expect(errorOf(read(line({ content: 'a' }), { error: 'model runner has crashed' }))).toMatchObject({
      kind: 'upstream_failed',
      message: 'model runner has crashed',
    })
    expect(errorOf(read(line({ content: 'a' })))).toMatchObject({ code: 'stream_incomplete' })
    expect(errorOf(read(line({ content: 'a' }), '{"mes'))).toMatchObject({ kind: 'upstream_failed', status: 502 })
  })

  test('a sign of life is told as one', () => {
    const reader = ollamaBackend.openReader(answerFacts())
    expect(reader.push('', 'ping')).toEqual([{ event: 'keepalive' }])
    expect(reader.push('', '{"type":"ping"}')).toEqual([{ event: 'keepalive' }])
  })

  test('odd values are passed over', () => {
    read(
      line({ content: 5, thinking: [], tool_calls: [null, {}, { function: 1 }], images: [1] }, { logprobs: {} }),
      'null'.replace('null', '{}'),
      last,
    )
  })

  test('however the bytes are cut, the events are the same', () => {
    const lines = [
      line({ thinking: 'é🙂' }),
      line({ content: '日本' }),
      line({ tool_calls: [{ id: 'a', function: { name: 'f', arguments: {} } }] }),
      last,
    ]
    const bytes = new TextEncoder().encode(`${lines.map((each) => JSON.stringify(each)).join('\r\n')}\n\n`)
    const wanted = JSON.stringify(read(...lines))
    for (let seed = 0; seed < 50; seed++) {
      const random = seededRandom(seed)
      const reader = ollamaBackend.openReader(answerFacts())
      const unframer = openUnframer(ollamaBackend.framing)
      const events: CommonEvent[] = []
      const sink = { takeFramed: (name: string, data: string) => void events.push(...reader.push(name, data)) }
      for (let from = 0; from < bytes.length;) {
        const to = from + 1 + Math.floor(random.unit() * 20)
        unframer.push(bytes.slice(from, to), sink)
        from = to
      }
      unframer.end(sink)
      expect(JSON.stringify([...events, ...reader.end()])).toBe(wanted)
    }
  })
})

describe('a body of Ollama', () => {
  const message = {
    role: 'assistant',
    content: 'Hi',
    thinking: 'hm',
    tool_calls: [{ id: 'c', function: { name: 'f', arguments: { a: 1 } } }],
  }

  test('is what its stream would be', () => {
    const body = { ...last, message }
    const answer = ollamaBackend.readBody(body, answerFacts())
    const streamed = folded(read(body))
    if (!('choices' in answer)) throw new Error(answer.message)
    expect(answer.usage).toEqual({ input: 3, output: 2 })
    expect(answer.createdAt).toBe(atSeconds)
    expect(answer.choices[0]?.parts.map(({ kind }) => kind)).toEqual(['reasoning', 'text', 'tool_call'])
    expect(answer.choices[0]?.finish).toEqual(streamed.choices[0]?.finish as never)
    const plain = (part: Part): Part => (part.kind === 'tool_call' ? { ...part, args: { raw: '{"a":1}' } } : part)
    expect(answer.choices[0]?.parts.map(plain)).toEqual([...(streamed.choices[0]?.parts ?? [])])
  })

  test.each([
    [{ error: 'boom' }, 'boom'],
    [{}, 'the backend answered without a message'],
    [{ message: 5 }, 'the backend answered without a message'],
  ])('%p is an error', (body, wanted) => {
    expect(ollamaBackend.readBody(body, answerFacts())).toMatchObject({ kind: 'upstream_failed', message: wanted })
  })

  test.each([
    [404, { error: "model 'x' not found" }, 'not_found'],
    [400, { error: 'registry.ollama.ai/library/x does not support tools' }, 'invalid_request'],
    [401, { error: 'unauthorized' }, 'upstream_auth'],
    [500, '<html>', 'upstream_failed'],
    [503, { error: 'server busy, please try again. maximum pending requests exceeded' }, 'overloaded'],
  ])('status %d with %p is of the kind %s (§8.2)', (status, body, kind) => {
    expect(ollamaBackend.readError(status, new Headers(), body).kind).toBe(kind as never)
  })
})

function contextOf(path: string, request: Partial<CommonRequest> = {}): AnswerContext {
  const context = answerContext({ form: 'ollama', ...request })
  return { ...context, facts: { ...context.facts, path } }
}

function response(parts: readonly Part[], more: Partial<CommonResponse> = {}): CommonResponse {
  return {
    id: 'x',
    model: 'up',
    createdAt: 1_790_000_000,
    choices: [{ index: 0, parts, finish: { reason: 'stop' } }],
    usage: { input: 3, output: 2 },
    tier: undefined,
    fingerprint: undefined,
    ...more,
  }
}

const thought: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }
const text: Part = { kind: 'text', text: 'Hi' }
const call: Part = {
  kind: 'tool_call',
  id: 'c',
  name: 'f',
  args: { raw: '{"a":1}' },
  isCustom: false,
  tool: 'function',
}
const custom: Part = { ...call, id: '', name: 'p', args: { raw: 'free text' }, isCustom: true }

const end = {
  done: true,
  done_reason: 'stop',
  total_duration: 0,
  load_duration: 0,
  prompt_eval_count: 3,
  prompt_eval_duration: 0,
  eval_count: 2,
  eval_duration: 0,
}

describe('answers for Ollama clients', () => {
  test('a body of a chat', () => {
    expect(ollamaClient.writeBody(response([thought, text, call, custom]), contextOf('/api/chat'))).toEqual({
      model: 'alias',
      created_at: '2026-09-21T14:13:20.000Z',
      message: {
        role: 'assistant',
        content: 'Hi',
        thinking: 'hm',
        tool_calls: [
          { id: 'c', function: { index: 0, name: 'f', arguments: { a: 1 } } },
          { function: { index: 1, name: 'p', arguments: { input: 'free text' } } },
        ],
      },
      ...end,
    })
  })

  test('a body of a prompt', () => {
    const answer = ollamaClient.writeBody(response([thought, text]), contextOf('/api/generate'))
    expect(answer).toEqual({
      model: 'alias',
      created_at: '2026-09-21T14:13:20.000Z',
      response: 'Hi',
      thinking: 'hm',
      ...end,
    })
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'stop'],
    ['content_filter', 'stop'],
    ['pause', 'stop'],
    ['other', 'stop'],
  ] as const)('the end %s is told as %s, and in no other word', (reason, word) => {
    const choices = [{ index: 0, parts: [text], finish: { reason } }]
    expect(ollamaClient.writeBody(response([], { choices }), contextOf('/api/chat'))['done_reason']).toBe(word)
  })

  test('without usage the estimate is told', () => {
    const answer = ollamaClient.writeBody(response([text], { usage: undefined }), contextOf('/api/chat'))
    expect(answer).toMatchObject({ prompt_eval_count: 100, eval_count: 1 })
  })

  test('images, refusals, words that were spoken, and void calls', () => {
    const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'AAAA' } }
    const spoken: Part = { kind: 'media', medium: 'audio', mime: '', source: { base64: 'AAAA' }, transcript: ' said' }
    const parts: Part[] = [{ kind: 'refusal', text: 'no' }, image, spoken, { ...call, isVoid: true }]
    expect(ollamaClient.writeBody(response(parts), contextOf('/api/chat'))['message']).toEqual({
      role: 'assistant',
      content: 'no said',
      images: ['AAAA'],
    })
  })

  test('who told it not to think sees no thoughts', () => {
    const context = contextOf('/api/chat', { reasoning: { kind: 'off', effort: 'none' } })
    expect(ollamaClient.writeBody(response([thought, text]), context)['message']).toEqual({
      role: 'assistant',
      content: 'Hi',
    })
    expect(written(ollamaClient.openWriter(context), eventsOf('hm', 'Hi')).join('')).not.toContain('hm')
  })

  function eventsOf(thinking: string, said: string): CommonEvent[] {
    return [
      { event: 'start', id: 'x', model: 'up', createdAt: 1_790_000_000 },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'reasoning', style: 'raw', isRedacted: false } },
      { event: 'part_delta', choice: 0, part: 0, text: thinking },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'part_start', choice: 0, part: 1, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 1, text: said },
      { event: 'part_end', choice: 0, part: 1 },
      {
        event: 'part_start',
        choice: 0,
        part: 2,
        head: { kind: 'tool_call', id: 'c', name: 'f', isCustom: false, tool: 'function' },
      },
      { event: 'part_delta', choice: 0, part: 2, text: '{"a":' },
      { event: 'part_delta', choice: 0, part: 2, text: '1}' },
      { event: 'part_end', choice: 0, part: 2 },
      { event: 'finish', choice: 0, finish: { reason: 'tool_calls' } },
      { event: 'usage', usage: { input: 3, output: 2 } },
      { event: 'end' },
    ]
  }

  const head = '{"model":"alias","created_at":"2026-09-21T14:13:20.000Z",'
  const tail = `"done":true,"done_reason":"stop","total_duration":0,"load_duration":0,"prompt_eval_count":3,"prompt_eval_duration":0,"eval_count":2,"eval_duration":0}`

  test('a stream of a chat, byte by byte', () => {
    expect(written(ollamaClient.openWriter(contextOf('/api/chat')), eventsOf('h"m', 'Hi\n'))).toEqual([
      `${head}"message":{"role":"assistant","content":"","thinking":"h\\"m"},"done":false}`,
      `${head}"message":{"role":"assistant","content":"Hi\\n"},"done":false}`,
      `${head}"message":{"role":"assistant","content":"","tool_calls":[{"id":"c","function":{"index":0,"name":"f","arguments":{"a":1}}}]},"done":false}`,
      `${head}"message":{"role":"assistant","content":""},${tail}`,
    ])
  })

  test('a stream of a prompt, byte by byte', () => {
    expect(written(ollamaClient.openWriter(contextOf('/api/generate')), eventsOf('hm', 'Hi'))).toEqual([
      `${head}"response":"","thinking":"hm","done":false}`,
      `${head}"response":"Hi","done":false}`,
      `${head}"response":"",${tail}`,
    ])
  })

  test('probabilities and images have lines of their own', () => {
    const image = { kind: 'media', medium: 'image', mime: '', source: { base64: 'AA' } } as const
    const logprobs = [{ token: 'a', logprob: -1, top: [] }]
    const lines = written(ollamaClient.openWriter(contextOf('/api/chat')), [
      { event: 'start', id: 'x', model: 'up', createdAt: 1_790_000_000 },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'text' } },
      { event: 'part_meta', choice: 0, part: 0, meta: { logprobs } },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'part_start', choice: 0, part: 1, head: { kind: 'media', part: image } },
      { event: 'part_delta', choice: 0, part: 1, text: 'BB' },
      { event: 'part_end', choice: 0, part: 1 },
    ]).map((data): unknown => JSON.parse(data))
    expect(lines).toMatchObject([
      { message: { content: '' }, done: false, logprobs: [{ token: 'a', logprob: -1, bytes: [97] }] },
      { message: { content: '', images: ['AABB'] }, done: false },
    ])
  })

  test('an error is a line, and the last one (§8.4)', () => {
    const writer = ollamaClient.openWriter(contextOf('/api/chat'))
    const error = { kind: 'upstream_failed', status: 502, message: 'broke' } as const
    expect(
      written(writer, [...eventsOf('a', 'b').slice(0, 3), { event: 'error', error }, { event: 'end' }]).at(-1),
    ).toBe('{"error":"broke"}')
    const broken = written(ollamaClient.openWriter(contextOf('/api/chat')), [
      { event: 'finish', choice: 0, finish: { reason: 'error' } },
      { event: 'end' },
    ])
    expect(broken).toEqual([expect.stringContaining('{"error":')])
  })

  test('random streams come through: written, read again, the same words', () => {
    for (let seed = 0; seed < 200; seed++) {
      const events = commonEvents(seed)
      const lines = written(ollamaClient.openWriter(contextOf('/api/chat')), events)
      const again = folded(readAll(ollamaBackend.openReader(answerFacts()), lines))
      const wanted = folded(events)
      for (const kind of ['text', 'reasoning'] as const) expect(words(again, kind)).toBe(words(wanted, kind))
      expect(calls(again)).toEqual(calls(wanted))
      expect(again.usage).toEqual(wanted.usage)
    }
  })

  function words({ choices }: CommonResponse, kind: 'text' | 'reasoning'): string {
    return (choices[0]?.parts ?? []).map((part) => (part.kind === kind ? part.text : '')).join('')
  }

  function calls({ choices }: CommonResponse): unknown[] {
    return (choices[0]?.parts ?? []).flatMap((part) => {
      if (part.kind !== 'tool_call') return []
      const raw = 'raw' in part.args ? part.args.raw : ''
      return [{ id: part.id, name: part.name, args: JSON.parse(raw === '' ? '{}' : raw) as unknown }]
    })
  }

  test('the official client reads streams and bodies of both kinds', async () => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        const path = new URL(request.url).pathname
        const { stream } = (await request.json()) as { readonly stream?: boolean }
        if (stream === false) return Response.json(ollamaClient.writeBody(response([thought, text]), contextOf(path)))
        const lines = written(ollamaClient.openWriter(contextOf(path)), eventsOf('hm', 'Hi'))
        return new Response(lines.map((each) => `${each}\n`).join(''), {
          headers: { 'content-type': 'application/x-ndjson' },
        })
      },
    })
    try {
      const client = new Ollama({ host: `http://127.0.0.1:${server.port}` })
      const messages = [{ role: 'user', content: 'q' }]
      let chatted = ''
      let thinking = ''
      let reason = ''
      for await (const part of await client.chat({ model: 'alias', messages, stream: true })) {
        chatted += part.message.content
        thinking += part.message.thinking ?? ''
        for (const { function: told } of part.message.tool_calls ?? [])
          chatted += `${told.name}(${JSON.stringify(told.arguments)})`
        if (part.done) reason = `${part.done_reason} ${part.prompt_eval_count} ${part.eval_count}`
      }
      expect([chatted, thinking, reason]).toEqual(['Hif({"a":1})', 'hm', 'stop 3 2'])
      let prompted = ''
      for await (const part of await client.generate({ model: 'alias', prompt: 'q', stream: true }))
        prompted += part.response
      expect(prompted).toBe('Hi')
      expect((await client.chat({ model: 'alias', messages })).message).toMatchObject({ content: 'Hi', thinking: 'hm' })
      expect((await client.generate({ model: 'alias', prompt: 'q' })).response).toBe('Hi')
    } finally {
      await server.stop(true)
    }
  })
})
