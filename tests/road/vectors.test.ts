import { describe, expect, test } from 'bun:test'
import { openRoad, type Road } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

interface Asking {
  readonly backend: string
  readonly model: string
  readonly path?: string
  readonly body: object
  readonly answer?: object
  readonly headers?: Record<string, string>
  readonly status?: number
  readonly compat?: string
}

interface Asked {
  readonly response: Response
  readonly road: Road
  readonly url: string | undefined
  readonly sent: unknown
}

async function ask(asking: Asking): Promise<Asked> {
  const {
    backend,
    model,
    path = '/v1/embeddings',
    body,
    answer = {},
    headers = {},
    status = 200,
    compat = '{}',
  } = asking
  const yaml = `
backends: [{ name: a, ${backend} }]
models: { m: { routes: [{ backend: a, model: "${model}" }] } }
compat: ${compat}`
  const road = await openRoad(yaml, () => Response.json(answer, { status, headers }))
  const response = await road.fetch(path, { method: 'POST', body: JSON.stringify(body) })
  const [request] = road.sent
  return {
    response,
    road,
    url: request?.url.href,
    sent: request === undefined ? undefined : JSON.parse(sentBy(request).toString()),
  }
}

const openai = 'url: "http://o/v1", protocol: openai'
const gemini = 'url: "http://g", protocol: gemini'
const vertex = 'url: "http://v/v1/projects/p/locations/l", protocol: vertex'
const ollama = 'url: "http://l", protocol: ollama'
const cohere = 'url: "http://c/v2", protocol: cohere'
const bedrock = 'url: "http://b", protocol: bedrock'

const two = [
  [0.5, -1],
  [0.25, 2],
]

describe('apis of a backend', () => {
  test.each(['[embeddings]', '[responses, embeddings]'])('%s: clients of Ollama get vectors', async (apis) => {
    const answer = { data: [{ index: 0, embedding: [0.5, -1] }], usage: { prompt_tokens: 2 } }
    const { response, url, sent } = await ask({
      backend: `${openai}, apis: ${apis}`,
      model: 'e',
      path: '/api/embed',
      body: { model: 'm', input: 'one' },
      answer,
    })
    expect([url, sent]).toEqual(['http://o/v1/embeddings', { model: 'e', input: ['one'] }])
    expect(await response.json()).toMatchObject({ embeddings: [[0.5, -1]], prompt_eval_count: 2 })
  })

  test.each([
    { apis: '[embeddings]', path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'x' }] } },
    { apis: '[completions]', path: '/v1/responses', body: { input: 'x' } },
    { apis: '[chat]', path: '/v1/embeddings', body: { input: 'x' } },
  ])('$apis: nobody is asked at $path', async ({ apis, path, body }) => {
    const { response, url } = await ask({
      backend: `${openai}, apis: ${apis}`,
      model: 'e',
      path,
      body: { model: 'm', ...body },
    })
    expect([response.status, url]).toEqual([400, undefined])
  })
})

describe('§14.2: a client of OpenAI asks', () => {
  test.each([
    {
      who: 'Gemini',
      backend: gemini,
      model: 'gemini-embedding-001',
      url: 'http://g/v1beta/models/gemini-embedding-001:batchEmbedContents',
      sent: {
        requests: ['one', 'two'].map((text) => ({
          model: 'models/gemini-embedding-001',
          content: { parts: [{ text }] },
          outputDimensionality: 2,
        })),
      },
      answer: { embeddings: two.map((values) => ({ values })) },
      tokens: 4,
    },
    {
      who: 'Vertex',
      backend: vertex,
      model: 'text-embedding-005',
      url: 'http://v/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict',
      sent: { instances: [{ content: 'one' }, { content: 'two' }], parameters: { outputDimensionality: 2 } },
      answer: { predictions: two.map((values) => ({ embeddings: { values, statistics: { token_count: 3 } } })) },
      tokens: 6,
    },
    {
      who: 'Ollama',
      backend: ollama,
      model: 'nomic-embed-text',
      url: 'http://l/api/embed',
      sent: { model: 'nomic-embed-text', input: ['one', 'two'], dimensions: 2 },
      answer: { model: 'nomic-embed-text', embeddings: two, prompt_eval_count: 7 },
      tokens: 7,
    },
    {
      who: 'Cohere',
      backend: cohere,
      model: 'embed-v4.0',
      url: 'http://c/v2/embed',
      sent: {
        model: 'embed-v4.0',
        texts: ['one', 'two'],
        input_type: 'search_document',
        embedding_types: ['float'],
        output_dimension: 2,
      },
      answer: { embeddings: { float: two }, meta: { billed_units: { input_tokens: 8 } } },
      tokens: 8,
    },
    {
      who: 'Cohere at Bedrock',
      backend: bedrock,
      model: 'us.cohere.embed-v4:0',
      url: 'http://b/model/us.cohere.embed-v4%3A0/invoke',
      sent: {
        texts: ['one', 'two'],
        input_type: 'search_document',
        embedding_types: ['float'],
        output_dimension: 2,
      },
      answer: { embeddings: { float: two }, response_type: 'embeddings_by_type' },
      headers: { 'x-amzn-bedrock-input-token-count': '9' },
      tokens: 9,
    },
  ])('$who for two vectors', async ({ backend, model, url, sent, answer, headers = {}, tokens }) => {
    const body = { model: 'm', input: ['one', 'two'], dimensions: 2 }
    const asked = await ask({ backend, model, body, answer, headers })
    expect(asked.url).toBe(url)
    expect(asked.sent).toEqual(sent)
    expect(await asked.response.json()).toEqual({
      object: 'list',
      data: two.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      model: 'm',
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    })
  })

  const one = { object: 'list', data: [{ index: 0, embedding: [0.5, -1] }], model: 'm' }

  test.each([
    {
      model: 'amazon.titan-embed-text-v2:0',
      sent: { inputText: 'one', dimensions: 2, normalize: true },
      answer: { embedding: [0.5, -1], inputTextTokenCount: 2 },
    },
    {
      model: 'amazon.titan-embed-image-v1',
      sent: { inputText: 'one', embeddingConfig: { outputEmbeddingLength: 2 } },
      answer: { embedding: [0.5, -1] },
    },
    {
      model: 'amazon.nova-2-multimodal-embeddings-v1:0',
      sent: {
        taskType: 'SINGLE_EMBEDDING',
        singleEmbeddingParams: {
          embeddingPurpose: 'GENERIC_INDEX',
          embeddingDimension: 2,
          text: { truncationMode: 'END', value: 'one' },
        },
      },
      answer: { embeddings: [{ embeddingType: 'TEXT', embedding: [0.5, -1] }] },
    },
  ])('$model at Bedrock for one vector', async ({ model, sent, answer }) => {
    const asked = await ask({ backend: bedrock, model, body: { model: 'm', input: 'one', dimensions: 2 }, answer })
    expect(asked.url).toBe(`http://b/model/${encodeURIComponent(model)}/invoke`)
    expect(asked.sent).toEqual(sent)
    expect(await asked.response.json()).toMatchObject(one)
  })

  test.each([
    {
      model: 'gemini-embedding-2-preview',
      path: 'publishers/google/models/gemini-embedding-2-preview:embedContent',
      sent: { content: { parts: [{ text: 'one' }] }, taskType: 'RETRIEVAL_QUERY' },
      answer: { embedding: { values: [0.5, -1] }, usageMetadata: { promptTokenCount: 5 } },
    },
    {
      model: 'multimodalembedding@001',
      path: 'publishers/google/models/multimodalembedding@001:predict',
      sent: { instances: [{ text: 'one' }] },
      answer: { predictions: [{ textEmbedding: [0.5, -1] }] },
    },
  ])('$model at Vertex for one vector', async ({ model, path, sent, answer }) => {
    const asked = await ask({ backend: vertex, model, body: { model: 'm', input: 'one', input_type: 'query' }, answer })
    expect(asked.url).toBe(`http://v/v1/projects/p/locations/l/${path}`)
    expect(asked.sent).toEqual(sent)
    expect(await asked.response.json()).toMatchObject(one)
  })

  test('a model of others at Vertex, and its body goes out as it came', async () => {
    const body = { model: 'm', input: [[1, 2]], odd: 1.5 }
    const model = 'intfloat/multilingual-e5-small-maas'
    const { url, sent, response } = await ask({ backend: vertex, model, body, answer: { data: 'as it is' } })
    expect(url).toBe('http://v/v1/projects/p/locations/l/endpoints/openapi/embeddings')
    expect(sent).toEqual({ ...body, model })
    expect(await response.json()).toEqual({ data: 'as it is' })
  })

  test('for base64 and gets little-endian floats', async () => {
    const body = { model: 'm', input: 'one', encoding_format: 'base64' }
    const answer = { embeddings: [[0.5, -1]], prompt_eval_count: 1 }
    const { response } = await ask({ backend: ollama, model: 'n', body, answer })
    const embedding = Buffer.from([0, 0, 0, 0x3f, 0, 0, 0x80, 0xbf]).toString('base64')
    expect(await response.json()).toMatchObject({ data: [{ embedding }] })
  })

  test('and words for the purpose of a vector are Cohere’s there', async () => {
    const words = {
      search_query: 'search_query',
      passage: 'search_document',
      RETRIEVAL_QUERY: 'search_query',
      CLUSTERING: 'clustering',
    }
    for (const [word, own] of Object.entries(words)) {
      const body = { model: 'm', input: 'one', input_type: word }
      const { sent } = await ask({ backend: cohere, model: 'embed-v4.0', body })
      expect(sent).toMatchObject({ input_type: own })
    }
  })

  test('and is told what nobody there has a word for', async () => {
    const body = { model: 'm', input: 'one', user: 'u', odd: true, input_type: 'query' }
    const { response } = await ask({ backend: ollama, model: 'n', body, answer: { embeddings: [[1]] } })
    expect(response.headers.get('x-llm-proxy-warnings')).toBe('dropped:unknown_field, dropped:user')
  })
})

describe('§14.2: what cannot be carried is refused before anybody is asked', () => {
  test.each([
    { why: 'tokens', backend: gemini, model: 'g', body: { input: [1, 2] }, field: 'input' },
    { why: 'lists of tokens', backend: gemini, model: 'g', body: { input: [[1, 2]] }, field: 'input[0]' },
    { why: 'objects', backend: ollama, model: 'g', body: { input: ['a', {}] }, field: 'input[1]' },
    { why: 'nothing', backend: ollama, model: 'g', body: {}, field: 'input' },
    { why: 'an empty list', backend: ollama, model: 'g', body: { input: [] }, field: 'input' },
    {
      why: '2049 texts for Titan, one by one',
      backend: bedrock,
      model: 'amazon.titan-embed-text-v2:0',
      body: { input: Array(2049).fill('a') },
      field: 'input',
    },
    {
      why: 'an odd encoding',
      backend: gemini,
      model: 'g',
      body: { input: 'a', encoding_format: 'int8' },
      field: 'encoding_format',
    },
    { why: 'an odd size', backend: gemini, model: 'g', body: { input: 'a', dimensions: 1.5 }, field: 'dimensions' },
    {
      why: 'a size for Cohere 3',
      backend: cohere,
      model: 'embed-english-v3.0',
      body: { input: 'a', dimensions: 8 },
      field: 'dimensions',
    },
    {
      why: 'a size for Titan 1',
      backend: bedrock,
      model: 'amazon.titan-embed-text-v1',
      body: { input: 'a', dimensions: 8 },
      field: 'dimensions',
    },
    {
      why: 'a model that makes none',
      backend: bedrock,
      model: 'amazon.nova-pro-v1:0',
      body: { input: 'a' },
      field: null,
    },
  ])('$why', async ({ backend, model, body, field }) => {
    const { response, road } = await ask({ backend, model, body: { model: 'm', ...body } })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_by_backend', param: field } })
    expect(road.sent).toEqual([])
  })

  test('a purpose, where it would be dropped and nothing may be', async () => {
    const body = { model: 'm', input: 'a', input_type: 'query' }
    const { response } = await ask({ backend: ollama, model: 'n', body, compat: '{ mode: strict }' })
    expect(response.status).toBe(400)
  })
})

describe('§14.2: a client of Gemini asks OpenAI', () => {
  const content = { parts: [{ text: 'one' }] }

  test('for one vector', async () => {
    const { url, sent, response } = await ask({
      backend: openai,
      model: 'text-embedding-3-small',
      path: '/v1beta/models/m:embedContent',
      body: { content, taskType: 'RETRIEVAL_QUERY', output_dimensionality: 2 },
      answer: { data: [{ index: 0, embedding: [0.5, -1] }], usage: { prompt_tokens: 3 } },
    })
    expect(url).toBe('http://o/v1/embeddings')
    expect(sent).toEqual({ model: 'text-embedding-3-small', input: ['one'], dimensions: 2 })
    expect(await response.json()).toMatchObject({
      embedding: { values: [0.5, -1] },
      usageMetadata: { promptTokenCount: 3 },
    })
    expect(response.headers.get('x-llm-proxy-warnings')).toBe('dropped:unknown_field')
  })

  test('for several, which come in the order of the inputs', async () => {
    const { response } = await ask({
      backend: openai,
      model: 'e',
      path: '/v1beta/models/m:batchEmbedContents',
      body: { requests: [{ model: 'models/m', content }, { content: { parts: [{ text: 'a' }, { text: 'b' }] } }] },
      answer: {
        data: [
          { index: 1, embedding: [0.25, 2] },
          { index: 0, embedding: [0.5, -1] },
        ],
      },
    })
    expect(await response.json()).toMatchObject({ embeddings: two.map((values) => ({ values })) })
  })

  test.each([
    { body: { requests: [{ content: { parts: [{ inlineData: {} }] } }] }, field: 'requests[0].content.parts[0]' },
    { body: { requests: [{ content, outputDimensionality: 2 }, { content }] }, field: 'requests' },
    { body: { requests: [] }, field: 'requests' },
    { body: { requests: [7] }, field: 'requests[0]' },
    { body: {}, field: 'requests' },
  ])('and $field is refused', async ({ body, field }) => {
    const path = '/v1beta/models/m:batchEmbedContents'
    const { response } = await ask({ backend: openai, model: 'e', path, body })
    expect(response.status).toBe(400)
    const message: unknown = expect.stringContaining(`"${field}"`)
    expect(await response.json()).toMatchObject({ error: { status: 'INVALID_ARGUMENT', message } })
  })

  test('and Vertex, where a purpose and a title stay', async () => {
    const body = { content, taskType: 'RETRIEVAL_DOCUMENT', title: 't', outputDimensionality: 2 }
    const { sent } = await ask({
      backend: vertex,
      model: 'gemini-embedding-001',
      path: '/v1beta/models/m:embedContent',
      body,
    })
    expect(sent).toEqual({
      instances: [{ content: 'one', task_type: 'RETRIEVAL_DOCUMENT', title: 't' }],
      parameters: { outputDimensionality: 2 },
    })
  })
})

describe('§14.2: a client of Ollama asks OpenAI', () => {
  const answer = { data: [{ index: 0, embedding: [0.5, -1] }], usage: { prompt_tokens: 3 } }

  test('by /api/embed', async () => {
    const body = { model: 'm', input: 'one', keep_alive: '5m', dimensions: 2 }
    const { sent, response } = await ask({ backend: openai, model: 'e', path: '/api/embed', body, answer })
    expect(sent).toEqual({ model: 'e', input: ['one'], dimensions: 2 })
    expect(await response.json()).toEqual({
      model: 'm',
      embeddings: [[0.5, -1]],
      total_duration: 0,
      load_duration: 0,
      prompt_eval_count: 3,
    })
  })

  test('by /api/embeddings, and gets bytes in base64 as numbers', async () => {
    const base64 = Buffer.from([0, 0, 0, 0x3f, 0, 0, 0x80, 0xbf]).toString('base64')
    const body = { model: 'm', prompt: 'one' }
    const path = '/api/embeddings'
    const { response } = await ask({
      backend: openai,
      model: 'e',
      path,
      body,
      answer: { data: [{ embedding: base64 }] },
    })
    expect(await response.json()).toEqual({ embedding: [0.5, -1] })
  })

  test.each([
    { path: '/api/embed', body: { model: 'm' }, told: { model: 'm', embeddings: [] } },
    { path: '/api/embed', body: { model: 'm', input: [] }, told: { embeddings: [] } },
    { path: '/api/embeddings', body: { model: 'm', prompt: '' }, told: { embedding: [] } },
  ])('for nothing at $path, to have the model loaded, and nobody is asked', async ({ path, body, told }) => {
    const { response, road } = await ask({ backend: openai, model: 'e', path, body })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject(told)
    expect(road.sent).toEqual([])
  })
})

test('Mistral calls the size of vectors otherwise', async () => {
  const body = { model: 'm', input: ['one'], dimensions: 2 }
  const mistral = 'url: "http://m/v1", protocol: mistral'
  const { sent } = await ask({ backend: mistral, model: 'e', path: '/api/embed', body })
  expect(sent).toEqual({ model: 'e', input: ['one'], output_dimension: 2 })
})

describe('an answer without what was asked for', () => {
  test.each([
    { why: 'has too few vectors', answer: { embeddings: [[1]] } },
    { why: 'has none', answer: { model: 'n' } },
    { why: 'has words in a vector', answer: { embeddings: [[1], ['a']] } },
    { why: 'has an empty vector', answer: { embeddings: [[1], []] } },
    { why: 'is a list', answer: [] },
  ])('that $why is a failure of the backend', async ({ answer }) => {
    const { response } = await ask({ backend: ollama, model: 'n', body: { model: 'm', input: ['a', 'b'] }, answer })
    expect(response.status).toBe(502)
  })

  test('because of an error is told in the client’s form', async () => {
    const answer = { error: { code: 404, message: 'no such model', status: 'NOT_FOUND' } }
    const { response } = await ask({
      backend: gemini,
      model: 'g',
      body: { model: 'm', input: 'a' },
      answer,
      status: 400,
    })
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(await response.json()).toMatchObject({ error: { message: expect.any(String), type: expect.any(String) } })
  })
})
