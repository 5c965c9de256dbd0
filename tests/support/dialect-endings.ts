import {
  begun,
  chatBody,
  chatChunks,
  completed,
  geminiBody,
  messagesBody,
  messagesEvents,
  oslo,
  responsesBody,
  responsesEvents,
  responsesSaid,
  responsesText,
  responsesUsage,
  type Answering,
} from './dialect-said.ts'
import { anthropicError, googleError } from './dialect-failures.ts'

/** Ends of all kinds, and what stands beside the words. */
export const endings: Readonly<Record<string, Answering>> = {
  'the length reached': {
    chat: {
      body: chatBody({ message: { content: 'Hel' }, finish: 'length' }),
      ...chatChunks([{ content: 'Hel' }], 'length'),
    },
    responses: {
      body: responsesBody([responsesSaid('Hel')], {
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
      }),
      ...responsesEvents(responsesText(0, 'Hel'), {
        type: 'response.incomplete',
        response: responsesBody([responsesSaid('Hel')], {
          status: 'incomplete',
          incomplete_details: { reason: 'max_output_tokens' },
        }),
      }),
    },
    messages: {
      body: messagesBody([{ type: 'text', text: 'Hel' }], 'max_tokens'),
      ...messagesEvents(
        [
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'Hel' },
          ],
        ],
        {
          stop_reason: 'max_tokens',
        },
      ),
    },
    gemini: {
      body: geminiBody([{ text: 'Hel' }], 'MAX_TOKENS'),
      stream: [geminiBody([{ text: 'Hel' }], 'MAX_TOKENS')],
    },
  },
  'the length reached within a call': {
    chat: {
      body: chatBody({
        message: {
          content: null,
          tool_calls: [{ id: 'call_0', type: 'function', function: { name: 'weather', arguments: begun } }],
        },
        finish: 'length',
      }),
      ...chatChunks(
        [{ tool_calls: [{ index: 0, id: 'call_0', function: { name: 'weather', arguments: begun } }] }],
        'length',
      ),
    },
    messages: messagesEvents(
      [
        [
          { type: 'tool_use', id: 'call_0', name: 'weather', input: {} },
          { type: 'input_json_delta', partial_json: begun },
        ],
      ],
      { stop_reason: 'max_tokens' },
    ),
  },
  refused: {
    chat: {
      body: chatBody({ message: { content: null, refusal: 'I will not.' } }),
      ...chatChunks([{ refusal: 'I will ' }, { refusal: 'not.' }], 'stop'),
    },
    responses: {
      body: responsesBody([
        {
          id: 'msg_0',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'refusal', refusal: 'I will not.' }],
        },
      ]),
      ...responsesEvents(
        [
          {
            type: 'response.output_item.added',
            output_index: 0,
            item: { id: 'msg_0', type: 'message', role: 'assistant', content: [] },
          },
          {
            type: 'response.content_part.added',
            output_index: 0,
            content_index: 0,
            part: { type: 'refusal', refusal: '' },
          },
          { type: 'response.refusal.delta', output_index: 0, content_index: 0, delta: 'I will not.' },
        ],
        completed([]),
      ),
    },
    messages: {
      body: messagesBody([], 'refusal', {
        stop_details: { type: 'refusal', category: 'cyber', explanation: 'I will not.' },
      }),
      ...messagesEvents(
        [
          [
            { type: 'tool_use', id: 'call_0', name: 'weather', input: {} },
            { type: 'input_json_delta', partial_json: oslo },
          ],
        ],
        {
          stop_reason: 'refusal',
          stop_details: { type: 'refusal', category: null, explanation: 'I will not.' },
        },
      ),
    },
    gemini: {
      body: geminiBody([{ text: 'Well' }], 'SAFETY'),
      stream: [geminiBody([{ text: 'Well' }], ''), geminiBody([], 'SAFETY')],
    },
  },
  'refused before a word': {
    chat: {
      body: chatBody({ message: { content: '' }, finish: 'content_filter' }),
      ...chatChunks([], 'content_filter'),
    },
    messages: { body: messagesBody([], 'refusal'), ...messagesEvents([], { stop_reason: 'refusal' }) },
    gemini: {
      body: { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 } },
      stream: [
        { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 } },
      ],
    },
  },
  'what a cache gave and took': {
    chat: {
      body: chatBody({
        message: { content: 'Hi' },
        usage: {
          prompt_tokens: 100,
          completion_tokens: 4,
          total_tokens: 104,
          prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
        },
      }),
    },
    responses: {
      body: responsesBody([responsesSaid('Hi')], {
        usage: { ...responsesUsage, input_tokens: 100, input_tokens_details: { cached_tokens: 60 }, total_tokens: 104 },
      }),
    },
    messages: {
      body: messagesBody([{ type: 'text', text: 'Hi' }], 'end_turn', {
        usage: {
          input_tokens: 10,
          cache_read_input_tokens: 60,
          cache_creation_input_tokens: 30,
          output_tokens: 4,
          cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
        },
      }),
    },
    gemini: {
      body: geminiBody([{ text: 'Hi' }], 'STOP', {
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 60,
          candidatesTokenCount: 4,
          totalTokenCount: 104,
        },
      }),
    },
  },
  'no word about usage': {
    chat: {
      body: { ...chatBody({ message: { content: 'Hi' } }), usage: undefined },
      ...chatChunks([{ content: 'Hi' }], 'stop', null),
    },
    gemini: { body: geminiBody([{ text: 'Hi' }], 'STOP', { usageMetadata: undefined }) },
  },
  'a stop word': {
    messages: {
      body: messagesBody([{ type: 'text', text: 'Hi' }], 'stop_sequence', { stop_sequence: 'END' }),
      ...messagesEvents(
        [
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'Hi' },
          ],
        ],
        {
          stop_reason: 'stop_sequence',
          stop_sequence: 'END',
        },
      ),
    },
  },
  sources: {
    chat: {
      body: chatBody({
        message: {
          content: 'As said.',
          annotations: [
            { type: 'url_citation', url_citation: { start_index: 0, end_index: 8, url: 'https://a', title: 'A' } },
          ],
        },
      }),
    },
    responses: {
      body: responsesBody([
        {
          id: 'msg_0',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [
            {
              type: 'output_text',
              text: 'As said.',
              annotations: [{ type: 'url_citation', start_index: 0, end_index: 8, url: 'https://a', title: 'A' }],
            },
          ],
        },
      ]),
    },
    messages: {
      body: messagesBody([
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
        { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
        {
          type: 'text',
          text: 'As said.',
          citations: [
            {
              type: 'web_search_result_location',
              url: 'https://a',
              title: 'A',
              cited_text: 'said',
              encrypted_index: 'x',
            },
          ],
        },
      ]),
    },
    gemini: {
      body: {
        ...geminiBody([]),
        candidates: [
          {
            content: { role: 'model', parts: [{ text: 'Äs said.' }] },
            finishReason: 'STOP',
            index: 0,
            groundingMetadata: {
              groundingChunks: [{ web: { uri: 'https://a', title: 'A' } }],
              groundingSupports: [
                { segment: { startIndex: 0, endIndex: 9, text: 'Äs said.' }, groundingChunkIndices: [0] },
              ],
            },
          },
        ],
      },
    },
  },
  'how likely each token was': {
    chat: {
      body: chatBody({
        message: { content: 'Hi' },
        more: {
          logprobs: {
            content: [
              {
                token: 'Hi',
                logprob: -0.1,
                bytes: [72, 105],
                top_logprobs: [{ token: 'Ho', logprob: -3, bytes: [72, 111] }],
              },
            ],
          },
        },
      }),
    },
    gemini: {
      body: {
        ...geminiBody([]),
        candidates: [
          {
            content: { role: 'model', parts: [{ text: 'Hi' }] },
            finishReason: 'STOP',
            logprobsResult: {
              chosenCandidates: [{ token: 'Hi', logProbability: -0.1 }],
              topCandidates: [{ candidates: [{ token: 'Ho', logProbability: -3 }] }],
            },
          },
        ],
      },
    },
  },
  'an answer without a word': {
    chat: { body: chatBody({ message: { content: '' } }), ...chatChunks([], 'stop') },
    responses: { body: responsesBody([]), ...responsesEvents([], completed([])) },
    messages: { body: messagesBody([]), ...messagesEvents([], { stop_reason: 'end_turn' }) },
    gemini: { body: geminiBody([]), stream: [geminiBody([])] },
  },
  'a picture': {
    chat: {
      body: chatBody({
        message: {
          content: 'See',
          images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }],
        },
      }),
    },
    responses: {
      body: responsesBody([
        { id: 'ig_1', type: 'image_generation_call', status: 'completed', result: 'iVBORw0KGgo=' },
        responsesSaid('See'),
      ]),
    },
    gemini: { body: geminiBody([{ text: 'See' }, { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }]) },
  },
  'a failure in the middle': {
    chat: chatChunks(
      [{ content: 'Hel' }, { error: { message: 'Gone.', type: 'server_error', code: null } }],
      undefined,
    ),
    responses: responsesEvents(responsesText(0, 'Hel').slice(0, 4), {
      type: 'response.failed',
      response: responsesBody([], { status: 'failed', error: { code: 'server_error', message: 'Gone.' }, usage: null }),
    }),
    messages: {
      stream: [
        ...(messagesEvents(
          [
            [
              { type: 'text', text: '' },
              { type: 'text_delta', text: 'Hel' },
            ],
          ],
          undefined,
        ).stream ?? []),
        anthropicError('overloaded_error', 'Gone.'),
      ],
    },
    gemini: { stream: [geminiBody([{ text: 'Hel' }], ''), googleError(503, 'UNAVAILABLE', 'Gone.')] },
  },
  'an end before its time': {
    chat: chatChunks([{ content: 'Hel' }], undefined),
    responses: responsesEvents(responsesText(0, 'Hel').slice(0, 4), undefined),
    messages: messagesEvents(
      [
        [
          { type: 'text', text: '' },
          { type: 'text_delta', text: 'Hel' },
        ],
      ],
      undefined,
    ),
    gemini: { stream: [geminiBody([{ text: 'Hel' }], '')] },
  },
}
