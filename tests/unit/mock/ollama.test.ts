import { describe, expect, test } from 'bun:test'
import { readThrough } from '../../support/body.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { mockRequest, responded, watchedMock } from '../../support/mock.ts'

const greeting = 'Hello from the mock backend. You said: hi'
const hi = { model: 'llama', messages: [{ role: 'user', content: 'hi' }] }
const bare = { model: 'llama', prompt: 'hi' }

async function ask(path: string, body?: object, method = 'POST') {
  const { transport } = watchedMock(new FakeClock())
  const response = responded(await transport.send(mockRequest(body, { path, method })))
  const { pieces, end } = await readThrough(response.body)
  const text = pieces.map((piece) => piece.toString()).join('')
  return { status: response.status, type: response.headers.get('content-type'), text, end }
}

interface Line {
  readonly message?: { readonly content: string; readonly tool_calls?: readonly object[] }
  readonly response?: string
  readonly done: boolean
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

describe('an Ollama mock', () => {
  test.each([
    { path: '/api/chat', body: hi, textOf: (line: Line) => line.message?.content },
    { path: '/api/generate', body: bare, textOf: (line: Line) => line.response },
  ])('streams $path unless it must not', async ({ path, body, textOf }) => {
    for (const wish of [{}, { stream: null }, { stream: true }]) {
      const { text, type } = await ask(path, { ...body, ...wish })
      const lines = linesOf(text)
      expect(type).toBe('application/x-ndjson')
      expect(lines.map(textOf).join('')).toBe(greeting)
      expect(lines.map(({ done }) => done)).toEqual([...lines.slice(1).map(() => false), true])
      expect(lines.at(-1)).toMatchObject({ done_reason: 'stop', prompt_eval_count: 1, eval_count: 8 })
    }
    const { text, type } = await ask(path, { ...body, stream: false })
    expect(type).toBe('application/json')
    expect(textOf(JSON.parse(text))).toBe(greeting)
    expect(JSON.parse(text)).toMatchObject({ model: 'llama', done: true, done_reason: 'stop' })
  })

  test('is as short as its options say', async () => {
    const { text } = await ask('/api/chat', { ...hi, options: { num_predict: 2 } })
    expect(linesOf(text)).toHaveLength(3)
    expect(linesOf(text).at(-1)).toMatchObject({ done: true, done_reason: 'length' })
  })

  test('calls tools, and answers in the wanted format', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
    const called = linesOf((await ask('/api/chat', { ...hi, model: 'tools', tools })).text)
    expect(called[0]?.message?.tool_calls).toEqual([{ function: { name: 'f', arguments: {} } }])
    const format = { type: 'object', properties: { age: { type: 'integer' } } }
    const { text } = await ask('/api/generate', { ...bare, stream: false, format })
    expect(JSON.parse(JSON.parse(text).response)).toEqual({ age: 1 })
  })

  test('embeds, shows, lists and tells its version', async () => {
    const many = JSON.parse((await ask('/api/embed', { model: 'm', input: ['a', 'b'], dimensions: 3 })).text)
    expect(many.embeddings.map((vector: number[]) => vector.length)).toEqual([3, 3])
    const one = JSON.parse((await ask('/api/embeddings', { model: 'm', prompt: 'a' })).text)
    expect(one.embedding).toHaveLength(8)
    expect(JSON.parse((await ask('/api/show', { model: 'm' })).text)).toMatchObject({ details: { family: 'mock' } })
    const { models } = JSON.parse((await ask('/api/tags', undefined, 'GET')).text)
    expect(models[0]).toMatchObject({ name: 'e400', model: 'e400', modified_at: expect.any(String) })
    expect(JSON.parse((await ask('/api/version', undefined, 'GET')).text)).toEqual({ version: expect.any(String) })
  })

  test.each([
    { name: 'with a status', model: 'e429', status: 429, type: 'application/json' },
    { name: 'in a stream', model: 'serr', status: 200, type: 'application/x-ndjson' },
    { name: 'under a good status', model: 'q200', status: 200, type: 'application/json' },
  ])('fails $name in its own words', async ({ model, status, type }) => {
    const answer = await ask('/api/chat', { ...hi, model })
    expect(answer).toMatchObject({ status, type })
    expect(JSON.parse(answer.text)).toEqual({ error: expect.any(String) })
  })

  test.each([
    { name: 'breaks off', model: 'scut=2', end: { cause: 'reset' }, lines: 2 },
    { name: 'ends without its last line', model: 'nodone', end: 'end', lines: 8 },
  ])('$name when asked to', async ({ model, end, lines }) => {
    const answer = await ask('/api/chat', { ...hi, model })
    expect(linesOf(answer.text)).toHaveLength(lines)
    expect(answer.text).not.toContain('"done":true')
    if (typeof end === 'string') expect(answer.end).toBe(end)
    else expect(answer.end).toMatchObject(end)
  })
})
