import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Message, Part, ReasoningPart, Tool } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { textSignatureId } from './block-member.ts'
import { type BlockFacts, readBlocks } from './read-blocks.ts'
import { toolOfCall } from './read-tools.ts'

/** `system`: one message whose parts are its blocks, because their borders carry cache breakpoints. */
export function readSystem(system: unknown, notes: Notes): readonly Message[] {
  const parts = readBlocks(system, 'system', { tools: new Map(), nameOfCall: new Map() }, notes)
  return parts.length === 0 ? [] : [{ role: 'system', parts, placement: 'top' }]
}

export function readMessages(messages: unknown, tools: readonly Tool[], notes: Notes): readonly Message[] {
  if (!Array.isArray(messages)) {
    notes.reject('messages', 'a list of messages is wanted')
    return []
  }
  const facts: BlockFacts = { tools: toolOfCall(tools), nameOfCall: new Map() }
  const read: Message[] = []
  messages.forEach((value: unknown, index) => {
    const message = readMessage(asObject(value), `messages[${index}]`, facts, notes)
    if (message !== undefined) read.push(message)
  })
  return read
}

function readMessage(
  message: JsonObject | undefined,
  field: string,
  facts: BlockFacts,
  notes: Notes,
): Message | undefined {
  const role = asText(message?.['role'])
  if (message === undefined || (role !== 'user' && role !== 'assistant' && role !== 'system')) {
    notes.reject(`${field}.role`, 'the role must be "user", "assistant" or "system"')
    return undefined
  }
  tellUnknown(message, messageMembers, field, notes)
  const parts = readBlocks(message['content'], `${field}.content`, facts, notes)
  return {
    role,
    parts: role === 'assistant' ? withSignaturesAtHome(parts) : parts,
    placement: 'inline',
    rest: restOf(message),
  }
}

const messageMembers = membersOf('role content')

/** `clear_at` and `output_config` of a system message. */
function restOf(message: JsonObject): JsonObject | undefined {
  const { role: _role, content: _content, ...rest } = message
  return Object.keys(rest).length === 0 ? undefined : rest
}

/**
 * A signature that a provider puts on a call or a text came to the client in an empty thought of its own, since Anthropic's
 * form has no other place for it. It goes back to where it was.
 */
function withSignaturesAtHome(parts: readonly Part[]): readonly Part[] {
  if (!parts.some(isSignatureOfAnother)) return parts
  const home: Part[] = parts.filter((part) => !isSignatureOfAnother(part))
  const calls = placesOfCalls(home)
  let behind = 0
  for (const part of parts) {
    if (isSignatureOfAnother(part)) putHome(part, home, calls, behind)
    else behind += 1
  }
  return home
}

function isSignatureOfAnother(part: Part): part is ReasoningPart {
  if (part.kind !== 'reasoning' || part.text !== '' || part.opaque?.kind !== 'signature') return false
  return part.opaque.form !== 'messages' && part.opaque.form !== 'converse'
}

/** `behind`: how many parts of `home` stood in front of it. */
function putHome(part: ReasoningPart, home: Part[], calls: ReadonlyMap<string, number>, behind: number): void {
  const { opaque } = part
  const named = opaque?.id === undefined ? undefined : calls.get(opaque.id)
  const at = opaque === undefined ? -1 : (named ?? placeNear(opaque.id, home, behind))
  const owner = home[at]
  if (owner?.kind === 'tool_call') home[at] = { ...owner, opaque }
  else if (owner?.kind === 'text' && opaque !== undefined) home[at] = { ...owner, opaque: { ...opaque, id: undefined } }
}

/** By id, the first of each. */
function placesOfCalls(parts: readonly Part[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [at, part] of parts.entries()) {
    if (part.kind === 'tool_call' && !places.has(part.id)) places.set(part.id, at)
  }
  return places
}

/** Limit: parts, in front and behind, among which the one is looked for that a signature belongs to. */
const nearMax = 64

function placeNear(id: string | undefined, home: readonly Part[], behind: number): number {
  const isFree = (part: Part): boolean =>
    (part.kind === 'text' || (part.kind === 'tool_call' && id !== textSignatureId)) && part.opaque === undefined
  const from = Math.max(0, behind - nearMax)
  const next = home.slice(behind, behind + nearMax).findIndex(isFree)
  if (next !== -1 && (id !== textSignatureId || next === 0)) return behind + next
  const last = home.slice(from, behind).findLastIndex(isFree)
  return last === -1 ? -1 : from + last
}
