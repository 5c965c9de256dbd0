import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type {
  Annotation,
  Choice,
  CommonError,
  CommonResponse,
  Finish,
  Opaque,
  Part,
  TextPart,
  ToolCallPart,
} from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { clipped, membersOf } from '#translate/unknown-members.ts'
import { tellUnread } from '#translate/unread.ts'
import { readAnnotation } from './annotations.ts'
import { bodyMembers, choiceMembers, messageMembers, sourcesBeside } from './answer-members.ts'
import { callId } from './call-id.ts'
import { readFinish } from './finish-words.ts'
import { readLogprobs } from './logprobs.ts'
import { readCall, readFunctionCall } from './read-calls.ts'
import { errorIn, errorWithoutAnswer } from './read-error.ts'
import { readAudio, readImages } from './read-media.ts'
import { thinkingText } from './read-parts.ts'
import { readThoughts, withSignatures } from './read-thoughts.ts'
import { readUsage } from './usage.ts'

/** A body of Chat, or of a server that only looks like it. */
export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  const error = errorIn(body)
  if (error !== undefined) return error
  tellUnread(body, bodyMembers, '', facts.notes)
  const beside = sourcesBeside(body)
  const choices = asList(body['choices']).map((value, at) => {
    return readChoice(asObject(value) ?? {}, at, at === 0 ? beside : [], facts)
  })
  const isUnfinished = choices.some(({ finish, parts }) => finish.native === undefined && parts.length === 0)
  if (choices.length === 0 || isUnfinished) return errorWithoutAnswer(body)
  return {
    id: asText(body['id']),
    model: asText(body['model']) ?? facts.model,
    createdAt: asNumber(body['created']),
    choices,
    usage: readUsage(body),
    tier: asText(body['service_tier']),
    fingerprint: asText(body['system_fingerprint']),
  }
}

function readChoice(choice: JsonObject, at: number, beside: readonly Annotation[], facts: AnswerFacts): Choice {
  tellUnread(choice, choiceMembers, 'choices.', facts.notes)
  const message = asObject(choice['message']) ?? { content: choice['text'] }
  const native = asText(choice['finish_reason'])
  const finish: Finish = native === undefined ? { reason: 'stop' } : readFinish(native, choice['stop_reason'])
  const index = asNumber(choice['index'])
  const isIndex = index !== undefined && Number.isInteger(index) && index >= 0
  return { index: isIndex ? index : at, parts: readMessage(message, choice, beside, facts), finish }
}

/** Thoughts, then what was said, then the calls: Chat tells no other order. */
function readMessage(
  message: JsonObject,
  choice: JsonObject,
  beside: readonly Annotation[],
  facts: AnswerFacts,
): Part[] {
  tellUnread(message, messageMembers, 'choices.message.', facts.notes)
  const { family } = facts.profile
  const content = readAnswerContent(message['content'], facts.notes)
  const thoughts = readThoughts(message, family).map((part) => withOwnText(part, family))
  for (const part of content) if (part.kind === 'reasoning') thoughts.push(withOwnText(part, family))
  const said = content.filter((part) => part.kind !== 'reasoning')
  const refusal = asText(message['refusal']) ?? ''
  if (refusal !== '') said.push({ kind: 'refusal', text: refusal })
  const told = asList(message['annotations']).flatMap((value) => readAnnotation(value, 0) ?? [])
  const urls = new Set(told.map(({ url }) => url))
  const annotations = [...told, ...beside.filter(({ url }) => !urls.has(url))]
  const media = [...readImages(message['images']), ...readAudio(message['audio'])]
  const calls = readAnswerCalls(message, facts)
  return withSignatures(thoughts, [...noted(said, annotations, choice, facts.notes), ...media], calls)
}

/** Thoughts that nothing seals go back to where they came from all the same. */
function withOwnText<Thought extends { readonly opaque?: Opaque | undefined }>(part: Thought, family: string): Thought {
  return part.opaque === undefined ? { ...part, opaque: ownText(family) } : part
}

export function ownText(family: string): Opaque {
  return { form: 'chat', family, kind: 'text', payload: '' }
}

/** A text, or Mistral's list of parts. */
function readAnswerContent(content: unknown, notes: Notes | undefined): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }]
  const parts: Part[] = []
  for (const value of asList(content)) {
    const part = asObject(value) ?? {}
    const text = asText(part['text']) ?? ''
    const thinking = part['type'] === 'thinking' ? thinkingText(part['thinking']) : ''
    if (thinking !== '') parts.push({ kind: 'reasoning', text: thinking, style: 'raw', isRedacted: false })
    if (part['type'] === 'text' && text !== '') parts.push({ kind: 'text', text })
    if (part['type'] === 'refusal') parts.push({ kind: 'refusal', text: asText(part['refusal']) ?? '' })
    if (part['type'] === 'image_url') parts.push(...readImages([part]))
    tellOfPart(part, notes)
  }
  return parts
}

/** Parts of a content that have no words, and those of types that nobody knows here. */
export function tellOfPart({ type }: JsonObject, notes: Notes | undefined): void {
  if (type === 'reference') notes?.lose('dropped:citations', 'choices.message.content')
  else if (typeof type === 'string' && !readTypes.has(type)) {
    notes?.lose('dropped:answer_field', `choices.message.content.${clipped(type)}`)
  }
}

const readTypes = membersOf('text thinking refusal image_url')

/** Citations and probabilities stand beside the text, which is one. */
function noted(
  said: readonly Part[],
  annotations: readonly Annotation[],
  choice: JsonObject,
  notes: Notes | undefined,
): readonly Part[] {
  const logprobs = readLogprobs(choice['logprobs'])
  const at = said.findIndex((part) => part.kind === 'text')
  const text = said[at]
  if (text?.kind !== 'text') {
    if (annotations.length > 0) notes?.lose('dropped:citations')
    if (logprobs !== undefined) notes?.lose('dropped:logprobs', 'choices.logprobs')
    return said
  }
  const more: Partial<TextPart> = {
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(logprobs === undefined ? {} : { logprobs }),
  }
  return said.with(at, { ...text, ...more })
}

function readAnswerCalls(message: JsonObject, { ids }: AnswerFacts): ToolCallPart[] {
  const taken = new Set<string>()
  const told = asList(message['tool_calls']).flatMap((value) => {
    const call = asObject(value)
    return call === undefined ? [] : [readCall(call)]
  })
  const calls = told.length > 0 ? told : readFunctionCall(message['function_call'], '').map((call) => withId(call, ''))
  return calls.map((call) => withId(call, callId(call.id, taken, ids)))
}

function withId(call: ToolCallPart, id: string): ToolCallPart {
  return { ...call, id }
}
