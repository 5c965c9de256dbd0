import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { isSingleCall, toolChoiceOf, toolsOf, type Tool, type ToolChoice } from './ask-tools.ts'
import type { Place, Surface } from './surface.ts'

/** What a request asks of the mock backend, the same for every dialect. */
export interface Ask extends Omit<Place, 'streams'> {
  readonly model: string
  readonly stream: boolean
  /** The request body, or an empty object. */
  readonly json: JsonObject
  /** Text of the last message of the user, or of the last tool result. */
  readonly lastText: string
  readonly answersTool: boolean
  /** Words of everything that was sent; the mock backend counts a word as a token. */
  readonly inputTokens: number
  readonly outputTokensMax: number | undefined
  readonly tools: readonly Tool[]
  readonly toolChoice: ToolChoice
  /** The request allows one call at most. */
  readonly singleCall: boolean
  /** Alternative answers. */
  readonly choices: number
  /** The answer must be JSON: of this schema, or any object. */
  readonly jsonSchema: JsonObject | undefined
}

interface Message {
  readonly role: string
  readonly text: string
  readonly isToolResult: boolean
}

// Limit: more alternatives than this are not made.
const choicesMax = 16

// Limit: a body that is nested deeper is not read; parts of it go back into answers, whose writer would give up.
const depthMax = 200

/** Reads a request; undefined when its body is no JSON object of sensible depth where one is needed. */
export function readAsk(place: Place, headers: Headers, body: Uint8Array): Ask | undefined {
  const type = headers.get('content-type') ?? ''
  if (type.startsWith('multipart/')) return askOf(place, { model: formField(body, 'model') ?? '' })
  if (body.length === 0) return bodiless.has(place.surface) ? askOf(place, {}) : undefined
  const json = asObject(parse(new TextDecoder().decode(body)))
  return json === undefined || isDeeper(json, depthMax) ? undefined : askOf(place, json)
}

const bodiless: ReadonlySet<Surface> = new Set<Surface>(['models', 'other', 'ollama_version'])

/** Words, and so tokens, of a text. */
export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

/** Text of a value that may be a string, a part with text, or a list of both. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean).join('\n')
  const part = asObject(value)
  if (part === undefined) return ''
  // Results of tools are JSON in Converse, and documents for Cohere.
  if (asObject(part['json']) !== undefined) return JSON.stringify(part['json'])
  const document = asObject(part['document'])?.['data']
  if (typeof document === 'object' && document !== null) return JSON.stringify(document)
  return textOf(document ?? part['text'] ?? part['content'] ?? part['parts'] ?? part['output'])
}

function askOf(place: Place, json: JsonObject): Ask {
  const messages = messagesOf(json)
  const last = messages.at(-1)
  const answersTool = last?.isToolResult ?? false
  const said = answersTool ? last : messages.findLast((message) => message.role === 'user')
  const config = asObject(json['generationConfig'] ?? json['generation_config'] ?? json['inferenceConfig']) ?? {}
  const options = asObject(json['options']) ?? {}
  const { streams, ...rest } = place
  return {
    ...rest,
    model: place.model ?? asText(json['model']) ?? '',
    stream: streams === 'always' || (streams !== 'never' && (json['stream'] ?? streams === 'unless_refused') === true),
    json,
    lastText: said?.text ?? '',
    answersTool,
    inputTokens: messages.reduce((sum, message) => sum + countWords(message.text), 0),
    outputTokensMax: asNumber(
      json['max_completion_tokens'] ??
        json['max_tokens'] ??
        json['max_output_tokens'] ??
        config['maxOutputTokens'] ??
        config['max_output_tokens'] ??
        config['maxTokens'] ??
        options['num_predict'],
    ),
    tools: toolsOf(json),
    toolChoice: toolChoiceOf(json),
    singleCall: isSingleCall(json),
    choices: Math.min(Math.max(asNumber(json['n'] ?? config['candidateCount']) ?? 1, 1), choicesMax),
    jsonSchema: jsonSchemaOf(json, config),
  }
}

/** Chat, Messages, Responses and Gemini messages, prompts and inputs, as one list. */
function messagesOf(json: JsonObject): readonly Message[] {
  const system = json['system'] ?? json['instructions'] ?? json['systemInstruction'] ?? json['system_instruction']
  const messages: Message[] = [{ role: 'system', text: textOf(system), isToolResult: false }]
  for (const field of ['messages', 'input', 'contents', 'content', 'prompt']) {
    const value = json[field]
    for (const entry of Array.isArray(value) ? value : value === undefined ? [] : [value])
      messages.push(messageOf(entry))
  }
  return messages
}

function messageOf(entry: unknown): Message {
  const message = asObject(entry)
  if (message === undefined) return { role: 'user', text: textOf(entry), isToolResult: false }
  const role = asText(message['role']) ?? 'user'
  const result = asList(message['content'] ?? message['parts'])
    .map(toolResultOf)
    .filter(Boolean)
    .join('\n')
  if (result !== '') return { role, text: result, isToolResult: true }
  const isToolResult = role === 'tool' || message['type'] === 'function_call_output'
  return { role, text: textOf(message), isToolResult }
}

/** Text of a tool result of Messages, Gemini or Converse; empty for other parts. */
function toolResultOf(entry: unknown): string {
  const part = asObject(entry)
  if (part?.['type'] === 'tool_result') return textOf(part['content']) || 'nothing'
  const converse = asObject(part?.['toolResult'])
  if (converse !== undefined) return textOf(converse['content']) || 'nothing'
  const response = asObject(part?.['functionResponse'] ?? part?.['function_response'])
  return response === undefined ? '' : JSON.stringify(response['response'] ?? null)
}

/**
 * `response_format` (Chat), `text.format` (Responses), `output_config.format` (Messages), `responseSchema` (Gemini),
 * `format` (Ollama), `outputConfig.textFormat` (Converse).
 */
function jsonSchemaOf(json: JsonObject, config: JsonObject): JsonObject | undefined {
  if (json['format'] === 'json') return {}
  const schema = asObject(json['format'])
  if (schema !== undefined) return schema
  const format = asObject(
    json['response_format'] ?? asObject(json['text'])?.['format'] ?? asObject(json['output_config'])?.['format'],
  )
  if (format?.['type'] === 'json_schema') {
    return asObject(asObject(format['json_schema'])?.['schema'] ?? format['schema']) ?? {}
  }
  // Cohere puts its schema beside this type.
  if (format?.['type'] === 'json_object') return asObject(format['json_schema'] ?? format['schema']) ?? {}
  const converse = asObject(asObject(asObject(json['outputConfig'])?.['textFormat'])?.['structure'])
  if (converse !== undefined) return asObject(parse(asText(asObject(converse['jsonSchema'])?.['schema']) ?? '')) ?? {}
  if ((config['responseMimeType'] ?? config['response_mime_type']) !== 'application/json') return undefined
  return asObject(config['responseJsonSchema'] ?? config['responseSchema'] ?? config['response_schema']) ?? {}
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((part) => isDeeper(part, depth - 1))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // A RangeError is the parser's word for nesting that is too deep.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

/** Value of a plain field of a multipart form. */
function formField(body: Uint8Array, name: string): string | undefined {
  const text = new TextDecoder().decode(body)
  const start = new RegExp(`name="?${name}"?\\r\\n(?:[^\\r\\n]+\\r\\n)*\\r\\n`, 'i').exec(text)
  return start === null ? undefined : text.slice(start.index + start[0].length).split('\r\n', 1)[0]
}
