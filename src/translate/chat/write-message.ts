import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Choice, MediaPart, Opaque, ReasoningPart, TextPart, ToolCallPart } from '#translate/common.ts'
import { dataUrl } from '#translate/media.ts'
import { sealed } from '#translate/opaque.ts'
import { argsText } from '#translate/tool-args.ts'
import { codePoints, writeAnnotation } from './annotations.ts'
import { isOlderClient, Seal, signatureAtCall, thoughtFields } from './answer-words.ts'
import { writeDetails } from './reasoning-details.ts'

/** What a choice says, as `message` of a body. */
export function writeMessage(choice: Choice, created: number, context: AnswerContext): JsonObject {
  const said = new Said(context)
  for (const part of choice.parts) {
    switch (part.kind) {
      case 'text':
        said.text(part)
        break
      case 'refusal':
        said.refusal += part.text
        break
      case 'reasoning':
        said.thought(part)
        break
      case 'tool_call':
        if (part.isVoid !== true) said.call(part)
        break
      case 'media':
        said.media(part, created)
        break
      // Nothing that a client of this form could read.
      case 'tool_result':
      case 'native':
        break
    }
  }
  if (said.refusal === '' && choice.finish.reason === 'content_filter') said.refusal = choice.finish.explanation ?? ''
  return said.message()
}

class Said {
  refusal = ''
  readonly #context: AnswerContext
  #text = ''
  #points = 0
  #thoughts = ''
  #audio: JsonObject | undefined
  readonly #details: JsonObject[] = []
  readonly #annotations: JsonObject[] = []
  readonly #images: JsonObject[] = []
  readonly #calls: JsonObject[] = []
  #functionCall: JsonObject | undefined
  readonly #seal = new Seal()
  readonly #isOlder: boolean

  constructor(context: AnswerContext) {
    this.#context = context
    this.#isOlder = isOlderClient(context)
  }

  text(part: TextPart): void {
    const points = codePoints(part.text)
    for (const annotation of part.annotations ?? []) {
      const written = writeAnnotation(annotation, this.#points, points)
      if (written === undefined) this.#context.notes?.lose('dropped:citations', 'annotations')
      else this.#annotations.push(written)
    }
    if (part.opaque !== undefined) this.#detail(signedText(part.opaque))
    this.#text += part.text
    this.#points += points
  }

  thought(part: ReasoningPart): void {
    this.#thoughts += part.text
    this.#seal.take(part)
    this.#detail(part)
  }

  call(part: ToolCallPart): void {
    const opaque = this.#seal.give() ?? undefined
    const signature = part.opaque ?? opaque
    const extra = signature === undefined ? {} : { extra_content: signatureAtCall(signature) }
    const text = argsText(part.args)
    if (this.#isOlder) {
      if (this.#functionCall !== undefined) this.#context.notes?.lose('dropped:answer_field', 'tool_calls')
      this.#functionCall ??= { name: part.name, arguments: text }
      return
    }
    const id = part.id === '' ? `call_${this.#context.ids.base62(24)}` : part.id
    this.#calls.push(
      part.isCustom
        ? { id, type: 'custom', custom: { name: part.name, input: inputText(part) }, ...extra }
        : { id, type: 'function', function: { name: part.name, arguments: text }, ...extra },
    )
  }

  media(part: MediaPart, created: number): void {
    if (part.medium === 'image') {
      const url = imageUrl(part)
      if (url === undefined) this.#context.notes?.lose('dropped:answer_field', part.medium)
      else this.#images.push({ type: 'image_url', image_url: { url } })
    } else if (part.medium === 'audio' && 'base64' in part.source) {
      const id = `audio_${this.#context.ids.hex(32)}`
      const transcript = part.transcript ?? ''
      this.#audio = { id, data: part.source.base64, expires_at: created + audioSeconds, transcript }
    } else this.#context.notes?.lose('dropped:answer_field', part.medium)
  }

  message(): JsonObject {
    const hasCalls = this.#calls.length > 0 || this.#functionCall !== undefined
    const isSilent = this.#text === '' && (hasCalls || this.refusal !== '' || this.#audio !== undefined)
    const fields = this.#thoughts === '' ? [] : thoughtFields(this.#context)
    return {
      role: 'assistant',
      content: isSilent ? null : this.#text,
      refusal: this.refusal === '' ? null : this.refusal,
      ...Object.fromEntries(fields.map((field) => [field, this.#thoughts])),
      ...(this.#details.length === 0 ? {} : { reasoning_details: this.#details }),
      ...(this.#calls.length === 0 ? {} : { tool_calls: this.#calls }),
      ...(this.#functionCall === undefined ? {} : { function_call: this.#functionCall }),
      ...(this.#annotations.length === 0 ? {} : { annotations: this.#annotations }),
      ...(this.#images.length === 0 ? {} : { images: this.#images }),
      ...(this.#audio === undefined ? {} : { audio: this.#audio }),
    }
  }

  #detail(part: ReasoningPart): void {
    if (part.opaque === undefined || thoughtFields(this.#context).length === 0) return
    this.#details.push(...writeDetails(part, sealed(part.opaque), this.#details.length))
  }
}

/** How long a client may refer to audio that it got: not at all, but the member must be there. */
const audioSeconds = 3600

/** A signature that stands at a text, as an entry of its own. */
export function signedText(opaque: Opaque): ReasoningPart {
  return { kind: 'reasoning', text: '', style: 'raw', isRedacted: false, opaque }
}

function inputText(part: ToolCallPart): string {
  return 'raw' in part.args ? part.args.raw : argsText(part.args)
}

/** Undefined for what clients of this form cannot look at. */
export function imageUrl({ source, mime }: MediaPart): string | undefined {
  if ('url' in source) return source.url
  return 'base64' in source ? dataUrl(mime === '' ? 'image/png' : mime, source.base64) : undefined
}
