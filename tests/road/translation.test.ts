import { beforeAll, describe, expect, test } from 'bun:test'
import { sealed } from '#translate/opaque.ts'
import { ask } from '../support/chat-road.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { dataEvent, namedEvent } from '../support/streams.ts'
import { sentBy } from '../support/upstream.ts'

/*
 * What the road promises holds for translated answers too: whoever speaks another form is asked, judged, left, rescued and
 * told of like anybody else.
 */

const backends = `
backends:
  - { name: claude, url: "http://claude", protocol: anthropic }
  - { name: gpt, url: "http://gpt/v1" }
  - { name: spare, url: "http://spare", protocol: anthropic }`

// What is loaded with the first translated request takes real time, and that of these tests is not.
beforeAll(async () => {
  const road = await roadOn(['claude'], { claude: () => message('hi') })
  await road.chat('m')
})

/** Routes by priority, in the order of their names. */
async function roadOn(names: readonly string[], answers: Readonly<Record<string, Upstream>>, more = ''): Promise<Road> {
  const routes = names.map((name, at) => `{ backend: ${name}, model: up, priority: ${at} }`).join(', ')
  return await openRoad(`${more}${backends}\nmodels: { m: { routes: [${routes}] } }`, async (request, road) => {
    const answer = answers[request.url.hostname]
    if (answer === undefined) throw new Error(`Nobody answers for ${request.url.hostname}`)
    return await answer(request, road)
  })
}

const start = namedEvent({
  type: 'message_start',
  message: {
    id: 'msg_up',
    type: 'message',
    role: 'assistant',
    content: [],
    model: 'up',
    stop_reason: null,
    usage: { input_tokens: 3, output_tokens: 1 },
  },
})
const open = namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
const stop =
  namedEvent({ type: 'content_block_stop', index: 0 }) +
  namedEvent({
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 2 },
  }) +
  namedEvent({ type: 'message_stop' })

function says(text: string): string {
  return namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })
}

const failed = namedEvent({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })

const ok: Upstream = () => eventStream([start + open, says('One '), says('two.'), stop])

function message(text: string): Response {
  return Response.json({
    id: 'msg_up',
    type: 'message',
    role: 'assistant',
    model: 'up',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
  })
}

async function streamed(road: Road, extra: object = {}): Promise<string> {
  return (await ask(road, 5000, { stream: true, ...extra })).text
}

/** What a client of Chat read. */
function textOf(stream: string): string {
  const pieces = stream.split('\n\n').flatMap((event) => {
    const data = /^data: (\{.*)$/m.exec(event)?.[1]
    const parsed =
      data === undefined ? undefined : (JSON.parse(data) as { choices?: { delta?: { content?: string } }[] })
    return parsed?.choices?.map(({ delta }) => delta?.content ?? '') ?? []
  })
  return pieces.join('')
}

function headersOf(road: Road, at = 0): Record<string, string> {
  return Object.fromEntries(road.sent[at]?.headers ?? [])
}

describe('B102: a Chat client and a Claude backend', () => {
  test('the backend is asked as its own clients ask, and the client reads a whole stream of its own', async () => {
    const road = await roadOn(['claude'], { claude: ok })
    const stream = await streamed(road, { seed: 7 })
    expect(textOf(stream)).toBe('One two.')
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true)
    const [asked] = road.sent
    expect(asked?.url.href).toBe('http://claude/v1/messages')
    expect(headersOf(road)).toMatchObject({ 'anthropic-version': '2023-06-01', 'accept-encoding': 'identity' })
    expect(asked && JSON.parse(sentBy(asked).toString())).toMatchObject({ model: 'up', stream: true })
    expect(road.settled[0]).toMatchObject({
      outcome: 'complete',
      attempts: [
        { status: 200, translation: { form: 'messages', warnings: ['dropped:seed', 'adapted:max_tokens_defaulted'] } },
      ],
    })
  })

  test('what was dropped is named in a header, and in the log with its field', async () => {
    const road = await roadOn(['claude'], { claude: () => message('hi') })
    const response = await road.chat('m', { seed: 7, logit_bias: { 5: 1 } })
    expect(response.headers.get('x-llm-proxy-warnings')?.split(', ').toSorted()).toEqual([
      'dropped:logit_bias',
      'dropped:seed',
    ])
    const told = road.lines.find(({ event }) => event === 'request_translated')
    expect(String(told?.fields['warnings'])).toContain('dropped:seed (seed)')
  })

  test.each(['', 'middleware: [{ name: response_transformer, config: { strip_fields: [debug_info] } }]\n'])(
    '§3: what is found lost in a body is named in a header, in however many pieces it comes; %s',
    async (more) => {
      const tool = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }
      const whole = (await message('hi').text()).replace('"content":[', `"content":[${JSON.stringify(tool)},`)
      const road = await roadOn(
        ['claude'],
        {
          claude: () => {
            const { body } = eventStream([whole.slice(0, 30), whole.slice(30, 60), whole.slice(60)])
            return new Response(body, {
              headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
            })
          },
        },
        more,
      )
      const response = await road.chat('m')
      expect(response.headers.get('x-llm-proxy-warnings')).toBe('dropped:server_tool_blocks')
      expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'hi' } }] })
    },
  )

  test('what is found lost only while a stream comes is told in the story of the request', async () => {
    const tool = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }
    const search =
      namedEvent({ type: 'content_block_start', index: 0, content_block: tool }) +
      namedEvent({ type: 'content_block_stop', index: 0 })
    const road = await roadOn(['claude'], {
      claude: () => eventStream([start + search, (open + says('hi') + stop).replaceAll('"index":0', '"index":1')]),
    })
    const response = await road.chat('m', { stream: true })
    expect(response.headers.get('x-llm-proxy-warnings') ?? '').not.toContain('server_tool_blocks')
    expect(textOf(await response.text())).toBe('hi')
    expect(road.settled[0]?.attempts[0]?.translation?.warnings).toContain('dropped:server_tool_blocks')
  })
})

describe('B103: a Messages client and a Chat backend', () => {
  test('gets a body of its own form, with its own names of errors', async () => {
    const road = await roadOn(['gpt'], { gpt: () => chatAnswer('hi') })
    const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'q' }] })
    const response = await road.fetch('/v1/messages', { method: 'POST', body })
    expect(await response.json()).toMatchObject({
      type: 'message',
      model: 'm',
      content: [{ type: 'text', text: 'hi' }],
    })
    const limited = await roadOn(['gpt'], {
      gpt: () =>
        Response.json(
          { error: { message: 'Slow down', type: 'requests', code: 'rate_limit_exceeded' } },
          { status: 429, headers: { 'retry-after': '7' } },
        ),
    })
    const refused = await limited.fetch('/v1/messages', { method: 'POST', body })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7'])
    expect(await refused.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } })
  })
})

test.each(['generateContent', 'streamGenerateContent?alt=sse'])(
  'a Gemini client gets a value of an enumeration without its quotes: %s',
  async (verb) => {
    const value = '{"value": "sunny"}'
    const road = await roadOn(['claude'], {
      claude: (request) =>
        sentBy(request).includes('"stream":true')
          ? eventStream([start + open, says(value.slice(0, 9)), says(value.slice(9)), stop])
          : message(value),
    })
    const generationConfig = {
      responseMimeType: 'text/x.enum',
      responseSchema: { type: 'STRING', enum: ['sunny', 'rainy'] },
    }
    const body = JSON.stringify({ contents: [{ parts: [{ text: 'How is it?' }] }], generationConfig })
    const response = await road.fetch(`/v1beta/models/m:${verb}`, { method: 'POST', body })
    expect(response.headers.get('x-llm-proxy-warnings')).toContain('adapted:schema_wrapped')
    expect(await response.text()).toContain('"parts":[{"text":"sunny"}]')
  },
)

describe('before its first content a translated stream is left for another route', () => {
  test.each([
    { name: 'broke', claude: () => eventStream([start + open], 'cut') },
    { name: 'ended', claude: () => eventStream([start + open]) },
    { name: 'told an error', claude: () => eventStream([start, failed]) },
    { name: 'was an error all along', claude: () => eventStream([failed]) },
    {
      name: 'was refused',
      claude: () => Response.json({ type: 'error', error: { type: 'api_error' } }, { status: 500 }),
    },
    {
      name: 'was no stream but an error with a good status',
      claude: () => Response.json({ type: 'error', error: { type: 'overloaded_error', message: 'no' } }),
    },
    { name: 'never began', claude: () => broken('connect', 'refused') },
  ] satisfies readonly { name: string; claude: Upstream }[])('that $name', async ({ claude }) => {
    const road = await roadOn(['claude', 'spare'], { claude, spare: ok })
    expect(textOf(await streamed(road))).toBe('One two.')
    expect(road.tried()).toEqual(['claude/up', 'spare/up'])
    expect(road.lines.filter(({ event }) => event === 'route_cooled').map(({ fields }) => fields['backend'])).toEqual([
      'claude',
    ])
  })
})

describe('after its first content', () => {
  test.each([
    { name: 'a break', claude: () => eventStream([start + open, says('One ')], 'cut') },
    { name: 'an end without a last word', claude: () => eventStream([start + open, says('One ')]) },
    { name: 'an error event', claude: () => eventStream([start + open, says('One '), failed]) },
  ] satisfies readonly { name: string; claude: Upstream }[])(
    '$name is an error that Chat clients can read',
    async ({ claude }) => {
      const road = await roadOn(['claude', 'spare'], { claude, spare: ok })
      const stream = await streamed(road)
      expect(textOf(stream)).toBe('One ')
      expect(stream).toMatch(/data: \{"error":\{"message":"[^"]+"/)
      expect(stream).not.toContain('[DONE]')
      expect(road.tried()).toEqual(['claude/up'])
      expect(road.settled[0]?.outcome).toBe('upstream_broke')
    },
  )

  test('another route of another form goes on with what it said, where the operator wants that', async () => {
    const road = await roadOn(
      ['gpt', 'spare'],
      {
        gpt: () =>
          eventStream(
            [dataEvent({ id: 'c', choices: [{ index: 0, delta: { role: 'assistant', content: 'One ' } }] })],
            'cut',
          ),
        spare: ok,
      },
      'streaming: { rescue: match }\n',
    )
    const stream = await streamed(road)
    expect(textOf(stream)).toBe('One two.')
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(road.settled[0]).toMatchObject({ outcome: 'complete' })
  })
})

describe('a request that a backend cannot be told', () => {
  const audio = [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }]

  test('goes to a route that can, without a mark against the first', async () => {
    const road = await roadOn(['claude', 'gpt'], { gpt: () => chatAnswer('heard') })
    const response = await road.chat('m', { messages: audio })
    expect(response.status).toBe(200)
    expect(road.tried()).toEqual(['gpt/up'])
    expect(road.lines.some(({ event }) => event === 'route_cooled' || event === 'attempt_failed')).toBe(false)
  })

  test('is refused in strict mode with the name of the field, once', async () => {
    const road = await roadOn(['claude'], {}, 'compat: { mode: strict }\n')
    const response = await road.chat('m', { messages: [{ role: 'user', content: 'q' }], seed: 7 })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { param: 'seed', message: expect.stringContaining('"seed": it cannot be carried (backend "claude")') },
    })
  })

  test('is refused with the field and the backend where there is none, before anybody is asked', async () => {
    const road = await roadOn(['claude'], {})
    const response = await road.chat('m', { messages: audio })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: {
        type: 'invalid_request_error',
        code: 'unsupported_by_backend',
        param: 'messages[0].content[0]',
        message: expect.stringContaining('"claude"'),
      },
    })
    expect(road.sent).toEqual([])
  })
})

describe('a conversation that moves from a backend of another form to one of its own', () => {
  const thinking = {
    type: 'thinking',
    thinking: 't',
    signature: sealed({ form: 'chat', family: 'gpt', kind: 'text', payload: '' }),
  }
  const turns = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [thinking, { type: 'text', text: 'a' }] },
    { role: 'user', content: 'more' },
  ]

  test('leaves behind what only we can open, and says so', async () => {
    const road = await roadOn(['claude'], { claude: () => message('hi') })
    const body = JSON.stringify({ messages: turns, max_tokens: 9, model: 'm' })
    const response = await road.fetch('/v1/messages', { method: 'POST', body })
    expect(response.headers.get('x-llm-proxy-warnings')).toBe('dropped:foreign_reasoning')
    const [asked] = road.sent
    const sent = asked && (JSON.parse(sentBy(asked).toString()) as { model: string; messages: unknown[] })
    expect(sent).toMatchObject({ model: 'up', messages: [{}, { content: [{ type: 'text', text: 'a' }] }, {}] })
  })

  test('is counted without it, too', async () => {
    const road = await roadOn(['claude'], {
      claude: () => new Response('{"input_tokens":7}', { headers: { 'content-type': 'application/json' } }),
    })
    const body = JSON.stringify({ messages: turns, model: 'm' })
    const response = await road.fetch('/v1/messages/count_tokens', { method: 'POST', body })
    expect(await response.json()).toEqual({ input_tokens: 7 })
    expect(response.headers.get('x-llm-proxy-warnings')).toBe('dropped:foreign_reasoning')
    const [asked] = road.sent
    const sent = asked && (JSON.parse(sentBy(asked).toString()) as { model: string; messages: unknown[] })
    expect(sent).toMatchObject({ model: 'up', messages: [{}, { content: [{ type: 'text', text: 'a' }] }, {}] })
  })

  test('compat.translate off leaves every byte as it came', async () => {
    const road = await roadOn(['claude'], { claude: () => message('hi') }, 'compat: { translate: false }\n')
    const body = JSON.stringify({ messages: turns, max_tokens: 9, model: 'm' })
    await road.fetch('/v1/messages', { method: 'POST', body })
    expect(road.sent[0] && sentBy(road.sent[0]).toString()).toBe(body.replace('"m"', '"up"'))
  })
})

test('a translated stream that says nothing gets signs of life in the form of its client', async () => {
  const ping = namedEvent({ type: 'ping' })
  const road = await roadOn(['claude'], { claude: () => eventStream([start, ping, open + says('hi'), stop]) })
  const stream = await streamed(road)
  expect(textOf(stream)).toBe('hi')
  expect(stream.includes('event: ping')).toBe(false)
})

test.each([
  { protocol: 'openai', path: '/v1/chat/completions' },
  { protocol: 'anthropic', path: '/v1/messages' },
])('C1417: /v1/api/chat is Chat, for a backend of protocol $protocol too', async ({ protocol, path }) => {
  const answer = protocol === 'openai' ? () => chatAnswer('hi') : () => message('hi')
  const road = await openRoad(
    `backends: [{ name: a, url: "http://a", protocol: ${protocol} }]\nmodels: { m: { routes: [{ backend: a, model: up }] } }`,
    answer,
  )
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'q' }] })
  const response = await road.fetch('/v1/api/chat', { method: 'POST', body })
  expect(await response.json()).toMatchObject({ object: 'chat.completion', choices: [{ message: { content: 'hi' } }] })
  expect(road.sent[0]?.url.pathname).toBe(path)
})

test('C1417: the timings of llama.cpp are left as they are for Chat clients, and become usage for others', async () => {
  const timings = { prompt_n: 5, predicted_n: 7, predicted_per_second: 20 }
  const answer = { ...((await chatAnswer('hi').json()) as object), usage: undefined, timings }
  const road = await roadOn(['gpt'], { gpt: () => Response.json(answer) })
  const own = await road.chat('m')
  expect(await own.json()).toEqual(JSON.parse(JSON.stringify(answer)))
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'q' }] })
  const other = await road.fetch('/v1/messages', { method: 'POST', body })
  expect(await other.json()).toMatchObject({ usage: { input_tokens: 5, output_tokens: 7 } })
})

describe('§15.3: a refusal that tells how a model wants to be asked', () => {
  const refusing: Upstream = (request) => {
    const body = JSON.parse(sentBy(request).toString()) as object
    return 'temperature' in body
      ? Response.json(
          {
            type: 'error',
            error: { type: 'invalid_request_error', message: 'temperature: Extra inputs are not permitted' },
          },
          { status: 400 },
        )
      : message('hi')
  }

  test('is obeyed at once, said so, and remembered for an hour', async () => {
    const road = await roadOn(['claude'], { claude: refusing })
    const first = await road.chat('m', { temperature: 0.5 })
    expect([first.status, road.sent.length]).toEqual([200, 2])
    expect(first.headers.get('x-llm-proxy-warnings')).toContain('adapted:param_repaired')
    expect(road.lines.find(({ event }) => event === 'request_repaired')?.fields).toMatchObject({ rule: 'sampling' })
    expect(road.lines.some(({ event }) => event === 'route_cooled')).toBe(false)
    await road.chat('m', { temperature: 0.5 })
    expect(road.sent.length).toBe(3)
    await road.clock.advance(3_600_000)
    await road.chat('m', { temperature: 0.5 })
    expect(road.sent.length).toBe(5)
  })

  test('is obeyed once; a model that refuses again is right, and its words are told', async () => {
    const road = await roadOn(['claude'], {
      claude: () =>
        Response.json(
          {
            type: 'error',
            error: { type: 'invalid_request_error', message: 'temperature: Extra inputs are not permitted' },
          },
          { status: 400 },
        ),
    })
    const response = await road.chat('m', { temperature: 0.5 })
    expect([response.status, road.sent.length]).toEqual([400, 2])
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('Extra inputs') } })
  })

  test('is passed on as it came where nothing is translated', async () => {
    const road = await roadOn(['gpt'], {
      gpt: () => Response.json({ error: { message: "Unsupported parameter: 'temperature'" } }, { status: 400 }),
    })
    const response = await road.chat('m', { temperature: 0.5 })
    expect([response.status, road.sent.length]).toEqual([400, 1])
  })
})
