import type { JsonObject } from '#kit/json-value.ts'

interface Shelved {
  readonly schema: JsonObject
  readonly isRelaxed: boolean
}

/** Schemas that were adapted lately, by what they were adapted from. What lies here is shared and must not be changed. */
export class SchemaShelf {
  readonly #byText = new Map<string, Shelved>()
  #length = 0

  get(target: string, text: string): Shelved | undefined {
    const key = `${target} ${text}`
    const shelved = this.#byText.get(key)
    if (shelved === undefined) return undefined
    // To the end of the line of those that have to go.
    this.#byText.delete(key)
    this.#byText.set(key, shelved)
    return shelved
  }

  put(target: string, text: string, shelved: Shelved): void {
    if (text.length > textMax) return
    const key = `${target} ${text}`
    if (this.#byText.has(key)) return
    this.#byText.set(key, shelved)
    this.#length += key.length
    for (const oldest of this.#byText.keys()) {
      if (this.#length <= lengthMax) return
      this.#byText.delete(oldest)
      this.#length -= oldest.length
    }
  }
}

/** Limit: characters of a schema that is kept. */
const textMax = 64 * 1024

/** Limit: characters of all that are kept, by what they were adapted from. */
const lengthMax = 4 * 1024 * 1024
