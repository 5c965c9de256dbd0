import type { Profile } from '#core/profile.ts'
import type { Opaque } from '#translate/common.ts'

/** What a model signed that was asked in Anthropic's form. */
export function signatureOpaque(signature: string, profile: Profile): Opaque {
  return { form: 'messages', family: profile.family, kind: 'signature', payload: signature }
}

export function redactedOpaque(data: string, profile: Profile): Opaque {
  return { form: 'messages', family: profile.family, kind: 'redacted', payload: data }
}
