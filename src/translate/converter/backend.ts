import type { Form } from '#core/talk.ts'
import { asObject } from '#kit/json-value.ts'
import { readError as readUsualError } from '#translate/chat/read-error.ts'
import type { AnswerFacts, BackendCodec, BackendRequest, HeaderLook, StreamReader } from '#translate/codec.ts'
import type { CommonError } from '#translate/common.ts'
import type { Converter } from '#translate/converter.ts'
import { errorOf } from './answer-values.ts'
import { faultOf, given, misfit } from './misfit.ts'
import { readAnswer } from './read-answer.ts'
import { ConverterReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** The form that a converter writes and reads; apart from all that are known, whatever it is called. */
export function formOf(name: string): Form {
  return `converter:${name}`
}

/**
 * A converter as everybody else asks a backend. What it throws while it writes refuses the attempt; what it throws while it
 * reads breaks the answer, as bytes would that nobody can read.
 */
export function backendOf(converter: Converter): BackendCodec {
  const { name, framing = 'sse' } = converter
  const named = <Result>(act: () => Result): Result => {
    try {
      return act()
    } catch (error) {
      throw new Error(faultOf(name, error), { cause: error })
    }
  }
  return {
    form: formOf(name),
    framing,
    writeRequest(request, target, notes) {
      try {
        return writeRequest(converter, request, target, notes) ?? unasked
      } catch (error) {
        notes.fail(faultOf(name, error))
        return unasked
      }
    },
    readBody: (body, facts) =>
      named(() => readAnswer(given('readAnswer', converter.readAnswer(body, { model: facts.model })), facts)),
    openReader(facts) {
      const reader = new LazyReader(converter, facts)
      return { push: (event, data) => named(() => reader.push(event, data)), end: () => named(() => reader.end()) }
    },
    readError: (status, headers, body) => readError(converter, status, headers, body),
  }
}

/** Of a request that is not sent. */
const unasked: BackendRequest = {
  path: '',
  query: '',
  body: {},
  headers: [],
  stream: false,
  back: {
    toolNames: new Map(),
    customTools: new Set(),
    builtins: new Map(),
    outputTool: undefined,
    isOutputWrapped: false,
    stops: [],
  },
}

/** Opens the converter's own with the first piece, where what it throws has a place to go to. */
class LazyReader implements StreamReader {
  readonly #converter: Converter
  readonly #facts: AnswerFacts
  #reader: ConverterReader | undefined

  constructor(converter: Converter, facts: AnswerFacts) {
    this.#converter = converter
    this.#facts = facts
  }

  push(name: string, data: string): ReturnType<StreamReader['push']> {
    return this.#opened().push(name, data)
  }

  end(): ReturnType<StreamReader['end']> {
    return this.#opened().end()
  }

  #opened(): ConverterReader {
    if (this.#reader === undefined) {
      const own = given('openStream', this.#converter.openStream?.({ model: this.#facts.model }))
      if (!isReader(own)) throw misfit('openStream', 'no object with "push"')
      this.#reader = new ConverterReader(own, this.#facts)
    }
    return this.#reader
  }
}

function isReader(value: unknown): value is ConstructorParameters<typeof ConverterReader>[0] {
  const end = asObject(value)?.['end']
  return typeof asObject(value)?.['push'] === 'function' && (end === undefined || typeof end === 'function')
}

/** An error answer is one, whatever the converter makes of it. */
function readError(converter: Converter, status: number, headers: HeaderLook, body: unknown): CommonError {
  const usual = readUsualError(status, headers, body)
  if (converter.readError === undefined) return usual
  try {
    const told = given(
      'readError',
      converter.readError(status, body, (name) => headers.get(name)),
    )
    const error = asObject(told)
    if (error?.['kind'] !== 'error') return usual
    const wait = usual.retryAfterMs === undefined ? {} : { retryAfterMs: usual.retryAfterMs }
    return { ...wait, ...errorOf(error, status) }
  } catch {
    return usual
  }
}
