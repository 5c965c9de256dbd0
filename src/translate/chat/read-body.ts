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
import { readAnnotation } from './annotations.ts'
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
  const choices = asList(body['choices']).map((value, at) => readChoice(asObject(value) ?? {}, at, facts))
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

function readChoice(choice: JsonObject, at: number, facts: AnswerFacts): Choice {
  const message = asObject(choice['message']) ?? { content: choice['text'] }
  const native = asText(choice['finish_reason'])
  const finish: Finish = native === undefined ? { reason: 'stop' } : readFinish(native, choice['stop_reason'])
  const index = asNumber(choice['index'])
  const isIndex = index !== undefined && Number.isInteger(index) && index >= 0
  return { index: isIndex ? index : at, parts: readMessage(message, choice, facts), finish }
}

/** Thoughts, then what was said, then the calls: Chat tells no other order. */
function readMessage(message: JsonObject, choice: JsonObject, facts: AnswerFacts): Part[] {
  const { family } = facts.profile
  const content = readAnswerContent(message['content'])
  const thoughts = readThoughts(message, family).map((part) => withOwnText(part, family))
  for (const part of content) if (part.kind === 'reasoning') thoughts.push(withOwnText(part, family))
  const said = content.filter((part) => part.kind !== 'reasoning')
  const refusal = asText(message['refusal']) ?? ''
  if (refusal !== '') said.push({ kind: 'refusal', text: refusal })
  const annotations = asList(message['annotations']).flatMap((value) => readAnnotation(value, 0) ?? [])
  const media = [...readImages(message['images']), ...readAudio(message['audio'])]
  const calls = readAnswerCalls(message, facts)
  return withSignatures(thoughts, [...noted(said, annotations, choice), ...media], calls)
}

/** Thoughts that nothing seals go back to where they came from all the same. */
function withOwnText<Thought extends { readonly opaque?: Opaque | undefined }>(part: Thought, family: string): Thought {
  return part.opaque === undefined ? { ...part, opaque: ownText(family) } : part
}

export function ownText(family: string): Opaque {
  return { form: 'chat', family, kind: 'text', payload: '' }
}

/** A text, or Mistral's list of parts. */
function readAnswerContent(content: unknown): Part[] {
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
  }
  return parts
}

/** Citations and probabilities stand beside the text, which is one. */
function noted(said: readonly Part[], annotations: readonly Annotation[], choice: JsonObject): readonly Part[] {
  const logprobs = readLogprobs(choice['logprobs'])
  const at = said.findIndex((part) => part.kind === 'text')
  const text = said[at]
  if (text?.kind !== 'text') return said
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
