import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { Fields } from '#translate/chat/fields.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { CommonRequest, Message, Output, Reasoning, Sampling, Tool } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { clipped, membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { readImages, readMessages } from './read-messages.ts'

/** `/api/chat`, or `/api/generate`, whose prompt is the message of a user. */
export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  const fields = new Fields(body, notes)
  // They are known already.
  for (const name of ['model', 'stream']) fields.any(name)
  const isGenerate = facts.path.endsWith('/generate')
  const messages = isGenerate ? readPrompt(fields, notes) : readMessages(fields.any('messages'), notes)
  const told = {
    tools: (fields.list('tools') ?? []).flatMap((tool, at) => readTool(asObject(tool), `tools[${at}]`, notes)),
    sampling: {
      ...readOptions(fields, notes),
      logprobs: fields.flag('logprobs'),
      topLogprobs: fields.number('top_logprobs'),
    },
    reasoning: readThink(fields.any('think'), notes),
    output: { format: readFormat(fields.any('format'), notes) },
  }
  return {
    form: 'ollama',
    model: facts.model,
    stream: facts.stream,
    messages,
    toolChoice: undefined,
    parallelToolCalls: undefined,
    ...told,
    cache: undefined,
    identity: {},
    tier: undefined,
    store: undefined,
    previousResponseId: undefined,
    include: [],
    includeUsage: true,
    rest: readRest(fields, notes),
  }
}

/** What others write into their prompts, or what only a model at hand could continue, cannot be told to them. */
function readPrompt(fields: Fields, notes: Notes): Message[] {
  const prompt = fields.text('prompt') ?? ''
  const system = fields.text('system') ?? ''
  const images = readImages(fields.any('images'), 'images', notes)
  for (const name of ['suffix', 'template']) {
    if ((fields.text(name) ?? '') !== '') notes.reject(name, `a ${name} is not supported`)
  }
  if (fields.flag('raw') === true) notes.reject('raw', 'a raw prompt is not supported')
  if ((fields.list('context') ?? []).length > 0) {
    notes.reject('context', 'going on with the context of an earlier answer is not supported')
  }
  for (const name of ['width', 'height', 'steps']) {
    if (fields.number(name) !== undefined) notes.reject(name, 'making images is not supported')
  }
  if (prompt === '' && images.length === 0) notes.reject('prompt', 'a request without a prompt is not supported')
  const asked: Message = {
    role: 'user',
    parts: [...(prompt === '' ? [] : [{ kind: 'text' as const, text: prompt }]), ...images],
    placement: 'inline',
  }
  if (system === '') return [asked]
  return [{ role: 'system', parts: [{ kind: 'text', text: system }], placement: 'top' }, asked]
}

function readTool(tool: JsonObject | undefined, field: string, notes: Notes): Tool[] {
  const told = asObject(tool?.['function'])
  const name = asText(told?.['name'])
  if (told === undefined || name === undefined) {
    notes.reject(field, 'a tool that is no function with a name is not supported')
    return []
  }
  tellUnknown(tool ?? {}, toolMembers, field, notes)
  tellUnknown(told, functionMembers, `${field}.function`, notes)
  return [{ kind: 'function', name, description: asText(told['description']), schema: asObject(told['parameters']) }]
}

const toolMembers = membersOf('type function')
const functionMembers = membersOf('name description parameters')

function readOptions(fields: Fields, notes: Notes): Sampling {
  const options = new Fields(fields.object('options') ?? {}, notes, 'options.')
  const limit = options.number('num_predict')
  const sampling: Sampling = {
    // Below zero: as many as it likes.
    maxOutputTokens: limit === undefined || limit < 0 ? undefined : limit,
    temperature: options.number('temperature'),
    topP: options.number('top_p'),
    topK: options.number('top_k'),
    minP: options.number('min_p'),
    seed: options.number('seed'),
    stop: readStop(options.any('stop'), notes),
    repetitionPenalty: options.number('repeat_penalty'),
    presencePenalty: options.number('presence_penalty'),
    frequencyPenalty: options.number('frequency_penalty'),
  }
  for (const [name, value] of Object.entries(options.rest())) {
    if (value !== null) notes.drop('dropped:unknown_field', `options.${clipped(name)}`)
  }
  return sampling
}

function readStop(value: unknown, notes: Notes): readonly string[] | undefined {
  if (value === undefined || value === '') return undefined
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value]
  const texts = stops.filter((stop) => typeof stop === 'string')
  if (texts.length < stops.length) notes.reject('options.stop', 'a value that is no text is not supported')
  const said = texts.filter((text) => text !== '')
  return said.length === 0 ? undefined : said
}

function readThink(value: unknown, notes: Notes): Reasoning | undefined {
  switch (value) {
    case undefined:
    case '':
      return undefined
    case true:
      return { kind: 'adaptive', visibility: 'full' }
    case false:
      return { kind: 'off', effort: 'none' }
    case 'low':
    case 'medium':
    case 'high':
    case 'max':
      return { effort: value, visibility: 'full' }
    default:
      notes.reject('think', 'a value other than true, false, low, medium, high or max is not supported')
      return undefined
  }
}

function readFormat(value: unknown, notes: Notes): Output['format'] {
  if (value === undefined || value === '') return undefined
  if (value === 'json') return { kind: 'json' }
  const schema = asObject(value)
  if (schema !== undefined) return { kind: 'json_schema', schema }
  notes.reject('format', 'a format that is neither "json" nor a schema is not supported')
  return undefined
}

function readRest(fields: Fields, notes: Notes): JsonObject {
  const rest = fields.rest()
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null) notes.drop('dropped:unknown_field', clipped(name))
  }
  return rest
}
