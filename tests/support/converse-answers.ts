import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonResponse } from '#translate/common.ts'
import { converseBackend } from '#translate/converse/backend.ts'
import { profileOf } from '#translate/profiles.ts'

/** What answers of Claude are read with. */
export const facts: AnswerFacts = {
  model: 'us.anthropic.claude-x',
  profile: profileOf('converse', 'bedrock', 'us.anthropic.claude-sonnet-4-5'),
  ids: { base62: (length) => 'x'.repeat(length), hex: (length) => 'a'.repeat(length) },
  nowSeconds: 1_790_000_000,
}

/** A body with this content. */
export function bodyOf(content: readonly object[], more: object = {}): CommonResponse {
  const read = converseBackend.readBody(
    { output: { message: { role: 'assistant', content } }, stopReason: 'end_turn', ...more },
    facts,
  )
  if (!('choices' in read)) throw new Error(`Cannot read the body: ${read.message}`)
  return read
}

/** A signature as it comes. */
export const opaque = { form: 'converse', family: 'claude', kind: 'signature', payload: 'SIG' } as const
