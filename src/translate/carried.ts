import type { StreamForm } from '#core/endpoint.ts'
import type { Form } from '#core/talk.ts'
import { asBuffer, encode } from '#kit/bytes.ts'
import type { TransportFailure, IncomingResponse } from '#ports/transport.ts'
import { eventStream, mediaTypeOf } from '#wire/stream-type.ts'
import { answerHeaders } from './answer-headers.ts'
import { reject, type Asked, type TranslateMeans, type Translation } from './asked.ts'
import { callFor } from './backend-call.ts'
import { errorAnswer, type ErrorMeans } from './error-answer.ts'
import type { Carrier } from './carrier.ts'
import type { BackendRequest } from './codec.ts'
import { asExactObject, parseExact } from './exact-json.ts'
import { mayHoldThoughts, withoutForeignThoughts } from './foreign-thoughts.ts'
import { Framer } from './frame.ts'
import { Notes, type Rejection } from './notes.ts'
import { knownCodecs } from './registry.ts'
import { rewritten, unreadable, type Rewriter } from './translated-body.ts'
import { openUnframer, type FramedSink, type Unframer } from './unframe.ts'
import { objectIn, WholeAnswer } from './whole-answer.ts'

/** A call in the backend's own form, with what a cloud puts around it; nothing in between reads what it says. */
export async function carry(asked: Asked, carrier: Carrier, means: TranslateMeans): Promise<Translation | Rejection> {
  const { call, form, policy, requestId } = asked
  const backend = await (means.codecs ?? knownCodecs).backend(form)
  if (backend === undefined) return reject(`a backend of the form ${form} cannot be asked`)
  const notes = new Notes(policy.mode)
  const own = ownRequest(asked, notes)
  if (own === undefined) return reject('the body is no JSON object')
  const sent = carrier.request(own, asked.model, call.headers, notes)
  if (notes.rejection !== undefined) return notes.rejection
  const stream = call.stream ? call.endpoint.stream : undefined
  return {
    call: callFor(asked, sent, carrier.framing),
    answer: (response) => {
      const nowWallMs = means.clock.wallMs()
      const errors: ErrorMeans = { form, backend, requestId, notes, nowWallMs }
      return response.status >= 400 ? errorAnswer(response, errors) : unpacked(response, carrier, stream, errors)
    },
    warnings: notes,
  }
}

/** As the form's own servers would be asked. */
function ownRequest({ call, form, talk, model }: Asked, notes: Notes): BackendRequest | undefined {
  const text = asBuffer(ownBody(form, call.body ?? new Uint8Array(), notes)).toString('utf8')
  const body = asExactObject(parseExact(text.startsWith('\ufeff') ? text.slice(1) : text))
  if (body === undefined) return undefined
  const path = form === 'gemini' ? call.path : (pathOf.get(`${form} ${talk.does}`) ?? call.path)
  const named = 'model' in body ? { ...body, model } : body
  return { path, query: call.query, body: named, headers: [], stream: call.stream, back: noWayBack }
}

/** What another backend left in the conversation nobody here can open. */
function ownBody(form: Form, body: Uint8Array, notes: Notes): Uint8Array {
  const cleaned = mayHoldThoughts(form, body) ? withoutForeignThoughts(form, body) : undefined
  if (cleaned !== undefined) notes.drop('dropped:foreign_reasoning')
  return cleaned ?? body
}

const pathOf: ReadonlyMap<string, string> = new Map([
  ['chat generate', '/v1/chat/completions'],
  ['messages generate', '/v1/messages'],
  ['messages count', '/v1/messages/count_tokens'],
])

const noWayBack: BackendRequest['back'] = {
  toolNames: new Map(),
  customTools: new Set(),
  builtins: new Map(),
  outputTool: undefined,
  isOutputWrapped: false,
  stops: [],
}

function unpacked(
  response: IncomingResponse,
  carrier: Carrier,
  stream: StreamForm | undefined,
  { form, notes, nowWallMs }: ErrorMeans,
): IncomingResponse {
  const type = mediaTypeOf(response.headers.get('content-type') ?? '')
  const isFramed = carrier.event !== undefined && stream !== undefined && type !== eventStream && !type.endsWith('json')
  const rewriter = isFramed ? new Unpacking(carrier, stream) : bodyRewriter(carrier, type)
  if (rewriter === undefined) return response
  const headers = answerHeaders(response.headers, {
    form,
    stream: isFramed ? stream : undefined,
    notes,
    error: undefined,
    nowWallMs,
  })
  return { ...response, headers, body: rewritten(response.body, rewriter) }
}

function bodyRewriter(carrier: Carrier, type: string): Rewriter | undefined {
  if (carrier.body === undefined || !type.endsWith('json')) return undefined
  return new WholeAnswer((bytes) => {
    if (bytes.byteLength === 0) return []
    const body = objectIn(bytes)
    return body === undefined
      ? unreadable('its answer is no JSON')
      : [encode(JSON.stringify(carrier.body?.(body) ?? body))]
  })
}

/** Events of a cloud → the stream that they are in. */
class Unpacking implements Rewriter, FramedSink {
  readonly #carrier: Carrier
  readonly #unframer: Unframer
  readonly #framer: Framer
  readonly isOver = false
  readonly failure: TransportFailure | undefined = undefined

  constructor(carrier: Carrier, form: StreamForm) {
    this.#carrier = carrier
    this.#unframer = openUnframer(carrier.framing)
    this.#framer = new Framer(form)
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#unframer.push(chunk, this)
    return this.#framer.take()
  }

  end(): readonly Uint8Array[] {
    this.#unframer.end(this)
    return this.#framer.take()
  }

  takeFramed(name: string, data: string): void {
    const event = this.#carrier.event?.(name, data)
    if (event !== undefined) this.#framer.add(event)
  }
}
