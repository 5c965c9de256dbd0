import type { JsonObject } from '#kit/json-value.ts'
import type { IdSource } from '#translate/codec.ts'
import type { MediaPart, Opaque, ToolArgs } from '#translate/common.ts'
import { sealed } from '#translate/opaque.ts'
import { argsText, customInput } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

export function messageItem(id: string, status: ItemStatus, content: readonly JsonObject[]): JsonObject {
  return { id, type: 'message', status, role: 'assistant', content }
}

export function reasoningItem(id: string, text: string, opaque: Opaque | undefined): JsonObject {
  const summary = text === '' ? [] : [{ type: 'summary_text', text }]
  const item = { id, type: 'reasoning', summary }
  return opaque === undefined ? item : { ...item, encrypted_content: encrypted(opaque, id) }
}

/** What OpenAI encrypted goes with the id of its item, or not as its own. */
function encrypted(opaque: Opaque, id: string): string {
  const isNative = opaque.form === 'responses' && opaque.kind === 'encrypted'
  return isNative && (opaque.id === undefined || opaque.id === id) ? opaque.payload : sealed(opaque)
}

/** The signature of a call or a text: an item without a text, that knows whose it is. */
export function signatureItem(ids: IdSource, ownerId: string, opaque: Opaque): JsonObject {
  return {
    id: itemId(ids, 'rs_'),
    type: 'reasoning',
    summary: [],
    encrypted_content: sealed({ ...opaque, id: ownerId }),
  }
}

export interface CallHead {
  readonly id: string
  readonly callId: string
  readonly name: string
  readonly namespace?: string | undefined
  readonly isCustom: boolean
}

export function callItem(head: CallHead, status: ItemStatus, args: string): JsonObject {
  const { id, callId, name, namespace, isCustom } = head
  const type = isCustom ? 'custom_tool_call' : 'function_call'
  const named = namespace === undefined ? { name } : { name, namespace }
  return { id, type, status, call_id: callId, ...named, [isCustom ? 'input' : 'arguments']: args }
}

/** Arguments as their text, or the input of a custom tool. */
export function argsOf(args: ToolArgs, isCustom: boolean): string {
  if (!isCustom) return argsText(args)
  if ('raw' in args) return args.raw
  return typeof args.value === 'string' ? args.value : customInput(args)
}

export function imageItem(ids: IdSource, base64: string, mime: string): JsonObject {
  const format = /^image\/(png|webp|jpeg|gif)$/.exec(mime)?.[1]
  const item = { id: itemId(ids, 'ig_'), type: 'image_generation_call', status: 'completed', result: base64 }
  return format === undefined ? item : { ...item, output_format: format }
}

/** What a model made that is no image in base64, as text: its transcript, its text or its address. */
export function textOfMedia(part: MediaPart): string | undefined {
  if (part.transcript !== undefined) return part.transcript
  if ('text' in part.source) return part.source.text
  return 'url' in part.source ? `![${part.filename ?? part.medium}](${part.source.url})` : undefined
}

export function itemId(ids: IdSource, prefix: string): string {
  return `${prefix}${ids.hex(idDigits)}`
}

const idDigits = 48

/** Ids of the calls of one answer: clients want each to have one, and no two to have the same. */
export class CallIds {
  readonly #ids: IdSource
  readonly #used = new Set<string>()

  constructor(ids: IdSource) {
    this.#ids = ids
  }

  take(id: string): string {
    const base = id === '' ? `call_${this.#ids.base62(24)}` : toolIdFor(id, idRules)
    let taken = base
    for (let nth = 2; this.#used.has(taken); nth++) taken = toolIdFor(`${base}_${nth}`, idRules)
    this.#used.add(taken)
    return taken
  }
}

/** OpenAI's own limit, which servers behind clients may check. */
const idRules = { toolIdMax: 64, toolIdForm: 'any' } as const
