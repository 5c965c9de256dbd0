import type { CompatPolicy } from '#core/compat.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext, AnswerFacts, BackendRequest, IdSource, RequestFacts, Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import { messagesBackend } from '#translate/messages/backend.ts'
import { messagesClient } from '#translate/messages/client.ts'
import { Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'

export const compatPolicy: CompatPolicy = {
  mode: 'warn',
  inlineSystem: 'user_tagged',
  repairsHistory: true,
  autoCache: true,
  forwardsIdentity: false,
  chatReasoning: 'reasoning_content',
  hostedTools: 'drop',
  prefersNative: true,
  fetchesMedia: true,
  fansOutAnswers: false,
}

/** Always the same: a row of one character. */
export const fixedIds: IdSource = {
  base62: (length) => 'A'.repeat(length),
  hex: (length) => '0'.repeat(length),
}

/** Older Claude: budget, prefill, sampling, a schema by a tool. */
export const oldClaude = 'claude-sonnet-4-0'
/** By budget, with schemas. */
export const claude45 = 'claude-sonnet-4-5'
/** Adaptive, without sampling. */
export const newClaude = 'claude-opus-4-8'

export function claudeTarget(
  model: string,
  own: ProfileOverrides = {},
  policy: Partial<CompatPolicy> = {},
  inputEstimate = 100,
): Target {
  return {
    model,
    backend: 'claude',
    profile: profileOf('messages', 'anthropic', model, own),
    policy: { ...compatPolicy, ...policy },
    inputEstimate,
  }
}

/** A request as a codec of another form would have read it. */
export function commonRequest(own: Partial<CommonRequest>): CommonRequest {
  return {
    form: 'chat',
    model: 'alias',
    stream: true,
    messages: [{ role: 'user', parts: [{ kind: 'text', text: 'q' }], placement: 'inline' }],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    sampling: { maxOutputTokens: 1000 },
    reasoning: undefined,
    output: {},
    cache: undefined,
    identity: {},
    tier: undefined,
    store: undefined,
    previousResponseId: undefined,
    include: [],
    includeUsage: false,
    rest: {},
    ...own,
  }
}

export interface Written {
  readonly request: BackendRequest
  readonly body: JsonObject
  readonly notes: Notes
}

export function writtenFor(target: Target, own: Partial<CommonRequest>, notes = new Notes()): Written {
  const request = messagesBackend.writeRequest(commonRequest(own), target, notes)
  // As it goes over the wire.
  return { request, body: JSON.parse(JSON.stringify(request.body)) as JsonObject, notes }
}

export function requestFacts(headers: Readonly<Record<string, string>> = {}): RequestFacts {
  return {
    path: '/v1/messages',
    query: '',
    headers: { get: (name) => headers[name] ?? null },
    model: 'alias',
    stream: true,
  }
}

export function readByClient(
  body: JsonObject,
  headers: Readonly<Record<string, string>> = {},
  notes = new Notes(),
): { readonly request: CommonRequest; readonly notes: Notes } {
  return { request: messagesClient.readRequest(body, requestFacts(headers), notes), notes }
}

export function answerContext(
  own: Partial<CommonRequest> = {},
  headers: Readonly<Record<string, string>> = {},
): AnswerContext {
  return {
    request: commonRequest({ form: 'messages', ...own }),
    body: {},
    facts: requestFacts(headers),
    requestId: 'req_1',
    model: 'alias',
    ids: fixedIds,
    nowSeconds: 1_790_000_000,
    inputEstimate: 120,
    policy: compatPolicy,
  }
}

export function answerFacts(model: string): AnswerFacts {
  return { model, profile: profileOf('messages', 'anthropic', model), ids: fixedIds, nowSeconds: 1_790_000_000 }
}
