import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { CommonRequest, Identity, Output, RequestCache, Sampling } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { Fields } from './fields.ts'
import { readMessages } from './read-messages.ts'
import { readReasoning } from './read-reasoning.ts'
import { readToolChoice, readTools } from './read-tools.ts'

export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  const fields = new Fields(body, notes)
  // They are known already.
  fields.any('model')
  fields.any('stream')
  const known = {
    messages: readMessages(fields.any('messages'), notes),
    tools: readTools(fields, notes),
    toolChoice: readToolChoice(fields, notes),
    parallelToolCalls: fields.flag('parallel_tool_calls'),
    sampling: {
      ...readSampling(fields, notes),
      maxOutputTokens: fields.number('max_completion_tokens') ?? fields.number('max_tokens'),
      logprobs: fields.flag('logprobs'),
      topLogprobs: fields.number('top_logprobs'),
    },
    reasoning: readReasoning(fields, notes),
    output: readOutput(fields, notes),
    cache: readCache(fields),
    identity: { ...readIdentity(fields, notes), session: facts.headers.get('x-session-affinity') ?? undefined },
    tier: fields.text('service_tier'),
    store: fields.flag('store'),
    includeUsage: readIncludeUsage(fields, notes),
  }
  // The older one is a wish for the same; asked for here so that it is not among the rest.
  fields.any('max_tokens')
  return {
    form: 'chat',
    model: facts.model,
    stream: facts.stream,
    ...known,
    previousResponseId: undefined,
    include: [],
    rest: readRest(fields, notes),
  }
}

/** Nobody else knows these, unless they say nothing. */
export function readRest(fields: Fields, notes: Notes): JsonObject {
  const rest = fields.rest()
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null) notes.drop('dropped:unknown_field', name)
  }
  return rest
}

/** What Chat and Completions have in common. */
export function readSampling(fields: Fields, notes: Notes): Sampling {
  return {
    temperature: fields.number('temperature'),
    topP: fields.number('top_p'),
    topK: fields.number('top_k'),
    minP: fields.number('min_p'),
    presencePenalty: fields.number('presence_penalty'),
    frequencyPenalty: fields.number('frequency_penalty'),
    repetitionPenalty: fields.number('repetition_penalty'),
    seed: fields.number('seed') ?? fields.number('random_seed'),
    logitBias: fields.object('logit_bias'),
    stop: readStop(fields.any('stop'), notes),
    n: fields.number('n'),
  }
}

function readStop(value: unknown, notes: Notes): readonly string[] | undefined {
  if (value === undefined || value === '') return undefined
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value]
  const texts = stops.filter((stop) => typeof stop === 'string')
  if (texts.length < stops.length) notes.reject('stop', 'a value that is no text is not supported')
  const said = texts.filter((text) => text !== '')
  return said.length === 0 ? undefined : said
}

export function readIncludeUsage(fields: Fields, notes: Notes): boolean {
  const options = fields.object('stream_options') ?? {}
  tellUnknown(options, streamOptions, 'stream_options', notes)
  return options['include_usage'] === true
}

/** Padding against those who count bytes: a stream of our own has none. */
const streamOptions = membersOf('include_usage include_obfuscation')

function readOutput(fields: Fields, notes: Notes): Output {
  const modalities = fields.list('modalities')?.filter((name) => typeof name === 'string')
  return {
    format: readFormat(fields.object('response_format'), notes),
    modalities,
    audio: fields.object('audio'),
    verbosity: fields.text('verbosity'),
    prediction: fields.object('prediction'),
  }
}

function readFormat(format: JsonObject | undefined, notes: Notes): Output['format'] {
  const type = format?.['type']
  switch (type) {
    case undefined:
      return undefined
    case 'text':
      return { kind: 'text' }
    case 'json_object':
      return readSchemaFormat(format ?? {}) ?? { kind: 'json' }
    case 'json_schema': {
      const read = readSchemaFormat(asObject(format?.['json_schema']) ?? {})
      if (read === undefined)
        notes.reject('response_format.json_schema.schema', 'a format without a schema is not supported')
      return read
    }
    default:
      notes.reject('response_format.type', `the format "${asText(type) ?? ''}" is not supported`)
      return undefined
  }
}

/** Some servers take the schema beside `json_object`. */
function readSchemaFormat(told: JsonObject): Output['format'] {
  const schema = asObject(told['schema'])
  if (schema === undefined) return undefined
  const { name, description, strict } = told
  return {
    kind: 'json_schema',
    name: asText(name),
    description: asText(description),
    schema,
    strict: typeof strict === 'boolean' ? strict : undefined,
  }
}

function readCache(fields: Fields): RequestCache | undefined {
  const options = asObject(fields.any('prompt_cache_options')) ?? asObject(fields.any('cache_control'))
  const cache = {
    auto: options === undefined ? undefined : { ttl: asText(options['ttl']) },
    key: fields.text('prompt_cache_key'),
    retention: fields.text('prompt_cache_retention'),
  }
  return Object.values(cache).every((value) => value === undefined) ? undefined : cache
}

export function readIdentity(fields: Fields, notes: Notes): Identity {
  const user = fields.text('user')
  const metadata = fields.object('metadata')
  const pairs = Object.entries(metadata ?? {})
  const tags = pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  if (tags.length < pairs.length) notes.drop('dropped:metadata', 'metadata')
  return {
    endUser: fields.text('safety_identifier') ?? user,
    tags: metadata === undefined ? undefined : Object.fromEntries(tags),
  }
}
