import { expect, test } from 'bun:test'
import type { CompatPolicy } from '#core/compat.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { CommonRequest, Message, Part, Tool } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { claude45, claudeTarget, newClaude, oldClaude, writtenFor } from '../../support/messages-codec.ts'

const tool: Tool = { kind: 'function', name: 'f', schema: { type: 'object', properties: { a: { type: 'string' } } } }

function says(role: Message['role'], ...parts: readonly (Part | string)[]): Message {
  const read = parts.map((part): Part => (typeof part === 'string' ? { kind: 'text', text: part } : part))
  return { role, parts: read, placement: 'inline' }
}

function call(id: string, name = 'f'): Part {
  return { kind: 'tool_call', id, name, args: { raw: '{"a":"x"}' }, isCustom: false, tool: 'function' }
}

function result(callId: string, text = 'ok', isError = false): Part {
  return { kind: 'tool_result', callId, parts: [{ kind: 'text', text }], isError, isCustom: false }
}

const signed: Part = {
  kind: 'reasoning',
  text: ' hm ',
  style: 'summary',
  isRedacted: false,
  opaque: { form: 'messages', family: 'claude', kind: 'signature', payload: 'Ev==' },
}

interface Row {
  readonly name: string
  readonly model?: string
  readonly request: Partial<CommonRequest>
  readonly body: object
  /** Fields that must not be sent. */
  readonly without?: readonly string[]
  readonly codes?: readonly string[]
  readonly profile?: ProfileOverrides
  readonly policy?: Partial<CompatPolicy>
}

const rows: readonly Row[] = [
  {
    name: 'the smallest request',
    request: { stream: false },
    body: { model: claude45, max_tokens: 1000, messages: [{ role: 'user', content: 'q' }] },
    without: ['stream', 'system', 'tools', 'tool_choice', 'thinking', 'output_config', 'temperature'],
    codes: [],
  },
  {
    name: 'no limit of the answer: all that the model can write, and so as a stream (§5.1-4, #17.16)',
    request: { stream: false, sampling: {} },
    body: { max_tokens: 64_000, stream: true },
    codes: ['adapted:max_tokens_defaulted', 'adapted:stream_forced'],
  },
  {
    name: 'system and developer messages in front: blocks whose borders stay (§5.2, #17.8)',
    request: {
      messages: [
        { role: 'system', parts: [{ kind: 'text', text: 'a', cache: {} }], placement: 'inline' },
        says('developer', 'b'),
        says('user', 'q'),
      ],
    },
    body: {
      system: [
        { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'b' },
      ],
      messages: [{ role: 'user', content: 'q' }],
    },
    codes: [],
  },
  {
    name: 'one system text: a text',
    request: { messages: [says('system', 'a'), says('user', 'q')] },
    body: { system: 'a' },
  },
  {
    name: 'a system message in the middle, for a model that takes it (§5.2)',
    model: newClaude,
    request: { messages: [says('user', 'q'), says('assistant', 'a'), says('system', 's'), says('user', 'r')] },
    body: {
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: 'a' },
        { role: 'system', content: 's' },
        { role: 'user', content: 'r' },
      ],
    },
    codes: [],
  },
  {
    name: 'a system message in the middle, for a model that takes none: in the words of the user, and neighbours merged',
    request: { messages: [says('user', 'q'), says('system', 's'), says('user', 'r')] },
    body: {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'q' },
            { type: 'text', text: '<system-reminder>s</system-reminder>' },
            { type: 'text', text: 'r' },
          ],
        },
      ],
    },
    codes: ['adapted:system_position'],
  },
  {
    name: 'results of parallel calls in one turn, in the order of the calls (§5.6, #17.9)',
    request: {
      tools: [tool],
      messages: [
        says('user', 'q'),
        says('assistant', 'Checking.', call('a'), call('b')),
        says('user', result('b', 'two', true)),
        says('user', result('a', 'one')),
        says('user', 'and?'),
      ],
    },
    body: {
      messages: [
        { role: 'user', content: 'q' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Checking.' },
            { type: 'tool_use', id: 'a', name: 'f', input: { a: 'x' } },
            { type: 'tool_use', id: 'b', name: 'f', input: { a: 'x' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'one' },
            { type: 'tool_result', tool_use_id: 'b', content: 'two', is_error: true },
            { type: 'text', text: 'and?' },
          ],
        },
      ],
    },
    codes: [],
  },
  {
    name: 'a failed call says something, for Anthropic refuses an error without content',
    request: {
      messages: [says('user', 'q'), says('assistant', call('a')), says('user', result('a', '', true))],
    },
    body: {
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: { a: 'x' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: '(no output)', is_error: true }] },
      ],
    },
  },
  {
    name: 'texts without a word are left out, and turns of which nothing is left (§5.2)',
    request: { messages: [says('user', 'q', ' \n'), says('assistant', ''), says('user', 'r')] },
    body: {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'q' },
            { type: 'text', text: 'r' },
          ],
        },
      ],
    },
  },
  {
    name: 'thoughts that it signed, with every blank around them (§6.4)',
    request: { messages: [says('user', 'q'), says('assistant', signed, '\n\n', 'a'), says('user', 'r')] },
    body: {
      messages: [
        {},
        {
          content: [
            { type: 'thinking', thinking: ' hm ', signature: 'Ev==' },
            { type: 'text', text: '\n\n' },
            { type: 'text', text: 'a' },
          ],
        },
        {},
      ],
    },
    codes: [],
  },
  {
    name: 'thoughts of nobody and of others are never sent (§6.4)',
    request: {
      messages: [
        says('user', 'q'),
        says(
          'assistant',
          { kind: 'reasoning', text: 'x', style: 'raw', isRedacted: false },
          {
            kind: 'reasoning',
            text: 'y',
            style: 'summary',
            isRedacted: false,
            opaque: { form: 'responses', family: 'gpt', kind: 'encrypted', payload: 'z' },
          },
          'a',
        ),
        says('user', 'r'),
      ],
    },
    body: { messages: [{}, { role: 'assistant', content: 'a' }, {}] },
    codes: ['dropped:foreign_reasoning'],
  },
  {
    name: 'a signature of Google’s on a call (§6.1)',
    request: {
      tools: [tool],
      messages: [
        says('user', 'q'),
        says('assistant', {
          kind: 'tool_call',
          id: 'a',
          name: 'f',
          args: { value: {} },
          isCustom: false,
          tool: 'function',
          opaque: { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'G' },
        }),
        says('user', result('a')),
      ],
    },
    body: { messages: [{}, { content: [{ type: 'tool_use', id: 'a' }] }, {}] },
    codes: ['dropped:foreign_reasoning'],
  },
  {
    name: 'words to go on from end without a blank (§5.2)',
    model: oldClaude,
    request: { messages: [says('user', 'q'), says('assistant', 'It is \n')] },
    body: { messages: [{}, { role: 'assistant', content: 'It is' }] },
    codes: [],
  },
  {
    name: 'words to go on from, for a model that refuses them: a turn like any other (§5.2)',
    model: newClaude,
    request: { messages: [says('user', 'q'), says('assistant', 'It is')] },
    body: { messages: [{}, { role: 'assistant', content: 'It is' }, { role: 'user', content: 'Continue.' }] },
    codes: ['adapted:prefill'],
  },
  {
    name: 'instructions alone need somebody to speak to',
    request: { messages: [says('system', 's')] },
    body: { system: 's', messages: [{ role: 'user', content: 'Continue.' }] },
    codes: ['adapted:turn_inserted'],
  },
  {
    name: 'a refusal of the assistant is a text',
    request: { messages: [says('user', 'q'), says('assistant', { kind: 'refusal', text: 'no' }), says('user', 'r')] },
    body: { messages: [{}, { role: 'assistant', content: 'no' }, {}] },
  },
  {
    name: 'pictures, by bytes, by data address and by address (§5.3)',
    request: {
      messages: [
        says(
          'user',
          { kind: 'media', medium: 'image', mime: 'image/jpg', source: { base64: '/9j/4AAQ' } },
          { kind: 'media', medium: 'image', mime: '', source: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { kind: 'media', medium: 'image', mime: '', source: { url: 'https://a.b/c' }, detail: 'high' },
        ),
      ],
    },
    body: {
      messages: [
        {
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: '/9j/4AAQ' } },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
            { type: 'image', source: { type: 'url', url: 'https://a.b/c' } },
          ],
        },
      ],
    },
    codes: ['dropped:image_detail'],
  },
  {
    name: 'documents: a PDF with its name, a text file as a text (§5.3)',
    request: {
      messages: [
        says(
          'user',
          { kind: 'media', medium: 'file', mime: 'application/pdf', source: { base64: 'JVBERi0=' }, filename: 'a.pdf' },
          { kind: 'media', medium: 'file', mime: 'text/plain', source: { base64: 'd29yZHM=' }, filename: 'b.txt' },
          { kind: 'media', medium: 'file', mime: '', source: { url: 'https://a.b/c.pdf' } },
        ),
      ],
    },
    body: {
      messages: [
        {
          content: [
            {
              type: 'document',
              source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
              title: 'a.pdf',
            },
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, title: 'b.txt' },
            { type: 'document', source: { type: 'url', url: 'https://a.b/c.pdf' } },
          ],
        },
      ],
    },
  },
  {
    name: 'results with a picture, with a value and with nothing (§5.6)',
    request: {
      tools: [tool],
      messages: [
        says('user', 'q'),
        says('assistant', call('a'), call('b'), call('c')),
        says(
          'user',
          {
            kind: 'tool_result',
            callId: 'a',
            parts: [
              { kind: 'text', text: 'see' },
              { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } },
            ],
            isError: false,
            isCustom: false,
          },
          { kind: 'tool_result', callId: 'b', parts: [], value: { n: 1 }, isError: false, isCustom: false },
          { kind: 'tool_result', callId: 'c', parts: [], isError: false, isCustom: false },
        ),
      ],
    },
    body: {
      messages: [
        {},
        {},
        {
          content: [
            { tool_use_id: 'a', content: [{ type: 'text', text: 'see' }, { type: 'image' }] },
            { tool_use_id: 'b', content: '{"n":1}' },
            { tool_use_id: 'c' },
          ],
        },
      ],
    },
  },
  {
    name: 'names that do not fit, the same way everywhere (§5.4)',
    request: {
      tools: [{ ...tool, name: 'a.b' }],
      messages: [
        says('user', 'q'),
        says('assistant', call('functions.x:0', 'a.b')),
        says('user', result('functions.x:0')),
      ],
    },
    body: { tools: [{ name: 'a_b' }], messages: [{}, { content: [{ type: 'tool_use', name: 'a_b' }] }, {}] },
    codes: ['adapted:tool_names_rewritten'],
  },
  {
    name: 'tools: what they take is always an object (§5.4)',
    request: {
      tools: [
        { kind: 'function', name: 'f', schema: undefined },
        { ...tool, name: 'g', strict: true },
      ],
    },
    body: {
      tools: [
        { name: 'f', input_schema: { type: 'object', properties: {} } },
        { name: 'g', strict: true, input_schema: { type: 'object', additionalProperties: false } },
      ],
    },
  },
  {
    name: 'a tool of free text stands in for itself (§5.4)',
    request: { tools: [{ kind: 'custom', name: 'patch', description: 'd' }] },
    body: { tools: [{ name: 'patch', input_schema: { properties: { input: { type: 'string' } } } }] },
    codes: ['adapted:custom_tool_wrapped'],
  },
  {
    name: 'hosted tools are dropped, and with the last one the choice (§5.4)',
    request: { tools: [{ kind: 'hosted', tool: 'web_search', native: {} }], toolChoice: { mode: 'auto' } },
    body: {},
    without: ['tools', 'tool_choice'],
    codes: ['dropped:hosted_tool'],
  },
  {
    name: 'a search of the web is mapped where the operator says so (§5.4)',
    policy: { hostedTools: 'map' },
    request: {
      tools: [
        {
          kind: 'hosted',
          tool: 'web_search',
          native: { filters: { allowed_domains: ['a.b'] }, user_location: { type: 'approximate', country: 'DE' } },
        },
      ],
    },
    body: {
      tools: [
        {
          type: 'web_search_20250305',
          name: 'web_search',
          allowed_domains: ['a.b'],
          user_location: { type: 'approximate', country: 'DE' },
        },
      ],
    },
    codes: [],
  },
  ...(
    [
      ['auto', { mode: 'auto' }, { type: 'auto' }],
      ['none', { mode: 'none' }, { type: 'none' }],
      ['any', { mode: 'required' }, { type: 'any' }],
      ['one', { mode: 'tool', name: 'f', isCustom: false }, { type: 'tool', name: 'f' }],
      [
        'some of them, of which one must be called',
        { mode: 'allowed', names: ['f'], isRequired: true },
        { type: 'any' },
      ],
    ] as const
  ).map(([name, toolChoice, tool_choice]) => ({
    name: `the choice of tools: ${name} (§5.5)`,
    request: { tools: [tool], toolChoice },
    body: { tool_choice },
  })),
  {
    name: 'some of the tools: only they are sent (§5.5)',
    request: {
      tools: [tool, { ...tool, name: 'g' }],
      toolChoice: { mode: 'allowed', names: ['g'], isRequired: false },
    },
    body: { tools: [{ name: 'g' }], tool_choice: { type: 'auto' } },
  },
  {
    name: 'no parallel calls, without a choice (§5.5)',
    request: { tools: [tool], parallelToolCalls: false },
    body: { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
  },
  {
    name: 'no parallel calls, with one that must be called',
    request: { tools: [tool], parallelToolCalls: false, toolChoice: { mode: 'required' } },
    body: { tool_choice: { type: 'any', disable_parallel_tool_use: true } },
  },
  {
    name: 'a choice that forces, for a model that cannot be forced (§5.5)',
    profile: { takesForcedTool: false },
    request: { tools: [tool, { ...tool, name: 'g' }], toolChoice: { mode: 'tool', name: 'g', isCustom: false } },
    body: { tools: [{ name: 'g' }], tool_choice: { type: 'auto' } },
    codes: ['adapted:tool_choice_downgraded'],
  },
  {
    name: 'sampling of older models: within its range, and of two the temperature (§5.1-1, -2)',
    model: oldClaude,
    request: { sampling: { maxOutputTokens: 9, temperature: 1.5, topP: 0.5, topK: 3, stop: ['a', ' ', 'b'] } },
    body: { temperature: 1, top_k: 3, stop_sequences: ['a', 'b'] },
    without: ['top_p'],
    codes: ['adapted:stop_emulated', 'adapted:temperature_clamped', 'dropped:unknown_field'],
  },
  {
    name: 'sampling of new models: none (§5.1-2)',
    model: newClaude,
    request: { sampling: { maxOutputTokens: 9, temperature: 0.2, topK: 3 } },
    body: {},
    without: ['temperature', 'top_p', 'top_k'],
    codes: ['adapted:temperature_clamped', 'dropped:top_k'],
  },
  {
    name: 'hints that nobody here takes are told, and their defaults are not (Appendix C)',
    request: {
      sampling: {
        maxOutputTokens: 9,
        seed: 1,
        presencePenalty: 0,
        frequencyPenalty: 1,
        logitBias: { 1: 2 },
        logprobs: true,
      },
      output: { verbosity: 'low', prediction: {} },
      identity: { endUser: 'u', tags: { a: 'b' } },
      tier: 'flex',
      messages: [{ ...says('user', 'q'), name: 'Bob' }],
    },
    body: {},
    without: ['seed', 'metadata', 'service_tier'],
    codes: [
      'dropped:logit_bias',
      'dropped:logprobs',
      'dropped:message_name',
      'dropped:metadata',
      'dropped:penalties',
      'dropped:prediction',
      'dropped:seed',
      'dropped:service_tier',
      'dropped:user',
      'dropped:verbosity',
    ],
  },
  {
    name: 'who the user is, where the operator lets it be told (§5.10)',
    policy: { forwardsIdentity: true },
    request: { identity: { endUser: 'u' }, tier: 'priority' },
    body: { metadata: { user_id: 'u' }, service_tier: 'auto' },
    codes: [],
  },
  {
    name: 'effort as a budget (§5.7)',
    request: { reasoning: { effort: 'low' }, sampling: { maxOutputTokens: 9000, temperature: 0.5 } },
    body: { thinking: { type: 'enabled', budget_tokens: 2048 } },
    without: ['temperature'],
    codes: ['adapted:temperature_clamped'],
  },
  {
    name: 'effort of models that think as they like, with thoughts to be seen (§5.7-3)',
    model: newClaude,
    request: { reasoning: { effort: 'xhigh' } },
    body: { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'xhigh' } },
  },
  {
    name: 'no thinking is said, not left out (§5.7-2, #17.2)',
    request: { reasoning: { effort: 'none' } },
    body: { thinking: { type: 'disabled' } },
  },
  {
    name: 'a tool that must be called ends thinking by a budget (§5.5)',
    request: {
      tools: [tool],
      toolChoice: { mode: 'required' },
      reasoning: { effort: 'low' },
      sampling: { maxOutputTokens: 9000 },
    },
    body: { thinking: { type: 'disabled' }, tool_choice: { type: 'any' } },
    codes: ['adapted:thinking_disabled_for_tool_choice'],
  },
  {
    name: 'a turn with calls and without its thought ends thinking by a budget (§6.4)',
    request: {
      tools: [tool],
      messages: [says('user', 'q'), says('assistant', call('a')), says('user', result('a'))],
      reasoning: { effort: 'low' },
      sampling: { maxOutputTokens: 9000 },
    },
    body: { thinking: { type: 'disabled' } },
    codes: ['adapted:thinking_disabled_missing_signature'],
  },
  {
    name: 'a turn with calls and its thought goes on thinking',
    request: {
      tools: [tool],
      messages: [says('user', 'q'), says('assistant', signed, call('a')), says('user', result('a'))],
      reasoning: { effort: 'low' },
      sampling: { maxOutputTokens: 9000 },
    },
    body: { thinking: { type: 'enabled' } },
    codes: [],
  },
  {
    name: 'earlier turns need no thought',
    request: {
      tools: [tool],
      messages: [
        says('user', 'q'),
        says('assistant', call('a')),
        says('user', result('a')),
        says('assistant', 'done'),
        says('user', 'and?'),
      ],
      reasoning: { effort: 'low' },
      sampling: { maxOutputTokens: 9000 },
    },
    body: { thinking: { type: 'enabled' } },
    codes: [],
  },
  {
    name: 'a schema of the answer (§5.8)',
    request: { output: { format: { kind: 'json_schema', schema: { type: 'object', properties: {} } } } },
    body: {
      output_config: {
        format: { type: 'json_schema', schema: { type: 'object', properties: {}, additionalProperties: false } },
      },
    },
  },
  {
    name: 'a schema of the answer, for an older model: a tool that must be called (§5.8-2)',
    model: oldClaude,
    request: { output: { format: { kind: 'json_schema', schema: { type: 'object', properties: {} } } } },
    body: { tools: [{ name: 'json_response' }], tool_choice: { type: 'tool', name: 'json_response' } },
    codes: ['adapted:json_schema_tool'],
  },
  {
    name: 'JSON of any shape is asked for in words (§5.8-4)',
    request: { messages: [says('system', 's'), says('user', 'q')], output: { format: { kind: 'json' } } },
    body: { system: [{ type: 'text', text: 's' }, { type: 'text' }] },
    codes: ['adapted:json_object_instruction'],
  },
  {
    name: 'fields that a backend refuses are not sent',
    profile: { refuses: new Set(['metadata']) },
    policy: { forwardsIdentity: true },
    request: { identity: { endUser: 'u' } },
    body: {},
    without: ['metadata'],
    codes: ['dropped:user'],
  },
]

test.each([...rows])(
  'a request to Claude: $name',
  ({ model = claude45, request, body, without = [], codes, profile, policy }) => {
    const written = writtenFor(claudeTarget(model, profile, policy), request)
    expect(written.notes.rejection).toBeUndefined()
    expect(written.body).toMatchObject(body)
    for (const field of without) expect(written.body).not.toHaveProperty(field)
    if (codes !== undefined) expect(written.notes.codes.toSorted()).toEqual([...codes])
  },
)

test.each<{ name: string; request: Partial<CommonRequest>; field: string; profile?: ProfileOverrides }>([
  { name: 'more than one answer', request: { sampling: { n: 2 } }, field: 'n' },
  { name: 'an answer to be heard', request: { output: { modalities: ['text', 'audio'] } }, field: 'modalities' },
  { name: 'a cached prompt of Google', request: { cache: { resource: 'cachedContents/1' } }, field: 'cachedContent' },
  { name: 'an earlier response', request: { previousResponseId: 'resp_1' }, field: 'previous_response_id' },
  {
    name: 'sound (#17.7)',
    request: {
      messages: [
        says('system', 's'),
        says('user', 'q', { kind: 'media', medium: 'audio', mime: 'audio/wav', source: { base64: '' } }),
      ],
    },
    field: 'messages[1].content[1]',
  },
  {
    name: 'a picture of a type that it cannot see',
    request: {
      form: 'gemini',
      messages: [says('user', { kind: 'media', medium: 'image', mime: 'image/tiff', source: { base64: 'SUkqAA==' } })],
    },
    field: 'contents[0].parts[0]',
  },
  {
    name: 'a document that it cannot read',
    request: {
      messages: [
        says('user', { kind: 'media', medium: 'file', mime: 'application/msword', source: { base64: '0M8R4KGxGuE=' } }),
      ],
    },
    field: 'messages[0].content[0]',
  },
  {
    name: 'a file at another provider',
    request: {
      messages: [
        says('user', {
          kind: 'media',
          medium: 'file',
          mime: '',
          source: { file: { form: 'responses', id: 'file-1' } },
        }),
      ],
    },
    field: 'messages[0].content[0]',
  },
  {
    name: 'an address that only Google knows',
    request: {
      messages: [says('user', { kind: 'media', medium: 'image', mime: 'image/png', source: { url: 'gs://a/b' } })],
    },
    field: 'messages[0].content[0]',
  },
  {
    name: 'a tool that must be called and is not declared',
    request: { tools: [tool], toolChoice: { mode: 'tool', name: 'g', isCustom: false } },
    field: 'tool_choice',
  },
  {
    name: 'an encrypted history of OpenAI',
    request: {
      form: 'responses',
      messages: [
        says('assistant', { kind: 'native', form: 'responses', type: 'compaction', value: {} }),
        says('user', 'q'),
      ],
    },
    field: 'input[0]',
  },
])('the answer would be wrong without it: $name is rejected (§3)', ({ request, field, profile }) => {
  expect(writtenFor(claudeTarget(claude45, profile), request).notes.rejection).toMatchObject({ field })
})

test('strict clients are refused what others lose', () => {
  const { notes } = writtenFor(claudeTarget(claude45), { sampling: { seed: 1 } }, new Notes('strict'))
  expect(notes.rejection).toMatchObject({ field: 'seed' })
})

test('names, free texts and outputs find their way back', () => {
  const { request } = writtenFor(claudeTarget(oldClaude), {
    tools: [
      { ...tool, name: 'a.b' },
      { kind: 'custom', name: 'patch' },
      { kind: 'client_builtin', tool: 'shell', name: 'shell', native: { type: 'shell' } },
    ],
  })
  expect(request.back.toolNames).toEqual(new Map([['a_b', { name: 'a.b' }]]))
  expect(request.back.customTools).toEqual(new Set(['patch']))
  expect(request.back.builtins).toEqual(new Map([['shell', 'shell']]))
  const list = { kind: 'json_schema', schema: { type: 'array', items: { type: 'string' } } } as const
  const asked = writtenFor(claudeTarget(oldClaude), { output: { format: list } })
  expect(asked.request.back).toMatchObject({ outputTool: 'json_response', isOutputWrapped: true })
  expect(asked.body).toMatchObject({ tools: [{ input_schema: { properties: { value: { type: 'array' } } } }] })
  expect(writtenFor(claudeTarget(claude45), { output: { format: list } }).request.back).toMatchObject({
    outputTool: undefined,
    isOutputWrapped: true,
  })
})

test('stop sequences that Anthropic refuses are looked for in the answer (§5.1-6)', () => {
  const { request, body } = writtenFor(claudeTarget(oldClaude), { sampling: { stop: ['\n\n', 'END', ''] } })
  expect(body['stop_sequences']).toEqual(['END'])
  expect(request.back.stops).toEqual(['\n\n'])
})

test.each([
  { name: 'a short answer in one piece', request: { stream: false }, sent: undefined },
  { name: 'a stream that the client wants', request: { stream: true, sampling: {} }, sent: true },
  {
    name: 'an answer that would take too long in one piece',
    request: { stream: false, sampling: { maxOutputTokens: 21_334 } },
    sent: true,
  },
])('§5.1-4: $name', ({ request, sent }) => {
  const written = writtenFor(claudeTarget(claude45), request)
  expect(written.request.stream).toBe(sent === true)
  expect(written.body['stream']).toBe(sent)
  expect(written.notes.header()).toBeUndefined()
})

test('clients of Responses get thoughts between calls, from models that think by a budget (§5.7-5)', () => {
  const request: Partial<CommonRequest> = {
    tools: [tool],
    reasoning: { effort: 'low' },
    sampling: { maxOutputTokens: 9000 },
  }
  const interleaved = [['anthropic-beta', 'interleaved-thinking-2025-05-14']]
  expect(writtenFor(claudeTarget(claude45), { ...request, form: 'responses' }).request.headers).toEqual(
    interleaved as never,
  )
  expect(writtenFor(claudeTarget(claude45), { ...request, form: 'chat' }).request.headers).toEqual([])
  expect(writtenFor(claudeTarget(newClaude), { ...request, form: 'responses' }).request.headers).toEqual([])
})

test('the same request twice gives the same bytes (§5.9)', () => {
  const request: Partial<CommonRequest> = {
    tools: [tool, { kind: 'custom', name: 'c' }],
    messages: [says('user', 'q'), says('assistant', call('call:1')), says('user', result('call:1'))],
    output: { format: { kind: 'json' } },
  }
  const first = JSON.stringify(writtenFor(claudeTarget(claude45), request).request.body)
  expect(JSON.stringify(writtenFor(claudeTarget(claude45), request).request.body)).toBe(first)
})

test('digits of arguments are those of the client (§5.6)', () => {
  const raw = '{"id":12345678901234567890,"x":1.0}'
  const { request } = writtenFor(claudeTarget(claude45), {
    tools: [tool],
    messages: [
      says('user', 'q'),
      says('assistant', { kind: 'tool_call', id: 'a', name: 'f', args: { raw }, isCustom: false, tool: 'function' }),
      says('user', result('a')),
    ],
  })
  expect(JSON.stringify(request.body)).toContain(`"input":${raw}`)
})

test('ids that do not fit are made anew, alike for a call and its result (§5.6, #17.1)', () => {
  const id = `functions.f:0${'x'.repeat(300)}`
  const { body } = writtenFor(claudeTarget(claude45), {
    tools: [tool],
    messages: [says('user', 'q'), says('assistant', call(id)), says('user', result(id))],
  })
  const [, said, answered] = body['messages'] as { content: Record<string, unknown>[] }[]
  const sent = said?.content[0]?.['id']
  expect(sent).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
  expect(answered?.content[0]?.['tool_use_id']).toBe(sent)
})
