import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { converseBackend } from '#translate/converse/backend.ts'
import { bodyOf, facts, opaque } from '../../support/converse-answers.ts'

describe('§7: a whole answer of Converse', () => {
  test('all that Claude says is there, in its order', () => {
    const response = bodyOf(
      [
        { reasoningContent: { reasoningText: { text: 'hm', signature: 'SIG' } } },
        { reasoningContent: { redactedContent: 'AAEC' } },
        { text: 'Checking.' },
        { text: '' },
        { toolUse: { toolUseId: 'tooluse_1', name: 'get_weather', input: { city: 'Paris' } } },
        { toolUse: { name: 'get_time' } },
        { image: { format: 'jpeg', source: { bytes: '/9j/' } } },
        { toolUse: { toolUseId: 's', name: 'grounding', input: {}, type: 'server_tool_use' } },
        { guardContent: {} },
      ],
      { stopReason: 'tool_use', serviceTier: { type: 'priority' } },
    )
    expect(response.choices).toEqual([
      {
        index: 0,
        parts: [
          { kind: 'reasoning', text: 'hm', style: 'summary', isRedacted: false, opaque },
          {
            kind: 'reasoning',
            text: '',
            style: 'summary',
            isRedacted: true,
            opaque: { ...opaque, kind: 'redacted', payload: 'AAEC' },
          },
          { kind: 'text', text: 'Checking.' },
          { ...called, id: 'tooluse_1', name: 'get_weather', args: { value: { city: 'Paris' } } },
          { ...called, id: `call_${'x'.repeat(24)}`, name: 'get_time', args: { value: {} } },
          { kind: 'media', medium: 'image', mime: 'image/jpeg', source: { base64: '/9j/' } },
          expect.objectContaining({ kind: 'native', form: 'converse', type: 'toolUse' }),
          expect.objectContaining({ kind: 'native', form: 'converse', type: 'guardContent' }),
        ],
        finish: { reason: 'tool_calls', native: 'tool_use' },
      },
    ])
    expect(response).toMatchObject({ model: facts.model, createdAt: facts.nowSeconds, tier: 'priority' })
  })

  const called = { kind: 'tool_call', isCustom: false, tool: 'function' } as const

  test('citations stand with the text that they are of', () => {
    const citation = {
      title: 'Notes',
      location: { web: { url: 'https://example.com' } },
      sourceContent: [{ text: 'a' }, { text: 'b' }],
    }
    const { choices } = bodyOf([
      { citationsContent: { content: [{ text: 'It ' }, { text: 'is.' }], citations: [citation] } },
    ])
    expect(choices[0]?.parts).toEqual([
      {
        kind: 'text',
        text: 'It is.',
        annotations: [{ kind: 'url', url: 'https://example.com', title: 'Notes', citedText: 'ab', native: citation }],
      },
    ])
  })

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['tool_use', 'tool_calls'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['content_filtered', 'content_filter'],
    ['guardrail_intervened', 'content_filter'],
    ['malformed_model_output', 'error'],
    ['malformed_tool_use', 'error'],
    ['something_new', 'other'],
  ])('§7.1: it ended with %s, that is %s', (stopReason, reason) => {
    expect(bodyOf([{ text: 'x' }], { stopReason }).choices[0]?.finish).toMatchObject({ reason, native: stopReason })
  })

  test('§7.1: the stop sequence is told', () => {
    const more = { stopReason: 'stop_sequence', additionalModelResponseFields: { stop_sequence: 'END' } }
    expect(bodyOf([{ text: 'x' }], more).choices[0]?.finish.stopSequence).toBe('END')
  })

  test('§7.2 #17.10: the cache is part of the input', () => {
    const usage = {
      inputTokens: 16,
      outputTokens: 9,
      cacheReadInputTokens: 100,
      cacheWriteInputTokens: 30,
      cacheDetails: [
        { ttl: '1h', inputTokens: 10 },
        { ttl: '5m', inputTokens: 20 },
      ],
    }
    expect(bodyOf([{ text: 'x' }], { usage }).usage).toEqual({
      input: 146,
      cacheRead: 100,
      cacheWrite: 30,
      cacheWrite5m: 20,
      cacheWrite1h: 10,
      output: 9,
    })
    expect(bodyOf([{ text: 'x' }]).usage).toBeUndefined()
  })

  test.each([
    { body: { message: 'nope', __type: 'ThrottlingException' }, kind: 'rate_limit' },
    {
      body: { Output: {}, output: { __type: 'com.amazon.coral.service#UnrecognizedClientException' } },
      kind: 'upstream_auth',
    },
    { body: {}, kind: 'upstream_failed' },
    { body: { output: { message: { content: 'no list' } } }, kind: 'upstream_failed' },
  ])('what is no answer is an error: %j', ({ body, kind }) => {
    expect(converseBackend.readBody(body, facts)).toMatchObject({ kind })
  })

  test('an answer without a word has its reason all the same', () => {
    expect(bodyOf([], { stopReason: 'content_filtered' }).choices[0]).toMatchObject({ parts: [] })
  })

  test('nothing throws on any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('output', 'stopReason', 'usage', 'x'), fc.jsonValue()), (body) => {
        converseBackend.readBody(body, facts)
      }),
    )
    fc.assert(
      fc.property(fc.jsonValue(), (block) => {
        bodyOf([
          { text: 'x' },
          { toolUse: block },
          { reasoningContent: block },
          { citationsContent: block },
          { image: block },
        ])
      }),
    )
  })
})

describe('§8: an error of Bedrock', () => {
  test.each([
    ['ThrottlingException:http://internal.amazon.com/coral/', 429, 'Too many requests', 'rate_limit', 429],
    ['ValidationException', 400, 'Input is too long for requested model.', 'context_overflow', 400],
    ['ValidationException', 400, 'The model returned nonsense', 'invalid_request', 400],
    ['AccessDeniedException', 403, 'no access', 'upstream_auth', 403],
    ['UnrecognizedClientException', 403, 'bad token', 'upstream_auth', 403],
    ['ExpiredTokenException', 403, 'expired', 'upstream_auth', 403],
    ['ResourceNotFoundException', 404, 'no such model', 'not_found', 404],
    ['ModelTimeoutException', 408, 'slow', 'timeout', 504],
    ['ModelNotReadyException', 429, 'warming up', 'overloaded', 503],
    ['ServiceUnavailableException', 503, 'busy', 'overloaded', 503],
    ['InternalServerException', 500, 'oops', 'upstream_failed', 500],
    ['ModelErrorException', 424, 'failed', 'upstream_failed', 502],
  ])('§12.2: %s with %d (%s) is %s', (type, status, message, kind, told) => {
    const headers = new Headers({ 'x-amzn-errortype': type })
    const error = converseBackend.readError(status, headers, { message })
    expect(error).toMatchObject({ kind, status: told, message })
  })
})
