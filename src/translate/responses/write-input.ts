import type { JsonObject } from '#kit/json-value.ts'
import type { MediaPart, Message, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import { errorMark, withErrorMark } from '#translate/error-mark.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsObject } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import { argsOf } from './output-items.ts'
import { builtInItem, isBuiltIn } from './built-ins.ts'
import { placeOf } from './place.ts'
import type { ToolsPlan } from './write-tools.ts'
import { inputContent, type Writing } from './write-content.ts'

/** Messages → the items of an input. */
export function inputItems(messages: readonly Message[], tools: ToolsPlan, writing: Writing): readonly JsonObject[] {
  const items: JsonObject[] = []
  const customCalls = new Set<string>()
  for (const message of messages) {
    if (message.name !== undefined) writing.notes.drop('dropped:message_name')
    const more =
      message.role === 'assistant'
        ? assistantItems(message, tools, customCalls, writing)
        : otherItems(message, customCalls, writing)
    for (const item of more) items.push(item)
  }
  return items
}

/** System messages that stand among the others, in front of them, or in the words of the user where nothing else is taken. */
export function systemItem(message: Message, writing: Writing): JsonObject | undefined {
  const content = inputContent(message.parts, writing)
  return content.length === 0 ? undefined : { type: 'message', role: writing.target.profile.systemRole, content }
}

function otherItems(message: Message, customCalls: ReadonlySet<string>, writing: Writing): readonly JsonObject[] {
  if (message.role !== 'user') {
    const item = systemItem(message, writing)
    return item === undefined ? [] : [item]
  }
  const results = message.parts.filter((part) => part.kind === 'tool_result')
  const moved: JsonObject[] = []
  const items: JsonObject[] = results.map((part) => resultItem(part, customCalls, moved, writing))
  const content = [...moved, ...inputContent(message.parts, writing)]
  if (content.length > 0) items.push({ type: 'message', role: 'user', content })
  return items
}

/** Thoughts without anything that they led to are refused. */
function assistantItems(
  message: Message,
  tools: ToolsPlan,
  customCalls: Set<string>,
  writing: Writing,
): readonly JsonObject[] {
  const items: JsonObject[] = []
  let thoughts: JsonObject[] = []
  let texts: JsonObject[] = []
  const push = (item: JsonObject): void => {
    for (const thought of thoughts) items.push(thought)
    items.push(item)
    thoughts = []
  }
  const closeMessage = (): void => {
    if (texts.length > 0) push(messageItem(texts, items.length === 0 ? message : undefined))
    texts = []
  }
  for (const part of message.parts) {
    if (part.kind === 'text' || part.kind === 'refusal') {
      const content = outputContent(part, writing)
      if (content !== undefined) texts.push(content)
      continue
    }
    closeMessage()
    if (part.kind === 'reasoning') thoughts.push(...reasoningItems(part, writing))
    else if (part.kind === 'tool_call') {
      if (part.isCustom) customCalls.add(part.id)
      push(callItem(part, tools, writing))
    } else if (part.kind === 'native') {
      if (part.form === 'responses') push(part.value)
      else writing.notes.drop('dropped:server_tool_blocks', placeOf(part, writing.request))
    } else if (part.kind === 'media') {
      // What a model made is shown to it as if by the user, since its own messages hold text only.
      const content = inputContent([part], writing)
      if (content.length > 0) push({ type: 'message', role: 'user', content })
    }
  }
  closeMessage()
  return items
}

function messageItem(content: readonly JsonObject[], head: Message | undefined): JsonObject {
  const phase = head?.phase === undefined ? {} : { phase: head.phase }
  return { type: 'message', role: 'assistant', ...phase, content }
}

function outputContent(
  part: Part & { readonly kind: 'text' | 'refusal' },
  { request, notes }: Writing,
): JsonObject | undefined {
  if (part.kind === 'refusal') return { type: 'refusal', refusal: part.text }
  if (part.cache !== undefined) notes.drop('dropped:cache_hint', placeOf(part, request))
  if (part.opaque !== undefined) notes.drop('dropped:foreign_reasoning', placeOf(part, request))
  if ((part.annotations ?? []).length > 0) notes.drop('dropped:citations', placeOf(part, request))
  return part.text === '' ? undefined : { type: 'output_text', text: part.text, annotations: [] }
}

/** Its own encrypted thoughts go back as they were; of others the text, where the model wants it. */
function reasoningItems(part: ReasoningPart, { request, target, notes }: Writing): readonly JsonObject[] {
  const { profile } = target
  const { opaque, text } = part
  if (opaque !== undefined && opaque.kind === 'encrypted' && isAtHome(opaque, 'responses', profile)) {
    const id = opaque.id ?? part.itemId
    const summary = text === '' ? [] : [{ type: 'summary_text', text }]
    return [{ type: 'reasoning', ...(id === undefined ? {} : { id }), summary, encrypted_content: opaque.payload }]
  }
  const isOwn = opaque === undefined || isAtHome(opaque, 'responses', profile)
  if (text !== '' && profile.family !== 'gpt' && profile.reasoning.history !== 'drop') {
    return [{ type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text }] }]
  }
  if (!isOwn || text !== '') notes.drop('dropped:foreign_reasoning', placeOf(part, request))
  return []
}

function callItem(part: ToolCallPart, tools: ToolsPlan, { request, target, notes }: Writing): JsonObject {
  const callId = toolIdFor(part.id, target.profile)
  if (part.cache !== undefined) notes.drop('dropped:cache_hint', placeOf(part, request))
  if (part.opaque !== undefined) notes.drop('dropped:foreign_reasoning', placeOf(part, request))
  if (tools.hasOwnBuiltIns && isBuiltIn(part.tool) && part.itemId !== undefined) {
    const args = argsObject(part.args, notes, placeOf(part, request))
    return builtInItem(part.tool, part.itemId, callId, args, 'completed')
  }
  const name = tools.names.sent(part.name, part.namespace)
  return part.isCustom
    ? { type: 'custom_tool_call', call_id: callId, name, input: argsOf(part.args, true) }
    : { type: 'function_call', call_id: callId, name, arguments: argsOf(part.args, false) }
}

function resultItem(
  part: ToolResultPart,
  customCalls: ReadonlySet<string>,
  moved: JsonObject[],
  writing: Writing,
): JsonObject {
  const isCustom = part.isCustom || customCalls.has(part.callId)
  if (part.cache !== undefined) writing.notes.drop('dropped:cache_hint', placeOf(part, writing.request))
  return {
    type: isCustom ? 'custom_tool_call_output' : 'function_call_output',
    call_id: toolIdFor(part.callId, writing.target.profile),
    output: outputOf(part, moved, writing),
  }
}

/** A text where it is one, else a list of parts. */
function outputOf(part: ToolResultPart, moved: JsonObject[], writing: Writing): string | readonly JsonObject[] {
  if (part.value !== undefined) return marked(part, textOfValue(part.value))
  const media = part.parts.filter((inner) => inner.kind === 'media' && !isText(inner))
  const isMoved = media.length > 0 && !writing.target.profile.takesMediaInResults
  const content = inputContent(isMoved ? part.parts.filter((inner) => !media.includes(inner)) : part.parts, writing)
  const texts = content.flatMap((entry) => (typeof entry['text'] === 'string' ? [entry['text']] : []))
  if (isMoved) {
    writing.notes.adapt('adapted:tool_media_moved', placeOf(part, writing.request))
    moved.push(...inputContent(media, writing))
    texts.push('See the attached files.')
    return marked(part, texts.join('\n'))
  }
  if (content.length === 0) return marked(part, '')
  if (content.length === 1 && texts.length === 1 && content[0]?.['prompt_cache_breakpoint'] === undefined) {
    return marked(part, texts[0] ?? '')
  }
  if (!part.isError) return content
  const [first, ...others] = content
  if (typeof first?.['text'] !== 'string') return [{ type: 'input_text', text: errorMark }, ...content]
  return [{ ...first, text: marked(part, first['text']) }, ...others]
}

function isText(part: MediaPart): boolean {
  return 'text' in part.source
}

/** An error is one because its text says so. */
function marked({ isError }: ToolResultPart, text: string): string {
  return isError ? withErrorMark(text) : text
}

function textOfValue(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
