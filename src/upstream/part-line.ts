import type { Failure } from '#core/failure.ts'
import type { Stop } from '#kit/stop.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'
import type { Parts } from '#translate/asked.ts'
import { mediaTypeOf } from '#wire/stream-type.ts'

/** What one request brought. */
export type Came = IncomingResponse | TransportFailure | Failure

/** Sends one of the requests. Never rejects. */
export type AskPart = (index: number) => Promise<Came>

/** Limit: requests of one try that are under way at once. */
const atOnceMax = 4

/** Which of the requests of a try is next, a few at a time, and what ended the try. */
export class PartLine {
  readonly stop: Stop
  readonly #parts: Parts
  /** Those that found no place while others of them had it. */
  readonly #back: number[] = []
  #next = 0
  #running = 0

  constructor(parts: Parts, stop: Stop) {
    this.#parts = parts
    this.stop = stop
  }

  /** As many as may be under way at once. */
  get width(): number {
    return Math.min(atOnceMax, this.#parts.count)
  }

  take(): number | undefined {
    if (this.stop.isAsked) return undefined
    const index = this.#back.pop() ?? (this.#next < this.#parts.count ? this.#next++ : undefined)
    if (index !== undefined) this.#running++
    return index
  }

  left(): void {
    this.#running--
  }

  /**
   * It waited for a connection that others of this try have: it is sent behind them, and one less of them at once. Where
   * nobody of this try has one, it is as for any other request.
   */
  mayWait(index: number, came: Came): boolean {
    if (came.kind !== 'transport_failure' || came.phase !== 'queue' || came.cause === 'aborted') return false
    if (this.#running === 0) return false
    this.#back.push(index)
    return true
  }
}

/** Redirects and web pages are no answers, though nobody calls them errors. */
export function isGood({ status, headers }: IncomingResponse): boolean {
  return status >= 200 && status < 300 && mediaTypeOf(headers.get('content-type') ?? '') !== 'text/html'
}

/** What somebody is told who waits for what was given up. */
export const unwanted: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'aborted',
  message: 'the body was not wanted any more',
}
