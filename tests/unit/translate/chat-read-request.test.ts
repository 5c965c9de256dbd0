import { describe, expect, test } from 'bun:test'
import { chatClient } from '#translate/chat/client.ts'
import type { CommonRequest, Part, Tool } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { sealed } from '#translate/opaque.ts'

const facts = { path: '/v1/chat/completions', query: '', headers: new Headers(), model: 'alias', stream: false }

function read(body: Record<string, unknown>): { request: CommonRequest; notes: Notes } {
  const notes = new Notes()
  const request = chatClient.readRequest({ messages: [{ role: 'user', content: 'hi' }], ...body }, facts, notes)
  return { request, notes }
}

/** The parts of the last message. */
function partsOf(...messages: unknown[]): readonly Part[] {
  const { request, notes } = read({ messages })
  expect(notes.rejection).toBeUndefined()
  return request.messages.at(-1)?.parts ?? []
}

/** A row with the fields themselves as its name. */
function named<Row extends { readonly body: object }>(row: Row): Row & { readonly name: string } {
  return { ...row, name: JSON.stringify(row.body) }
}

describe('readRequest() of Chat, fields (§5.1, §5.10)', () => {
  const fieldRows: { body: Record<string, unknown>; has: object }[] = [
    { body: { max_tokens: 5 }, has: { sampling: { maxOutputTokens: 5 } } },
    { body: { max_tokens: 5, max_completion_tokens: 9 }, has: { sampling: { maxOutputTokens: 9 } } },
    { body: { temperature: 0.5, top_p: 0.9, top_k: 4 }, has: { sampling: { temperature: 0.5, topP: 0.9, topK: 4 } } },
    { body: { min_p: 0.1, repetition_penalty: 1.1 }, has: { sampling: { minP: 0.1, repetitionPenalty: 1.1 } } },
    { body: { stop: 'END' }, has: { sampling: { stop: ['END'] } } },
    { body: { stop: ['a', 'b'] }, has: { sampling: { stop: ['a', 'b'] } } },
    {
      body: { seed: 7, n: 2, logit_bias: { '50': -1 } },
      has: { sampling: { seed: 7, n: 2, logitBias: { '50': -1 } } },
    },
    { body: { random_seed: 8 }, has: { sampling: { seed: 8 } } },
    { body: { logprobs: true, top_logprobs: 3 }, has: { sampling: { logprobs: true, topLogprobs: 3 } } },
    {
      body: { presence_penalty: 1, frequency_penalty: -1 },
      has: { sampling: { presencePenalty: 1, frequencyPenalty: -1 } },
    },
    { body: { temperature: null, stop: null, tools: null }, has: { sampling: {}, tools: [] } },
    { body: { parallel_tool_calls: false }, has: { parallelToolCalls: false } },
    { body: { stream_options: { include_usage: true } }, has: { includeUsage: true } },
    { body: { service_tier: 'flex', store: true }, has: { tier: 'flex', store: true } },
    { body: { user: 'u1' }, has: { identity: { endUser: 'u1' } } },
    { body: { user: 'u1', safety_identifier: 's1' }, has: { identity: { endUser: 's1' } } },
    { body: { metadata: { a: 'b' } }, has: { identity: { tags: { a: 'b' } } } },
    { body: { prompt_cache_key: 'k', prompt_cache_retention: '24h' }, has: { cache: { key: 'k', retention: '24h' } } },
    { body: { prompt_cache_options: { mode: 'implicit', ttl: '1h' } }, has: { cache: { auto: { ttl: '1h' } } } },
    { body: { verbosity: 'low' }, has: { output: { verbosity: 'low' } } },
    { body: { prediction: { type: 'content', content: 'x' } }, has: { output: { prediction: { content: 'x' } } } },
    {
      body: { modalities: ['text', 'audio'], audio: { voice: 'ash', format: 'wav' } },
      has: { output: { modalities: ['text', 'audio'], audio: { voice: 'ash' } } },
    },
    { body: { response_format: { type: 'json_object' } }, has: { output: { format: { kind: 'json' } } } },
    {
      body: {
        response_format: { type: 'json_schema', json_schema: { name: 'r', strict: true, schema: { type: 'object' } } },
      },
      has: { output: { format: { kind: 'json_schema', name: 'r', strict: true, schema: { type: 'object' } } } },
    },
  ]
  test.each(fieldRows.map(named))('$name', ({ body, has }) => {
    const { request, notes } = read(body)
    expect(notes.rejection).toBeUndefined()
    expect(notes.codes).toEqual([])
    expect(request).toMatchObject(has)
  })

  test('a field that nobody knows is kept and told', () => {
    const { request, notes } = read({ wonder: 1, nothing: null })
    expect(request.rest).toEqual({ wonder: 1, nothing: null })
    expect(notes.fields).toEqual([['dropped:unknown_field', 'wonder']])
  })

  test.each([
    { body: { messages: 'hi' }, field: 'messages' },
    { body: { messages: [] }, field: 'messages' },
    { body: { messages: [5] }, field: 'messages[0]' },
    { body: { messages: [{ role: 'critic', content: 'x' }] }, field: 'messages[0].role' },
    { body: { messages: [{ role: 'user', content: 5 }] }, field: 'messages[0].content' },
    { body: { messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }, field: 'messages[0].content[0]' },
    {
      body: { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png,x' } }] }] },
      field: 'messages[0].content[0].image_url',
    },
    {
      body: { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] },
      field: 'messages[0].content[0].input_audio',
    },
    { body: { temperature: '1' }, field: 'temperature' },
    { body: { stop: [1] }, field: 'stop' },
    { body: { tools: [{}] }, field: 'tools[0]' },
    { body: { tools: [{ type: 'function' }] }, field: 'tools[0].function.name' },
    { body: { tool_choice: 'sometimes' }, field: 'tool_choice' },
    { body: { reasoning_effort: 'enormous' }, field: 'reasoning_effort' },
    { body: { response_format: { type: 'json_schema' } }, field: 'response_format.json_schema.schema' },
    { body: { response_format: { type: 'xml' } }, field: 'response_format.type' },
  ])('$field of another kind is rejected by name', ({ body, field }) => {
    expect(read(body).notes.rejection).toMatchObject({ kind: 'rejection', field })
  })

  test('nothing throws, whatever stands in the fields, and no prototype is touched', () => {
    const values: unknown[] = [
      null,
      5,
      '',
      'x',
      [],
      [null],
      [[]],
      {},
      { type: 5 },
      true,
      JSON.parse('{"__proto__":{"x":1}}'),
    ]
    const names = ['messages', 'tools', 'tool_choice', 'functions', 'function_call', 'response_format', 'reasoning']
    names.push('thinking', 'stream_options', 'metadata', 'stop', 'audio', 'chat_template_kwargs', 'extra_body')
    for (const name of names) for (const value of values) read({ [name]: value })
    for (const value of values) {
      for (const role of ['system', 'user', 'assistant', 'tool', 'function']) {
        read({ messages: [{ role, content: value, tool_calls: value, reasoning_details: value, images: value }] })
        read({ messages: [{ role, content: [value], tool_calls: [value], reasoning_details: [value], audio: value }] })
      }
    }
    const { request } = read(JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>)
    expect('polluted' in request.rest).toBe(false)
    expect('polluted' in {}).toBe(false)
  })
})

describe('readRequest() of Chat, messages (§5.2, §5.3, §5.6)', () => {
  test('system messages in front stand at the top, later ones among the others', () => {
    const { request } = read({
      messages: [
        { role: 'system', content: 'a' },
        { role: 'developer', content: [{ type: 'text', text: 'b', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
        { role: 'user', name: 'kim', content: 'c' },
        { role: 'system', content: 'd' },
      ],
    })
    expect(request.messages.map(({ role, placement }) => `${role} ${placement}`)).toEqual([
      'system top',
      'developer top',
      'user inline',
      'system inline',
    ])
    expect(request.messages[1]?.parts).toEqual([{ kind: 'text', text: 'b', cache: { ttl: '1h' } }])
    expect(request.messages[2]?.name).toBe('kim')
  })

  test.each<{ name: string; part: object; is: object }>([
    {
      name: 'an image as data',
      part: { type: 'image_url', image_url: { url: 'data:image/jpg;base64,AAAA', detail: 'low' } },
      is: { kind: 'media', medium: 'image', mime: 'image/jpeg', source: { base64: 'AAAA' }, detail: 'low' },
    },
    {
      name: 'an image by its address',
      part: { type: 'image_url', image_url: 'https://x.test/a.png' },
      is: { kind: 'media', medium: 'image', mime: '', source: { url: 'https://x.test/a.png' } },
    },
    {
      name: 'audio',
      part: { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      is: { kind: 'media', medium: 'audio', mime: 'audio/mpeg', source: { base64: 'AAAA' } },
    },
    {
      name: 'a file as data',
      part: { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
      is: { kind: 'media', medium: 'file', mime: 'application/pdf', source: { base64: 'AAAA' }, filename: 'a.pdf' },
    },
    {
      name: 'a file by its id',
      part: { type: 'file', file: { file_id: 'file-1' } },
      is: { kind: 'media', medium: 'file', mime: '', source: { file: { form: 'chat', id: 'file-1' } } },
    },
    {
      name: 'a video of compatible servers',
      part: { type: 'video_url', video_url: { url: 'https://x.test/a.mp4' } },
      is: { kind: 'media', medium: 'video', mime: '', source: { url: 'https://x.test/a.mp4' } },
    },
  ])('$name', ({ part, is }) => {
    expect(partsOf({ role: 'user', content: [part] })).toEqual([is as Part])
  })

  test('arguments of calls stay as they were written', () => {
    const raw = '{"id": 12345678901234567890, "x":1.0 }'
    const calls = [
      { id: 'c1', type: 'function', function: { name: 'f', arguments: raw } },
      { id: 'c2', type: 'custom', custom: { name: 'patch', input: '*** Begin' } },
    ]
    expect(partsOf({ role: 'assistant', content: null, tool_calls: calls })).toEqual([
      { kind: 'tool_call', id: 'c1', name: 'f', args: { raw }, isCustom: false, tool: 'function' },
      { kind: 'tool_call', id: 'c2', name: 'patch', args: { raw: '*** Begin' }, isCustom: true, tool: 'function' },
    ])
  })

  test('a result that begins with the mark of an error is one; that of a custom tool is known by its call', () => {
    const call = { id: 'c2', type: 'custom', custom: { name: 'patch', input: 'x' } }
    const parts = partsOf(
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c2', content: 'Error: clock offline' },
    )
    expect(parts).toEqual([
      {
        kind: 'tool_result',
        callId: 'c2',
        parts: [{ kind: 'text', text: 'clock offline' }],
        isError: true,
        isCustom: true,
      },
    ])
  })

  test('functions of the older form are tools, their call and its result are bound by name', () => {
    const { request } = read({
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: '18C' },
      ],
      functions: [{ name: 'f', parameters: { type: 'object' } }],
      function_call: { name: 'f' },
    })
    const call = request.messages[1]?.parts[0]
    const result = request.messages[2]?.parts[0]
    expect(call?.kind === 'tool_call' && result?.kind === 'tool_result' && call.id === result.callId).toBe(true)
    expect(request.tools).toMatchObject([{ kind: 'function', name: 'f', schema: { type: 'object' } }])
    expect(request.toolChoice).toEqual({ mode: 'tool', name: 'f', isCustom: false })
  })
})

describe('readRequest() of Chat, tools (§5.4, §5.5)', () => {
  test.each<{ name: string; body: Record<string, unknown>; tool: Partial<Tool> }>([
    {
      name: 'a function',
      body: {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
            cache_control: { type: 'ephemeral' },
          },
        ],
      },
      tool: { kind: 'function', name: 'f', description: 'd', schema: { type: 'object' }, strict: true, cache: {} },
    },
    {
      name: 'a custom tool with a grammar',
      body: {
        tools: [
          {
            type: 'custom',
            custom: { name: 'p', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } } },
          },
        ],
      },
      tool: { kind: 'custom', name: 'p', grammar: { syntax: 'lark', definition: 'start: "a"' } },
    },
    {
      name: 'a search of the web',
      body: { web_search_options: { search_context_size: 'low' } },
      tool: { kind: 'hosted', tool: 'web_search', native: { type: 'web_search', search_context_size: 'low' } },
    },
  ])('$name', ({ body, tool }) => {
    expect(read(body).request.tools).toMatchObject([tool])
  })

  const choiceRows: { choice: unknown; is: object }[] = [
    { choice: 'auto', is: { mode: 'auto' } },
    { choice: 'none', is: { mode: 'none' } },
    { choice: 'required', is: { mode: 'required' } },
    { choice: 'any', is: { mode: 'required' } },
    { choice: { type: 'function', function: { name: 'f' } }, is: { mode: 'tool', name: 'f', isCustom: false } },
    { choice: { type: 'custom', custom: { name: 'p' } }, is: { mode: 'tool', name: 'p', isCustom: true } },
    {
      choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] },
      },
      is: { mode: 'allowed', names: ['f'], isRequired: true },
    },
  ]
  test.each(choiceRows.map((row): [string, typeof row] => [JSON.stringify(row.choice), row]))(
    'choice %s',
    (_name, { choice, is }) => {
      expect(read({ tool_choice: choice }).request.toolChoice).toEqual(is as never)
    },
  )
})

describe('readRequest() of Chat, reasoning (§5.7, §6.2)', () => {
  const reasoningRows: { body: Record<string, unknown>; is: object | undefined }[] = [
    { body: {}, is: undefined },
    { body: { reasoning_effort: 'high' }, is: { effort: 'high' } },
    { body: { reasoning_effort: 'none' }, is: { effort: 'none' } },
    { body: { reasoning: { effort: 'low', exclude: true } }, is: { effort: 'low', visibility: 'none' } },
    { body: { reasoning: { max_tokens: 2000 } }, is: { budgetTokens: 2000 } },
    { body: { reasoning: { enabled: false } }, is: { effort: 'none', kind: 'off' } },
    { body: { thinking: { type: 'enabled', budget_tokens: 3000 } }, is: { kind: 'budget', budgetTokens: 3000 } },
    { body: { thinking: { type: 'disabled' } }, is: { effort: 'none', kind: 'off' } },
    { body: { enable_thinking: false }, is: { effort: 'none', kind: 'off' } },
    { body: { chat_template_kwargs: { enable_thinking: false } }, is: { effort: 'none', kind: 'off' } },
    {
      body: { extra_body: { google: { thinking_config: { thinking_budget: 512, include_thoughts: true } } } },
      is: { budgetTokens: 512, kind: 'budget', visibility: 'full' },
    },
  ]
  test.each(reasoningRows.map(named))('$name', ({ body, is }) => {
    expect(read(body).request.reasoning).toEqual(is as never)
  })

  const opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'SIG' } as const
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }
  const plainCall: Part = {
    kind: 'tool_call',
    id: 'c1',
    name: 'f',
    args: { raw: '{}' },
    isCustom: false,
    tool: 'function',
  }

  test.each<{ name: string; message: object; parts: readonly object[] }>([
    {
      name: 'a plain thought',
      message: { content: 'a', reasoning_content: 'hm' },
      parts: [
        { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false },
        { kind: 'text', text: 'a' },
      ],
    },
    {
      name: 'a signed thought, in the details',
      message: {
        content: 'a',
        reasoning_content: 'hm',
        reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: sealed(opaque), index: 0 }],
      },
      parts: [
        { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque },
        { kind: 'text', text: 'a' },
      ],
    },
    {
      name: 'a signature that only the call kept goes back to its thought',
      message: {
        content: null,
        reasoning_content: 'hm',
        tool_calls: [{ ...call, extra_content: { google: { thought_signature: sealed(opaque) } } }],
      },
      parts: [{ kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque }, plainCall],
    },
    {
      name: 'a signature at both places counts once',
      message: {
        reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: sealed(opaque), index: 0 }],
        tool_calls: [{ ...call, extra_content: { google: { thought_signature: sealed(opaque) } } }],
      },
      parts: [{ kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque }, plainCall],
    },
    {
      name: 'a redacted thought',
      message: {
        content: 'a',
        reasoning_details: [{ type: 'reasoning.encrypted', data: sealed({ ...opaque, kind: 'redacted' }), index: 0 }],
      },
      parts: [
        { kind: 'reasoning', text: '', style: 'raw', isRedacted: true, opaque: { ...opaque, kind: 'redacted' } },
        { kind: 'text', text: 'a' },
      ],
    },
    {
      name: 'an encrypted item of OpenAI with its summary',
      message: {
        content: 'a',
        reasoning_content: 'sum',
        reasoning_details: [
          {
            type: 'reasoning.encrypted',
            data: sealed({ form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'ENC' }),
            id: 'rs_1',
          },
        ],
      },
      parts: [
        {
          kind: 'reasoning',
          text: 'sum',
          style: 'summary',
          isRedacted: false,
          itemId: 'rs_1',
          opaque: { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'ENC' },
        },
        { kind: 'text', text: 'a' },
      ],
    },
    {
      name: "Gemini's own signature stays at its call",
      message: { tool_calls: [{ ...call, extra_content: { google: { thought_signature: 'R0VN' } } }] },
      parts: [{ ...plainCall, opaque: { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'R0VN' } }],
    },
    {
      name: 'a damaged envelope counts as missing',
      message: { reasoning_content: 'hm', reasoning_details: [{ type: 'reasoning.encrypted', data: 'lp1.%%' }] },
      parts: [{ kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }],
    },
  ])('$name', ({ message, parts }) => {
    expect(partsOf({ role: 'assistant', ...message })).toEqual(parts as Part[])
  })
})
