import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { MediaPart, Opaque, Part, ReasoningPart, TextPart, ToolCallPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { mimeOf } from '#translate/media.ts'
import { tellUnreadOfItem } from './answer-members.ts'
import { readAnnotations, readLogprobs } from './annotations.ts'
import { callerOf } from './built-ins.ts'

/** An item of an answer → its parts. `family`: of the model, whose thoughts nobody else can read. */
export function partsOfItem(item: JsonObject, family: string, notes?: Notes): readonly Part[] {
  tellUnreadOfItem(item, notes)
  switch (item['type']) {
    case 'message':
      return asList(item['content']).flatMap((content) => contentPart(content, notes))
    case 'reasoning':
      return reasoningParts(item, family, notes)
    case 'function_call':
    case 'custom_tool_call':
      return callerOf(item) === undefined ? callParts(item) : [nativePart(item)]
    case 'image_generation_call': {
      const image = imageOf(item)
      return image === undefined ? [nativePart(item)] : [image]
    }
    default:
      return [nativePart(item)]
  }
}

function contentPart(value: unknown, notes: Notes | undefined): readonly Part[] {
  const content = asObject(value)
  const refusal = asText(content?.['refusal'])
  if (content?.['type'] === 'refusal')
    return refusal === undefined || refusal === '' ? [] : [{ kind: 'refusal', text: refusal }]
  const text = asText(content?.['text'])
  if (content === undefined || text === undefined) return []
  const annotations = readAnnotations(content['annotations'])
  if (text === '') {
    if (annotations !== undefined) notes?.lose('dropped:citations')
    return []
  }
  const logprobs = readLogprobs(content['logprobs'])
  const part: TextPart = {
    kind: 'text',
    text,
    ...(annotations === undefined ? {} : { annotations }),
    ...(logprobs === undefined ? {} : { logprobs }),
  }
  return [part]
}

/** Summaries are told in paragraphs; servers of open models tell the thoughts themselves. */
function reasoningParts(item: JsonObject, family: string, notes: Notes | undefined): readonly ReasoningPart[] {
  const summary = textsOf(item['summary']).join(betweenSummaries)
  const raw = textsOf(item['content']).join('')
  // Both are told in one place, and the summary is for people.
  if (summary !== '' && raw !== '') notes?.lose('dropped:answer_field', 'output.content')
  const opaque = encryptedOf(item, family)
  const style = summary === '' && raw !== '' ? 'raw' : 'summary'
  const text = style === 'raw' ? raw : summary
  if (text === '' && opaque === undefined) return []
  const itemId = asText(item['id'])
  return [
    {
      kind: 'reasoning',
      text,
      style,
      isRedacted: false,
      ...(opaque === undefined ? {} : { opaque }),
      ...(itemId === undefined ? {} : { itemId }),
    },
  ]
}

export const betweenSummaries = '\n\n'

function textsOf(value: unknown): readonly string[] {
  return asList(value).flatMap((entry) => asText(asObject(entry)?.['text']) ?? [])
}

export function encryptedOf(item: JsonObject, family: string): Opaque | undefined {
  const payload = asText(item['encrypted_content'])
  if (payload === undefined || payload === '') return undefined
  return { form: 'responses', family, kind: 'encrypted', id: asText(item['id']), payload }
}

function callParts(item: JsonObject): readonly ToolCallPart[] {
  const isCustom = item['type'] === 'custom_tool_call'
  const args = asText(item[isCustom ? 'input' : 'arguments'])
  const call: ToolCallPart = {
    kind: 'tool_call',
    id: asText(item['call_id']) ?? asText(item['id']) ?? '',
    name: asText(item['name']) ?? '',
    namespace: asText(item['namespace']),
    args: args === undefined ? { value: item['arguments'] ?? {} } : { raw: args },
    isCustom,
    tool: 'function',
    itemId: asText(item['id']),
  }
  return (isCustom ? undefined : expandedCall(call.name, call.id, args ?? '')) ?? [call]
}

export function isParallel(name: string): boolean {
  return name === 'parallel' || name === 'multi_tool_use.parallel'
}

/** Models were seen to call a tool that is nobody's in place of several at once; undefined where it is an ordinary call. */
export function expandedCall(name: string, id: string, args: string): readonly ToolCallPart[] | undefined {
  if (!isParallel(name)) return undefined
  const uses = asList(asObject(parseJson(args))?.['tool_uses'])
  const calls = uses.flatMap((value, index): readonly ToolCallPart[] => {
    const use = asObject(value)
    const recipient = asText(use?.['recipient_name'])
    if (recipient === undefined) return []
    const called = recipient.startsWith('functions.') ? recipient.slice('functions.'.length) : recipient
    const input = { value: use?.['parameters'] ?? {} }
    return [{ kind: 'tool_call', id: `${id}_${index}`, name: called, args: input, isCustom: false, tool: 'function' }]
  })
  return calls.length === 0 ? undefined : calls
}

/** Undefined where there is no image in it. */
export function imageOf(item: JsonObject): MediaPart | undefined {
  const base64 = asText(item['result'])
  if (base64 === undefined || base64 === '') return undefined
  const format = asText(item['output_format'])
  return {
    kind: 'media',
    medium: 'image',
    mime: mimeOf(base64, format === undefined ? '' : `image/${format}`),
    source: { base64 },
  }
}

export function nativePart(item: JsonObject): Part & { readonly kind: 'native' } {
  return { kind: 'native', form: 'responses', type: asText(item['type']) ?? '', value: item }
}
