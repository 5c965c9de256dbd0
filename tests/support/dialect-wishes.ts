import {
  answerSchema,
  asks,
  assistant,
  chat,
  chatCall,
  gemini,
  linked,
  messages,
  pdf,
  png,
  responses,
  responsesCall,
  says,
  user,
  weatherSchema,
  type Asking,
} from './dialect-asked.ts'

/** Files, thoughts, forms of answers, and what only some can do. */
export const wishes: Readonly<Record<string, Asking>> = {
  'a picture in a result': {
    responses: responses([
      user('Show'),
      responsesCall('a', 'shot', '{}'),
      {
        type: 'function_call_output',
        call_id: 'a',
        output: [
          { type: 'input_text', text: 'here' },
          { type: 'input_image', image_url: `data:image/png;base64,${png}` },
        ],
      },
    ]),
    messages: messages([
      user('Show'),
      assistant([{ type: 'tool_use', id: 'a', name: 'shot', input: {} }]),
      user([
        {
          type: 'tool_result',
          tool_use_id: 'a',
          content: [
            { type: 'text', text: 'here' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
          ],
        },
      ]),
    ]),
    gemini: gemini([
      asks({ text: 'Show' }),
      says({ functionCall: { id: 'a', name: 'shot', args: {} } }),
      asks({
        functionResponse: {
          id: 'a',
          name: 'shot',
          response: { output: 'here' },
          parts: [{ inlineData: { mimeType: 'image/png', data: png } }],
        },
      }),
    ]),
  },
  images: {
    chat: chat([
      user([
        { type: 'text', text: 'What?' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } },
        { type: 'image_url', image_url: { url: linked } },
      ]),
    ]),
    responses: responses([
      user([
        { type: 'input_text', text: 'What?' },
        { type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'low' },
        { type: 'input_image', image_url: linked },
      ]),
    ]),
    messages: messages([
      user([
        { type: 'text', text: 'What?' },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
        { type: 'image', source: { type: 'url', url: linked } },
      ]),
    ]),
    gemini: gemini([asks({ text: 'What?' }, { inline_data: { mime_type: 'image/png', data: png } })]),
  },
  documents: {
    chat: chat([
      user([
        { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` } },
        { type: 'text', text: 'Sum up' },
      ]),
    ]),
    responses: responses([
      user([
        { type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` },
        { type: 'input_text', text: 'Sum up' },
      ]),
    ]),
    messages: messages([
      user([
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf }, title: 'a.pdf' },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain words' }, title: 'b.txt' },
        { type: 'text', text: 'Sum up' },
      ]),
    ]),
    gemini: gemini([asks({ inlineData: { mimeType: 'application/pdf', data: pdf } }, { text: 'Sum up' })]),
  },
  'a file of another provider': {
    chat: chat([user([{ type: 'file', file: { file_id: 'file-1' } }])]),
    responses: responses([user([{ type: 'input_file', file_id: 'file-1' }])]),
    messages: messages([user([{ type: 'document', source: { type: 'file', file_id: 'file-1' } }])]),
    gemini: gemini([asks({ fileData: { fileUri: 'gs://bucket/a', mimeType: 'image/png' } })]),
  },
  sound: {
    chat: chat([user([{ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }])]),
    gemini: gemini([asks({ inlineData: { mimeType: 'audio/wav', data: 'UklGRg==' } })]),
  },
  'thoughts asked for': {
    chat: chat([user('Think')], { reasoning_effort: 'high' }),
    responses: responses('Think', { reasoning: { effort: 'high', summary: 'auto' } }),
    messages: messages([user('Think')], { max_tokens: 32000, thinking: { type: 'enabled', budget_tokens: 24000 } }),
    gemini: gemini([asks({ text: 'Think' })], {
      generationConfig: { thinkingConfig: { thinkingBudget: 24000, includeThoughts: true } },
    }),
  },
  'thoughts switched off': {
    chat: chat([user('Think')], { reasoning_effort: 'none' }),
    responses: responses('Think', { reasoning: { effort: 'none' } }),
    messages: messages([user('Think')], { thinking: { type: 'disabled' } }),
    gemini: gemini([asks({ text: 'Think' })], { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } }),
  },
  'thoughts of nobody known': {
    chat: chat([user('One'), assistant('Two', { reasoning_content: 'Hm' }), user('Three')]),
    responses: responses([
      user('One'),
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm' }], encrypted_content: 'gAAA' },
      assistant('Two'),
      user('Three'),
    ]),
    messages: messages([
      user('One'),
      assistant([
        { type: 'thinking', thinking: 'Hm', signature: 'EqQB' },
        { type: 'text', text: 'Two' },
      ]),
      user('Three'),
    ]),
    gemini: gemini([
      asks({ text: 'One' }),
      says({ text: 'Hm', thought: true }, { text: 'Two', thoughtSignature: 'AbCd' }),
      asks({ text: 'Three' }),
    ]),
  },
  'structured output': {
    chat: chat([user('Go')], {
      response_format: { type: 'json_schema', json_schema: { name: 'out', schema: answerSchema, strict: true } },
    }),
    responses: responses('Go', {
      text: { format: { type: 'json_schema', name: 'out', schema: answerSchema, strict: true } },
    }),
    messages: messages([user('Go')], { output_config: { format: { type: 'json_schema', schema: answerSchema } } }),
    gemini: gemini([asks({ text: 'Go' })], {
      generationConfig: { responseMimeType: 'application/json', responseJsonSchema: answerSchema },
    }),
  },
  'any JSON': {
    chat: chat([user('Go, in JSON')], { response_format: { type: 'json_object' } }),
    responses: responses('Go, in JSON', { text: { format: { type: 'json_object' } } }),
    gemini: gemini([asks({ text: 'Go, in JSON' })], { generationConfig: { responseMimeType: 'application/json' } }),
  },
  'a tool of free text': {
    chat: chat([user('Patch')], {
      tools: [
        {
          type: 'custom',
          custom: {
            name: 'patch',
            description: 'Applies it',
            format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "x"' } },
          },
        },
      ],
    }),
    responses: responses(
      [
        user('Patch'),
        { type: 'custom_tool_call', id: 'ctc_1', call_id: 'p1', name: 'patch', input: '*** "Begin"\n' },
        { type: 'custom_tool_call_output', call_id: 'p1', output: 'done' },
      ],
      { tools: [{ type: 'custom', name: 'patch', description: 'Applies it', format: { type: 'text' } }] },
    ),
  },
  'tools of providers': {
    responses: responses('Go', {
      tools: [
        { type: 'web_search' },
        {
          type: 'namespace',
          name: 'files',
          description: 'Files.',
          tools: [{ type: 'function', name: 'read', description: 'Reads', parameters: weatherSchema, strict: false }],
        },
      ],
    }),
    messages: messages([user('Go')], {
      tools: [
        { type: 'web_search_20250305', name: 'web_search' },
        { type: 'bash_20250124', name: 'bash' },
      ],
    }),
    gemini: gemini([asks({ text: 'Go' })], { tools: [{ googleSearch: {} }, { codeExecution: {} }] }),
  },
  'several answers': {
    chat: chat([user('Hi')], { n: 2 }),
    gemini: gemini([asks({ text: 'Hi' })], { generationConfig: { candidateCount: 2 } }),
  },
  'what only its provider has': {
    responses: responses('Hi', { background: true }),
    messages: messages([user('Hi')], { max_tokens: 0 }),
    gemini: gemini([asks({ text: 'Hi' })], { cachedContent: 'cachedContents/1' }),
  },
  'what agents send along': {
    responses: responses('Hi', {
      store: false,
      include: ['reasoning.encrypted_content'],
      prompt_cache_key: 'session',
      service_tier: 'priority',
      client_metadata: { a: 'b' },
      text: { verbosity: 'low' },
    }),
    messages: messages(
      [
        user([
          { type: 'text', text: '   ' },
          { type: 'text', text: 'Hi', cache_control: { type: 'ephemeral', ttl: '1h' } },
          { type: 'search_result', title: 'T', source: 'https://a', content: [{ type: 'text', text: 'found' }] },
        ]),
      ],
      {
        system: [
          { type: 'text', text: 'One.' },
          { type: 'text', text: 'Two.', cache_control: { type: 'ephemeral' } },
        ],
        service_tier: 'standard_only',
        context_management: { edits: [] },
      },
    ),
  },
  'words begun for the model': {
    chat: chat([user('Count'), assistant('One, ')]),
    responses: responses([user('Count'), assistant('One, ')]),
    messages: messages([user('Count'), assistant('One, ')]),
    gemini: gemini([asks({ text: 'Count' }), says({ text: 'One, ' })]),
  },
  'names and ids that others refuse': {
    chat: chat([
      user('Go'),
      assistant(null, { tool_calls: [chatCall('id:with.signs/and more than forty characters in it', 'a', '{}')] }),
      { role: 'tool', tool_call_id: 'id:with.signs/and more than forty characters in it', content: '' },
    ]),
    messages: messages([user('Go')], { tools: [{ name: 'n'.repeat(100), input_schema: { type: 'object' } }] }),
    gemini: gemini([asks({ text: 'Go' })], { tools: [{ functionDeclarations: [{ name: 'a.b:c' }] }] }),
  },
  'arguments that are no object': {
    chat: chat([
      user('Go'),
      assistant(null, { tool_calls: [chatCall('a', 'f', '{"cut": tru'), chatCall('b', 'f', '[1]')] }),
      { role: 'tool', tool_call_id: 'a', content: 'bad' },
      { role: 'tool', tool_call_id: 'b', content: 'bad' },
    ]),
    responses: responses([
      user('Go'),
      responsesCall('a', 'f', '{"cut": tru'),
      responsesCall('b', 'f', '[1]'),
      { type: 'function_call_output', call_id: 'a', output: 'bad' },
      { type: 'function_call_output', call_id: 'b', output: 'bad' },
    ]),
  },
}
