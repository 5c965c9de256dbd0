import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Failure } from '#core/failure.ts'
import { asBuffer } from '#kit/bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { HeaderList } from '#kit/header-list.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { findError } from '#wire/error-in-body.ts'
import { openGate } from '#wire/gate.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { bearsForm } from '#wire/stream-form.ts'
import { HeadJudge } from '#wire/stream-head.ts'
import { eventStream, isStreamType, lineStreams, mediaTypeOf } from '#wire/stream-type.ts'
import { isEncoded, textOf } from './decode.ts'
import { brokenFailure, reportedFailure, unfitFailure } from './failure.ts'
import type { Awaited, Intake, Step } from './intake.ts'
import { isKnownPath } from './missing-model.ts'

/** The answer may be sent: what the intake holds, then the rest unless that was all. */
export interface Fit {
  readonly kind: 'fit'
  readonly isWhole: boolean
  readonly form: StreamForm | undefined
}

/** What is asked of the answer beyond its beginning to be one. */
export interface Wanted {
  /** All of a stream, complete. */
  readonly holds: boolean
  /** In this time, from the first content on; 0 = no limit. */
  readonly durationMs: number
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly trip: { contentCame(): void }
}

/** Reads as much of an answer with a good status as it takes to know that it is one. */
export async function judgeBody(
  intake: Intake,
  response: IncomingResponse,
  call: Call,
  wanted: Wanted,
): Promise<Fit | Failure> {
  const { status, headers } = response
  const type = mediaType(headers)
  if (call.endpoint.reads === 'nothing') return await judgeRaw(intake, response, type, call, wanted)
  const wrongType = unfitType(call, type, status)
  if (wrongType !== undefined) return wrongType
  const first = await intake.next()
  if (first === 'end') return nothing(status, type, call)
  if (!(first instanceof Uint8Array)) return interrupted(intake, status, first)
  const form = streamForm(call, type, first)
  if (form === undefined) {
    return isJson(type) || looksLikeJson(type, first) ? await judgeJson(intake, response, call, first) : passed
  }
  if (!isEncoded(headers)) {
    const judged = await judgeStream(intake, status, call, form, first)
    return wanted.holds && judged.kind === 'fit' ? await judgeHeld(intake, status, form, wanted) : judged
  }
  // Nothing of it could be judged or watched. A client that asked for no stream was free to ask for compression.
  return call.stream ? unfitFailure('invalid_response', status, 'its stream is compressed against our wish') : passed
}

/** The same for an answer that came at once, which nothing has to be waited for. */
export function judgeWhole(intake: Intake, body: Uint8Array, response: IncomingResponse, call: Call): Fit | Failure {
  const { status, headers } = response
  if (call.endpoint.reads === 'nothing') {
    if (body.byteLength > 0) intake.takeWhole(body)
    return whole
  }
  const type = mediaType(headers)
  const wrongType = unfitType(call, type, status)
  if (wrongType !== undefined) return wrongType
  if (body.byteLength === 0) return nothing(status, type, call)
  intake.takeWhole(body)
  if (!isJson(type) && !looksLikeJson(type, body)) return whole
  if (body.byteLength >= judgedBytesMax && !beginsLikeError(intake, headers)) return whole
  const reported = reportedIn(intake, headers)
  return reported === undefined ? whole : reportedFailure(status, reported, call)
}

/**
 * An answer to a request that nobody read is nobody's to judge. What is small is awaited for a moment, because it may
 * still break off and come from elsewhere, and so that its length can be told; the streams of models keep what is promised
 * of streams; anything else goes on as it comes.
 */
async function judgeRaw(
  intake: Intake,
  response: IncomingResponse,
  type: string,
  call: Call,
  wanted: Wanted,
): Promise<Fit | Failure> {
  const { status, headers, body } = response
  const form = status >= 300 || isEncoded(headers) ? undefined : rawForm(call.endpoint.stream, type)
  if (form !== undefined) {
    const judged = await judgeStream(intake, status, call, form, await intake.next())
    const isToBeHeld = wanted.holds && judged.kind === 'fit' && judged.form !== undefined
    return isToBeHeld ? await judgeHeld(intake, status, form, wanted) : judged
  }
  const length = Number(headers.get('content-length') ?? Infinity)
  if (body.whole === undefined && (isStreamType(type) || length > keptBytesMax)) return passed
  let step = await intake.next()
  while (step instanceof Uint8Array) step = await intake.next()
  return step === 'end' ? whole : interrupted(intake, status, step)
}

/** Limit: larger answers that nobody reads are not kept. */
const keptBytesMax = 1_048_576

/** Of an answer on a path that models have, as its type tells. */
function rawForm(stream: StreamForm | undefined, type: string): StreamForm | undefined {
  if (stream === undefined) return undefined
  if (stream === 'ndjson') return lineStreams.has(type) ? stream : undefined
  if (stream === 'gemini_array' || stream === 'gemini_sse') {
    return type === eventStream ? 'gemini_sse' : isJson(type) ? 'gemini_array' : undefined
  }
  return type === eventStream ? stream : undefined
}

/** Most answers: their status is good, and they are no stream, whose end would have to be watched. */
export function isPlain({ status, headers }: IncomingResponse, call: Call): boolean {
  return status < 300 && !call.stream && mediaType(headers) !== eventStream
}

/** So short that it is read to its end before it is judged anyway. */
export function tellsShortLength(response: IncomingResponse, call: Call): boolean {
  if (!isPlain(response, call)) return false
  const length = response.headers.get('content-length')
  return length !== null && Number(length) <= judgedBytesMax
}

/** What no client of this endpoint could read, whatever it says. */
function unfitType(call: Call, type: string, status: number): Failure | undefined {
  if (type === 'text/html') {
    // Servers with a web page of their own show it for every path that they do not know.
    const message = 'it answered with an HTML page instead of a model answer'
    return unfitFailure('invalid_response', status, message, isKnownPath(call))
  }
  if (call.stream && call.endpoint.stream !== undefined && isOtherStream(call.endpoint.stream, type)) {
    return unfitFailure('invalid_response', status, `it answered with a stream of type ${type}`)
  }
  return undefined
}

/** Streams of other APIs, which some servers answer with all the same. */
function isOtherStream(form: StreamForm, type: string): boolean {
  if (type === 'application/vnd.amazon.eventstream') return true
  return form === 'ndjson' ? type === eventStream : lineStreams.has(type)
}

/**
 * Holds a stream back until content comes, so that one which fails before it can still be replaced. To a request that
 * nobody read, it is one of models only if its events are: others flow, and nothing is expected of them.
 */
async function judgeStream(
  intake: Intake,
  status: number,
  call: Call,
  form: StreamForm,
  first: Step,
): Promise<Fit | Failure> {
  const judge = new HeadJudge(form)
  let isOfForm = call.endpoint.reads !== 'nothing'
  for (let step = first; ; step = await intake.next(judge.hasEvents ? 'content' : 'event')) {
    if (step instanceof Uint8Array || step === 'end') {
      const verdict = step === 'end' ? judge.end() : judge.push(step)
      if (!isOfForm && typeof verdict === 'string' && (verdict !== 'more' || judge.hasEvents)) {
        isOfForm = bearsForm(form, intake.held)
        if (!isOfForm) return step === 'end' ? whole : passed
      }
      if (verdict === 'content') return contentFit(intake, status, form)
      if (verdict === 'empty') return unfitFailure('empty', status, 'its stream ended before any content')
      if (verdict !== 'more') return reportedFailure(status, verdict, call)
    } else if (step === 'late') {
      return isOfForm ? { kind: 'fit', isWhole: false, form } : passed
    } else {
      return interrupted(intake, status, step)
    }
  }
}

/** Without the half of an event in which a transfer broke off. */
function wholeEvents(pieces: readonly Uint8Array[], form: StreamForm): Uint8Array[] {
  const gate = openGate(form)
  const whole = pieces.map((piece) => gate.push(piece))
  return [...whole, gate.mended()].filter((piece) => piece !== undefined)
}

/** All of a short stream may be there already, and so the lack of its end. */
function contentFit(intake: Intake, status: number, form: StreamForm): Fit | Failure {
  if (intake.hasEnded) {
    const end = new StreamEnd(form)
    for (const piece of intake.held) end.see(piece)
    if (end.verdict() === 'incomplete') return endedEarly(status)
  }
  return { kind: 'fit', isWhole: false, form }
}

function endedEarly(status: number): Failure {
  return unfitFailure('incomplete', status, 'its stream ended before it was complete')
}

/** Limit: a stream that is held and grows beyond this is sent on from there. */
const heldStreamBytesMax = 64 * 1_048_576

/** Holds a whole stream back, until it is complete or its route has failed. */
async function judgeHeld(intake: Intake, status: number, form: StreamForm, wanted: Wanted): Promise<Fit | Failure> {
  const { durationMs, clock, trip } = wanted
  trip.contentCame()
  const startedMs = clock.monotonicMs()
  const end = new StreamEnd(form)
  for (const piece of intake.held) end.see(piece)
  let awaited: Awaited = 'lull'
  while (intake.heldBytes <= heldStreamBytesMax) {
    const step = await intake.next(awaited)
    if (durationMs > 0 && clock.monotonicMs() - startedMs >= durationMs) {
      return unfitFailure('total_timeout', status, 'its stream took longer than streaming.max_duration', false)
    }
    awaited = step === 'lull' ? 'body' : 'lull'
    if (step instanceof Uint8Array) {
      end.see(step)
      continue
    }
    const verdict = end.verdict()
    // Whose fault the error is was not asked, so it is held against nobody.
    if (verdict === 'errored')
      return unfitFailure('error_in_body', status, 'its stream ended with an error event', false)
    if (verdict === 'complete' && (step !== 'lull' || end.isOver)) {
      intake.discard()
      if (step !== 'end') intake.keepOnly(wholeEvents(intake.held, form))
      return { kind: 'fit', isWhole: true, form }
    }
    if (step === 'lull') continue
    if (step === 'end') return endedEarly(status)
    return interrupted(intake, status, step)
  }
  return { kind: 'fit', isWhole: false, form }
}

/** Limit: a JSON body that goes on beyond this is sent on, unless it begins like an error. */
const judgedBytesMax = 16_384

/** Limit: an error that is larger than this is taken for an answer. */
const errorBytesMax = 1_048_576

async function judgeJson(intake: Intake, response: IncomingResponse, call: Call, first: Step): Promise<Fit | Failure> {
  const { status, headers } = response
  let step = first
  while (step instanceof Uint8Array) {
    if (intake.heldBytes >= judgedBytesMax && !beginsLikeError(intake, headers)) return passed
    if (intake.heldBytes >= errorBytesMax) return passed
    step = await intake.next()
  }
  if (step === 'late') return passed
  if (step !== 'end') return interrupted(intake, status, step)
  const reported = reportedIn(intake, headers)
  return reported === undefined ? whole : reportedFailure(status, reported, call)
}

/** Every error form holds this word with its quotes; looking for it spares parsing nearly every answer. */
function reportedIn(intake: Intake, headers: HeaderList): ReturnType<typeof findError> {
  const body = intake.bytes()
  if (isEncoded(headers)) {
    const text = textOf(body, headers)
    return text.includes('"error"') ? findError(text) : undefined
  }
  const bytes = asBuffer(body)
  return bytes.includes('"error"') ? findError(bytes.toString('utf8')) : undefined
}

function beginsLikeError(intake: Intake, headers: HeaderList): boolean {
  const [first] = intake.held
  if (first === undefined || isEncoded(headers)) return false
  return errorBeginning.test(asBuffer(first).toString('latin1', 0, 256))
}

const errorBeginning = /^\s*(?:\[\s*)?\{\s*"(?:error"|(?:type|object)"\s*:\s*"error")/

const passed: Fit = { kind: 'fit', isWhole: false, form: undefined }
const whole: Fit = { kind: 'fit', isWhole: true, form: undefined }

/** An empty body is an answer only where the status or the type says so. */
function nothing(status: number, type: string, call: Call): Fit | Failure {
  const mayBeEmpty = status === 204 || status === 205 || (type !== '' && !isStreamType(type) && !isJson(type))
  return mayBeEmpty ? whole : unfitFailure('empty', status, 'its answer is empty', isKnownPath(call))
}

function interrupted(intake: Intake, status: number, step: Exclude<Step, Uint8Array | 'end'>): Fit | Failure {
  if (step === 'late' || step === 'lull') return passed
  if (step === 'overdue') return unfitFailure('first_byte_timeout', status, 'its stream brought no content in time')
  if (step !== 'silent') return brokenFailure(step)
  return intake.heldBytes === 0
    ? unfitFailure('first_byte_timeout', status, 'its answer had a head and then no body in time')
    : unfitFailure('idle_timeout', status, 'it fell silent in the middle of its answer')
}

/** How the body is framed as a stream; undefined for bodies and for streams whose end nobody knows. */
function streamForm(call: Call, type: string, first: Uint8Array): StreamForm | undefined {
  const { dialect, stream } = call.endpoint
  if (stream === undefined) return undefined
  if (stream === 'ndjson') {
    const isUntold = (type === '' || type === 'text/plain') && call.stream
    return lineStreams.has(type) || (isUntold && looksLikeJson(type, first)) ? stream : undefined
  }
  if (type === eventStream) return dialect === 'gemini' ? 'gemini_sse' : stream
  if (!call.stream) return undefined
  if (dialect === 'gemini' && isJson(type)) return 'gemini_array'
  // Some servers forget the type of a stream, or call it text.
  return (type === '' || type === 'text/plain') && eventBeginning.test(beginning(first)) ? stream : undefined
}

const eventBeginning = /^(?:\xef\xbb\xbf)?\s*(?:data:|event:|id:|retry:|:)/

function beginning(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1', 0, 64)
}

function mediaType(headers: HeaderList): string {
  return mediaTypeOf(headers.get('content-type') ?? '')
}

function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json')
}

function looksLikeJson(type: string, first: Uint8Array): boolean {
  return (type === '' || type === 'text/plain') && /^\s*[{[]/.test(beginning(first))
}
