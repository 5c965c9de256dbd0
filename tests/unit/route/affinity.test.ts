import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
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
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a', 400), 0, textOf)
    expect(keyOf(asked, auto, 'm', pins)?.pinned).toBeUndefined()
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a'), 0, textOf)
    expect(keyOf(asked, auto, 'm', pins)).toMatchObject({ pinned: home, isHard: false })
  })

  test('where nothing is to stay, nothing is remembered, and what was remembered before does not count', () => {
    const pins = new Pins()
    keyOf(asked, { ...auto, ttlMs: 0 }, 'm', pins)?.keep(answerOf('a'), 0, textOf)
    expect(pins.size).toBe(0)
    keyOf(asked, auto, 'm', pins)?.keep(answerOf('a'), 0, textOf)
    expect(keyOf(asked, { ...auto, ttlMs: 0 }, 'm', pins)?.pinned).toBeUndefined()
  })

  const first = { form: 'responses', body: { input: 'hi' }, address: '198.51.100.1' } as const

  const created = (id: string): string =>
    `event: response.created\ndata: {"type":"response.created","response":{"id":"${id}","object":"response"}}\n\n`
  const delta = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"i"}\n\n'

  test.each<{ name: string; id?: string; pieces: readonly (string | Uint8Array)[]; encoding?: string }>([
    { name: 'a whole one', pieces: ['{\n  "id": "resp_0a1b",\n  "object": "response"}'] },
    { name: 'one of which only the beginning is there', pieces: ['{"id":"resp_0a1b","output":[{"id":"msg_1","cont'] },
    { name: 'an id that others made', id: '0f8b-uuid', pieces: ['{"id":"0f8b-uuid"}'] },
    { name: 'an id behind much else', pieces: [`{"instructions":"${'x'.repeat(90_000)}","id":"resp_0a1b"}`] },
    { name: 'an id behind those of its parts', pieces: ['{"output":[{"id":"msg_1"}],"id":"resp_0a1b"}'] },
    { name: 'a compressed one', pieces: [gzipSync('{"id":"resp_0a1b"}')], encoding: 'gzip' },
    { name: 'a stream', pieces: [created('resp_0a1b'), delta] },
    {
      name: 'a stream that is cut in the middle of it',
      pieces: [created('resp_0a1b').slice(0, 90), created('resp_0a1b').slice(90)],
    },
    { name: 'a stream with other line ends', pieces: [created('resp_0a1b').replaceAll('\n', '\r\n')] },
    { name: 'a stream that begins with other events', pieces: [': hi\n\n', delta, created('resp_0a1b')] },
  ])('an answer that is gone on with is known to its route alone: $name', ({ id = 'resp_0a1b', pieces, encoding }) => {
    const pins = new Pins()
    const headers = new HeaderList(encoding === undefined ? [] : [['content-encoding', encoding]])
    const held = pieces.map((piece) => (typeof piece === 'string' ? bytesOf(piece) : piece))
    keyOf(first, auto, 'm', pins)?.keep({ ...answerOf('a'), headers, held }, 0, textOf)
    const next = { ...first, headers: { 'session-id': 'another' }, body: { previous_response_id: id } }
    expect(keyOf(next, auto, 'm', pins)).toMatchObject({ pinned: home, isHard: true })
    const unknown = { ...next, body: { previous_response_id: 'msg_1' } }
    expect(keyOf(unknown, auto, 'm', pins)).toMatchObject({ pinned: undefined, isHard: false })
    expect(keyOf({ ...next, form: 'chat' }, auto, 'm', pins)?.isHard).toBe(false)
  })

  test.each(['', 'no JSON', '{"id":7}', '{"id":{}}', `{"id":"${'x'.repeat(600)}"}`, 'data: [DONE]\n\n'])(
    'an answer without an id is known by no other: %p',
    (text) => {
      const pins = new Pins()
      keyOf(first, auto, 'm', pins)?.keep(answerOf('a', 200, text), 0, textOf)
      expect(pins.size).toBe(1)
    },
  )

  test('who goes on with answers stays by the other key as well', () => {
    const pins = new Pins()
    const session = { ...first, headers: { 'session-id': 's' } }
    keyOf(session, auto, 'm', pins)?.keep(answerOf('a', 200, '{"id":"resp_1"}'), 0, textOf)
    const next = called({ ...session, body: { previous_response_id: 'resp_1' } })
    affinityOf(pins, auto, 'm', next, 50_000)?.keep(answerOf('a', 200, '{"id":"resp_2"}'), 50_000, textOf)
    expect(affinityOf(pins, auto, 'm', called(session), 100_000)).toMatchObject({ pinned: home, isHard: false })
  })
})
