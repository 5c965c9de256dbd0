import { describe, expect, test } from 'bun:test'
import type { CommonEvent, CommonRequest, CommonResponse } from '#translate/common.ts'
import { chatBackend } from '#translate/chat/backend.ts'
import { completionsClient } from '#translate/completions/client.ts'
import { Notes } from '#translate/notes.ts'
import { answerContext, written } from '../../support/answering.ts'
import { targetFor } from '../../support/common-request.ts'

const facts = { path: '/v1/completions', query: '', headers: new Headers(), model: 'alias', stream: true }

function read(body: Record<string, unknown>): { request: CommonRequest; notes: Notes } {
  const notes = new Notes()
  return { request: completionsClient.readRequest(body, facts, notes), notes }
}

describe('readRequest() of Completions (§14.1)', () => {
  test.each(['say', ['say']])('a prompt is the message of a user: %j', (prompt) => {
    const { request, notes } = read({ model: 'x', prompt, max_tokens: 9, stop: ['\n'], temperature: 0, user: 'u' })
    expect(notes.rejection).toBeUndefined()
    expect(notes.codes).toEqual(['adapted:completion_as_chat'])
    expect(request).toMatchObject({
      form: 'completions',
      stream: true,
      messages: [{ role: 'user', parts: [{ kind: 'text', text: 'say' }] }],
      sampling: { maxOutputTokens: 9, stop: ['\n'], temperature: 0 },
      identity: { endUser: 'u' },
    })
  })

  test.each([
    { body: {}, field: 'prompt' },
    { body: { prompt: [] }, field: 'prompt' },
    { body: { prompt: ['a', [1]] }, field: 'prompt' },
    { body: { prompt: ['a', 1] }, field: 'prompt' },
    { body: { prompt: ['a', null] }, field: 'prompt' },
    { body: { prompt: [['a']] }, field: 'prompt' },
    { body: { prompt: { 0: 'a', length: 1 } }, field: 'prompt' },
    { body: { prompt: [1, 2] }, field: 'prompt' },
    { body: { prompt: [[1, 2]] }, field: 'prompt' },
    { body: { prompt: 'a', suffix: 'z' }, field: 'suffix' },
    { body: { prompt: 'a', echo: true }, field: 'echo' },
    { body: { prompt: 'a', best_of: 2 }, field: 'best_of' },
    { body: { prompt: 'a', logprobs: 0 }, field: 'logprobs' },
  ])('what a chat cannot do is rejected by name: $field', ({ body, field }) => {
    expect(read(body).notes.rejection).toMatchObject({ field })
  })

  test('§14.1: several prompts are a conversation each', () => {
    const { request, notes } = read({ prompt: ['a', '', 'c'] })
    expect(notes.rejection).toBeUndefined()
    expect(request.messages).toEqual([{ role: 'user', parts: [{ kind: 'text', text: 'a' }], placement: 'inline' }])
    expect(request.prompts?.map(([message]) => message?.parts)).toEqual([
      [{ kind: 'text', text: 'a' }],
      [],
      [{ kind: 'text', text: 'c' }],
    ])
  })

  test('what changes nothing is taken', () => {
    const body = { prompt: 'a', suffix: null, echo: false, best_of: 1, logprobs: null }
    expect(read(body).notes.rejection).toBeUndefined()
  })

  test('a backend of Chat is asked with what compatible servers know of both', () => {
    const notes = new Notes()
    const { request } = read({ prompt: 'a', top_k: 4, seed: 1, n: 2 })
    const { body } = chatBackend.writeRequest(request, targetFor('chat', 'openai', 'local'), notes)
    expect(body).toEqual({
      model: 'local',
      messages: [{ role: 'user', content: 'a' }],
      top_k: 4,
      n: 2,
      seed: 1,
      stream: true,
      stream_options: { include_usage: true },
    })
  })
})

describe('answers of Completions (§11.8)', () => {
  test('a body', () => {
    const response: CommonResponse = {
      id: 'x',
      model: 'up',
      createdAt: 7,
      choices: [
        {
          index: 0,
          parts: [
            { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false },
            { kind: 'text', text: 'a' },
          ],
          finish: { reason: 'length' },
        },
        { index: 1, parts: [], finish: { reason: 'content_filter', explanation: 'No.' } },
      ],
      usage: { input: 1, output: 2 },
      tier: undefined,
      fingerprint: undefined,
    }
    expect(completionsClient.writeBody(response, answerContext())).toMatchObject({
      id: `cmpl-${'1'.padStart(29, '0')}`,
      object: 'text_completion',
      created: 7,
      model: 'alias',
      choices: [
        { text: 'a', index: 0, logprobs: null, finish_reason: 'length' },
        { text: 'No.', index: 1, logprobs: null, finish_reason: 'content_filter' },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    })
  })

  const events: CommonEvent[] = [
    { event: 'start', id: 'x', model: 'up', createdAt: 7 },
    { event: 'part_start', choice: 0, part: 0, head: { kind: 'reasoning', style: 'raw', isRedacted: false } },
    { event: 'part_delta', choice: 0, part: 0, text: 'hm' },
    { event: 'part_end', choice: 0, part: 0 },
    { event: 'part_start', choice: 0, part: 1, head: { kind: 'text' } },
    { event: 'part_delta', choice: 0, part: 1, text: 'a' },
    { event: 'part_end', choice: 0, part: 1 },
    { event: 'usage', usage: { input: 1, output: 2 } },
    { event: 'finish', choice: 0, finish: { reason: 'stop' } },
    { event: 'end' },
  ]

  test('a stream', () => {
    const head = `{"id":"cmpl-${'1'.padStart(29, '0')}","object":"text_completion","created":7,"model":"alias","choices":[`
    expect(written(completionsClient.openWriter(answerContext()), events)).toEqual([
      `${head}{"text":"a","index":0,"logprobs":null,"finish_reason":null}]}`,
      `${head}{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}`,
      '[DONE]',
    ])
  })

  test('usage comes last, where it is asked for', () => {
    const frames = written(completionsClient.openWriter(answerContext({ includeUsage: true })), events)
    expect(frames[0]).toContain('"usage":null')
    expect(JSON.parse(frames[2] ?? '')).toMatchObject({ choices: [], usage: { total_tokens: 3 } })
  })

  test('an error is the last that a client reads', () => {
    const error = { event: 'error', error: { kind: 'overloaded', status: 503, message: 'full' } } as const
    const frames = written(completionsClient.openWriter(answerContext()), [
      ...events.slice(0, 6),
      error,
      { event: 'end' },
    ])
    expect(frames).toHaveLength(2)
    expect(JSON.parse(frames[1] ?? '')).toMatchObject({ error: { message: 'full' } })
  })
})
