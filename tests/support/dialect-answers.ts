import {
  both,
  chatBody,
  chatChunks,
  chatUsage,
  completed,
  geminiBody,
  messagesBody,
  messagesEvents,
  oslo,
  responsesBody,
  responsesCall,
  responsesCalled,
  responsesEvents,
  responsesSaid,
  responsesText,
  responsesUsage,
  type Answering,
} from './dialect-said.ts'
import { endings } from './dialect-endings.ts'
import { failures } from './dialect-failures.ts'

/** The same answers in the words of each form. */
export const answerings: Readonly<Record<string, Answering>> = {
  text: {
    chat: {
      body: chatBody({ message: { content: 'Hello, 🙂.', refusal: null } }),
      ...chatChunks([{ content: 'Hello' }, { content: ', 🙂.' }], 'stop'),
    },
    responses: {
      body: responsesBody([responsesSaid('Hello, 🙂.')]),
      ...responsesEvents(responsesText(0, 'Hello, .'), completed([responsesSaid('Hello, .')])),
    },
    messages: {
      body: messagesBody([
        { type: 'text', text: 'Hello' },
        { type: 'text', text: ', 🙂.' },
      ]),
      ...messagesEvents(
        [
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'Hello' },
          ],
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: ', 🙂.' },
          ],
        ],
        { stop_reason: 'end_turn' },
      ),
    },
    gemini: {
      body: geminiBody([{ text: 'Hello, 🙂.' }]),
      stream: [geminiBody([{ text: 'Hello' }], ''), geminiBody([{ text: ', 🙂.' }])],
    },
  },
  thoughts: {
    chat: {
      body: chatBody({
        message: { content: 'Yes', reasoning_content: 'Hm' },
        usage: { ...chatUsage, completion_tokens_details: { reasoning_tokens: 3 } },
      }),
      ...chatChunks([{ reasoning_content: 'H' }, { reasoning_content: 'm' }, { content: 'Yes' }], 'stop'),
    },
    responses: {
      body: responsesBody(
        [
          { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm' }], encrypted_content: 'gAAA' },
          responsesSaid('Yes'),
        ],
        { usage: { ...responsesUsage, output_tokens_details: { reasoning_tokens: 3 } } },
      ),
      ...responsesEvents(
        [
          { type: 'response.output_item.added', output_index: 0, item: { id: 'rs_1', type: 'reasoning', summary: [] } },
          {
            type: 'response.reasoning_summary_part.added',
            item_id: 'rs_1',
            output_index: 0,
            summary_index: 0,
            part: { type: 'summary_text', text: '' },
          },
          {
            type: 'response.reasoning_summary_text.delta',
            item_id: 'rs_1',
            output_index: 0,
            summary_index: 0,
            delta: 'Hm',
          },
          {
            type: 'response.output_item.done',
            output_index: 0,
            item: {
              id: 'rs_1',
              type: 'reasoning',
              summary: [{ type: 'summary_text', text: 'Hm' }],
              encrypted_content: 'gAAA',
            },
          },
          ...responsesText(1, 'Yes'),
        ],
        completed([]),
      ),
    },
    messages: {
      body: messagesBody([
        { type: 'thinking', thinking: 'Hm', signature: 'EqQB' },
        { type: 'redacted_thinking', data: 'RrRr' },
        { type: 'text', text: 'Yes' },
      ]),
      ...messagesEvents(
        [
          [
            { type: 'thinking', thinking: '', signature: '' },
            { type: 'thinking_delta', thinking: 'Hm' },
            { type: 'signature_delta', signature: 'EqQB' },
          ],
          [{ type: 'redacted_thinking', data: 'RrRr' }],
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'Yes' },
          ],
        ],
        { stop_reason: 'end_turn' },
      ),
    },
    gemini: {
      body: geminiBody(
        [
          { text: 'Hm', thought: true },
          { text: 'Yes', thoughtSignature: 'AbCd' },
        ],
        'STOP',
        {
          usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1, thoughtsTokenCount: 3, totalTokenCount: 13 },
        },
      ),
      stream: [
        geminiBody([{ text: 'Hm', thought: true }], ''),
        geminiBody([{ text: 'Yes' }], ''),
        geminiBody([{ text: '', thoughtSignature: 'AbCd' }]),
      ],
    },
  },
  'calls side by side': {
    chat: {
      body: chatBody({ message: { content: null, tool_calls: both }, finish: 'tool_calls' }),
      ...chatChunks(
        [
          { tool_calls: [{ index: 0, id: 'call_0', type: 'function', function: { name: 'weather', arguments: '' } }] },
          { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
          { tool_calls: [{ index: 1, id: 'call_1', type: 'function', function: { name: 'now', arguments: '' } }] },
          { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
        ],
        'tool_calls',
      ),
    },
    responses: {
      body: responsesBody([responsesCalled('call_0', 'weather', oslo), responsesCalled('call_1', 'now', '{}')]),
      ...responsesEvents([...responsesCall(0, 'weather', oslo), ...responsesCall(1, 'now', '{}')], completed([])),
    },
    messages: {
      body: messagesBody(
        [
          { type: 'tool_use', id: 'call_0', name: 'weather', input: { city: 'Oslo' } },
          { type: 'tool_use', id: 'call_1', name: 'now', input: {} },
        ],
        'tool_use',
      ),
      ...messagesEvents(
        [
          [
            { type: 'tool_use', id: 'call_0', name: 'weather', input: {} },
            { type: 'input_json_delta', partial_json: '{"city":' },
            { type: 'input_json_delta', partial_json: '"Oslo"}' },
          ],
          [{ type: 'tool_use', id: 'call_1', name: 'now', input: {} }],
        ],
        { stop_reason: 'tool_use' },
      ),
    },
    gemini: {
      body: geminiBody([
        { functionCall: { id: 'call_0', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'AbCd' },
        { functionCall: { name: 'now' } },
      ]),
      stream: [
        geminiBody(
          [{ functionCall: { id: 'call_0', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'AbCd' }],
          '',
        ),
        geminiBody([{ functionCall: { name: 'now' } }]),
      ],
    },
  },
  'text and a call': {
    chat: {
      body: chatBody({ message: { content: 'I look.', tool_calls: both.slice(0, 1) }, finish: 'stop' }),
      ...chatChunks(
        [
          { content: 'I look.' },
          { tool_calls: [{ id: 'call_0', function: { name: 'weather', arguments: '{"city": "Oslo", "n": 1.0}' } }] },
        ],
        'stop',
      ),
    },
    responses: {
      body: responsesBody([responsesSaid('I look.'), responsesCalled('call_0', 'weather', oslo)]),
      ...responsesEvents([...responsesText(0, 'I look.'), ...responsesCall(1, 'weather', oslo)], completed([])),
    },
    messages: {
      body: messagesBody(
        [
          { type: 'text', text: 'I look.' },
          { type: 'tool_use', id: 'call_0', name: 'weather', input: { city: 'Oslo' } },
          { type: 'text', text: 'Wait.' },
        ],
        'tool_use',
      ),
      ...messagesEvents(
        [
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'I look.' },
          ],
          [
            { type: 'tool_use', id: 'call_0', name: 'weather', input: {} },
            { type: 'input_json_delta', partial_json: oslo },
          ],
          [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'Wait.' },
          ],
        ],
        { stop_reason: 'tool_use' },
      ),
    },
    gemini: {
      body: geminiBody([{ text: 'I look.' }, { functionCall: { name: 'weather', args: { city: 'Oslo' } } }]),
      stream: [
        geminiBody([{ text: 'I look.' }], ''),
        geminiBody([{ functionCall: { name: 'weather', args: { city: 'Oslo' } } }]),
      ],
    },
  },
  ...endings,
  ...failures,
}
