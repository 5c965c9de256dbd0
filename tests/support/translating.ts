import type { CompatPolicy } from '#core/compat.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext, AnswerFacts, IdSource, RequestFacts, Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import { profileOf } from '#translate/profiles.ts'
import type { Protocol } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'

/** Everything as the config has it by default. */
export const plainPolicy: CompatPolicy = {
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

/** Ids that count: `1`, `2`, filled up with zeros. */
export function countingIds(): IdSource {
  let count = 0
  const next = (length: number): string => String((count += 1)).padStart(length, '0')
  return { base62: next, hex: next }
}

export function requestFacts(facts: Partial<RequestFacts> = {}): RequestFacts {
  return { path: '/', query: '', headers: new Headers(), model: 'demo', stream: false, ...facts }
}

/** A request that says nothing but what it is given. */
export function commonRequest(request: Partial<CommonRequest> = {}): CommonRequest {
  return {
    form: 'chat',
    model: 'demo',
    stream: false,
    messages: [],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    sampling: {},
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
    ...request,
  }
}

export function targetOf(form: Form, protocol: Protocol, model: string, policy: Partial<CompatPolicy> = {}): Target {
  return {
    model,
    backend: 'b',
    profile: profileOf(form, protocol, model),
    policy: { ...plainPolicy, ...policy },
    inputEstimate: 10,
  }
}

export function answerFacts(form: Form, protocol: Protocol, model: string): AnswerFacts {
  return { model, profile: profileOf(form, protocol, model), ids: countingIds(), nowSeconds: 1_790_000_000 }
}

export function answerContext(request: Partial<CommonRequest> = {}, body: JsonObject = {}): AnswerContext {
  return {
    request: commonRequest(request),
    body,
    facts: requestFacts(),
    requestId: 'req-1',
    model: 'demo',
    ids: countingIds(),
    nowSeconds: 1_790_000_000,
    inputEstimate: 77,
    policy: plainPolicy,
  }
}
