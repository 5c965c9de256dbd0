import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import type { Recall } from '#translate/codec.ts'
import type { Message } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { sealed } from '#translate/opaque.ts'
import { responsesClient } from '#translate/responses/client.ts'
import { readAsked, requestFacts } from '../../support/responses-codec.ts'

function messagesOf(input: unknown, recall?: Recall): readonly Message[] {
  return readAsked({ input }, recall).request.messages
}

/** Roles and parts in short: `user: text hi`. */
function inShort(messages: readonly Message[]): readonly string[] {
  return messages.map(({ role, parts }) => `${role}: ${parts.map((part) => part.kind).join(' ')}`)
}

describe('what is said at the top', () => {
  test('instructions stand in front of everything, developer items stay where they are (§5.2)', () => {
    const { request } = readAsked({
      instructions: 'Be brief.',
      input: [
        { role: 'developer', content: 'Use metric units.' },
        { role: 'user', content: 'q' },
      ],
    })
    expect(request.messages).toMatchObject([
      { role: 'system', placement: 'top', parts: [{ kind: 'text', text: 'Be brief.' }] },
      { role: 'developer', placement: 'inline', parts: [{ text: 'Use metric units.' }] },
      { role: 'user', placement: 'inline', parts: [{ text: 'q' }] },
    ])
  })

  test('every setting has its place in the common form', () => {
    const { request, notes } = readAsked({
      input: 'q',
      max_output_tokens: 50,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 3,
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
      parallel_tool_calls: false,
      reasoning: { effort: 'low', summary: 'detailed' },
      text: {
        verbosity: 'low',
        format: { type: 'json_schema', name: 'a', description: 'd', strict: true, schema: { type: 'object' } },
      },
      prompt_cache_key: 'key',
      prompt_cache_retention: '24h',
      safety_identifier: 'who',
      user: 'old',
      metadata: { team: 'red', broken: 7, __proto__: 'x' },
      service_tier: 'flex',
      store: false,
      truncation: 'disabled',
      stream_options: { include_obfuscation: false },
    })
    expect(request).toMatchObject({
      form: 'responses',
      model: 'alias',
      sampling: { maxOutputTokens: 50, temperature: 0.5, topP: 0.9, logprobs: true, topLogprobs: 3 },
      parallelToolCalls: false,
      reasoning: { effort: 'low', summary: 'detailed', visibility: 'summary' },
      output: {
        verbosity: 'low',
        format: { kind: 'json_schema', name: 'a', description: 'd', strict: true, schema: { type: 'object' } },
      },
      cache: { key: 'key', retention: '24h' },
      identity: { endUser: 'who', tags: { team: 'red' } },
      tier: 'flex',
      store: false,
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
    })
    // The value that is no text.
    expect(notes.codes).toEqual(['dropped:metadata'])
    expect(notes.rejection).toBeUndefined()
  })

  test.each<[name: string, format: unknown, read: unknown]>([
    ['text', { type: 'text' }, { kind: 'text' }],
    ['JSON of any shape', { type: 'json_object' }, { kind: 'json' }],
    [
      "a schema as Chat's clients write it",
      { type: 'json_schema', json_schema: { schema: {}, name: 'b' } },
      { name: 'b' },
    ],
  ])('the format of the answer is %s', (_, format, read) => {
    expect(readAsked({ input: 'q', text: { format } }).request.output.format).toMatchObject(read as object)
  })

  test.each<[field: string, body: JsonObject]>([
    ['input', {}],
    ['input', { input: 7 }],
    ['input[0]', { input: ['text'] }],
    ['input[0].role', { input: [{ role: 'tool', content: 'x' }] }],
    [
      'input[0].content[1]',
      { input: [{ role: 'user', content: [{ type: 'input_text', text: 'a' }, { type: 'input_dream' }] }] },
    ],
    [
      'input[0].content[0]',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png,raw' }] }] },
    ],
    ['input[0].content[0]', { input: [{ role: 'user', content: [{ type: 'input_file' }] }] }],
    ['instructions', { input: 'q', instructions: 7 }],
    ['tools', { input: 'q', tools: {} }],
    ['tools[0].name', { input: 'q', tools: [{ type: 'function' }] }],
    ['tool_choice', { input: 'q', tool_choice: 'maybe' }],
    ['tool_choice.name', { input: 'q', tool_choice: { type: 'function' } }],
    ['temperature', { input: 'q', temperature: 'hot' }],
    ['reasoning.effort', { input: 'q', reasoning: { effort: 'huge' } }],
    ['text.format.type', { input: 'q', text: { format: { type: 'xml' } } }],
    ['text.format.schema', { input: 'q', text: { format: { type: 'json_schema' } } }],
  ])('%s of the wrong kind is rejected by its name', (field, body) => {
    expect(readAsked(body).notes.rejection?.field).toBe(field)
  })

  test.each<[code: string, body: JsonObject]>([
    ['dropped:context_management', { context_management: [{ type: 'compaction' }] }],
    ['dropped:metadata', { client_metadata: { session: 'x' } }],
    ['dropped:unknown_field', { truncation: 'auto' }],
    ['dropped:unknown_field', { max_tool_calls: 3 }],
    ['dropped:unknown_field', { something_new: true }],
    ['dropped:cache_hint', { prompt_cache_options: { mode: 'implicit' } }],
  ])('%s is noted, and the field kept for its own API', (code, field) => {
    const { request, notes } = readAsked({ input: 'q', ...field })
    expect(notes.codes).toEqual([code])
    expect(request.rest).toEqual(field)
    expect(notes.rejection).toBeUndefined()
  })
})

describe('what only its provider can do is rejected by name (§3, §5.10)', () => {
  test.each<[field: string, body: JsonObject, isRejectedWhenLenient: boolean]>([
    ['conversation', { input: 'q', conversation: 'conv_1' }, true],
    ['prompt', { input: 'q', prompt: { id: 'pmpt_1' } }, true],
    ['background', { input: 'q', background: true }, false],
    ['input[0]', { input: [{ type: 'compaction', encrypted_content: 'x' }] }, false],
    ['previous_response_id', { input: 'q', previous_response_id: 'resp_1' }, true],
    ['input[0]', { input: [{ type: 'item_reference', id: 'msg_1' }] }, true],
  ])('%s', (field, body, isRejectedWhenLenient) => {
    expect(readAsked(body).notes.rejection?.field).toBe(field)
    const lenient = new Notes('lenient')
    expect(readAsked(body, undefined, lenient).notes.rejection !== undefined).toBe(isRejectedWhenLenient)
  })

  test('false and null ask for nothing', () => {
    const body = { input: 'q', background: false, conversation: null, prompt: null, previous_response_id: null }
    expect(readAsked(body).notes.rejection).toBeUndefined()
  })
})

describe('items', () => {
  test('thoughts, message and calls in a row are one turn, and so are their results (§13)', () => {
    const messages = messagesOf([
      { role: 'user', content: 'q' },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Let me check both.' }] },
      { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'Checking.' }] },
      { type: 'function_call', call_id: 'call_A', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'function_call', call_id: 'call_B', name: 'get_time', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_A', output: '18C' },
      { type: 'function_call_output', call_id: 'call_B', output: 'Error: clock offline' },
      { role: 'user', content: 'and now?' },
    ])
    expect(inShort(messages)).toEqual([
      'user: text',
      'assistant: reasoning text tool_call tool_call',
      'user: tool_result tool_result',
      'user: text',
    ])
    expect(messages[2]?.parts).toMatchObject([
      { callId: 'call_A', isError: false, parts: [{ text: '18C' }] },
      { callId: 'call_B', isError: true, parts: [{ text: 'clock offline' }] },
    ])
  })

  test('two messages of the model in a row are two', () => {
    const said = (text: string): JsonObject => ({ role: 'assistant', content: [{ type: 'output_text', text }] })
    expect(inShort(messagesOf([said('a'), said('b')]))).toEqual(['assistant: text', 'assistant: text'])
  })

  test('arguments stay the text that they were, digits and spaces included', () => {
    const args = '{ "n": 12345678901234567890, "x": 1.0 }'
    const [message] = messagesOf([{ type: 'function_call', call_id: 'c', name: 'f', arguments: args, namespace: 'ns' }])
    expect(message?.parts).toMatchObject([{ kind: 'tool_call', args: { raw: args }, namespace: 'ns', isCustom: false }])
  })

  test('custom tools have text for input and result', () => {
    const messages = messagesOf([
      { type: 'custom_tool_call', call_id: 'c', name: 'apply', input: '*** Begin' },
      { type: 'custom_tool_call_output', call_id: 'c', output: [{ type: 'input_text', text: 'done' }] },
    ])
    expect(messages[0]?.parts).toMatchObject([{ isCustom: true, args: { raw: '*** Begin' } }])
    expect(messages[1]?.parts).toMatchObject([{ isCustom: true, callId: 'c', parts: [{ text: 'done' }] }])
  })

  test('results hold images and files beside text', () => {
    const [message] = messagesOf([
      {
        type: 'function_call_output',
        call_id: 'c',
        output: [
          { type: 'input_text', text: 'see' },
          { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' },
          { type: 'input_file', file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' },
        ],
      },
    ])
    expect(message?.parts).toMatchObject([
      {
        parts: [
          { kind: 'text', text: 'see' },
          { medium: 'image', mime: 'image/png', detail: 'low', source: { base64: 'iVBORw0KGgo=' } },
          { medium: 'file', mime: 'application/pdf', filename: 'a.pdf', source: { base64: 'JVBERi0=' } },
        ],
      },
    ])
  })

  test.each<[name: string, part: JsonObject, read: JsonObject]>([
    [
      'an image by address',
      { type: 'input_image', image_url: 'https://a/b.png' },
      { source: { url: 'https://a/b.png' } },
    ],
    [
      'an image by id',
      { type: 'input_image', file_id: 'file-1' },
      { source: { file: { form: 'responses', id: 'file-1' } } },
    ],
    [
      'a file by address',
      { type: 'input_file', file_url: 'https://a/b.pdf' },
      { medium: 'file', source: { url: 'https://a/b.pdf' } },
    ],
    [
      'a file without a prefix',
      { type: 'input_file', file_data: 'JVBERi0=' },
      { mime: 'application/pdf', source: { base64: 'JVBERi0=' } },
    ],
    [
      'audio',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { medium: 'audio', mime: 'audio/mpeg' },
    ],
    ['a refusal', { type: 'refusal', refusal: 'no' }, { kind: 'refusal', text: 'no' }],
    [
      'a text with a breakpoint of the cache',
      { type: 'input_text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit', ttl: '1h' } },
      { kind: 'text', cache: { ttl: '1h' } },
    ],
  ])('content: %s', (_, part, read) => {
    expect(messagesOf([{ role: 'user', content: [part] }])[0]?.parts).toMatchObject([read])
  })

  test('what OpenAI encrypted is its own with the id of its item; an envelope is whose it was (§6.1)', () => {
    const claude = sealed({ form: 'messages', family: 'claude', kind: 'signature', payload: 'sig' })
    const redacted = sealed({ form: 'messages', family: 'claude', kind: 'redacted', payload: 'data' })
    const [message] = messagesOf([
      { type: 'reasoning', id: 'rs_1', summary: [{ text: 'a' }, { text: 'b' }], encrypted_content: 'gAAA' },
      { type: 'reasoning', id: 'rs_2', summary: [{ text: 'thought' }], content: null, encrypted_content: claude },
      { type: 'reasoning', id: 'rs_3', summary: [], encrypted_content: redacted },
      { type: 'reasoning', id: 'rs_4', summary: [], content: [{ type: 'reasoning_text', text: 'raw' }] },
      { role: 'assistant', content: 'x' },
    ])
    expect(message?.parts).toMatchObject([
      {
        text: 'a\n\nb',
        style: 'summary',
        opaque: { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'gAAA' },
      },
      { text: 'thought', opaque: { form: 'messages', family: 'claude', kind: 'signature', payload: 'sig' } },
      { text: '', isRedacted: true, opaque: { kind: 'redacted', payload: 'data' } },
      { text: 'raw', style: 'raw' },
      { kind: 'text', text: 'x' },
    ])
  })

  test("Gemini's signature returns to the call or the text that it was of (§6.2)", () => {
    const signature = (id: string | undefined): string =>
      sealed({
        form: 'gemini',
        family: 'gemini',
        kind: 'signature',
        payload: `sig of ${id}`,
        ...(id === undefined ? {} : { id }),
      })
    const hidden = (id: string | undefined): JsonObject => ({
      type: 'reasoning',
      id: 'rs',
      summary: [],
      encrypted_content: signature(id),
    })
    const call = (id: string): JsonObject => ({ type: 'function_call', call_id: id, name: 'f', arguments: '{}' })
    const opaques = (input: readonly JsonObject[]): unknown =>
      messagesOf(input)[0]?.parts.map((part) => ('opaque' in part ? part.opaque?.payload : undefined))
    expect(opaques([hidden('A'), call('A'), call('B')])).toEqual(['sig of A', undefined])
    expect(opaques([call('A'), hidden('A'), call('B')])).toEqual(['sig of A', undefined])
    expect(opaques([hidden(undefined), call('A')])).toEqual(['sig of undefined'])
    const message = { type: 'message', id: 'msg_1', role: 'assistant', content: 'x' }
    expect(opaques([message, hidden('msg_1'), call('A')])).toEqual(['sig of msg_1', undefined])
    expect(opaques([{ ...message, id: undefined }, hidden('msg_1'), call('A')])).toEqual(['sig of msg_1', undefined])
  })

  test.each<[name: string, item: JsonObject, call: JsonObject]>([
    [
      'local_shell',
      { type: 'local_shell_call', id: 'lsh', call_id: 'c', action: { type: 'exec', command: ['ls'], env: {} } },
      { tool: 'local_shell', args: { value: { type: 'exec', command: ['ls'], env: {} } } },
    ],
    [
      'shell',
      { type: 'shell_call', call_id: 'c', action: { commands: ['ls'] } },
      { tool: 'shell', args: { value: { commands: ['ls'] } } },
    ],
    [
      'apply_patch',
      { type: 'apply_patch_call', call_id: 'c', operation: { type: 'delete_file', path: 'a' } },
      { tool: 'apply_patch', args: { value: { type: 'delete_file', path: 'a' } } },
    ],
    [
      'computer',
      { type: 'computer_call', call_id: 'c', action: { type: 'screenshot' } },
      { tool: 'computer', args: { value: { type: 'screenshot' } } },
    ],
  ])('a call of %s is a call of a tool that the client carries out', (_, item, call) => {
    expect(messagesOf([item])[0]?.parts).toMatchObject([{ kind: 'tool_call', id: 'c', isCustom: false, ...call }])
  })

  test.each<[name: string, item: JsonObject, text: string, isError: boolean]>([
    ['local_shell', { type: 'local_shell_call_output', id: 'c', output: 'out' }, 'out', false],
    [
      'shell',
      {
        type: 'shell_call_output',
        call_id: 'c',
        output: [{ stdout: 'out', stderr: 'err', outcome: { type: 'exit', exit_code: 2 } }],
      },
      'out\nerr\n[exit code 2]',
      false,
    ],
    [
      'shell that was stopped',
      { type: 'shell_call_output', call_id: 'c', output: [{ stdout: '', stderr: '', outcome: { type: 'timeout' } }] },
      '[timed out]',
      false,
    ],
    [
      'apply_patch',
      { type: 'apply_patch_call_output', call_id: 'c', status: 'failed', output: 'no such file' },
      'no such file',
      true,
    ],
  ])('the result of %s is text', (_, item, text, isError) => {
    expect(messagesOf([item])[0]?.parts).toMatchObject([
      { kind: 'tool_result', callId: 'c', isError, parts: [{ text }] },
    ])
  })

  test('a screenshot is an image, and what only the provider knows is kept for it', () => {
    const shot = { type: 'computer_screenshot', image_url: 'https://a/b.png' }
    expect(messagesOf([{ type: 'computer_call_output', call_id: 'c', output: shot }])[0]?.parts).toMatchObject([
      { callId: 'c', parts: [{ medium: 'image', source: { url: 'https://a/b.png' } }] },
    ])
    for (const type of [
      'web_search_call',
      'mcp_call',
      'code_interpreter_call',
      'file_search_call',
      'program',
      'tool_search_call',
    ]) {
      const item = { type, id: 'x' }
      expect(messagesOf([item])[0]?.parts).toEqual([{ kind: 'native', form: 'responses', type, value: item }])
    }
  })
})

describe('tools', () => {
  test('functions, custom tools, built-ins, hosted ones and those of namespaces', () => {
    const { request } = readAsked({
      input: 'q',
      tools: [
        {
          type: 'function',
          name: 'f',
          description: 'd',
          parameters: { type: 'object' },
          strict: null,
          defer_loading: true,
        },
        { type: 'function', name: 'g', parameters: null, strict: true },
        {
          type: 'custom',
          name: 'apply',
          description: 'c',
          format: { type: 'grammar', syntax: 'lark', definition: 'start: x' },
        },
        { type: 'custom', name: 'free', format: { type: 'text' } },
        {
          type: 'namespace',
          name: 'mail',
          description: 'Mail.',
          tools: [
            { type: 'function', name: 'send', description: 'Sends.', parameters: {} },
            { type: 'custom', name: 'raw' },
          ],
        },
        { type: 'local_shell' },
        { type: 'shell', environment: { type: 'container_auto' } },
        { type: 'shell', environment: { type: 'local' } },
        { type: 'apply_patch' },
        { type: 'computer_use_preview', display_width: 800 },
        { type: 'web_search_preview_2025_03_11' },
        { type: 'mcp', server_label: 's' },
      ],
    })
    expect(request.tools).toMatchObject([
      {
        kind: 'function',
        name: 'f',
        description: 'd',
        schema: { type: 'object' },
        strict: undefined,
        rest: { defer_loading: true },
      },
      { kind: 'function', name: 'g', schema: undefined, strict: true },
      { kind: 'custom', name: 'apply', grammar: { syntax: 'lark', definition: 'start: x' } },
      { kind: 'custom', name: 'free' },
      { kind: 'function', name: 'send', namespace: 'mail', description: 'Mail.\n\nSends.' },
      { kind: 'custom', name: 'raw', namespace: 'mail', description: 'Mail.' },
      { kind: 'client_builtin', tool: 'local_shell' },
      { kind: 'hosted', tool: 'shell' },
      { kind: 'client_builtin', tool: 'shell' },
      { kind: 'client_builtin', tool: 'apply_patch' },
      { kind: 'client_builtin', tool: 'computer', native: { display_width: 800 } },
      { kind: 'hosted', tool: 'web_search' },
      { kind: 'hosted', tool: 'mcp' },
    ])
  })

  test('tools may be declared among the items', () => {
    const tools = [{ type: 'function', name: 'late', parameters: {} }]
    const { request } = readAsked({
      input: [
        { type: 'additional_tools', role: 'developer', tools },
        { role: 'user', content: 'q' },
      ],
    })
    expect(request.tools).toMatchObject([{ name: 'late' }])
  })

  test.each<[written: unknown, read: unknown]>([
    ['auto', { mode: 'auto' }],
    ['none', { mode: 'none' }],
    ['required', { mode: 'required' }],
    [
      { type: 'function', name: 'f' },
      { mode: 'tool', name: 'f', isCustom: false },
    ],
    [
      { type: 'function', function: { name: 'f' } },
      { mode: 'tool', name: 'f', isCustom: false },
    ],
    [
      { type: 'custom', name: 'c' },
      { mode: 'tool', name: 'c', isCustom: true },
    ],
    [{ type: 'web_search_preview' }, { mode: 'hosted', tool: 'web_search' }],
    [
      { type: 'mcp', server_label: 's' },
      { mode: 'hosted', tool: 'mcp' },
    ],
    [{ type: 'apply_patch' }, { mode: 'tool', name: 'apply_patch', isCustom: false }],
    [
      {
        type: 'allowed_tools',
        mode: 'required',
        tools: [{ type: 'function', name: 'f' }, { type: 'custom', name: 'c' }, { type: 'shell' }],
      },
      { mode: 'allowed', names: ['f', 'c', 'shell'], isRequired: true },
    ],
  ])('the choice %j (§5.5)', (written, read) => {
    expect(readAsked({ input: 'q', tool_choice: written }).request.toolChoice).toEqual(read as never)
  })
})

describe('what was said before and is only named (§5.11)', () => {
  const stored: Record<string, JsonObject> = {
    msg_1: { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'earlier' }] },
    rs_1: { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'thought' }] },
  }
  const recall: Recall = {
    item: (id) => stored[id],
    response: (id) =>
      id === 'resp_1'
        ? { input: [{ type: 'message', role: 'user', content: 'first' }], output: Object.values(stored) }
        : undefined,
    partsBefore: () => undefined,
  }

  test('an earlier response stands in front of the input', () => {
    const { request, notes } = readAsked({ input: 'next', previous_response_id: 'resp_1' }, recall)
    expect(inShort(request.messages)).toEqual(['user: text', 'assistant: text reasoning', 'user: text'])
    expect(request.previousResponseId).toBeUndefined()
    expect(notes.rejection).toBeUndefined()
  })

  test('one that is not known is rejected', () => {
    const { notes } = readAsked({ input: 'next', previous_response_id: 'resp_2' }, recall)
    expect(notes.rejection).toMatchObject({
      field: 'previous_response_id',
      message: "Previous response with id 'resp_2' not found.",
    })
  })

  test('an item is found by its id, with or without saying that it is a reference', () => {
    const messages = messagesOf([{ type: 'item_reference', id: 'rs_1' }, { id: 'msg_1' }], recall)
    expect(messages).toMatchObject([{ role: 'assistant', parts: [{ text: 'thought' }, { text: 'earlier' }] }])
  })

  test('missing thoughts are dropped, other missing items are rejected', () => {
    const thoughts = readAsked(
      {
        input: [
          { type: 'item_reference', id: 'rs_9' },
          { role: 'user', content: 'q' },
        ],
      },
      recall,
    )
    expect(thoughts.notes.rejection).toBeUndefined()
    expect(thoughts.notes.codes).toEqual(['dropped:item_reference'])
    const message = readAsked({ input: [{ type: 'item_reference', id: 'msg_9' }] }, recall)
    expect(message.notes.rejection).toMatchObject({ field: 'input[0]', message: "Item with id 'msg_9' not found." })
  })
})

test('nothing that a client may send makes it throw', () => {
  const odd: readonly unknown[] = [
    null,
    0,
    true,
    '',
    'x',
    [],
    [[]],
    {},
    { type: 7 },
    { type: '__proto__' },
    { id: null },
  ]
  const fields = [
    'input',
    'instructions',
    'tools',
    'tool_choice',
    'reasoning',
    'text',
    'metadata',
    'include',
    'store',
    'prompt',
  ]
  for (const field of fields) {
    for (const value of odd) {
      const notes = new Notes()
      expect(() => responsesClient.readRequest({ input: 'q', [field]: value }, requestFacts(), notes)).not.toThrow()
      expect(() =>
        responsesClient.readRequest({ input: [value], [field]: [value] }, requestFacts(), notes),
      ).not.toThrow()
      const nested = { content: value, output: value, summary: value, action: value, arguments: value, tools: value }
      for (const type of [
        'message',
        'reasoning',
        'function_call',
        'function_call_output',
        'shell_call',
        'shell_call_output',
        'additional_tools',
        'computer_call_output',
      ]) {
        const input = [{ type, role: 'user', ...nested }]
        expect(() => responsesClient.readRequest({ input }, requestFacts(), notes)).not.toThrow()
      }
    }
  }
})
