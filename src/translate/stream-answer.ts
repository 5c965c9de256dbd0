import type { TransportFailure } from '#ports/transport.ts'
import type { StreamReader } from './codec.ts'
import type { CommonError, CommonEvent, CommonResponse } from './common.ts'
import type { EventWriter } from './event-writer.ts'
import type { Fold } from './fold.ts'
import type { Passage } from './passage.ts'
import { unreadable, type Rewriter } from './translated-body.ts'
import type { FramedSink, Unframer } from './unframe.ts'
import type { UsageNote } from './usage-note.ts'

/** What a cloud puts around an event, taken off; undefined for an event of its own. */
export type Unwrap = (name: string, data: string) => { readonly name: string; readonly data: string } | undefined

/** A backend's stream, about to be read. */
export interface StreamSource {
  readonly unframer: Unframer
  readonly reader: StreamReader
  readonly unwrap: Unwrap | undefined
  readonly usage?: UsageNote | undefined
}

// Limit: an event of more bytes breaks the stream; images come in events of some MiB.
const eventBytesMax = 16 * 1_048_576

// Limit: characters of a stream; some clients are told all of it once more at its end.
const streamedMax = 64 * 1_048_576

/** Reads a backend's stream and hands its events on. */
class StreamIntake implements FramedSink {
  readonly #source: StreamSource
  readonly #passage: Passage
  #isCut = false
  #characters = 0
  failure: TransportFailure | undefined

  constructor(source: StreamSource, passage: Passage) {
    this.#source = source
    this.#passage = passage
  }

  push(chunk: Uint8Array): void {
    const { unframer } = this.#source
    unframer.push(chunk, this)
    if (unframer.heldBytes > eventBytesMax) this.failure = unreadable('an event of its stream is too large')
  }

  end(): void {
    const { unframer, reader } = this.#source
    unframer.end(this)
    if (unframer.isTorn) this.#isCut = true
    if (!this.#isCut) this.#takeAll(reader.end())
  }

  takeFramed(name: string, data: string): void {
    if (this.#isCut) return
    const { reader, unwrap } = this.#source
    if (unwrap === undefined) return this.#takeAll(reader.push(name, data))
    const event = unwrap(name, data)
    if (event !== undefined) this.#takeAll(reader.push(event.name, event.data))
  }

  /** That a stream ends before its time is for those to see who wait for its last word; what it left open stays open. */
  #takeAll(events: readonly CommonEvent[]): void {
    this.#isCut = events.some((event) => event.event === 'error' && event.error.code === 'stream_incomplete')
    if (this.#isCut) return
    for (const event of events) {
      if (event.event === 'part_delta') this.#characters += event.text.length
      else if (event.event === 'usage') this.#source.usage?.take(event.usage)
      this.#passage.first.take(event)
    }
    if (this.#characters > streamedMax) this.failure = unreadable('its stream is too large to be translated')
  }
}

/** A backend's stream → a stream in the client's form. */
export class StreamToStream implements Rewriter {
  readonly #intake: StreamIntake
  readonly #passage: Passage
  readonly #writer: EventWriter

  /** `passage` leads to `writer`. */
  constructor(source: StreamSource, passage: Passage, writer: EventWriter) {
    this.#intake = new StreamIntake(source, passage)
    this.#passage = passage
    this.#writer = writer
  }

  /** Behind its last word an upstream has but its own end, which may be awaited: its connection can be used again then. */
  get isOver(): boolean {
    return this.#writer.isBroken || this.#passage.isOver
  }

  get failure(): TransportFailure | undefined {
    return this.#intake.failure
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (this.#writer.isOver) return nothing
    this.#intake.push(chunk)
    return this.#writer.pieces()
  }

  end(): readonly Uint8Array[] {
    if (this.#writer.isOver) return nothing
    this.#intake.end()
    return this.#writer.pieces()
  }
}

// Limit: characters of an answer that is put together from a stream.
const charactersMax = 32 * 1_048_576

/** A backend's stream → a body in the client's form. */
export class StreamToBody implements Rewriter {
  readonly #intake: StreamIntake
  readonly #passage: Passage
  readonly #fold: Fold
  readonly #write: (answer: CommonResponse | CommonError) => Uint8Array
  #isOver = false
  #failure: TransportFailure | undefined

  /** `passage` leads to `fold`. */
  constructor(
    source: StreamSource,
    passage: Passage,
    fold: Fold,
    write: (answer: CommonResponse | CommonError) => Uint8Array,
  ) {
    this.#intake = new StreamIntake(source, passage)
    this.#passage = passage
    this.#fold = fold
    this.#write = write
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get failure(): TransportFailure | undefined {
    return this.#failure ?? this.#intake.failure
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#intake.push(chunk)
    if (this.#fold.characters > charactersMax) this.#failure = unreadable('its answer is too large')
    // Whoever said its last word need not hang up, too.
    const isOver = this.#passage.isOver || this.#fold.hasFailed || this.#fold.isComplete
    return isOver ? this.#conclude() : nothing
  }

  end(): readonly Uint8Array[] {
    this.#intake.end()
    return this.#conclude()
  }

  #conclude(): readonly Uint8Array[] {
    this.#isOver = true
    const answer = this.#fold.result()
    if (answer !== undefined) return [this.#write(answer)]
    this.#failure ??= cut
    return nothing
  }
}

const cut: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'other',
  message: 'its stream ended before it was complete',
}

const nothing: readonly Uint8Array[] = []
