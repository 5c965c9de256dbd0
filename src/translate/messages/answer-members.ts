import type { JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'
import { answerMembers, tellUnread } from '#translate/unread.ts'

const messageMembers = answerMembers(
  'id type role content model stop_reason stop_sequence stop_details usage request_id error',
  { context_management: 'dropped:context_management' },
)

const deltaMembers = answerMembers('stop_reason stop_sequence stop_details')

const blockMembers: ReadonlyMap<unknown, ReturnType<typeof answerMembers>> = new Map([
  ['text', answerMembers('type text citations')],
  ['thinking', answerMembers('type thinking signature')],
  ['redacted_thinking', answerMembers('type data')],
  ['tool_use', answerMembers('type id name input caller')],
])

const changeMembers = answerMembers('type delta usage', { context_management: 'dropped:context_management' })

/** What no codec reads of a message. */
export function tellUnreadOfMessage(message: JsonObject, notes: Notes | undefined): void {
  tellUnread(message, messageMembers, '', notes)
}

/** Of a block; those of types that are not known are told as a whole. */
export function tellUnreadOfBlock(block: JsonObject, notes: Notes | undefined): void {
  const members = blockMembers.get(block['type'])
  if (members !== undefined) tellUnread(block, members, 'content.', notes)
}

/** Of the event that tells the end. */
export function tellUnreadOfChange(event: JsonObject, delta: JsonObject, notes: Notes | undefined): void {
  tellUnread(event, changeMembers, 'message_delta.', notes)
  tellUnread(delta, deltaMembers, 'message_delta.delta.', notes)
}
