import { asObject, asText, type JsonObject, parseJson } from '#kit/json-value.ts'
import type { NativePart } from '#translate/common.ts'

/** A block of a stream that only Anthropic's clients can read: it is told whole, when it is complete. */
export class NativeBlock {
  readonly #begun: JsonObject
  readonly #input: string[] = []
  #added: Record<string, unknown> | undefined

  constructor(begun: JsonObject) {
    this.#begun = begun
  }

  add(delta: JsonObject): void {
    if (delta['type'] === 'input_json_delta') this.#input.push(asText(delta['partial_json']) ?? '')
    else this.#addMembers(delta)
  }

  part(): NativePart {
    const value: Record<string, unknown> = { ...this.#begun, ...this.#added }
    const input = this.#input.join('')
    if (input !== '') value['input'] = parseJson(input) ?? {}
    return { kind: 'native', form: 'messages', type: asText(value['type']) ?? '', value }
  }

  /** A summary of the history comes in one delta; texts of several are joined. */
  #addMembers(delta: JsonObject): void {
    this.#added ??= {}
    for (const [name, value] of Object.entries(delta)) {
      if (name === 'type' || name === '__proto__') continue
      const before = Object.hasOwn(this.#added, name) ? this.#added[name] : this.#begun[name]
      this.#added[name] = typeof before === 'string' && typeof value === 'string' ? before + value : value
    }
  }
}

/** The block as it begins in a stream, and its input, which streams tell behind it. */
export function begunBlock(value: JsonObject): { readonly block: JsonObject; readonly input: string | undefined } {
  const input = asObject(value['input'])
  if (input === undefined) return { block: value, input: undefined }
  return { block: { ...value, input: {} }, input: Object.keys(input).length === 0 ? undefined : JSON.stringify(input) }
}
