import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'

/** What a request tells of the turn before: the calls that were made, what came of them, and what nobody can read. */
export interface History {
  readonly calls: readonly { readonly id: string | undefined; readonly name: string; readonly args: unknown }[]
  readonly results: readonly { readonly id: string | undefined; readonly text: string }[]
  /** Opaque state of thoughts. */
  readonly opaque: readonly string[]
  /** Thoughts that stand beside it. */
  readonly thoughts: string
}

/** One form of backend, as the mock backend plays it. */
export interface DialectBackend {
  readonly name: string
  /** Lines of its entry in the configuration. */
  readonly entry: (url: string) => string
  /** A model of the kind that the form is known for; behaviours are put behind it. */
  readonly model: string
  /** Where its requests for generation go. */
  readonly path: RegExp
  /** It signs its thoughts, and wants the signature back. */
  readonly signs: boolean
  /** Its own words for a prompt that is too long. */
  readonly overflow: Overflow
  readonly historyOf: (body: JsonObject) => History
}

export interface Overflow {
  readonly status: number
  readonly headers?: readonly string[]
  readonly body: JsonObject
}

const openaiOverflow: Overflow = {
  status: 400,
  body: {
    error: {
      message: "This model's maximum context length is 1000 tokens. However, your messages resulted in 2000 tokens.",
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    },
  },
}

const claudeOverflow = 'prompt is too long: 2000 tokens > 1000 maximum'

export const dialectBackends: readonly DialectBackend[] = [
  {
    name: 'chat',
    entry: (url) => `url: "${url}/v1", apis: [chat]`,
    model: 'gpt-5.1',
    path: /^\/v1\/chat\/completions$/,
    signs: false,
    overflow: openaiOverflow,
    historyOf: chatHistory,
  },
  {
    name: 'responses',
    entry: (url) => `url: "${url}/v1", apis: [responses]`,
    model: 'gpt-5.1',
    path: /^\/v1\/responses$/,
    signs: true,
    overflow: openaiOverflow,
    historyOf: responsesHistory,
  },
  {
    name: 'messages',
    entry: (url) => `url: "${url}", protocol: anthropic`,
    model: 'claude-sonnet-4-5',
    path: /^\/v1\/messages$/,
    signs: true,
    overflow: {
      status: 400,
      body: { type: 'error', error: { type: 'invalid_request_error', message: claudeOverflow } },
    },
    historyOf: messagesHistory,
  },
  {
    name: 'gemini',
    entry: (url) => `url: "${url}", protocol: gemini`,
    model: 'gemini-2.5-flash',
    path: /^\/v1(?:beta)?\/models\/[^/]+:(?:streamG|g)enerateContent$/,
    signs: true,
    overflow: {
      status: 400,
      body: {
        error: {
          code: 400,
          message: 'The input token count (2000) exceeds the maximum number of tokens allowed (1000).',
          status: 'INVALID_ARGUMENT',
        },
      },
    },
    historyOf: geminiHistory,
  },
  {
    name: 'ollama',
    entry: (url) => `url: "${url}", protocol: ollama`,
    model: 'qwen3',
    path: /^\/api\/chat$/,
    signs: false,
    overflow: { status: 400, body: { error: 'the prompt exceeds the maximum context length of 1000 tokens' } },
    historyOf: ollamaHistory,
  },
  {
    name: 'cohere',
    entry: (url) => `url: "${url}/v2", protocol: cohere`,
    model: 'command-a-03-2025',
    path: /^\/v2\/chat$/,
    signs: false,
    overflow: {
      status: 400,
      body: {
        id: 'e1',
        message: 'too many tokens: total number of tokens in the prompt exceeds the maximum context length of 1000',
      },
    },
    historyOf: chatHistory,
  },
  {
    name: 'bedrock converse',
    entry: (url) => `url: "${url}", protocol: bedrock`,
    model: 'us.amazon.nova-2-lite-v1:0',
    path: /^\/model\/[^/]+\/converse(?:-stream)?$/,
    signs: true,
    overflow: {
      status: 400,
      headers: ['x-amzn-errortype: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/'],
      body: { message: 'Input is too long for requested model.' },
    },
    historyOf: converseHistory,
  },
  {
    name: 'bedrock invoke',
    entry: (url) => `url: "${url}", protocol: bedrock`,
    model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    path: /^\/model\/[^/]+\/invoke(?:-with-response-stream)?$/,
    signs: true,
    overflow: {
      status: 400,
      headers: ['x-amzn-errortype: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/'],
      body: { message: claudeOverflow },
    },
    historyOf: messagesHistory,
  },
]

/** Chat and Cohere. */
function chatHistory(body: JsonObject): History {
  const messages = objectsIn(body['messages'])
  return {
    calls: messages.flatMap((message) =>
      objectsIn(message['tool_calls']).map((call) => {
        const made = asObject(call['function']) ?? {}
        return {
          id: asText(call['id']),
          name: asText(made['name']) ?? '',
          args: parseJson(asText(made['arguments']) ?? ''),
        }
      }),
    ),
    results: messages
      .filter((message) => message['role'] === 'tool')
      .map((message) => ({ id: asText(message['tool_call_id']), text: textIn(message['content']) })),
    opaque: [],
    thoughts: '',
  }
}

function responsesHistory(body: JsonObject): History {
  const items = objectsIn(body['input'])
  const ofType = (type: string): readonly JsonObject[] => items.filter((item) => item['type'] === type)
  return {
    calls: ofType('function_call').map((item) => ({
      id: asText(item['call_id']),
      name: asText(item['name']) ?? '',
      args: parseJson(asText(item['arguments']) ?? ''),
    })),
    results: ofType('function_call_output').map((item) => ({
      id: asText(item['call_id']),
      text: textIn(item['output']),
    })),
    opaque: textsOf(ofType('reasoning'), 'encrypted_content'),
    thoughts: ofType('reasoning')
      .map((item) => textIn(item['summary']))
      .join(''),
  }
}

function messagesHistory(body: JsonObject): History {
  const blocks = objectsIn(body['messages']).flatMap((message) => objectsIn(message['content']))
  const ofType = (type: string): readonly JsonObject[] => blocks.filter((block) => block['type'] === type)
  return {
    calls: ofType('tool_use').map((block) => ({
      id: asText(block['id']),
      name: asText(block['name']) ?? '',
      args: block['input'],
    })),
    results: ofType('tool_result').map((block) => ({
      id: asText(block['tool_use_id']),
      text: textIn(block['content']),
    })),
    opaque: textsOf(ofType('thinking'), 'signature'),
    thoughts: textsOf(ofType('thinking'), 'thinking').join(''),
  }
}

/** Of two calls that are made at once the first alone is signed. */
function geminiHistory(body: JsonObject): History {
  const parts = objectsIn(body['contents']).flatMap((content) => objectsIn(content['parts']))
  return {
    calls: objectsOf(parts, 'functionCall').map((call) => ({
      id: asText(call['id']),
      name: asText(call['name']) ?? '',
      args: call['args'],
    })),
    results: objectsOf(parts, 'functionResponse').map((result) => ({
      id: asText(result['id']),
      text: JSON.stringify(result['response']),
    })),
    opaque: textsOf(parts, 'thoughtSignature'),
    thoughts: textsOf(
      parts.filter((part) => part['thought'] === true),
      'text',
    ).join(''),
  }
}

/** It knows no ids. */
function ollamaHistory(body: JsonObject): History {
  const messages = objectsIn(body['messages'])
  return {
    calls: messages.flatMap((message) =>
      objectsOf(objectsIn(message['tool_calls']), 'function').map((call) => ({
        id: undefined,
        name: asText(call['name']) ?? '',
        args: call['arguments'],
      })),
    ),
    results: messages
      .filter((message) => message['role'] === 'tool')
      .map((message) => ({ id: undefined, text: textIn(message['content']) })),
    opaque: [],
    thoughts: '',
  }
}

function converseHistory(body: JsonObject): History {
  const blocks = objectsIn(body['messages']).flatMap((message) => objectsIn(message['content']))
  const thoughts = objectsOf(objectsOf(blocks, 'reasoningContent'), 'reasoningText')
  return {
    calls: objectsOf(blocks, 'toolUse').map((call) => ({
      id: asText(call['toolUseId']),
      name: asText(call['name']) ?? '',
      args: call['input'],
    })),
    results: objectsOf(blocks, 'toolResult').map((result) => ({
      id: asText(result['toolUseId']),
      text: textIn(result['content']),
    })),
    opaque: textsOf(thoughts, 'signature'),
    thoughts: textsOf(thoughts, 'text').join(''),
  }
}

function objectsIn(value: unknown): readonly JsonObject[] {
  return asList(value).flatMap((entry): readonly JsonObject[] => {
    const object = asObject(entry)
    return object === undefined ? [] : [object]
  })
}

/** What the objects have under this name, where it is an object. */
function objectsOf(objects: readonly JsonObject[], name: string): readonly JsonObject[] {
  return objectsIn(objects.map((object) => object[name]))
}

function textsOf(objects: readonly JsonObject[], name: string): readonly string[] {
  return objects.flatMap((object) => asText(object[name]) ?? [])
}

/** A text, or a list of parts with texts, documents or JSON in them. */
function textIn(value: unknown): string {
  if (typeof value === 'string') return value
  return objectsIn(value)
    .map((part) => asText(part['text']) ?? JSON.stringify(part['json'] ?? part['document'] ?? part))
    .join('')
}
