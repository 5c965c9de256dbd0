import type { Form } from '#core/talk.ts'

/** One field of an answer, and what becomes of it. */
export interface AnswerRow {
  /** As its API calls it; empty: an answer with nothing to lose. */
  readonly field: string
  /** A whole answer that has it. */
  readonly body: object
  /** A stream that has it; absent: streams do not. */
  readonly events?: readonly (readonly [name: string, data: object])[]
  /** Found in the answer to one of the clients, at least. */
  readonly mark?: string
}

const used = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

function chatRows(): readonly AnswerRow[] {
  const message = { role: 'assistant', content: 'hi' }
  const plain = (more: object, ofChoice: object = {}, ofMessage: object = {}): AnswerRow['body'] => ({
    id: 'c1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { ...message, ...ofMessage }, finish_reason: 'stop', ...ofChoice }],
    usage: used,
    ...more,
  })
  const events = (more: object, ofChoice: object = {}, ofDelta: object = {}): NonNullable<AnswerRow['events']> => [
    ['', { id: 'c1', created: 1, model: 'm', choices: [{ index: 0, delta: { content: 'hi' } }] }],
    [
      '',
      { id: 'c1', choices: [{ index: 0, delta: ofDelta, finish_reason: 'stop', ...ofChoice }], usage: used, ...more },
    ],
  ]
  const row = (field: string, more: object, ofChoice = {}, ofMessage = {}, mark?: string): AnswerRow => ({
    field,
    body: plain(more, ofChoice, ofMessage),
    events: events(more, ofChoice, ofMessage),
    ...(mark !== undefined && { mark }),
  })
  const annotation = {
    type: 'url_citation',
    url_citation: { url: 'https://e.example/MARK', title: 't', start_index: 0, end_index: 1 },
  }
  return [
    row('', {}),
    row('citations', { citations: ['https://e.example/MARK'] }, {}, {}, 'MARK'),
    row('search_results', { search_results: [{ title: 't', url: 'https://e.example/MARK' }] }, {}, {}, 'MARK'),
    row('images', { images: [{ image_url: 'https://e.example/i.png' }] }),
    row('related_questions', { related_questions: ['why?'] }),
    row('prompt_filter_results', { prompt_filter_results: [{ prompt_index: 0 }] }),
    row('unheard_of', { unheard_of: 'x' }),
    row('choices.content_filter_results', {}, { content_filter_results: { hate: { filtered: false } } }),
    row('choices.unheard_of', {}, { unheard_of: 'x' }),
    row('choices.message.annotations', {}, {}, { annotations: [annotation] }, 'MARK'),
    row('choices.message.annotations', {}, {}, { annotations: [{ type: 'file', file: { name: 'x' } }] }),
    row('choices.message.refusal', {}, {}, { refusal: 'MARK' }, 'MARK'),
    row('choices.message.reasoning_content', {}, {}, { reasoning_content: 'MARK' }, 'MARK'),
    row(
      'choices.message.images',
      {},
      {},
      { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,TUFSSw==' } }] },
      'TUFSSw==',
    ),
    row('choices.message.unheard_of', {}, {}, { unheard_of: 'x' }),
    row('choices.message.content', {}, {}, { content: [{ type: 'reference', reference_ids: [1] }] }),
    row('choices.message.content', {}, {}, { content: [{ type: 'unheard_of' }] }),
    row(
      'choices.logprobs',
      {},
      { logprobs: { content: [{ token: 'MARK', logprob: -1, bytes: null, top_logprobs: [] }] } },
      {},
      'MARK',
    ),
  ]
}

function messagesRows(): readonly AnswerRow[] {
  const block = { type: 'text', text: 'hi' }
  const message = (more: object, ...blocks: readonly object[]): object => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [block, ...blocks],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
    ...more,
  })
  const start = [
    'message_start',
    { type: 'message_start', message: { ...message({}), content: [], stop_reason: null } },
  ] as const
  const stop = ['message_stop', { type: 'message_stop' }] as const
  const delta = (more: object, ofDelta: object = {}) =>
    [
      'message_delta',
      { type: 'message_delta', delta: { stop_reason: 'end_turn', ...ofDelta }, usage: { output_tokens: 2 }, ...more },
    ] as const
  const told = (index: number, content: object) =>
    [
      ['content_block_start', { type: 'content_block_start', index, content_block: content }],
      ['content_block_stop', { type: 'content_block_stop', index }],
    ] as const
  const row = (field: string, more: object, mark?: string): AnswerRow => ({
    field,
    body: message(more),
    events: [start, ...told(0, block), delta({}, more), stop],
    ...(mark !== undefined && { mark }),
  })
  const ofBlock = (field: string, content: object, mark?: string): AnswerRow => ({
    field,
    body: message({}, content),
    events: [start, ...told(0, block), ...told(1, content), delta({}), stop],
    ...(mark !== undefined && { mark }),
  })
  return [
    row('', {}),
    row('container', { container: { id: 'c' } }),
    {
      ...row('context_management', { context_management: { applied_edits: [{}] } }),
      events: [start, ...told(0, block), delta({ context_management: { applied_edits: [{}] } }), stop],
    },
    row('unheard_of', { unheard_of: 'x' }),
    ofBlock(
      'content.text.citations',
      {
        type: 'text',
        text: 'so',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://e.example/MARK',
            title: 't',
            cited_text: 'c',
            encrypted_index: 'x',
          },
        ],
      },
      'MARK',
    ),
    ofBlock('content.text.citations', {
      type: 'text',
      text: 'so',
      citations: [{ type: 'char_location', document_index: 0, cited_text: 'c' }],
    }),
    ofBlock('content.text.citations', {
      type: 'text',
      text: '',
      citations: [{ type: 'char_location', document_index: 0, cited_text: 'c' }],
    }),
    ofBlock('content.text.unheard_of', { type: 'text', text: 'so', unheard_of: 'x' }),
    ofBlock('content.thinking', { type: 'thinking', thinking: 'MARK', signature: 'c2ln' }, 'MARK'),
    ofBlock('content.tool_use.unheard_of', { type: 'tool_use', id: 'toolu_1', name: 'f', input: {}, unheard_of: 'x' }),
    ofBlock('content.server_tool_use', { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
    ofBlock('content.unheard_of', { type: 'unheard_of' }),
  ]
}

function responsesRows(): readonly AnswerRow[] {
  const text = { type: 'output_text', text: 'hi', annotations: [], logprobs: [] }
  const item = (more: object = {}, ofText: object = {}): object => ({
    id: 'msg_1',
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [{ ...text, ...ofText }],
    ...more,
  })
  const response = (more: object, items: readonly object[]): object => ({
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'm',
    status: 'completed',
    output: items,
    usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
    ...more,
  })
  const row = (field: string, more: object, items: readonly object[] = [item()], mark?: string): AnswerRow => ({
    field,
    body: response(more, items),
    events: [
      ['response.created', { type: 'response.created', response: response({ status: 'in_progress' }, []) }],
      ...items.map(
        (one, at) =>
          ['response.output_item.done', { type: 'response.output_item.done', output_index: at, item: one }] as const,
      ),
      ['response.completed', { type: 'response.completed', response: response(more, items) }],
    ],
    ...(mark !== undefined && { mark }),
  })
  const url = { type: 'url_citation', url: 'https://e.example/MARK', title: 't', start_index: 0, end_index: 1 }
  return [
    row('', {}),
    row('unheard_of', { unheard_of: 'x' }),
    row('output.content.annotations', {}, [item({}, { annotations: [url] })], 'MARK'),
    row('output.content.annotations', {}, [
      item({}, { annotations: [{ type: 'file_citation', file_id: 'f', filename: 'n', index: 0 }] }),
    ]),
    row('output.content.annotations', {}, [item({}, { annotations: [{ type: 'unheard_of' }] })]),
    row(
      'output.content.logprobs',
      {},
      [item({}, { logprobs: [{ token: 'MARK', logprob: -1, bytes: [], top_logprobs: [] }] })],
      'MARK',
    ),
    row('output.content.unheard_of', {}, [item({}, { unheard_of: 'x' })]),
    row('output.content', {}, [item(), item({ id: 'msg_2', content: [{ type: 'unheard_of' }] })]),
    row('output.phase', {}, [item({ phase: 'commentary' })]),
    row(
      'output.reasoning',
      {},
      [{ id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'MARK' }] }, item()],
      'MARK',
    ),
    row('output.reasoning.content', {}, [
      {
        id: 'rs_1',
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 's' }],
        content: [{ type: 'reasoning_text', text: 'raw' }],
      },
      item(),
    ]),
    row('output.reasoning.unheard_of', {}, [
      { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 's' }], unheard_of: 'x' },
      item(),
    ]),
    row('output.web_search_call', {}, [{ id: 'ws_1', type: 'web_search_call', status: 'completed' }, item()]),
    row('output.function_call.unheard_of', {}, [
      { id: 'fc_1', type: 'function_call', call_id: 'c', name: 'f', arguments: '{}', unheard_of: 'x' },
    ]),
  ]
}

function geminiRows(): readonly AnswerRow[] {
  const row = (
    field: string,
    ofCandidate: object,
    more: object = {},
    mark?: string,
    parts: readonly object[] = [{ text: 'hi' }],
  ): AnswerRow => {
    const body = {
      candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0, ...ofCandidate }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
      modelVersion: 'm',
      responseId: 'r',
      ...more,
    }
    return { field, body, events: [['', body]], ...(mark !== undefined && { mark }) }
  }
  const chunk = { web: { uri: 'https://e.example/MARK', title: 't' } }
  const support = { segment: { startIndex: 0, endIndex: 2 }, groundingChunkIndices: [0] }
  return [
    row('', {}),
    row('candidates.safetyRatings', { safetyRatings: [{ category: 'C', probability: 'LOW' }] }),
    row('candidates.urlContextMetadata', {
      urlContextMetadata: { urlMetadata: [{ retrievedUrl: 'https://e.example' }] },
    }),
    row('candidates.avgLogprobs', { avgLogprobs: -0.5 }),
    row(
      'candidates.logprobsResult',
      { logprobsResult: { chosenCandidates: [{ token: 'MARK', logProbability: -1 }] } },
      {},
      'MARK',
    ),
    row(
      'candidates.citationMetadata',
      { citationMetadata: { citationSources: [{ startIndex: 0, endIndex: 2, uri: 'https://e.example/MARK' }] } },
      {},
      'MARK',
    ),
    row('candidates.citationMetadata', {
      citationMetadata: { citationSources: [{ startIndex: 0, endIndex: 2, license: 'mit' }] },
    }),
    row(
      'candidates.groundingMetadata',
      { groundingMetadata: { groundingChunks: [chunk], groundingSupports: [support] } },
      {},
      'MARK',
    ),
    row('candidates.groundingMetadata', { groundingMetadata: { groundingChunks: [chunk] } }, {}, 'MARK'),
    row('candidates.groundingMetadata', { groundingMetadata: { groundingChunks: [{ unheardOf: {} }] } }),
    row('candidates.groundingMetadata.webSearchQueries', { groundingMetadata: { webSearchQueries: ['q'] } }),
    row('candidates.groundingMetadata.searchEntryPoint', {
      groundingMetadata: { searchEntryPoint: { renderedContent: '<p>' } },
    }),
    row('candidates.unheardOf', { unheardOf: 'x' }),
    row('promptFeedback.safetyRatings', {}, { promptFeedback: { safetyRatings: [{ category: 'C' }] } }),
    row('unheardOf', {}, { unheardOf: 'x' }),
    row('parts.thought', {}, {}, 'MARK', [{ text: 'MARK', thought: true }, { text: 'hi' }]),
    row('parts.executableCode', {}, {}, undefined, [{ executableCode: { code: 'x' } }, { text: 'hi' }]),
    row('parts.unheardOf', {}, {}, undefined, [{ unheardOf: 'x' }, { text: 'hi' }]),
    row('parts.text.unheardOf', {}, {}, undefined, [{ text: 'hi', unheardOf: 'x' }]),
  ]
}

function ollamaRows(): readonly AnswerRow[] {
  const row = (field: string, more: object, ofMessage: object = {}, mark?: string): AnswerRow => {
    const body = {
      model: 'm',
      created_at: '2026-01-01T00:00:00Z',
      message: { role: 'assistant', content: 'hi', ...ofMessage },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 3,
      eval_count: 2,
      ...more,
    }
    return { field, body, events: [['', body]], ...(mark !== undefined && { mark }) }
  }
  return [
    row('', {}),
    row('logprobs', { logprobs: [{ token: 'MARK', logprob: -1 }] }, {}, 'MARK'),
    row('message.thinking', {}, { thinking: 'MARK' }, 'MARK'),
    row('message.images', {}, { images: ['iVBORw0KGgo='] }, 'iVBORw0KGgo='),
    row('message.unheard_of', {}, { unheard_of: 'x' }),
    row('unheard_of', { unheard_of: 'x' }),
  ]
}

function cohereRows(): readonly AnswerRow[] {
  const cited = (more: object): object => ({
    start: 0,
    end: 2,
    text: 'hi',
    sources: [{ type: 'document', id: 'd', document: { url: 'https://e.example/MARK', title: 't' } }],
    ...more,
  })
  const body = (ofMessage: object, more: object = {}): object => ({
    id: 'c1',
    message: { role: 'assistant', content: [{ type: 'text', text: 'hi' }], ...ofMessage },
    finish_reason: 'COMPLETE',
    usage: { tokens: { input_tokens: 3, output_tokens: 2 } },
    ...more,
  })
  const events = (...more: NonNullable<AnswerRow['events']>): NonNullable<AnswerRow['events']> => [
    ['', { type: 'message-start', id: 'c1', delta: { message: { role: 'assistant' } } }],
    ['', { type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } }],
    ['', { type: 'content-delta', index: 0, delta: { message: { content: { text: 'hi' } } } }],
    ['', { type: 'content-end', index: 0 }],
    ...more,
    [
      '',
      {
        type: 'message-end',
        delta: { finish_reason: 'COMPLETE', usage: { tokens: { input_tokens: 3, output_tokens: 2 } } },
      },
    ],
  ]
  const citation = (more: object) =>
    ['', { type: 'citation-start', index: 0, delta: { message: { citations: cited(more) } } }] as const
  const call = [
    '',
    {
      type: 'tool-call-start',
      index: 0,
      delta: { message: { tool_calls: { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } } } },
    },
  ] as const
  return [
    { field: '', body: body({}), events: events() },
    { field: 'message.citations', body: body({ citations: [cited({})] }), events: events(citation({})), mark: 'MARK' },
    {
      field: 'message.citations',
      body: body({ citations: [cited({})] }),
      events: events(call, ['', { type: 'tool-call-end', index: 0 }], citation({ content_index: 0 })),
      mark: 'MARK',
    },
    {
      field: 'message.citations of a plan',
      body: body({ citations: [cited({ type: 'PLAN' })] }),
      events: events(citation({ type: 'PLAN' })),
    },
    {
      field: 'message.unheard_of',
      body: body({ unheard_of: 'x' }),
      events: events(['', { type: 'content-delta', index: 0, delta: { message: { unheard_of: 'x' } } }]),
    },
    {
      field: 'unheard_of',
      body: body({}, { unheard_of: 'x' }),
      events: events(['', { type: 'content-delta', index: 0, unheard_of: 'x' }]),
    },
  ]
}

function converseRows(): readonly AnswerRow[] {
  const body = (content: readonly object[], more: object = {}): object => ({
    output: { message: { role: 'assistant', content } },
    stopReason: 'end_turn',
    usage: { inputTokens: 3, outputTokens: 2 },
    ...more,
  })
  const hi = ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'hi' } }] as const
  const events = (
    metadata: object,
    ofStop: object,
    ...more: NonNullable<AnswerRow['events']>
  ): NonNullable<AnswerRow['events']> => [
    ['messageStart', { role: 'assistant' }],
    ...more,
    ['contentBlockStop', { contentBlockIndex: 0 }],
    ['messageStop', { stopReason: 'end_turn', ...ofStop }],
    ['metadata', { usage: { inputTokens: 3, outputTokens: 2 }, ...metadata }],
  ]
  const citation = { title: 't', location: { web: { url: 'https://e.example/MARK' } } }
  const cited = ['contentBlockDelta', { contentBlockIndex: 0, delta: { citation } }] as const
  const text = [{ text: 'hi' }]
  const trace = { trace: { guardrail: { inputAssessment: {} } } }
  const fields = { additionalModelResponseFields: { unheard_of: 'x' } }
  return [
    { field: '', body: body(text), events: events({}, {}, hi) },
    { field: 'trace', body: body(text, trace), events: events(trace, {}, hi) },
    { field: 'additionalModelResponseFields', body: body(text, fields), events: events({}, fields, hi) },
    { field: 'unheardOf', body: body(text, { unheardOf: 'x' }), events: events({ unheardOf: 'x' }, {}, hi) },
    {
      field: 'citationsContent',
      body: body([{ citationsContent: { content: [{ text: 'hi' }], citations: [citation] } }]),
      events: events({}, {}, hi, cited),
      mark: 'MARK',
    },
    {
      field: 'citationsContent before its text',
      body: body([{ citationsContent: { content: [{ text: 'hi' }], citations: [citation] } }]),
      events: events({}, {}, cited, hi),
      mark: 'MARK',
    },
    {
      field: 'citationsContent without a text',
      body: body([...text, { citationsContent: { content: [], citations: [citation] } }]),
      events: events({}, {}, cited),
    },
    { field: 'unheardOf block', body: body([...text, { unheardOf: {} }]) },
  ]
}

/** Every field of the answers of every form that backends speak (formats §7, §11.1) of which something is there to be lost. */
export const answerFields: ReadonlyMap<Form, readonly AnswerRow[]> = new Map([
  ['chat', chatRows()],
  ['messages', messagesRows()],
  ['responses', responsesRows()],
  ['gemini', geminiRows()],
  ['ollama', ollamaRows()],
  ['cohere', cohereRows()],
  ['converse', converseRows()],
])
