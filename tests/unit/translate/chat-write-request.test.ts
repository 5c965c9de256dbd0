import { describe, expect, test } from 'bun:test'
import type { CompatPolicy } from '#core/compat.ts'
import type { Protocol } from '#core/dialect.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import { chatBackend } from '#translate/chat/backend.ts'
import { chatClient } from '#translate/chat/client.ts'
import type { BackendRequest } from '#translate/codec.ts'
import type { CommonRequest, MediaPart, Message, Part, Tool, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { Notes } from '#translate/notes.ts'
import { commonRequest, said, targetFor } from '../../support/common-request.ts'

interface Asked {
  readonly request?: Partial<CommonRequest>
  readonly model?: string
  readonly protocol?: Protocol
  readonly own?: ProfileOverrides
  readonly policy?: Partial<CompatPolicy>
}

/** A request of an Anthropic client, unless told, for a compatible server. */
function write({ request = {}, model = 'local', protocol = 'openai', own = {}, policy = {} }: Asked): {
  written: BackendRequest
  notes: Notes
} {
  const notes = new Notes(policy.mode)
  const target = targetFor('chat', protocol, model, own, policy)
  const written = chatBackend.writeRequest(commonRequest({ form: 'messages', ...request }), target, notes)
  return { written, notes }
}

function bodyOf(asked: Asked): JsonObject {
  const { written, notes } = write(asked)
  expect(notes.rejection).toBeUndefined()
  return written.body
}

const gpt: Asked = { model: 'gpt-5.1', protocol: 'openai' }
const image: MediaPart = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'AAAA' } }
const fn: Tool = { kind: 'function', name: 'f', schema: { type: 'object', properties: {} } }
const gn: Tool = { kind: 'function', name: 'g', schema: { type: 'object', properties: {} } }

function call(id: string, name = 'f', raw = '{"a":1.0}'): ToolCallPart {
  return { kind: 'tool_call', id, name, args: { raw }, isCustom: false, tool: 'function' }
}

function result(callId: string, ...parts: Part[]): ToolResultPart {
  return { kind: 'tool_result', callId, parts, isError: false, isCustom: false }
}

function thought(text: string, opaque?: ToolCallPart['opaque']): Part {
  return { kind: 'reasoning', text, style: 'raw', isRedacted: false, opaque }
}

const text = (words: string): Part => ({ kind: 'text', text: words })

describe('writeRequest() for Chat, top level (§5.1)', () => {
  test('a plain stream', () => {
    const { written } = write({ request: { stream: true, sampling: { maxOutputTokens: 9, stop: ['x'] } } })
    expect(written).toEqual({
      path: '/v1/chat/completions',
      query: '',
      headers: [],
      stream: true,
      body: {
        model: 'local',
        messages: [{ role: 'user', content: 'hi' }],
        max_tokens: 9,
        stop: ['x'],
        stream: true,
        stream_options: { include_usage: true },
      },
      back: {
        toolNames: new Map(),
        customTools: new Set(),
        builtins: new Map(),
        outputTool: undefined,
        isOutputWrapped: false,
        stops: [],
      },
    })
  })

  test.each<{ name: string; asked: Asked; has: Record<string, unknown>; codes?: string[] }>([
    {
      name: 'models of OpenAI know another name of the limit',
      asked: { ...gpt, request: { sampling: { maxOutputTokens: 9 } } },
      has: { max_completion_tokens: 9, max_tokens: undefined },
    },
    {
      name: 'a model that always reasons chooses its words itself',
      asked: {
        model: 'gpt-5',
        request: { sampling: { temperature: 0, presencePenalty: 1, logitBias: { '1': 1 }, logprobs: true } },
      },
      has: { temperature: undefined, presence_penalty: undefined, logit_bias: undefined, logprobs: undefined },
      codes: ['adapted:temperature_clamped', 'dropped:penalties', 'dropped:logit_bias', 'dropped:logprobs'],
    },
    {
      name: 'one that does not reason for this request is told',
      asked: { ...gpt, request: { sampling: { temperature: 0.3 }, reasoning: { effort: 'none' } } },
      has: { temperature: 0.3, reasoning_effort: 'none' },
      codes: [],
    },
    {
      name: 'top_k is no word of this form',
      asked: { request: { sampling: { topK: 5 } } },
      has: { top_k: undefined },
      codes: ['dropped:top_k'],
    },
    {
      name: 'but clients of Chat know who they speak to',
      asked: { request: { form: 'chat', sampling: { topK: 5, minP: 0.1, repetitionPenalty: 1.1 } } },
      has: { top_k: 5, min_p: 0.1, repetition_penalty: 1.1 },
      codes: [],
    },
    {
      name: 'a temperature above the highest is clamped',
      asked: { model: 'kimi-k2', request: { sampling: { temperature: 1.8 } } },
      has: { temperature: 1 },
      codes: ['adapted:temperature_clamped'],
    },
    {
      name: 'Mistral has its own word for the seed and for any tool, and no stream options',
      asked: {
        protocol: 'mistral',
        model: 'mistral-large-latest',
        request: { stream: true, sampling: { seed: 5 }, tools: [fn], toolChoice: { mode: 'required' } },
      },
      has: { random_seed: 5, seed: undefined, tool_choice: 'any', stream_options: undefined },
      codes: [],
    },
    {
      name: 'several answers',
      asked: { request: { sampling: { n: 2 } } },
      has: { n: 2 },
    },
    {
      name: 'words for the cache go to OpenAI',
      asked: { ...gpt, request: { cache: { key: 'k', retention: '24h' } } },
      has: { prompt_cache_key: 'k', prompt_cache_retention: '24h' },
      codes: [],
    },
    {
      name: 'and to nobody else',
      asked: { request: { cache: { key: 'k' } } },
      has: { prompt_cache_key: undefined },
      codes: ['dropped:cache_hint'],
    },
    {
      name: 'who the user is, is not told to other providers',
      asked: { request: { identity: { endUser: 'u', tags: { a: 'b' } } } },
      has: { user: undefined, metadata: undefined },
      codes: ['dropped:user', 'dropped:metadata'],
    },
    {
      name: 'unless the operator says so; a long name is told by its hash',
      asked: { ...gpt, request: { identity: { endUser: 'u'.repeat(65) } }, policy: { forwardsIdentity: true } },
      has: { safety_identifier: new Bun.CryptoHasher('sha256').update('u'.repeat(65)).digest('hex') },
      codes: [],
    },
    {
      name: 'the tier of another form in words of OpenAI',
      asked: { ...gpt, request: { tier: 'standard_only' } },
      has: { service_tier: 'default' },
      codes: [],
    },
    {
      name: 'compatible servers know no tiers',
      asked: { request: { tier: 'flex' } },
      has: { service_tier: undefined },
      codes: ['dropped:service_tier'],
    },
    {
      name: 'verbosity',
      asked: { ...gpt, request: { output: { verbosity: 'low' } } },
      has: { verbosity: 'low' },
    },
    {
      name: 'a switch for parallel calls, where it is told and there are tools',
      asked: { request: { tools: [fn], parallelToolCalls: false } },
      has: { parallel_tool_calls: false },
    },
    {
      name: 'not without tools',
      asked: { request: { parallelToolCalls: false, toolChoice: { mode: 'auto' } } },
      has: { parallel_tool_calls: undefined, tool_choice: undefined },
      codes: [],
    },
    {
      name: 'not where it is unknown',
      asked: { protocol: 'deepseek', model: 'deepseek-chat', request: { tools: [fn], parallelToolCalls: false } },
      has: { parallel_tool_calls: undefined },
      codes: ['dropped:parallel_tool_calls'],
    },
    {
      name: 'a field that the backend refuses',
      asked: { own: { refuses: new Set(['seed']) }, request: { sampling: { seed: 5 } } },
      has: { seed: undefined },
      codes: ['dropped:seed'],
    },
  ])('$name', ({ asked, has, codes }) => {
    const { written, notes } = write(asked)
    expect(notes.rejection).toBeUndefined()
    for (const [name, value] of Object.entries(has)) expect({ [name]: written.body[name] }).toEqual({ [name]: value })
    if (codes !== undefined) expect(notes.codes).toEqual(codes)
  })

  test('stop sequences that are too many are looked for by us (§5.1-6)', () => {
    const { written, notes } = write({ request: { sampling: { stop: ['a', 'b', 'c', 'd', 'e'] } } })
    expect(written.body['stop']).toEqual(['a', 'b', 'c', 'd'])
    expect(written.back.stops).toEqual(['e'])
    expect(notes.codes).toEqual(['adapted:stop_emulated'])
  })

  test('a model that only streams is asked for a stream (§12.6)', () => {
    const { written } = write({ model: 'qwq-32b' })
    expect(written.stream).toBe(true)
    expect(written.body).toMatchObject({ stream: true, stream_options: { include_usage: true } })
  })

  test('what only this form knows goes to it and to nobody twice, as it came', () => {
    const rest = JSON.parse('{"wonder":{"a":1},"__proto__":{"x":1}}') as Record<string, unknown>
    expect(bodyOf({ request: { form: 'chat', rest } })['wonder']).toEqual({ a: 1 })
    expect(bodyOf({ request: { form: 'gemini', rest } })['wonder']).toBeUndefined()
  })

  test.each<{ name: string; asked: Asked; field: string }>([
    { name: 'more than one answer', asked: { protocol: 'deepseek', request: { sampling: { n: 2 } } }, field: 'n' },
    {
      name: 'a cached prompt',
      asked: { request: { cache: { resource: 'cachedContents/1' } } },
      field: 'cachedContent',
    },
    { name: 'no output at all', asked: { request: { sampling: { maxOutputTokens: 0 } } }, field: 'max_tokens' },
    {
      name: 'a choice of a tool that is not declared',
      asked: { request: { tools: [fn], toolChoice: { mode: 'tool', name: 'nope', isCustom: false } } },
      field: 'tool_choice',
    },
    {
      name: 'audio where it is not heard',
      asked: { ...gpt, request: { messages: [said('user', 'q', { ...image, medium: 'audio', mime: 'audio/wav' })] } },
      field: 'messages[0].content[1]',
    },
    {
      name: "another provider's file",
      asked: {
        request: { messages: [said('user', { ...image, source: { file: { form: 'gemini', id: 'files/1' } } })] },
      },
      field: 'messages[0].content[0]',
    },
    {
      name: 'an office file, in a result',
      asked: {
        request: {
          form: 'messages',
          tools: [fn],
          messages: [
            said('user', 'q'),
            said('assistant', call('c1')),
            said('user', result('c1', { ...image, medium: 'file', mime: 'application/msword' })),
          ],
        },
      },
      field: 'messages[2].content[0].content[0]',
    },
    {
      name: 'a compacted history',
      asked: {
        request: { messages: [said('user', { kind: 'native', form: 'messages', type: 'compaction', value: {} })] },
      },
      field: 'messages[0].content[0]',
    },
  ])('#17.7 rejected, not dropped: $name', ({ asked, field }) => {
    expect(write(asked).notes.rejection?.field).toBe(field)
  })
})

describe('writeRequest() for Chat, messages (§5.2, §5.3, §5.6)', () => {
  const system: Message = { role: 'system', placement: 'top', parts: [text('a'), text('b')] }

  test.each<{ name: string; asked: Asked; messages: unknown[] }>([
    {
      name: '#17.8 blocks of the system stay apart',
      asked: { request: { messages: [system, said('user', 'q')] } },
      messages: [
        {
          role: 'system',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'user', content: 'q' },
      ],
    },
    {
      name: 'reasoning models of OpenAI are told by a developer, also among the others',
      asked: { ...gpt, request: { messages: [said('user', 'q'), said('system', 'more'), said('user', 'r')] } },
      messages: [
        { role: 'user', content: 'q' },
        { role: 'developer', content: 'more' },
        { role: 'user', content: 'r' },
      ],
    },
    {
      name: 'models that know no system are told by the user',
      asked: { model: 'o1-mini', request: { messages: [said('system', 's'), said('user', 'q')] } },
      messages: [
        { role: 'user', content: 's' },
        { role: 'user', content: 'q' },
      ],
    },
    {
      name: 'one system only, and turns that alternate',
      asked: {
        model: 'sonar',
        request: { messages: [system, said('assistant', 'x'), said('user', 'q'), said('user', 'r')] },
      },
      messages: [
        { role: 'system', content: 'a\n\nb' },
        { role: 'user', content: 'Continue.' },
        { role: 'assistant', content: 'x' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'q' },
            { type: 'text', text: 'r' },
          ],
        },
      ],
    },
    {
      name: 'a model that only reads takes no lists',
      asked: { protocol: 'deepseek', model: 'deepseek-chat', request: { messages: [said('user', 'q', 'r')] } },
      messages: [{ role: 'user', content: 'q\n\nr' }],
    },
    {
      name: 'images, by data and by address',
      asked: {
        request: {
          messages: [said('user', 'q', { ...image, detail: 'low' }, { ...image, source: { url: 'https://x.test/a' } })],
        },
      },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'q' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
            { type: 'image_url', image_url: { url: 'https://x.test/a' } },
          ],
        },
      ],
    },
    {
      name: 'a PDF, audio, and a file of text in place',
      asked: {
        request: {
          messages: [
            said(
              'user',
              { ...image, medium: 'file', mime: 'application/pdf', title: 'Report' },
              { ...image, medium: 'audio', mime: 'audio/mpeg' },
              { ...image, medium: 'file', mime: 'text/plain', filename: 'a.txt', source: { text: 'words' } },
            ),
          ],
        },
      },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'file', file: { filename: 'Report.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
            { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
            { type: 'text', text: '--- file: a.txt ---\nwords' },
          ],
        },
      ],
    },
    {
      name: 'a loop of tools: results first, one message each; errors by their first word (appendix B.6)',
      asked: {
        request: {
          tools: [fn, gn],
          messages: [
            said('user', 'q'),
            said('assistant', thought('hm'), 'Checking.', call('call_A1'), call('call_B2', 'g', '')),
            said(
              'user',
              'and?',
              { ...result('call_B2', text('clock offline')), isError: true },
              result('call_A1', text('18C')),
            ),
          ],
        },
      },
      messages: [
        { role: 'user', content: 'q' },
        {
          role: 'assistant',
          content: 'Checking.',
          tool_calls: [
            { id: 'call_A1', type: 'function', function: { name: 'f', arguments: '{"a":1.0}' } },
            { id: 'call_B2', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_A1', content: '18C' },
        { role: 'tool', tool_call_id: 'call_B2', content: 'Error: clock offline' },
        { role: 'user', content: 'and?' },
      ],
    },
    {
      name: 'media of results move behind all of them (§5.6)',
      asked: {
        request: {
          tools: [fn, gn],
          messages: [
            said('user', 'q'),
            said('assistant', call('call_a'), call('call_b', 'g')),
            said('user', result('call_a', text('see'), image), result('call_b', image)),
          ],
        },
      },
      messages: [
        { role: 'user', content: 'q' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'call_a', type: 'function', function: { name: 'f', arguments: '{"a":1.0}' } },
            { id: 'call_b', type: 'function', function: { name: 'g', arguments: '{"a":1.0}' } },
          ],
        },
        {
          role: 'tool',
          tool_call_id: 'call_a',
          content: [
            { type: 'text', text: 'see' },
            { type: 'text', text: 'See attached file 1.' },
          ],
        },
        { role: 'tool', tool_call_id: 'call_b', content: 'See attached file 2.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Attached file 1:' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
            { type: 'text', text: 'Attached file 2:' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          ],
        },
      ],
    },
    {
      name: 'a result that is a value, and one that says nothing',
      asked: {
        request: {
          form: 'gemini',
          tools: [fn, gn],
          messages: [
            said('user', 'q'),
            said('assistant', call('call_a'), call('call_b', 'g')),
            said('user', { ...result('call_a'), value: { t: 18 } }, result('call_b')),
          ],
        },
      },
      messages: [
        expect.anything(),
        expect.anything(),
        { role: 'tool', tool_call_id: 'call_a', content: '{"t":18}' },
        { role: 'tool', tool_call_id: 'call_b', content: '(no output)' },
      ],
    },
    {
      name: 'a refusal in the history',
      asked: {
        request: {
          messages: [said('user', 'q'), said('assistant', { kind: 'refusal', text: 'No.' }), said('user', 'r')],
        },
      },
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: null, refusal: 'No.' },
        { role: 'user', content: 'r' },
      ],
    },
    {
      name: 'a message of which nothing is left is left out, one that was empty stays',
      asked: {
        request: {
          form: 'chat',
          messages: [
            said('user'),
            said('assistant', { kind: 'native', form: 'messages', type: 'server_tool_use', value: {} }),
            said('user', 'r'),
          ],
        },
      },
      messages: [
        { role: 'user', content: '' },
        { role: 'user', content: 'r' },
      ],
    },
  ])('$name', ({ asked, messages }) => {
    expect(bodyOf(asked)['messages']).toEqual(messages)
  })

  test('ids that are too long are hashed, the same for call and result (#17.1)', () => {
    const id = `toolu_${'x'.repeat(60)}`
    const messages = [said('user', 'q'), said('assistant', call(id)), said('user', result(id, text('r')))]
    const [, assistant, tool] = bodyOf({ request: { tools: [fn], messages } })['messages'] as Record<string, never>[]
    const sent = assistant?.['tool_calls']?.[0]?.['id'] as unknown as string
    expect(sent).toMatch(/^call_[\w-]{27}$/)
    expect(tool?.['tool_call_id'] as unknown).toBe(sent)
  })

  test('Mistral: ids of nine, results with names, a prefix that it continues', () => {
    const messages = [
      said('user', 'q'),
      said('assistant', call('c1')),
      said('user', result('c1', text('r'))),
      said('assistant', 'So'),
    ]
    const told = bodyOf({ protocol: 'mistral', model: 'mistral-large-latest', request: { tools: [fn], messages } })
    const [, assistant, tool, last] = told['messages'] as Record<string, unknown>[]
    expect(assistant?.['tool_calls']).toEqual([expect.objectContaining({ id: expect.stringMatching(/^[\w]{9}$/) })])
    expect(tool).toMatchObject({ role: 'tool', name: 'f' })
    expect(last).toEqual({ role: 'assistant', content: 'So', prefix: true })
  })

  test('a prefill that nobody continues is told (§5.2)', () => {
    const messages = [said('user', 'q'), said('assistant', 'So')]
    expect(write({ request: { messages } }).notes.codes).toEqual(['adapted:prefill'])
  })

  test.each([
    { family: 'gpt', hint: { prompt_cache_breakpoint: { mode: 'explicit', ttl: '1h' } } },
    { family: 'claude', hint: { cache_control: { type: 'ephemeral', ttl: '1h' } } },
  ])('a breakpoint in the words of $family (§5.9)', ({ family, hint }) => {
    const messages = [said('user', { kind: 'text', text: 'q', cache: { ttl: '1h' } })]
    const tool: Tool = { ...fn, cache: {} }
    const asked: Asked = { own: { family, takesCacheHints: true }, request: { messages, tools: [tool] } }
    expect(bodyOf(asked)['messages']).toEqual([{ role: 'user', content: [{ type: 'text', text: 'q', ...hint }] }])
    expect(bodyOf(asked)['tools']).toMatchObject([{ [Object.keys(hint)[0] ?? '']: {} }])
    const { notes } = write({ request: { messages } })
    expect(notes.codes).toEqual(['dropped:cache_hint'])
  })
})

describe('writeRequest() for Chat, thoughts of before (§5.7-8, §6)', () => {
  const own = { form: 'chat', family: 'kimi', kind: 'text', payload: '' } as const
  const turn = (thoughtOf: Part): Message[] => [
    said('user', 'q'),
    said('assistant', thoughtOf, call('c1')),
    said('user', result('c1', text('r'))),
  ]

  test.each<{ name: string; asked: Asked; has: Record<string, unknown>; codes: string[] }>([
    {
      name: 'left out where they would fail',
      asked: { own: { reasoning: { history: 'drop' } }, request: { messages: turn(thought('hm')) } },
      has: { reasoning_content: undefined, reasoning: undefined },
      codes: ['dropped:foreign_reasoning'],
    },
    {
      name: 'given where they may be',
      asked: {
        own: { reasoning: { history: 'optional', field: 'reasoning' } },
        request: { messages: turn(thought('hm', own)) },
      },
      has: { reasoning: 'hm' },
      codes: [],
    },
    {
      name: 'wanted in each turn with calls, if only empty',
      asked: { own: { reasoning: { history: 'require' } }, request: { messages: turn(text('a')) } },
      has: { reasoning_content: '' },
      codes: [],
    },
    {
      name: "another provider's seal is dropped, its text is told where it may be",
      asked: {
        own: { reasoning: { history: 'optional' } },
        request: {
          messages: turn(thought('hm', { form: 'messages', family: 'claude', kind: 'signature', payload: 'S' })),
        },
      },
      has: { reasoning_content: 'hm', reasoning_details: undefined },
      codes: ['dropped:foreign_reasoning'],
    },
    {
      name: 'a seal that was made there goes back as it was',
      asked: {
        own: { family: 'claude' },
        request: { messages: turn(thought('hm', { form: 'chat', family: 'claude', kind: 'signature', payload: 'S' })) },
      },
      has: {
        reasoning_details: [
          { type: 'reasoning.text', text: 'hm', signature: 'S', format: 'anthropic-claude-v1', index: 0 },
        ],
      },
      codes: [],
    },
    {
      name: "Mistral's stand in the content",
      asked: {
        protocol: 'mistral',
        model: 'magistral-medium-latest',
        request: { messages: turn(thought('hm')) },
      },
      has: { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] },
      codes: [],
    },
  ])('$name', ({ asked, has, codes }) => {
    const { written, notes } = write({ ...asked, request: { tools: [fn], ...asked.request } })
    const assistant = (written.body['messages'] as Record<string, unknown>[])[1] ?? {}
    for (const [name, value] of Object.entries(has)) expect({ [name]: assistant[name] }).toEqual({ [name]: value })
    expect(notes.codes).toEqual(codes)
  })

  test("Gemini's signature goes back to its call, to Gemini only", () => {
    const opaque = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'R0VN' } as const
    const messages = [said('user', 'q'), said('assistant', { ...call('c1'), opaque }), said('user', result('c1'))]
    const told = (family: string): string =>
      JSON.stringify(write({ own: { family }, request: { messages } }).written.body)
    expect(told('gemini')).toContain('"extra_content":{"google":{"thought_signature":"R0VN"}}')
    expect(told('qwen')).not.toContain('R0VN')
  })

  test.each<{ name: string; asked: Asked; has: Record<string, unknown> }>([
    {
      name: 'an effort',
      asked: { ...gpt, request: { reasoning: { effort: 'high' } } },
      has: { reasoning_effort: 'high' },
    },
    {
      name: '#17.2 an explicit off switch',
      asked: { model: 'deepseek-v4', request: { reasoning: { effort: 'none' } } },
      has: { thinking: { type: 'disabled' } },
    },
    {
      name: 'a switch of Qwen, with its budget',
      asked: { model: 'qwen3-max', request: { reasoning: { kind: 'budget', budgetTokens: 2000 } } },
      has: { enable_thinking: true, thinking_budget: 2000 },
    },
    {
      name: 'a switch in the template',
      asked: {
        own: { reasoning: { style: 'toggle', switchField: 'chat_template_kwargs' } },
        request: { reasoning: { effort: 'none' } },
      },
      has: { chat_template_kwargs: { enable_thinking: false } },
    },
    {
      name: 'the field of OpenRouter, where the other is refused',
      asked: {
        own: { reasoning: { style: 'effort' }, refuses: new Set(['reasoning_effort']) },
        request: { reasoning: { effort: 'low' } },
      },
      has: { reasoning: { effort: 'low' } },
    },
    {
      name: 'and its budget',
      asked: {
        own: { outputTokensMax: 64_000, reasoning: { style: 'budget', budgetMax: 32_000 } },
        request: { reasoning: { kind: 'budget', budgetTokens: 5000 }, sampling: { maxOutputTokens: 20_000 } },
      },
      has: { reasoning: { max_tokens: 5000 } },
    },
  ])('asked to think by $name', ({ asked, has }) => {
    expect(bodyOf(asked)).toMatchObject(has)
  })
})

describe('writeRequest() for Chat, tools and output (§5.4, §5.5, §5.8)', () => {
  test.each<{ name: string; asked: Asked; tools: unknown; choice?: unknown; codes?: string[] }>([
    {
      name: 'a function without parameters',
      asked: { request: { tools: [{ kind: 'function', name: 'f', schema: undefined }] } },
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }],
    },
    {
      name: 'strict of another form only for a schema that is closed',
      asked: {
        ...gpt,
        request: { tools: [{ ...fn, strict: true, schema: { type: 'object', properties: { a: {} } } }] },
      },
      tools: [{ function: { strict: false } }],
    },
    {
      name: 'no strict where it is unknown',
      asked: { request: { tools: [{ ...fn, strict: true }] } },
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }],
    },
    {
      name: 'a custom tool of another form as a function',
      asked: { request: { form: 'responses', tools: [{ kind: 'custom', name: 'apply_patch', description: 'd' }] } },
      tools: [{ type: 'function', function: { name: 'apply_patch', parameters: { required: ['input'] } } }],
      codes: ['adapted:custom_tool_wrapped'],
    },
    {
      name: 'a hosted tool is dropped, and with the last one the choice',
      asked: {
        request: { tools: [{ kind: 'hosted', tool: 'web_search', native: {} }], toolChoice: { mode: 'auto' } },
      },
      tools: undefined,
      choice: undefined,
      codes: ['dropped:hosted_tool'],
    },
    {
      name: 'a choice of one',
      asked: { request: { tools: [fn, gn], toolChoice: { mode: 'tool', name: 'g', isCustom: false } } },
      tools: [{ function: { name: 'f' } }, { function: { name: 'g' } }],
      choice: { type: 'function', function: { name: 'g' } },
    },
    {
      name: 'a choice of one at Mistral',
      asked: {
        protocol: 'mistral',
        model: 'mistral-large-latest',
        request: { tools: [fn, gn], toolChoice: { mode: 'tool', name: 'g', isCustom: false } },
      },
      tools: [{ function: { name: 'g' } }],
      choice: 'any',
    },
    {
      name: 'a choice of one where none can be forced',
      asked: {
        own: { takesForcedTool: false },
        request: { tools: [fn, gn], toolChoice: { mode: 'tool', name: 'g', isCustom: false } },
      },
      tools: [{ function: { name: 'g' } }],
      choice: 'auto',
      codes: ['adapted:tool_choice_downgraded'],
    },
    {
      name: 'a choice among some, by OpenAI',
      asked: { ...gpt, request: { tools: [fn, gn], toolChoice: { mode: 'allowed', names: ['g'], isRequired: true } } },
      tools: [{ function: { name: 'f' } }, { function: { name: 'g' } }],
      choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'g' } }] },
      },
    },
    {
      name: 'a choice among some, by others',
      asked: { request: { tools: [fn, gn], toolChoice: { mode: 'allowed', names: ['g'], isRequired: false } } },
      tools: [{ function: { name: 'g' } }],
      choice: 'auto',
    },
    {
      name: 'no tool, but they stay declared',
      asked: { request: { tools: [fn], toolChoice: { mode: 'none' } } },
      tools: [{ function: { name: 'f' } }],
      choice: 'none',
    },
  ])('$name', ({ asked, tools, choice, codes }) => {
    const { written, notes } = write(asked)
    expect(notes.rejection).toBeUndefined()
    if (tools === undefined) expect(written.body['tools']).toBeUndefined()
    else expect(written.body['tools']).toMatchObject(tools as object)
    expect(written.body['tool_choice']).toEqual(choice)
    if (codes !== undefined) expect(notes.codes).toEqual(codes)
  })

  test('names and custom tools come back to what the client called them', () => {
    const tools: Tool[] = [
      { kind: 'function', name: 'read', namespace: 'files', schema: { type: 'object' } },
      { kind: 'custom', name: 'apply_patch' },
    ]
    const custom: ToolCallPart = { ...call('c1', 'apply_patch', '*** "x"'), isCustom: true }
    const messages = [said('user', 'q'), said('assistant', custom), said('user', result('c1', text('ok')))]
    const { written } = write({ request: { form: 'responses', tools, messages } })
    expect(written.back.toolNames.get('files__read')).toEqual({ name: 'read', namespace: 'files' })
    expect([...written.back.customTools]).toEqual(['apply_patch'])
    expect(JSON.stringify(written.body)).toContain(JSON.stringify(JSON.stringify({ input: '*** "x"' })))
  })

  test('built-ins that a client carries out are functions; those that nobody knows are dropped', () => {
    const tools: Tool[] = [
      { kind: 'client_builtin', tool: 'bash', name: 'bash', native: { type: 'bash_20250124', name: 'bash' } },
      { kind: 'client_builtin', tool: 'wand', name: 'wand', native: { type: 'wand_1' } },
    ]
    const { written, notes } = write({ request: { tools } })
    expect(written.body['tools']).toMatchObject([{ type: 'function', function: { name: 'bash' } }])
    expect([...written.back.builtins]).toEqual([['bash', 'bash']])
    expect(notes.codes).toEqual(['dropped:client_tool'])
  })

  test('a search of the web is mapped where the operator wants it', () => {
    const native = {
      type: 'web_search',
      search_context_size: 'low',
      user_location: { type: 'approximate', city: 'Oslo' },
    }
    const tools: Tool[] = [{ kind: 'hosted', tool: 'web_search', native }]
    expect(bodyOf({ request: { tools }, policy: { hostedTools: 'map' } })).toMatchObject({
      web_search_options: {
        search_context_size: 'low',
        user_location: { type: 'approximate', approximate: { city: 'Oslo' } },
      },
    })
  })

  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
  const format = { kind: 'json_schema', schema } as const

  test.each<{ name: string; asked: Asked; has: object; codes: string[] }>([
    {
      name: 'JSON of any shape',
      asked: { request: { output: { format: { kind: 'json' } } } },
      has: { response_format: { type: 'json_object' } },
      codes: [],
    },
    {
      name: 'a schema without a name, which is strict by itself',
      asked: { ...gpt, request: { output: { format } } },
      has: { response_format: { type: 'json_schema', json_schema: { name: 'response', schema, strict: true } } },
      codes: [],
    },
    {
      name: 'a schema whose root is no object is wrapped',
      asked: { request: { output: { format: { kind: 'json_schema', schema: { type: 'array', items: {} } } } } },
      has: { response_format: { json_schema: { schema: { properties: { value: { type: 'array' } } } } } },
      codes: ['adapted:schema_wrapped'],
    },
    {
      name: 'a tool that must be called',
      asked: { own: { structured: 'tool' }, request: { output: { format } } },
      has: {
        tools: [{ type: 'function', function: { name: 'json_response', parameters: schema } }],
        tool_choice: { type: 'function', function: { name: 'json_response' } },
      },
      codes: ['adapted:json_schema_tool'],
    },
    {
      name: 'words for the system',
      asked: { own: { structured: 'instruction' }, request: { output: { format } } },
      has: {
        messages: [{ role: 'system', content: expect.stringContaining('"additionalProperties"') }, { role: 'user' }],
      },
      codes: ['adapted:json_object_instruction'],
    },
  ])('output: $name', ({ asked, has, codes }) => {
    const { written, notes } = write(asked)
    expect(written.body).toMatchObject(has)
    expect(notes.codes).toEqual(codes)
    expect(written.back.outputTool).toBe(codes.includes('adapted:json_schema_tool') ? 'json_response' : undefined)
    expect(written.back.isOutputWrapped).toBe(codes.includes('adapted:schema_wrapped'))
  })
})

describe('Chat → common form → Chat', () => {
  const schema = { type: 'object', properties: { q: { type: 'string' } } }
  const body = {
    model: 'm',
    messages: [
      { role: 'system', content: 's' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'q' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'high' } },
        ],
        name: 'kim',
      },
      {
        role: 'assistant',
        content: 'Checking.',
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'f', arguments: '{ "n": 12345678901234567890 }' } },
          { id: 'call_b', type: 'custom', custom: { name: 'p', input: 'free' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_a', content: '18C' },
      { role: 'tool', tool_call_id: 'call_b', content: 'Error: no' },
      { role: 'user', content: 'so?' },
    ],
    tools: [
      { type: 'function', function: { name: 'f', description: 'd', parameters: schema, strict: false } },
      { type: 'custom', custom: { name: 'p', description: 'e' } },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    response_format: { type: 'json_schema', json_schema: { name: 'r', schema, strict: false } },
    max_completion_tokens: 50,
    reasoning_effort: 'low',
    seed: 4,
    stop: ['x'],
    safety_identifier: 'u',
    metadata: { a: 'b' },
    prompt_cache_key: 'k',
    service_tier: 'flex',
    verbosity: 'low',
    store: true,
    stream: true,
    stream_options: { include_usage: true },
    something_new: { x: 1 },
  }
  const facts = { path: '', query: '', headers: new Headers(), model: 'm', stream: true }

  test('nothing is lost, and twice is the same to the byte (§16.3-5, §16.3-6)', () => {
    const again = (): BackendRequest => {
      const notes = new Notes()
      const request = chatClient.readRequest(structuredClone(body), facts, notes)
      const target = targetFor('chat', 'openai', 'm', { ...openai, reasoning: { style: 'effort' } })
      const written = chatBackend.writeRequest(request, target, notes)
      expect(notes.rejection).toBeUndefined()
      return written
    }
    expect(again().body).toEqual(body)
    expect(JSON.stringify(again().body)).toBe(JSON.stringify(again().body))
  })

  const openai: ProfileOverrides = {
    maxTokensField: 'max_completion_tokens',
    takesStrict: true,
    refuses: new Set(),
  }
})
