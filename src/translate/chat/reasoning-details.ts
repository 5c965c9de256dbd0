import { asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Opaque, ReasoningPart } from '#translate/common.ts'
import { unsealed } from '#translate/opaque.ts'

type DetailType = 'text' | 'summary' | 'encrypted'

interface Detail {
  readonly type: DetailType
  readonly index: number | undefined
  id: string | undefined
  format: string | undefined
  text: string
  /** Signature or encrypted thought. */
  payload: string
}

const typeOf: ReadonlyMap<unknown, DetailType> = new Map([
  ['reasoning.text', 'text'],
  ['reasoning.summary', 'summary'],
  ['reasoning.encrypted', 'encrypted'],
])

/** `reasoning_details`, whole or in pieces: those of one type and index belong together. */
export class ReasoningDetails {
  readonly #details: Detail[] = []
  /** Those that have an index, by type and index. */
  readonly #indexed = new Map<string, Detail>()

  /** One entry; gives the text that it has. */
  add(value: unknown): string {
    const entry = asObject(value)
    const type = typeOf.get(entry?.['type'])
    if (entry === undefined || type === undefined) return ''
    const text = asText(entry['text']) ?? asText(entry['summary']) ?? ''
    const detail = this.#sameAs(type, asNumber(entry['index']))
    detail.id ??= asText(entry['id'])
    detail.format ??= asText(entry['format'])
    detail.text += text
    detail.payload += asText(entry['signature']) ?? asText(entry['data']) ?? ''
    return text
  }

  get isEmpty(): boolean {
    return this.#details.length === 0
  }

  /** As parts of the common form; `family`: of the models whose thoughts they are, where they do not say it. */
  parts(family: string): ReasoningPart[] {
    const parts: ReasoningPart[] = []
    for (let at = 0; at < this.#details.length; at++) {
      const detail = this.#details[at]
      const next = this.#details[at + 1]
      if (detail === undefined) break
      // A summary and what it sums up.
      const isPair = detail.type === 'summary' && next?.type === 'encrypted' && isSameItem(detail, next)
      if (isPair) at++
      const part = partOf(detail, isPair ? next : detail, family)
      if (part !== undefined) parts.push(part)
    }
    return parts
  }

  #sameAs(type: DetailType, index: number | undefined): Detail {
    const last = this.#details.at(-1)
    const found =
      index === undefined
        ? last?.type === type && last.index === undefined && last.payload === '' && type !== 'encrypted' && last
        : this.#indexed.get(`${type} ${index}`)
    if (found) return found
    const made: Detail = { type, index, id: undefined, format: undefined, text: '', payload: '' }
    this.#details.push(made)
    if (index !== undefined) this.#indexed.set(`${type} ${index}`, made)
    return made
  }
}

function isSameItem(summary: Detail, encrypted: Detail): boolean {
  if (summary.id !== undefined || encrypted.id !== undefined) return summary.id === encrypted.id
  return summary.index !== undefined && summary.index === encrypted.index
}

function partOf(detail: Detail, secret: Detail, family: string): ReasoningPart | undefined {
  const opaque = secret.payload === '' ? undefined : opaqueOf(secret, family)
  if (detail.text === '' && opaque === undefined) return undefined
  const style = detail.type === 'summary' || opaque?.kind === 'encrypted' ? 'summary' : 'raw'
  const part: ReasoningPart = { kind: 'reasoning', text: detail.text, style, isRedacted: opaque?.kind === 'redacted' }
  if (opaque === undefined) return part
  return opaque.kind === 'encrypted' && opaque.id !== undefined
    ? { ...part, opaque, itemId: opaque.id }
    : { ...part, opaque }
}

function opaqueOf(detail: Detail, ownFamily: string): Opaque | undefined {
  const family = familyOfFormat(detail.format) ?? ownFamily
  const hidden = family === 'claude' ? 'redacted' : 'encrypted'
  const opaque = unsealed(detail.payload, 'chat', detail.type === 'encrypted' ? hidden : 'signature', family)
  if (opaque === undefined || opaque.id !== undefined || detail.id === undefined) return opaque
  return { ...opaque, id: detail.id }
}

const formats: readonly (readonly [family: string, format: string])[] = [
  ['claude', 'anthropic-claude-v1'],
  ['gpt', 'openai-responses-v1'],
  ['gemini', 'google-gemini-v1'],
  ['grok', 'xai-responses-v1'],
]

/** `anthropic-claude-v1` → `claude`. */
function familyOfFormat(format: string | undefined): string | undefined {
  if (format === undefined) return undefined
  const vendor = format.slice(0, format.indexOf('-') + 1)
  return vendor === '' ? undefined : formats.find(([, known]) => known.startsWith(vendor))?.[0]
}

/**
 * A thought and what seals it, as entries of `reasoning_details`; none where nothing seals it. `payload`: as it is written
 * for whoever reads it.
 */
export function writeDetails(part: ReasoningPart, payload: string, index: number, isNative = false): JsonObject[] {
  const { opaque } = part
  if (opaque === undefined || opaque.kind === 'text') return []
  const format = isNative ? formats.find(([family]) => family === opaque.family)?.[1] : undefined
  const end = format === undefined ? { index } : { format, index }
  const id = opaque.id === undefined ? {} : { id: opaque.id }
  if (opaque.kind === 'signature' && part.text !== '') {
    return [{ type: 'reasoning.text', text: part.text, signature: payload, ...end }]
  }
  const secret = { type: 'reasoning.encrypted', data: payload, ...id, ...end }
  return part.text === '' ? [secret] : [{ type: 'reasoning.summary', summary: part.text, ...id, ...end }, secret]
}
