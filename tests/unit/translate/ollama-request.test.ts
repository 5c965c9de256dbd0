import { describe, expect, test } from 'bun:test'
import type { CompatPolicy } from '#core/compat.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { CommonRequest, Part } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { ollamaBackend } from '#translate/ollama/backend.ts'
import { ollamaClient } from '#translate/ollama/client.ts'
import { commonRequest, said, targetFor } from '../../support/common-request.ts'

const png = 'iVBORw0KGgoAAAANSUhEUg=='

function read(body: JsonObject, path = '/api/chat'): { readonly request: CommonRequest; readonly notes: Notes } {
  const notes = new Notes()
  const facts = { path, query: '', headers: new Headers(), model: 'alias', stream: true }
  return { request: ollamaClient.readRequest(body, facts, notes), notes }
}

function write(
  overrides: Partial<CommonRequest>,
  model = 'llama3.2',
  policy: Partial<CompatPolicy> = {},
): { readonly body: JsonObject; readonly notes: Notes; readonly path: string; readonly stream: boolean } {
  const notes = new Notes()
  const { body, path, stream } = ollamaBackend.writeRequest(
    commonRequest(overrides),
    targetFor('ollama', 'ollama', model, {}, policy),
    notes,
  )
  return { body, notes, path, stream }
}

const hi = [{ role: 'user', content: 'hi' }]

describe('a request of an Ollama client', () => {
  test('a chat with all that a history may hold', () => {
    const { request, notes } = read({
      model: 'alias',
      keep_alive: '5m',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'look', images: [png, `data:image/jpeg;base64,/9j/4AAQ`] },
        {
          role: 'assistant',
          content: 'Checking.',
          thinking: 'hm',
          tool_calls: [{ id: 'c1', function: { name: 'look_up', arguments: { q: 1 } } }, { function: { name: 'now' } }],
        },
        { role: 'tool', tool_name: 'look_up', tool_call_id: 'c1', content: '18C' },
        { role: 'tool', tool_name: 'now', content: 'Error: clock offline' },
        { role: 'system', content: 'later' },
      ],
    })
    expect(notes.rejection).toBeUndefined()
    expect(notes.fields).toEqual([['dropped:unknown_field', 'keep_alive']])
    const call = { kind: 'tool_call', isCustom: false, tool: 'function' }
    const result = { kind: 'tool_result', isCustom: false }
    const image = { kind: 'media', medium: 'image' }
    expect(request.messages).toEqual([
      { role: 'system', placement: 'top', parts: [{ kind: 'text', text: 'be brief' }] },
      said(
        'user',
        'look',
        { ...image, mime: 'image/png', source: { base64: png } } as Part,
        { ...image, mime: 'image/jpeg', source: { base64: '/9j/4AAQ' } } as Part,
      ),
      said(
        'assistant',
        { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false },
        'Checking.',
        { ...call, id: 'c1', name: 'look_up', args: { value: { q: 1 } } } as Part,
        { ...call, id: '', name: 'now', args: { value: {} } } as Part,
      ),
      said('user', {
        ...result,
        callId: 'c1',
        name: 'look_up',
        isError: false,
        parts: [{ kind: 'text', text: '18C' }],
      } as Part),
      said('user', {
        ...result,
        callId: '',
        name: 'now',
        isError: true,
        parts: [{ kind: 'text', text: 'clock offline' }],
      } as Part),
      said('system', 'later'),
    ])
    expect(request.stream).toBe(true)
  })

  test('options, format, tools and probabilities', () => {
    const schema = { type: 'object', properties: {} }
    const { request, notes } = read({
      messages: hi,
      options: {
        num_predict: 9,
        temperature: 0.5,
        top_k: 3,
        top_p: 0.9,
        min_p: 0.1,
        seed: 7,
        stop: ['END', ''],
        repeat_penalty: 1.1,
        presence_penalty: 0.2,
        frequency_penalty: 0.3,
        num_gpu: 1,
        num_ctx: 4096,
        mirostat: 2,
      },
      format: schema,
      logprobs: true,
      top_logprobs: 2,
      tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters: schema } }],
    })
    expect(request.sampling).toEqual({
      maxOutputTokens: 9,
      temperature: 0.5,
      topK: 3,
      topP: 0.9,
      minP: 0.1,
      seed: 7,
      stop: ['END'],
      repetitionPenalty: 1.1,
      presencePenalty: 0.2,
      frequencyPenalty: 0.3,
      logprobs: true,
      topLogprobs: 2,
    })
    expect(request.output).toEqual({ format: { kind: 'json_schema', schema } })
    expect(request.tools).toEqual([{ kind: 'function', name: 'f', description: 'd', schema }])
    expect(notes.fields).toEqual([
      ['dropped:unknown_field', 'options.num_gpu'],
      ['dropped:unknown_field', 'options.num_ctx'],
      ['dropped:unknown_field', 'options.mirostat'],
    ])
  })

  test.each([
    [{ num_predict: -1 }, undefined],
    [{ num_predict: -2 }, undefined],
    [{ num_predict: 0 }, 0],
  ])('a limit of %p is %p tokens', (options, wanted) => {
    expect(read({ messages: hi, options }).request.sampling.maxOutputTokens).toBe(wanted as number)
  })

  test.each([
    [true, { kind: 'adaptive', visibility: 'full' }],
    [false, { kind: 'off', effort: 'none' }],
    ['high', { effort: 'high', visibility: 'full' }],
    [undefined, undefined],
  ])('think %p', (think, wanted) => {
    expect(read({ messages: hi, think }).request.reasoning).toEqual(wanted as object)
  })

  test('a prompt is a chat of one message', () => {
    const { request, notes } = read(
      { prompt: 'hi', system: 'be brief', images: [png], format: 'json' },
      '/api/generate',
    )
    expect(notes.rejection).toBeUndefined()
    expect(request.messages).toEqual([
      { role: 'system', placement: 'top', parts: [{ kind: 'text', text: 'be brief' }] },
      said('user', 'hi', { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } }),
    ])
    expect(request.output.format).toEqual({ kind: 'json' })
  })

  test('what is empty in a prompt says nothing', () => {
    const empty = {
      prompt: 'hi',
      suffix: '',
      template: '',
      raw: false,
      context: [],
      system: '',
      images: [],
      format: '',
    }
    const { request, notes } = read(empty, '/api/generate')
    expect(notes.rejection).toBeUndefined()
    expect(notes.codes).toEqual([])
    expect(request.messages).toEqual([said('user', 'hi')])
  })

  test.each([
    ['suffix', { prompt: 'a', suffix: 'b' }],
    ['template', { prompt: 'a', template: '{{ .Prompt }}' }],
    ['raw', { prompt: 'a', raw: true }],
    ['context', { prompt: 'a', context: [1, 2] }],
    ['width', { prompt: 'a', width: 64 }],
    ['prompt', {}],
    ['prompt', { prompt: 5 }],
  ])('a prompt whose %s cannot be carried is rejected', (field, body) => {
    expect(read(body, '/api/generate').notes.rejection?.field).toBe(field)
  })

  test.each([
    ['messages', { messages: [] }],
    ['messages[0]', { messages: ['hi'] }],
    ['messages[0].role', { messages: [{ role: 'bot', content: '' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    ['messages[0].images[0]', { messages: [{ role: 'user', images: ['https://a.b/c.png'] }] }],
    ['messages[0].tool_calls[0]', { messages: [{ role: 'assistant', tool_calls: [{}] }] }],
    ['tools[0]', { messages: hi, tools: [{ type: 'function' }] }],
    ['options.temperature', { messages: hi, options: { temperature: 'hot' } }],
    ['options', { messages: hi, options: [] }],
    ['options.stop', { messages: hi, options: { stop: [1] } }],
    ['format', { messages: hi, format: 'xml' }],
    ['think', { messages: hi, think: 'hard' }],
  ])('%s of the wrong kind is rejected', (field, body) => {
    expect(read(body).notes.rejection?.field).toBe(field)
  })

  test('nothing is thrown, whatever is written', () => {
    const odd: readonly unknown[] = [null, 1, '', 'x', [], {}, [null], [[]], { __proto__: null, constructor: 1 }]
    for (const value of odd) {
      for (const name of [
        'messages',
        'prompt',
        'options',
        'format',
        'think',
        'tools',
        'images',
        'context',
        'logprobs',
      ]) {
        for (const path of ['/api/chat', '/api/generate']) read({ messages: hi, prompt: 'p', [name]: value }, path)
      }
    }
  })
})

describe('a request for an Ollama backend (§12.4)', () => {
  test('the least says the model, the messages and whether it streams', () => {
    const { body, path, stream } = write({})
    expect(body).toEqual({ model: 'llama3.2', messages: hi, stream: false })
    expect(path).toBe('/api/chat')
    expect(stream).toBe(false)
    expect(write({ stream: true }).body['stream']).toBe(true)
    expect(write({ stream: true }).stream).toBe(true)
  })

  test('the history of two calls, one of which failed (Appendix B)', () => {
    const call = { kind: 'tool_call', isCustom: false, tool: 'function' } as const
    const result = { kind: 'tool_result', isCustom: false } as const
    const { body, notes } = write({
      messages: [
        said('user', 'q'),
        said(
          'assistant',
          'Checking.',
          { ...call, id: 'call_A1', name: 'get_weather', args: { raw: '{"city":"Paris"}' } },
          { ...call, id: 'call_B2', name: 'get_time', args: { raw: '' } },
        ),
        said('user', { ...result, callId: 'call_A1', isError: false, parts: [{ kind: 'text', text: '18C' }] }),
        said('user', { ...result, callId: 'call_B2', isError: true, parts: [{ kind: 'text', text: 'clock offline' }] }),
      ],
    })
    expect(JSON.stringify(body['messages'])).toBe(
      '[{"role":"user","content":"q"},{"role":"assistant","content":"Checking.","tool_calls":[{"id":"call_A1","function":{"name":"get_weather","arguments":{"city":"Paris"}}},{"id":"call_B2","function":{"name":"get_time","arguments":{}}}]},{"role":"tool","tool_name":"get_weather","tool_call_id":"call_A1","content":"18C"},{"role":"tool","tool_name":"get_time","tool_call_id":"call_B2","content":"Error: clock offline"}]',
    )
    expect(notes.codes).toEqual([])
  })

  test('every option has its name', () => {
    const { body } = write({
      sampling: {
        maxOutputTokens: 9,
        temperature: 0.5,
        topP: 0.9,
        topK: 3,
        minP: 0.1,
        repetitionPenalty: 1.1,
        presencePenalty: 0.2,
        frequencyPenalty: 0.3,
        seed: 0,
        stop: ['END'],
        logprobs: true,
        topLogprobs: 2,
      },
    })
    expect(body['options']).toEqual({
      num_predict: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      min_p: 0.1,
      repeat_penalty: 1.1,
      presence_penalty: 0.2,
      frequency_penalty: 0.3,
      seed: 0,
      stop: ['END'],
    })
    expect(body['logprobs']).toBe(true)
    expect(body['top_logprobs']).toBe(2)
  })

  test('images are bare base64 beside the text; text files stand in it', () => {
    const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } }
    const file: Part = { kind: 'media', medium: 'file', mime: 'text/plain', source: { text: 'abc' }, filename: 'a.txt' }
    expect(write({ messages: [said('user', 'look', image, file)] }).body['messages']).toEqual([
      { role: 'user', content: 'look\n\n--- file: a.txt ---\nabc', images: [png] },
    ])
  })

  test.each([
    ['an image by its address is not supported', { medium: 'image', mime: '', source: { url: 'https://a.b/c.png' } }],
    [
      'a file of another provider is not supported',
      { medium: 'image', mime: '', source: { file: { form: 'chat', id: 'f' } } },
    ],
    ['audio input is not supported', { medium: 'audio', mime: 'audio/wav', source: { base64: 'UklGRg==' } }],
    ['video input is not supported', { medium: 'video', mime: 'video/mp4', source: { base64: 'AAAA' } }],
    ['file input is not supported', { medium: 'file', mime: 'application/pdf', source: { base64: 'JVBERi0=' } }],
  ])('%s', (message, media) => {
    const { notes } = write({ messages: [said('user', { kind: 'media', ...media } as Part)] })
    expect(notes.rejection).toEqual({ kind: 'rejection', field: 'messages[0].content[0]', message })
  })

  test('media of a result follow in a message of the user (§5.6)', () => {
    const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } }
    const { body, notes } = write({
      messages: [
        said('assistant', {
          kind: 'tool_call',
          id: 'c',
          name: 'f',
          args: { raw: '{}' },
          isCustom: false,
          tool: 'function',
        }),
        said('user', { kind: 'tool_result', callId: 'c', parts: [image], isError: false, isCustom: false }, 'and?'),
      ],
    })
    expect(body['messages']).toEqual([
      { role: 'assistant', content: '', tool_calls: [{ id: 'c', function: { name: 'f', arguments: {} } }] },
      { role: 'tool', tool_name: 'f', tool_call_id: 'c', content: 'See attached file 1.' },
      { role: 'user', content: 'Attached file 1:\n\nand?', images: [png] },
    ])
    expect(notes.codes).toEqual(['adapted:tool_media_moved'])
  })

  test('thoughts go back beside the text; what seals them stays', () => {
    const opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 's' } as const
    const { body, notes } = write({
      messages: [
        said('user', 'q'),
        said('assistant', { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque }, 'a'),
        said('user', 'b'),
      ],
    })
    expect((body['messages'] as JsonObject[])[1]).toEqual({ role: 'assistant', content: 'a', thinking: 'hm' })
    expect(notes.codes).toEqual(['dropped:foreign_reasoning'])
  })

  test.each([
    ['qwen3', { effort: 'none' }, false],
    ['qwen3', { effort: 'high' }, true],
    ['qwen3', { budgetTokens: 2000 }, true],
    ['qwen3', { kind: 'adaptive' }, true],
    ['gpt-oss:20b', { effort: 'low' }, 'low'],
    ['gpt-oss:20b', { effort: 'max' }, 'high'],
    ['gpt-oss:20b', { budgetTokens: 8000 }, 'medium'],
    ['llama3.2', { effort: 'high' }, undefined],
    ['qwen3', {}, undefined],
  ] as const)('%s is asked to think %p: %p (§5.7)', (model, reasoning, think) => {
    expect(write({ reasoning }, model).body['think']).toBe(think)
  })

  const schema = { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } }
  const f = { kind: 'function', name: 'f', description: 'd', schema } as const
  const g = { kind: 'function', name: 'g', schema: undefined } as const
  const inlined = { type: 'object', properties: { a: { type: 'string' } } }

  test('formats are asked for in its own words (§5.8)', () => {
    expect(write({ output: { format: { kind: 'json' } } }).body['format']).toBe('json')
    expect(write({ output: { format: { kind: 'json_schema', schema } } }).body['format']).toEqual(inlined)
    expect(write({ output: { format: { kind: 'text' } } }).body['format']).toBeUndefined()
  })

  test('beside tools a format is told in words', () => {
    const { body, notes } = write({ tools: [f], output: { format: { kind: 'json_schema', schema } } })
    expect(body['format']).toBeUndefined()
    expect((body['messages'] as JsonObject[])[0]?.['role']).toBe('system')
    expect(notes.codes).toContain('adapted:json_object_instruction')
  })

  test('functions are told as Chat does, without references', () => {
    expect(write({ tools: [f, g] }).body['tools']).toEqual([
      { type: 'function', function: { name: 'f', description: 'd', parameters: inlined } },
      { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
    ])
  })

  test.each([
    [undefined, ['f', 'g'], []],
    [{ mode: 'auto' }, ['f', 'g'], []],
    [{ mode: 'none' }, undefined, []],
    [{ mode: 'required' }, ['f', 'g'], ['adapted:tool_choice_downgraded']],
    [{ mode: 'tool', name: 'g', isCustom: false }, ['g'], ['adapted:tool_choice_downgraded']],
    [{ mode: 'allowed', names: ['f'], isRequired: false }, ['f'], []],
    [{ mode: 'allowed', names: ['f'], isRequired: true }, ['f'], ['adapted:tool_choice_downgraded']],
  ] as const)('choice %p sends %p (§5.5)', (toolChoice, names, codes) => {
    const { body, notes } = write({ tools: [f, g], toolChoice: toolChoice })
    const tools = body['tools'] as { readonly function: { readonly name: string } }[] | undefined
    expect(tools?.map((tool) => tool.function.name)).toEqual(names as unknown as string[])
    expect(notes.codes).toEqual([...codes])
  })

  test('custom tools, built-ins and names come back', () => {
    const notes = new Notes()
    const { back, body } = ollamaBackend.writeRequest(
      commonRequest({
        form: 'responses',
        tools: [
          { kind: 'custom', name: 'patch' },
          { kind: 'client_builtin', tool: 'bash', name: 'bash', native: { type: 'bash_20250124' } },
          { kind: 'hosted', tool: 'web_search', native: { type: 'web_search' } },
          { kind: 'function', name: 'run', namespace: 'my space', schema: undefined },
        ],
      }),
      targetFor('ollama', 'ollama', 'qwen3'),
      notes,
    )
    expect([...back.customTools]).toEqual(['patch'])
    expect([...back.builtins]).toEqual([['bash', 'bash']])
    expect([...back.toolNames]).toEqual([['my_space__run', { name: 'run', namespace: 'my space' }]])
    expect((body['tools'] as unknown[]).length).toBe(3)
    expect(notes.codes).toContain('dropped:hosted_tool')
  })

  test.each([
    ['n', { sampling: { n: 2 } }],
    ['modalities', { output: { modalities: ['text', 'audio'] } }],
    ['cachedContent', { cache: { resource: 'cachedContents/1' } }],
    ['max_tokens', { sampling: { maxOutputTokens: 0 } }],
  ])('%s is rejected', (field, overrides) => {
    expect(write(overrides).notes.rejection?.field).toBe(field)
  })

  test('what it has no word for is dropped and told', () => {
    const { notes } = write({
      sampling: { logitBias: { 5: 1 } },
      output: { verbosity: 'low', prediction: {} },
      identity: { endUser: 'u', tags: { a: 'b' } },
      tier: 'flex',
      cache: { key: 'k' },
      parallelToolCalls: false,
      tools: [g],
    })
    expect(notes.rejection).toBeUndefined()
    expect(notes.codes.toSorted()).toEqual([
      'dropped:cache_hint',
      'dropped:logit_bias',
      'dropped:metadata',
      'dropped:parallel_tool_calls',
      'dropped:prediction',
      'dropped:service_tier',
      'dropped:user',
      'dropped:verbosity',
    ])
  })

  test('what came from an Ollama client goes out as it came', () => {
    const messages = [
      { role: 'system', content: 's' },
      { role: 'user', content: 'look', images: [png] },
      {
        role: 'assistant',
        content: 'a',
        thinking: 't',
        tool_calls: [{ id: 'c', function: { name: 'f', arguments: { n: 1 } } }],
      },
      { role: 'tool', tool_name: 'f', tool_call_id: 'c', content: 'r' },
    ]
    const options = { num_predict: 5, temperature: 1.5, top_k: 2, seed: 3, stop: ['x'], repeat_penalty: 1.2 }
    const { request } = read({ messages, options, think: true, format: 'json' })
    const { body } = write(request, 'qwen3')
    expect(body).toEqual({ model: 'qwen3', messages, format: 'json', think: true, stream: true, options })
    expect(JSON.stringify(write(request, 'qwen3').body)).toBe(JSON.stringify(body))
  })
})
