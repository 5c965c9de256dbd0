import {
  asks,
  assistant,
  chat,
  chatCall,
  chatTools,
  gemini,
  geminiTools,
  messages,
  messagesTools,
  responses,
  responsesCall,
  responsesTools,
  says,
  user,
  type Asking,
} from './dialect-asked.ts'
import { wishes } from './dialect-wishes.ts'

/** The same requests in the words of each form. */
export const askings: Readonly<Record<string, Asking>> = {
  plain: {
    chat: chat([user('Hi')]),
    responses: responses('Hi'),
    messages: messages([user('Hi')]),
    gemini: gemini([asks({ text: 'Hi' })]),
  },
  'plain, streamed': {
    chat: chat([user('Hi')], { stream: true }),
    responses: responses('Hi', { stream: true }),
    messages: messages([user('Hi')], { stream: true }),
    gemini: gemini([asks({ text: 'Hi' })]),
  },
  'system and sampling': {
    chat: chat([{ role: 'system', content: 'Be brief.' }, user('Hi')], {
      temperature: 0.5,
      top_p: 0.9,
      max_completion_tokens: 100,
      stop: ['END', 'STOP'],
      seed: 7,
      presence_penalty: 0.1,
      user: 'u-1',
    }),
    responses: responses([{ role: 'user', content: 'Hi' }], {
      instructions: 'Be brief.',
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 100,
      metadata: { team: 'a' },
    }),
    messages: messages([user('Hi')], {
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      temperature: 0.5,
      top_k: 40,
      max_tokens: 100,
      stop_sequences: ['END', 'STOP'],
      metadata: { user_id: 'u-1' },
    }),
    gemini: gemini([asks({ text: 'Hi' })], {
      system_instruction: { parts: [{ text: 'Be brief.' }] },
      generationConfig: {
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        maxOutputTokens: 100,
        stopSequences: ['END', 'STOP'],
        seed: 7,
        presencePenalty: 0.1,
      },
    }),
  },
  turns: {
    chat: chat([user('One'), assistant('Two'), user('Three'), user([{ type: 'text', text: 'Four' }])]),
    responses: responses([
      user('One'),
      { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'Two' }] },
      user('Three'),
      user([{ type: 'input_text', text: 'Four' }]),
    ]),
    messages: messages([user('One'), assistant('Two'), user('Three'), user([{ type: 'text', text: 'Four' }])]),
    gemini: gemini([asks({ text: 'One' }), says({ text: 'Two' }), asks({ text: 'Three' }), asks({ text: 'Four' })]),
  },
  'system in the middle': {
    chat: chat([user('One'), assistant('Two'), { role: 'system', content: 'Now in verse.' }, user('Three')]),
    responses: responses([
      user('One'),
      assistant('Two'),
      { role: 'developer', content: 'Now in verse.' },
      user('Three'),
    ]),
    messages: messages([user('One'), assistant('Two'), { role: 'system', content: 'Now in verse.' }, user('Three')]),
  },
  tools: {
    chat: chat([user('Rain?')], { tools: chatTools }),
    responses: responses('Rain?', { tools: responsesTools }),
    messages: messages([user('Rain?')], { tools: messagesTools }),
    gemini: gemini([asks({ text: 'Rain?' })], { tools: geminiTools }),
  },
  'one tool, no parallel calls': {
    chat: chat([user('Rain?')], {
      tools: chatTools,
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
    }),
    responses: responses('Rain?', {
      tools: responsesTools,
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
    }),
    messages: messages([user('Rain?')], {
      tools: messagesTools,
      tool_choice: { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
    }),
    gemini: gemini([asks({ text: 'Rain?' })], {
      tools: geminiTools,
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } },
    }),
  },
  'any tool': {
    chat: chat([user('Rain?')], { tools: chatTools, tool_choice: 'required' }),
    responses: responses('Rain?', { tools: responsesTools, tool_choice: 'required' }),
    messages: messages([user('Rain?')], { tools: messagesTools, tool_choice: { type: 'any' } }),
    gemini: gemini([asks({ text: 'Rain?' })], {
      tools: geminiTools,
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
    }),
  },
  'no tool': {
    chat: chat([user('Rain?')], { tools: chatTools, tool_choice: 'none' }),
    responses: responses('Rain?', { tools: responsesTools, tool_choice: 'none' }),
    messages: messages([user('Rain?')], { tools: messagesTools, tool_choice: { type: 'none' } }),
    gemini: gemini([asks({ text: 'Rain?' })], {
      tools: geminiTools,
      toolConfig: { functionCallingConfig: { mode: 'NONE' } },
    }),
  },
  'a tool that is not declared': {
    chat: chat([user('Rain?')], { tools: chatTools, tool_choice: { type: 'function', function: { name: 'other' } } }),
    responses: responses('Rain?', { tools: responsesTools, tool_choice: { type: 'function', name: 'other' } }),
    messages: messages([user('Rain?')], { tools: messagesTools, tool_choice: { type: 'tool', name: 'other' } }),
  },
  'a call and its result': {
    chat: chat(
      [
        user('Rain?'),
        assistant('I look.', { tool_calls: [chatCall('call_1', 'weather', '{"city": "Oslo", "days": 1.0}')] }),
        { role: 'tool', tool_call_id: 'call_1', content: 'wet' },
      ],
      { tools: chatTools },
    ),
    responses: responses(
      [
        user('Rain?'),
        assistant('I look.'),
        responsesCall('call_1', 'weather', '{"city": "Oslo", "days": 1.0}'),
        { type: 'function_call_output', call_id: 'call_1', output: 'wet' },
      ],
      { tools: responsesTools },
    ),
    messages: messages(
      [
        user('Rain?'),
        assistant([
          { type: 'text', text: 'I look.' },
          { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Oslo', days: 1 } },
        ]),
        user([{ type: 'tool_result', tool_use_id: 'call_1', content: 'wet' }]),
      ],
      { tools: messagesTools },
    ),
    gemini: gemini(
      [
        asks({ text: 'Rain?' }),
        says({ text: 'I look.' }, { functionCall: { id: 'call_1', name: 'weather', args: { city: 'Oslo', days: 1 } } }),
        asks({ functionResponse: { id: 'call_1', name: 'weather', response: { output: 'wet' } } }),
      ],
      { tools: geminiTools },
    ),
  },
  'two calls, one failed, and more to say': {
    chat: chat(
      [
        user('Rain?'),
        assistant(null, { tool_calls: [chatCall('a', 'weather', '{"city":"Oslo"}'), chatCall('b', 'now', '')] }),
        { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'wet' }] },
        { role: 'tool', tool_call_id: 'b', content: 'Error: no clock' },
        user('Well?'),
      ],
      { tools: chatTools },
    ),
    responses: responses(
      [
        user('Rain?'),
        responsesCall('a', 'weather', '{"city":"Oslo"}'),
        responsesCall('b', 'now', ''),
        { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'wet' }] },
        { type: 'function_call_output', call_id: 'b', output: 'Error: no clock' },
        user('Well?'),
      ],
      { tools: responsesTools },
    ),
    messages: messages(
      [
        user('Rain?'),
        assistant([
          { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Oslo' } },
          { type: 'tool_use', id: 'b', name: 'now', input: {} },
        ]),
        user([
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'wet' }] },
          { type: 'tool_result', tool_use_id: 'b', content: 'no clock', is_error: true },
          { type: 'text', text: 'Well?' },
        ]),
      ],
      { tools: messagesTools },
    ),
    gemini: gemini(
      [
        asks({ text: 'Rain?' }),
        says({ functionCall: { name: 'weather', args: { city: 'Oslo' } } }, { functionCall: { name: 'now' } }),
        asks(
          { functionResponse: { name: 'weather', response: { output: 'wet' } } },
          { functionResponse: { name: 'now', response: { error: 'no clock' } } },
          { text: 'Well?' },
        ),
      ],
      { tools: geminiTools },
    ),
  },
  'a result out of place, and a call without one': {
    chat: chat(
      [
        user('Rain?'),
        assistant(null, { tool_calls: [chatCall('a', 'weather', '{"city":"Oslo"}'), chatCall('b', 'now', '{}')] }),
        user('Hurry.'),
        { role: 'tool', tool_call_id: 'a', content: 'wet' },
      ],
      { tools: chatTools },
    ),
    responses: responses(
      [
        user('Rain?'),
        responsesCall('a', 'weather', '{"city":"Oslo"}'),
        responsesCall('b', 'now', '{}'),
        user('Hurry.'),
        { type: 'function_call_output', call_id: 'a', output: 'wet' },
      ],
      { tools: responsesTools },
    ),
    messages: messages(
      [
        user('Rain?'),
        assistant([
          { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Oslo' } },
          { type: 'tool_use', id: 'b', name: 'now', input: {} },
        ]),
        user('Hurry.'),
        user([{ type: 'tool_result', tool_use_id: 'a', content: 'wet' }]),
      ],
      { tools: messagesTools },
    ),
    gemini: gemini(
      [
        asks({ text: 'Rain?' }),
        says({ functionCall: { name: 'weather', args: { city: 'Oslo' } } }, { functionCall: { name: 'now' } }),
        asks({ text: 'Hurry.' }),
        asks({ functionResponse: { name: 'weather', response: { output: 'wet' } } }),
      ],
      { tools: geminiTools },
    ),
  },
  ...wishes,
}
