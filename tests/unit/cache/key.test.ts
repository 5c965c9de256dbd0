import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileCache } from '#cache/compile.ts'
import { keyOf } from '#cache/key.ts'
import { normalText } from '#cache/normal.ts'
import { isRepeatable } from '#cache/repeatable.ts'
import { CacheSchema } from '#cache/schema.ts'
import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import { encode } from '#kit/bytes.ts'
import { asExactObject, parseExact } from '#translate/exact-json.ts'
import { talkOfPath } from '#wire/talk.ts'
import * as v from 'valibot'

interface Asked {
  readonly path?: string
  readonly query?: string
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly stream?: boolean
  readonly tenant?: string
  readonly alias?: string
  readonly cache?: v.InferInput<typeof CacheSchema>
}

function keyFor(asked: Asked): string | undefined {
  const { path = '/v1/chat/completions', query = '', body = '{"messages":[]}', headers = {}, stream = false } = asked
  const policy = compileCache(v.parse(CacheSchema, { enabled: true, ...asked.cache }), [])
  const talk = talkOfPath(path)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is read of it
  const call = {
    endpoint: {
      path,
      dialect: 'openai',
      reads: path.includes(':') ? 'path' : 'json',
      stream: stream ? 'chat' : undefined,
      talk,
    },
    method: 'POST',
    path,
    query,
    headers: new Headers(headers),
    model: 'm',
    stream,
    body: encode(body),
  } as unknown as Call
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is read of it
  const plan = { alias: asked.alias ?? 'm', tiers: [] } as unknown as Plan
  return policy && keyOf(call, plan, { id: asked.tenant ?? 't', isAnyone: false }, policy.key)
}

function normalOf(text: string): string | undefined {
  const policy = compileCache(v.parse(CacheSchema, { enabled: true }), [])
  const body = asExactObject(parseExact(text))
  return policy === undefined || body === undefined ? undefined : normalText(body, policy.key)
}

describe('which requests are equal', () => {
  test.each([
    { why: 'another alias', one: {}, other: { alias: 'n' } },
    { why: 'B81 another caller', one: {}, other: { tenant: 'u' } },
    {
      why: 'B82 a caller that is named like a caller and its alias',
      one: { tenant: 'a|b', alias: 'c' },
      other: { tenant: 'a', alias: 'b|c' },
    },
    {
      why: 'B82 the same with the separators of a length',
      one: { tenant: '1:a', alias: 'b' },
      other: { tenant: '1', alias: ':ab' },
    },
    { why: 'another query', one: { query: 'a=1' }, other: { query: 'a=2' } },
    { why: 'a beta of Anthropic', one: {}, other: { headers: { 'anthropic-beta': 'x' } } },
    { why: 'another organisation that pays', one: {}, other: { headers: { 'openai-organization': 'x' } } },
    { why: 'another form', one: {}, other: { path: '/v1/completions' } },
    {
      why: 'a number beyond what a double holds',
      one: { body: '{"seed":9007199254740992}' },
      other: { body: '{"seed":9007199254740993}' },
    },
    {
      why: 'a member called __proto__',
      one: { body: '{"metadata":{"__proto__":1}}' },
      other: { body: '{"metadata":{}}' },
    },
    { why: 'another one of them', one: { body: '{"x":{"__proto__":1}}' }, other: { body: '{"x":{"__proto__":2}}' } },
    {
      why: 'the order of the properties of a schema',
      one: { body: '{"response_format":{"schema":{"properties":{"a":{},"b":{}}}}}' },
      other: { body: '{"response_format":{"schema":{"properties":{"b":{},"a":{}}}}}' },
    },
    {
      why: 'B82 a header whose value looks like another one',
      one: { cache: { key_generation: { include_headers: ['x-a', 'x-b'] } }, headers: { 'x-a': '1', 'x-b': '2' } },
      other: { cache: { key_generation: { include_headers: ['x-a', 'x-b'] } }, headers: { 'x-a': '1,x-b,2' } },
    },
    { why: 'a temperature that is said', one: { body: '{"temperature":1}' }, other: { body: '{}' } },
  ] satisfies readonly { why: string; one: Asked; other: Asked }[])('$why is another request', ({ one, other }) => {
    expect(keyFor(one)).toBeDefined()
    expect(keyFor(one)).not.toBe(keyFor(other))
  })

  test.each([
    { why: 'a path without a version', one: {}, other: { path: '/chat/completions' } },
    { why: 'C312 a stream', one: { stream: true }, other: {} },
    {
      why: 'the framing of a stream',
      one: { path: '/v1beta/models/m:generateContent' },
      other: { path: '/v1beta/models/m:streamGenerateContent', query: 'alt=sse' },
    },
    {
      why: 'C307 another way to write a number',
      one: { body: '{"temperature":0.70,"seed":1.0,"top_p":5e-1}' },
      other: { body: '{"top_p":0.5,"seed":1,"temperature":0.7}' },
    },
    {
      why: 'C313 ids',
      one: { body: '{"metadata":{"request_id":"1","a":1}}' },
      other: { body: '{"metadata":{"a":1,"x-trace-id":"2"}}' },
    },
    { why: 'the model in the body', one: { body: '{"model":"a"}' }, other: { body: '{"model":"b"}' } },
  ] satisfies readonly { why: string; one: Asked; other: Asked }[])('$why makes no difference', ({ one, other }) => {
    expect(keyFor(one)).toBeDefined()
    expect(keyFor(one)).toBe(keyFor(other))
  })

  test('C307 members in any order are the same, for any JSON, and what differs is not', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled)
      if (typeof value !== 'object' || value === null) return value
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([name, inner]) => [name, shuffled(inner)]),
      )
    }
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (one, other) => {
        const text = normalOf(JSON.stringify({ messages: one }))
        const hasProperties = JSON.stringify(one).includes('"properties"')
        if (!hasProperties) expect(normalOf(JSON.stringify(shuffled({ messages: one })))).toBe(text)
        if (!Bun.deepEquals(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)), true)) {
          if (one !== null && other !== null) expect(normalOf(JSON.stringify({ messages: other }))).not.toBe(text)
        }
      }),
    )
  })

  test('what is too deep, no object or no JSON has no key, and nothing throws', () => {
    const deep = `{"messages":${'['.repeat(500)}${']'.repeat(500)}}`
    for (const body of [deep, '[]', '1', 'null', '', '{', '1.0', '"x"']) expect(keyFor({ body })).toBeUndefined()
    expect(keyFor({ path: '/v1/messages/count_tokens' })).toBeUndefined()
  })
})

describe('what may be repeated', () => {
  const tools = (...types: string[]): object => ({ tools: types.map((type) => ({ type })) })

  test.each([
    { form: 'chat', body: tools('function', 'custom'), may: true },
    { form: 'messages', body: { tools: [{ name: 'f' }, { type: 'bash_20250124', name: 'bash' }] }, may: true },
    { form: 'messages', body: tools('web_search_20250305'), may: false },
    { form: 'messages', body: { mcp_servers: [{ url: 'x' }] }, may: false },
    { form: 'responses', body: { store: false, ...tools('function') }, may: true },
    { form: 'responses', body: { store: false, ...tools('mcp') }, may: false },
    { form: 'gemini', body: { tools: [{ functionDeclarations: [] }] }, may: true },
    { form: 'gemini', body: { tools: [{ googleSearch: {} }] }, may: false },
    { form: 'gemini', body: { generationConfig: { responseModalities: ['TEXT', 'IMAGE'] } }, may: false },
    { form: 'gemini', body: { generationConfig: { responseModalities: ['TEXT'] } }, may: true },
    { form: 'gemini', body: { cachedContent: 'cachedContents/1' }, may: false },
    { form: 'chat', body: { tools: 1, modalities: 'audio', plugins: [] }, may: true },
  ] as const)('$form $body: $may', ({ form, body, may }) => {
    expect(isRepeatable(form, body as Record<string, unknown>)).toBe(may)
  })
})
