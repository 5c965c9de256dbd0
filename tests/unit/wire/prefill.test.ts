import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { PrefillStyle } from '#core/candidate.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { isRefusal } from '#core/refusal.ts'
import { concat } from '#kit/bytes.ts'
import { peekJson } from '#wire/peek.ts'
import { isContinuable, isPrefillRejection, prefilled } from '#wire/prefill.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const modelInPath = { start: 10, end: 20 }

/** The body with the text in it, and what was cut off; checks that the model is found where it is said to be. */
function filled(form: StreamForm, text: string, said = 'So far', style: PrefillStyle = 'plain'): string | undefined {
  const body = encoder.encode(text)
  const peek = peekJson(body)
  const made = prefilled(form, body, isRefusal(peek) ? modelInPath : peek.modelAt, said, style)
  if (made === undefined) return undefined
  const result = concat(made.body)
  const again = peekJson(result)
  expect(made.modelAt).toEqual(isRefusal(again) ? modelInPath : again.modelAt)
  expect(decoder.decode(body)).toBe(text)
  return decoder.decode(result)
}

const asked = '{"role":"user","content":"hi"}'

const splices: {
  name: string
  form: StreamForm
  style?: PrefillStyle
  said?: string
  body: string
  filled: string
}[] = [
  {
    name: 'chat, plain',
    form: 'chat',
    body: `{ "messages": [ ${asked} ] ,"x":9007199254740993,"model":"m" }\n`,
    filled: `{ "messages": [ ${asked} ,{"role":"assistant","content":"So far"}] ,"x":9007199254740993,"model":"m" }\n`,
  },
  {
    name: 'chat, with prefix',
    form: 'chat',
    style: 'prefix',
    body: `{"model":"m","messages":[${asked}]}`,
    filled: `{"model":"m","messages":[${asked},{"role":"assistant","content":"So far","prefix":true}]}`,
  },
  {
    name: 'chat, to be continued',
    form: 'chat',
    style: 'continue',
    body: `{"messages":[${asked}],"model":"m"}`,
    filled:
      `{"messages":[${asked},{"role":"assistant","content":"So far"}],"continue_final_message":true,` +
      `"add_generation_prompt":false,"model":"m"}`,
  },
  {
    name: 'chat, blanks at the end are left out where they are refused',
    form: 'chat',
    said: 'So far \n',
    body: `{"model":"m","messages":[${asked}]}`,
    filled: `{"model":"m","messages":[${asked},{"role":"assistant","content":"So far"}]}`,
  },
  {
    name: 'chat, blanks at the end stay elsewhere',
    form: 'chat',
    style: 'prefix',
    said: 'So far \n',
    body: `{"model":"m","messages":[${asked}]}`,
    filled: `{"model":"m","messages":[${asked},{"role":"assistant","content":"So far \\n","prefix":true}]}`,
  },
  {
    name: 'messages, whatever the style',
    form: 'messages',
    style: 'continue',
    said: 'So "far"\n\n',
    body: `{"model":"m","messages":[${asked}],"max_tokens":5,"thinking":{"type":"disabled"},"tool_choice":{"type":"auto"}}`,
    filled:
      `{"model":"m","messages":[${asked},{"role":"assistant","content":"So \\"far\\""}],"max_tokens":5,` +
      `"thinking":{"type":"disabled"},"tool_choice":{"type":"auto"}}`,
  },
  {
    name: 'completions',
    form: 'completions',
    said: ' "so" far\n',
    body: '{"prompt":"Once\\n\\"upon\\"","model":"m"}',
    filled: '{"prompt":"Once\\n\\"upon\\" \\"so\\" far\\n","model":"m"}',
  },
  {
    name: 'Gemini',
    form: 'gemini_sse',
    body: '{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"candidateCount":1}}',
    filled:
      '{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"So far"}]}],' +
      '"generationConfig":{"candidateCount":1}}',
  },
  {
    name: 'Gemini without roles',
    form: 'gemini_array',
    body: '{"contents":[{"parts":[{"text":"[]"}]}]}',
    filled: '{"contents":[{"parts":[{"text":"[]"}]},{"role":"model","parts":[{"text":"So far"}]}]}',
  },
  {
    name: 'Ollama chat',
    form: 'ndjson',
    body: `{"model":"m","messages":[${asked}],"think":false,"options":{"n":[1]}}`,
    filled: `{"model":"m","messages":[${asked},{"role":"assistant","content":"So far"}],"think":false,"options":{"n":[1]}}`,
  },
]

describe('prefilled() puts the text into the request and changes nothing else', () => {
  test.each(splices)('$name', ({ form, style, said, body, filled: wanted }) => {
    expect(filled(form, body, said, style)).toBe(wanted)
  })

  test('tells what was cut off the end', () => {
    const body = encoder.encode(`{"model":"m","messages":[${asked}]}`)
    const cut = (style: PrefillStyle): string | undefined =>
      prefilled('chat', body, { start: 9, end: 12 }, 'So \n', style)?.cut
    expect([cut('plain'), cut('prefix'), cut('continue')]).toEqual([' \n', '', ''])
  })

  test('equals parsing, adding and comparing, for any request', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 20 })
    const content = anyText.filter((text) => text.trim() !== '' && text.isWellFormed())
    const list = fc.array(fc.record({ role: fc.constantFrom('user', 'system', 'tool'), content: fc.jsonValue() }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(
        list,
        content,
        fc.dictionary(anyText, fc.jsonValue()),
        fc.boolean(),
        (messages, said, more, isLast) => {
          const others = Object.fromEntries(Object.entries(more).map(([key, value]) => [`x${key}`, value]))
          const request = isLast ? { model: 'm', ...others, messages } : { messages, ...others, model: 'm' }
          const text = JSON.stringify(request, undefined, isLast ? 1 : 0)
          const result = filled('chat', text, said, 'prefix')
          const added = { role: 'assistant', content: said, prefix: true }
          expect(JSON.parse(result ?? '')).toEqual({
            ...JSON.parse(text),
            messages: [...JSON.parse(text).messages, added],
          })
          expect(result?.replace(`,${JSON.stringify(added)}`, '')).toBe(text)
        },
      ),
    )
  })
})

const noPrefill: {
  why: string
  form?: StreamForm
  more?: string
  body?: string
  style?: PrefillStyle
  said?: string
}[] = [
  { why: 'several choices', more: '"n":2' },
  { why: 'log probabilities', more: '"logprobs":true' },
  { why: 'JSON mode', more: '"response_format":{"type":"json_object"}' },
  { why: 'a schema', more: '"guided_json":{}' },
  { why: 'a forced tool', more: '"tool_choice":"required"' },
  { why: 'a named tool', more: '"tool_choice":{"type":"function","function":{"name":"f"}}' },
  { why: 'thinking', more: '"thinking":{"type":"enabled"}' },
  { why: 'audio', more: '"modalities":["text","audio"]' },
  { why: 'marks of its own', more: '"add_generation_prompt":true', style: 'continue' },
  { why: 'thinking', form: 'messages', more: '"thinking":{"type":"adaptive"}' },
  { why: 'JSON mode', form: 'messages', more: '"output_config":{"format":{"type":"json_schema"}}' },
  { why: 'a forced tool', form: 'messages', more: '"tool_choice":{"type":"any"}' },
  { why: 'JSON mode', form: 'ndjson', more: '"format":"json"' },
  { why: 'thinking', form: 'ndjson', more: '"think":true' },
  { why: 'a prompt instead of messages', form: 'ndjson', body: '{"model":"m","prompt":"hi"}' },
  { why: 'a text behind it', form: 'completions', body: '{"model":"m","prompt":"a","suffix":"b"}' },
  { why: 'an echo', form: 'completions', body: '{"model":"m","prompt":"a","echo":true}' },
  { why: 'several prompts', form: 'completions', body: '{"model":"m","prompt":["a"]}' },
  { why: 'no such thing', form: 'responses', body: '{"model":"m","input":"hi"}' },
  { why: 'several candidates', form: 'gemini_sse', body: '{"contents":[{}],"generationConfig":{"candidateCount":2}}' },
  {
    why: 'JSON mode',
    form: 'gemini_sse',
    body: '{"contents":[{}],"generation_config":{"response_mime_type":"application/json"}}',
  },
  {
    why: 'visible thoughts',
    form: 'gemini_array',
    body: '{"contents":[{}],"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}',
  },
  { why: 'a last message of the model', form: 'gemini_sse', body: '{"contents":[{"role":"model"}]}' },
  { why: 'a last message of the assistant', body: '{"model":"m","messages":[{"role":"assistant","content":"a"}]}' },
  { why: 'no message at all', body: '{"model":"m","messages":[]}' },
  { why: 'messages twice', body: `{"model":"m","messages":[${asked}],"messages":[${asked}]}` },
  { why: 'messages under an escaped name', body: `{"model":"m","\\u006dessages":[${asked}]}` },
  { why: 'no JSON', body: '{"model":"m","messages":[' },
  { why: 'no text', said: '' },
  { why: 'blanks only', said: ' \n' },
  { why: 'half of a surrogate pair', said: 'a\ud83d' },
]

test.each(noPrefill)('prefilled() leaves it: $why ($form)', ({ form = 'chat', more, body, style, said }) => {
  const plain = `{"model":"m","messages":[${asked}]}`
  const text = body ?? (more === undefined ? plain : `${plain.slice(0, -1)},${more}}`)
  expect(filled(form, text, said ?? 'So far', style)).toBeUndefined()
})

test.each([
  { form: 'chat', body: '{}', is: true },
  {
    form: 'chat',
    body: '{"n":1,"logprobs":false,"top_logprobs":0,"tools":[{}],"response_format":{"type":"json_object"}}',
    is: true,
  },
  { form: 'chat', body: '{"n":2}', is: false },
  { form: 'chat', body: '{"n":2,"n":1}', is: false },
  { form: 'chat', body: '{"top_logprobs":3}', is: false },
  { form: 'completions', body: '{"best_of":2}', is: false },
  { form: 'messages', body: '{"messages":[]}', is: true },
  { form: 'responses', body: '{"input":"a","background":true}', is: false },
  { form: 'responses', body: '{"input":"a","conversation":"c"}', is: false },
  { form: 'responses', body: '{"input":"a","background":false,"conversation":null}', is: true },
  { form: 'gemini_sse', body: '{"generationConfig":{"candidateCount":2}}', is: false },
  { form: 'gemini_sse', body: '{"generation_config":{"candidate_count":2}}', is: false },
  { form: 'gemini_sse', body: '{"generationConfig":{"responseModalities":["TEXT"]},"contents":[]}', is: true },
  {
    form: 'gemini_sse',
    body: '{"contents":[],"generationConfig":{"responseModalities":["IMAGE","TEXT"]} }',
    is: false,
  },
  { form: 'ndjson', body: '{"logprobs":true}', is: false },
  { form: 'chat', body: '[1]', is: false },
  { form: 'chat', body: 'no', is: false },
  { form: 'completions', body: '{"prompt":["a","b"]}', is: false },
  { form: 'completions', body: '{"prompt":["a"]}', is: true },
  { form: 'completions', body: '{"prompt":[1,2]}', is: true },
  { form: 'completions', body: '{"prompt":[[1],[2]]}', is: false },
] as const)('isContinuable() of $form $body: $is', ({ form, body, is }) => {
  expect(isContinuable(form, encoder.encode(body))).toBe(is)
})

const anthropic = (message: string): string =>
  JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } })

test.each([
  {
    status: 400,
    text: anthropic(
      'This model does not support assistant message prefill. The conversation must end with a user message.',
    ),
  },
  { status: 400, text: anthropic('messages: final assistant content cannot end with trailing whitespace') },
  {
    status: 400,
    text: anthropic(
      'Expected `thinking`, but found `text`. A final `assistant` message must start with a thinking block',
    ),
  },
  { status: 400, text: anthropic('Prefilling assistant messages is not supported for this model.') },
  {
    status: 400,
    text: '{"object":"error","message":"Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"}',
  },
  {
    status: 400,
    text: '{"error":{"code":400,"message":"Please ensure that multiturn requests ends with a user role or a function response."}}',
  },
  { status: 400, text: '{"message":"Cannot set both add_generation_prompt and continue_final_message to true."}' },
  { status: 400, text: '{"error":{"message":"Assistant response prefill is incompatible with enable_thinking."}}' },
  { status: 400, text: '{"error":{"message":"Cannot have 2 or more assistant messages at the end of the list."}}' },
  {
    status: 422,
    text: '{"detail":[{"loc":["body","messages",1,"assistant","prefix"],"msg":"Extra inputs are not permitted"}]}',
  },
  { status: 422, text: '{"detail":[{"loc":["body","messages",2,"prefix"]}]}' },
  {
    status: 400,
    text: '{"error":{"message":"Unknown parameter: \'messages[1].prefix\'.","code":"unknown_parameter"}}',
  },
  {
    status: 400,
    text: '{"error":{"message":"Additional properties are not allowed (\'prefix\' was unexpected) - \'messages.1\'"}}',
  },
  { status: 400, text: '{"error":{"message":"Last message role must be user"}}' },
  { status: 400, text: '{"error":{"message":"The last message cannot be an assistant message","code":"400"}}' },
  { status: 400, text: '{"error":{"message":"This model does not allow prefilling","type":"invalid_request_error"}}' },
  { status: 422, text: '{"message":"The last message must have role user"}' },
])('isPrefillRejection() knows $text', ({ status, text }) => {
  expect(isPrefillRejection(status, text)).toBe(true)
  expect(isPrefillRejection(429, text)).toBe(false)
  expect(isPrefillRejection(500, text)).toBe(false)
})

test.each([
  anthropic('max_tokens: Field required'),
  anthropic('prompt is too long: 210000 tokens > 200000 maximum'),
  '{"error":{"message":"The model `m` does not exist","code":"model_not_found"}}',
  '{"error":{"message":"The last message content is too long for user"}}',
  '{"error":{"message":"maximum context: the last turn of the assistant"}}',
  '{"error":{"message":"Input too long: the prefilling stage needs 9000 tokens"}}',
  '{"error":{"message":"Input too long for the assistant: last message must not exceed 4000 tokens, prefill budget"}}',
  '{"error":{"message":"The last message must be shorter, said the assistant","code":"context_length_exceeded"}}',
  '{"error":{"message":"Conversations that end in an assistant message prefill 9000 tokens","code":"context_length_exceeded"}}',
  '{"error":{"message":"Unknown cache key \'prefix\'"}}',
  '',
])('isPrefillRejection() leaves others alone: %s', (text) => {
  expect(isPrefillRejection(400, text)).toBe(false)
})
