import type { Span } from '#core/call.ts'
import type { PrefillStyle } from '#core/candidate.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { findError } from './error-in-body.ts'
import { JsonMembers } from './json-members.ts'
import { replaceSpan } from './replace-span.ts'

/** A request that has the beginning of its answer in it. */
export interface Prefilled {
  readonly body: readonly Uint8Array<ArrayBuffer>[]
  readonly modelAt: Span
  /** What the text's end lost, since it must not end with blanks. */
  readonly cut: string
}

/**
 * The request with the text so far as the beginning of its answer; every other byte stays. Undefined where the answer
 * could not be gone on with as plain text, or where its last message is the assistant's already.
 */
export function prefilled(
  form: StreamForm,
  body: Uint8Array<ArrayBuffer>,
  modelAt: Span,
  text: string,
  style: PrefillStyle,
): Prefilled | undefined {
  const given = dislikesBlanks(form, style) ? text.trimEnd() : text
  // Half of a surrogate pair cannot be told.
  if (given.trim() === '' || !given.isWellFormed()) return undefined
  const asked = JsonMembers.of(body, namesRead)
  if (asked === undefined || !mayBePrefilled(form, asked)) return undefined
  const splice = form === 'completions' ? intoPrompt(asked, given) : intoList(form, asked, given, style)
  if (splice === undefined) return undefined
  const { at, replacement } = splice
  const grown = replacement.length - (at.end - at.start)
  // Gemini's model stands in the path.
  const isBehind = modelOf[form] === 'body' && modelAt.start >= at.end
  return {
    body: replaceSpan(body, at, replacement),
    modelAt: isBehind ? { start: modelAt.start + grown, end: modelAt.end + grown } : modelAt,
    cut: text.slice(given.length),
  }
}

/** Whether the answer to a request can be one that is gone on with: a single one, without numbers beside its words. */
export function isContinuable(form: StreamForm, body: Uint8Array): boolean {
  const asked = JsonMembers.of(body, namesRead)
  return asked !== undefined && isPlain(form, asked)
}

/** Whether an error answer says no more than that a request must not have the beginning of its answer in it. */
export function isPrefillRejection(status: number, bodyText: string): boolean {
  if (status !== 400 && status !== 422) return false
  const text = bodyText.slice(0, rejectionLengthMax)
  return rejections.some((rejection) => rejection.test(text)) && !otherCodes.test(findError(bodyText)?.code ?? '')
}

// Limit: UTF-16 units of an error answer that are looked at.
const rejectionLengthMax = 8 * 1024

/** The words of Anthropic and Bedrock, of Mistral, Gemini, vLLM, llama.cpp, and of those who check what they are sent. */
const rejections: readonly RegExp[] = [
  /\b(?:assistant|response)\b.{0,40}\bpre-?fill/i,
  /\bpre-?fill(?:ing|ed|s)?\b.{0,40}\b(?:assistant|(?:not|in)(?: be)?[ -]?(?:supported|allowed|compatible)|unsupported)\b/i,
  /\b(?:not support|not allow|cannot|must not|unsupported).{0,20}\bpre-?fill/i,
  /(?:must|should|have to|ensure that .{0,40}) ?ends? with a user/i,
  /expected last role/i,
  /last (?:message|role|turn)\b.{0,20}\b(?:must|should|has to|needs to|cannot|may not)\b.{0,30}\b(?:user|assistant)\b/i,
  /final .{0,20}assistant.{0,20} (?:message|content)/i,
  /assistant messages at the end/i,
  /continue_final_message|add_generation_prompt/,
  /\bmessages\b.{0,60}["'`.[]prefix\b|["'`]prefix["'`].{0,60}\bmessages\b/,
]

/** Codes of errors that such words only occur in. */
const otherCodes =
  /^(?:context_length|string_above_max|max_tokens|rate_limit|insufficient_|quota|billing|invalid_api_key|model_not_found|content_(?:filter|policy)|invalid_image)/i

const modelOf: Readonly<Record<StreamForm, 'body' | 'path'>> = {
  chat: 'body',
  completions: 'body',
  responses: 'body',
  messages: 'body',
  gemini_sse: 'path',
  gemini_array: 'path',
  ndjson: 'body',
}

/** What is read of a request; nothing else of it is parsed. */
const namesRead: ReadonlySet<string> = new Set([
  'n',
  'best_of',
  'logprobs',
  'top_logprobs',
  'modalities',
  'background',
  'conversation',
  'generationConfig',
  'generation_config',
  'messages',
  'contents',
  'prompt',
  'suffix',
  'echo',
  'response_format',
  'tool_choice',
  'function_call',
  'thinking',
  'think',
  'format',
  'output_format',
  'output_config',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'structured_outputs',
  'grammar',
  'json_schema',
  'continue_final_message',
  'add_generation_prompt',
])

function isPlain(form: StreamForm, asked: JsonMembers): boolean {
  switch (form) {
    case 'chat':
    case 'completions':
      return (
        isOnePrompt(asked.valueOf('prompt')) &&
        isOne(asked, 'n') &&
        isOne(asked, 'best_of') &&
        !hasLogprobs(asked) &&
        isTextOnly(asked.valueOf('modalities'))
      )
    case 'responses':
      // A conversation would get the question twice.
      return asked.valueOf('background') !== true && !isSet(asked, 'conversation')
    case 'messages':
      return true
    case 'gemini_sse':
    case 'gemini_array': {
      const config = configOf(asked)
      if (config === undefined) return false
      const count = eitherOf(config, 'candidateCount', 'candidate_count')
      const logprobs = eitherOf(config, 'responseLogprobs', 'response_logprobs')
      const isText = isTextOnly(eitherOf(config, 'responseModalities', 'response_modalities'))
      return isOneOrNone(count) && logprobs !== true && isText
    }
    case 'ndjson':
      return !hasLogprobs(asked)
  }
}

function mayBePrefilled(form: StreamForm, asked: JsonMembers): boolean {
  if (!isPlain(form, asked)) return false
  switch (form) {
    case 'chat':
      return !asksForSchema(asked) && isToolFree(asked) && !thinks(asked)
    case 'completions':
      return !isSet(asked, 'suffix') && asked.valueOf('echo') !== true && !asksForSchema(asked)
    case 'responses':
      return false
    case 'messages': {
      const isJson = isSet(asked, 'output_format') || isAsked(asObject(asked.valueOf('output_config'))?.['format'])
      return !isJson && isToolFree(asked) && !thinks(asked)
    }
    case 'gemini_sse':
    case 'gemini_array':
      return isGeminiText(configOf(asked) ?? {})
    case 'ndjson':
      return !isSet(asked, 'format') && !isAsked(asked.valueOf('think'))
  }
}

const schemas = ['guided_json', 'guided_regex', 'guided_choice', 'guided_grammar', 'structured_outputs', 'grammar']

function asksForSchema(asked: JsonMembers): boolean {
  const format = asked.valueOf('response_format')
  const isText = !isAsked(format) || asObject(format)?.['type'] === 'text'
  return !isText || isSet(asked, 'json_schema') || schemas.some((name) => isSet(asked, name))
}

/** No tool is forced on the model, whose text would then be none of its own. */
function isToolFree(asked: JsonMembers): boolean {
  return [asked.valueOf('tool_choice'), asked.valueOf('function_call')].every((choice) => {
    const kind = asObject(choice)?.['type'] ?? choice
    return !isAsked(kind) || kind === 'auto' || kind === 'none'
  })
}

function thinks(asked: JsonMembers): boolean {
  const thinking = asked.valueOf('thinking')
  return isAsked(thinking) && asObject(thinking)?.['type'] !== 'disabled'
}

function isGeminiText(config: JsonObject): boolean {
  const type = eitherOf(config, 'responseMimeType', 'response_mime_type')
  const schema = eitherOf(config, 'responseSchema', 'response_schema')
  const jsonSchema = eitherOf(config, 'responseJsonSchema', 'response_json_schema')
  const thinking = asObject(eitherOf(config, 'thinkingConfig', 'thinking_config')) ?? {}
  const showsThoughts = eitherOf(thinking, 'includeThoughts', 'include_thoughts') === true
  return (!isAsked(type) || type === 'text/plain') && !isAsked(schema) && !isAsked(jsonSchema) && !showsThoughts
}

/** Google's own servers take either spelling. */
function eitherOf(object: JsonObject, camel: string, snake: string): unknown {
  return object[camel] ?? object[snake]
}

/** Undefined for a request with two of them. */
function configOf(asked: JsonMembers): JsonObject | undefined {
  const camel = asked.valueOf('generationConfig')
  const snake = asked.valueOf('generation_config')
  return isAsked(camel) && isAsked(snake) ? undefined : (asObject(camel ?? snake) ?? {})
}

interface Splice {
  readonly at: Span
  readonly replacement: Uint8Array<ArrayBuffer>
}

/** Between the prompt's last character and its quote. */
function intoPrompt(asked: JsonMembers, text: string): Splice | undefined {
  const span = asked.spanOf('prompt')
  if (span === undefined || typeof asked.valueOf('prompt') !== 'string') return undefined
  return { at: { start: span.end - 1, end: span.end }, replacement: encode(JSON.stringify(text).slice(1)) }
}

/** Between the last message and the bracket behind it. */
function intoList(form: StreamForm, asked: JsonMembers, text: string, style: PrefillStyle): Splice | undefined {
  const isGemini = form === 'gemini_sse' || form === 'gemini_array'
  const name = isGemini ? 'contents' : 'messages'
  const span = asked.spanOf(name)
  const last = asObject(asList(asked.valueOf(name)).at(-1))
  const role = last?.['role']
  if (span === undefined || last === undefined || role === 'assistant' || role === 'model') return undefined
  const isMarked = form === 'chat' && style === 'continue'
  if (isMarked && (isSet(asked, 'continue_final_message') || isSet(asked, 'add_generation_prompt'))) return undefined
  const message = isGemini
    ? { role: 'model', parts: [{ text }] }
    : { role: 'assistant', content: text, ...(form === 'chat' && style === 'prefix' && { prefix: true }) }
  const mark = isMarked ? ',"continue_final_message":true,"add_generation_prompt":false' : ''
  const replacement = encode(`,${JSON.stringify(message)}]${mark}`)
  return { at: { start: span.end - 1, end: span.end }, replacement }
}

/** Anthropic refuses a beginning that ends with blanks, and a plain one may be for a model of theirs. */
function dislikesBlanks(form: StreamForm, style: PrefillStyle): boolean {
  return form === 'messages' || (form === 'chat' && style === 'plain')
}

function isOne(asked: JsonMembers, name: string): boolean {
  return isOneOrNone(asked.valueOf(name))
}

function isOneOrNone(count: unknown): boolean {
  return count === undefined || count === null || count === 1
}

function hasLogprobs(asked: JsonMembers): boolean {
  return isAsked(asked.valueOf('logprobs')) || Number(asked.valueOf('top_logprobs') ?? 0) > 0
}

function isTextOnly(modalities: unknown): boolean {
  return asList(modalities).every((modality) => String(modality).toLowerCase() === 'text')
}

/** Each of several has an answer; a list of tokens is one. */
function isOnePrompt(prompt: unknown): boolean {
  const list = asList(prompt)
  return list.length < 2 || list.every((entry) => typeof entry === 'number')
}

function isSet(asked: JsonMembers, name: string): boolean {
  return asked.spanOf(name) !== undefined && asked.valueOf(name) !== null
}

function isAsked(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== ''
}
