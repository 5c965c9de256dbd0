import type { Profile } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'

/** One field of a request: the request with it, and the same without it. */
export interface FieldRow {
  /** As its API calls it. */
  readonly field: string
  readonly without: object
  readonly body: object
  /** Found in the request to a backend that has the field; absent: that request differs by it. */
  readonly mark?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The code that says already, for what it stands in, that it is lost. */
  readonly within?: string
  /** Of whom nothing has to be asked: it is so anyway. */
  readonly isSo?: (profile: Profile) => boolean
}

/** Who does not think need not be told so. */
function neverThinks({ reasoning }: Profile): boolean {
  return reasoning.style === 'none'
}

/** Who thinks unasked, as much as it likes. */
function alwaysThinks({ reasoning }: Profile): boolean {
  return reasoning.isOnByDefault
}

/** A name by which only its own provider finds a schema again. */
function isLabel(): boolean {
  return true
}

/** Whoever takes a schema keeps to it; that others are asked in words is told by a code of its own. */
function isStrict(): boolean {
  return true
}

function always(): boolean {
  return true
}

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const pdf = 'JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcjw8Pj4K'
const schema = { type: 'object', properties: { a: { type: 'string', description: 'MARK' } }, required: ['a'] }

/** Rows of one form. `plain`: a request that says as little as can be. */
function rowsOf(plain: object) {
  return {
    /** A field of the body itself. */
    top: (name: string, value: unknown, mark?: string, more: object = {}): FieldRow => ({
      field: name,
      without: { ...plain, ...more },
      body: { ...plain, ...more, [name]: value },
      ...(mark === undefined ? {} : { mark }),
    }),
    /** Something deeper: both bodies as they are, over the plain one. */
    deep: (field: string, without: object, body: object, mark?: string): FieldRow => ({
      field,
      without: { ...plain, ...without },
      body: { ...plain, ...body },
      ...(mark === undefined ? {} : { mark }),
    }),
  }
}

function chatRows(): readonly FieldRow[] {
  const user = { role: 'user', content: 'hi' }
  const { top, deep } = rowsOf({ model: 'alias', messages: [user] })
  const tool = { type: 'function', function: { name: 'look', description: 'd', parameters: schema } }
  const other = { type: 'function', function: { name: 'other', parameters: { type: 'object', properties: {} } } }
  const custom = { type: 'custom', custom: { name: 'free', description: 'd' } }
  const tools = { tools: [tool] }
  const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":"b"}' } }
  const talk = (more: readonly object[]) => ({ ...tools, messages: [user, ...more] })
  const called = (result: object, calling: object = {}) =>
    talk([
      { role: 'assistant', content: 'so', tool_calls: [call], ...calling },
      { role: 'tool', tool_call_id: 'call_1', content: 'found', ...result },
      user,
    ])
  const content = (part: object) => ({ messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }, part] }] })
  const own = (more: object) => talk([{ role: 'assistant', content: 'so', ...more }, user])
  const none = { messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] }
  return [
    top('max_tokens', 4321, '4321'),
    top('max_completion_tokens', 4321, '4321'),
    top('temperature', 0.4321, '0.4321'),
    top('top_p', 0.4321, '0.4321'),
    top('top_k', 43, '43'),
    top('min_p', 0.4321, '0.4321'),
    top('n', 2),
    top('stop', ['MARK'], 'MARK'),
    top('presence_penalty', 0.4321, '0.4321'),
    top('frequency_penalty', 0.4321, '0.4321'),
    top('repetition_penalty', 1.4321, '1.4321'),
    top('seed', 4321, '4321'),
    top('random_seed', 4321, '4321'),
    top('logit_bias', { 4321: 5 }, '4321'),
    top('logprobs', true),
    { ...top('top_logprobs', 3, undefined, { logprobs: true }), within: 'dropped:logprobs' },
    top('response_format', { type: 'json_object' }),
    top('response_format', { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } }, 'MARK'),
    {
      ...deep(
        'response_format.json_schema.name',
        { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } },
        { response_format: { type: 'json_schema', json_schema: { name: 'MARKED', schema } } },
        'MARKED',
      ),
      isSo: isLabel,
    },
    {
      ...deep(
        'response_format.json_schema.strict',
        { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } },
        {
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'n', schema: { ...schema, additionalProperties: false }, strict: true },
          },
        },
      ),
      isSo: isStrict,
    },
    deep(
      'response_format.json_schema.description',
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } },
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema, description: 'MARKED' } } },
      'MARKED',
    ),
    top('tools', [tool], 'MARK'),
    deep('tools[0].function.strict', tools, { tools: [{ ...tool, function: { ...tool.function, strict: true } }] }),
    deep('tools[0].function.more', tools, { tools: [{ ...tool, function: { ...tool.function, more: 'MARKED' } }] }),
    deep('tools[0].more', tools, { tools: [{ ...tool, more: 'MARKED' }] }),
    deep('tools[0].cache_control', tools, { tools: [{ ...tool, cache_control: { type: 'ephemeral', ttl: '1h' } }] }),
    top('tools', [custom], 'free'),
    deep(
      'tools[0].custom.format',
      { tools: [custom] },
      {
        tools: [
          {
            type: 'custom',
            custom: {
              ...custom.custom,
              format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "MARKED"' } },
            },
          },
        ],
      },
      'MARKED',
    ),
    top('tools', [{ type: 'web_search' }]),
    top('web_search_options', { search_context_size: 'low' }),
    top('tool_choice', 'none', undefined, tools),
    top('tool_choice', 'required', undefined, tools),
    top('tool_choice', { type: 'function', function: { name: 'look' } }, undefined, { tools: [tool, other] }),
    top(
      'tool_choice',
      {
        type: 'allowed_tools',
        allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'look' } }] },
      },
      undefined,
      { tools: [tool, other] },
    ),
    top('tool_choice', { type: 'web_search' }, undefined, { tools: [tool, { type: 'web_search' }] }),
    top('parallel_tool_calls', false, undefined, tools),
    top('functions', [{ name: 'look', description: 'MARKED', parameters: schema }], 'MARKED'),
    top('function_call', { name: 'look' }, undefined, {
      functions: [{ name: 'look', parameters: schema }, { name: 'o' }],
    }),
    deep('modalities', {}, { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }),
    top('audio', { voice: 'alloy', format: 'wav' }),
    top('prediction', { type: 'content', content: 'MARK' }, 'MARK'),
    top('reasoning_effort', 'low'),
    { ...top('reasoning_effort', 'none'), isSo: neverThinks },
    top('reasoning', { effort: 'low' }),
    top('reasoning', { max_tokens: 2000 }),
    { ...top('reasoning', { exclude: true }), isSo: always },
    top('thinking', { type: 'enabled', budget_tokens: 2000 }),
    { ...top('thinking', { type: 'disabled' }), isSo: neverThinks },
    { ...top('enable_thinking', false), isSo: neverThinks },
    { ...top('chat_template_kwargs', { enable_thinking: false }), isSo: neverThinks },
    top('chat_template_kwargs', { other: 'MARK' }, 'MARK'),
    top('thinking_budget', 2000),
    top('verbosity', 'low'),
    top('user', 'MARK', 'MARK'),
    top('safety_identifier', 'MARK', 'MARK'),
    top('metadata', { k: 'MARK' }, 'MARK'),
    top('metadata', { k: 5 }),
    top('store', true),
    top('service_tier', 'flex'),
    top('service_tier', 'priority'),
    top('prompt_cache_key', 'MARK', 'MARK'),
    top('prompt_cache_retention', '24h'),
    top('prompt_cache_options', { mode: 'implicit', ttl: '1h' }),
    top('cache_control', { type: 'ephemeral', ttl: '1h' }),
    top('safe_prompt', true),
    top('unheard_of', 'MARK', 'MARK'),
    deep('stream_options.unheard_of', { stream_options: {} }, { stream_options: { unheard_of: 'MARK' } }, 'MARK'),
    deep('messages[0]', {}, { messages: [{ role: 'system', content: 'MARKED' }, user] }, 'MARKED'),
    deep('messages[0]', {}, { messages: [{ role: 'developer', content: 'MARKED' }, user] }, 'MARKED'),
    deep('messages[1]', {}, { messages: [user, { role: 'system', content: 'MARKED' }, user] }, 'MARKED'),
    deep('messages[0].name', {}, { messages: [{ ...user, name: 'MARKED' }] }, 'MARKED'),
    deep('messages[0].unheard_of', {}, { messages: [{ ...user, unheard_of: 'MARKED' }] }, 'MARKED'),
    deep('messages[0].cache_control', {}, { messages: [{ ...user, cache_control: { type: 'ephemeral', ttl: '1h' } }] }),
    deep(
      'content.image_url',
      none,
      content({ type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }),
      png,
    ),
    deep(
      'content.image_url.detail',
      content({ type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }),
      content({ type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } }),
    ),
    deep(
      'content.image_url.url',
      none,
      content({ type: 'image_url', image_url: { url: 'https://example.com/MARK.png' } }),
      'MARK.png',
    ),
    deep(
      'content.input_audio',
      none,
      content({ type: 'input_audio', input_audio: { data: 'TUFSSw==', format: 'wav' } }),
      'TUFSSw==',
    ),
    deep(
      'content.file',
      none,
      content({ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` } }),
      pdf,
    ),
    deep(
      'content.file.filename',
      content({ type: 'file', file: { file_data: `data:application/pdf;base64,${pdf}` } }),
      content({ type: 'file', file: { filename: 'MARKED.pdf', file_data: `data:application/pdf;base64,${pdf}` } }),
      'MARKED',
    ),
    deep('content.file.file_id', none, content({ type: 'file', file: { file_id: 'file-MARK' } }), 'file-MARK'),
    deep(
      'content.video_url',
      none,
      content({ type: 'video_url', video_url: { url: 'https://example.com/MARK.mp4' } }),
      'MARK.mp4',
    ),
    deep('content.text.cache_control', none, {
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
      ],
    }),
    deep('content.unheard_of', none, content({ type: 'unheard_of', unheard_of: 'MARK' }), 'MARK'),
    deep(
      'content.text.unheard_of',
      none,
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', unheard_of: 'MARK' }] }] },
      'MARK',
    ),
    deep(
      'content.reference',
      own({ content: [{ type: 'text', text: 'so' }] }),
      own({
        content: [
          { type: 'text', text: 'so' },
          { type: 'reference', reference_ids: [43] },
        ],
      }),
    ),
    deep('messages[1]', tools, own({ content: 'MARKED' }), 'MARKED'),
    deep('messages[1].refusal', own({}), own({ refusal: 'MARKED' }), 'MARKED'),
    deep('messages[1].audio', own({}), own({ audio: { id: 'audio_MARK' } }), 'audio_MARK'),
    deep(
      'messages[1].annotations',
      own({}),
      own({
        annotations: [
          {
            type: 'url_citation',
            url_citation: { url: 'https://e.com/MARKED', title: 't', start_index: 0, end_index: 1 },
          },
        ],
      }),
      'MARKED',
    ),
    deep('messages[1].prefix', own({}), own({ prefix: true })),
    deep(
      'messages[1].images',
      own({}),
      own({ images: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }] }),
      png,
    ),
    deep('messages[1].reasoning_content', called({}), called({}, { reasoning_content: 'MARKED' }), 'MARKED'),
    deep('messages[1].tool_calls', talk([{ role: 'assistant', content: 'so' }, user]), called({}), 'look'),
    deep(
      'messages[1].tool_calls[0].function.arguments',
      called({}),
      called({}, { tool_calls: [{ ...call, function: { name: 'look', arguments: '{"a":"MARKED"}' } }] }),
      'MARKED',
    ),
    deep(
      'messages[1].tool_calls[0].unheard_of',
      called({}),
      called({}, { tool_calls: [{ ...call, unheard_of: 'MARKED' }] }),
      'MARKED',
    ),
    deep('messages[2].content', called({}), called({ content: 'MARKED' }), 'MARKED'),
    deep('messages[2].content', called({}), called({ content: 'Error in line MARKED' }), 'Error in line MARKED'),
    deep('messages[2].unheard_of', called({}), called({ unheard_of: 'MARKED' }), 'MARKED'),
  ]
}

function completionsRows(): readonly FieldRow[] {
  const { top } = rowsOf({ model: 'alias', prompt: 'hi' })
  return [
    top('prompt', 'MARKED', 'MARKED'),
    top('suffix', 'MARK', 'MARK'),
    top('echo', true),
    top('best_of', 2),
    top('logprobs', 3),
    top('max_tokens', 4321, '4321'),
    top('temperature', 0.4321, '0.4321'),
    top('top_p', 0.4321, '0.4321'),
    top('n', 2),
    top('stop', ['MARK'], 'MARK'),
    top('presence_penalty', 0.4321, '0.4321'),
    top('frequency_penalty', 0.4321, '0.4321'),
    top('seed', 4321, '4321'),
    top('logit_bias', { 4321: 5 }, '4321'),
    top('user', 'MARK', 'MARK'),
    top('unheard_of', 'MARK', 'MARK'),
  ]
}

function responsesRows(): readonly FieldRow[] {
  const asked = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }
  const { top, deep } = rowsOf({ model: 'alias', input: [asked] })
  const tool = { type: 'function', name: 'look', description: 'd', parameters: schema, strict: false }
  const other = { type: 'function', name: 'other', parameters: { type: 'object', properties: {} }, strict: false }
  const tools = { tools: [tool] }
  const input = (...items: readonly object[]) => ({ ...tools, input: [asked, ...items] })
  const call = { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{"a":"b"}' }
  const result = { type: 'function_call_output', call_id: 'call_1', output: 'found' }
  const content = (part: object) => ({
    input: [{ ...asked, content: [{ type: 'input_text', text: 'hi' }, part] }],
  })
  const own = (part: object, more: object = {}) =>
    input(
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'so', ...part }], ...more },
      asked,
    )
  return [
    top('input', 'MARKED', 'MARKED'),
    top('instructions', 'MARKED', 'MARKED'),
    top('max_output_tokens', 4321, '4321'),
    top('max_tool_calls', 3),
    top('temperature', 0.4321, '0.4321'),
    top('top_p', 0.4321, '0.4321'),
    top('presence_penalty', 0.4321, '0.4321'),
    top('frequency_penalty', 0.4321, '0.4321'),
    top('top_logprobs', 3),
    top('include', ['message.output_text.logprobs']),
    top('include', ['web_search_call.action.sources']),
    top('include', ['file_search_call.results']),
    top('reasoning', { effort: 'low' }),
    { ...top('reasoning', { effort: 'none' }), isSo: neverThinks },
    top('reasoning', { summary: 'detailed' }),
    top('reasoning', { unheard_of: 'MARK' }, 'MARK'),
    top('text', { format: { type: 'json_object' } }),
    top('text', { format: { type: 'json_schema', name: 'n', schema } }, 'MARK'),
    top('text', { verbosity: 'low' }),
    top('text', { unheard_of: 'MARK' }, 'MARK'),
    top('tools', [tool], 'MARK'),
    deep('tools[0].strict', tools, { tools: [{ ...tool, strict: true }] }),
    deep('tools[0].unheard_of', tools, { tools: [{ ...tool, unheard_of: 'MARKED' }] }, 'MARKED'),
    top('tools', [{ type: 'custom', name: 'free', description: 'MARKED' }], 'MARKED'),
    top('tools', [{ type: 'namespace', name: 'space', description: 'MARKED', tools: [tool] }], 'MARKED'),
    top('tools', [{ type: 'web_search' }]),
    top('tools', [{ type: 'mcp', server_label: 'x', server_url: 'https://x.example' }]),
    top('tools', [{ type: 'local_shell' }]),
    top('tool_choice', 'none', undefined, tools),
    top('tool_choice', 'required', undefined, tools),
    top('tool_choice', { type: 'function', name: 'look' }, undefined, { tools: [tool, other] }),
    top(
      'tool_choice',
      { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'look' }] },
      undefined,
      { tools: [tool, other] },
    ),
    top('tool_choice', { type: 'web_search' }, undefined, { tools: [tool, { type: 'web_search' }] }),
    top('parallel_tool_calls', false, undefined, tools),
    top('previous_response_id', 'resp_MARK', 'resp_MARK'),
    top('conversation', 'conv_MARK', 'conv_MARK'),
    top('prompt', { id: 'MARK' }, 'MARK'),
    top('background', true),
    top('truncation', 'auto'),
    top('context_management', [{ type: 'compaction' }]),
    top('prompt_cache_key', 'MARK', 'MARK'),
    top('prompt_cache_retention', '24h'),
    top('prompt_cache_options', { mode: 'implicit' }),
    top('user', 'MARK', 'MARK'),
    top('safety_identifier', 'MARK', 'MARK'),
    top('metadata', { k: 'MARK' }, 'MARK'),
    top('client_metadata', { k: 'MARK' }, 'MARK'),
    top('service_tier', 'flex'),
    top('service_tier', 'priority'),
    top('unheard_of', 'MARK', 'MARK'),
    deep('input[0].role', {}, { input: [{ role: 'developer', content: 'MARKED' }, asked] }, 'MARKED'),
    deep('input[1]', {}, { input: [asked, { role: 'system', content: 'MARKED' }, asked] }, 'MARKED'),
    deep('input[0].unheard_of', {}, { input: [{ ...asked, unheard_of: 'MARKED' }] }, 'MARKED'),
    deep(
      'input[0].content[0].unheard_of',
      {},
      { input: [{ ...asked, content: [{ type: 'input_text', text: 'hi', unheard_of: 'MARKED' }] }] },
      'MARKED',
    ),
    deep(
      'input[0].content[0].prompt_cache_breakpoint',
      {},
      {
        input: [
          {
            ...asked,
            content: [{ type: 'input_text', text: 'hi', prompt_cache_breakpoint: { mode: 'explicit', ttl: '1h' } }],
          },
        ],
      },
    ),
    deep('input[1].phase', own({}), own({}, { phase: 'commentary' })),
    deep('input_image', {}, content({ type: 'input_image', image_url: `data:image/png;base64,${png}` }), png),
    deep(
      'input_image.detail',
      content({ type: 'input_image', image_url: `data:image/png;base64,${png}` }),
      content({ type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'low' }),
    ),
    deep('input_image.file_id', {}, content({ type: 'input_image', file_id: 'file-MARK' }), 'file-MARK'),
    deep(
      'input_file',
      {},
      content({ type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` }),
      pdf,
    ),
    deep(
      'input_file.filename',
      content({ type: 'input_file', file_data: `data:application/pdf;base64,${pdf}` }),
      content({ type: 'input_file', filename: 'MARKED.pdf', file_data: `data:application/pdf;base64,${pdf}` }),
      'MARKED',
    ),
    deep(
      'input_file.file_url',
      {},
      content({ type: 'input_file', file_url: 'https://example.com/MARK.pdf' }),
      'MARK.pdf',
    ),
    deep(
      'input_audio',
      {},
      content({ type: 'input_audio', input_audio: { data: 'TUFSSw==', format: 'wav' } }),
      'TUFSSw==',
    ),
    deep('input[1].content[0].text', tools, own({ text: 'MARKED' }), 'MARKED'),
    deep(
      'input[1].content[0].annotations',
      own({}),
      own({
        annotations: [{ type: 'url_citation', url: 'https://e.com/MARKED', title: 't', start_index: 0, end_index: 1 }],
      }),
      'MARKED',
    ),
    deep(
      'input[1].content[1].refusal',
      own({}),
      own(
        {},
        {
          content: [
            { type: 'output_text', text: 'so' },
            { type: 'refusal', refusal: 'MARKED' },
          ],
        },
      ),
      'MARKED',
    ),
    deep('input[1]', tools, input(call, result), 'look'),
    deep('input[1].arguments', input(call, result), input({ ...call, arguments: '{"a":"MARKED"}' }, result), 'MARKED'),
    deep('input[1].unheard_of', input(call, result), input({ ...call, unheard_of: 'MARKED' }, result), 'MARKED'),
    deep('input[2].output', input(call, result), input(call, { ...result, output: 'MARKED' }), 'MARKED'),
    deep(
      'input[2].output',
      input(call, result),
      input(call, { ...result, output: [{ type: 'input_image', image_url: `data:image/png;base64,${png}` }] }),
      png,
    ),
    deep('input[2].unheard_of', input(call, result), input(call, { ...result, unheard_of: 'MARKED' }), 'MARKED'),
    deep(
      'input[1]',
      input(call, result),
      input(
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'MARKED' }], encrypted_content: 'xx' },
        call,
        result,
      ),
      'MARKED',
    ),
    deep('input[1]', {}, { input: [asked, { type: 'item_reference', id: 'rs_1' }] }),
    deep('input[1]', {}, { input: [asked, { type: 'item_reference', id: 'msg_1' }] }),
    deep(
      'input[1]',
      {},
      { input: [asked, { type: 'web_search_call', id: 'ws_1', status: 'completed', action: {} }, asked] },
    ),
    deep('input[1]', {}, { input: [asked, { type: 'compaction', encrypted_content: 'x' }, asked] }),
    deep('input[1]', {}, { input: [asked, { type: 'unheard_of', id: 'MARKED' }, asked] }, 'MARKED'),
  ]
}

function messagesRows(): readonly FieldRow[] {
  const user = { role: 'user', content: [{ type: 'text', text: 'hi' }] }
  const plain = { model: 'alias', max_tokens: 5000, messages: [user] }
  const { top, deep } = rowsOf(plain)
  const tool = { name: 'look', description: 'd', input_schema: schema }
  const other = { name: 'other', input_schema: { type: 'object', properties: {} } }
  const tools = { tools: [tool] }
  const talk = (...more: readonly object[]) => ({ ...tools, messages: [user, ...more] })
  const use = { type: 'tool_use', id: 'toolu_1', name: 'look', input: { a: 'b' } }
  const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'found' }
  const called = (using: object = {}, found: object = {}, ...before: readonly object[]) =>
    talk(
      { role: 'assistant', content: [...before, { ...use, ...using }] },
      { role: 'user', content: [{ ...result, ...found }] },
    )
  const content = (...parts: readonly object[]) => ({
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }, ...parts] }],
  })
  const own = (...parts: readonly object[]) => talk({ role: 'assistant', content: parts }, user)
  const cache = { type: 'ephemeral', ttl: '1h' }
  const document = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf } }
  const noted = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' } }
  return [
    top('max_tokens', 4321, '4321'),
    top('temperature', 0.4321, '0.4321'),
    top('top_p', 0.4321, '0.4321'),
    top('top_k', 43, '43'),
    top('stop_sequences', ['MARK'], 'MARK'),
    top('thinking', { type: 'enabled', budget_tokens: 2000 }),
    { ...top('thinking', { type: 'disabled' }), isSo: neverThinks },
    { ...top('thinking', { type: 'adaptive', display: 'summarized' }), isSo: alwaysThinks },
    top('thinking', { type: 'adaptive', unheard_of: 'MARK' }, 'MARK'),
    top('output_config', { effort: 'low' }),
    top('output_config', { format: { type: 'json_schema', schema } }, 'MARK'),
    top('output_config', { unheard_of: 'MARK' }, 'MARK'),
    top('output_config', { format: { type: 'unheard_of' } }),
    top('output_format', { type: 'json_schema', schema }, 'MARK'),
    top('tools', [tool], 'MARK'),
    deep('tools[0].strict', tools, { tools: [{ ...tool, strict: true }] }),
    deep('tools[0].cache_control', tools, { tools: [{ ...tool, cache_control: cache }] }),
    deep('tools[0].defer_loading', tools, { tools: [{ ...tool, defer_loading: true }] }),
    deep('tools[0].input_examples', tools, { tools: [{ ...tool, input_examples: [{ a: 'MARKED' }] }] }, 'MARKED'),
    deep('tools[0].allowed_callers', tools, { tools: [{ ...tool, allowed_callers: ['code_execution'] }] }),
    deep('tools[0].eager_input_streaming', tools, { tools: [{ ...tool, eager_input_streaming: true }] }),
    top('tools', [{ type: 'bash_20250124', name: 'bash' }]),
    top('tools', [{ type: 'computer_20250124', name: 'computer', display_width_px: 100, display_height_px: 100 }]),
    top('tools', [{ type: 'web_search_20250305', name: 'web_search' }]),
    top('tool_choice', { type: 'none' }, undefined, tools),
    top('tool_choice', { type: 'any' }, undefined, tools),
    top('tool_choice', { type: 'tool', name: 'look' }, undefined, { tools: [tool, other] }),
    top('tool_choice', { type: 'auto', disable_parallel_tool_use: true }, undefined, tools),
    top('system', 'MARKED', 'MARKED'),
    top(
      'system',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'MARKED' },
      ],
      'MARKED',
    ),
    deep(
      'system[0].cache_control',
      { system: [{ type: 'text', text: 'a' }] },
      { system: [{ type: 'text', text: 'a', cache_control: cache }] },
    ),
    top('cache_control', cache),
    top('metadata', { user_id: 'MARK' }, 'MARK'),
    top('metadata', { unheard_of: 'MARK' }, 'MARK'),
    { ...top('service_tier', 'standard_only'), isSo: always },
    top('service_tier', 'priority'),
    top('speed', 'fast'),
    top('context_management', { edits: [] }),
    top('mcp_servers', [{ type: 'url', url: 'https://x.example', name: 'x' }]),
    top('container', 'MARK', 'MARK'),
    top('inference_geo', 'us'),
    top('unheard_of', 'MARK', 'MARK'),
    { field: 'anthropic-beta', without: plain, body: plain, headers: { 'anthropic-beta': 'files-api-2025-04-14' } },
    deep('messages[0]', {}, { messages: [{ role: 'user', content: 'MARKED' }] }, 'MARKED'),
    deep('messages[1]', {}, { messages: [user, { role: 'system', content: 'MARKED' }, user] }, 'MARKED'),
    deep('messages[0].unheard_of', {}, { messages: [{ ...user, unheard_of: 'MARKED' }] }, 'MARKED'),
    deep(
      'text.cache_control',
      {},
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', cache_control: cache }] }] },
    ),
    deep(
      'text.unheard_of',
      {},
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', unheard_of: 'MARKED' }] }] },
      'MARKED',
    ),
    deep(
      'text.citations',
      own({ type: 'text', text: 'so' }),
      own({
        type: 'text',
        text: 'so',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://e.com/MARKED',
            title: 't',
            cited_text: 'c',
            encrypted_index: 'x',
          },
        ],
      }),
      'MARKED',
    ),
    deep(
      'image',
      content(),
      content({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }),
      png,
    ),
    deep(
      'image.source.url',
      content(),
      content({ type: 'image', source: { type: 'url', url: 'https://example.com/MARK.png' } }),
      'MARK.png',
    ),
    deep(
      'image.source.file_id',
      content(),
      content({ type: 'image', source: { type: 'file', file_id: 'file_MARK' } }),
      'file_MARK',
    ),
    deep(
      'image.transformations',
      content({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }),
      content({
        type: 'image',
        transformations: ['MARKED'],
        source: { type: 'base64', media_type: 'image/png', data: png },
      }),
      'MARKED',
    ),
    deep(
      'image.unheard_of',
      content({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }),
      content({ type: 'image', unheard_of: 'MARKED', source: { type: 'base64', media_type: 'image/png', data: png } }),
      'MARKED',
    ),
    deep('document', content(), content(document), pdf),
    deep('document.source.text', content(), content({ ...noted, source: { ...noted.source, data: 'MARKED' } })),
    deep('document.title', content(document), content({ ...document, title: 'MARKED' }), 'MARKED'),
    deep('document.context', content(noted), content({ ...noted, context: 'MARKED' }), 'MARKED'),
    deep('document.context', content(document), content({ ...document, context: 'MARKED' }), 'MARKED'),
    deep('document.citations', content(document), content({ ...document, citations: { enabled: true } })),
    deep(
      'document.source.content',
      content(),
      content({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'MARKED' }] } }),
      'MARKED',
    ),
    deep(
      'search_result',
      content(),
      content({
        type: 'search_result',
        source: 'https://e.com',
        title: 't',
        content: [{ type: 'text', text: 'MARKED' }],
      }),
      'MARKED',
    ),
    deep(
      'search_result.citations',
      content({ type: 'search_result', source: 'https://e.com', title: 't', content: [{ type: 'text', text: 'm' }] }),
      content({
        type: 'search_result',
        source: 'https://e.com',
        title: 't',
        content: [{ type: 'text', text: 'm' }],
        citations: { enabled: true },
      }),
    ),
    deep('container_upload', content(), content({ type: 'container_upload', file_id: 'MARKED' }), 'MARKED'),
    deep('thinking', called(), called({}, {}, { type: 'thinking', thinking: 'MARKED', signature: 'c2ln' }), 'MARKED'),
    deep('redacted_thinking', called(), called({}, {}, { type: 'redacted_thinking', data: 'MARKED' }), 'MARKED'),
    deep(
      'server_tool_use',
      own({ type: 'text', text: 'so' }),
      own(
        { type: 'text', text: 'so' },
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'MARKED' } },
      ),
      'MARKED',
    ),
    deep('tool_use', talk(), called(), 'look'),
    deep('tool_use.input', called(), called({ input: { a: 'MARKED' } }), 'MARKED'),
    deep(
      'tool_use.caller',
      called(),
      called({ caller: { type: 'code_execution_20250825', tool_id: 'MARKED' } }),
      'MARKED',
    ),
    deep('tool_use.cache_control', called(), called({ cache_control: cache })),
    deep('tool_use.unheard_of', called(), called({ unheard_of: 'MARKED' }), 'MARKED'),
    deep('tool_result.content', called(), called({}, { content: 'MARKED' }), 'MARKED'),
    deep(
      'tool_result.content',
      called(),
      called({}, { content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }] }),
      png,
    ),
    deep(
      'tool_result.content',
      called(),
      called({}, { content: [{ type: 'tool_reference', tool_name: 'MARKED' }] }),
      'MARKED',
    ),
    deep('tool_result.is_error', called(), called({}, { is_error: true })),
    deep(
      'tool_result.is_error',
      called({}, { content: 'Error in line 3' }),
      called({}, { content: 'Error in line 3', is_error: true }),
    ),
    deep('tool_result.cache_control', called(), called({}, { cache_control: cache })),
    deep('tool_result.unheard_of', called(), called({}, { unheard_of: 'MARKED' }), 'MARKED'),
  ]
}

function geminiRows(): readonly FieldRow[] {
  const user = { role: 'user', parts: [{ text: 'hi' }] }
  const { top, deep } = rowsOf({ contents: [user] })
  const declaration = { name: 'look', description: 'd', parametersJsonSchema: schema }
  const tools = { tools: [{ functionDeclarations: [declaration] }] }
  const two = { tools: [{ functionDeclarations: [declaration, { name: 'other' }] }] }
  const config = (name: string, value: unknown, mark?: string, more: object = {}) =>
    deep(`generationConfig.${name}`, { generationConfig: more }, { generationConfig: { ...more, [name]: value } }, mark)
  const parts = (...more: readonly object[]) => ({ contents: [{ role: 'user', parts: [{ text: 'hi' }, ...more] }] })
  const talk = (...more: readonly object[]) => ({ ...tools, contents: [user, ...more] })
  const call = { functionCall: { id: 'c1', name: 'look', args: { a: 'b' } } }
  const called = (calling: object = {}, found: object = { response: { output: 'found' } }) =>
    talk(
      { role: 'model', parts: [{ ...call, ...calling }] },
      { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'look', ...found } }] },
    )
  return [
    top('systemInstruction', { parts: [{ text: 'MARKED' }] }, 'MARKED'),
    top('systemInstruction', { parts: [{ inlineData: { mimeType: 'image/png', data: png } }] }, png),
    top('tools', [{ functionDeclarations: [declaration] }], 'MARK'),
    top(
      'tools',
      [
        {
          functionDeclarations: [
            {
              name: 'look',
              parameters: { type: 'OBJECT', properties: { a: { type: 'STRING', description: 'MARKED' } } },
            },
          ],
        },
      ],
      'MARKED',
    ),
    deep('tools[0].functionDeclarations[0].behavior', tools, {
      tools: [{ functionDeclarations: [{ ...declaration, behavior: 'NON_BLOCKING' }] }],
    }),
    deep(
      'tools[0].functionDeclarations[0].response',
      tools,
      { tools: [{ functionDeclarations: [{ ...declaration, response: { type: 'OBJECT', description: 'MARKED' } }] }] },
      'MARKED',
    ),
    deep(
      'tools[0].functionDeclarations[0].responseJsonSchema',
      tools,
      { tools: [{ functionDeclarations: [{ ...declaration, responseJsonSchema: { description: 'MARKED' } }] }] },
      'MARKED',
    ),
    deep(
      'tools[0].functionDeclarations[0].unheardOf',
      tools,
      { tools: [{ functionDeclarations: [{ ...declaration, unheardOf: 'MARKED' }] }] },
      'MARKED',
    ),
    top('tools', [{ googleSearch: {} }]),
    top('tools', [{ codeExecution: {} }]),
    top('tools', [{ urlContext: {} }]),
    top('tools', [{ unheardOf: { a: 'MARK' } }], 'MARK'),
    top('toolConfig', { functionCallingConfig: { mode: 'NONE' } }, undefined, tools),
    top('toolConfig', { functionCallingConfig: { mode: 'ANY' } }, undefined, tools),
    top('toolConfig', { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } }, undefined, two),
    top('toolConfig', { functionCallingConfig: { mode: 'VALIDATED', allowedFunctionNames: ['look'] } }, undefined, two),
    top('toolConfig', { functionCallingConfig: { mode: 'AUTO', streamFunctionCallArguments: true } }, undefined, tools),
    top('toolConfig', { retrievalConfig: { languageCode: 'MARK' } }, 'MARK', tools),
    config('temperature', 0.4321, '0.4321'),
    config('topP', 0.4321, '0.4321'),
    config('topK', 43, '43'),
    config('presencePenalty', 0.4321, '0.4321'),
    config('frequencyPenalty', 0.4321, '0.4321'),
    config('seed', 4321, '4321'),
    config('stopSequences', ['MARK'], 'MARK'),
    config('candidateCount', 2),
    config('maxOutputTokens', 4321, '4321'),
    config('responseLogprobs', true),
    { ...config('logprobs', 3, undefined, { responseLogprobs: true }), within: 'dropped:logprobs' },
    config('thinkingConfig', { thinkingBudget: 2000 }),
    { ...config('thinkingConfig', { thinkingBudget: 0 }), isSo: neverThinks },
    config('thinkingConfig', { thinkingLevel: 'LOW' }),
    config('thinkingConfig', { unheardOf: 'MARK' }, 'MARK'),
    config('responseMimeType', 'application/json'),
    config('responseMimeType', 'text/x.enum'),
    config('responseJsonSchema', schema, 'MARK', { responseMimeType: 'application/json' }),
    config(
      'responseSchema',
      { type: 'OBJECT', properties: { a: { type: 'STRING', description: 'MARKED' } } },
      'MARKED',
      { responseMimeType: 'application/json' },
    ),
    config('responseModalities', ['IMAGE']),
    config('responseModalities', ['AUDIO']),
    deep(
      'generationConfig.speechConfig and responseModalities',
      { generationConfig: { responseModalities: ['AUDIO'] } },
      {
        generationConfig: {
          responseModalities: ['AUDIO'],
          speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
        },
      },
    ),
    deep('generationConfig.mediaResolution', parts({ inlineData: { mimeType: 'image/png', data: png } }), {
      ...parts({ inlineData: { mimeType: 'image/png', data: png } }),
      generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    }),
    config('imageConfig', { aspectRatio: '1:1' }),
    config('audioTimestamp', true),
    config('unheardOf', 'MARK', 'MARK'),
    top('cachedContent', 'cachedContents/MARK', 'cachedContents/MARK'),
    top('safetySettings', [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }]),
    top('labels', { k: 'mark' }, 'mark'),
    top('serviceTier', 'flex'),
    top('store', true),
    top('unheardOf', 'MARK', 'MARK'),
    deep('contents[0].parts[1].inlineData', parts(), parts({ inlineData: { mimeType: 'image/png', data: png } }), png),
    deep(
      'contents[0].parts[1].inlineData',
      parts(),
      parts({ inlineData: { mimeType: 'audio/wav', data: 'TUFSSw==' } }),
      'TUFSSw==',
    ),
    deep(
      'contents[0].parts[1].inlineData',
      parts(),
      parts({ inlineData: { mimeType: 'video/mp4', data: 'TUFSSw==' } }),
      'TUFSSw==',
    ),
    deep(
      'contents[0].parts[1].inlineData',
      parts(),
      parts({ inlineData: { mimeType: 'application/pdf', data: pdf } }),
      pdf,
    ),
    deep(
      'contents[0].parts[1].inlineData.displayName',
      parts({ inlineData: { mimeType: 'application/pdf', data: pdf } }),
      parts({ inlineData: { mimeType: 'application/pdf', data: pdf, displayName: 'MARKED' } }),
      'MARKED',
    ),
    deep(
      'contents[0].parts[1].fileData',
      parts(),
      parts({ fileData: { mimeType: 'image/png', fileUri: 'https://example.com/MARK.png' } }),
      'MARK.png',
    ),
    deep(
      'contents[0].parts[1].fileData',
      parts(),
      parts({ fileData: { mimeType: 'image/png', fileUri: 'gs://b/MARK.png' } }),
      'MARK.png',
    ),
    deep(
      'contents[0].parts[1].videoMetadata',
      parts({ inlineData: { mimeType: 'image/png', data: png } }),
      parts({ inlineData: { mimeType: 'image/png', data: png }, videoMetadata: { fps: 5 } }),
    ),
    deep(
      'contents[0].parts[1].mediaResolution',
      parts({ inlineData: { mimeType: 'image/png', data: png } }),
      parts({ inlineData: { mimeType: 'image/png', data: png }, mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' } }),
    ),
    deep('contents[0].parts[1].unheardOf', parts(), parts({ unheardOf: 'MARKED' }), 'MARKED'),
    deep(
      'contents[0].parts[0].unheardOf',
      parts(),
      { contents: [{ role: 'user', parts: [{ text: 'hi', unheardOf: 'MARKED' }] }] },
      'MARKED',
    ),
    deep('contents[0].unheardOf', {}, { contents: [{ ...user, unheardOf: 'MARKED' }] }, 'MARKED'),
    deep('contents[1].parts[0].text', tools, talk({ role: 'model', parts: [{ text: 'MARKED' }] }, user), 'MARKED'),
    deep(
      'contents[1].parts[0].thought',
      talk({ role: 'model', parts: [call] }),
      talk({ role: 'model', parts: [{ text: 'MARKED', thought: true, thoughtSignature: 'c2ln' }, call] }),
      'MARKED',
    ),
    deep(
      'contents[1].parts[0].executableCode',
      talk({ role: 'model', parts: [{ text: 'so' }] }, user),
      talk(
        { role: 'model', parts: [{ text: 'so' }, { executableCode: { language: 'PYTHON', code: 'MARKED' } }] },
        user,
      ),
      'MARKED',
    ),
    deep('contents[1].parts[0].functionCall', tools, called(), 'look'),
    deep(
      'contents[1].parts[0].functionCall.args',
      called(),
      called({ functionCall: { id: 'c1', name: 'look', args: { a: 'MARKED' } } }),
      'MARKED',
    ),
    deep(
      'contents[1].parts[0].functionCall.unheardOf',
      called(),
      called({ functionCall: { id: 'c1', name: 'look', args: { a: 'b' }, unheardOf: 'MARKED' } }),
      'MARKED',
    ),
    deep('contents[1].parts[0].thoughtSignature', called(), called({ thoughtSignature: 'MARKEDxx' }), 'MARKEDxx'),
    deep(
      'contents[2].parts[0].functionResponse.response',
      called(),
      called({}, { response: { output: 'MARKED' } }),
      'MARKED',
    ),
    deep(
      'contents[2].parts[0].functionResponse.response',
      called(),
      called({}, { response: { error: 'MARKED' } }),
      'MARKED',
    ),
    deep(
      'contents[2].parts[0].functionResponse.parts',
      called(),
      called({}, { response: { output: 'found' }, parts: [{ inlineData: { mimeType: 'image/png', data: png } }] }),
      png,
    ),
    deep(
      'contents[2].parts[0].functionResponse.scheduling',
      called(),
      called({}, { response: { output: 'found' }, scheduling: 'SILENT' }),
    ),
    deep(
      'contents[2].parts[0].functionResponse.willContinue',
      called(),
      called({}, { response: { output: 'found' }, willContinue: true }),
    ),
  ]
}

function ollamaRows(): readonly FieldRow[] {
  const user = { role: 'user', content: 'hi' }
  const { top, deep } = rowsOf({ model: 'alias', stream: false, messages: [user] })
  const tool = { type: 'function', function: { name: 'look', description: 'd', parameters: schema } }
  const tools = { tools: [tool] }
  const call = { function: { name: 'look', arguments: { a: 'b' } } }
  const talk = (...more: readonly object[]) => ({ ...tools, messages: [user, ...more] })
  const called = (calling: object = {}, found: object = {}) =>
    talk(
      { role: 'assistant', content: '', tool_calls: [call], ...calling },
      { role: 'tool', tool_name: 'look', content: 'found', ...found },
    )
  const option = (name: string, value: unknown, mark?: string) =>
    deep(`options.${name}`, { options: {} }, { options: { [name]: value } }, mark)
  return [
    ...[
      'num_ctx num_gpu main_gpu num_thread num_batch num_keep numa low_vram f16_kv use_mmap use_mlock logits_all vocab_only',
      'mirostat mirostat_tau mirostat_eta tfs_z typical_p repeat_last_n penalize_newline unheard_of',
    ].flatMap((names) => names.split(' ').map((name) => option(name, 4321))),
    option('num_predict', 4321, '4321'),
    option('temperature', 0.4321, '0.4321'),
    option('top_p', 0.4321, '0.4321'),
    option('top_k', 43, '43'),
    option('min_p', 0.4321, '0.4321'),
    option('seed', 4321, '4321'),
    option('stop', ['MARK'], 'MARK'),
    option('repeat_penalty', 1.4321, '1.4321'),
    option('presence_penalty', 0.4321, '0.4321'),
    option('frequency_penalty', 0.4321, '0.4321'),
    top('keep_alive', '4321s'),
    { ...top('think', true), isSo: alwaysThinks },
    top('think', 'low'),
    { ...top('think', false), isSo: neverThinks },
    top('format', 'json'),
    top('format', schema, 'MARK'),
    top('logprobs', true),
    { ...top('top_logprobs', 3, undefined, { logprobs: true }), within: 'dropped:logprobs' },
    top('tools', [tool], 'MARK'),
    deep('tools[0].unheard_of', tools, { tools: [{ ...tool, unheard_of: 'MARKED' }] }, 'MARKED'),
    deep(
      'tools[0].function.unheard_of',
      tools,
      { tools: [{ ...tool, function: { ...tool.function, unheard_of: 'MARKED' } }] },
      'MARKED',
    ),
    top('unheard_of', 'MARK', 'MARK'),
    deep('messages[0]', {}, { messages: [{ role: 'system', content: 'MARKED' }, user] }, 'MARKED'),
    deep('messages[0].images', {}, { messages: [{ ...user, images: [png] }] }, png),
    deep('messages[0].unheard_of', {}, { messages: [{ ...user, unheard_of: 'MARKED' }] }, 'MARKED'),
    deep('messages[1]', tools, talk({ role: 'assistant', content: 'MARKED' }, user), 'MARKED'),
    deep('messages[1].thinking', called(), called({ thinking: 'MARKED' }), 'MARKED'),
    deep('messages[1].tool_calls', talk(), called(), 'look'),
    deep(
      'messages[1].tool_calls[0].function.arguments',
      called(),
      called({ tool_calls: [{ function: { name: 'look', arguments: { a: 'MARKED' } } }] }),
      'MARKED',
    ),
    deep('messages[2].content', called(), called({}, { content: 'MARKED' }), 'MARKED'),
  ]
}

/** Every field of the requests of every form that clients speak (formats §5), with something in it. */
export const requestFields: ReadonlyMap<Form, readonly FieldRow[]> = new Map([
  ['chat', chatRows()],
  ['completions', completionsRows()],
  ['responses', responsesRows()],
  ['messages', messagesRows()],
  ['gemini', geminiRows()],
  ['ollama', ollamaRows()],
])
