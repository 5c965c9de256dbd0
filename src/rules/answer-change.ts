import type { AnswerChange } from '#core/rules.ts'
import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'
import { BrokenBody, rewritten, unreadable, type Rewriter } from '#translate/translated-body.ts'
import { Undecided } from '#translate/whole-answer.ts'
import { startOfElement } from '#wire/element-scanner.ts'
import { StreamPieces, type StreamPiece } from '#wire/stream-pieces.ts'
import { eventStream, lineStreams, mediaTypeOf } from '#wire/stream-type.ts'
import { JsonChange, type AnswerRule } from './answer-rule.ts'

/** Changes bodies, and every event of streams, by these rules. */
export function answerChange(rules: readonly AnswerRule[]): AnswerChange {
  const changes = {
    plain: new JsonChange(rules),
    responses: new JsonChange(rules, ['response']),
    messages: new JsonChange(rules, ['message']),
  }
  return (response, call, clock) => {
    const form = streamFormOf(response, call)
    if (form === undefined && !isJson(response)) return response
    if (isCompressed(response)) {
      const body = new BrokenBody(unreadable('its answer is compressed against our wish'), response.body)
      return response.status < 300 ? { ...response, body } : response
    }
    const whole = (): Rewriter => new WholeChange(changes.plain, clock)
    const stream = (of: StreamForm): Rewriter =>
      new StreamChange(of, of === 'responses' || of === 'messages' ? changes[of] : changes.plain, clock)
    const asked = call.stream && response.status < 300 ? call.endpoint.stream : undefined
    const rewriter =
      form !== undefined
        ? stream(form)
        : asked === undefined
          ? whole()
          : // Some servers call their streams JSON.
            new Undecided((first) => (first === '{' || first === '[' ? whole() : stream(asked)))
    return { ...response, headers: withoutDigests(response), body: rewritten(response.body, rewriter) }
  }
}

/** Undefined for what is no stream. */
function streamFormOf({ headers, status }: IncomingResponse, { endpoint, stream }: Call): StreamForm | undefined {
  const type = mediaTypeOf(headers.get('content-type') ?? '')
  if (type === eventStream) {
    return endpoint.stream === undefined || endpoint.stream === 'gemini_array' || endpoint.stream === 'ndjson'
      ? 'chat'
      : endpoint.stream
  }
  if (lineStreams.has(type)) return 'ndjson'
  if (status >= 300 || !stream) return undefined
  return endpoint.stream === 'ndjson' || endpoint.stream === 'gemini_array' ? endpoint.stream : undefined
}

function isJson({ headers }: IncomingResponse): boolean {
  const type = mediaTypeOf(headers.get('content-type') ?? '')
  return type === '' || type === 'application/json' || type.endsWith('+json')
}

function isCompressed({ headers }: IncomingResponse): boolean {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  return encoding !== '' && encoding !== 'identity'
}

/** What tells length or sum of the bytes that came. */
function withoutDigests({ headers }: IncomingResponse): IncomingResponse['headers'] {
  // What a translation learns of the body goes into the list that it made.
  if (!ofBytes.values().some((name) => headers.has(name))) return headers
  return headers.filter((name) => !ofBytes.has(name.toLowerCase()))
}

const ofBytes: ReadonlySet<string> = new Set([
  'content-digest',
  'content-length',
  'content-md5',
  'digest',
  'etag',
  'repr-digest',
])

// Limit: bytes of a body that is changed; it has to be in memory as a whole.
const bodyBytesMax = 64 * 1_048_576

// Limit: an event of more bytes breaks the stream; images come in events of some MiB.
const eventBytesMax = 16 * 1_048_576

const nothing: readonly Uint8Array[] = []

/** A body that is one text in JSON. */
class WholeChange implements Rewriter {
  readonly #change: JsonChange
  readonly #clock: Pick<Clock, 'wallMs'>
  #pieces: Uint8Array[] = []
  #bytes = 0
  readonly isOver = false
  failure: TransportFailure | undefined

  constructor(change: JsonChange, clock: Pick<Clock, 'wallMs'>) {
    this.#change = change
    this.#clock = clock
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#bytes += chunk.byteLength
    if (this.#bytes > bodyBytesMax) {
      this.#pieces = []
      this.failure = unreadable('its answer is too large to be changed')
    } else this.#pieces.push(chunk)
    return nothing
  }

  end(): readonly Uint8Array[] {
    const body = concat(this.#pieces)
    this.#pieces = []
    return body.byteLength === 0 ? nothing : [this.#change.of(body, this.#clock.wallMs())]
  }
}

/** A stream, event by event; what holds no JSON goes on as it came. */
class StreamChange implements Rewriter {
  readonly #form: StreamForm
  readonly #pieces: StreamPieces
  readonly #change: JsonChange
  readonly #clock: Pick<Clock, 'wallMs'>
  readonly isOver = false
  failure: TransportFailure | undefined

  constructor(form: StreamForm, change: JsonChange, clock: Pick<Clock, 'wallMs'>) {
    this.#form = form
    this.#pieces = new StreamPieces(form)
    this.#change = change
    this.#clock = clock
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const pieces = this.#pieces.push(chunk)
    if (this.#pieces.heldBytes > eventBytesMax) this.failure = unreadable('an event of its stream is too large')
    if (pieces.length === 0) return nothing
    return [concat(pieces.map((piece) => this.#changed(piece)))]
  }

  end(): readonly Uint8Array[] {
    const { rest } = this.#pieces
    if (rest.byteLength === 0) return nothing
    const piece = this.#pieces.end()
    return [piece === undefined ? rest : this.#changed(piece)]
  }

  #changed({ raw, data }: StreamPiece): Uint8Array {
    if (data === undefined) return raw
    const text = this.#form === 'gemini_array' ? elementOf(raw) : data
    if (!/^\s*[[{]/.test(text)) return raw
    const json = encode(text)
    const changed = this.#change.of(json, this.#clock.wallMs())
    return changed === json ? raw : replaced(raw, json, changed)
  }
}

function elementOf(raw: Uint8Array): string {
  const text = asBuffer(raw).toString('utf8')
  return text.slice(startOfElement(text))
}

/** The piece with other data. Data in several lines keep what stands in front of them. */
function replaced(raw: Uint8Array, data: Uint8Array, changed: Uint8Array): Uint8Array {
  const at = asBuffer(raw).lastIndexOf(data)
  if (at !== -1) return concat([raw.subarray(0, at), changed, raw.subarray(at + data.length)])
  const lines = asBuffer(raw)
    .toString('utf8')
    .split(/(?<=\r\n|\n|\r(?!\n))/)
  const first = lines.findIndex(isData)
  if (first === -1) return concat([changed, encode('\n')])
  const lineEnd = /[\r\n]+$/.exec(lines[first] ?? '')?.[0] ?? '\n'
  const told = asBuffer(changed)
    .toString('utf8')
    .split('\n')
    .map((line) => `data: ${line}${lineEnd}`)
  return encode(lines.flatMap((line, index) => (index === first ? told : isData(line) ? [] : [line])).join(''))
}

function isData(line: string): boolean {
  return /^\ufeff?data(?::|[\r\n]|$)/.test(line)
}
