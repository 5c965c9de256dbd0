import type { Message, Part, TextPart } from './common.ts'
import { HistoryTurns } from './history-turns.ts'
import type { Notes } from './notes.ts'

/**
 * The messages with every result where targets want it (formats §5.6): behind an assistant's message with calls stands one
 * user message that begins with their results, in the order of the calls. Ids that come twice are told apart; results without
 * an id are bound by name and order. `repairs`: orphans are dropped, missing results are made up; else both are rejected.
 */
export function inOrder(messages: readonly Message[], repairs: boolean, notes: Notes): readonly Message[] {
  if (!messages.some(hasTools)) return messages
  const turns = new HistoryTurns(repairs, notes)
  for (const message of messages) turns.add(message)
  return turns.inOrder()
}

function hasTools(message: Message): boolean {
  return message.parts.some((part) => part.kind === 'tool_call' || part.kind === 'tool_result')
}

/** Neighbours of one role become one message, for targets that want them to alternate; nothing between parts is lost. */
export function alternating(messages: readonly Message[]): readonly Message[] {
  const merged: Message[] = []
  let parts: Part[] = []
  for (const message of messages) {
    const last = merged.at(-1)
    if (last === undefined || last.role !== message.role) {
      parts = [...message.parts]
      merged.push({ ...message, parts })
    } else {
      // Into the list of the message that was merged last, so that many neighbours are not copied again and again.
      for (const part of message.parts) parts.push(part)
    }
  }
  return merged
}

/** System messages in front, and the others; those among the others as the policy wants them where the target takes none there. */
export function splitSystem(
  messages: readonly Message[],
  takesInline: boolean,
  inline: 'user_tagged' | 'hoist',
  notes: Notes,
): { readonly system: readonly Message[]; readonly talk: readonly Message[] } {
  const system: Message[] = []
  const hoisted: Message[] = []
  const talk: Message[] = []
  for (const message of messages) {
    if (!isSystem(message) || (talk.length > 0 && message.placement === 'inline' && takesInline)) {
      talk.push(message)
    } else if (message.placement === 'top' || talk.length === 0) {
      system.push(message)
    } else {
      notes.adapt('adapted:system_position')
      if (inline === 'hoist') hoisted.push(message)
      else talk.push(asReminder(message))
    }
  }
  return { system: [...system.filter(isTop), ...system.filter((message) => !isTop(message)), ...hoisted], talk }
}

function isSystem(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer'
}

function isTop(message: Message): boolean {
  return message.placement === 'top'
}

/** In the words of the user, marked so that the model knows whose they are. Each part for itself: hints stay where they are. */
function asReminder(message: Message): Message {
  const parts = message.parts.map((part) => (part.kind === 'text' && part.text !== '' ? reminded(part) : part))
  return { role: 'user', parts, placement: 'inline' }
}

function reminded(part: TextPart): TextPart {
  return { ...part, text: `<system-reminder>${part.text}</system-reminder>` }
}
