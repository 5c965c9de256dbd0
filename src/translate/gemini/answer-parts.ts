import { parseJson } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Choice, MediaPart, NativePart, Opaque, Part, ToolCallPart } from '#translate/common.ts'
import { argsObjectOfAnswer, argsOfCustom } from '#translate/tool-args.ts'
import { told } from './fields.ts'
import type { Sourced } from './grounding.ts'
import { signatureOf, withWords } from './signature.ts'

/** The parts of an answer for a client, and the sources of its texts. */
interface AnswerParts {
  readonly parts: readonly JsonObject[]
  readonly texts: readonly Sourced[]
}

/**
 * `showsThoughts`: the client asked for them. Signatures of thoughts go with the next call, which is where a client brings
 * them back for sure; without one, with the last text behind them.
 */
export function answerParts(choice: Choice, showsThoughts: boolean): AnswerParts {
  const parts: JsonObject[] = []
  const texts: Sourced[] = []
  let pending: Opaque[] = []
  for (const part of choice.parts) {
    if (part.kind === 'reasoning') {
      if (part.opaque !== undefined) pending.push(withWords(part.opaque, part.text))
      if (showsThoughts && part.text !== '') parts.push({ text: part.text, thought: true })
    } else if (part.kind === 'tool_call') {
      if (part.isVoid === true || isCut(part, choice)) continue
      parts.push(callOf(part, own(pending, part.opaque)))
      pending = []
    } else {
      const written = plainPart(part)
      if (written === undefined) continue
      if (part.kind === 'text' && part.annotations !== undefined)
        texts.push({ partIndex: parts.length, text: part.text, annotations: part.annotations })
      parts.push(written)
    }
  }
  return { parts: withRest(parts, pending), texts }
}

/** A call that the limit of tokens cut: nobody may carry out half of it. */
export function isCut(
  { args, isCustom }: Pick<ToolCallPart, 'args' | 'isCustom'>,
  { finish }: Pick<Choice, 'finish'>,
): boolean {
  return finish.reason === 'length' && !isCustom && 'raw' in args && !isWhole(args.raw)
}

/** Arguments that are whole; none at all are whole, too. */
export function isWhole(args: string): boolean {
  return args.trim() === '' || parseJson(args) !== undefined
}

export function mediaOf(part: MediaPart): JsonObject | undefined {
  const { source, mime } = part
  if ('base64' in source) return { inlineData: { mimeType: mime, data: source.base64 } }
  if ('text' in source) return { text: source.text }
  const fileUri = 'url' in source ? source.url : source.file.id
  return { fileData: told({ mimeType: mime === '' ? undefined : mime, fileUri }) }
}

function callOf(part: ToolCallPart, opaques: readonly Opaque[]): JsonObject {
  const args = argsObjectOfAnswer(part.isCustom ? argsOfCustom(part.args) : part.args)
  const functionCall = told({ id: part.id === '' ? undefined : part.id, name: part.name, args })
  return told({ functionCall, thoughtSignature: signatureOf(opaques) })
}

function plainPart(part: Exclude<Part, { kind: 'reasoning' | 'tool_call' }>): JsonObject | undefined {
  switch (part.kind) {
    case 'text':
      return told({ text: part.text, thoughtSignature: part.opaque && signatureOf([part.opaque]) })
    case 'refusal':
      return { text: part.text }
    case 'media':
      return mediaOf(part)
    case 'native':
      return nativeOf(part)
    case 'tool_result':
      return undefined
  }
}

/** What only another API's clients understand has no place here. */
export function nativeOf(part: NativePart): JsonObject | undefined {
  return part.form === 'gemini' ? part.value : undefined
}

function own(pending: readonly Opaque[], opaque: Opaque | undefined): readonly Opaque[] {
  return opaque === undefined ? pending : [...pending, opaque]
}

function withRest(parts: JsonObject[], pending: readonly Opaque[]): JsonObject[] {
  const thoughtSignature = signatureOf(pending)
  if (thoughtSignature === undefined) return parts
  const last = parts.at(-1)
  const isPlainText = last?.['text'] !== undefined && last['thought'] === undefined
  if (!isPlainText || last['thoughtSignature'] !== undefined) return [...parts, { text: '', thoughtSignature }]
  return [...parts.slice(0, -1), { ...last, thoughtSignature }]
}
