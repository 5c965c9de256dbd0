import { expect, test } from 'bun:test'
import { answerMock } from '#mock/answer.ts'
import { seededRandom } from '#ports/random.ts'

interface Row {
  readonly path: string
  /** The sentence, or a part of it; undefined where the request is good. */
  readonly says: string | undefined
  readonly body: object
}

function ask(path: string, body: object): { readonly status: number; readonly text: string } {
  const request = { method: 'POST', path, query: '', headers: new Headers(), body: Buffer.from(JSON.stringify(body)) }
  const answer = answerMock(request, { name: 'unit', wallMs: 0, random: seededRandom(1) })
  if (answer.kind !== 'response') throw new Error(`The mock backend did not respond: ${answer.kind}`)
  return { status: answer.status, text: Buffer.concat([...answer.body.frames].map(({ bytes }) => bytes)).toString() }
}

const model = 'ok'
const hi = { role: 'user', content: 'hi' }

const chatPath = '/v1/chat/completions'
const chatCall = (id: string, given: unknown = '{}') => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id, type: 'function', function: { name: 'sky', arguments: given } }],
})
const chatResult = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'blue' })
const chat = (says: string | undefined, messages: readonly object[], more: object = {}): Row => ({
  path: chatPath,
  says,
  body: { model, messages, ...more },
})

const responses = (says: string | undefined, input: unknown, more: object = {}): Row => ({
  path: '/v1/responses',
  says,
  body: { model, input, ...more },
})
const item = (id: string) => ({ type: 'function_call', call_id: id, name: 'sky', arguments: '{}' })
const output = (id: string) => ({ type: 'function_call_output', call_id: id, output: 'blue' })

const messages = (says: string | undefined, list: readonly object[], more: object = {}): Row => ({
  path: '/v1/messages',
  says,
  body: { model, max_tokens: 2000, messages: list, ...more },
})
const use = (id: string, ...before: readonly object[]) => ({
  role: 'assistant',
  content: [...before, { type: 'tool_use', id, name: 'sky', input: {} }],
})
const result = (id: string, ...after: readonly object[]) => ({
  role: 'user',
  content: [{ type: 'tool_result', tool_use_id: id, content: 'blue' }, ...after],
})

const gemini = (says: string | undefined, contents: readonly object[], more: object = {}, name = 'ok'): Row => ({
  path: `/v1beta/models/${name}:generateContent`,
  says,
  body: { contents, ...more },
})
const part = (role: string, ...parts: readonly object[]) => ({ role, parts })
const said = part('user', { text: 'hi' })
const call = { functionCall: { name: 'sky', args: {} } }
const response = { functionResponse: { name: 'sky', response: { output: 'blue' } } }
const declared = (more: object) => ({ tools: [{ functionDeclarations: [{ name: 'sky', ...more }] }] })

const converse = (says: string | undefined, list: readonly object[], more: object = {}): Row => ({
  path: '/model/ok/converse',
  says,
  body: { messages: list, ...more },
})
const block = (role: string, ...content: readonly object[]) => ({ role, content })
const asks = block('user', { text: 'hi' })
const toolUse = (toolUseId: string) => ({ toolUse: { toolUseId, name: 'sky', input: {} } })
const toolResult = (toolUseId: string) => ({ toolResult: { toolUseId, content: [{ text: 'blue' }] } })
const toolConfig = { toolConfig: { tools: [{ toolSpec: { name: 'sky', inputSchema: { json: { type: 'object' } } } }] } }

const cohere = (says: string | undefined, list: readonly object[], more: object = {}): Row => ({
  path: '/v2/chat',
  says,
  body: { model, messages: list, ...more },
})

const ollama = (says: string | undefined, list: readonly object[], more: object = {}): Row => ({
  path: '/api/chat',
  says,
  body: { model, stream: false, messages: list, ...more },
})

const long = 'x'.repeat(41)

test.each<Row>([
  chat(undefined, [hi]),
  chat(undefined, [hi, chatCall('a'), chatResult('a'), hi]),
  chat("'messages'", []),
  chat('messages[0].role', [{ role: 'human', content: 'hi' }]),
  chat('messages[0].content', [{ role: 'user', content: null }]),
  chat('messages[0].content[0].type', [{ role: 'user', content: [{ type: 'image', source: {} }] }]),
  chat('did not have response messages: a', [hi, chatCall('a')]),
  chat('did not have response messages: a', [hi, chatCall('a'), hi, chatResult('a')]),
  chat('must be a response to a preceding message', [hi, chatResult('a')]),
  chat('maximum length 40', [hi, chatCall(long), chatResult(long)]),
  chat('expected a string', [hi, chatCall('a', {}), chatResult('a')]),
  chat("only allowed when 'tools' are specified", [hi], { tool_choice: 'auto' }),
  chat('array too long', [hi], { stop: ['1', '2', '3', '4', '5'] }),
  chat('response_format.json_schema.name', [hi], { response_format: { type: 'json_schema', json_schema: {} } }),
  chat('tools[0].function.name', [hi], { tools: [{ type: 'function', function: { name: 'a b' } }] }),

  responses(undefined, [hi, item('a'), output('a')]),
  responses(undefined, [output('a')], { previous_response_id: 'resp_1' }),
  responses("'input'", undefined),
  responses('No tool output found for function call a', [hi, item('a')]),
  responses('No tool call found for function call output with call_id a', [hi, output('a')]),
  responses('without its required following item', [hi, { type: 'reasoning', id: 'rs_1', summary: [] }]),
  responses('does not belong to the role', [{ role: 'assistant', content: [{ type: 'input_text', text: 'hi' }] }]),
  responses('tools[0].name', [hi], { tools: [{ type: 'function', function: { name: 'sky' } }] }),

  messages(undefined, [hi, use('a'), result('a', { type: 'text', text: 'and now?' })]),
  messages('max_tokens: Field required', [hi], { max_tokens: undefined }),
  messages('seed: Extra inputs are not permitted', [hi], { seed: 1 }),
  messages('Unexpected role', [hi, { role: 'tool', content: 'hi' }]),
  messages(undefined, [hi, { role: 'system', content: 'hi' }]),
  messages('first message must use', [{ role: 'assistant', content: 'hi' }]),
  messages('must be non-empty', [{ role: 'user', content: '' }]),
  messages('without `tool_result` blocks immediately after: a', [hi, use('a'), hi]),
  messages('without `tool_result` blocks immediately after: a', [
    hi,
    use('a'),
    {
      role: 'user',
      content: [
        { type: 'text', text: 'hi' },
        { type: 'tool_result', tool_use_id: 'a', content: 'b' },
      ],
    },
  ]),
  messages('unexpected `tool_use_id`', [hi, result('a')]),
  messages('should match pattern', [hi, use('a.b'), result('a.b')]),
  messages('Invalid `signature`', [
    hi,
    use('a', { type: 'thinking', thinking: 'hm', signature: 'lp1.abc' }),
    result('a'),
  ]),
  messages('may only be specified while providing tools', [hi], { tool_choice: { type: 'auto' } }),
  messages("Input should be 'object'", [hi], { tools: [{ name: 'sky', input_schema: {} }] }),
  messages('must be greater than', [hi], { thinking: { type: 'enabled', budget_tokens: 2000 } }),
  messages('may only be set to 1', [hi], { thinking: { type: 'adaptive' }, temperature: 0.5 }),

  { path: '/model/ok/invoke', says: 'anthropic_version', body: { max_tokens: 9, messages: [hi] } },
  {
    path: '/model/ok/invoke',
    says: 'model: Extra inputs',
    body: { model, anthropic_version: 'bedrock-2023-05-31', max_tokens: 9, messages: [hi] },
  },

  gemini(undefined, [said, part('model', call), part('user', response)]),
  gemini('contents is not specified', []),
  gemini('Unknown name', [said], { messages: [] }),
  gemini('Unknown name', [said], { generationConfig: { max_tokens: 1 } }),
  gemini('valid role', [part('assistant', { text: 'hi' })]),
  gemini('must not be empty', [part('user')]),
  gemini('must have one initialized field', [part('user', { thought: true })]),
  gemini('alternate', [said, said]),
  gemini('number of function response parts', [said, part('model', call, call), part('user', response)]),
  gemini('number of function response parts', [said, part('model', call)]),
  gemini('immediately after a function call turn', [part('user', response)]),
  gemini('Name cannot be empty', [said, part('model', call), part('user', { functionResponse: { response: {} } })]),
  gemini('function_response.response', [
    said,
    part('model', call),
    part('user', { functionResponse: { name: 'sky', response: 'blue' } }),
  ]),
  gemini('Base64 decoding failed', [said, part('model', { text: 'hi', thoughtSignature: 'lp1.abc' }), said]),
  gemini('missing a thought_signature', [said, part('model', call), part('user', response)], {}, 'gemini-3-pro'),
  gemini(
    undefined,
    [said, part('model', { ...call, thoughtSignature: 'skip_thought_signature_validator' }), part('user', response)],
    {},
    'gemini-3-pro',
  ),
  gemini('Unknown name', [said], declared({ parameters: { type: 'object', additionalProperties: false } })),
  gemini(undefined, [said], declared({ parametersJsonSchema: { type: 'object', additionalProperties: false } })),
  gemini('Invalid function name', [said], { tools: [{ functionDeclarations: [{ name: '1 2' }] }] }),
  gemini('allowed_function_names', [said], {
    ...declared({}),
    toolConfig: { functionCallingConfig: { mode: 'AUTO', allowedFunctionNames: ['sky'] } },
  }),
  gemini('response mime type', [said], { generationConfig: { responseJsonSchema: {} } }),

  converse(undefined, [asks, block('assistant', toolUse('a')), block('user', toolResult('a'))], toolConfig),
  converse('must start with a user message', [block('assistant', { text: 'hi' })]),
  converse('must alternate', [asks, asks]),
  converse('is blank', [block('user', { text: ' ' })]),
  converse('is empty', [block('user')]),
  converse('must set one of the following keys', [block('user', { type: 'text' }, { text: 'hi' })]),
  converse('toolConfig field must be defined', [
    asks,
    block('assistant', toolUse('a')),
    block('user', toolResult('a')),
  ]),
  converse('for the following Ids: a', [asks, block('assistant', toolUse('a')), asks], toolConfig),
  converse('exceeds the number of toolUse blocks', [block('user', toolResult('a'))], toolConfig),
  converse('toolUseId', [asks, block('assistant', toolUse('a.b')), block('user', toolResult('a.b'))], toolConfig),
  converse('inputSchema', [asks], {
    toolConfig: { tools: [{ toolSpec: { name: 'sky', inputSchema: { json: {} } } }] },
  }),
  converse('source.bytes', [block('user', { image: { format: 'png', source: { bytes: 'data:x' } } })]),
  converse('toolConfig.tools', [asks], { toolConfig: { tools: [] } }),

  cohere(undefined, [hi, chatCall('a'), chatResult('a')]),
  cohere("parameter 'top_p' is not a valid field", [hi], { top_p: 1 }),
  cohere('at least one message', []),
  cohere('invalid role', [{ role: 'developer', content: 'hi' }]),
  cohere('without tool results: a', [hi, chatCall('a'), hi]),
  cohere('that no tool call has: a', [hi, chatResult('a')]),
  cohere('last message must be', [hi, { role: 'assistant', content: 'hi' }]),
  cohere('REQUIRED or NONE', [hi], { tool_choice: 'auto' }),
  cohere('p must be between', [hi], { p: 1 }),
  { path: '/v2/embed', says: 'input_type is required', body: { model, texts: ['a'] } },

  ollama(undefined, [hi]),
  ollama('invalid role', [{ role: 'developer', content: 'hi' }]),
  ollama('cannot unmarshal array', [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }]),
  ollama('cannot unmarshal string', [hi, chatCall('a'), chatResult('a')]),
  ollama('illegal base64', [{ ...hi, images: ['https://pictures.invalid/a.png'] }]),
  ollama('invalid think value', [hi], { think: 'xhigh' }),
])('$path says "$says"', ({ path, says, body }) => {
  const { status, text } = ask(path, body)
  expect({ status, text }).toEqual({
    status: says === undefined ? 200 : 400,
    text: expect.stringContaining(says ?? '{'),
  })
})

test('with "lenient" everything is answered', () => {
  expect(ask('/v1/messages', { model: 'lenient', messages: [hi], seed: 1 }).status).toBe(200)
})

test('an error that was asked for comes first', () => {
  expect(ask('/v1/messages', { model: 'e503' }).status).toBe(503)
})
