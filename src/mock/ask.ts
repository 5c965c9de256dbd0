import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
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
  /** The request leaves no choice: a tool by name, any tool, or neither. */
  readonly forcedTool: string | boolean
  /** Alternative answers. */
  readonly choices: number
  /** The answer must be JSON: of this schema, or any object. */
  readonly jsonSchema: JsonObject | undefined
}

export interface Tool {
  readonly name: string
  readonly schema: JsonObject
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
  return textOf(part['text'] ?? part['content'] ?? part['parts'] ?? part['output'])
}

function askOf(place: Place, json: JsonObject): Ask {
  const messages = messagesOf(json)
  const last = messages.at(-1)
  const answersTool = last?.isToolResult ?? false
  const said = answersTool ? last : messages.findLast((message) => message.role === 'user')
  const config = asObject(json['generationConfig']) ?? {}
  const options = asObject(json['options']) ?? {}
  const { streams, ...rest } = place
  return {
    ...rest,
    model: place.model ?? asText(json['model']) ?? '',
    stream: streams === 'always' || (json['stream'] ?? streams === 'unless_refused') === true,
    json,
    lastText: said?.text ?? '',
    answersTool,
    inputTokens: messages.reduce((sum, message) => sum + countWords(message.text), 0),
    outputTokensMax: asNumber(
      json['max_completion_tokens'] ??
        json['max_tokens'] ??
        json['max_output_tokens'] ??
        config['maxOutputTokens'] ??
        options['num_predict'],
    ),
    tools: toolsOf(json),
    forcedTool: forcedToolOf(json),
    choices: Math.min(Math.max(asNumber(json['n'] ?? config['candidateCount']) ?? 1, 1), choicesMax),
    jsonSchema: jsonSchemaOf(json, config),
  }
}

/** Chat, Messages, Responses and Gemini messages, prompts and inputs, as one list. */
function messagesOf(json: JsonObject): readonly Message[] {
  const system = json['system'] ?? json['instructions'] ?? json['systemInstruction']
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

/** Text of an Anthropic or Gemini tool result; empty for other parts. */
function toolResultOf(entry: unknown): string {
  const part = asObject(entry)
  if (part?.['type'] === 'tool_result') return textOf(part['content']) || 'nothing'
  const response = asObject(part?.['functionResponse'])
  return response === undefined ? '' : JSON.stringify(response['response'] ?? null)
}

/** `tools[].function` (Chat), `tools[]` (Responses, Messages), `tools[].functionDeclarations[]` (Gemini). */
function toolsOf(json: JsonObject): readonly Tool[] {
  return asList(json['tools']).flatMap((entry) => {
    const tool = asObject(entry) ?? {}
    const declared = asList(tool['functionDeclarations'])
    const definitions = declared.length > 0 ? declared : [tool['function'] ?? tool]
    return definitions.flatMap((definition) => {
      const { name, ...rest } = asObject(definition) ?? {}
      const schema = rest['parameters'] ?? rest['input_schema'] ?? rest['parametersJsonSchema']
      return typeof name === 'string' ? [{ name, schema: asObject(schema) ?? {} }] : []
    })
  })
}

function forcedToolOf(json: JsonObject): string | boolean {
  const gemini = asObject(asObject(json['toolConfig'])?.['functionCallingConfig'])
  if (gemini !== undefined)
    return gemini['mode'] === 'ANY' && (asText(asList(gemini['allowedFunctionNames'])[0]) ?? true)
  const choice = json['tool_choice']
  if (typeof choice === 'string') return choice === 'required'
  const named = asObject(choice)
  if (named === undefined) return false
  return asText(asObject(named['function'])?.['name'] ?? named['name']) ?? named['type'] === 'any'
}

/**
 * `response_format` (Chat), `text.format` (Responses), `output_config.format` (Messages), `responseSchema` (Gemini),
 * `format` (Ollama).
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
  if (format?.['type'] === 'json_object') return {}
  if (config['responseMimeType'] !== 'application/json') return undefined
  return asObject(config['responseJsonSchema'] ?? config['responseSchema']) ?? {}
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
