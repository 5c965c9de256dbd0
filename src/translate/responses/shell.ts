import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { CommonError, Finish, Usage } from '#translate/common.ts'
import { writeUsage } from './usage.ts'

/** How far an answer is. */
export interface State {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed'
  readonly error: JsonObject | null
  readonly incompleteDetails: JsonObject | null
  readonly usage: JsonObject | null
  readonly completedAt: number | null
}

export const inProgress: State = {
  status: 'in_progress',
  error: null,
  incompleteDetails: null,
  usage: null,
  completedAt: null,
}

export function finished(finish: Finish, usage: Usage, nowSeconds: number): State {
  const counted = writeUsage(usage)
  switch (finish.reason) {
    case 'length':
    case 'content_filter': {
      const reason = finish.reason === 'length' ? 'max_output_tokens' : 'content_filter'
      return { ...inProgress, status: 'incomplete', incompleteDetails: { reason }, usage: counted }
    }
    case 'error': {
      const message = finish.explanation ?? 'Cannot finish the answer: the model failed'
      return { ...inProgress, status: 'failed', error: { code: 'server_error', message }, usage: counted }
    }
    case 'stop':
    case 'tool_calls':
    case 'pause':
    case 'other':
      return { ...inProgress, status: 'completed', usage: counted, completedAt: nowSeconds }
  }
}

export function failed(error: CommonError): State {
  return { ...inProgress, status: 'failed', error: { code: failureCode(error), message: error.message } }
}

/** Clients' types know a few codes only. */
export function failureCode({ kind }: CommonError): 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt' {
  if (kind === 'rate_limit') return 'rate_limit_exceeded'
  return promptKinds.has(kind) ? 'invalid_prompt' : 'server_error'
}

const promptKinds: ReadonlySet<CommonError['kind']> = new Set(['invalid_request', 'context_overflow', 'content_policy'])

/** What stands around the output of an answer: its identity, and what it repeats of the request. */
export class Shell {
  readonly id: string
  readonly createdAt: number
  readonly #front: JsonObject
  readonly #back: JsonObject
  #frontText = ''
  #backText = ''

  constructor(context: AnswerContext, id: string | undefined, createdAt: number | undefined, tier?: string) {
    this.id = id?.startsWith('resp_') === true ? id : `resp_${context.ids.hex(48)}`
    this.createdAt = createdAt === undefined || createdAt <= 0 ? context.nowSeconds : Math.floor(createdAt)
    this.#front = frontOf(context)
    this.#back = backOf(context.body, tier)
  }

  object(state: State, output: readonly JsonObject[]): JsonObject {
    return {
      id: this.id,
      object: 'response',
      created_at: this.createdAt,
      status: state.status,
      error: state.error,
      incomplete_details: state.incompleteDetails,
      ...this.#front,
      output,
      ...this.#back,
      usage: state.usage,
      completed_at: this.#completedAt(state),
    }
  }

  /** The same as a text. `output`: its items as texts; what requests repeat is large, and written once. */
  text(state: State, output: readonly string[]): string {
    if (this.#frontText === '') {
      this.#frontText = JSON.stringify(this.#front).slice(1, -1)
      this.#backText = JSON.stringify(this.#back).slice(1, -1)
    }
    const identity = `{"id":${JSON.stringify(this.id)},"object":"response","created_at":${this.createdAt}`
    const fate = `"error":${JSON.stringify(state.error)},"incomplete_details":${JSON.stringify(state.incompleteDetails)}`
    const end = `"usage":${JSON.stringify(state.usage)},"completed_at":${this.#completedAt(state)}}`
    return `${identity},"status":"${state.status}",${fate},${this.#frontText},"output":[${output.join(',')}],${this.#backText},${end}`
  }

  #completedAt(state: State): number | null {
    return state.completedAt === null ? null : Math.max(state.completedAt, this.createdAt)
  }
}

function frontOf({ body, model }: AnswerContext): JsonObject {
  return { instructions: asText(body['instructions']) ?? null, metadata: asObject(body['metadata']) ?? {}, model }
}

function backOf(body: JsonObject, tier: string | undefined): JsonObject {
  const back: Record<string, unknown> = {
    parallel_tool_calls: body['parallel_tool_calls'] !== false,
    temperature: asNumber(body['temperature']) ?? null,
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: asList(body['tools']),
    top_p: asNumber(body['top_p']) ?? null,
    access_programs: null,
  }
  for (const name of repeated) if (body[name] !== undefined) back[name] = body[name]
  const served = tier === undefined ? undefined : tierNames.get(tier)
  if (served !== undefined) back['service_tier'] = served
  return back
}

/** Fields that are repeated where the client sent them. */
const repeated = [
  'background',
  'max_output_tokens',
  'max_tool_calls',
  'previous_response_id',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'store',
  'text',
  'top_logprobs',
  'truncation',
  'user',
] as const

/** How backends name the tier that served a request → how this API does. */
const tierNames: ReadonlyMap<string, string> = new Map([
  ['auto', 'auto'],
  ['default', 'default'],
  ['standard', 'default'],
  ['flex', 'flex'],
  ['scale', 'scale'],
  ['priority', 'priority'],
  ['fast', 'fast'],
])
