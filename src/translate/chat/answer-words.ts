import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext, IdSource } from '#translate/codec.ts'
import type { Opaque, ReasoningPart } from '#translate/common.ts'
import { sealed } from '#translate/opaque.ts'

/** The id of an answer: the backend's own where it is of this form already, else a new one. */
export function answerId(given: string | undefined, prefix: string, ids: IdSource): string {
  return given?.startsWith(prefix) === true && given.length > prefix.length ? given : `${prefix}${ids.base62(29)}`
}

/** Does the client speak of functions instead of tools? */
export function isOlderClient({ body }: AnswerContext): boolean {
  return Array.isArray(body['functions']) && !Array.isArray(body['tools'])
}

/** Names of the fields that show thoughts to this client. */
export function thoughtFields({ request, policy }: AnswerContext): readonly string[] {
  if (request.reasoning?.visibility === 'none') return []
  switch (policy.chatReasoning) {
    case 'off':
      return []
    case 'both':
      return ['reasoning_content', 'reasoning']
    case 'reasoning_content':
    case 'reasoning':
      return [policy.chatReasoning]
  }
}

/** A signature as it stands at a call: Gemini's as Google's own compatible API has it, others in an envelope. */
export function signatureAtCall(opaque: Opaque): JsonObject {
  const signature = opaque.form === 'gemini' && opaque.family === 'gemini' ? opaque.payload : sealed(opaque)
  return { google: { thought_signature: signature } }
}

/**
 * What seals the thoughts of a turn, to be told once more at its first call, for clients that keep nothing else. Undefined
 * where more than one thing seals them, which could not be told apart when it comes back.
 */
export class Seal {
  #opaque: Opaque | undefined
  #count = 0

  take(part: ReasoningPart): void {
    if (part.text !== '' || part.opaque !== undefined) this.#count += 1
    if (part.opaque !== undefined && part.opaque.kind !== 'text') this.#opaque = part.opaque
  }

  /** For the first call only. */
  give(): Opaque | undefined {
    const opaque = this.#count === 1 ? this.#opaque : undefined
    this.#opaque = undefined
    return opaque
  }
}

const tiers: ReadonlyMap<string, string> = new Map([
  ...['auto', 'default', 'flex', 'scale', 'priority', 'fast'].map((tier) => [tier, tier] as const),
  ['standard', 'default'],
])

/** `service_tier` in OpenAI's words. */
export function tierWord(tier: string | undefined): string | undefined {
  return tier === undefined ? undefined : tiers.get(tier.toLowerCase())
}
