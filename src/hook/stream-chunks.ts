import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { AnswerChange } from '#core/rules.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'
import { BrokenBody, unreadable } from '#translate/translated-body.ts'
import { StreamPieces, type StreamPiece } from '#wire/stream-pieces.ts'
import { eventStream, lineStreams, mediaTypeOf } from '#wire/stream-type.ts'
import type { HookBook } from './book.ts'
import type { Hook, HookAsker, HookPorts } from './hook.ts'
import { callHook, isThenable, wordsOf, type Patience } from './run.ts'
import { SlowBody, type SlowRewriter } from './stream-body.ts'
import { EventWriter, readEvent, shownOf, type EventChange } from './stream-event.ts'

// Limit: an event of more bytes breaks the stream; images come in events of some MiB.
const eventBytesMax = 16 * 1_048_576

/** Changes streams that are in the client's form by these hooks, behind what else changes them. */
export function streamChange(
  hooks: readonly Hook[],
  ports: HookPorts,
  asker: HookAsker,
  before: AnswerChange | undefined,
): AnswerChange {
  return (came, call, clock) => {
    const response = before === undefined ? came : before(came, call, clock)
    const form = streamFormOf(response, call)
    const book = ports.hooks
    if (form === undefined || book === undefined) return response
    const encoding = response.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
    if (encoding !== '' && encoding !== 'identity') {
      if (!hooks.some(({ refuses }) => refuses)) return response
      return {
        ...response,
        body: new BrokenBody(unreadable('its stream is compressed against our wish'), response.body),
      }
    }
    const headers = response.headers.filter((name) => !ofBytes.has(name))
    const rewriter = new EventHooks(hooks, book, ports, { ...asker, model: call.model }, form)
    return { ...response, headers, body: new SlowBody(response.body, rewriter) }
  }
}

/** Tells length or sum of the bytes that came. */
const ofBytes: ReadonlySet<string> = new Set([
  'content-digest',
  'content-length',
  'content-md5',
  'digest',
  'etag',
  'repr-digest',
])

/** Undefined for what is no stream. */
function streamFormOf({ headers, status }: IncomingResponse, { endpoint, stream }: Call): StreamForm | undefined {
  if (status >= 300) return undefined
  const type = mediaTypeOf(headers.get('content-type') ?? '')
  const { stream: asked } = endpoint
  const isArray = asked === 'ndjson' || asked === 'gemini_array'
  if (type === eventStream) return asked === undefined || isArray ? 'chat' : asked
  if (lineStreams.has(type)) return 'ndjson'
  return stream && isArray ? asked : undefined
}

/** What a hook is handed. */
interface ToldEvent {
  readonly requestId: string
  readonly caller: string | undefined
  readonly path: string
  readonly model: string
  /** From 0. */
  readonly index: number
  /** Of a server-sent event that has one; empty otherwise. */
  readonly event: string
  readonly data: string
}

/** Hands every event of a stream to hooks, in order, and writes what they make of it. */
class EventHooks implements SlowRewriter {
  readonly #hooks: readonly Hook[]
  readonly #book: HookBook
  readonly #ports: HookPorts
  readonly #asker: HookAsker & { readonly model: string }
  readonly #form: StreamForm
  readonly #pieces: StreamPieces
  readonly #writer: EventWriter
  #count = 0
  /** Events that came, and how many of them are through. */
  #queue: readonly StreamPiece[] = []
  #at = 0
  /** What becomes of the next one, where that was asked already. */
  #awaited: Promise<EventChange> | undefined
  /** Bytes at the end that are no event. */
  #left: readonly Uint8Array[] | undefined
  #isTooLarge = false
  failure: TransportFailure | undefined

  constructor(
    hooks: readonly Hook[],
    book: HookBook,
    ports: HookPorts,
    asker: HookAsker & { readonly model: string },
    form: StreamForm,
  ) {
    this.#hooks = hooks
    this.#book = book
    this.#ports = ports
    this.#asker = asker
    this.#form = form
    this.#pieces = new StreamPieces(form)
    this.#writer = new EventWriter(form)
  }

  push(chunk: Uint8Array): void {
    this.#queue = this.#pieces.push(chunk)
    this.#at = 0
    if (this.#pieces.heldBytes > eventBytesMax) this.#isTooLarge = true
  }

  end(): void {
    const { rest } = this.#pieces
    if (rest.byteLength === 0) return
    const piece = this.#pieces.end()
    if (piece === undefined) this.#left = [rest]
    else {
      this.#queue = [piece]
      this.#at = 0
    }
  }

  /** All events at once while no hook gives a promise; those in front of one that does are not held up by it. */
  next(): readonly Uint8Array[] | Promise<readonly Uint8Array[]> | undefined {
    const made: Uint8Array[] = []
    const start = this.#at
    for (let piece = this.#queue[start]; piece !== undefined; piece = this.#queue[this.#at]) {
      const change = this.#awaited ?? this.#changeOf(piece)
      if (change instanceof Promise) {
        if (made.length > 0) {
          this.#awaited = change
          return made
        }
        this.#awaited = undefined
        return this.#later(piece, change)
      }
      this.#write(piece, change, made)
      this.#at += 1
      if (this.failure !== undefined) return made
    }
    if (this.#at > start) return made
    if (this.#isTooLarge) this.failure ??= unreadable('an event of its stream is too large')
    const left = this.#left
    this.#left = undefined
    return left
  }

  async #later(piece: StreamPiece, change: Promise<EventChange>): Promise<readonly Uint8Array[]> {
    const made: Uint8Array[] = []
    this.#write(piece, await change, made)
    this.#at += 1
    return made
  }

  #write(piece: StreamPiece, change: EventChange, made: Uint8Array[]): void {
    if (this.failure !== undefined) return
    if (change === undefined) made.push(this.#writer.plain(piece))
    else if (change === 'drop') this.#writer.drop(piece)
    else made.push(this.#writer.changed(piece, change))
  }

  #changeOf(piece: StreamPiece): EventChange | Promise<EventChange> {
    const data = shownOf(piece, this.#form)
    if (data === undefined) return undefined
    const told: ToldEvent = { ...this.#asker, index: this.#count, event: piece.event, data }
    this.#count += 1
    return this.#ask(0, told, undefined)
  }

  /** One hook after the other; each sees what the one before made of it. */
  #ask(from: number, told: ToldEvent, before: EventChange): EventChange | Promise<EventChange> {
    let current = told
    let change = before
    for (let at = from; at < this.#hooks.length; at += 1) {
      const hook = this.#hooks[at]
      if (hook === undefined) continue
      const given = this.#call(hook, current)
      if (given instanceof Promise) {
        const shown = current
        const soFar = change
        return given.then(async (later) => {
          if (later === 'drop' || this.failure !== undefined) return later
          return await this.#ask(at + 1, after(shown, later), joined(soFar, later))
        })
      }
      if (given === 'drop' || this.failure !== undefined) return given
      change = joined(change, given)
      current = after(current, given)
    }
    return change
  }

  #call(hook: Hook, told: ToldEvent): EventChange | Promise<EventChange> {
    const { target } = hook
    if (target.kind !== 'function') return undefined
    if (this.#book.restOf(hook, this.#ports.clock) !== undefined) return this.#faulty(hook)
    const { clock, log } = this.#ports
    const startedMs = clock.monotonicMs()
    let given: unknown
    try {
      // A copy for each, which it may do to what it likes.
      given = target.run({ ...told })
      if (isThenable(given)) return this.#promised(hook, given)
      const change = readEvent(given)
      if (clock.monotonicMs() - startedMs <= hook.timeoutMs) this.#book.succeeded(hook, log)
      else this.#failed(hook, 'timeout', `it took more than ${hook.timeoutMs} ms at one go`)
      return change
    } catch (error) {
      this.#failed(hook, 'failed', wordsOf(error))
      return this.#faulty(hook)
    }
  }

  async #promised(hook: Hook, given: PromiseLike<unknown>): Promise<EventChange> {
    const act = (_patience: Patience): unknown => given
    const { requestId } = this.#asker
    const called = await callHook(hook, this.#book, this.#ports, requestId, act, readEvent)
    return called.kind === 'value' ? called.value : this.#faulty(hook)
  }

  #failed(hook: Hook, why: 'failed' | 'timeout', reason: string): void {
    this.#book.failed(hook, { why, reason }, this.#ports, this.#asker.requestId)
  }

  /** The event as it came, or the end of the stream. */
  #faulty(hook: Hook): undefined {
    if (hook.refuses) this.failure = { ...unreadable('a hook of the gateway failed'), isOurs: true }
    return undefined
  }
}

/** The later one counts; an event keeps its name where it says nothing of it. */
function joined(before: EventChange, later: EventChange): EventChange {
  if (later === undefined || later === 'drop') return later ?? before
  return { data: later.data, event: later.event ?? (typeof before === 'object' ? before.event : undefined) }
}

function after(told: ToldEvent, change: EventChange): ToldEvent {
  if (change === undefined || change === 'drop') return told
  return { ...told, data: change.data, event: change.event ?? told.event }
}
