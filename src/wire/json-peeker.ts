import type { Span } from '#core/call.ts'
import type { Refusal } from '#core/refusal.ts'
import { isRefusal, refuse } from '#core/refusal.ts'
import type { JsonVisitor } from './json-scan.ts'
import { checkModel } from './model-name.ts'

/** What routing needs to know of a JSON body. */
export interface JsonPeek {
  readonly model: string
  /** The model's JSON string with its quotes. */
  readonly modelAt: Span
  /** False also when the field is absent or null. */
  readonly stream: boolean
  /** The field is neither absent nor null, so that it overrules what the API does on its own. */
  readonly hasStreamWish: boolean
}

// Limit: members of the body's object; more are refused, since no API has so many.
const membersMax = 10_000

/** Takes `model` and `stream` out of a scan. */
export class JsonPeeker implements JsonVisitor {
  #members = 0
  #next: 'model' | 'stream' | undefined
  #model: string | undefined
  #modelAt: Span | undefined
  #stream: boolean | undefined
  #hasStreamWish = false
  /** A backend that does not tell upper from lower case reads these as ours. */
  #hasOtherModel = false
  #hasOtherStream = false
  /** The first one counts. */
  #refusal: Refusal | undefined

  key(bytes: Buffer, start: number, end: number): boolean {
    this.#members++
    this.#next = undefined
    const name = nameOf(bytes, start, end)
    if (name === undefined) return false
    if (name === 'model' || name === 'stream') {
      this.#next = name
      return true
    }
    if (/^model$/iu.test(name)) this.#hasOtherModel = true
    else this.#hasOtherStream = true
    return false
  }

  value(bytes: Buffer, start: number, end: number): void {
    const problem = this.#next === 'model' ? this.#readModel(bytes, start, end) : this.#readStream(bytes, start, end)
    this.#refusal ??= problem
  }

  /** Members seen so far. */
  get members(): number {
    return this.#members
  }

  /** `stream` was seen. */
  get hasStream(): boolean {
    return this.#stream !== undefined
  }

  /** Of a body scanned without a fault. */
  result(body: Uint8Array): JsonPeek | Refusal {
    if (this.#refusal !== undefined) return this.#refusal
    if (this.#members > membersMax) {
      return refuse('invalid_parameter', `Cannot read the body: it has more than ${membersMax} fields`)
    }
    if (this.#model === undefined || this.#modelAt === undefined) {
      return isObject(body)
        ? refuse('missing_model', 'Cannot route the request: "model" is missing', { param: 'model' })
        : refuse('invalid_parameter', 'Cannot read the body: it must be a JSON object')
    }
    if (this.#hasOtherModel) return refuseTwice('model', otherwise)
    if (this.#hasOtherStream) {
      return this.#stream === undefined ? refuseOtherStream() : refuseTwice('stream', otherwise)
    }
    const stream = this.#stream ?? false
    return { model: this.#model, modelAt: this.#modelAt, stream, hasStreamWish: this.#hasStreamWish }
  }

  #readModel(bytes: Buffer, start: number, end: number): Refusal | undefined {
    if (this.#modelAt !== undefined) return refuseTwice('model')
    this.#modelAt = { start, end }
    const text = bytes[start] === 0x22 ? parseString(bytes, start, end) : undefined
    if (text === undefined) {
      return refuse('invalid_parameter', 'Cannot read "model": it must be a string', { param: 'model' })
    }
    const model = checkModel(text)
    if (isRefusal(model)) return model
    this.#model = model
    return undefined
  }

  #readStream(bytes: Buffer, start: number, end: number): Refusal | undefined {
    if (this.#stream !== undefined) return refuseTwice('stream')
    const text = bytes.toString('latin1', start, Math.min(end, start + 6))
    this.#stream = text === 'true'
    this.#hasStreamWish = text !== 'null'
    if (text === 'true' || text === 'false' || text === 'null') return undefined
    return refuse('invalid_parameter', 'Cannot read "stream": it must be true or false', { param: 'stream' })
  }
}

/** As Unicode folds case, which Go does too: a long s is an s. */
const ours = /^(?:model|stream)$/iu

/** A key that is a name of ours, in whatever letters. */
function nameOf(bytes: Buffer, start: number, end: number): string | undefined {
  const length = end - start
  // Six letters, each written as \u0000, are the longest spelling of a name of ours.
  if (length < 5 || length > 36) return undefined
  // A long s takes two bytes.
  const isPlain = length <= 7
  if (!isPlain) {
    const escape = bytes.indexOf(0x5c, start)
    if (escape === -1 || escape >= end) return undefined
  }
  const text = isPlain ? bytes.toString('utf8', start, end) : parseString(bytes, start - 1, end + 1)
  return text !== undefined && ours.test(text) ? text : undefined
}

/** A JSON string with its quotes; undefined when what follows a backslash is no escape. */
function parseString(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return String(JSON.parse(bytes.toString('utf8', start, end)))
  } catch {
    return undefined
  }
}

const otherwise = ', once with other letters'

function refuseTwice(name: string, how = ''): Refusal {
  return refuse('duplicate_key', `Cannot read the body: "${name}" stands in it twice${how}`, { param: name })
}

function refuseOtherStream(): Refusal {
  const message = 'Cannot read "stream": it is spelled with other letters, which only some backends understand'
  return refuse('invalid_parameter', message, { param: 'stream' })
}

function isObject(body: Uint8Array): boolean {
  return body.find((byte) => byte > 0x20) === 0x7b
}
