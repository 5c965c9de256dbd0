import type { Form } from '#core/talk.ts'
import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { Annotation, MediaPart, NativePart, Opaque, Part } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { answerMembers, tellUnread, type AnswerMembers } from '#translate/unread.ts'
import { mimeOfFormat } from './media-formats.ts'

/** Blocks of a whole answer → parts. */
export function partsFrom(content: unknown, facts: AnswerFacts): Part[] {
  return asList(content).flatMap((block) => {
    const object = asObject(block)
    return object === undefined ? [] : partsOf(object, facts)
  })
}

function partsOf(block: JsonObject, facts: AnswerFacts): readonly Part[] {
  const text = asText(block['text'])
  if (text !== undefined) return text === '' ? [] : [{ kind: 'text', text }]
  const reasoning = asObject(block['reasoningContent'])
  if (reasoning !== undefined) return reasoningFrom(reasoning, facts)
  const call = asObject(block['toolUse'])
  if (call !== undefined) return [callFrom(call, block, facts)]
  const cited = asObject(block['citationsContent'])
  if (cited !== undefined) return citedFrom(cited, facts)
  const media = mediaFrom(block)
  if (media !== undefined) return [media]
  const type = Object.keys(block)[0]
  return type === undefined ? [] : [nativeOf(type, block)]
}

function reasoningFrom(reasoning: JsonObject, facts: AnswerFacts): readonly Part[] {
  const redacted = asText(reasoning['redactedContent'])
  if (redacted !== undefined) {
    const opaque = opaqueOf('redacted', redacted, facts)
    return [{ kind: 'reasoning', text: '', style: 'summary', isRedacted: true, opaque }]
  }
  const said = asObject(reasoning['reasoningText'])
  const text = asText(said?.['text']) ?? ''
  const signature = asText(said?.['signature']) ?? ''
  const opaque = signature === '' ? undefined : opaqueOf('signature', signature, facts)
  if (text === '' && opaque === undefined) return []
  return [{ kind: 'reasoning', text, style: 'summary', isRedacted: false, opaque }]
}

/** What a provider's own tool was asked is nothing that a client could carry out. */
function callFrom(call: JsonObject, block: JsonObject, facts: AnswerFacts): Part {
  if (isServers(call)) return nativeOf('toolUse', block)
  return {
    kind: 'tool_call',
    id: callId(call, facts),
    name: asText(call['name']) ?? '',
    args: { value: call['input'] ?? {} },
    isCustom: false,
    tool: 'function',
  }
}

export function isServers(call: JsonObject): boolean {
  return call['type'] === 'server_tool_use'
}

export function callId(call: JsonObject, { ids }: AnswerFacts): string {
  const id = asText(call['toolUseId']) ?? ''
  return id === '' ? `call_${ids.base62(24)}` : id
}

function citedFrom(cited: JsonObject, { notes }: AnswerFacts): readonly Part[] {
  const text = asList(cited['content'])
    .map((piece) => asText(asObject(piece)?.['text']) ?? '')
    .join('')
  if (text === '') {
    if (asList(cited['citations']).length > 0) notes?.lose('dropped:citations')
    return []
  }
  const annotations = asList(cited['citations']).flatMap((citation) => annotationFrom(citation) ?? [])
  return [{ kind: 'text', text, annotations }]
}

export function annotationFrom(value: unknown): Annotation | undefined {
  const citation = asObject(value)
  if (citation === undefined) return undefined
  const url = asText(asObject(asObject(citation['location'])?.['web'])?.['url'])
  const citedText = asList(citation['sourceContent'])
    .map((piece) => asText(asObject(piece)?.['text']) ?? '')
    .join('')
  return {
    kind: url === undefined ? 'other' : 'url',
    url,
    title: asText(citation['title']),
    ...(citedText !== '' && { citedText }),
    native: citation,
  }
}

/** An image or a sound that a model made. */
export function mediaFrom(block: JsonObject): MediaPart | undefined {
  for (const medium of ['image', 'audio', 'video'] as const) {
    const media = asObject(block[medium])
    const base64 = asText(asObject(media?.['source'])?.['bytes'])
    if (base64 === undefined) continue
    return { kind: 'media', medium, mime: mimeOfFormat(medium, asText(media?.['format']) ?? ''), source: { base64 } }
  }
  return undefined
}

export function nativeOf(type: string, value: JsonObject): NativePart {
  return { kind: 'native', form: ownForm, type, value }
}

export function opaqueOf(kind: Opaque['kind'], payload: string, { profile }: AnswerFacts): Opaque {
  return { form: ownForm, family: profile.family, kind, payload }
}

const ownForm: Form = 'converse'

/** Which block of the answer an event of its stream is about. */
export function blockIndex(event: JsonObject): number {
  return asNumber(event['contentBlockIndex']) ?? 0
}

/** How long it took is no part of an answer. */
export const bodyMembers = answerMembers(
  'output stopReason usage metrics serviceTier performanceConfig additionalModelResponseFields $metadata',
  { trace: 'dropped:safety_ratings' },
)

/** Events by their names; what stands in others is nothing of the answer. */
export const eventMembers: ReadonlyMap<string, AnswerMembers> = new Map([
  ['messageStop', answerMembers('stopReason additionalModelResponseFields p')],
  ['metadata', answerMembers('usage metrics serviceTier performanceConfig p', { trace: 'dropped:safety_ratings' })],
  ['contentBlockDelta', answerMembers('contentBlockIndex delta p')],
])

export const deltaMembers = answerMembers('text reasoningContent toolUse citation image')

/** Only the sequence that stopped it is asked for. */
export function tellUnreadFields(fields: unknown, notes: Notes | undefined): void {
  const object = asObject(fields)
  if (object !== undefined) tellUnread(object, fieldMembers, 'additionalModelResponseFields.', notes)
}

const fieldMembers = answerMembers('stop_sequence delta')
