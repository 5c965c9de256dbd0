import { describe, expect, test } from 'bun:test'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const base = `
backends:
  - { name: b, url: "https://b/v1", api_key: sk-b, protocol: any, headers: { x-own: own } }
  - { name: a, url: "https://a", api_key: sk-a, protocol: anthropic }
models:
  m: { routes: [{ backend: b, model: m }] }
  n: { routes: [{ backend: b, model: upstream }] }
  claude: { routes: [{ backend: a, model: claude-x }] }
services:
  svc:
    models:
      m: { backends: [{ id: a, url: "https://s" }] }
`

const prompts = (entry: string): string => `system_prompts:\n  - ${entry}\n`
const modifier = (config: string): string => `middleware:\n  - { name: request_modifier, config: ${config} }\n`
const transformer = (config: string): string => `middleware:\n  - { name: response_transformer, config: ${config} }\n`

async function roadWith(
  rules: string,
  upstream: Upstream = () => chatAnswer(),
  around: Parameters<typeof openRoad>[3] = {},
): Promise<Road> {
  return await openRoad(base + rules, upstream, 1, around)
}

function lastBody(road: Road): string {
  const request = road.sent.at(-1)
  if (request === undefined) throw new Error('Nothing was sent')
  return sentBy(request).toString()
}

function lastHeaders(road: Road): Readonly<Record<string, string>> {
  return Object.fromEntries((road.sent.at(-1)?.headers ?? []).map(([name, value]) => [name.toLowerCase(), value]))
}

async function post(road: Road, path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return await road.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
}

describe('C332: middleware[].config.add_fields of request_modifier', () => {
  const slots = modifier('{ add_fields: { cache_prompt: true, id_slot: 3 } }')

  test.each([
    {
      name: 'gets what it lacks, and keeps its own bytes',
      asked: '{ "model":"n", "n":1.0,"messages":[] }',
      sent: '{"cache_prompt":true,"id_slot":3, "model":"upstream", "n":1.0,"messages":[] }',
    },
    {
      name: 'keeps what it says itself',
      asked: '{"id_slot":7,"messages":[],"model":"n"}',
      sent: '{"cache_prompt":true,"id_slot":7,"messages":[],"model":"upstream"}',
    },
    {
      name: 'is left alone where it says a member twice',
      asked: '{"model":"n","messages":[],"id_slot":1,"ID_SLOT":2}',
      sent: '{"model":"upstream","messages":[],"id_slot":1,"ID_SLOT":2}',
    },
  ])('a request $name', async ({ asked, sent }) => {
    const road = await roadWith(slots)
    await (await post(road, '/v1/chat/completions', asked)).text()
    expect(lastBody(road)).toBe(sent)
  })

  test('what nobody reads goes on as it is', async () => {
    const road = await roadWith(slots)
    await (await post(road, '/svc/m/x', '{"a":1}')).text()
    expect(lastBody(road)).toBe('{"a":1}')
  })
})

describe('B112: system_prompts on the wire, byte by byte', () => {
  const bodies: readonly { name: string; path: string; asked: string; sent: string }[] = [
    {
      name: 'a chat without a system message',
      path: '/v1/chat/completions',
      asked: `{ "model":"n", "n":1.0,"messages":[{"role":"user","content":"é"}] }`,
      sent: `{ "model":"upstream", "n":1.0,"messages":[{"role":"system","content":"Be \\"kind\\"."},{"role":"user","content":"é"}] }`,
    },
    {
      name: 'a chat with one, before its model',
      path: '/v1/chat/completions',
      asked: `{"messages":[{"role":"developer","content":"x\\u0041"},{"role":"user","content":"hi"}],"model":"n"}`,
      sent: `{"messages":[{"role":"developer","content":"Be \\"kind\\".\\n\\nx\\u0041"},{"role":"user","content":"hi"}],"model":"upstream"}`,
    },
    {
      name: 'a chat with parts, whose cache_control stays where it is',
      path: '/v1/chat/completions',
      asked: `{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]}`,
      sent: `{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"Be \\"kind\\".\\n\\n"},{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]}`,
    },
    {
      name: 'Messages without a system prompt',
      path: '/v1/messages',
      asked: `{"model":"m","max_tokens":1,"messages":[]}`,
      sent: `{"system":"Be \\"kind\\".","model":"m","max_tokens":1,"messages":[]}`,
    },
    {
      name: 'Messages with a text',
      path: '/v1/messages',
      asked: `{"model":"m","system" : "x"}`,
      sent: `{"model":"m","system" : "Be \\"kind\\".\\n\\nx"}`,
    },
    {
      name: 'Messages with blocks, counted',
      path: '/v1/messages/count_tokens',
      asked: `{"model":"m","system":[ {"type":"text","text":"x","cache_control":{"type":"ephemeral"}} ]}`,
      sent: `{"model":"m","system":[{"type":"text","text":"Be \\"kind\\".\\n\\n"}, {"type":"text","text":"x","cache_control":{"type":"ephemeral"}} ]}`,
    },
    {
      name: 'Responses without instructions',
      path: '/v1/responses',
      asked: `{"model":"m","input":"hi","instructions":null}`,
      sent: `{"model":"m","input":"hi","instructions":"Be \\"kind\\"."}`,
    },
    {
      name: 'Gemini without an instruction',
      path: '/v1beta/models/m:generateContent',
      asked: `{"contents":[]}`,
      sent: `{"systemInstruction":{"parts":[{"text":"Be \\"kind\\"."}]},"contents":[]}`,
    },
    {
      name: 'Gemini with one in the other spelling',
      path: '/v1beta/models/m:streamGenerateContent',
      asked: `{"contents":[],"system_instruction":{"role":"user","parts":[{"text":"x"}]}}`,
      sent: `{"contents":[],"system_instruction":{"role":"user","parts":[{"text":"Be \\"kind\\".\\n\\n"},{"text":"x"}]}}`,
    },
    {
      name: 'Gemini, counted as a request',
      path: '/v1beta/models/m:countTokens',
      asked: `{"generateContentRequest":{"contents":[]}}`,
      sent: `{"generateContentRequest":{"systemInstruction":{"parts":[{"text":"Be \\"kind\\"."}]},"contents":[]}}`,
    },
    {
      name: 'Ollama as a chat',
      path: '/api/chat',
      asked: `{"model":"m","stream":false,"messages":[{"role":"user","content":"hi"}]}`,
      sent: `{"model":"m","stream":false,"messages":[{"role":"system","content":"Be \\"kind\\"."},{"role":"user","content":"hi"}]}`,
    },
    {
      name: 'Ollama as a text',
      path: '/api/generate',
      asked: `{"model":"m","stream":false,"prompt":"hi","system":"x"}`,
      sent: `{"model":"m","stream":false,"prompt":"hi","system":"Be \\"kind\\".\\n\\nx"}`,
    },
    {
      name: 'Ollama when it only loads a model: nothing',
      path: '/api/generate',
      asked: `{"model":"m","stream":false}`,
      sent: `{"model":"m","stream":false}`,
    },
    {
      name: 'Completions: nothing',
      path: '/v1/completions',
      asked: `{"model":"m","prompt":"hi"}`,
      sent: `{"model":"m","prompt":"hi"}`,
    },
    {
      name: 'embeddings: nothing',
      path: '/v1/embeddings',
      asked: `{"model":"m","input":"hi"}`,
      sent: `{"model":"m","input":"hi"}`,
    },
    {
      name: 'a service, which nobody reads: nothing',
      path: '/svc/m/v1/messages',
      asked: `{"model":"m","system":"x"}`,
      sent: `{"model":"m","system":"x"}`,
    },
  ]
  test.each([...bodies])('system_prompts[].text for $name', async ({ path, asked, sent }) => {
    const road = await roadWith(prompts(`{ text: 'Be "kind".' }`))
    await post(road, path, asked)
    expect(lastBody(road)).toBe(sent)
  })

  test('the spelling of a key is no way around it', async () => {
    const road = await roadWith(prompts('{ text: Be kind. }'))
    await post(road, '/v1/messages', String.raw`{"model":"m","n":1.0,"s\u0079stem":"x","max_tokens":1}`)
    expect(lastBody(road)).toBe(`{"model":"m","n":1.0,"system":"Be kind.\\n\\nx","max_tokens":1}`)
  })

  test.each([
    { name: 'nested deeper than anybody looks', more: `"a":${'['.repeat(70)}${']'.repeat(70)}` },
    { name: 'of keys in two cases', more: '"Messages":[{"role":"user","content":"y"}]' },
  ])('nor is a large body $name: it is refused', async ({ more }) => {
    const road = await roadWith(prompts('text: Be kind.'))
    const pad = 'a'.repeat(70_000)
    const body = `{"model":"m","pad":"${pad}",${more},"messages":[{"role":"user","content":"x"}]}`
    const response = await post(road, '/v1/chat/completions', body)
    expect([response.status, road.sent.length]).toEqual([400, 0])
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_json' } })
  })

  test('a backend of another form gets it too', async () => {
    const road = await roadWith(prompts('{ text: Be kind. }'))
    await road.chat('claude')
    expect(JSON.parse(lastBody(road))).toMatchObject({ model: 'claude-x', system: expect.anything() })
    expect(lastBody(road)).toContain('Be kind.')
  })

  test.each([
    { entry: '{ text: P, position: after }', sent: 'x\n\nP' },
    { entry: '{ text: P, position: append, separator: newline }', sent: 'x\nP' },
    { entry: '{ text: P, position: prepend, separator: none }', sent: 'Px' },
    { entry: '{ text: P, separator: custom, custom_separator: " | " }', sent: 'P | x' },
    { entry: '{ text: P, custom_separator: "+" }', sent: 'P+x' },
    { entry: '{ text: P, enabled: false }', sent: 'x' },
    { entry: '{ text: P, models: [other, "m*"] }', sent: 'P\n\nx' },
    { entry: '{ text: P, models: [other] }', sent: 'x' },
    { entry: '{ text: P, separator: newline }\n  - { text: Q, priority: -1, separator: none }', sent: 'QP\nx' },
    { entry: '{ text: P, position: after }\n  - { text: Q, position: after, separator: newline }', sent: 'x\n\nP\nQ' },
  ])('system_prompts[] keys: $entry', async ({ entry, sent }) => {
    const road = await roadWith(prompts(entry))
    await post(road, '/v1/messages', '{"model":"m","system":"x"}')
    expect(JSON.parse(lastBody(road))).toEqual({ model: 'm', system: sent })
  })

  test('system_prompts[].file and dir are files, whose front matter wins; a folder is in the order of names', async () => {
    const files = {
      [`${process.cwd()}/one.md`]: { content: '---\nposition: after\nseparator: newline\n---\n\nlast ${TEAM}\n' },
      [`${process.cwd()}/more/b.md`]: { content: 'b' },
      [`${process.cwd()}/more/a.md`]: { content: '---\npriority: 5\n---\na' },
      [`${process.cwd()}/more/c.md`]: { content: '---\nmodels: other, another*\n---\nc' },
      [`${process.cwd()}/more/d.txt`]: { content: 'd' },
    }
    const entries = '{ file: one.md, position: before, variables: { TEAM: blue } }\n  - { dir: "more/*.md" }'
    const road = await roadWith(prompts(entries), undefined, { files })
    await post(road, '/v1/messages', '{"model":"m","system":"x"}')
    expect(JSON.parse(lastBody(road))).toEqual({ model: 'm', system: 'b\n\na\n\nx\nlast blue' })
  })

  test('a file that comes, and one that is gone: proxy.enable_system_prompt looks for both', async () => {
    const files: Record<string, { content: string }> = {}
    const rules = 'proxy: { enable_system_prompt: true, system_prompt: { custom_variables: { TEAM: red } } }\n'
    const road = await roadWith(rules, undefined, { files })
    await post(road, '/v1/messages', '{"model":"m"}')
    expect(lastBody(road)).toBe('{"model":"m"}')
    files[`${process.cwd()}/system_prompt.md`] = { content: 'one ${TEAM}' }
    files[`${process.cwd()}/system_prompts/b.md`] = { content: 'two' }
    await road.reload(base + rules)
    await post(road, '/v1/messages', '{"model":"m"}')
    expect(lastBody(road)).toBe('{"system":"one red\\n\\ntwo","model":"m"}')
  })

  test('system_prompts[].variables come before what is known of machine, moment and environment', async () => {
    const text = '${_OS}|${_DATE} ${_TIME}|${_DATETIME}|${USER_NAME}|${NONE:-none}|${NONE}|$${X}|${_HOME}'
    const rules = `logging: { timezone: UTC }\n${prompts(`{ text: '${text}', variables: { _OS: plan9 } }`)}`
    const road = await roadWith(rules, undefined, { env: { USER_NAME: 'ann', HOME: '/home/ann' } })
    await post(road, '/v1/messages', '{"model":"m"}')
    const stamp = new Date(road.clock.wallMs()).toISOString()
    const [date, time] = [stamp.slice(0, 10), stamp.slice(11, 19)]
    const told = `plan9|${date} ${time}|${date} ${time}|ann|none|\${NONE}|\${X}|/home/ann`
    expect(JSON.parse(lastBody(road))).toEqual({ model: 'm', system: told })
  })
})

describe('C901 C902: request_modifier', () => {
  test.each([
    { name: 'an alias', path: '/v1/chat/completions', asked: 'm' },
    { name: 'a backend of another form', path: '/v1/chat/completions', asked: 'claude' },
    { name: 'a service', path: '/svc/m/v1/x', asked: 'm' },
  ])('C901 middleware[].config.add_headers reach $name, in place of those of the client', async ({ path, asked }) => {
    const road = await roadWith(modifier('{ add_headers: { X-Proxy-Version: "1.0.0" } }'))
    await post(road, path, `{"model":"${asked}","messages":[{"role":"user","content":"hi"}]}`, {
      'x-proxy-version': '0',
    })
    expect(lastHeaders(road)).toMatchObject({ 'x-proxy-version': '1.0.0' })
  })

  test('C901 the headers of a backend win over them', async () => {
    const road = await roadWith(modifier('{ add_headers: { X-Own: ours } }'))
    await road.chat('m')
    expect(lastHeaders(road)).toMatchObject({ 'x-own': 'own' })
  })

  test.each([
    { path: '/v1/chat/completions', asked: '{"model":"gpt-4-turbo","x":1}', sent: '{"model":"m","x":1}' },
    { path: '/v1/chat/completions', asked: '{"x":1, "model" : "old-n" }', sent: '{"x":1, "model" : "upstream" }' },
    { path: '/v1/chat/completions', asked: '{"model":"n"}', sent: '{"model":"upstream"}' },
    { path: '/v1beta/models/gpt-4-turbo:generateContent', asked: '{"contents":[]}', sent: '{"contents":[]}' },
  ])('C902 middleware[].config.modify_model: $path $asked → $sent', async ({ path, asked, sent }) => {
    const rules = '{ rules: [{ pattern: gpt-4-turbo, replace: m }, { pattern: "old-*", replace: "*" }] }'
    const road = await roadWith(modifier(`{ modify_model: ${rules} }`))
    expect((await post(road, path, asked)).status).toBe(200)
    expect(lastBody(road)).toBe(sent)
    expect(road.sent.at(-1)?.url.pathname).not.toContain('turbo')
  })

  test('C902 the model of a form is another one too', async () => {
    const road = await roadWith(modifier('{ modify_model: { rules: [{ pattern: w, replace: n }] } }'))
    const part = (name: string, text: string): string =>
      `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`
    const body = `${part('model', 'w')}${part('language', 'w')}--x--\r\n`
    await post(road, '/v1/audio/transcriptions', body, { 'content-type': 'multipart/form-data; boundary=x' })
    expect(lastBody(road)).toBe(`${part('model', 'upstream')}${part('language', 'w')}--x--\r\n`)
  })

  test('C908 middleware[].name and enabled: one after the other, and those that are off not at all', async () => {
    const rules = `middleware:
  - { name: request_modifier, config: { add_headers: { x-a: "1", x-b: "1" }, modify_model: { rules: [{ pattern: one, replace: two }] } } }
  - { name: request_modifier, enabled: false, config: { add_headers: { x-a: "2" }, modify_model: { rules: [{ pattern: two, replace: off }] } } }
  - { name: request_modifier, config: { add_headers: { x-b: "3" }, modify_model: { rules: [{ pattern: two, replace: n }] } } }
`
    const road = await roadWith(rules)
    await road.chat('one')
    expect(lastHeaders(road)).toMatchObject({ 'x-a': '1', 'x-b': '3' })
    expect(JSON.parse(lastBody(road))).toMatchObject({ model: 'upstream' })
  })
})

describe('C903 C904: response_transformer', () => {
  const json =
    (text: string, status = 200) =>
    (): Response =>
      new Response(text, {
        status,
        headers: { 'content-type': 'application/json', 'content-length': String(text.length) },
      })

  test.each([
    { name: 'a body', got: '{"_meta":1, "id":"x","choices":[],"n":1.0}', told: '{"id":"x","choices":[],"n":1.0}' },
    { name: 'a nested member', got: '{"id":"x","a":{"b":1,"c":2}}', told: '{"id":"x","a":{"c":2}}' },
    { name: 'an escaped name', got: String.raw`{"\u005fmeta":1,"id":"x"}`, told: '{"id":"x"}' },
    { name: 'nothing', got: '{ "id":"x", "b":{"_meta":1} }', told: '{ "id":"x", "b":{"_meta":1} }' },
  ])('C903 middleware[].config.strip_fields: $name', async ({ got, told }) => {
    const road = await roadWith(transformer('{ strip_fields: [_meta, a.b] }'), json(got))
    expect(await (await road.chat('m')).text()).toBe(told)
  })

  test('C903 of an error too, and the client is not given the length that it had', async () => {
    const got = '{"error":{"message":"bad","type":"invalid_request_error"},"_meta":1}'
    const road = await roadWith(transformer('{ strip_fields: [_meta] }'), json(got, 400))
    const answer = await road.chat('m')
    expect(answer.status).toBe(400)
    expect(await answer.text()).not.toContain('_meta')
  })

  test('C903 C904 every event of a stream, however it is cut; what is none stays', async () => {
    const stream =
      ': hi\n\nevent: a\ndata: {"_meta":{"x":"\\n"},"choices":[{"delta":{"content":"a"}}]}\nid: 1\n\n' +
      'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"_meta":1}\r\n\r\ndata: [DONE]\n\n'
    for (const bytes of [1, 7, 1000]) {
      const parts = stream.match(new RegExp(`[^]{1,${bytes}}`, 'g')) ?? []
      const road = await roadWith(transformer('{ strip_fields: [_meta], add_fields: { v: 1 } }'), () =>
        eventStream(parts),
      )
      const answer = await road.chat('m', { stream: true })
      expect(await answer.text()).toBe(
        ': hi\n\nevent: a\ndata: {"choices":[{"delta":{"content":"a"}}],"v":1}\nid: 1\n\n' +
          'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"v":1}\r\n\r\ndata: [DONE]\n\n',
      )
    }
  })

  test.each([
    {
      form: 'Responses',
      path: '/v1/responses',
      events: 'data: {"type":"response.completed","response":{"_meta":1,"id":"r","status":"completed"}}\n\n',
      told: 'data: {"type":"response.completed","response":{"id":"r","status":"completed"}}\n\n',
    },
    {
      form: 'Messages',
      path: '/v1/messages',
      events:
        'data: {"type":"message_start","message":{"id":"r","_meta":1}}\n\ndata: {"type":"message_stop","_meta":1}\n\n',
      told: 'data: {"type":"message_start","message":{"id":"r"}}\n\ndata: {"type":"message_stop"}\n\n',
    },
  ])('C903 what is a body elsewhere stands in events of $form', async ({ path, events, told }) => {
    const road = await roadWith(transformer('{ strip_fields: [_meta] }'), () => eventStream([events]))
    const answer = await post(road, path, '{"model":"m","stream":true}')
    expect(await answer.text()).toBe(told)
  })

  test.each([
    {
      form: 'lines',
      path: '/api/chat',
      type: 'application/x-ndjson',
      got: '{"_meta":1,"message":{},"done":false}\n{"done":true,"_meta":1}\n',
      told: '{"message":{},"done":false,"v":2}\n{"done":true,"v":2}\n',
    },
    {
      form: 'an array',
      path: '/v1beta/models/m:streamGenerateContent',
      type: 'application/json',
      got: '[{"_meta":1,"candidates":[{}]}\n,\r\n{"candidates":[{"finishReason":"STOP"}]}\n]',
      told: '[{"candidates":[{}],"v":2}\n,\r\n{"candidates":[{"finishReason":"STOP"}],"v":2}\n]',
    },
  ])('C903 C904 streams of $form', async ({ path, type, got, told }) => {
    const road = await roadWith(
      transformer('{ strip_fields: [_meta], add_fields: { v: 2 } }'),
      () => new Response(got, { headers: { 'content-type': type } }),
    )
    const answer = await post(road, path, '{"model":"m","messages":[{"role":"user","content":"x"}]}')
    expect(await answer.text()).toBe(told)
  })

  test('C903 a stream that calls itself JSON is one all the same', async () => {
    const events = 'data: {"choices":[{"delta":{"content":"a"}}],"_meta":1}\n\ndata: [DONE]\n\n'
    const road = await roadWith(transformer('{ strip_fields: [_meta] }'), json(events))
    const answer = await road.chat('m', { stream: true })
    expect(await answer.text()).toBe('data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n')
  })

  test('C903 C904 a stream of another form is changed in that of the client', async () => {
    const events = [
      {
        type: 'message_start',
        message: { id: 'msg_1', role: 'assistant', usage: { input_tokens: 1, output_tokens: 1 } },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
      { type: 'message_stop' },
    ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    const road = await roadWith(transformer('{ strip_fields: [created], add_fields: { v: 1 } }'), () =>
      eventStream(events),
    )
    const told = await (await road.chat('claude', { stream: true })).text()
    const lines = told.split('\n').filter((line) => line.startsWith('data: {'))
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.filter((line) => !line.endsWith(',"v":1}') || line.includes('"created"'))).toEqual([])
    expect(told).toContain('hello')
    expect(told.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('C904 middleware[].config.add_fields: {now} is the time by RFC 3339, and what is there is replaced', async () => {
    const rules = transformer('{ add_fields: { proxy_timestamp: "{now}", id: { by: us } } }')
    const road = await roadWith(rules, json('{"id":"x","choices":[]}'))
    const answer = await (await road.chat('m')).text()
    const now = new Date(road.clock.wallMs()).toISOString()
    expect(answer).toBe(`{"choices":[],"proxy_timestamp":"${now}","id":{"by":"us"}}`)
  })

  test('C903 C904 an answer of another form is changed in that of the client', async () => {
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-x',
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    }
    const road = await roadWith(transformer('{ strip_fields: [usage], add_fields: { v: 1 } }'), () =>
      Response.json(message),
    )
    const answer: unknown = await (await road.chat('claude')).json()
    expect(answer).toMatchObject({ object: 'chat.completion', v: 1 })
    expect(answer).not.toHaveProperty('usage')
  })

  test('C903 answers are asked for without compression, and one that is compressed all the same is none', async () => {
    const road = await roadWith(transformer('{ strip_fields: [_meta] }'), () => {
      return new Response(Bun.gzipSync('{}'), {
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      })
    })
    const answer = await road.chat('m', {}, { headers: { 'accept-encoding': 'gzip' } })
    expect(lastHeaders(road)).toMatchObject({ 'accept-encoding': 'identity' })
    expect(answer.status).toBe(502)
  })

  test('bytes that are no JSON, and answers of services, stay', async () => {
    const sound = (): Response => new Response('{"_meta":1}', { headers: { 'content-type': 'audio/mpeg' } })
    const road = await roadWith(transformer('{ strip_fields: [_meta] }'), sound)
    expect(await (await post(road, '/v1/audio/speech', '{"model":"m"}')).text()).toBe('{"_meta":1}')
    const other = await roadWith(transformer('{ strip_fields: [_meta] }'), json('{"_meta":1}'))
    expect(await (await post(other, '/svc/m/x', '{}')).text()).toBe('{"_meta":1}')
  })
})
