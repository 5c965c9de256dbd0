import type { Recall } from './codec.ts'
import type { Message, Opaque, Part, ReasoningPart, ToolCallPart } from './common.ts'

/**
 * Signatures and encrypted thoughts that a client did not bring back, at the places where they were (formats §6.3). Turns
 * that have some of their own stay as they are.
 */
export function withContinuity(messages: readonly Message[], recall: Recall | undefined): readonly Message[] {
  if (recall === undefined) return messages
  const all = messages.map((message) => (message.role === 'assistant' ? mended(message, recall) : message))
  return all.some((message, index) => message !== messages[index]) ? all : messages
}

function mended(message: Message, recall: Recall): Message {
  const { parts } = message
  if (!parts.some((part) => part.kind === 'tool_call') || parts.some(isOpaque)) return message
  const found = new Map<ToolCallPart, readonly Part[]>()
  for (const part of parts) {
    const before = part.kind === 'tool_call' && part.id !== '' ? recall.partsBefore(part.id) : undefined
    if (part.kind === 'tool_call' && before !== undefined) found.set(part, before)
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

/** What stood before each call of a turn and cannot be read, and the signature of the call itself, by the ids of the calls. */
export function opaqueBeforeCalls(parts: readonly Part[]): ReadonlyMap<string, readonly Part[]> {
  const byCall = new Map<string, readonly Part[]>()
  let before: Part[] = []
  for (const part of parts) {
    if (part.kind === 'reasoning' && part.opaque !== undefined) before.push(part)
    if (part.kind !== 'tool_call') continue
    if (part.opaque !== undefined) before.push(signatureOf(part.id, part.opaque))
    if (before.length > 0 && part.id !== '') byCall.set(part.id, before)
    before = []
  }
  return byCall
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
