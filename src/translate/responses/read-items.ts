import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { Message, Opaque, Part, ReasoningPart, Tool, ToolResultPart } from '#translate/common.ts'
import { errorMark } from '#translate/error-mark.ts'
import type { Notes } from '#translate/notes.ts'
import { unsealed } from '#translate/opaque.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { callerOf, readBuiltInCall, readBuiltInResult } from './built-ins.ts'
import { readContent } from './read-content.ts'
import { readTools } from './read-tools.ts'
import { Turns } from './turns.ts'

/** What is known of earlier answers. */
type Earlier = Pick<RequestFacts, 'recall' | 'rejectsMissingThoughts'>

/** What items are read with. */
interface Reading {
  readonly turns: Turns
  readonly tools: Tool[]
  readonly earlier: Earlier
  readonly notes: Notes
}

/** Items of an input → messages, and the tools that are declared among them. `field`: where they stand in the body. */
export function readItems(
  items: readonly unknown[],
  field: string,
  earlier: Earlier,
  notes: Notes,
): { readonly messages: readonly Message[]; readonly tools: readonly Tool[] } {
  const reading: Reading = { turns: new Turns(), tools: [], earlier, notes }
  for (const [index, value] of items.entries()) {
    const place = `${field}[${index}]`
    const item = asObject(value)
    if (item === undefined) notes.reject(place, 'an item must be an object')
    else readItem(item, place, reading)
  }
  return { messages: reading.turns.close(), tools: reading.tools }
}

function readItem(item: JsonObject, field: string, reading: Reading): void {
  const { turns, notes } = reading
  const type = typeOf(item)
  tellUnknown(item, membersByType.get(type) ?? membersOfAny(item), field, notes)
  switch (type) {
    case 'message':
      readMessage(item, field, reading)
      return
    case 'reasoning':
      turns.addOwn(readReasoning(item))
      return
    case 'function_call':
    case 'custom_tool_call':
      if (callerOf(item) !== undefined) notes.drop('dropped:server_tool_blocks', `${field}.caller`)
      turns.addOwn(readCall(item))
      return
    case 'function_call_output':
    case 'custom_tool_call_output':
      turns.addResult(readResult(item, field, notes))
      return
    case 'item_reference':
      readReference(item, field, reading)
      return
    case 'additional_tools':
      reading.tools.push(...readTools(item['tools'], `${field}.tools`, notes))
      return
    case 'compaction':
    case 'compaction_summary':
    case 'context_compaction':
      notes.reject(field, 'history that another provider compacted cannot be read', 'dropped:server_tool_blocks')
      return
    case 'compaction_trigger':
      notes.reject(field, 'history cannot be compacted', 'dropped:context_management')
      return
    case 'configuration_update':
      notes.drop('dropped:unknown_field', field)
      return
    default:
      readOther(item, field, reading)
  }
}

/** How far an item had come, and where it stands, is said by its being there. */
const membersByType: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['message', membersOf('type id status role content phase')],
  ['reasoning', membersOf('type id status summary content encrypted_content')],
  ['function_call', membersOf('type id status call_id name namespace arguments caller')],
  ['custom_tool_call', membersOf('type id status call_id name namespace input caller')],
  ['function_call_output', membersOf('type id status call_id name output')],
  ['custom_tool_call_output', membersOf('type id status call_id name output')],
])

/** Those of other types are read, or left out, as a whole. */
function membersOfAny(item: JsonObject): ReadonlySet<string> {
  return new Set(Object.keys(item))
}

/** Messages need not say that they are messages, nor references that they are references. */
function typeOf(item: JsonObject): string {
  const type = asText(item['type'])
  if (type !== undefined && type !== '') return type
  return item['role'] === undefined && item['id'] !== undefined ? 'item_reference' : 'message'
}

function readMessage(item: JsonObject, field: string, { turns, notes }: Reading): void {
  const parts = readContent(item['content'], `${field}.content`, notes)
  const head = { id: asText(item['id']), phase: asText(item['phase']) }
  if (head.phase !== undefined) notes.drop('dropped:unknown_field', `${field}.phase`)
  const role = item['role']
  switch (role) {
    case 'assistant':
      turns.addOwnMessage(parts, head)
      return
    case 'user':
    case 'system':
    case 'developer':
      turns.addOther({ role, parts, placement: 'inline', ...head })
      return
    default:
      notes.reject(`${field}.role`, 'the role must be "user", "assistant", "system" or "developer"')
  }
}

function readReasoning(item: JsonObject): ReasoningPart {
  const summary = textsIn(item['summary'])
  const raw = textsIn(item['content'])
  const itemId = asText(item['id'])
  const opaque = readEncrypted(asText(item['encrypted_content']), itemId)
  const style = summary.length === 0 && raw.length > 0 ? 'raw' : 'summary'
  const text = style === 'raw' ? raw.join('') : summary.join('\n\n')
  return {
    kind: 'reasoning',
    // Thoughts that were not shown went along with what seals them.
    text: text === '' ? (opaque?.text ?? '') : text,
    style,
    isRedacted: opaque?.kind === 'redacted',
    ...(opaque === undefined ? {} : { opaque }),
    ...(itemId === undefined ? {} : { itemId }),
  }
}

function textsIn(value: unknown): readonly string[] {
  return asList(value).flatMap((entry) => asText(asObject(entry)?.['text']) ?? asText(entry) ?? [])
}

/** What OpenAI encrypted can be read with the id of its item only. */
function readEncrypted(text: string | undefined, itemId: string | undefined): Opaque | undefined {
  if (text === undefined || text === '') return undefined
  const opaque = unsealed(text, 'responses', 'encrypted', 'gpt')
  if (opaque?.form !== 'responses' || opaque.id !== undefined || itemId === undefined) return opaque
  return { ...opaque, id: itemId }
}

function readCall(item: JsonObject): Part {
  const isCustom = item['type'] === 'custom_tool_call'
  const args = isCustom ? item['input'] : item['arguments']
  return {
    kind: 'tool_call',
    id: asText(item['call_id']) ?? asText(item['id']) ?? '',
    name: asText(item['name']) ?? '',
    namespace: asText(item['namespace']),
    args: typeof args === 'string' ? { raw: args } : { value: args ?? (isCustom ? '' : {}) },
    isCustom,
    tool: 'function',
    caller: callerOf(item),
    itemId: asText(item['id']),
  }
}

function readResult(item: JsonObject, field: string, notes: Notes): ToolResultPart {
  const output = item['output']
  const isStructured = typeof output !== 'string' && !Array.isArray(output)
  // Not what the API takes, but nothing is lost of it as a text.
  const content = isStructured && output !== undefined && output !== null ? JSON.stringify(output) : output
  const result = withoutErrorMark(readContent(content, `${field}.output`, notes))
  return {
    kind: 'tool_result',
    callId: asText(item['call_id']) ?? asText(item['id']) ?? '',
    name: asText(item['name']),
    ...result,
    isCustom: item['type'] === 'custom_tool_call_output',
  }
}

/** This API has no flag for results that are errors: their text begins so. */
function withoutErrorMark(parts: readonly Part[]): Pick<ToolResultPart, 'parts' | 'isError'> {
  const [first, ...others] = parts
  if (first?.kind !== 'text' || !first.text.startsWith(errorMark)) {
    return { parts, isError: false }
  }
  return { parts: [{ ...first, text: first.text.slice(errorMark.length) }, ...others], isError: true }
}

/** Of thoughts the answer that follows them tells enough, unless the operator says otherwise; nothing else may be missing. */
function readReference(item: JsonObject, field: string, reading: Reading): void {
  const id = asText(item['id']) ?? ''
  const { recall, rejectsMissingThoughts } = reading.earlier
  const found = recall?.item(id)
  if (found !== undefined && typeOf(found) !== 'item_reference') readItem(found, field, reading)
  else if (id.startsWith('rs_') && rejectsMissingThoughts !== true) reading.notes.drop('dropped:item_reference', field)
  else reading.notes.reject(field, `Item with id '${id.slice(0, idLengthMax)}' not found.`)
}

/** Limit: characters of an unknown id that are repeated. */
export const idLengthMax = 100

function readOther(item: JsonObject, field: string, { turns, notes }: Reading): void {
  const call = readBuiltInCall(item)
  if (call !== undefined) {
    turns.addOwn(call)
    return
  }
  const result = readBuiltInResult(item, field, notes)
  if (result !== undefined) {
    turns.addResult(result)
    return
  }
  const type = typeOf(item)
  const native: Part = { kind: 'native', form: 'responses', type, value: item }
  if (type === 'mcp_approval_response') turns.addOther({ role: 'user', parts: [native], placement: 'inline' })
  else turns.addOwn(native)
}
