import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { callId } from '#translate/chat/call-id.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { Annotation, CommonError, CommonResponse, Part, TextPart, ToolCallPart } from '#translate/common.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'
import type { Notes } from '#translate/notes.ts'
import { tellUnread } from '#translate/unread.ts'
import {
  annotationsOf,
  bodyMembers,
  errorOfFinish,
  finishOf,
  isNothing,
  isOfText,
  logprobOf,
  messageMembers,
  ownThought,
  planPayload,
  usageOf,
} from './answer-parts.ts'

/** A whole answer: the plan, what was thought and said, the calls. */
export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  const message = asObject(body['message'])
  if (message === undefined) return errorIn(body)
  const native = asText(body['finish_reason']) ?? ''
  const finish = native === '' ? { reason: 'stop' as const } : finishOf(native)
  const error = errorOfFinish(finish, body['error'])
  if (error !== undefined) return error
  tellUnread(body, bodyMembers, '', facts.notes)
  tellUnread(message, messageMembers, 'message.', facts.notes)
  const parts = partsOf(body, message, facts)
  if (parts.length === 0 && native === '') return errorIn({})
  return {
    id: asText(body['id']),
    model: facts.model,
    createdAt: facts.nowSeconds,
    choices: [{ index: 0, parts, finish }],
    usage: usageOf(body['usage']),
    tier: undefined,
    fingerprint: undefined,
  }
}

function errorIn(body: JsonObject): CommonError {
  return errorWithin(wordsOf(body) ?? { message: 'the backend answered without a message' }, 502)
}

function partsOf(body: JsonObject, message: JsonObject, facts: AnswerFacts): Part[] {
  const { family } = facts.profile
  const parts: Part[] = []
  const plan = asText(message['tool_plan']) ?? ''
  if (plan !== '') parts.push(thought(plan, family, planPayload))
  const citations = citationsOf(message, facts.notes)
  const cited = new Set<number>()
  const content = message['content']
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : asList(content)
  for (const [at, value] of blocks.entries()) {
    const block = asObject(value) ?? {}
    const thinking = asText(block['thinking']) ?? ''
    const text = asText(block['text']) ?? ''
    if (thinking !== '') parts.push(thought(thinking, family, ''))
    if (text === '') continue
    cited.add(at)
    parts.push(withCitations({ kind: 'text', text }, citations.get(at) ?? []))
  }
  if ([...citations.keys()].some((at) => !cited.has(at))) facts.notes?.lose('dropped:citations')
  return [...withLogprobs(parts, body['logprobs'], facts.notes), ...callsOf(message, facts)]
}

function thought(text: string, family: string, payload: '' | typeof planPayload): Part {
  return { kind: 'reasoning', text, style: 'raw', isRedacted: false, opaque: ownThought(family, payload) }
}

/** By the block that they belong to. */
function citationsOf(message: JsonObject, notes: Notes | undefined): ReadonlyMap<number, readonly Annotation[]> {
  const texts = asList(message['content']).findIndex((block) => asText(asObject(block)?.['text']) !== undefined)
  const byBlock = new Map<number, Annotation[]>()
  for (const value of asList(message['citations'])) {
    const citation = asObject(value)
    if (citation === undefined) continue
    if (!isOfText(citation)) {
      notes?.lose('dropped:citations', 'message.citations')
      continue
    }
    const at = asNumber(citation['content_index']) ?? Math.max(texts, 0)
    const known = byBlock.get(at) ?? []
    byBlock.set(at, known)
    for (const annotation of annotationsOf(citation)) known.push(annotation)
  }
  return byBlock
}

function withCitations(part: TextPart, annotations: readonly Annotation[]): TextPart {
  return annotations.length === 0 ? part : { ...part, annotations }
}

/** They are told beside the parts; the first text has them. */
function withLogprobs(parts: readonly Part[], value: unknown, notes: Notes | undefined): readonly Part[] {
  const logprobs = asList(value).flatMap((chunk) => logprobOf(chunk) ?? [])
  const at = parts.findIndex((part) => part.kind === 'text')
  const part = parts[at]
  if (part === undefined && logprobs.length > 0) notes?.lose('dropped:logprobs')
  return part?.kind === 'text' && logprobs.length > 0 ? parts.with(at, { ...part, logprobs }) : parts
}

function callsOf(message: JsonObject, { ids }: AnswerFacts): ToolCallPart[] {
  const taken = new Set<string>()
  return asList(message['tool_calls']).flatMap((value): ToolCallPart[] => {
    const call = asObject(value)
    const told = asObject(call?.['function'])
    if (call === undefined || told === undefined) return []
    const args = asText(told['arguments']) ?? ''
    return [
      {
        kind: 'tool_call',
        id: callId(asText(call['id']) ?? '', taken, ids),
        name: asText(told['name']) ?? '',
        args: { raw: isNothing(args) ? '{}' : args },
        isCustom: false,
        tool: 'function',
      },
    ]
  })
}
