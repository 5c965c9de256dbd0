import { describe, expect, test } from 'bun:test'
import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { AffinityPolicy } from '#core/plan.ts'
import { HeaderList } from '#kit/header-list.ts'
import { affinityOf, type Affinity } from '#route/affinity.ts'
import { Pins } from '#route/pins.ts'
import { textOf } from '#upstream/decode.ts'
import { candidateOf } from '../../support/candidate.ts'
import { bytesOf } from '../../support/exchange.ts'
import { callOf } from '../../support/upstream.ts'

const auto: AffinityPolicy = { by: 'auto', header: '', ttlMs: 60_000 }

interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object | string
  readonly address?: string
  readonly form?: StreamForm
}

function called({ headers = {}, body = {}, address = '203.0.113.7', form = 'chat' }: Asked): Call {
  return callOf({
    headers: new Headers(headers),
    body: bytesOf(typeof body === 'string' ? body : JSON.stringify({ model: 'alias', ...body })),
    client: { address, peer: address },
    endpoint: { path: '/', dialect: 'openai', reads: 'json', stream: form },
  })
}

function keyOf(asked: Asked, policy = auto, alias = 'm', pins = new Pins()): Affinity | undefined {
  return affinityOf(pins, policy, alias, called(asked), 0)
}

function seedOf(asked: Asked, policy = auto): number | undefined {
  return keyOf(asked, policy)?.seed
}

const user = (content: unknown): object => ({ role: 'user', content })
const system = (content: unknown): object => ({ role: 'system', content })
const says = { role: 'assistant', content: 'well' }

/** From the strongest on: each is the key, whatever of those after it there is. */
const chain: readonly { name: string; one: Asked; other: Asked }[] = [
  ...[
    'x-llm-proxy-affinity',
    'x-claude-code-session-id',
    'session-id',
    'session_id',
    'x-session-affinity',
    'x-session-id',
    'thread-id',
  ].map((name) => ({ name, one: { headers: { [name]: 'one' } }, other: { headers: { [name]: 'other' } } })),
  { name: 'conversation', one: { body: { conversation: { id: 'c1' } } }, other: { body: { conversation: 'c2' } } },
  { name: 'prompt_cache_key', one: { body: { prompt_cache_key: 'p1' } }, other: { body: { prompt_cache_key: 'p2' } } },
  {
    name: 'metadata.user_id',
    one: { body: { metadata: { user_id: 'u1' } } },
    other: { body: { metadata: { user_id: 'u2' } } },
  },
  {
    name: 'safety_identifier',
    one: { body: { safety_identifier: 's1' } },
    other: { body: { safety_identifier: 's2' } },
  },
  { name: 'user', one: { body: { user: 'u1' } }, other: { body: { user: 'u2' } } },
  {
    name: 'the first message',
    one: { body: { messages: [user('one')] } },
    other: { body: { messages: [user('other')] } },
  },
  { name: 'the address', one: { address: '198.51.100.1' }, other: { address: '198.51.100.2' } },
]

function merged(one: Asked, other: Asked): Asked {
  return {
    headers: { ...one.headers, ...other.headers },
    body: { ...(one.body as object), ...(other.body as object) },
    address: other.address ?? one.address ?? '203.0.113.7',
  }
}

describe('auto', () => {
  test.each(chain.map(({ name }) => name))('goes by %s', (name) => {
    const at = chain.findIndex((link) => link.name === name)
    const { one = {}, other = {} } = chain[at] ?? {}
    const weaker = chain.slice(at + 1)
    expect(seedOf(one)).not.toBe(seedOf(other))
    expect(seedOf(one)).toBe(seedOf({ ...one }))
    for (const link of weaker) {
      expect(seedOf(merged(link.one, one))).toBe(seedOf(one))
      expect(seedOf(merged(link.other, one))).toBe(seedOf(one))
    }
  })

  test.each<{ name: string; form?: StreamForm; turns: readonly object[]; another: object }>([
    {
      name: 'chat',
      turns: [
        { messages: [system('be kind'), user('hi')] },
        { messages: [system('be kind'), user('hi'), says, user('and?')] },
      ],
      another: { messages: [system('be rude'), user('hi')] },
    },
    {
      name: 'chat, with a developer',
      turns: [
        { messages: [{ role: 'developer', content: 'be kind' }, user('hi')] },
        { messages: [{ role: 'developer', content: 'be kind' }, user('hi'), says] },
      ],
      another: { messages: [{ role: 'developer', content: 'be kind' }, user('ho')] },
    },
    {
      name: 'Anthropic',
      form: 'messages',
      turns: [
        { system: 'be kind', messages: [user([{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }])] },
        { messages: [user([{ type: 'text', text: 'hi' }]), says, user('and?')], system: 'be kind' },
      ],
      another: { system: 'be rude', messages: [user([{ type: 'text', text: 'hi' }])] },
    },
    {
      name: 'Responses',
      form: 'responses',
      turns: [
        { instructions: 'be kind', input: [user('hi')] },
        { instructions: 'be kind', input: [user('hi'), says, user('and?')] },
      ],
      another: { instructions: 'be kind', input: 'hi' },
    },
    {
      name: 'Gemini',
      form: 'gemini_sse',
      turns: [
        { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], systemInstruction: { parts: [{ text: 'x' }] } },
        {
          contents: [
            { role: 'user', parts: [{ text: 'hi' }] },
            { role: 'model', parts: [] },
          ],
          systemInstruction: { parts: [{ text: 'x' }] },
        },
      ],
      another: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
    },
  ])('the turns of one conversation belong together: $name', ({ form = 'chat', turns, another }) => {
    const [first] = turns.map((body) => seedOf({ body, form }))
    for (const body of turns) expect(seedOf({ body, form })).toBe(first ?? -1)
    expect(seedOf({ body: another, form })).not.toBe(first ?? -1)
  })

  test.each([
    { name: 'a body that is no JSON', body: '{"model":"alias","messages":[{' },
    { name: 'deep nesting', body: `{"user":${'['.repeat(100)}` },
    { name: 'an empty body', body: '' },
  ])('$name still has an address', ({ body }) => {
    expect(seedOf({ body })).toBeNumber()
  })

  test('nothing tells who comes by a unix socket and says nothing', () => {
    expect(seedOf({ address: 'unix' })).toBeUndefined()
  })

  test('equal keys of two aliases have nothing to do with each other', () => {
    const asked = { headers: { 'session-id': 's' } }
    expect(keyOf(asked, auto, 'm')?.seed).not.toBe(keyOf(asked, auto, 'n')?.seed ?? -1)
  })

  test('however long a conversation gets, its key stays', () => {
    const body = { messages: [user('hi'), user('x'.repeat(8_000_000))] }
    expect(seedOf({ body })).toBe(seedOf({ body: { messages: [user('hi')] } }) ?? -1)
    expect(seedOf({ body: { ...body, user: 'u' } })).toBe(seedOf({ body: { user: 'u' } }) ?? -1)
    expect(seedOf({ body: { user: 'u', ...body } })).toBe(seedOf({ body: { user: 'u' } }) ?? -1)
  })

  const mark = { cache_control: { type: 'ephemeral' } }
  const blocks = (...parts: readonly object[]): object => ({ messages: [user(parts)] })

  test.each([
    { name: 'at the end of its block', marked: blocks({ type: 'text', text: 'hi', ...mark }), space: 0 },
    { name: 'before all else in its block', marked: blocks({ ...mark, type: 'text', text: 'hi' }), space: 0 },
    { name: 'between others', marked: blocks({ type: 'text', ...mark, text: 'hi' }), space: 0 },
    { name: 'in a printed body', marked: blocks({ type: 'text', text: 'hi', ...mark }), space: 2 },
  ])('a cache mark counts as if it were not there: $name', ({ marked, space }) => {
    const seedOfText = (body: object): number | undefined => seedOf({ body: JSON.stringify(body, undefined, space) })
    const plain = seedOfText(blocks({ type: 'text', text: 'hi' }))
    expect(seedOfText(marked)).toBe(plain ?? -1)
    expect(seedOfText(blocks({ type: 'text', text: 'ho' }))).not.toBe(plain ?? -1)
  })

  test('a first message that is longer than what is looked at has the same key with a mark and without', () => {
    for (const length of [40_000, 65_400, 65_460, 65_480, 65_490, 65_500, 65_520, 65_536]) {
      const parts = (extra: object): object =>
        blocks({ type: 'text', text: 'x'.repeat(length), ...extra }, { type: 'text', text: 'y'.repeat(70_000) })
      expect(seedOf({ body: parts(mark) })).toBe(seedOf({ body: parts({}) }) ?? -1)
    }
  })

  test.each([
    {
      name: '64 KB of blanks beside a mark',
      text: `{"role":"system","cache_control":{"type":"e"},"content":"${' '.repeat(65_000)}"}`,
    },
    {
      name: '64 KB of blanks before a mark',
      text: `{"role":"system","content":"",${' '.repeat(65_000)}"cache_control":{"type":"e"}}`,
    },
    { name: 'marks without end', text: `{"role":"system","c":[${'{"cache_control":{}},'.repeat(5000)}1]}` },
    { name: 'names of marks without end', text: `{"role":"system","c":[${'{"cache_control":1},'.repeat(5000)}1]}` },
  ])('what a client can send costs no time: $name', ({ text }) => {
    const asked = { body: `{"model":"alias","messages":[${Array.from({ length: 8 }, () => text).join(',')}]}` }
    // The machine may be busy with something else for a moment.
    const tookMs = Array.from({ length: 5 }, () => {
      const startedMs = performance.now()
      seedOf(asked)
      return performance.now() - startedMs
    })
    expect(Math.min(...tookMs)).toBeLessThan(50)
  })
})

describe('by one thing', () => {
  const by = (policy: Partial<AffinityPolicy>): AffinityPolicy => ({ ...auto, ...policy })

  test.each<{ name: string; policy: AffinityPolicy; one: Asked; alike: Asked; other: Asked; none?: Asked }>([
    {
      name: 'header',
      policy: by({ by: 'header', header: 'x-tenant' }),
      one: { headers: { 'X-Tenant': 'a' } },
      alike: { headers: { 'x-tenant': 'a', 'session-id': 's' }, address: '198.51.100.1' },
      other: { headers: { 'x-tenant': 'b' } },
      none: {},
    },
    {
      name: 'user',
      policy: by({ by: 'user' }),
      one: { body: { user: 'u' } },
      alike: { body: { messages: [user('x')], user: 'u' } },
      other: { body: { user: 'v' } },
      none: { body: { messages: [user('x')] } },
    },
    {
      name: 'C331: system',
      policy: by({ by: 'system' }),
      one: { body: { messages: [system('be kind'), user('one')] } },
      alike: { body: { messages: [system('be kind'), user('other')] } },
      other: { body: { messages: [system('be rude'), user('one')] } },
      none: { body: { messages: [user('one')] } },
    },
    {
      name: 'ip',
      policy: by({ by: 'ip' }),
      one: { address: '198.51.100.1' },
      alike: { address: '198.51.100.1', headers: { 'session-id': 's' }, body: { user: 'u' } },
      other: { address: '198.51.100.2' },
      none: { address: 'unix' },
    },
    {
      name: 'ip, IPv6 by its /64',
      policy: by({ by: 'ip' }),
      one: { address: '2001:db8:1:2::1' },
      alike: { address: '2001:db8:1:2:aaaa:bbbb:cccc:dddd' },
      other: { address: '2001:db8:1:3::1' },
    },
    {
      name: 'ip, IPv6 with zeros',
      policy: by({ by: 'ip' }),
      one: { address: '2001:db8::1' },
      alike: { address: '2001:db8:0:0:9::' },
      other: { address: '::1' },
    },
  ])('$name', ({ policy, one, alike, other, none }) => {
    const seed = seedOf(one, policy)
    expect(seed).toBeNumber()
    expect(seedOf(alike, policy)).toBe(seed ?? -1)
    expect(seedOf(other, policy)).not.toBe(seed ?? -1)
    if (none !== undefined) expect(seedOf(none, policy)).toBeUndefined()
  })
})

describe('staying', () => {
  const answerOf = (backend: string, status = 200, text = ''): Answer => ({
    kind: 'answer',
    candidate: candidateOf(backend, 'm'),
    status,
    headers: new HeaderList(),
    held: [bytesOf(text)],
    rest: undefined,
    form: undefined,
  })
  const asked = { headers: { 'session-id': 's' } }
  const home = candidateOf('a', 'm').stateKey

  test('the route that answered is the one to stay with; an error that is passed on is not', () => {
    const pins = new Pins()
    expect(keyOf(asked, auto, 'm', pins)?.pinned).toBeUndefined()
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a', 400), undefined, 0, textOf)
    expect(keyOf(asked, auto, 'm', pins)?.pinned).toBeUndefined()
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a'), undefined, 0, textOf)
    expect(keyOf(asked, auto, 'm', pins)).toMatchObject({ pinned: home, by: 'the header "session-id"' })
  })

  test('where nothing is to stay, nothing is remembered, and what was remembered before does not count', () => {
    const pins = new Pins()
    keyOf(asked, { ...auto, ttlMs: 0 }, 'm', pins)?.keep(answerOf('a'), undefined, 0, textOf)
    expect(pins.size).toBe(0)
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a'), undefined, 0, textOf)
    expect(keyOf(asked, { ...auto, ttlMs: 0 }, 'm', pins)?.pinned).toBeUndefined()
  })

  test('whoever left tells whom, why, and what was in its cache', () => {
    const pins = new Pins()
    const cached = (tokens: number): string => `{"usage":{"prompt_tokens_details":{"cached_tokens":${tokens}}}}`
    expect(keyOf(asked, auto, 'm', pins)?.keep(answerOf('a', 200, cached(7)), undefined, 0, textOf)).toBeUndefined()
    const staying = keyOf(asked, auto, 'm', pins)
    expect(staying?.keep(answerOf('a'), undefined, 0, textOf)).toBeUndefined()
    staying?.sawUsage(bytesOf(cached(1024)))
    const leaving = keyOf(asked, auto, 'm', pins)
    leaving?.leave('another', 'it is not this one')
    leaving?.leave(home, 'it fell')
    leaving?.leave(home, 'told later')
    expect(leaving?.keep(answerOf('b'), undefined, 0, textOf)).toEqual({
      from: 'a/m',
      why: 'it fell',
      cachedTokens: 1024,
    })
    expect(pins.tallyOf('m')).toEqual({ pins: 1, hits: 1, repinned: 1, cachedTokensLost: 1024 })
    expect(keyOf(asked, auto, 'm', pins)?.keep(answerOf('a'), undefined, 0, textOf)).toEqual({
      from: 'b/m',
      why: 'a route that comes before it answered',
      cachedTokens: undefined,
    })
    expect(pins.tallyOf('m')).toEqual({ pins: 1, hits: 1, repinned: 2, cachedTokensLost: 1024 })
  })

  test('the credential that the route was asked with is kept with it', () => {
    const pins = new Pins()
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a'), 'key-2', 0, textOf)
    expect(keyOf(asked, auto, 'm', pins)).toMatchObject({ pinned: home, credential: 'key-2' })
  })
})

describe('the caller', () => {
  const from = (caller: string | undefined, asked: Asked = {}): number | undefined =>
    affinityOf(new Pins(), auto, 'm', called(asked), 0, caller)?.seed

  test('comes after what the request says, and before the address; one key that all share says nothing', () => {
    expect(from('one')).not.toBe(from('two'))
    expect(from('one', { address: '198.51.100.9' })).toBe(from('one') ?? -1)
    expect(from('one', { body: { messages: [user('hi')] } })).toBe(
      from('two', { body: { messages: [user('hi')] } }) ?? -1,
    )
    expect(from(undefined, { address: '198.51.100.9' })).not.toBe(from(undefined) ?? -1)
  })
})
