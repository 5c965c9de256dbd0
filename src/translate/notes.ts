import type { CompatMode } from '#core/compat.ts'

/** The request cannot be carried without harm. */
export interface Rejection {
  readonly kind: 'rejection'
  /** As the client's form calls it: `messages[2].content[1]`; empty where no field is to blame. */
  readonly field: string
  /** `audio input is not supported`: the backend is named around it. */
  readonly message: string
  /** The request is not to blame: what should have written it failed. */
  readonly isFault?: true | undefined
}

export function isRejection(value: object): value is Rejection {
  return 'kind' in value && value.kind === 'rejection'
}

/** Collects them while a request is written; codes are stable (docs/reference/warnings.md). */
export class Notes {
  /** The first one; the request must not be sent then. */
  rejection: Rejection | undefined
  readonly #mode: CompatMode
  readonly #codes = new Set<string>()
  readonly #fields: [code: string, field: string][] = []
  readonly #lost = new Set<string>()

  constructor(mode: CompatMode = 'warn') {
    this.#mode = mode
  }

  /** A hint without effect on the answer's truth is left out: `dropped:seed`. `field`: as the client wrote it. */
  drop(code: `dropped:${string}`, field = ''): void {
    if (this.#mode === 'strict')
      this.#refuse(field, field === '' ? `what is told as ${code} cannot be carried` : cannot)
    else this.#note(code, field)
  }

  /** Of an answer something is left out. The request was sent by then, so that it is noted in every mode; each field once. */
  lose(code: `dropped:${string}`, field = ''): void {
    const key = `${code} ${field}`
    if (this.#lost.has(key) || this.#lost.size >= fieldsMax) return
    this.#lost.add(key)
    this.#note(code, field)
  }

  /** Its meaning is kept by other means: `adapted:temperature_clamped`. */
  adapt(code: `adapted:${string}`, field = ''): void {
    this.#note(code, field)
  }

  /** Its meaning is kept in part, with less certainty: `adapted:schema_relaxed`. */
  weaken(code: `adapted:${string}`, field: string, message: string): void {
    if (this.#mode === 'strict') this.#refuse(field, message)
    else this.#note(code, field)
  }

  /** The answer would be wrong without it. `code`: it may be dropped all the same, where the operator says `lenient`. */
  reject(field: string, message: string, code?: `dropped:${string}`): void {
    if (code !== undefined && this.#mode === 'lenient') this.#note(code, field)
    else this.#refuse(field, message)
  }

  /** It cannot be written, and not for anything that is in it. */
  fail(message: string): void {
    this.rejection ??= { kind: 'rejection', field: '', message, isFault: true }
  }

  get codes(): readonly string[] {
    return [...this.#codes]
  }

  /** For the log: what happened to which field. */
  get fields(): readonly (readonly [code: string, field: string])[] {
    return this.#fields
  }

  /** Value of `x-llm-proxy-warnings`; undefined when there is nothing to tell. */
  header(): string | undefined {
    let text = ''
    for (const code of this.#codes) {
      if (logOnly.has(code)) continue
      const longer = text === '' ? code : `${text}, ${code}`
      if (longer.length > headerMax) return `${text},...`
      text = longer
    }
    return text === '' ? undefined : text
  }

  #note(code: string, field: string): void {
    this.#codes.add(code)
    if (this.#fields.length < fieldsMax) this.#fields.push([code, field])
  }

  #refuse(field: string, message: string): void {
    this.rejection ??= { kind: 'rejection', field, message }
  }
}

/** Whoever tells it says in front of it which field that is. */
const cannot = 'it cannot be carried'

/** Nothing that a client could have meant otherwise. */
const logOnly: ReadonlySet<string> = new Set(['adapted:max_tokens_defaulted', 'adapted:stream_forced'])

/** Limit: characters of the header. */
const headerMax = 1000

/** Limit: fields of one request that are told. */
const fieldsMax = 100
