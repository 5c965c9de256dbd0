import { describe, expect, test } from 'bun:test'
import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

interface Backend {
  readonly protocol?: string
  readonly model?: string
  readonly url?: string
}

const gemini = { protocol: 'gemini', model: 'gemini-2.5-flash' } as const

async function roadWith(
  compat: string,
  { protocol, model = 'some-model', url }: Backend,
  upstream: Upstream,
): Promise<Road> {
  const more = protocol === undefined ? '' : `, protocol: ${protocol}, apis: [chat, embeddings]`
  return await openRoad(
    `
compat: { ${compat} }
backends: [{ name: a, url: "${url ?? 'http://a/v1'}"${more} }]
models: { m: { routes: [{ backend: a, model: "${model}" }] } }`,
    upstream,
  )
}

async function post(road: Road, path: string, body: JsonObject): Promise<Response> {
  return await road.fetch(path, { method: 'POST', body: JSON.stringify({ model: 'm', ...body }) })
}

async function jsonOf(response: Response): Promise<JsonObject> {
  return asObject(await response.json()) ?? {}
}

function warnings(response: Response): readonly string[] {
  return response.headers.get('x-llm-proxy-warnings')?.split(', ') ?? []
}

function geminiAnswer(parts: readonly JsonObject[], more: JsonObject = {}): Response {
  return Response.json({ candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', ...more }] })
}

/** What a stream said, event by event. */
async function eventsOf(response: Response): Promise<readonly JsonObject[]> {
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: {'))
  return lines.map((line) => asObject(JSON.parse(line.slice('data: '.length))) ?? {})
}

describe('compat.normalize_embeddings', () => {
  const vectors = (): Response => Response.json({ embeddings: [{ values: [3, 4] }, { values: [0, 0] }] })
  const asked = { input: ['a', 'b'], dimensions: 2 }
  const base64 = (...numbers: number[]): string => Buffer.from(new Float32Array(numbers).buffer).toString('base64')

  test.each([
    {
      normalize: 'true',
      format: 'float',
      told: [
        [0.6, 0.8],
        [0, 0],
      ],
    },
    { normalize: 'true', format: 'base64', told: [base64(0.6, 0.8), base64(0, 0)] },
    {
      normalize: 'false',
      format: 'float',
      told: [
        [3, 4],
        [0, 0],
      ],
    },
    { normalize: 'false', format: 'base64', told: [base64(3, 4), base64(0, 0)] },
  ])(
    'compat.normalize_embeddings $normalize: Gemini’s [3, 4] is told in $format as $told',
    async ({ normalize, format, told }) => {
      const backend = { protocol: 'gemini', model: 'gemini-embedding-001' }
      const road = await roadWith(`normalize_embeddings: ${normalize}`, backend, vectors)
      const body = await jsonOf(await post(road, '/v1/embeddings', { ...asked, encoding_format: format }))
      expect((body['data'] as JsonObject[]).map(({ embedding }) => embedding)).toEqual([...told])
    },
  )

  test('vectors of the size that the model gives by itself stay as they are', async () => {
    const road = await roadWith(
      'normalize_embeddings: true',
      { protocol: 'gemini', model: 'gemini-embedding-001' },
      vectors,
    )
    const body = await jsonOf(await post(road, '/v1/embeddings', { input: asked.input }))
    expect((body['data'] as JsonObject[])[0]?.['embedding']).toEqual([3, 4])
  })

  test('vectors of others stay as they are', async () => {
    const backend = { protocol: 'ollama', model: 'nomic-embed-text' }
    const road = await roadWith('normalize_embeddings: true', backend, () =>
      Response.json({
        embeddings: [
          [3, 4],
          [0, 1],
        ],
      }),
    )
    const body = await jsonOf(await post(road, '/v1/embeddings', asked))
    expect((body['data'] as JsonObject[])[0]?.['embedding']).toEqual([3, 4])
  })

  test('vectors that Vertex makes of Google’s models are Gemini’s', async () => {
    const url = 'https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1'
    const predictions = [{ embeddings: { values: [3, 4] } }]
    const road = await roadWith(
      'normalize_embeddings: true',
      { protocol: 'vertex', model: 'text-embedding-005', url },
      () => Response.json({ predictions }),
    )
    const body = await jsonOf(await post(road, '/v1/embeddings', { input: 'a', dimensions: 2 }))
    expect((body['data'] as JsonObject[])[0]?.['embedding']).toEqual([0.6, 0.8])
  })
})

describe('compat.citations', () => {
  const url = 'https://a.test/'
  const beside = { citations: [url], search_results: [{ url, title: 'A' }] }
  const placed = {
    type: 'url_citation',
    url_citation: { url: 'https://b.test/', title: 'B', start_index: 0, end_index: 2 },
  }
  const upstream: Upstream = async (request) => {
    const whole = (await chatAnswer('yes').json()) as JsonObject
    if (JSON.parse(sentBy(request).toString()).stream !== true) {
      const message = { role: 'assistant', content: 'yes', annotations: [placed] }
      return Response.json({ ...whole, ...beside, choices: [{ index: 0, message, finish_reason: 'stop' }] })
    }
    return chunks([{ role: 'assistant', content: 'yes' }, { annotations: [placed] }], 'stop', beside)
  }
  const ask = { max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }

  test.each([
    { citations: 'true', urls: ['https://b.test/', url], codes: [] },
    { citations: 'false', urls: ['https://b.test/'], codes: ['dropped:citations'] },
  ])(
    'compat.citations $citations: of a source with a place and one without $urls are told',
    async ({ citations, urls, codes }) => {
      const road = await roadWith(`citations: ${citations}`, {}, upstream)
      const response = await post(road, '/v1/messages', ask)
      expect(warnings(response)).toEqual([...codes])
      const { content } = (await response.json()) as { content: { citations: JsonObject[] }[] }
      expect(content.flatMap(({ citations: told }) => told.map((one) => one['url']))).toEqual([...urls])
    },
  )

  test.each([
    { citations: 'true', told: true, codes: [] },
    { citations: 'false', told: false, codes: [['dropped:citations', 'annotations']] },
  ])(
    'compat.citations $citations: in a stream a source without a place is told: $told',
    async ({ citations, told }) => {
      const road = await roadWith(`citations: ${citations}`, {}, upstream)
      const text = await (await post(road, '/v1/messages', { ...ask, stream: true })).text()
      expect([text.includes(url), text.includes('https://b.test/')]).toEqual([told, true])
    },
  )

  test('sources of Gemini that support nothing in the text are without a place', async () => {
    const groundingMetadata = { groundingChunks: [{ web: { uri: url, title: 'A' } }] }
    for (const citations of [true, false]) {
      const road = await roadWith(`citations: ${citations}`, gemini, () =>
        geminiAnswer([{ text: 'yes' }], { groundingMetadata }),
      )
      const response = await road.chat('m')
      expect(warnings(response).includes('dropped:citations')).toBe(!citations)
      expect((await response.text()).includes(url)).toBe(citations)
    }
  })
})

/** A stream of Chat. */
function chunks(deltas: readonly JsonObject[], finish: string, beside: JsonObject = {}): Response {
  const chunk = (delta: JsonObject, reason: string | null): string =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'x', ...beside, choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`
  return eventStream([...deltas.map((delta) => chunk(delta, null)), chunk({}, finish), 'data: [DONE]\n\n'])
}

describe('compat.enforce_single_tool_call', () => {
  const two = [
    { text: 'wait' },
    { functionCall: { name: 't', args: { a: 1 } } },
    { functionCall: { name: 't', args: { a: 2 } } },
    { text: 'done' },
  ]
  const tools = [{ type: 'function', function: { name: 't', parameters: { type: 'object' } } }]
  const upstream: Upstream = ({ url }) =>
    url.pathname.includes('stream')
      ? eventStream([
          ...two.map(
            (part) => `data: ${JSON.stringify({ candidates: [{ content: { role: 'model', parts: [part] } }] })}\n\n`,
          ),
          `data: ${JSON.stringify({ candidates: [{ content: { parts: [] }, finishReason: 'STOP' }] })}\n\n`,
        ])
      : geminiAnswer(two)

  const cases = [
    { enforce: 'true', parallel: false, calls: ['{"a":1}'], text: 'wait' },
    { enforce: 'true', parallel: true, calls: ['{"a":1}', '{"a":2}'], text: 'waitdone' },
    { enforce: 'false', parallel: false, calls: ['{"a":1}', '{"a":2}'], text: 'waitdone' },
  ]

  test.each(cases)(
    'compat.enforce_single_tool_call $enforce: with parallel_tool_calls $parallel the client of Gemini gets $calls',
    async ({ enforce, parallel, calls, text }) => {
      const road = await roadWith(`enforce_single_tool_call: ${enforce}`, gemini, upstream)
      const response = await road.chat('m', { tools, parallel_tool_calls: parallel })
      const isCut = calls.length === 1
      expect(warnings(response).filter((code) => /call/.test(code))).toEqual(
        isCut ? ['adapted:calls_cut', 'dropped:further_calls'] : parallel ? [] : ['dropped:parallel_tool_calls'],
      )
      const { choices } = (await response.json()) as { choices: { message: JsonObject; finish_reason: string }[] }
      const told = (choices[0]?.message['tool_calls'] ?? []) as { function: { arguments: string } }[]
      expect(told.map((call) => call.function.arguments)).toEqual([...calls])
      expect([choices[0]?.finish_reason, choices[0]?.message['content']]).toEqual(['tool_calls', text])
    },
  )

  test.each(cases)(
    'and the same of a stream: $enforce, $parallel, $calls',
    async ({ enforce, parallel, calls, text }) => {
      const road = await roadWith(`enforce_single_tool_call: ${enforce}`, gemini, upstream)
      const response = await road.chat('m', { tools, parallel_tool_calls: parallel, stream: true })
      const choices = (await eventsOf(response)).flatMap(
        ({ choices: list }) => list as { delta: JsonObject; finish_reason: unknown }[],
      )
      const told = choices.flatMap(
        ({ delta }) => (delta['tool_calls'] ?? []) as { index: number; function: { arguments: string } }[],
      )
      const args = calls.map((_, index) =>
        told
          .filter((call) => call.index === index)
          .map((call) => call.function.arguments)
          .join(''),
      )
      expect(args).toEqual([...calls])
      expect(new Set(told.map(({ index }) => index)).size).toBe(calls.length)
      expect(choices.map(({ delta }) => asText(delta['content']) ?? '').join('')).toBe(text)
      expect(choices.findLast(({ finish_reason: reason }) => reason !== null)?.finish_reason).toBe('tool_calls')
    },
  )

  test('a backend that can be told is told, and its answer is not cut', async () => {
    const road = await roadWith('enforce_single_tool_call: true', {}, () => chatAnswer())
    const ask = {
      max_tokens: 9,
      messages: [{ role: 'user', content: 'hi' }],
      tools: [{ name: 't', input_schema: { type: 'object' } }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    }
    const response = await post(road, '/v1/messages', ask)
    expect(warnings(response)).toEqual([])
    const [request] = road.sent
    expect(request && JSON.parse(sentBy(request).toString()).parallel_tool_calls).toBe(false)
  })

  test('in the mode strict the wish is carried, and refused no longer', async () => {
    const statuses: number[] = []
    for (const enforce of [true, false]) {
      const road = await roadWith(`mode: strict, enforce_single_tool_call: ${enforce}`, gemini, upstream)
      statuses.push((await road.chat('m', { tools, parallel_tool_calls: false })).status)
    }
    expect(statuses).toEqual([200, 400])
  })
})

describe('compat.responses_reasoning_text', () => {
  const thinking: Upstream = (request) =>
    JSON.parse(sentBy(request).toString()).stream === true
      ? chunks([{ role: 'assistant', reasoning_content: 'hm' }, { content: 'yes' }], 'stop')
      : Response.json({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'x',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', reasoning_content: 'hm', content: 'yes' },
              finish_reason: 'stop',
            },
          ],
        })
  const chat = { protocol: 'deepseek', model: 'deepseek-reasoner' }
  const cases = [
    { text: 'true', reasoning: {}, shown: true },
    { text: 'false', reasoning: {}, shown: false },
    { text: 'false', reasoning: { summary: 'auto' }, shown: true },
  ]

  test.each(cases)(
    'compat.responses_reasoning_text $text: with reasoning $reasoning thoughts are shown: $shown',
    async ({ text, reasoning, shown }) => {
      for (const stream of [false, true]) {
        const road = await roadWith(`responses_reasoning_text: ${text}`, chat, thinking)
        const said = await (await post(road, '/v1/responses', { input: 'hi', reasoning, stream })).text()
        expect([said.includes('hm'), said.includes('yes')]).toEqual([shown, true])
        expect(said.includes('"type":"summary_text"')).toBe(shown)
      }
    },
  )

  test.each(cases)('and Gemini is asked for them, $text and $reasoning: $shown', async ({ text, reasoning, shown }) => {
    const road = await roadWith(`responses_reasoning_text: ${text}`, gemini, () => geminiAnswer([{ text: 'yes' }]))
    await (await post(road, '/v1/responses', { input: 'hi', reasoning })).text()
    const [request] = road.sent
    const config = request && JSON.parse(sentBy(request).toString()).generationConfig?.thinkingConfig
    expect(config?.includeThoughts === true).toBe(shown)
  })

  test.each([false, true])('what was not shown comes back to DeepSeek, streamed: %p', async (stream) => {
    const road = await roadWith('responses_reasoning_text: false', chat, thinking)
    const response = await post(road, '/v1/responses', { store: false, input: 'hi', stream })
    const answer = stream ? ((await eventsOf(response)).at(-1)?.['response'] as JsonObject) : await jsonOf(response)
    expect(JSON.stringify(answer)).not.toContain('hm')
    // Another process remembers nothing of it.
    const other = await openRoad(
      `
backends: [{ name: a, url: "http://a/v1", apis: [chat], profile: { reasoning_history: require } }]
models: { m: { routes: [{ backend: a, model: deepseek-reasoner }] } }`,
      thinking,
    )
    const input = [
      { role: 'user', content: 'hi' },
      ...(answer['output'] as JsonObject[]),
      { role: 'user', content: 'so?' },
    ]
    await (await post(other, '/v1/responses', { store: false, input })).text()
    const [request] = other.sent
    expect(request && JSON.parse(sentBy(request).toString()).messages[1]).toMatchObject({
      reasoning_content: 'hm',
      content: 'yes',
    })
  })

  test('thoughts that nobody signed leave no empty item behind', async () => {
    const told = [{ text: 'hm', thought: true }, { text: 'yes' }]
    const road = await roadWith('responses_reasoning_text: false', gemini, () => geminiAnswer(told))
    const { output } = (await (await post(road, '/v1/responses', { input: 'hi' })).json()) as { output: JsonObject[] }
    expect(output.map(({ type }) => type)).toEqual(['message'])
  })

  const signed = [
    { type: 'thinking', thinking: 'hm', signature: 'sig' },
    { type: 'tool_use', id: 'toolu_1', name: 't', input: {} },
  ]
  const claude: Upstream = (request) => {
    const head = { type: 'message', role: 'assistant', model: 'x', id: 'msg_1', stop_sequence: null }
    const usage = { input_tokens: 1, output_tokens: 1 }
    if (JSON.parse(sentBy(request).toString()).stream !== true) {
      return Response.json({ ...head, content: signed, stop_reason: 'tool_use', usage })
    }
    const events: readonly JsonObject[] = [
      { type: 'message_start', message: { ...head, content: [], stop_reason: null, usage } },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'content_block_start',
        index: 1,
        content_block: { type: 'tool_use', id: 'toolu_1', name: 't', input: {} },
      },
      { type: 'content_block_stop', index: 1 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage },
      { type: 'message_stop' },
    ]
    return eventStream(events.map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`))
  }

  test.each([false, true])('what was not shown comes back to Claude word for word, streamed: %p', async (stream) => {
    const backend = { protocol: 'anthropic', model: 'claude-sonnet-4-5' }
    const road = await roadWith('responses_reasoning_text: false', backend, claude)
    const tools = [{ type: 'function', name: 't', parameters: { type: 'object' } }]
    const ask = { store: false, reasoning: { effort: 'low' }, tools }
    const response = await post(road, '/v1/responses', { ...ask, input: 'hi', stream })
    const answer = stream ? ((await eventsOf(response)).at(-1)?.['response'] as JsonObject) : await jsonOf(response)
    const output = answer['output'] as JsonObject[]
    expect(output.map(({ type, summary }) => [type, summary])).toEqual([
      ['reasoning', []],
      ['function_call', undefined],
    ])
    const result = { type: 'function_call_output', call_id: output[1]?.['call_id'], output: 'r' }
    // Another process remembers nothing of it.
    const other = await roadWith('responses_reasoning_text: false', backend, claude)
    await (
      await post(other, '/v1/responses', { ...ask, input: [{ role: 'user', content: 'hi' }, ...output, result] })
    ).text()
    const [request] = other.sent
    const { messages } = JSON.parse(request === undefined ? '{}' : sentBy(request).toString())
    expect(messages[1].content).toMatchObject(signed)
  })
})

describe('compat.missing_item_reference', () => {
  const input = (id: string): JsonObject => ({
    input: [
      { role: 'user', content: 'hi' },
      { type: 'item_reference', id },
      { role: 'assistant', content: 'yes' },
      { role: 'user', content: 'and?' },
    ],
  })

  test.each([
    { missing: 'drop', status: 200, codes: ['dropped:item_reference'] },
    { missing: 'refuse', status: 400, codes: [] },
  ])(
    'compat.missing_item_reference $missing: thoughts that nobody remembers come to $status',
    async ({ missing, status, codes }) => {
      const road = await roadWith(`missing_item_reference: ${missing}`, { protocol: 'deepseek' }, () => chatAnswer())
      const response = await post(road, '/v1/responses', input('rs_1'))
      expect([response.status, road.sent.length]).toEqual([status, status === 200 ? 1 : 0])
      expect(warnings(response)).toEqual([...codes])
      if (status === 400) expect(await response.text()).toContain("Item with id 'rs_1' not found.")
    },
  )

  test.each(['drop', 'refuse'])('%s: anything else that is missing is refused', async (missing) => {
    const road = await roadWith(`missing_item_reference: ${missing}`, { protocol: 'deepseek' }, () => chatAnswer())
    expect((await post(road, '/v1/responses', input('msg_1'))).status).toBe(400)
  })
})
