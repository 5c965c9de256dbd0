import { describe, expect, test } from 'bun:test'
import type { CompatMode, CompatPolicy } from '#core/compat.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { BackendRequest } from '#translate/codec.ts'
import type { CommonRequest, MediaPart, Message, Part, ToolChoice } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { responsesBackend } from '#translate/responses/backend.ts'
import { commonRequest } from '../../support/common-request.ts'
import { readAsked, responsesTarget } from '../../support/responses-codec.ts'

interface With {
  readonly model?: string
  readonly own?: ProfileOverrides
  readonly policy?: Partial<CompatPolicy>
  readonly mode?: CompatMode
}

function write(
  over: Partial<CommonRequest>,
  { model = 'gpt-5', own, policy, mode }: With = {},
): BackendRequest & { readonly notes: Notes } {
  const notes = new Notes(mode)
  const written = responsesBackend.writeRequest(commonRequest(over), responsesTarget(model, own, policy), notes)
  return { ...written, notes }
}

function text(said: string): Part {
  return { kind: 'text', text: said }
}

function user(...parts: readonly Part[]): Message {
  return { role: 'user', parts, placement: 'inline' }
}

function assistant(...parts: readonly Part[]): Message {
  return { role: 'assistant', parts, placement: 'inline' }
}

function system(...parts: readonly Part[]): Message {
  return { role: 'system', parts, placement: 'top' }
}

function call(
  id: string,
  name = 'f',
  args: Part & { kind: 'tool_call' } extends { args: infer Args } ? Args : never = { raw: '{}' },
): Part {
  return { kind: 'tool_call', id, name, args, isCustom: false, tool: 'function' }
}

function result(callId: string, ...parts: readonly Part[]): Part {
  return { kind: 'tool_result', callId, parts, isError: false, isCustom: false }
}

function inputOf(messages: readonly Message[], how: With = {}): readonly JsonObject[] {
  return write({ messages }, how).body['input'] as readonly JsonObject[]
}

const weather = {
  kind: 'function',
  name: 'weather',
  description: 'd',
  schema: { type: 'object', properties: {} },
} as const

describe('a request', () => {
  test('says no more than it must, and keeps nothing at the provider (§5.7-6, §5.10)', () => {
    const { path, query, headers, body, stream, notes } = write({})
    expect({ path, query, headers, stream }).toEqual({ path: '/v1/responses', query: '', headers: [], stream: false })
    expect(body).toEqual({
      model: 'gpt-5',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
      reasoning: { summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      store: false,
      stream: false,
    })
    expect(notes.codes).toEqual([])
  })

  test('a model that does not think is not asked about thoughts', () => {
    const { body } = write({ sampling: { temperature: 0.5, topP: 0.9 } }, { model: 'gpt-4o' })
    expect(body).toMatchObject({ temperature: 0.5, top_p: 0.9, store: false })
    expect(Object.keys(body)).not.toContain('include')
    expect(Object.keys(body)).not.toContain('reasoning')
  })

  test('twice the same is the same, byte by byte (§5.9)', () => {
    const request = {
      tools: [weather],
      messages: [user(text('a')), assistant(call('x'.repeat(90))), user(result('x'.repeat(90)))],
    }
    expect(JSON.stringify(write(request).body)).toBe(JSON.stringify(write(request).body))
  })

  test('settings have the names of this API (§5.1)', () => {
    const { body } = write(
      {
        stream: true,
        sampling: { maxOutputTokens: 500 },
        reasoning: { effort: 'low' },
        output: { verbosity: 'low' },
        parallelToolCalls: false,
        tools: [weather],
        cache: { key: 'k', retention: '24h' },
        tier: 'flex',
      },
      {},
    )
    expect(body).toMatchObject({
      stream: true,
      max_output_tokens: 500,
      reasoning: { effort: 'low', summary: 'auto' },
      text: { verbosity: 'low' },
      parallel_tool_calls: false,
      prompt_cache_key: 'k',
      prompt_cache_retention: '24h',
      service_tier: 'flex',
    })
  })

  test.each<[code: string, over: Partial<CommonRequest>, how: With]>([
    ['dropped:seed', { sampling: { seed: 1 } }, {}],
    ['dropped:top_k', { sampling: { topK: 1 } }, {}],
    ['dropped:penalties', { sampling: { presencePenalty: 1 } }, {}],
    ['dropped:penalties', { sampling: { repetitionPenalty: 1.2 } }, {}],
    ['dropped:logit_bias', { sampling: { logitBias: { '1': 2 } } }, {}],
    ['dropped:logprobs', { sampling: { logprobs: true, topLogprobs: 2 } }, {}],
    ['dropped:unknown_field', { sampling: { temperature: 0.2 } }, {}],
    ['dropped:prediction', { output: { prediction: { type: 'content' } } }, {}],
    ['dropped:verbosity', { output: { verbosity: 'low' } }, { model: 'gpt-4o' }],
    ['dropped:reasoning_summary', { reasoning: { summary: 'auto' } }, { model: 'gpt-4o' }],
    ['dropped:user', { identity: { endUser: 'u' } }, {}],
    ['dropped:metadata', { identity: { tags: { a: 'b' } } }, {}],
    ['dropped:service_tier', { tier: 'reserved' }, {}],
    ['dropped:message_name', { messages: [{ ...user(text('a')), name: 'bob' }] }, {}],
    ['dropped:cache_hint', { messages: [user({ kind: 'text', text: 'a', cache: {} })] }, {}],
    ['dropped:hosted_tool', { tools: [{ kind: 'hosted', tool: 'web_search', native: {} }] }, {}],
    ['dropped:client_tool', { tools: [{ kind: 'client_builtin', tool: 'telepathy', name: 't', native: {} }] }, {}],
    [
      'dropped:server_tool_blocks',
      { messages: [user({ kind: 'native', form: 'messages', type: 'x', value: {} })] },
      {},
    ],
    ['adapted:temperature_clamped', { sampling: { temperature: 3 } }, { model: 'gpt-4o' }],
    ['adapted:stop_emulated', { sampling: { stop: ['END'] } }, {}],
    ['adapted:prefill', { messages: [user(text('a')), assistant(text('{'))] }, {}],
    ['adapted:reasoning_not_disableable', { reasoning: { effort: 'none' } }, {}],
  ])('%s', (code, over, how) => {
    const { notes } = write(over, how)
    expect(notes.codes).toEqual([code])
    expect(notes.rejection).toBeUndefined()
  })

  test('without effect nothing is noted', () => {
    const sampling = {
      temperature: 1,
      topP: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      repetitionPenalty: 1,
      n: 1,
      stop: [],
    }
    expect(write({ sampling, tier: 'auto' }).notes.codes).toEqual([])
  })

  test.each<[field: string, over: Partial<CommonRequest>]>([
    ['n', { sampling: { n: 2 } }],
    ['generationConfig.candidateCount', { form: 'gemini', sampling: { n: 2 } }],
    ['max_tokens', { sampling: { maxOutputTokens: 0 } }],
    ['modalities', { output: { modalities: ['text', 'audio'] } }],
    ['cachedContent', { cache: { resource: 'cachedContents/1' } }],
    ['tool_choice', { tools: [weather], toolChoice: { mode: 'tool', name: 'other', isCustom: false } }],
    [
      'messages[0].content[1]',
      {
        messages: [user(text('a'), { kind: 'media', medium: 'audio', mime: 'audio/wav', source: { base64: 'AAAA' } })],
      },
    ],
    [
      'contents[0].parts[0]',
      {
        form: 'gemini',
        messages: [system(text('s')), user({ kind: 'media', medium: 'video', mime: '', source: { url: 'https://a' } })],
      },
    ],
  ])('%s is rejected, since the answer would be wrong (§3, #17.7)', (field, over) => {
    expect(write(over).notes.rejection?.field).toBe(field)
  })

  test('stop sequences are looked for in the answer', () => {
    expect(write({ sampling: { stop: ['END', ''] } }).back.stops).toEqual(['END'])
  })

  test('who asks is told to others only where that is wanted (§5.10)', () => {
    const identity = { endUser: 'u'.repeat(100), tags: { team: 'red', long: 'x'.repeat(600) }, session: 's'.repeat(70) }
    const { body } = write({ identity }, { policy: { forwardsIdentity: true } })
    expect(body['safety_identifier']).toMatch(/^[0-9a-f]{64}$/)
    expect(body['metadata']).toEqual({ team: 'red' })
    expect(body['prompt_cache_key']).toMatch(/^[0-9a-f]{64}$/)
  })

  test('fewer tokens than OpenAI writes at least are as many as that', () => {
    const { body, notes } = write({ sampling: { maxOutputTokens: 1 } })
    expect([body['max_output_tokens'], notes.codes]).toEqual([16, ['adapted:value_clamped']])
    expect(write({ sampling: { maxOutputTokens: 1 } }, { model: 'gemma' }).body['max_output_tokens']).toBe(1)
  })

  test('log probabilities are asked for twice', () => {
    const { body } = write({ sampling: { logprobs: true, topLogprobs: 2 } }, { model: 'gpt-4o' })
    expect(body).toMatchObject({ include: ['message.output_text.logprobs'], top_logprobs: 2 })
  })

  test('what a backend refuses is left out', () => {
    const own = { refuses: new Set(['prompt_cache_key', 'store', 'service_tier']) }
    const { body, notes } = write({ cache: { key: 'k' }, tier: 'flex' }, { own })
    for (const name of ['prompt_cache_key', 'store', 'service_tier']) expect(Object.keys(body)).not.toContain(name)
    expect(notes.codes).toEqual(['dropped:service_tier'])
  })

  test('a model that only streams is asked for a stream', () => {
    expect(write({}, { own: { alwaysStreams: true } })).toMatchObject({ stream: true, body: { stream: true } })
  })

  test.each<[form: string, visibility: 'none' | 'full' | undefined, summary: string | undefined]>([
    ['chat', undefined, 'auto'],
    ['messages', undefined, 'auto'],
    ['messages', 'none', undefined],
    ['gemini', undefined, undefined],
    ['gemini', 'full', 'auto'],
    ['responses', undefined, undefined],
  ])('clients of %s with visibility %s are shown the summary %s', (form, visibility, summary) => {
    const { body } = write({ form, reasoning: { effort: 'high', ...(visibility === undefined ? {} : { visibility }) } })
    expect(body['reasoning']).toEqual(summary === undefined ? { effort: 'high' } : { effort: 'high', summary })
  })
})

describe('the system', () => {
  test('one text is the instructions, several are items, and those among the others stay (§5.2, #17.8)', () => {
    expect(write({ messages: [system(text('a')), user(text('q'))] }).body).toMatchObject({ instructions: 'a' })
    const developer: Message = { role: 'developer', parts: [text('later')], placement: 'inline' }
    const { body } = write({ messages: [system(text('a'), text('b')), user(text('q')), developer] })
    expect(body['instructions']).toBeUndefined()
    expect(body['input']).toMatchObject([
      { role: 'developer', content: [{ text: 'a' }, { text: 'b' }] },
      { role: 'user' },
      { role: 'developer', content: [{ text: 'later' }] },
    ])
  })

  test('what Responses had as instructions and items is so again', () => {
    const body = {
      instructions: 'i',
      input: [
        { role: 'developer', content: 'd' },
        { role: 'user', content: 'q' },
      ],
    }
    const { request } = readAsked(body)
    expect(write(request).body).toMatchObject({ instructions: 'i', input: [{ role: 'developer' }, { role: 'user' }] })
  })

  test('a server that takes one only, or none, gets it so', () => {
    const messages = [system(text('a')), system(text('b')), user(text('q'))]
    expect(write({ messages }, { own: { wantsSingleSystem: true } }).body['instructions']).toBe('a\n\nb')
    expect(inputOf([system(text('a')), user(text('q'))], { own: { systemRole: 'user' } })).toMatchObject([
      { role: 'user', content: [{ text: 'a' }] },
      { role: 'user', content: [{ text: 'q' }] },
    ])
  })
})

describe('what was said', () => {
  test('a loop of tools is items in their order (§5.6, B.6)', () => {
    const raw = '{ "city": "Paris", "n": 12345678901234567890 }'
    const items = inputOf([
      user(text('q')),
      assistant(
        text('Checking.'),
        call('call_A', 'get_weather', { raw }),
        call('call_B', 'get_time', { value: { a: 1 } }),
      ),
      user(
        result('call_A', text('18C')),
        { ...result('call_B', text('clock offline')), isError: true } as Part,
        text('so?'),
      ),
    ])
    expect(items).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'q' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Checking.', annotations: [] }] },
      { type: 'function_call', call_id: 'call_A', name: 'get_weather', arguments: raw },
      { type: 'function_call', call_id: 'call_B', name: 'get_time', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'call_A', output: '18C' },
      { type: 'function_call_output', call_id: 'call_B', output: 'Error: clock offline' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'so?' }] },
    ])
  })

  test('ids that are too long are made anew on both sides (#17.1)', () => {
    const id = `toolu_${'x'.repeat(100)}`
    const [, made, answered] = inputOf([user(text('q')), assistant(call(id)), user(result(id, text('a')))])
    expect(made?.['call_id']).toBe(answered?.['call_id'] as never)
    expect(String(made?.['call_id']).length).toBeLessThanOrEqual(64)
  })

  test('custom tools keep their text', () => {
    const custom: Part = {
      ...(call('c', 'apply', { raw: '*** Begin' }) as Part & { kind: 'tool_call' }),
      isCustom: true,
    }
    expect(inputOf([user(text('q')), assistant(custom), user(result('c', text('ok')))]).slice(1)).toEqual([
      { type: 'custom_tool_call', call_id: 'c', name: 'apply', input: '*** Begin' },
      { type: 'custom_tool_call_output', call_id: 'c', output: 'ok' },
    ])
  })

  const png: MediaPart = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } }
  const pdf: MediaPart = {
    kind: 'media',
    medium: 'file',
    mime: 'application/pdf',
    source: { base64: 'JVBERi0=' },
    filename: 'a.pdf',
  }

  test('results hold media where the model takes it, else the user shows it (§5.6)', () => {
    const messages = [user(text('q')), assistant(call('c')), user(result('c', text('see'), png, pdf))]
    expect(inputOf(messages).at(-1)).toMatchObject({
      output: [{ type: 'input_text', text: 'see' }, { type: 'input_image' }, { type: 'input_file', filename: 'a.pdf' }],
    })
    const { body, notes } = write({ messages }, { own: { takesMediaInResults: false } })
    expect((body['input'] as JsonObject[]).slice(2)).toMatchObject([
      { type: 'function_call_output', output: 'see\nSee the attached files.' },
      { role: 'user', content: [{ type: 'input_image' }, { type: 'input_file' }] },
    ])
    expect(notes.codes).toEqual(['adapted:tool_media_moved'])
  })

  test.each<[name: string, part: Part, output: unknown]>([
    ['a value', { ...(result('c') as Part & { kind: 'tool_result' }), value: { a: 1 } }, '{"a":1}'],
    ['nothing', result('c'), ''],
    [
      'two texts',
      result('c', text('a'), text('b')),
      [
        { type: 'input_text', text: 'a' },
        { type: 'input_text', text: 'b' },
      ],
    ],
    [
      'an error that says so',
      { ...(result('c', text('Error: no')) as Part & { kind: 'tool_result' }), isError: true },
      'Error: no',
    ],
  ])('a result: %s', (_, part, output) => {
    expect(inputOf([user(text('q')), assistant(call('c')), user(part)]).at(-1)?.['output']).toEqual(output as never)
  })

  test.each<[name: string, part: MediaPart, written: JsonObject]>([
    ['an image', png, { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'auto' }],
    [
      'an image by address',
      { ...png, source: { url: 'https://a/b.png' }, detail: 'high' },
      { type: 'input_image', image_url: 'https://a/b.png', detail: 'high' },
    ],
    [
      'an image by id',
      { ...png, source: { file: { form: 'chat', id: 'file-1' } } },
      { type: 'input_image', file_id: 'file-1', detail: 'auto' },
    ],
    ['a file', pdf, { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' }],
    [
      'a file without a name',
      { ...pdf, filename: undefined },
      { type: 'input_file', filename: 'document.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
    ],
    [
      'a file by address',
      { ...pdf, filename: undefined, source: { url: 'https://a/b.pdf' } },
      { type: 'input_file', file_url: 'https://a/b.pdf' },
    ],
    [
      'plain text',
      { ...pdf, mime: 'text/plain', filename: 'a.txt', source: { base64: 'aGk=' } },
      { type: 'input_text', text: '--- file: a.txt ---\nhi' },
    ],
  ])('%s (§5.3)', (_, part, written) => {
    expect(inputOf([user(part)])[0]?.['content']).toEqual([written])
  })

  test.each<[name: string, part: MediaPart]>([
    ['a file of another provider', { ...png, source: { file: { form: 'gemini', id: 'files/1' } } }],
    ['an office file', { ...pdf, mime: 'application/msword' }],
    ['an address in a bucket', { ...pdf, source: { url: 'gs://a/b' } }],
  ])('%s is rejected', (_, part) => {
    expect(write({ messages: [user(part)] }).notes.rejection?.field).toBe('messages[0].content[0]')
  })

  test('its own encrypted thoughts go back with their id, in front of what they led to (§6.1, §13)', () => {
    const opaque = { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'gAAA' } as const
    const thought: Part = { kind: 'reasoning', text: 'sum', style: 'summary', isRedacted: false, opaque }
    const { body, notes } = write({
      messages: [user(text('q')), assistant(thought, call('c')), user(result('c')), assistant(text('a'), thought)],
    })
    expect((body['input'] as JsonObject[]).map(({ type }) => type)).toEqual([
      'message',
      'reasoning',
      'function_call',
      'function_call_output',
      'message',
    ])
    expect((body['input'] as JsonObject[])[1]).toEqual({
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'sum' }],
      encrypted_content: 'gAAA',
    })
    expect(notes.codes).toEqual(['adapted:prefill'])
  })

  test("other providers' thoughts do not go along, not even as text (§6.4)", () => {
    const opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 's' } as const
    const thought: Part = { kind: 'reasoning', text: 'secret', style: 'raw', isRedacted: false, opaque }
    const { body, notes } = write({ messages: [user(text('q')), assistant(thought, text('a')), user(text('b'))] })
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(notes.codes).toEqual(['dropped:foreign_reasoning'])
    const wants = { own: { family: 'gemma', reasoning: { history: 'require' } } } as const
    expect(inputOf([user(text('q')), assistant(thought, text('a')), user(text('b'))], wants)[1]).toEqual({
      type: 'reasoning',
      summary: [],
      content: [{ type: 'reasoning_text', text: 'secret' }],
    })
  })

  test('breakpoints of the cache go to models that take them', () => {
    const messages = [
      system({ kind: 'text', text: 's', cache: {} }),
      user({ kind: 'text', text: 'a', cache: { ttl: '1h' } }),
    ]
    const { body, notes } = write({ messages }, { own: { takesCacheHints: true } })
    expect(body['instructions']).toBeUndefined()
    expect(body['input']).toMatchObject([
      { role: 'developer', content: [{ prompt_cache_breakpoint: { mode: 'explicit' } }] },
      { role: 'user', content: [{ prompt_cache_breakpoint: { mode: 'explicit' } }] },
    ])
    expect(notes.codes).toEqual([])
  })
})

describe('tools', () => {
  test('strict is always told, and never true of what OpenAI would refuse (§5.4, §5.8-3)', () => {
    const closed = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    }
    const open = { type: 'object', properties: { a: { type: 'string' } } }
    const told = (
      form: string,
      schema: JsonObject | undefined,
      strict: boolean | undefined,
      own?: ProfileOverrides,
    ): unknown => {
      const { body } = write(
        { form, tools: [{ kind: 'function', name: 'f', schema, strict }] },
        own === undefined ? {} : { own },
      )
      return (body['tools'] as JsonObject[])[0]?.['strict']
    }
    expect(told('chat', closed, undefined)).toBe(false)
    expect(told('chat', open, true)).toBe(true)
    expect(told('messages', open, true)).toBe(false)
    expect(told('messages', closed, true)).toBe(true)
    expect(told('chat', closed, true, { takesStrict: false })).toBe(false)
    const { body } = write({ tools: [{ kind: 'function', name: 'f', schema: undefined }] })
    expect(body['tools']).toEqual([
      { type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false },
    ])
  })

  test('names that do not fit come back as they were, those of namespaces with theirs', () => {
    const { body, back } = write({
      tools: [
        { ...weather, name: 'a.b' },
        { ...weather, name: 'send', namespace: 'mail' },
      ],
      messages: [
        user(text('q')),
        assistant({ ...(call('c', 'send') as Part & { kind: 'tool_call' }), namespace: 'mail' }),
        user(result('c')),
      ],
    })
    expect(body['tools']).toMatchObject([{ name: 'a_b' }, { name: 'mail__send' }])
    expect((body['input'] as JsonObject[])[1]).toMatchObject({ name: 'mail__send' })
    expect([...back.toolNames]).toEqual([
      ['a_b', { name: 'a.b' }],
      ['mail__send', { name: 'send', namespace: 'mail' }],
    ])
  })

  test('custom tools are told as such, built-ins of others as functions that stand for them', () => {
    const { body, back } = write({
      tools: [
        { kind: 'custom', name: 'apply', description: 'd', grammar: { syntax: 'lark', definition: 'start: x' } },
        { kind: 'client_builtin', tool: 'bash', name: 'bash', native: { type: 'bash_20250124' } },
      ],
    })
    expect(body['tools']).toMatchObject([
      {
        type: 'custom',
        name: 'apply',
        description: 'd',
        format: { type: 'grammar', syntax: 'lark', definition: 'start: x' },
      },
      { type: 'function', name: 'bash', strict: false },
    ])
    expect([...back.builtins]).toEqual([['bash', 'bash']])
    expect([...back.customTools]).toEqual([])
  })

  test('a search is mapped where that is wanted', () => {
    const native = {
      web_search_options: {
        search_context_size: 'low',
        user_location: { type: 'approximate', approximate: { city: 'Oslo' } },
      },
    }
    const { body } = write(
      { tools: [{ kind: 'hosted', tool: 'web_search', native }] },
      { policy: { hostedTools: 'map' } },
    )
    expect(body['tools']).toEqual([
      { type: 'web_search', user_location: { city: 'Oslo', type: 'approximate' }, search_context_size: 'low' },
    ])
  })

  test.each<[choice: ToolChoice, written: unknown]>([
    [{ mode: 'auto' }, 'auto'],
    [{ mode: 'none' }, 'none'],
    [{ mode: 'required' }, 'required'],
    [
      { mode: 'tool', name: 'weather', isCustom: false },
      { type: 'function', name: 'weather' },
    ],
    [
      { mode: 'tool', name: 'apply', isCustom: true },
      { type: 'custom', name: 'apply' },
    ],
    [
      { mode: 'allowed', names: ['weather', 'apply'], isRequired: true },
      {
        type: 'allowed_tools',
        mode: 'required',
        tools: [
          { type: 'function', name: 'weather' },
          { type: 'custom', name: 'apply' },
        ],
      },
    ],
  ])('the choice %j (§5.5)', (toolChoice, written) => {
    const tools = [weather, { kind: 'custom', name: 'apply' } as const]
    expect(write({ tools, toolChoice }).body['tool_choice']).toEqual(written as never)
    expect(Object.keys(write({ toolChoice: { mode: 'auto' } }).body)).not.toContain('tool_choice')
  })

  test('who cannot be forced gets only what it shall call', () => {
    const tools = [weather, { ...weather, name: 'other' }]
    const { body, notes } = write(
      { tools, toolChoice: { mode: 'tool', name: 'other', isCustom: false } },
      { own: { takesForcedTool: false } },
    )
    expect(body).toMatchObject({ tool_choice: 'auto', tools: [{ name: 'other' }] })
    expect(notes.codes).toEqual(['adapted:tool_choice_downgraded'])
  })
})

describe('a structured answer (§5.8)', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }

  test('is asked for in the flat form, strict as the client said', () => {
    const format = { kind: 'json_schema', name: 'my name', description: 'd', schema, strict: true } as const
    expect(write({ output: { format } }).body['text']).toEqual({
      format: { type: 'json_schema', name: 'my_name', description: 'd', schema, strict: true },
    })
    const plain = { kind: 'json_schema', schema: { type: 'object', properties: {} } } as const
    expect(write({ form: 'gemini', output: { format: plain } }).body['text']).toMatchObject({
      format: { name: 'response', strict: false },
    })
    expect(write({ output: { format: { kind: 'json' } } }).body['text']).toEqual({ format: { type: 'json_object' } })
    expect(Object.keys(write({ output: { format: { kind: 'text' } } }).body)).not.toContain('text')
  })

  test('that is no object is put into one', () => {
    const { body, back, notes } = write({
      output: { format: { kind: 'json_schema', schema: { type: 'array', items: { type: 'string' } } } },
    })
    expect(body['text']).toMatchObject({ format: { schema: { type: 'object', required: ['value'] } } })
    expect(back.isOutputWrapped).toBe(true)
    expect(notes.codes).toEqual(['adapted:schema_wrapped'])
  })

  test('is a tool or an instruction where there is nothing else', () => {
    const format = { kind: 'json_schema', schema } as const
    const tool = write({ output: { format } }, { own: { structured: 'tool' } })
    expect(tool.back.outputTool).toBe('json_response')
    expect(tool.body).toMatchObject({
      tool_choice: { type: 'function', name: 'json_response' },
      tools: [{ parameters: schema }],
    })
    const told = write({ output: { format } }, { own: { structured: 'instruction' } })
    expect(String(told.body['instructions'])).toContain('JSON')
  })
})

test('what Responses clients said in their own words is said again in them', () => {
  const body = {
    input: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'q' }] },
      { type: 'shell_call', id: 'sh_1', call_id: 'c', action: { commands: ['ls'] } },
      { type: 'function_call_output', call_id: 'c', output: 'a' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed' },
      {
        type: 'message',
        role: 'assistant',
        phase: 'final_answer',
        content: [{ type: 'output_text', text: 'a', annotations: [] }],
      },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'b' }] },
    ],
    tools: [{ type: 'shell' }, { type: 'web_search', search_context_size: 'low' }],
    tool_choice: { type: 'shell' },
    include: ['web_search_call.results'],
    metadata: { a: 'b' },
    safety_identifier: 'u',
    store: true,
    truncation: 'auto',
    reasoning: { effort: 'high', summary: 'detailed' },
  }
  const { request } = readAsked(body)
  expect(write(request).body).toMatchObject({
    input: [
      { role: 'user' },
      { type: 'shell_call', id: 'sh_1', call_id: 'c', action: { commands: ['ls'] } },
      { type: 'function_call_output', call_id: 'c' },
      { type: 'web_search_call', id: 'ws_1' },
      { role: 'assistant', content: [{ text: 'a' }] },
      { role: 'user' },
    ],
    tools: body.tools,
    tool_choice: { type: 'shell' },
    include: ['web_search_call.results', 'reasoning.encrypted_content'],
    metadata: { a: 'b' },
    safety_identifier: 'u',
    store: true,
    truncation: 'auto',
    reasoning: { effort: 'high', summary: 'detailed' },
  })
})
