import { describe, expect, test } from 'bun:test'
import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { Fetched } from '#translate/fetched-media.ts'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

interface Setting {
  /** The section `compat`. */
  readonly compat?: string
  /** Of the backend. */
  readonly backend?: string
  readonly model?: string
}

const claude = { backend: 'protocol: anthropic', model: 'claude-sonnet-4-5' } as const

async function roadWith(
  { compat = '{}', backend = '', model = 'some-model' }: Setting,
  upstream: Upstream = () => chatAnswer(),
  fetchMedia?: (url: string) => Promise<Fetched | string>,
): Promise<Road> {
  const more = backend === '' ? '' : `, ${backend}`
  const yaml = `
compat: ${compat}
backends: [{ name: a, url: "http://a/v1"${more} }]
models: { m: { routes: [{ backend: a, model: "${model}" }] } }`
  if (fetchMedia === undefined) return await openRoad(yaml, upstream)
  return await openRoad(yaml, upstream, 1, { media: async () => ({ forRequest: () => fetchMedia }) })
}

const hi = { role: 'user', content: 'hi' } as const

/** What a Claude client says. */
async function messages(road: Road, extra: JsonObject = {}): Promise<Response> {
  return await road.fetch('/v1/messages', {
    method: 'POST',
    body: JSON.stringify({ model: 'm', max_tokens: 9, messages: [hi], ...extra }),
  })
}

/** The body that the backend got. */
function sent({ sent: [request] }: Road): JsonObject {
  if (request === undefined) throw new Error('The upstream was not asked')
  return asObject(JSON.parse(sentBy(request).toString())) ?? {}
}

/** What a backend gets that a Claude client asks in Chat. */
async function toChat(setting: Setting, extra: JsonObject = {}): Promise<JsonObject> {
  const road = await roadWith(setting)
  await (await messages(road, extra)).text()
  return sent(road)
}

/** What a Claude backend gets that a Chat client asks. */
async function toClaude(setting: Setting, extra: JsonObject = {}): Promise<JsonObject> {
  const road = await roadWith({ ...claude, ...setting })
  await (await road.chat('m', extra)).text()
  return sent(road)
}

const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }

describe('compat', () => {
  test.each([
    { translate: 'true', status: 200 },
    { translate: 'false', status: 400 },
  ])('compat.translate $translate: a Claude client of a Chat backend gets $status', async ({ translate, status }) => {
    const road = await roadWith({ compat: `{ translate: ${translate} }` })
    expect((await messages(road)).status).toBe(status)
  })

  const hint = { top_k: 5 }
  const harm = { messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'file', file_id: 'f' } }] }] }

  test.each([
    { mode: 'warn', statuses: [200, 400] },
    { mode: 'strict', statuses: [400, 400] },
    { mode: 'lenient', statuses: [200, 400] },
  ])('compat.mode $mode: a hint and a missing file come to $statuses', async ({ mode, statuses }) => {
    const setting = { compat: `{ mode: ${mode} }`, backend: 'profile: { refuses: [top_k] }' }
    const answers = await Promise.all([hint, harm].map(async (extra) => await messages(await roadWith(setting), extra)))
    expect(answers.map(({ status }) => status)).toEqual([...statuses])
  })

  const told = { messages: [hi, { role: 'system', content: 'be brief' }, hi] }

  test.each([
    { inline: 'user_tagged', system: undefined },
    { inline: 'hoist', system: 'be brief' },
  ])('compat.inline_system $inline: a system message in the middle', async ({ inline, system }) => {
    const body = await toClaude({ compat: `{ inline_system: ${inline} }` }, told)
    expect(JSON.stringify(body['system'] ?? '').includes('be brief')).toBe(system !== undefined)
    expect(JSON.stringify(body['messages']).includes('<system-reminder>')).toBe(system === undefined)
  })

  test.each([
    { repair: 'true', status: 200 },
    { repair: 'false', status: 400 },
  ])('compat.repair_history $repair: a result without a call comes to $status', async ({ repair, status }) => {
    const road = await roadWith({ ...claude, compat: `{ repair_history: ${repair} }` }, () => claudeAnswer())
    const orphan = { messages: [hi, { role: 'tool', tool_call_id: 'none', content: 'r' }, hi] }
    expect((await road.chat('m', orphan)).status).toBe(status)
  })

  test.each([
    { auto: 'true', has: true },
    { auto: 'false', has: false },
  ])('compat.auto_cache $auto: breakpoints in a long prompt: $has', async ({ auto, has }) => {
    const long = { messages: [{ role: 'system', content: 'word '.repeat(20_000) }, hi] }
    const body = await toClaude({ compat: `{ auto_cache: ${auto} }` }, long)
    expect(JSON.stringify(body).includes('cache_control')).toBe(has)
  })

  test.each([
    { forward: 'true', metadata: { user_id: 'ann' } },
    { forward: 'false', metadata: undefined },
  ])('compat.forward_identity $forward: Claude is told $metadata', async ({ forward, metadata }) => {
    const body = await toClaude({ compat: `{ forward_identity: ${forward} }` }, { user: 'ann' })
    expect(body['metadata']).toEqual(metadata)
  })

  test.each([
    { field: 'reasoning_content', has: ['reasoning_content'] },
    { field: 'reasoning', has: ['reasoning'] },
    { field: 'both', has: ['reasoning_content', 'reasoning'] },
    { field: 'off', has: [] },
  ])('compat.chat_reasoning $field: Chat clients find thoughts in $has', async ({ field, has }) => {
    const road = await roadWith({ ...claude, compat: `{ chat_reasoning: "${field}" }` }, () =>
      claudeAnswer([
        { type: 'thinking', thinking: 'hm', signature: 's' },
        { type: 'text', text: 'yes' },
      ]),
    )
    const { choices } = (await (await road.chat('m')).json()) as { choices: { message: JsonObject }[] }
    const message = choices[0]?.message ?? {}
    expect(Object.keys(message).filter((name) => message[name] === 'hm')).toEqual([...has])
  })

  test.each([
    { hosted: 'drop', types: [] },
    { hosted: 'map', types: ['web_search_20250305'] },
  ])('compat.hosted_tools $hosted: a search of the web comes to Claude as $types', async ({ hosted, types }) => {
    const road = await roadWith({ ...claude, compat: `{ hosted_tools: ${hosted} }` })
    const body = JSON.stringify({ model: 'm', input: 'hi', tools: [{ type: 'web_search' }] })
    await (await road.fetch('/v1/responses', { method: 'POST', body })).text()
    const tools = (sent(road)['tools'] ?? []) as JsonObject[]
    expect(tools.map(({ type }) => type)).toEqual([...types])
  })

  test.each([
    { fetch: 'when_needed', status: 200, asked: ['https://pictures.test/a.png'] },
    { fetch: 'never', status: 400, asked: [] },
  ])('compat.media_fetch $fetch: an image by address comes to $status', async ({ fetch, status, asked }) => {
    const urls: string[] = []
    const setting = { compat: `{ media_fetch: ${fetch} }`, backend: 'protocol: gemini', model: 'gemini-2.5-flash' }
    const road = await roadWith(setting, geminiAnswer, async (url) => {
      urls.push(url)
      return { mime: 'image/png', base64: 'iVBORw0KGgo=' }
    })
    const picture = { type: 'image_url', image_url: { url: 'https://pictures.test/a.png' } }
    const response = await road.chat('m', { messages: [{ role: 'user', content: [picture] }] })
    expect([response.status, urls]).toEqual([status, [...asked]])
    if (status === 200) expect(JSON.stringify(sent(road))).toContain('iVBORw0KGgo=')
  })
})

describe('compat.n', () => {
  test.each([
    { n: 'reject', status: 400, asked: 0 },
    { n: 'fanout', status: 200, asked: 2 },
  ])('compat.n $n: two answers of Claude to one request come to $status', async ({ n, status, asked }) => {
    const road = await roadWith({ ...claude, compat: `{ n: ${n} }` }, () => claudeAnswer())
    const response = await road.chat('m', { n: 2 })
    expect([response.status, road.sent.length]).toEqual([status, asked])
    if (status !== 200) return
    const { choices } = (await response.json()) as { choices: JsonObject[] }
    expect(choices.map(({ index }) => index)).toEqual([0, 1])
  })
})

describe('x-llm-proxy-compat', () => {
  const refused = { backend: 'profile: { refuses: [top_k] }' }

  async function asking(compat: string, mode: string, road?: Road): Promise<Response> {
    const to = road ?? (await roadWith({ ...refused, compat }))
    const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [hi], top_k: 5 })
    return await to.fetch('/v1/messages', { method: 'POST', body, headers: { 'X-LLM-Proxy-Compat': mode } })
  }

  test.each([
    { mode: 'strict', compat: '{}', status: 400 },
    { mode: 'warn', compat: '{ mode: strict }', status: 200 },
    { mode: ' Lenient', compat: '{ mode: strict }', status: 200 },
  ])('"$mode" counts in place of compat $compat, and comes to $status', async ({ mode, compat, status }) => {
    expect((await asking(compat, mode)).status).toBe(status)
  })

  test('is for nobody else', async () => {
    const road = await roadWith(refused)
    await (await asking('{}', 'warn', road)).text()
    expect(road.sent.flatMap(({ headers }) => headers.map(([name]) => name.toLowerCase()))).not.toContain(
      'x-llm-proxy-compat',
    )
  })

  test('with any other word refuses the request, also one that would not be translated', async () => {
    const road = await roadWith({})
    const response = await road.chat('m', {}, { headers: { 'x-llm-proxy-compat': 'loose' } })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_parameter', param: 'x-llm-proxy-compat' } })
    expect(road.sent).toEqual([])
  })
})

function geminiAnswer(): Response {
  return Response.json({
    candidates: [{ content: { role: 'model', parts: [{ text: 'a cat' }] }, finishReason: 'STOP' }],
  })
}

/** An answer of Claude. */
function claudeAnswer(content: readonly JsonObject[] = [{ type: 'text', text: 'hello' }]): Response {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const said = { type: 'message', role: 'assistant', model: 'x', content, stop_reason: 'end_turn', usage }
  return Response.json({ id: 'msg_1', stop_sequence: null, ...said })
}

describe('what a backend has', () => {
  test.each([
    { apis: '[chat]', path: '/v1/chat/completions' },
    { apis: '[chat, responses]', path: '/v1/responses' },
    { apis: '[responses]', path: '/v1/responses' },
  ])('backends[].apis $apis: a Responses client is sent to $path', async ({ apis, path }) => {
    const road = await roadWith({ backend: `apis: ${apis}` })
    await (await road.fetch('/v1/responses', { method: 'POST', body: '{"model":"m","input":"hi"}' })).text()
    expect(road.sent.map(({ url }) => url.pathname)).toEqual([path])
  })

  test('backends[].profile.max_output_tokens is the limit where the client sets none', async () => {
    expect((await toClaude({ backend: 'protocol: anthropic, profile: { max_output_tokens: 77 }' }))['max_tokens']).toBe(
      77,
    )
  })

  test.each(['max_tokens', 'max_completion_tokens'])(
    'backends[].profile.max_tokens_field %s names the limit',
    async (field) => {
      const body = await toChat({ backend: `profile: { max_tokens_field: ${field} }` })
      expect(Object.entries(body).filter(([, value]) => value === 9)).toEqual([[field, 9]])
    },
  )

  test.each(['system', 'developer', 'user'])('backends[].profile.system_role %s hears the system', async (role) => {
    const body = await toChat({ backend: `profile: { system_role: ${role} }` }, { system: 'be brief' })
    const [first] = body['messages'] as JsonObject[]
    expect(first?.['role']).toBe(role)
    expect(JSON.stringify(first)).toContain('be brief')
  })

  test.each([
    { single: 'true', count: 1 },
    { single: 'false', count: 2 },
  ])('backends[].profile.single_system $single: $count system messages', async ({ single, count }) => {
    const road = await roadWith({ backend: `apis: [chat], profile: { single_system: ${single} }` })
    const input = [
      { role: 'developer', content: 'one' },
      { role: 'developer', content: 'two' },
      { role: 'user', content: 'hi' },
    ]
    const body = JSON.stringify({ model: 'm', input })
    await (await road.fetch('/v1/responses', { method: 'POST', body })).text()
    const roles = (sent(road)['messages'] as JsonObject[]).map(({ role }) => role)
    expect(roles.filter((role) => role !== 'user')).toHaveLength(count)
  })

  const warm = { temperature: 0.5 }
  const thinks = { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 4000 }

  test.each([
    { sampling: 'all', sends: [0.5, 0.5] },
    { sampling: 'without_reasoning', sends: [0.5, undefined] },
    { sampling: 'none', sends: [undefined, undefined] },
  ])('backends[].profile.sampling $sampling: plainly, and while it thinks: $sends', async ({ sampling, sends }) => {
    const setting = { backend: `profile: { sampling: ${sampling}, reasoning: effort }` }
    const bodies = [await toChat(setting, warm), await toChat(setting, { ...warm, ...thinks })]
    expect(bodies.map((body) => body['temperature'])).toEqual([...sends])
  })

  test('backends[].profile.stop_max stop sequences are sent, no more', async () => {
    const body = await toChat({ backend: 'profile: { stop_max: 2 }' }, { stop_sequences: ['a', 'b', 'c'] })
    expect(body['stop']).toEqual(['a', 'b'])
  })

  test.each([
    { media: '[image]', status: 200 },
    { media: '[]', status: 400 },
  ])('backends[].profile.media $media: an image comes to $status', async ({ media, status }) => {
    const road = await roadWith({ backend: `profile: { media: ${media} }` })
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }
    expect((await messages(road, { messages: [{ role: 'user', content: [image] }] })).status).toBe(status)
  })

  test.each([
    { structured: 'native', by: 'response_format' },
    { structured: 'tool', by: 'tools' },
    { structured: 'instruction', by: 'messages' },
  ])('backends[].profile.structured $structured: JSON of a schema is asked by $by', async ({ structured, by }) => {
    const setting = { backend: `profile: { structured: ${structured} }` }
    const body = await toChat(setting, { output_config: { format: { type: 'json_schema', schema } } })
    const holds = Object.keys(body).filter((name) => JSON.stringify(body[name]).includes('additionalProperties'))
    expect(holds).toEqual([by])
  })

  test.each([
    { reasoning: 'effort', has: ['reasoning_effort'] },
    { reasoning: 'toggle', has: ['thinking'] },
    { reasoning: 'none', has: [] },
  ])('backends[].profile.reasoning $reasoning: it is asked to think by $has', async ({ reasoning, has }) => {
    const body = await toChat({ backend: `profile: { reasoning: ${reasoning} }` }, thinks)
    expect(Object.keys(body).filter((name) => ['reasoning_effort', 'thinking'].includes(name))).toEqual([...has])
  })

  test.each(['reasoning_content', 'reasoning'])(
    'backends[].profile.reasoning_field %s is where its earlier thoughts stand',
    async (field) => {
      const profile = `{ reasoning_field: ${field}, reasoning_history: require }`
      expect(thoughtsIn(await toChat({ backend: `profile: ${profile}` }, thoughtful))).toEqual([field])
    },
  )

  test.each([
    { history: 'drop', has: false },
    { history: 'require', has: true },
  ])('backends[].profile.reasoning_history $history: earlier thoughts are sent: $has', async ({ history, has }) => {
    const setting = { backend: `profile: { reasoning_history: ${history} }` }
    expect(thoughtsIn(await toChat(setting, thoughtful)).length > 0).toBe(has)
  })

  test.each([
    { tags: 'true', kinds: ['thinking', 'text'] },
    { tags: 'false', kinds: ['text'] },
  ])('backends[].profile.reasoning_tags $tags: <think> in a text is read as $kinds', async ({ tags, kinds }) => {
    const setting = { backend: `profile: { reasoning_tags: ${tags} }` }
    const road = await roadWith(setting, () => chatAnswer('<think>hm</think>yes'))
    const { content } = (await (await messages(road)).json()) as { content: JsonObject[] }
    expect(content.map(({ type }) => type)).toEqual([...kinds])
  })

  test.each([
    { usage: 'true', options: { include_usage: true } },
    { usage: 'false', options: undefined },
  ])('backends[].profile.include_usage $usage: a stream is asked with $options', async ({ usage, options }) => {
    const road = await roadWith({ backend: `profile: { include_usage: ${usage} }` }, streamed)
    await (await messages(road, { stream: true })).text()
    expect(sent(road)['stream_options']).toEqual(options)
  })

  test('backends[].profile.always_stream: a client that wants no stream gets none all the same', async () => {
    const road = await roadWith({ backend: 'profile: { always_stream: true }' }, streamed)
    const response = await messages(road)
    expect(await response.json()).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    expect(sent(road)['stream']).toBe(true)
  })

  test.each([
    { refuses: '[]', value: 0.9 },
    { refuses: '[top_p]', value: undefined },
  ])('backends[].profile.refuses $refuses: top_p is sent as $value', async ({ refuses, value }) => {
    expect((await toChat({ backend: `profile: { refuses: ${refuses} }` }, { top_p: 0.9 }))['top_p']).toBe(value)
  })
})

/** A conversation of a model that thought before it called. */
const thoughtful: JsonObject = {
  tools: [{ name: 't', input_schema: { type: 'object' } }],
  messages: [
    hi,
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: '' },
        { type: 'tool_use', id: 'c1', name: 't', input: {} },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: 'r' }] },
  ],
}

/** Fields of the assistant's message that hold the thought. */
function thoughtsIn(body: JsonObject): string[] {
  const said = (body['messages'] as JsonObject[]).find(({ role }) => role === 'assistant') ?? {}
  return Object.keys(said).filter((name) => said[name] === 'hm')
}

function streamed(): Response {
  const chunk = (delta: JsonObject, finish: string | null): string =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'x', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  return eventStream([chunk({ role: 'assistant', content: 'hello' }, null), chunk({}, 'stop'), 'data: [DONE]\n\n'])
}

describe('a backend with two addresses', () => {
  const backend = 'api_key: sk-own-key, url_anthropic: "http://a/anthropic"'

  async function ask(setting: Setting, upstream: Upstream = () => claudeAnswer()): Promise<Road> {
    const road = await roadWith({ backend, ...setting }, upstream)
    await (await messages(road)).text()
    return road
  }

  test.each(['{}', '{ translate: false }', '{ prefer_native: false }'])(
    'C1418: backends[].url_anthropic is where Anthropic clients are sent as they are, with compat %s',
    async (compat) => {
      for (let at = 0; at < 10; at += 1) {
        const { sent: requests } = await ask({ compat })
        expect(requests.map(({ url }) => url.href)).toEqual(['http://a/anthropic/v1/messages'])
        expect(requests[0]?.headers).toContainEqual(['x-api-key', 'sk-own-key'])
        expect(sentBy(requests[0] as (typeof requests)[0]).toString()).toBe(
          '{"model":"some-model","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
        )
      }
    },
  )

  test('others are sent to its first one, translated or not', async () => {
    const road = await roadWith({ backend })
    await (await road.chat('m')).text()
    await (await road.fetch('/v1beta/models/m:generateContent', { method: 'POST', body: contents })).text()
    expect(road.sent.map(({ url }) => url.href)).toEqual([
      'http://a/v1/chat/completions',
      'http://a/v1/chat/completions',
    ])
    expect(road.sent[0]?.headers).toContainEqual(['authorization', 'Bearer sk-own-key'])
  })

  const contents = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })

  test('one that speaks everything is asked at the second for Anthropic alone', async () => {
    const { sent: requests } = await ask({ backend: `protocol: any, ${backend}` })
    expect(requests.map(({ url }) => url.href)).toEqual(['http://a/anthropic/v1/messages'])
    const road = await roadWith({ backend: `protocol: any, ${backend}` })
    await (await road.chat('m')).text()
    expect(road.sent.map(({ url }) => url.href)).toEqual(['http://a/v1/chat/completions'])
  })

  test.each([
    { extra: 'protocol: anthropic, url_anthropic: "http://a/anthropic"', says: 'take one of the two away' },
    { extra: 'credentials: [{ api_key: k1 }], url_anthropic: "http://b/anthropic"', says: 'a backend of its own' },
  ])('is refused with $extra', async ({ extra, says }) => {
    expect(roadWith({ backend: extra })).rejects.toThrow(says)
  })
})
