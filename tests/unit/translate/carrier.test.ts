import { describe, expect, test } from 'bun:test'
import type { BackendRequest } from '#translate/codec.ts'
import { carrierOf, carriers, type CarrierName } from '#translate/carrier.ts'
import { Notes } from '#translate/notes.ts'

const back: BackendRequest['back'] = {
  toolNames: new Map(),
  customTools: new Set(),
  builtins: new Map(),
  outputTool: undefined,
  isOutputWrapped: false,
  stops: [],
}

function carried(
  name: CarrierName,
  model: string,
  asked: Partial<BackendRequest>,
  client: Readonly<Record<string, string>> = {},
): BackendRequest & { readonly codes: readonly string[] } {
  const notes = new Notes()
  const request: BackendRequest = {
    path: '/v1/messages',
    query: '',
    body: {},
    headers: [],
    stream: false,
    back,
    ...asked,
  }
  return { ...carriers[name].request(request, model, new Headers(client), notes), codes: notes.codes }
}

const question = { model: 'alias', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'hi' }] }

describe('§12.2: Claude by InvokeModel of Bedrock', () => {
  const model = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
  const segment = 'us.anthropic.claude-sonnet-4-5-20250929-v1%3A0'

  test.each([
    { stream: false, verb: 'invoke', accept: 'application/json' },
    { stream: true, verb: 'invoke-with-response-stream', accept: 'application/vnd.amazon.eventstream' },
  ])('the path says model and stream ($stream), the body says neither', ({ stream, verb, accept }) => {
    const sent = carried('bedrock_invoke', model, {
      body: question,
      stream,
      headers: [['anthropic-version', '2023-06-01']],
    })
    expect(sent).toMatchObject({ path: `/model/${segment}/${verb}`, query: '', stream })
    expect(sent.body).toEqual({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 9, messages: question.messages })
    expect(sent.headers).toEqual([['accept', accept]])
  })

  test('an ARN is one segment', () => {
    const arn = 'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x'
    expect(carried('bedrock_invoke', arn, {}).path).toBe(`/model/${encodeURIComponent(arn)}/invoke`)
  })

  test('§9.1: betas move into the body, as far as Bedrock knows them, each once', () => {
    const sent = carried(
      'bedrock_invoke',
      model,
      {
        body: { ...question, anthropic_beta: ['output-128k-2025-02-19', 7] },
        headers: [['anthropic-beta', 'interleaved-thinking-2025-05-14']],
      },
      { 'anthropic-beta': 'oauth-2025-04-20, context-1m-2025-08-07,interleaved-thinking-2025-05-14' },
    )
    expect(sent.body['anthropic_beta']).toEqual([
      'interleaved-thinking-2025-05-14',
      'context-1m-2025-08-07',
      'output-128k-2025-02-19',
    ])
    expect(sent.headers.map(([name]) => name)).toEqual(['accept'])
    expect(sent.codes).toEqual(['dropped:unknown_field'])
    expect(carried('bedrock_invoke', model, { body: question }).body).not.toHaveProperty('anthropic_beta')
  })

  test('§9.1: guardrails of the client are told in headers, credentials of its are not', () => {
    const client = {
      'x-amzn-bedrock-guardrailidentifier': 'g',
      'x-amzn-bedrock-guardrailversion': '1',
      'x-amzn-bedrock-trace': 'ENABLED',
      authorization: 'Bearer x',
    }
    const { headers } = carried('bedrock_invoke', model, { body: question }, client)
    expect(headers).toEqual([
      ['accept', 'application/json'],
      ['x-amzn-bedrock-guardrailidentifier', 'g'],
      ['x-amzn-bedrock-guardrailversion', '1'],
      ['x-amzn-bedrock-trace', 'ENABLED'],
    ])
  })

  test('§14.3: tokens are counted of what would be invoked', () => {
    const { max_tokens: _max, stream: _stream, ...counted } = question
    const sent = carried('bedrock_invoke', model, { path: '/v1/messages/count_tokens', body: counted })
    expect(sent.path).toBe(`/model/${segment}/count-tokens`)
    const { input } = sent.body as { input: { invokeModel: { body: string } } }
    expect(JSON.parse(Buffer.from(input.invokeModel.body, 'base64').toString())).toEqual({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 1,
      messages: question.messages,
    })
    expect(carriers.bedrock_invoke.body?.({ inputTokens: 12 })).toEqual({ input_tokens: 12 })
  })

  function eventOf(event: object): unknown {
    const bytes = Buffer.from(JSON.stringify(event)).toString('base64')
    return carriers.bedrock_invoke.event?.('chunk', JSON.stringify({ bytes, p: 'abc' }))
  }

  test('§10.6: chunks are events of Anthropic, under their own names, byte for byte', () => {
    const event = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'é "x"' } }
    expect(eventOf(event)).toEqual({ name: 'content_block_delta', data: JSON.stringify(event) })
  })

  test('§10.6: what Bedrock measured is left out', () => {
    const measured = { type: 'message_stop', 'amazon-bedrock-invocationMetrics': { inputTokenCount: 1 } }
    expect(eventOf(measured)).toEqual({ name: 'message_stop', data: '{"type":"message_stop"}' })
    expect(carriers.bedrock_invoke.body?.({ id: 'x', 'amazon-bedrock-invocationMetrics': {} })).toEqual({ id: 'x' })
  })

  test.each([
    ['throttlingException', 'rate_limit_error'],
    ['serviceUnavailableException', 'overloaded_error'],
    ['validationException', 'invalid_request_error'],
    ['modelStreamErrorException', 'api_error'],
    ['stream_corrupted', 'api_error'],
  ])('§8.4: %s is an error event of type %s', (type, told) => {
    const event = carriers.bedrock_invoke.event?.('exception', JSON.stringify({ __type: type, message: 'm' }))
    expect(event?.name).toBe('error')
    expect(JSON.parse(event?.data ?? '')).toEqual({ type: 'error', error: { type: told, message: 'm' } })
  })

  test('a stream that was cut has no event; neither have frames of other types and chunks of something else', () => {
    const event = (name: string, data: string) => carriers.bedrock_invoke.event?.(name, data)
    expect(event('exception', '{"__type":"stream_incomplete","message":""}')).toBeUndefined()
    expect(event('initial-response', '{}')).toBeUndefined()
    for (const data of ['{}', '[]', 'x', '{"bytes":7}', '{"bytes":"eHh4"}'])
      expect(event('chunk', data)).toBeUndefined()
  })
})

describe('§12.2: Converse of Bedrock', () => {
  test('guardrails and latency are told in the body', () => {
    const client = {
      'x-amzn-bedrock-guardrailidentifier': 'g',
      'x-amzn-bedrock-trace': 'ENABLED',
      'x-amzn-bedrock-performanceconfig-latency': 'optimized',
    }
    expect(carried('bedrock_converse', 'm', { body: { messages: [] } }, client).body).toEqual({
      messages: [],
      guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: 'DRAFT', trace: 'enabled' },
      performanceConfig: { latency: 'optimized' },
    })
  })

  test('without them it stays as it is', () => {
    const body = { messages: [] }
    expect(carried('bedrock_converse', 'm', { body, path: '/model/m/converse' })).toMatchObject({
      body,
      path: '/model/m/converse',
    })
  })
})

describe('§12.3: Vertex', () => {
  test.each([
    { model: 'claude-opus-4-1@20250805', stream: false, place: 'claude-opus-4-1@20250805:rawPredict' },
    { model: 'claude-opus-4-1@20250805', stream: true, place: 'claude-opus-4-1@20250805:streamRawPredict' },
    { model: 'anthropic/claude-x', stream: false, place: 'claude-x:rawPredict' },
    { model: 'publishers/anthropic/models/claude-x', stream: false, place: 'claude-x:rawPredict' },
  ])('Claude $model, streamed $stream, is asked at $place', ({ model, stream, place }) => {
    const headers = [['anthropic-version', '2023-06-01']] as const
    const sent = carried('vertex_claude', model, { body: question, stream, headers })
    expect(sent.path).toBe(`/publishers/anthropic/models/${place}`)
    const { model: _model, ...rest } = question
    expect(sent.body).toEqual({ anthropic_version: 'vertex-2023-10-16', ...rest })
    expect(sent.headers).toEqual([])
  })

  test('Claude’s tokens are counted at a place of their own, with the model in the body', () => {
    const sent = carried('vertex_claude', 'claude-x@1', { path: '/v1/messages/count_tokens', body: { model: 'a' } })
    expect(sent.path).toBe('/publishers/anthropic/models/count-tokens:rawPredict')
    expect(sent.body).toEqual({ anthropic_version: 'vertex-2023-10-16', model: 'claude-x@1' })
  })

  test('betas that Vertex knows move into the body', () => {
    const client = { 'anthropic-beta': 'web-search-2025-03-05,claude-code-20250219' }
    expect(carried('vertex_claude', 'claude-x', { body: question }, client).body['anthropic_beta']).toEqual([
      'web-search-2025-03-05',
    ])
  })

  test.each([
    {
      model: 'gemini-2.5-pro',
      verb: 'generateContent',
      path: '/publishers/google/models/gemini-2.5-pro:generateContent',
    },
    { model: 'models/gemini-x', verb: 'countTokens', path: '/publishers/google/models/gemini-x:countTokens' },
    { model: 'google/gemini-x', verb: 'generateContent', path: '/publishers/google/models/gemini-x:generateContent' },
    {
      model: 'publishers/google/models/gemini-x',
      verb: 'streamGenerateContent',
      path: '/publishers/google/models/gemini-x:streamGenerateContent',
    },
    { model: 'endpoints/123', verb: 'generateContent', path: '/endpoints/123:generateContent' },
  ])('Gemini $model, $verb, is asked at $path', ({ model, verb, path }) => {
    const body = { contents: [] }
    const asked = { path: `/v1beta/models/some:alias:${verb}`, query: 'alt=sse', body }
    expect(carried('vertex_gemini', model, asked)).toMatchObject({ path, query: 'alt=sse', body })
  })

  test('models of others are asked by OpenAI’s form', () => {
    const sent = carried('vertex_chat', 'meta/llama', { path: '/v1/chat/completions', body: { model: 'meta/llama' } })
    expect(sent).toMatchObject({ path: '/endpoints/openapi/chat/completions', body: { model: 'meta/llama' } })
  })
})

test('carrierOf() knows them by their names only', () => {
  for (const name of ['toString', '__proto__', 'nothing', '', undefined]) expect(carrierOf(name)).toBeUndefined()
  expect(carrierOf('bedrock_invoke')).toBe(carriers.bedrock_invoke)
})
