import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'

/**
 * The members of a request's body, each asked for once by name. Null counts as missing, as it does for OpenAI; a value of
 * another kind is rejected, since an answer without it would be another answer.
 */
export class Fields {
  readonly #body: JsonObject
  readonly #notes: Notes
  readonly #place: string
  readonly #asked = new Set<string>()

  /** `place`: what stands in front of their names, for those of an object within the body: `options.` */
  constructor(body: JsonObject, notes: Notes, place = '') {
    this.#body = body
    this.#notes = notes
    this.#place = place
  }

  number(name: string): number | undefined {
    const value = this.any(name)
    if (value === undefined || typeof value === 'number') return value
    return this.#refuse(name, 'number')
  }

  text(name: string): string | undefined {
    const value = this.any(name)
    if (value === undefined || typeof value === 'string') return value
    return this.#refuse(name, 'text')
  }

  flag(name: string): boolean | undefined {
    const value = this.any(name)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#refuse(name, 'boolean')
  }

  object(name: string): JsonObject | undefined {
    const value = this.any(name)
    return value === undefined ? undefined : (asObject(value) ?? this.#refuse(name, 'object'))
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.any(name)
    if (value === undefined || Array.isArray(value)) return value
    return this.#refuse(name, 'list')
  }

  any(name: string): unknown {
    this.#asked.add(name)
    return Object.hasOwn(this.#body, name) ? (this.#body[name] ?? undefined) : undefined
  }

  /** Those that nobody asked for. */
  rest(): JsonObject {
    return Object.fromEntries(Object.entries(this.#body).filter(([name]) => !this.#asked.has(name)))
  }

  #refuse(name: string, wanted: string): undefined {
    this.#notes.reject(`${this.#place}${name}`, `a value that is no ${wanted} is not supported`)
    return undefined
  }
}
