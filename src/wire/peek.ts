import type { Span } from '#core/call.ts'
import type { Refusal } from '#core/refusal.ts'
import { isRefusal, refuse } from '#core/refusal.ts'
import type { JsonFault, JsonVisitor } from './json-scan.ts'
import { jsonDepthMax, scanJson } from './json-scan.ts'

/** What routing needs to know of a JSON body. */
export interface JsonPeek {
  readonly model: string
  /** The model's JSON string with its quotes. */
  readonly modelAt: Span
  /** False also when the field is absent or null. */
  readonly stream: boolean
}

/** Limit: bytes of a model's name; longer ones are refused. */
export const modelBytesMax = 512

// Limit: members of the body's object; more are refused, since no API has so many.
const membersMax = 10_000

/**
 * Reads `model` and `stream` of a JSON object without building it. Refuses what is not strict JSON and what a backend
 * could read differently, such as two models in one body.
 */
export function peekJson(body: Uint8Array): JsonPeek | Refusal {
  const peeker = new Peeker()
  const fault = scanJson(body, peeker)
  return fault === undefined ? peeker.result(body) : refuseFault(fault, body)
}

/** The name if a model may be called so. */
export function checkModel(model: string): string | Refusal {
  if (model === '') return refuse('invalid_parameter', 'Cannot read "model": it is empty', { param: 'model' })
  if (model.length > modelBytesMax || Buffer.byteLength(model) > modelBytesMax) {
    const message = `Cannot read "model": it is longer than ${modelBytesMax} bytes`
    return refuse('invalid_parameter', message, { param: 'model' })
  }
  return model
}

class Peeker implements JsonVisitor {
  #members = 0
  #next: 'model' | 'stream' | undefined
  #model: string | undefined
  #modelAt: Span | undefined
  #stream: boolean | undefined
  /** The first one counts. */
  #refusal: Refusal | undefined

  key(bytes: Buffer, start: number, end: number): boolean {
    this.#members++
    this.#next = nameOf(bytes, start, end)
    return this.#next !== undefined
  }

  value(bytes: Buffer, start: number, end: number): void {
    const problem = this.#next === 'model' ? this.#readModel(bytes, start, end) : this.#readStream(bytes, start, end)
    this.#refusal ??= problem
  }

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
    return { model: this.#model, modelAt: this.#modelAt, stream: this.#stream ?? false }
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
    if (text === 'true' || text === 'false' || text === 'null') return undefined
    return refuse('invalid_parameter', 'Cannot read "stream": it must be true or false', { param: 'stream' })
  }
}

function nameOf(bytes: Buffer, start: number, end: number): 'model' | 'stream' | undefined {
  const length = end - start
  // Six letters, each written as \u0000, are the longest spelling of a name of ours.
  if (length < 5 || length > 36) return undefined
  if (length === 5 || length === 6) {
    const text = bytes.toString('latin1', start, end)
    return text === 'model' || text === 'stream' ? text : undefined
  }
  const escape = bytes.indexOf(0x5c, start)
  if (escape === -1 || escape >= end) return undefined
  const text = parseString(bytes, start - 1, end + 1)
  return text === 'model' || text === 'stream' ? text : undefined
}

/** A JSON string with its quotes; undefined when what follows a backslash is no escape. */
function parseString(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return String(JSON.parse(bytes.toString('utf8', start, end)))
  } catch {
    return undefined
  }
}

function isObject(body: Uint8Array): boolean {
  return body.find((byte) => byte > 0x20) === 0x7b
}

function refuseTwice(name: string): Refusal {
  return refuse('duplicate_key', `Cannot read the body: "${name}" stands in it twice`, { param: name })
}

function refuseFault(fault: JsonFault, body: Uint8Array): Refusal {
  switch (fault.kind) {
    case 'depth':
      return refuse('json_too_deep', `Cannot read the body: it is nested deeper than ${jsonDepthMax} levels`)
    case 'encoding':
      return refuse('invalid_json', 'Cannot read the body: it is not UTF-8')
    case 'syntax':
      return refuse('invalid_json', syntaxMessage(fault.at, body))
  }
}

function syntaxMessage(at: number, body: Uint8Array): string {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) {
    return 'Cannot read the body: it begins with a byte order mark, which JSON must not have'
  }
  if (body.every((byte) => byte <= 0x20)) return 'Cannot read the body: it is empty, and must be a JSON object'
  if (at >= body.length) return `Cannot read the body: its JSON breaks off after ${body.length} bytes`
  return `Cannot read the body: it is not valid JSON at byte ${at}`
}
