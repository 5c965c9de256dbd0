import { asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type {
  CommonRequest,
  Effort,
  Identity,
  Message,
  Output,
  Reasoning,
  RequestCache,
  Sampling,
} from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { clipped, membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { idLengthMax, readItems } from './read-items.ts'
import { readToolChoice, readTools } from './read-tools.ts'

/** A request of a client of this API. What only its provider could do is rejected by name. */
export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  rejectState(body, notes)
  const include = readInclude(body['include'])
  for (const name of include)
    if (!servedIncludes.has(name)) notes.drop('dropped:unknown_field', `include ${clipped(name)}`)
  const { messages, tools } = readItems(inputOf(body, facts, notes), 'input', facts, notes)
  const rest = restOf(body)
  noteRest(rest, notes)
  return {
    form: 'responses',
    model: facts.model,
    stream: facts.stream,
    messages: [...readInstructions(body['instructions'], notes), ...messages],
    tools: [...readTools(body['tools'], 'tools', notes), ...tools],
    toolChoice: readToolChoice(body['tool_choice'], notes),
    parallelToolCalls: asFlag(body['parallel_tool_calls']),
    sampling: readSampling(body, include, notes),
    reasoning: readReasoning(body['reasoning'], notes),
    output: readOutput(body['text'], notes),
    cache: readCache(body),
    identity: readIdentity(body, facts, notes),
    tier: asText(body['service_tier']),
    store: asFlag(body['store']),
    // Resolved, or rejected.
    previousResponseId: undefined,
    include,
    includeUsage: true,
    rest,
  }
}

/** What was said before, where the client only names it, is put in front. */
function inputOf(body: JsonObject, { recall }: RequestFacts, notes: Notes): readonly unknown[] {
  const input = body['input']
  let items: readonly unknown[] = []
  if (typeof input === 'string') items = [{ type: 'message', role: 'user', content: input }]
  else if (Array.isArray(input)) items = input
  else if (input !== undefined && input !== null) notes.reject('input', 'the input must be a text or a list of items')
  const id = asText(body['previous_response_id']) ?? ''
  if (id === '') {
    if (items.length === 0) notes.reject('input', 'the input is missing')
    return items
  }
  const before = recall?.response(id)
  if (before !== undefined) return [...before.input, ...before.output, ...items]
  notes.reject('previous_response_id', `Previous response with id '${id.slice(0, idLengthMax)}' not found.`)
  return items
}

function rejectState(body: JsonObject, notes: Notes): void {
  if (isThere(body['conversation']))
    notes.reject('conversation', 'conversations that a provider keeps are not supported')
  if (isThere(body['prompt'])) notes.reject('prompt', 'prompt templates that a provider keeps are not supported')
  if (body['background'] === true) {
    notes.reject('background', 'answers in the background are not supported', 'dropped:unknown_field')
  }
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null
}

function readInstructions(value: unknown, notes: Notes): readonly Message[] {
  if (typeof value === 'string') {
    return value === '' ? [] : [{ role: 'system', parts: [{ kind: 'text', text: value }], placement: 'top' }]
  }
  if (Array.isArray(value)) return readItems(value, 'instructions', {}, notes).messages
  if (isThere(value)) notes.reject('instructions', 'the instructions must be a text')
  return []
}

function readInclude(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}

/** What is answered anyway, or stands in the request by another name; the others are about tools of the provider. */
const servedIncludes = membersOf('reasoning.encrypted_content message.output_text.logprobs')

const logprobsInclude = 'message.output_text.logprobs'

function readSampling(body: JsonObject, include: readonly string[], notes: Notes): Sampling {
  const topLogprobs = readNumber(body, 'top_logprobs', notes)
  const wantsLogprobs = include.includes(logprobsInclude) || (topLogprobs ?? 0) > 0
  return {
    temperature: readNumber(body, 'temperature', notes),
    topP: readNumber(body, 'top_p', notes),
    presencePenalty: readNumber(body, 'presence_penalty', notes),
    frequencyPenalty: readNumber(body, 'frequency_penalty', notes),
    maxOutputTokens: readNumber(body, 'max_output_tokens', notes),
    ...(wantsLogprobs ? { logprobs: true, topLogprobs } : {}),
  }
}

function readNumber(body: JsonObject, name: string, notes: Notes): number | undefined {
  const value = body[name]
  if (isThere(value) && typeof value !== 'number') notes.reject(name, 'it must be a number')
  return asNumber(value)
}

function readReasoning(value: unknown, notes: Notes): Reasoning | undefined {
  const reasoning = asObject(value)
  if (reasoning === undefined) return undefined
  tellUnknown(reasoning, reasoningMembers, 'reasoning', notes)
  const word = asText(reasoning['effort'])
  const effort = efforts.find((known) => known === word)
  if (word !== undefined && effort === undefined) {
    notes.reject('reasoning.effort', `it must be one of ${efforts.join(', ')}`)
  }
  const summary = asText(reasoning['summary']) ?? asText(reasoning['generate_summary'])
  if (effort === undefined && summary === undefined) return undefined
  return { effort, ...(summary === undefined ? {} : { summary, visibility: 'summary' }) }
}

const reasoningMembers = membersOf('effort summary generate_summary')

const efforts: readonly Effort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

function readOutput(value: unknown, notes: Notes): Output {
  const text = asObject(value)
  tellUnknown(text ?? {}, textMembers, 'text', notes)
  return { format: readFormat(asObject(text?.['format']), notes), verbosity: asText(text?.['verbosity']) }
}

const textMembers = membersOf('format verbosity')

function readFormat(format: JsonObject | undefined, notes: Notes): Output['format'] {
  switch (format?.['type']) {
    case undefined:
      return undefined
    case 'text':
      return { kind: 'text' }
    case 'json_object':
      return { kind: 'json' }
    case 'json_schema':
      return readSchema(format, notes)
    default:
      notes.reject('text.format.type', 'it must be "text", "json_object" or "json_schema"')
      return undefined
  }
}

/** Chat's clients write the schema one level deeper. */
function readSchema(format: JsonObject, notes: Notes): Output['format'] {
  const declared = asObject(format['json_schema']) ?? format
  const schema = asObject(declared['schema'])
  if (schema === undefined) {
    notes.reject('text.format.schema', 'the schema is missing')
    return undefined
  }
  return {
    kind: 'json_schema',
    name: asText(declared['name']),
    description: asText(declared['description']),
    schema,
    strict: asFlag(declared['strict']),
  }
}

function readCache(body: JsonObject): RequestCache | undefined {
  const key = asText(body['prompt_cache_key'])
  const retention = asText(body['prompt_cache_retention'])
  return key === undefined && retention === undefined ? undefined : { key, retention }
}

function readIdentity(body: JsonObject, { headers }: RequestFacts, notes: Notes): Identity {
  const metadata = Object.entries(asObject(body['metadata']) ?? {})
  const tags = metadata.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []))
  if (tags.length < metadata.length) notes.drop('dropped:metadata', 'metadata')
  return {
    endUser: asText(body['safety_identifier']) ?? asText(body['user']),
    session: headers.get('session-id') ?? headers.get('session_id') ?? undefined,
    ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }),
  }
}

function asFlag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function restOf(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => !held.has(name) && isThere(value)))
}

/** Fields that the common form holds, or that were rejected. */
const held: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'top_logprobs',
  'max_output_tokens',
  'reasoning',
  'text',
  'prompt_cache_key',
  'prompt_cache_retention',
  'safety_identifier',
  'user',
  'metadata',
  'service_tier',
  'store',
  'previous_response_id',
  'include',
  'conversation',
  'prompt',
  'background',
])

function noteRest(rest: JsonObject, notes: Notes): void {
  for (const [name, value] of Object.entries(rest)) {
    if (name === 'context_management') notes.drop('dropped:context_management', name)
    else if (name === 'client_metadata') notes.drop('dropped:metadata', name)
    else if (name === 'prompt_cache_options') notes.drop('dropped:cache_hint', name)
    else if (!isWithoutEffect(name, value)) notes.drop('dropped:unknown_field', name)
  }
}

/** What is said here is so anyway. */
function isWithoutEffect(name: string, value: unknown): boolean {
  return name === 'stream_options' || (name === 'truncation' && value === 'disabled')
}
