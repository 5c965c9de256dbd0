import { asList, asText, type JsonObject } from '#kit/json-value.ts'
import type { Opaque, Part, ReasoningPart, TextPart, ToolCallPart } from '#translate/common.ts'
import { ReasoningDetails } from './reasoning-details.ts'

/** The thoughts of a message: as details where those hold the text or what seals it, else as the plain text. */
export function readThoughts(message: JsonObject, family: string): ReasoningPart[] {
  const plain = plainThoughts(message)
  const details = new ReasoningDetails()
  let hasText = false
  for (const entry of asList(message['reasoning_details'])) {
    if (details.add(entry) !== '') hasText = true
  }
  const parts = details.parts(family)
  if (plain === '' || hasText) return parts
  // What seals a text, without the text itself, stands beside it.
  const at = parts.findIndex(({ opaque, isRedacted }) => !isRedacted && opaque?.form !== 'gemini')
  const sealing = parts[at]
  if (sealing === undefined) return [{ kind: 'reasoning', text: plain, style: 'raw', isRedacted: false }, ...parts]
  return parts.with(at, { ...sealing, text: plain })
}

/** `reasoning_content`, or `reasoning` as others call it. Some write both, the same text. */
export function plainThoughts(message: JsonObject): string {
  const content = asText(message['reasoning_content']) ?? ''
  return content === '' ? (asText(message['reasoning']) ?? '') : content
}

/**
 * The parts of an assistant's message in order, every signature where it was: those of other providers at the thought that
 * they seal, Gemini's at the text or the call.
 */
export function withSignatures(
  thoughts: readonly ReasoningPart[],
  said: readonly Part[],
  calls: readonly ToolCallPart[],
): Part[] {
  const reasoning = [...thoughts]
  const kept = calls.map((call) => {
    const { opaque, ...plain } = call
    if (opaque === undefined || opaque.form === 'gemini') return call
    bringBack(reasoning, opaque)
    return plain
  })
  const ofText = reasoning.findIndex(({ text, opaque }) => text === '' && opaque?.form === 'gemini')
  const textAt = said.findIndex((part) => part.kind === 'text')
  const opaque = reasoning[ofText]?.opaque
  const text = said[textAt]
  if (opaque === undefined || text?.kind !== 'text') return [...reasoning, ...said, ...kept]
  const signed: TextPart = { ...text, opaque }
  return [...reasoning.toSpliced(ofText, 1), ...said.with(textAt, signed), ...kept]
}

/** A call says what seals the thoughts before it, for clients that keep nothing else: it is theirs again. */
function bringBack(reasoning: ReasoningPart[], opaque: Opaque): void {
  if (reasoning.some((part) => part.opaque?.payload === opaque.payload)) return
  const at = reasoning.findLastIndex((part) => part.opaque === undefined)
  const bare = reasoning[at]
  const style = opaque.kind === 'encrypted' ? 'summary' : 'raw'
  const itemId = opaque.kind === 'encrypted' && opaque.id !== undefined ? { itemId: opaque.id } : {}
  if (bare !== undefined && opaque.kind !== 'redacted') reasoning[at] = { ...bare, style, opaque, ...itemId }
  else {
    const isRedacted = opaque.kind === 'redacted'
    reasoning.push({ kind: 'reasoning', text: '', style, isRedacted, opaque, ...itemId })
  }
}
