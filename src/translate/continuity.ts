import type { Profile } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'
import type { Recall } from './codec.ts'
import type { Message, Opaque, Part, ReasoningPart, ToolCallPart } from './common.ts'

/**
 * Does it want its earlier thoughts back though nobody signed them, or can it read them at least? Who signs them takes no
 * others.
 */
export function takesPlainThoughts(form: Form, { family, reasoning }: Pick<Profile, 'family' | 'reasoning'>): boolean {
  if (reasoning.history === 'drop' || signers.get(form)?.has(family) === true) return false
  // Of others that answer in these forms, most would refuse them.
  return form !== 'gemini' && (form !== 'messages' || reasoning.history === 'require')
}

const signers: ReadonlyMap<Form, ReadonlySet<string>> = new Map([
  ['messages', new Set(['claude'])],
  ['converse', new Set(['claude'])],
  ['responses', new Set(['gpt'])],
])

/**
 * Signatures and encrypted thoughts that a client did not bring back, at the places where they were (formats §6.3), and for
 * who takes them, `takesPlain`, thoughts that nobody signed. Turns that have some of their own stay as they are.
 */
export function withContinuity(
  messages: readonly Message[],
  recall: Recall | undefined,
  takesPlain: boolean,
): readonly Message[] {
  if (recall === undefined) return messages
  const all = messages.map((message) => (message.role === 'assistant' ? mended(message, recall, takesPlain) : message))
  return all.some((message, index) => message !== messages[index]) ? all : messages
}

function mended(message: Message, recall: Recall, takesPlain: boolean): Message {
  const { parts } = message
  if (!parts.some((part) => part.kind === 'tool_call') || parts.some(isOpaque)) return message
  // What a client shows of such thoughts is all that there is to know of them.
  const wantsPlain = takesPlain && !parts.some((part) => part.kind === 'reasoning' && part.text !== '')
  const found = new Map<ToolCallPart, readonly Part[]>()
  for (const part of parts) {
    const kept = part.kind === 'tool_call' && part.id !== '' ? recall.partsBefore(part.id) : undefined
    const before = wantsPlain ? kept : kept?.filter((thought) => !isPlain(thought))
    if (part.kind === 'tool_call' && before !== undefined && before.length > 0) found.set(part, before)
  }
  return found.size === 0 ? message : { ...message, parts: reinserted(parts, found) }
}

/** Thoughts come first in what led to a call: in front of the text that announces it. */
function reinserted(parts: readonly Part[], found: ReadonlyMap<ToolCallPart, readonly Part[]>): readonly Part[] {
  const mendedParts: Part[] = []
  let segment: Part[] = []
  for (const part of parts) {
    const before = part.kind === 'tool_call' ? found.get(part) : undefined
    if (part.kind !== 'tool_call') {
      segment.push(part)
      continue
    }
    const thoughts = (before ?? []).filter((thought) => !isOfCall(thought, part.id))
    // What was signed holds the same thoughts.
    if (thoughts.length > 0) segment = segment.filter((other) => other.kind !== 'reasoning')
    const signature = (before ?? []).find((thought) => isOfCall(thought, part.id))
    mendedParts.push(
      ...thoughts,
      ...segment,
      signature?.opaque === undefined ? part : { ...part, opaque: { ...signature.opaque, id: undefined } },
    )
    segment = []
  }
  return [...mendedParts, ...segment]
}

/**
 * What stood before each call of a turn and cannot be read, and the signature of the call itself, by the ids of the calls;
 * with `keepsPlain` also thoughts that nobody signed.
 */
export function thoughtsBeforeCalls(parts: readonly Part[], keepsPlain: boolean): ReadonlyMap<string, readonly Part[]> {
  const byCall = new Map<string, readonly Part[]>()
  let before: Part[] = []
  let plainLength = 0
  for (const part of parts) {
    if (part.kind === 'reasoning' && isPlain(part)) {
      plainLength += part.text.length
      if (keepsPlain && part.text !== '' && plainLength <= plainLengthMax) before.push(part)
    } else if (part.kind === 'reasoning' && part.opaque !== undefined) before.push(part)
    if (part.kind !== 'tool_call') continue
    if (part.opaque !== undefined) before.push(signatureOf(part.id, part.opaque))
    if (before.length > 0 && part.id !== '') byCall.set(part.id, before)
    before = []
  }
  return byCall
}

/** Limit: characters of thoughts of one turn that nobody signed; what goes beyond is not worth driving out others'. */
const plainLengthMax = 256 * 1024

/** A thought of which there is nothing but its text. */
function isPlain(part: Part): boolean {
  if (part.kind !== 'reasoning') return false
  return part.opaque === undefined || (part.opaque.kind === 'text' && part.opaque.payload === '')
}

function signatureOf(callId: string, opaque: Opaque): ReasoningPart {
  return { kind: 'reasoning', text: '', style: 'raw', isRedacted: false, opaque: { ...opaque, id: callId } }
}

function isOfCall(part: Part, callId: string): part is ReasoningPart {
  return part.kind === 'reasoning' && part.text === '' && part.opaque?.kind === 'signature' && part.opaque.id === callId
}

function isOpaque(part: Part): boolean {
  return (part.kind === 'reasoning' || part.kind === 'tool_call' || part.kind === 'text') && part.opaque !== undefined
}
