import type { AnswerContext } from '#translate/codec.ts'
import type { MediaPart, Opaque } from '#translate/common.ts'
import { sealed } from '#translate/opaque.ts'

/** One that Anthropic gave stays; those of others mean nothing to its clients. */
export function messageIdFor(id: string | undefined, context: AnswerContext): string {
  return id !== undefined && /^msg_[A-Za-z0-9_-]+$/.test(id) ? id : `msg_${context.ids.base62(24)}`
}

export function callIdFor(id: string, context: AnswerContext): string {
  return /^[a-zA-Z0-9_-]+$/.test(id) ? id : `toolu_${context.ids.base62(24)}`
}

/**
 * Of a block of thoughts: Anthropic's own as it is, that of others in an envelope. There is always one, because nobody could
 * tell later what a missing one stood for. `hidden`: thoughts that the client is not shown and their model wants back.
 */
export function signatureOf(opaque: Opaque | undefined, hidden: string): string {
  if (opaque === undefined) return sealed({ form: 'chat', family: '', kind: 'text', payload: hidden })
  return opaque.form === 'messages' ? opaque.payload : sealed(opaque)
}

/** Of a call or a text, by whose id it comes back to its place. */
export function signatureOfAnother(opaque: Opaque, id: string): string {
  return sealed({ ...opaque, id })
}

/** There is nothing to read in it, so that it is a block of `data`. */
export function isUnreadable(isRedacted: boolean, text: string, opaque: Opaque): boolean {
  if (text !== '') return false
  return isRedacted || opaque.kind === 'redacted' || opaque.kind === 'encrypted'
}

/** What a client that knows only texts is told of a picture or a sound. */
export function mediaNote(part: MediaPart): string {
  if (part.transcript !== undefined && part.transcript !== '') return part.transcript
  return `(The answer holds ${part.medium === 'image' ? 'an image' : part.medium === 'audio' ? 'audio' : `a ${part.medium}`} that cannot be shown here.)`
}
