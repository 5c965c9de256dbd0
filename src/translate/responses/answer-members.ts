import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'
import { answerMembers, tellUnread } from '#translate/unread.ts'

/** Much of it repeats the request. */
const responseMembers = answerMembers(
  'id object created_at completed_at status error incomplete_details model output output_text usage service_tier type ' +
    'instructions metadata tools tool_choice temperature top_p top_logprobs parallel_tool_calls reasoning text truncation ' +
    'user store previous_response_id max_output_tokens max_tool_calls background safety_identifier prompt_cache_key ' +
    'prompt_cache_retention prompt_cache_options presence_penalty frequency_penalty include billing access_programs',
  { moderation: 'dropped:safety_ratings', context_management: 'dropped:context_management' },
)

const itemMembers: ReadonlyMap<unknown, ReturnType<typeof answerMembers>> = new Map([
  ['message', answerMembers('id type status role content')],
  ['reasoning', answerMembers('id type status summary content encrypted_content')],
  ['function_call', answerMembers('id type status call_id name namespace arguments caller')],
  ['custom_tool_call', answerMembers('id type status call_id name namespace input caller')],
])

const contentMembers = answerMembers('type text annotations logprobs refusal')

export function tellUnreadOfResponse(response: JsonObject, notes: Notes | undefined): void {
  tellUnread(response, responseMembers, '', notes)
}

/** Items of other types are told as a whole, or noted as one. */
export function tellUnreadOfItem(item: JsonObject, notes: Notes | undefined): void {
  const members = itemMembers.get(item['type'])
  if (members === undefined || notes === undefined) return
  tellUnread(item, members, 'output.', notes)
  if (item['type'] !== 'message') return
  for (const value of asList(item['content'])) tellUnreadOfContent(asObject(value) ?? {}, notes)
}

function tellUnreadOfContent(content: JsonObject, notes: Notes): void {
  const { type } = content
  if (type === 'output_text' || type === 'refusal' || type === undefined) {
    tellUnread(content, contentMembers, 'output.content.', notes)
  } else if (content['text'] === undefined) notes.lose('dropped:answer_field', 'output.content')
}
