import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { HeaderList } from '#kit/header-list.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { eventStream, lineStreams, mediaTypeOf } from '#wire/stream-type.ts'
import { answerHeaders } from './answer-headers.ts'
import type { AnswerContext, AnswerFacts, BackendCodec, BackendRequest, ClientCodec, Framing } from './codec.ts'
import type { CommonError, CommonEvent, CommonResponse } from './common.ts'
import { takesPlainThoughts } from './continuity.ts'
import { errorAnswer, errorBytes, isPlainText, type ErrorMeans } from './error-answer.ts'
import type { EventSink } from './event-sink.ts'
import { EventWriter } from './event-writer.ts'
import { Fold } from './fold.ts'
import type { JointPart, JointStream } from './joint.ts'
import type { Notes } from './notes.ts'
import { passageTo, type Expectation, type Passage } from './passage.ts'
import type { Answered } from './recall.ts'
import { StreamToBody, StreamToStream, type StreamSource, type Unwrap } from './stream-answer.ts'
import { BrokenBody, rewritten, unreadable, type Rewriter } from './translated-body.ts'
import { unfolded } from './unfold.ts'
import { openUnframer } from './unframe.ts'
import type { UsageNote } from './usage-note.ts'
import { broughtBack, type Return } from './way-back.ts'
import { objectIn, Undecided, WholeAnswer } from './whole-answer.ts'

/** Everything that an answer is translated with. */
export interface AnswerMeans {
  readonly client: ClientCodec
  readonly backend: BackendCodec
  /** As it was sent. */
  readonly sent: BackendRequest
  readonly framing: Framing
  readonly unwrap: Unwrap | undefined
  /** What a cloud puts around a body, taken off. */
  readonly unwrapBody: ((body: JsonObject) => JsonObject) | undefined
  readonly context: AnswerContext
  readonly facts: AnswerFacts
  /** Of the stream that the client wants. */
  readonly stream: StreamForm | undefined
  readonly way: Return
  readonly expected: Expectation
  readonly notes: Notes
  readonly nowWallMs: number
  readonly remember: ((answered: Answered) => void) | undefined
  /** Is told what the backend tells. */
  readonly usage: UsageNote
  /** Where it is but a part of what the client gets. */
  readonly joint?: JointPart | undefined
  /** Is asked to tell what only the body taught. */
  readonly late?: LateWarnings | undefined
}

/** A backend's answer as one in the client's form. */
export function translatedAnswer(response: IncomingResponse, means: AnswerMeans): IncomingResponse {
  const { status, headers } = response
  const type = mediaTypeOf(headers.get('content-type') ?? '')
  if (status >= 400) return errorAnswer(response, errorMeansOf(means))
  // Redirects and web pages are no answers in any form: whoever judges the answer tells so.
  if (status >= 300 || type === 'text/html') return response
  const { client, stream, notes, nowWallMs } = means
  const late = stream === undefined && response.body.whole === undefined ? new LateWarnings(notes) : undefined
  // What the body teaches may be told in the headers, where all of it is there.
  const body = isPlainText(response)
    ? rewritten(response.body, rewriterFor(type, late === undefined ? means : { ...means, late }))
    : new BrokenBody(unreadable('its answer is compressed against our wish'), response.body)
  const told = answerHeaders(headers, { form: client.form, stream, notes, error: undefined, nowWallMs })
  if (late !== undefined) late.headers = told
  return { ...response, headers: told, body }
}

/** A body that comes in pieces is held back until it is judged, and its headers with it. */
class LateWarnings {
  headers: HeaderList | undefined
  readonly #notes: Notes

  constructor(notes: Notes) {
    this.#notes = notes
  }

  tell(): void {
    const warnings = this.#notes.header()
    if (warnings !== undefined) this.headers?.set('x-llm-proxy-warnings', warnings)
  }
}

/**
 * An error answer to one of several requests, in the stream that answers to others have begun already; nothing where there is
 * no such stream.
 */
export function errorInStream(response: IncomingResponse, means: AnswerMeans): readonly Uint8Array[] {
  const { joint, stream, backend } = means
  const { whole } = response.body
  if (joint === undefined || stream === undefined || joint.joint.isOver) return []
  if (whole === undefined || !isPlainText(response)) return []
  const { writer, last } = joint.joint.openStream(() => openOwn(means, stream))
  const error = backend.readError(response.status, response.headers, objectIn(whole))
  joint.joint.fail({ event: 'error', error }, last)
  return writer.pieces()
}

function errorMeansOf({ client, backend, context, notes, nowWallMs }: AnswerMeans): ErrorMeans {
  return { form: client.form, backend, requestId: context.requestId, notes, nowWallMs }
}

function rewriterFor(type: string, means: AnswerMeans): Rewriter {
  const { framing, sent } = means
  // Whoever wants it as it comes knows better than its type.
  if (sent.stream && framing === 'raw') return streamRewriter(framing, means)
  if (type === eventStream) return streamRewriter('sse', means)
  if (lineStreams.has(type)) return streamRewriter('lines', means)
  if (type === 'application/vnd.amazon.eventstream') return streamRewriter('aws', means)
  // Bytes of AWS's framing are never told as JSON; a whole answer is.
  const isWhole = framing === 'aws' && type === 'application/json'
  if (sent.stream && framing !== 'sse' && !isWhole) return streamRewriter(framing, means)
  return new Undecided((first) => {
    if (first === '{') return bodyRewriter(means)
    // Google's servers stream a list where nothing else was asked for.
    if (first === '[') return sent.stream ? streamRewriter('array', means) : bodyRewriter(means)
    return eventBeginnings.has(first) ? streamRewriter('sse', means) : bodyRewriter(means)
  })
}

/** First letters of the fields of an event, and of comments. */
const eventBeginnings: ReadonlySet<string> = new Set(['d', 'e', 'i', 'r', ':'])

function streamRewriter(framing: Framing, means: AnswerMeans): Rewriter {
  const { backend, facts, unwrap, usage } = means
  const source: StreamSource = { unframer: openUnframer(framing), reader: backend.openReader(facts), unwrap, usage }
  if (means.stream === undefined) {
    const fold = new Fold()
    const passage = passageTo(fold, means.way, means.expected, false)
    return new StreamToBody(source, passage, fold, (answer) => written(answer, means))
  }
  const { writer, passage } = openStream(means, means.stream)
  return new StreamToStream(source, passage, writer)
}

function bodyRewriter(means: AnswerMeans): Rewriter {
  const { backend, facts, stream } = means
  return new WholeAnswer((bytes) => {
    // That nothing came is told as it is.
    if (bytes.byteLength === 0) return []
    const body = objectIn(bytes)
    if (body === undefined) return unreadable('its answer is no JSON')
    const read = backend.readBody(means.unwrapBody?.(body) ?? body, facts)
    if (isResponse(read)) means.usage.take(read.usage)
    if (stream !== undefined) return streamOf(read, means, stream)
    return [written(isResponse(read) ? broughtBack(read, means.way) : read, means)]
  })
}

function isResponse(answer: CommonResponse | CommonError): answer is CommonResponse {
  return 'choices' in answer
}

/** In the client's words already. Of a part of an answer nothing, until all parts are there. */
function written(answer: CommonResponse | CommonError, means: AnswerMeans): Uint8Array {
  const { joint } = means
  if (joint === undefined) return writtenWhole(answer, means)
  const whole = joint.joint.add(joint.index, answer)
  return whole === undefined ? noBytes : writtenWhole(whole, means)
}

const noBytes = new Uint8Array()

function writtenWhole(answer: CommonResponse | CommonError, means: AnswerMeans): Uint8Array {
  const { client, context, notes, remember, late } = means
  if (!isResponse(answer)) return errorBytes(answer, errorMeansOf(means))
  const parts = answer.choices.flatMap((choice) => choice.parts)
  if (parts.some((part) => part.kind === 'native' && part.form !== client.form))
    notes.lose('dropped:server_tool_blocks')
  const body = client.writeBody(answer, context)
  remember?.({ form: client.form, body: context.body, answer: body, parts, keepsPlain: keepsPlainOf(means) })
  late?.tell()
  return encode(JSON.stringify(body))
}

function keepsPlainOf({ backend, facts }: AnswerMeans): boolean {
  return takesPlainThoughts(backend.form, facts.profile)
}

/** A whole answer for a client that wants a stream. */
function streamOf(answer: CommonResponse | CommonError, means: AnswerMeans, form: StreamForm): readonly Uint8Array[] {
  const { writer, passage } = openStream(means, form)
  const { ids, nowSeconds } = means.facts
  const events: readonly CommonEvent[] = isResponse(answer)
    ? unfolded(answer, ids, nowSeconds)
    : [{ event: 'error', error: answer }]
  for (const event of events) passage.first.take(event)
  return writer.pieces()
}

function openStream(means: AnswerMeans, form: StreamForm): { readonly writer: EventWriter; readonly passage: Passage } {
  const { joint } = means
  const stream = joint === undefined ? openOwn(means, form) : joint.joint.openStream(() => openOwn(means, form))
  const last = joint === undefined ? stream.last : joint.joint.sinkOf(joint.index, stream)
  return { writer: stream.writer, passage: passageTo(last, means.way, means.expected, stream.isSerial) }
}

function openOwn(means: AnswerMeans, form: StreamForm): JointStream {
  const { client, context, remember } = means
  const streamWriter = client.openWriter(context)
  const writer = new EventWriter(streamWriter, form)
  const last = remember === undefined ? writer : new Remembering(writer, means, remember)
  return { writer, last, isSerial: streamWriter.order === 'serial' }
}

// Limit: characters of thoughts and calls that are kept of a stream; of one with more nothing is remembered.
const rememberedMax = 4 * 1_048_576

/** Keeps what of a stream may be needed by the next request, for those who want to remember it when it is over. */
class Remembering implements EventSink {
  readonly #writer: EventWriter
  readonly #means: AnswerMeans
  readonly #remember: (answered: Answered) => void
  #fold: Fold | undefined = new Fold()
  readonly #thoughts = new Set<number>()

  constructor(writer: EventWriter, means: AnswerMeans, remember: (answered: Answered) => void) {
    this.#writer = writer
    this.#means = means
    this.#remember = remember
  }

  take(event: CommonEvent): void {
    if (this.#fold !== undefined && this.#isNeeded(event)) this.#fold.take(event)
    if ((this.#fold?.characters ?? 0) > rememberedMax) this.#fold = undefined
    this.#writer.take(event)
    if (event.event !== 'end') return
    const answer = this.#fold?.result()
    if (answer !== undefined && !isResponse(answer)) return
    const { client, context } = this.#means
    const { form } = client
    const parts = answer?.choices.flatMap((choice) => choice.parts) ?? []
    const keepsPlain = keepsPlainOf(this.#means)
    this.#remember({ form, body: context.body, answer: lastResponse(this.#writer.lastData), parts, keepsPlain })
  }

  /** What was said needs no place in memory, nor do the arguments of calls: their ids are enough. */
  #isNeeded(event: CommonEvent): boolean {
    switch (event.event) {
      case 'part_start':
        if (event.head.kind === 'reasoning') this.#thoughts.add(keyOf(event))
        return event.head.kind === 'reasoning' || event.head.kind === 'tool_call'
      case 'part_delta':
        return this.#thoughts.has(keyOf(event))
      case 'part_meta':
        return event.meta.opaque !== undefined
      case 'error':
      case 'end':
        return true
      case 'start':
      case 'part_end':
      case 'late_source':
      case 'usage':
      case 'finish':
      case 'keepalive':
        return false
    }
  }
}

/** Limit: parts of one choice that have a number of their own here. */
const partsMax = 2 ** 32

function keyOf({ choice, part }: { readonly choice: number; readonly part: number }): number {
  return choice * partsMax + part
}

/** The answer as the last event of the Responses form tells it. */
function lastResponse(data: string): JsonObject | undefined {
  return data.startsWith('{"type":"response.') ? asObject(asObject(parseJson(data))?.['response']) : undefined
}
