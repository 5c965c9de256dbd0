import { describe, expect, test } from 'bun:test'
import type { CommonRequest } from '#translate/common.ts'
import { said } from '../../support/common-request.ts'
import {
  claude,
  adaptiveClaude,
  nova,
  llama,
  write,
  weather,
  time,
  loop,
  toolSpecs,
} from '../../support/converse-asking.ts'

describe('§12.2: a request of Converse', () => {
  test.each([
    { model: nova, stream: false, path: '/model/us.amazon.nova-pro-v1%3A0/converse' },
    { model: nova, stream: true, path: '/model/us.amazon.nova-pro-v1%3A0/converse-stream' },
    {
      model: 'arn:aws:bedrock:us-east-1:1:inference-profile/x',
      stream: false,
      path: '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse',
    },
  ])('the model is one segment of the path: $path', ({ model, stream, path }) => {
    const sent = write({ stream }, { model })
    expect(sent).toMatchObject({ path, query: '', stream })
    expect(sent.headers).toEqual([['accept', stream ? 'application/vnd.amazon.eventstream' : 'application/json']])
  })

  test('the least one holds its messages only', () => {
    expect(write({}).body).toEqual({ messages: [{ role: 'user', content: [{ text: 'hi' }] }] })
  })

  test('B.6: a round with tools is carried whole, results first and in one turn', () => {
    const { body, codes } = write({ messages: loop, tools: [weather, time] }, { model: claude })
    expect(body).toEqual({
      messages: [
        { role: 'user', content: [{ text: 'q' }] },
        {
          role: 'assistant',
          content: [
            { reasoningContent: { reasoningText: { text: 'Let me check both.', signature: 'SIG' } } },
            { text: 'Checking.' },
            { toolUse: { toolUseId: 'call_A1', name: 'get_weather', input: { city: 'Paris' } } },
            { toolUse: { toolUseId: 'call_B2', name: 'get_time', input: {} } },
          ],
        },
        {
          role: 'user',
          content: [
            { toolResult: { toolUseId: 'call_A1', content: [{ text: '18C' }], status: 'success' } },
            { toolResult: { toolUseId: 'call_B2', content: [{ text: 'clock offline' }], status: 'error' } },
          ],
        },
      ],
      toolConfig: { tools: toolSpecs },
      additionalModelResponseFieldPaths: ['/stop_sequence'],
    })
    expect(codes).toEqual([])
  })

  test('§5.9: the same request gives the same bytes', () => {
    const overrides = { messages: loop, tools: [weather, time] }
    expect(JSON.stringify(write(overrides).body)).toBe(JSON.stringify(write(overrides).body))
  })
})

describe('§5.1: limits and sampling', () => {
  test.each([
    {
      name: 'what has a place goes there',
      model: nova,
      sampling: { maxOutputTokens: 100, temperature: 0.5, topP: 0.9, stop: ['END'] },
      body: { inferenceConfig: { maxTokens: 100, temperature: 0.5, topP: 0.9, stopSequences: ['END'] } },
      codes: [],
    },
    {
      name: 'a temperature above 1 is cut',
      model: nova,
      sampling: { temperature: 1.6 },
      body: { inferenceConfig: { temperature: 1 } },
      codes: ['adapted:temperature_clamped'],
    },
    {
      name: 'top_k of Nova',
      model: nova,
      sampling: { topK: 5 },
      body: { additionalModelRequestFields: { inferenceConfig: { topK: 5 } } },
      codes: [],
    },
    {
      name: 'top_k of Claude',
      model: claude,
      sampling: { topK: 5 },
      body: { additionalModelRequestFields: { top_k: 5 } },
      codes: [],
    },
    { name: 'top_k of others', model: llama, sampling: { topK: 5 }, body: {}, codes: ['dropped:top_k'] },
    {
      name: 'Claude takes a temperature or top_p',
      model: claude,
      sampling: { temperature: 0.3, topP: 0.9 },
      body: { inferenceConfig: { temperature: 0.3 } },
      codes: ['dropped:unknown_field'],
    },
    {
      name: 'new models of Claude take no sampling',
      model: adaptiveClaude,
      sampling: { temperature: 0.3, topP: 0.9, topK: 3 },
      body: {},
      codes: ['dropped:unknown_field', 'dropped:top_k'],
    },
    {
      name: 'what has no place is dropped',
      model: nova,
      sampling: { seed: 1, logitBias: { 5: 1 }, logprobs: true, presencePenalty: 1, minP: 0.1 },
      body: {},
      codes: ['dropped:seed', 'dropped:logit_bias', 'dropped:logprobs', 'dropped:penalties', 'dropped:unknown_field'],
    },
  ])('$name', ({ model, sampling, body, codes }) => {
    const sent = write({ sampling }, { model })
    const { messages: _messages, additionalModelResponseFieldPaths: _paths, ...rest } = sent.body
    expect(rest).toEqual(body)
    expect(sent.codes).toEqual(codes)
  })

  test('§5.1-6: stop sequences beyond the limit, and blank ones for Claude, are left to us', () => {
    const many = write({ sampling: { stop: ['a', 'b', '', 'c', 'd', 'e'] } }, { profile: { stopMax: 3 } })
    expect(many.body['inferenceConfig']).toEqual({ stopSequences: ['a', 'b', 'c'] })
    expect(many.back.stops).toEqual(['d', 'e'])
    expect(many.codes).toEqual(['adapted:stop_emulated'])
    const blank = write({ sampling: { stop: ['\n\n', 'x'] } }, { model: claude })
    expect(blank.body['inferenceConfig']).toEqual({ stopSequences: ['x'] })
    expect(blank.back.stops).toEqual(['\n\n'])
  })

  test('§5.1-4: long answers of Claude are streamed, whatever the client wants', () => {
    expect(write({ sampling: { maxOutputTokens: 30_000 } }, { model: claude })).toMatchObject({
      stream: true,
      path: expect.stringMatching(/converse-stream$/),
    })
    expect(write({ sampling: { maxOutputTokens: 20_000 } }, { model: claude }).stream).toBe(false)
    expect(write({}, { profile: { alwaysStreams: true } }).stream).toBe(true)
  })

  test('Claude tells which stop sequence it was, in a body and in a stream', () => {
    const paths = [false, true].map(
      (stream) => write({ stream }, { model: claude }).body['additionalModelResponseFieldPaths'],
    )
    expect(paths).toEqual([['/stop_sequence'], ['/delta/stop_sequence']])
  })
})

describe('§3: what Converse has no word for', () => {
  test.each<{ overrides: Partial<CommonRequest>; field: string }>([
    { overrides: { sampling: { n: 2 } }, field: 'n' },
    { overrides: { sampling: { maxOutputTokens: 0 } }, field: 'max_tokens' },
    { overrides: { output: { modalities: ['text', 'audio'] } }, field: 'modalities' },
    { overrides: { cache: { resource: 'cachedContents/1' } }, field: 'cachedContent' },
    { overrides: { previousResponseId: 'resp_1' }, field: 'previous_response_id' },
    { overrides: { form: 'responses', rest: { background: true } }, field: 'background' },
    { overrides: { toolChoice: { mode: 'tool', name: 'x', isCustom: false }, tools: [time] }, field: 'tool_choice' },
    {
      overrides: {
        messages: [
          said('system', 'x'),
          said('user', 'hear', { kind: 'media', medium: 'audio', mime: 'audio/wav', source: { base64: 'UklGRg==' } }),
        ],
      },
      field: 'messages[1].content[1]',
    },
    {
      overrides: {
        form: 'gemini',
        messages: [
          { ...said('system', 'x'), placement: 'top' },
          said('user', { kind: 'media', medium: 'image', mime: 'image/bmp', source: { base64: 'Qk0=' } }),
        ],
      },
      field: 'contents[0].parts[0]',
    },
    {
      overrides: {
        form: 'responses',
        messages: [
          said('user', {
            kind: 'media',
            medium: 'file',
            mime: 'application/pdf',
            source: { file: { form: 'responses', id: 'file-1' } },
          }),
        ],
      },
      field: 'input[0].content[0]',
    },
    {
      overrides: {
        messages: [said('user', { kind: 'native', form: 'responses', type: 'compaction', value: {} })],
      },
      field: '',
    },
  ])('is rejected by its field: $field', ({ overrides, field }) => {
    expect(write(overrides).rejection).toMatchObject({ field })
  })

  test.each<{ overrides: Partial<CommonRequest>; code: string }>([
    { overrides: { output: { verbosity: 'low' } }, code: 'dropped:verbosity' },
    { overrides: { output: { prediction: {} } }, code: 'dropped:prediction' },
    { overrides: { cache: { key: 'k' } }, code: 'dropped:cache_hint' },
    { overrides: { rest: { context_management: {} } }, code: 'dropped:context_management' },
    { overrides: { rest: { whatever: 1 } }, code: 'dropped:unknown_field' },
    { overrides: { tier: 'scale' }, code: 'dropped:service_tier' },
    { overrides: { identity: { endUser: 'u' } }, code: 'dropped:user' },
    { overrides: { identity: { tags: { a: 'b' } } }, code: 'dropped:metadata' },
    { overrides: { messages: [{ ...said('user', 'hi'), name: 'bob' }] }, code: 'dropped:message_name' },
    { overrides: { tools: [time], parallelToolCalls: false }, code: 'dropped:parallel_tool_calls' },
  ])('is dropped with $code, and refused in strict mode', ({ overrides, code }) => {
    const sent = write(overrides)
    expect(sent.codes).toContain(code)
    expect(sent.rejection).toBeUndefined()
    expect(write(overrides, { policy: { mode: 'strict' } }).rejection).toBeDefined()
  })

  test('§5.10: tiers by Bedrock’s names, identity where the operator wants it told', () => {
    expect(write({ tier: 'standard_only' }).body['serviceTier']).toEqual({ type: 'default' })
    expect(write({ tier: 'priority' }).body['serviceTier']).toEqual({ type: 'priority' })
    expect(write({ tier: 'auto' }).body['serviceTier']).toBeUndefined()
    const identity = { endUser: 'u-1', tags: { team: 'a', odd: 'ü' } }
    const sent = write({ identity }, { policy: { forwardsIdentity: true } })
    expect(sent.body['requestMetadata']).toEqual({ user_id: 'u-1', team: 'a' })
    expect(sent.codes).toEqual(['dropped:metadata'])
  })
})
