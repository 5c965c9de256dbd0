import { expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import type { Part } from '#translate/common.ts'
import { sealed } from '#translate/opaque.ts'
import { Notes } from '#translate/notes.ts'
import { answerContext, claude45, claudeTarget, readByClient } from '../../support/messages-codec.ts'
import { messagesBackend } from '#translate/messages/backend.ts'
import { messagesClient } from '#translate/messages/client.ts'

const asked: JsonObject = { model: 'alias', max_tokens: 100, messages: [{ role: 'user', content: 'q' }] }

function partsOf(content: unknown, role = 'user'): readonly Part[] {
  return readByClient({ ...asked, messages: [{ role, content }] }).request.messages[0]?.parts ?? []
}

test.each<{ name: string; content: unknown; parts: readonly object[]; role?: string }>([
  { name: 'a text', content: 'hi', parts: [{ kind: 'text', text: 'hi' }] },
  {
    name: 'a text with a cache breakpoint',
    content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    parts: [{ kind: 'text', text: 'hi', cache: { ttl: '1h' } }],
  },
  {
    name: 'a picture in base64',
    content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }],
    parts: [{ kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } }],
  },
  {
    name: 'a picture by address',
    content: [{ type: 'image', source: { type: 'url', url: 'https://a.b/c.png' } }],
    parts: [{ kind: 'media', medium: 'image', mime: '', source: { url: 'https://a.b/c.png' } }],
  },
  {
    name: 'a picture by the id of a file',
    content: [{ type: 'image', source: { type: 'file', file_id: 'file_1' } }],
    parts: [{ kind: 'media', medium: 'image', mime: '', source: { file: { form: 'messages', id: 'file_1' } } }],
  },
  {
    name: 'a document in base64, with all that is said of it',
    content: [
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
        title: 'T',
        context: 'C',
        citations: { enabled: true },
      },
    ],
    parts: [
      {
        kind: 'media',
        medium: 'file',
        mime: 'application/pdf',
        source: { base64: 'JVBERi0=' },
        title: 'T',
        context: 'C',
        citations: true,
      },
    ],
  },
  {
    name: 'a document that is plain text',
    content: [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' } }],
    parts: [{ kind: 'media', medium: 'file', mime: 'text/plain', source: { text: 'words' } }],
  },
  {
    name: 'a document made of blocks, flattened with its title in the first line (§5.3)',
    content: [
      {
        type: 'document',
        title: 'T',
        source: {
          type: 'content',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
        cache_control: { type: 'ephemeral' },
      },
    ],
    parts: [
      { kind: 'text', text: 'T' },
      { kind: 'text', text: 'one' },
      { kind: 'text', text: 'two', cache: {} },
    ],
  },
  {
    name: 'a search result, flattened with its title and source',
    content: [{ type: 'search_result', title: 'T', source: 'https://s', content: [{ type: 'text', text: 'found' }] }],
    parts: [
      { kind: 'text', text: 'T — https://s' },
      { kind: 'text', text: 'found' },
    ],
  },
  {
    name: 'a thought that Anthropic signed',
    role: 'assistant',
    content: [{ type: 'thinking', thinking: 'hm', signature: 'Ev==' }],
    parts: [
      {
        kind: 'reasoning',
        text: 'hm',
        isRedacted: false,
        opaque: { form: 'messages', family: 'claude', kind: 'signature', payload: 'Ev==' },
      },
    ],
  },
  {
    name: 'a thought without a signature',
    role: 'assistant',
    content: [{ type: 'thinking', thinking: 'hm' }],
    parts: [{ kind: 'reasoning', text: 'hm' }],
  },
  {
    name: 'a thought of another provider, from its envelope (§6.2)',
    role: 'assistant',
    content: [
      {
        type: 'thinking',
        thinking: 'sum',
        signature: sealed({ form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'X' }),
      },
    ],
    parts: [
      {
        kind: 'reasoning',
        text: 'sum',
        itemId: 'rs_1',
        opaque: { form: 'responses', family: 'gpt', kind: 'encrypted', id: 'rs_1', payload: 'X' },
      },
    ],
  },
  {
    name: 'a thought that nobody may read',
    role: 'assistant',
    content: [{ type: 'redacted_thinking', data: 'Em==' }],
    parts: [{ kind: 'reasoning', text: '', isRedacted: true, opaque: { kind: 'redacted', payload: 'Em==' } }],
  },
  {
    name: 'a call',
    role: 'assistant',
    content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 }, caller: { type: 'direct' } }],
    parts: [{ kind: 'tool_call', id: 'toolu_1', name: 'f', args: { value: { a: 1 } }, tool: 'function' }],
  },
  {
    name: 'a call that code of the provider made',
    role: 'assistant',
    content: [
      { type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'code_execution_20260120', tool_id: 's' } },
    ],
    parts: [{ kind: 'tool_call', caller: 'code_execution_20260120' }],
  },
  {
    name: 'a result with an error and a picture',
    content: [
      {
        type: 'tool_result',
        tool_use_id: 'toolu_1',
        is_error: true,
        content: [
          { type: 'text', text: 'bad' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
        ],
      },
    ],
    parts: [
      {
        kind: 'tool_result',
        callId: 'toolu_1',
        isError: true,
        parts: [
          { kind: 'text', text: 'bad' },
          { kind: 'media', medium: 'image' },
        ],
      },
    ],
  },
  {
    name: 'a result without content',
    content: [{ type: 'tool_result', tool_use_id: 'toolu_1' }],
    parts: [{ kind: 'tool_result', parts: [], isError: false }],
  },
  {
    name: 'a block of a tool that the provider carries out',
    role: 'assistant',
    content: [{ type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } }],
    parts: [{ kind: 'native', form: 'messages', type: 'server_tool_use', value: { name: 'web_search' } }],
  },
  {
    name: 'a summary of the history that can be read',
    role: 'assistant',
    content: [{ type: 'compaction', content: 'we spoke' }],
    parts: [{ kind: 'text', text: 'we spoke' }],
  },
])('a client’s content: $name', ({ content, parts, role }) => {
  const read = partsOf(content, role)
  expect(read).toHaveLength(parts.length)
  expect(read).toMatchObject(parts)
})

test('results know the names of their calls, and calls of built-ins which built-in it is', () => {
  const { request } = readByClient({
    ...asked,
    tools: [{ type: 'bash_20250124', name: 'bash' }],
    messages: [
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'bash', input: { command: 'ls' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'a b' }] },
    ],
  })
  expect(request.messages[0]?.parts[0]).toMatchObject({ tool: 'bash' })
  expect(request.messages[1]?.parts[0]).toMatchObject({ name: 'bash' })
})

test('a signature that another provider put on a call or a text goes back to where it was (§6.2)', () => {
  const signed = (id: string, payload: string): JsonObject => ({
    type: 'thinking',
    thinking: '',
    signature: sealed({ form: 'gemini', family: 'gemini', kind: 'signature', id, payload }),
  })
  const parts = partsOf(
    [
      { type: 'text', text: 'Checking.' },
      signed('text', 'T'),
      { type: 'tool_use', id: 'a', name: 'f', input: {} },
      signed('b', 'B'),
      { type: 'tool_use', id: 'b', name: 'f', input: {} },
    ],
    'assistant',
  )
  expect(parts).toMatchObject([
    { kind: 'text', opaque: { payload: 'T', form: 'gemini' } },
    { kind: 'tool_call', id: 'a' },
    { kind: 'tool_call', id: 'b', opaque: { payload: 'B' } },
  ])
  expect(parts[1]).not.toHaveProperty('opaque')
})

test('a signature behind its call goes back to it by its id', () => {
  const opaque = { form: 'gemini', family: 'gemini', kind: 'signature', id: 'a', payload: 'A' } as const
  const parts = partsOf(
    [
      { type: 'tool_use', id: 'a', name: 'f', input: {} },
      { type: 'thinking', thinking: '', signature: sealed(opaque) },
      { type: 'tool_use', id: 'b', name: 'f', input: {} },
    ],
    'assistant',
  )
  expect(parts).toMatchObject([
    { kind: 'tool_call', id: 'a', opaque: { payload: 'A' } },
    { kind: 'tool_call', id: 'b' },
  ])
  expect(parts[1]).not.toHaveProperty('opaque')
})

test('what a client asks for beside its messages is read field by field', () => {
  const { request, notes } = readByClient({
    ...asked,
    system: [
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: 'b' },
    ],
    messages: [
      { role: 'user', content: 'q' },
      { role: 'system', content: 'now' },
    ],
    temperature: 0.5,
    top_p: 0.9,
    top_k: 5,
    stop_sequences: ['END'],
    thinking: { type: 'enabled', budget_tokens: 2048, display: 'omitted' },
    output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } } },
    cache_control: { type: 'ephemeral', ttl: '5m' },
    metadata: { user_id: '{"device_id":"d","session_id":"0a-1b"}' },
    service_tier: 'standard_only',
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
    tools: [{ name: 'f', input_schema: { type: 'object' } }],
    context_management: { edits: [] },
  })
  expect(request).toMatchObject({
    form: 'messages',
    model: 'alias',
    messages: [
      { role: 'system', placement: 'top', parts: [{ text: 'a', cache: {} }, { text: 'b' }] },
      { role: 'user', placement: 'inline' },
      { role: 'system', placement: 'inline', parts: [{ text: 'now' }] },
    ],
    sampling: { temperature: 0.5, topP: 0.9, topK: 5, stop: ['END'], maxOutputTokens: 100 },
    reasoning: { kind: 'budget', budgetTokens: 2048, effort: 'high', visibility: 'none' },
    output: { format: { kind: 'json_schema', schema: { type: 'object' } } },
    cache: { auto: { ttl: '5m' } },
    identity: { session: '0a-1b' },
    tier: 'standard_only',
    toolChoice: { mode: 'required' },
    parallelToolCalls: false,
    rest: { context_management: { edits: [] } },
  })
  expect(notes.codes).toEqual(['dropped:context_management'])
  expect(notes.rejection).toBeUndefined()
})

test.each<{ name: string; body: JsonObject; reasoning: object | undefined }>([
  { name: 'nothing said', body: {}, reasoning: undefined },
  { name: 'off', body: { thinking: { type: 'disabled' } }, reasoning: { kind: 'off' } },
  {
    name: 'adaptive',
    body: { thinking: { type: 'adaptive', display: 'summarized' } },
    reasoning: { kind: 'adaptive', visibility: 'summary' },
  },
  { name: 'between tools', body: { thinking: { type: 'between_tools' } }, reasoning: { kind: 'adaptive' } },
  { name: 'an effort alone', body: { output_config: { effort: 'max' } }, reasoning: { effort: 'max' } },
])('thinking as a client asks for it: $name', ({ body, reasoning }) => {
  const read = readByClient({ ...asked, ...body }).request.reasoning
  if (reasoning === undefined) expect(read).toBeUndefined()
  else expect(read).toMatchObject(reasoning)
})

test.each<{ name: string; tool: JsonObject; read: object }>([
  {
    name: 'a function with everything',
    tool: {
      name: 'f',
      description: 'd',
      input_schema: { type: 'object' },
      strict: true,
      cache_control: { type: 'ephemeral' },
      defer_loading: true,
    },
    read: {
      kind: 'function',
      name: 'f',
      description: 'd',
      schema: { type: 'object' },
      strict: true,
      cache: {},
      rest: { defer_loading: true },
    },
  },
  {
    name: 'a built-in of the client',
    tool: { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
    read: { kind: 'client_builtin', tool: 'text_editor', name: 'str_replace_based_edit_tool' },
  },
  {
    name: 'memory',
    tool: { type: 'memory_20250818', name: 'memory' },
    read: { kind: 'client_builtin', tool: 'memory' },
  },
  {
    name: 'a computer',
    tool: { type: 'computer_20250124', name: 'computer', display_width_px: 1 },
    read: { kind: 'client_builtin', tool: 'computer', native: { display_width_px: 1 } },
  },
  {
    name: 'a set of tools for a computer',
    tool: { type: 'computer_toolset_20260801' },
    read: { kind: 'client_builtin', tool: 'computer_toolset' },
  },
  {
    name: 'a tool of the provider',
    tool: { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
    read: { kind: 'hosted', tool: 'web_search', native: { max_uses: 3 } },
  },
  {
    name: 'a tool of the provider without a date',
    tool: { type: 'mcp_toolset', mcp_server_name: 's' },
    read: { kind: 'hosted', tool: 'mcp_toolset' },
  },
])('a client’s tools: $name', ({ tool, read }) => {
  expect(readByClient({ ...asked, tools: [tool] }).request.tools).toMatchObject([read])
})

test.each<{ name: string; choice: JsonObject; read: object }>([
  { name: 'auto', choice: { type: 'auto' }, read: { mode: 'auto' } },
  { name: 'none', choice: { type: 'none' }, read: { mode: 'none' } },
  { name: 'any', choice: { type: 'any' }, read: { mode: 'required' } },
  { name: 'one', choice: { type: 'tool', name: 'f' }, read: { mode: 'tool', name: 'f', isCustom: false } },
  {
    name: 'a tool of the provider',
    choice: { type: 'tool', name: 'web_search' },
    read: { mode: 'hosted', tool: 'web_search' },
  },
])('a client’s choice of tools: $name', ({ choice, read }) => {
  const tools = [{ name: 'f' }, { type: 'web_search_20250305', name: 'web_search' }]
  expect(readByClient({ ...asked, tools, tool_choice: choice }).request.toolChoice).toMatchObject(read)
})

test.each<{ name: string; body: JsonObject; field: string }>([
  { name: 'no messages', body: { messages: 'q' }, field: 'messages' },
  { name: 'a role that nobody knows', body: { messages: [{ role: 'tool', content: '' }] }, field: 'messages[0].role' },
  {
    name: 'a block without a type',
    body: { messages: [{ role: 'user', content: [{}] }] },
    field: 'messages[0].content[0]',
  },
  {
    name: 'a source that nobody knows',
    body: { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'fax' } }] }] },
    field: 'messages[0].content[0].source.type',
  },
  {
    name: 'an encrypted history',
    body: {
      messages: [{ role: 'assistant', content: [{ type: 'compaction', content: null, encrypted_content: 'x' }] }],
    },
    field: 'messages[0].content[0]',
  },
  { name: 'a cache to be filled (§5.1-7)', body: { max_tokens: 0 }, field: 'max_tokens' },
  { name: 'a tool without a name', body: { tools: [{ input_schema: {} }] }, field: 'tools[0].name' },
  { name: 'a choice that nobody knows', body: { tool_choice: { type: 'maybe' } }, field: 'tool_choice.type' },
])('what cannot be carried is rejected by its field: $name', ({ body, field }) => {
  expect(readByClient({ ...asked, ...body }).notes.rejection).toMatchObject({ field })
})

test('who speaks through Claude Code is known by the header of its session', () => {
  const { request } = readByClient({ ...asked, metadata: { user_id: 'u' } }, { 'x-claude-code-session-id': 's1' })
  expect(request.identity).toEqual({ endUser: 'u', session: 's1' })
})

test('no JSON makes a client’s request throw', () => {
  const odd = [
    null,
    1,
    'x',
    [],
    {},
    [[]],
    [{}],
    { type: 'text' },
    [{ type: 'text', text: 1 }],
    [{ type: 'tool_result' }],
  ]
  for (const name of ['system', 'messages', 'tools', 'tool_choice', 'thinking', 'output_config', 'metadata']) {
    for (const value of odd) {
      expect(() => readByClient({ ...asked, [name]: value })).not.toThrow()
      expect(() => readByClient({ ...asked, messages: [{ role: 'user', content: value }] })).not.toThrow()
    }
  }
})

test('what a client sent is written again as it was, for a backend of the same form (§1)', () => {
  const body: JsonObject = {
    model: 'claude-sonnet-4-5',
    max_tokens: 4096,
    system: [
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: 'b' },
    ],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'q' },
          { type: 'image', source: { type: 'url', url: 'https://a.b/c.png' } },
          { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x' }] }, title: 'T' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'Ev==' },
          { type: 'redacted_thinking', data: 'Em==' },
          { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
          { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: [1, 2] } },
        ],
      },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'bad', is_error: true }],
      },
    ],
    tools: [
      { name: 'f', description: 'd', input_schema: { type: 'object', properties: {} }, input_examples: [{}] },
      { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
      { type: 'bash_20250124', name: 'bash' },
    ],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    thinking: { type: 'enabled', budget_tokens: 2000 },
    stop_sequences: ['END'],
    metadata: { user_id: 'u' },
    service_tier: 'auto',
    context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
    stream: true,
  }
  const { request } = readByClient(body, { 'anthropic-beta': 'context-management-2025-06-27' })
  const written = messagesBackend.writeRequest(request, claudeTarget(claude45), new Notes())
  expect(JSON.parse(JSON.stringify(written.body))).toEqual(body)
  expect(written.headers).toEqual([['anthropic-beta', 'context-management-2025-06-27']])
})

test('the codec of the client is that of its form', () => {
  expect(messagesClient.form).toBe('messages')
  expect(messagesClient.openWriter(answerContext()).order).toBe('serial')
})
