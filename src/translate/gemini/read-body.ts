import { asList, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { Choice, CommonError, CommonResponse, Finish, Part } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { tellUnreadOfBody, tellUnreadOfCandidate, tellUnreadOfPart } from './answer-members.ts'
import { blockOf, callIdOf, createdAtOf, finishOf, indexOf, nativeOf, opaqueOf, withoutAnswer } from './answer-words.ts'
import { objectsOf } from './fields.ts'
import { annotationsOf } from './grounding.ts'
import { logprobsOf } from './logprobs.ts'
import { readErrorWithin } from './read-error.ts'
import { fileMedia, inlineMedia } from './read-media.ts'
import { tierOf, usageOf } from './usage.ts'

export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  const error = readErrorWithin(body)
  if (error !== undefined) return error
  tellUnreadOfBody(body, facts.notes)
  const candidates = objectsOf(body['candidates'])
  const blocked = candidates.length === 0 ? blockOf(body) : undefined
  if (candidates.length === 0 && blocked === undefined) return withoutAnswer('the answer has no candidates')
  const choices = blocked === undefined ? choicesOf(candidates, facts) : [{ index: 0, parts: [], finish: blocked }]
  if (choices === undefined) return withoutAnswer('the answer holds nothing and says no reason')
  const metadata = asObject(body['usageMetadata'])
  return {
    id: asText(body['responseId']),
    model: asText(body['modelVersion']) ?? facts.model,
    createdAt: createdAtOf(body, facts),
    choices,
    usage: usageOf(metadata),
    tier: tierOf(metadata),
    fingerprint: undefined,
  }
}

/** Undefined where one neither says anything nor why. */
function choicesOf(candidates: readonly JsonObject[], facts: AnswerFacts): Choice[] | undefined {
  const choices: Choice[] = []
  for (const [place, candidate] of candidates.entries()) {
    const parts = partsOf(candidate, facts)
    const said: Finish | undefined = parts.length === 0 ? undefined : { reason: 'stop' }
    const finish = finishOf(candidate) ?? said
    if (finish === undefined) return undefined
    choices.push({ index: indexOf(candidate, place), parts, finish })
  }
  return choices
}

function partsOf(candidate: JsonObject, facts: AnswerFacts): readonly Part[] {
  const parts: Part[] = []
  tellUnreadOfCandidate(candidate, facts.notes)
  for (const each of asList(asObject(candidate['content'])?.['parts'])) {
    const raw = asObject(each)
    if (raw === undefined) continue
    tellUnreadOfPart(raw, facts.notes)
    addPart(parts, raw, facts)
  }
  return withFindings(parts, candidate, facts.notes)
}

/** Texts that follow each other are one, as they are in a stream, until one is signed. */
function addPart(parts: Part[], raw: JsonObject, facts: AnswerFacts): void {
  const opaque = opaqueOf(raw['thoughtSignature'])
  const text = asText(raw['text'])
  if (text === undefined) {
    const part = otherPart(raw, facts)
    if (part !== undefined) parts.push(part.kind === 'tool_call' && opaque !== undefined ? { ...part, opaque } : part)
    return
  }
  const kind = raw['thought'] === true ? 'reasoning' : 'text'
  const last = parts.at(-1)
  if (last?.kind === kind && last.opaque === undefined && (last.kind === 'text' || last.kind === 'reasoning')) {
    parts[parts.length - 1] = { ...last, text: last.text + text, ...(opaque && { opaque }) }
  } else if (text !== '' || opaque !== undefined) {
    const isText = kind === 'text' && text !== ''
    const part: Part = isText ? { kind, text } : { kind: 'reasoning', text, style: 'summary', isRedacted: false }
    parts.push(opaque === undefined ? part : { ...part, opaque })
  }
}

function otherPart(raw: JsonObject, facts: AnswerFacts): Part | undefined {
  const call = asObject(raw['functionCall'])
  if (call !== undefined) {
    const args = { value: asObject(call['args']) ?? {} }
    const name = asText(call['name']) ?? ''
    return { kind: 'tool_call', id: callIdOf(call, facts), name, args, isCustom: false, tool: 'function' }
  }
  const blob = asObject(raw['inlineData'])
  if (blob !== undefined) return inlineMedia(blob)
  const file = asObject(raw['fileData'])
  return file === undefined ? nativeOf(raw) : fileMedia(file)
}

/** Sources and probabilities are told beside the parts, of the first text. */
function withFindings(parts: readonly Part[], candidate: JsonObject, notes: Notes | undefined): readonly Part[] {
  const logprobs = logprobsOf(candidate['logprobsResult'])
  const at = parts.findIndex((part) => part.kind === 'text')
  const part = parts[at]
  if (part?.kind !== 'text') {
    if (annotationsOf(candidate, '').length > 0) notes?.lose('dropped:citations')
    if (logprobs !== undefined) notes?.lose('dropped:logprobs')
    return parts
  }
  const annotations = annotationsOf(candidate, part.text)
  const found = { ...(logprobs && { logprobs }), ...(annotations.length > 0 && { annotations }) }
  return [...parts.slice(0, at), { ...part, ...found }, ...parts.slice(at + 1)]
}
