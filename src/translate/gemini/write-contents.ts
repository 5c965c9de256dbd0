import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, MediaPart, Message, Opaque, Part, ToolCallPart } from '#translate/common.ts'
import { textOfFile } from '#translate/media.ts'
import { FieldNames } from '#translate/messages/field-names.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsObject, argsOfCustom } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import type { ToolNames } from '#translate/tool-names.ts'
import type { Notes } from '#translate/notes.ts'
import { told } from './fields.ts'
import { noSignature } from './signature.ts'
import { writeMedia } from './write-media.ts'
import { writeResult } from './write-results.ts'

export interface Content {
  readonly role: 'user' | 'model'
  readonly parts: JsonObject[]
}

/** The messages of a request, in order and alternating, as `contents`. */
export class ContentsWriter {
  readonly #target: Target
  readonly #names: ToolNames
  readonly #notes: Notes
  readonly #fields: FieldNames

  constructor(request: CommonRequest, target: Target, names: ToolNames, notes: Notes) {
    this.#target = target
    this.#names = names
    this.#notes = notes
    this.#fields = new FieldNames(request)
  }

  contents(messages: readonly Message[]): Content[] {
    const contents: Content[] = []
    for (const message of messages) {
      const role = message.role === 'assistant' ? 'model' : 'user'
      const parts = role === 'model' ? this.#modelParts(message) : this.#userParts(message)
      const last = contents.at(-1)
      if (parts.length === 0) continue
      if (last?.role === role) for (const part of parts) last.parts.push(part)
      else contents.push({ role, parts })
    }
    if (this.#needsSignatures()) signCurrentTurn(contents)
    return contents
  }

  /** Results come first, and what of their media has no place in them comes behind them. */
  #userParts(message: Message): JsonObject[] {
    const results: JsonObject[] = []
    const media: JsonObject[] = []
    const others: JsonObject[] = []
    for (const part of message.parts) {
      if (part.kind === 'tool_result') {
        const name = this.#names.sent(part.name ?? '', part.namespace)
        const written = writeResult(part, name, this.#id(part.callId), this.#target, this.#notes, this.#fields)
        results.push(written.part)
        for (const each of written.media) media.push(each)
        this.#noteCache(part)
      } else {
        const context = part.kind === 'media' ? contextOf(part) : ''
        if (context !== '') others.push({ text: context })
        const written = this.#plain(part)
        if (written !== undefined) others.push(written)
      }
    }
    return [...results, ...media, ...others]
  }

  /** Signatures of thoughts go with the call or text behind them, where Google gave them. */
  #modelParts({ parts }: Message): JsonObject[] {
    const written: JsonObject[] = []
    const areForCall = signaturesForCalls(parts)
    let pending: Opaque | undefined
    for (const [at, part] of parts.entries()) {
      if (part.kind === 'reasoning') {
        const opaque = this.#native(part, part.opaque)
        if (opaque !== undefined && pending !== undefined) written.push(emptyText(pending))
        pending = opaque ?? pending
        if (this.#keepsThought(part.text)) written.push({ text: part.text, thought: true })
        continue
      }
      const content = part.kind === 'tool_call' ? this.#call(part) : this.#plain(part)
      if (content === undefined) continue
      const own = part.kind === 'text' || part.kind === 'tool_call' ? this.#native(part, part.opaque) : undefined
      const takesPending = part.kind === 'tool_call' || (part.kind === 'text' && areForCall[at] !== true)
      const opaque = own ?? (takesPending ? pending : undefined)
      if (opaque === pending) pending = undefined
      written.push(opaque === undefined ? content : { ...content, thoughtSignature: opaque.payload })
    }
    return pending === undefined ? written : [...written, emptyText(pending)]
  }

  #plain(part: Part): JsonObject | undefined {
    switch (part.kind) {
      case 'text':
        this.#noteCache(part)
        if ((part.annotations ?? []).length > 0) this.#notes.drop('dropped:citations', this.#fields.of(part))
        return part.text === '' ? undefined : { text: part.text }
      case 'refusal':
        return part.text === '' ? undefined : { text: part.text }
      case 'media':
        this.#noteCache(part)
        return writeMedia(part, this.#target, this.#notes, this.#fields)
      case 'native':
        if (part.form === 'gemini') return part.value
        this.#notes.drop('dropped:server_tool_blocks', this.#fields.of(part))
        return undefined
      // Neither says anything outside of an assistant's turn, nor a result within it.
      case 'reasoning':
      case 'tool_call':
      case 'tool_result':
        return undefined
    }
  }

  #call(part: ToolCallPart): JsonObject {
    this.#noteCache(part)
    const args = argsObject(part.isCustom ? argsOfCustom(part.args) : part.args, this.#notes, '')
    const name = this.#names.sent(part.name, part.namespace)
    return { functionCall: told({ id: this.#id(part.id), name, args }) }
  }

  #id(id: string): string | undefined {
    return this.#target.profile.takesCallIds && id !== '' ? toolIdFor(id, this.#target.profile) : undefined
  }

  /** One of this provider's own; thoughts of others mean nothing here. */
  #native(part: Part, opaque: Opaque | undefined): Opaque | undefined {
    if (opaque === undefined) return undefined
    if (isAtHome(opaque, 'gemini', this.#target.profile)) return opaque
    this.#notes.drop('dropped:foreign_reasoning', this.#fields.of(part))
    return undefined
  }

  #keepsThought(text: string): boolean {
    const { style, history } = this.#target.profile.reasoning
    return text !== '' && style !== 'none' && history !== 'drop'
  }

  #noteCache(part: Part & { readonly cache?: object | undefined }): void {
    if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint', this.#fields.of(part))
  }

  /** Gemini 3 refuses calls of the current turn that have none. */
  #needsSignatures(): boolean {
    const { family, reasoning } = this.#target.profile
    return family === 'gemini' && reasoning.style === 'level'
  }
}

/** What a document is about; that of a plain text stands in it. */
function contextOf(part: MediaPart): string {
  return part.context === undefined || textOfFile(part) !== undefined ? '' : part.context
}

/** For each part: a signature in front of it belongs to the call behind it, which has none of its own. */
function signaturesForCalls(parts: readonly Part[]): readonly boolean[] {
  const areForCall: boolean[] = Array.from(parts, () => false)
  let isForCall = false
  for (let at = parts.length - 1; at >= 0; at -= 1) {
    areForCall[at] = isForCall
    const part = parts[at]
    if (part?.kind === 'reasoning' && part.opaque !== undefined) isForCall = false
    if (part?.kind === 'tool_call') isForCall = part.opaque === undefined
  }
  return areForCall
}

function emptyText({ payload }: Opaque): JsonObject {
  return { text: '', thoughtSignature: payload }
}

/** The first call of each step since the user last spoke; only it carries a signature. */
function signCurrentTurn(contents: readonly Content[]): void {
  const start = contents.findLastIndex(({ role, parts }) => role === 'user' && !parts.some(isResult))
  for (const { role, parts } of contents.slice(start + 1)) {
    if (role !== 'model') continue
    const at = parts.findIndex((part) => part['functionCall'] !== undefined)
    const call = parts[at]
    if (call !== undefined && call['thoughtSignature'] === undefined)
      parts[at] = { ...call, thoughtSignature: noSignature }
  }
}

function isResult(part: JsonObject): boolean {
  return part['functionResponse'] !== undefined
}
