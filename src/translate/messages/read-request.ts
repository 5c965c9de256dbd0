import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { CommonRequest, Effort, Identity, Output, Reasoning, RequestCache, Sampling } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { betaHeader } from './block-member.ts'
import { cacheHintOf } from './cache-hint.ts'
import { readMessages, readSystem } from './read-messages.ts'
import { readToolChoice, readTools } from './read-tools.ts'

/** A request of a client of Anthropic's Messages API → the common form. */
export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  const tools = readTools(body, notes)
  const sampling = readSampling(body)
  if (sampling.maxOutputTokens === 0)
    notes.reject('max_tokens', 'filling a cache without an answer (0) is not supported')
  return {
    form: 'messages',
    model: facts.model,
    stream: facts.stream,
    messages: [...readSystem(body['system'], notes), ...readMessages(body['messages'], tools, notes)],
    tools,
    toolChoice: readToolChoice(body['tool_choice'], tools, notes),
    parallelToolCalls: parallelToolCallsOf(body['tool_choice']),
    sampling,
    reasoning: readReasoning(body, notes),
    output: readOutput(body, notes),
    cache: readCache(body),
    identity: readIdentity(body, facts, notes),
    tier: asText(body['service_tier']) ?? (body['speed'] === 'fast' ? 'fast' : undefined),
    store: undefined,
    previousResponseId: undefined,
    include: [],
    includeUsage: false,
    rest: readRest(body, facts, notes),
  }
}

function readSampling(body: JsonObject): Sampling {
  const stop = asList(body['stop_sequences']).filter((sequence) => typeof sequence === 'string')
  return {
    temperature: asNumber(body['temperature']),
    topP: asNumber(body['top_p']),
    topK: asNumber(body['top_k']),
    stop: stop.length === 0 ? undefined : stop,
    maxOutputTokens: asNumber(body['max_tokens']),
  }
}

function readReasoning(body: JsonObject, notes: Notes): Reasoning | undefined {
  const thinking = asObject(body['thinking'])
  tellUnknown(thinking ?? {}, thinkingMembers, 'thinking', notes)
  const effort = effortOf(asObject(body['output_config'])?.['effort'])
  const kind = thinking === undefined ? undefined : thinkingKinds.get(asText(thinking['type']) ?? '')
  if (kind === undefined && effort === undefined) return undefined
  const display = asText(thinking?.['display'])
  return {
    kind,
    effort,
    budgetTokens: kind === 'budget' ? asNumber(thinking?.['budget_tokens']) : undefined,
    visibility: display === 'omitted' ? 'none' : display === 'summarized' ? 'summary' : undefined,
  }
}

const thinkingMembers = membersOf('type budget_tokens display')

const thinkingKinds: ReadonlyMap<string, Reasoning['kind']> = new Map([
  ['enabled', 'budget'],
  ['disabled', 'off'],
  ['adaptive', 'adaptive'],
  ['between_tools', 'adaptive'],
])

const efforts: readonly Effort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

function effortOf(value: unknown): Effort | undefined {
  return efforts.find((effort) => effort === value)
}

/** `output_format` is what `output_config.format` was called while it was new. */
function readOutput(body: JsonObject, notes: Notes): Output {
  const format = asObject(asObject(body['output_config'])?.['format']) ?? asObject(body['output_format'])
  const schema = asObject(format?.['schema'])
  if (format === undefined) return {}
  if (format['type'] !== 'json_schema' || schema === undefined) {
    notes.reject('output_config.format', 'a format other than a JSON schema is not supported')
    return {}
  }
  return { format: { kind: 'json_schema', name: asText(format['name']), schema } }
}

function readCache(body: JsonObject): RequestCache | undefined {
  const auto = cacheHintOf(body['cache_control'])
  return auto === undefined ? undefined : { auto }
}

function readIdentity(body: JsonObject, facts: RequestFacts, notes: Notes): Identity {
  const metadata = asObject(body['metadata']) ?? {}
  tellUnknown(metadata, metadataMembers, 'metadata', notes)
  const endUser = asText(metadata['user_id'])
  return { endUser, session: facts.headers.get('x-claude-code-session-id') ?? sessionIn(endUser) }
}

const metadataMembers = membersOf('user_id')

/** Claude Code tells its session in the id of the user, as JSON or, in older versions, in a name made of parts. */
function sessionIn(userId: string | undefined): string | undefined {
  if (userId === undefined) return undefined
  return (/"session_id"\s*:\s*"([\w-]{1,128})"/.exec(userId) ?? /_session_([\w-]{1,128})$/.exec(userId))?.[1]
}

function parallelToolCallsOf(choice: unknown): boolean | undefined {
  const isDisabled = asObject(choice)?.['disable_parallel_tool_use']
  return typeof isDisabled === 'boolean' ? !isDisabled : undefined
}

/** What only Anthropic understands. Its own codec writes it again; for everybody else it is lost. */
function readRest(body: JsonObject, facts: RequestFacts, notes: Notes): JsonObject {
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (carried.has(name) || value === null || value === undefined) continue
    if (name === 'context_management') notes.drop('dropped:context_management', name)
    else if (name === 'mcp_servers') notes.drop('dropped:hosted_tool', name)
    else if (!restKept.has(name)) notes.drop('dropped:unknown_field', name)
    Object.defineProperty(rest, name, { value, enumerable: true })
  }
  const config = asObject(body['output_config'])
  if (config !== undefined) {
    const { effort: _effort, format: _format, ...others } = config
    if (Object.keys(others).length > 0) {
      rest['output_config'] = others
      for (const name of Object.keys(others)) notes.drop('dropped:unknown_field', `output_config.${name}`)
    }
  }
  if (asText(asObject(body['thinking'])?.['type']) === 'between_tools') rest['thinking'] = body['thinking']
  const beta = facts.headers.get('anthropic-beta')
  if (beta !== null && beta !== '') {
    rest[betaHeader] = beta
    notes.drop('dropped:unknown_field', betaHeader)
  }
  return rest
}

/** Fields that the common form holds. */
const carried: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'system',
  'messages',
  'tools',
  'tool_choice',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'max_tokens',
  'thinking',
  'output_config',
  'output_format',
  'cache_control',
  'metadata',
  'service_tier',
])

/** Held elsewhere too, or without any meaning for another provider. */
const restKept: ReadonlySet<string> = new Set(['speed', 'diagnostics', 'anthropic_version', 'anthropic_beta'])
