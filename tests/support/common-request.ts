import type { CompatPolicy } from '#core/compat.ts'
import type { Protocol } from '#core/dialect.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Message, Part } from '#translate/common.ts'
import { profileOf } from '#translate/profiles.ts'

/** A request of a Chat client that says "hi", with overrides. */
export function commonRequest(overrides: Partial<CommonRequest> = {}): CommonRequest {
  return {
    form: 'chat',
    model: 'alias',
    stream: false,
    messages: [said('user', 'hi')],
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
    ...overrides,
  }
}

export function said(role: Message['role'], ...parts: (Part | string)[]): Message {
  return {
    role,
    placement: 'inline',
    parts: parts.map((part) => (typeof part === 'string' ? { kind: 'text', text: part } : part)),
  }
}

/** What a config says where it says nothing. */
export const plainPolicy: CompatPolicy = {
  mode: 'warn',
  prefersNative: true,
  inlineSystem: 'user_tagged',
  repairsHistory: true,
  autoCache: true,
  forwardsIdentity: false,
  chatReasoning: 'reasoning_content',
  hostedTools: 'drop',
  fetchesMedia: true,
  fansOutAnswers: false,
}

/** A model that is asked in `form`. */
export function targetFor(
  form: Form,
  protocol: Protocol,
  model: string,
  own: ProfileOverrides = {},
  policy: Partial<CompatPolicy> = {},
): Target {
  return {
    model,
    backend: 'b',
    profile: profileOf(form, protocol, model, own),
    policy: { ...plainPolicy, ...policy },
    inputEstimate: 100,
  }
}
