import type { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'
import type { Frame, Script } from './script.ts'

/** How a mock's answer ended: sent whole, left by the other side, or broken off on purpose. */
export type MockEnd = 'complete' | 'aborted' | 'cut'

/** Plays a body in time. Stopping or cancelling it ends it and its timer; `onEnd` is told once. */
export class PlayedBody implements IncomingBody {
  readonly whole = undefined
  readonly #frames: Iterator<Frame>
  readonly #ending: Script['ending']
  readonly #clock: Clock
  readonly #onEnd: (how: MockEnd) => void
  readonly #stop: Stop
  #dueMs: number
  /** The next write, whose time has not come. */
  #frame: Frame | undefined
  #disarm: (() => void) | undefined
  #sink: BodySink | undefined
  #waiting: ((step: Uint8Array | 'end' | TransportFailure) => void) | undefined
  #isPaused = false
  #isFlowing = false
  /** How it ended for who reads it, once it did. */
  #outcome: 'end' | TransportFailure | undefined

  constructor(script: Script, clock: Clock, stop: Stop, onEnd: (how: MockEnd) => void) {
    this.#frames = script.frames[Symbol.iterator]()
    this.#ending = script.ending
    this.#clock = clock
    this.#onEnd = onEnd
    this.#dueMs = clock.monotonicMs()
    this.#stop = stop
    stop.tell(this)
  }

  onStop(): void {
    this.#end('aborted', broken('aborted', 'the request was aborted'))
  }

  async read(): Promise<Uint8Array | 'end' | TransportFailure> {
    if (this.#outcome !== undefined) return this.#outcome
    return await new Promise((resolve) => {
      this.#waiting = resolve
      this.#go()
    })
  }

  /** What a read still waits for goes to the sink, too. */
  flow(sink: BodySink): void {
    this.#waiting = undefined
    if (this.#outcome === 'end') return sink.onEnd()
    if (this.#outcome !== undefined) return this.#outcome === unwanted ? undefined : sink.onBreak(this.#outcome)
    this.#sink = sink
    this.#go()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#go()
  }

  cancel(): void {
    this.#sink = undefined
    this.#end('aborted', unwanted)
  }

  /** Writes whatever is due and wanted, then waits for the next time. */
  #go(): void {
    // A sink that resumes in the middle of a write goes on below.
    if (this.#isFlowing) return
    this.#isFlowing = true
    while (this.#isWanted() && this.#disarm === undefined) {
      const next = this.#frame ?? this.#nextFrame()
      if (next === undefined) {
        if (this.#ending !== 'stall') this.#finish(this.#ending)
        break
      }
      const waitMs = this.#dueMs - this.#clock.monotonicMs()
      if (waitMs >= 1) {
        this.#disarm = this.#clock.after(waitMs, () => {
          this.#disarm = undefined
          this.#go()
        })
        break
      }
      this.#frame = undefined
      this.#write(next.bytes)
    }
    this.#isFlowing = false
  }

  #isWanted(): boolean {
    if (this.#outcome !== undefined) return false
    return this.#sink === undefined ? this.#waiting !== undefined : !this.#isPaused
  }

  /** Due times add up, so that a rate above a thousand per second is kept on average. */
  #nextFrame(): Frame | undefined {
    const next = this.#frames.next()
    if (next.done === true) return undefined
    this.#dueMs += next.value.waitMs
    this.#frame = next.value
    return next.value
  }

  #write(bytes: Uint8Array): void {
    if (this.#sink !== undefined) return this.#sink.onPiece(bytes)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(bytes)
  }

  #finish(how: 'complete' | 'cut'): void {
    this.#end(how, how === 'complete' ? 'end' : broken('reset', 'the connection was reset before the answer was whole'))
  }

  #end(how: MockEnd, outcome: 'end' | TransportFailure): void {
    if (this.#outcome !== undefined) return
    const sink = this.#sink
    const waiting = this.#waiting
    this.#outcome = outcome
    this.#sink = undefined
    this.#waiting = undefined
    this.#disarm?.()
    this.#stop.forget(this)
    this.#onEnd(how)
    waiting?.(outcome)
    if (outcome === 'end') sink?.onEnd()
    else sink?.onBreak(outcome)
  }
}

function broken(cause: 'aborted' | 'reset', message: string): TransportFailure {
  return { kind: 'transport_failure', phase: 'body', cause, message }
}

const unwanted = broken('aborted', 'the body was not wanted any more')
