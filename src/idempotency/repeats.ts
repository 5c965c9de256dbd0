import type { Clock } from '#ports/clock.ts'
import type { RepeatPolicy } from './compile.ts'

/** An answer as its client got it. */
export interface KeptAnswer {
  /** Of the request that it was the answer to. */
  readonly requestId: string
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array<ArrayBuffer>
}

/** What becomes of a request with a key: it is the first and has to be done, or there is something to say at once. */
export type Claim =
  | { readonly kind: 'first'; readonly run: Run }
  | { readonly kind: 'running'; readonly run: Run }
  | { readonly kind: 'answered'; readonly answer: KeptAnswer }
  /** It was done, and its answer was too large to be kept. */
  | { readonly kind: 'not_kept' }
  | { readonly kind: 'other_request' }
  | { readonly kind: 'full' }

/** Limit: bytes that an entry is taken to need beside its answer. */
const entryBytes = 512

/** Limit: requests that wait for the answer to one and the same. */
const waitersMax = 100

interface Done {
  readonly digest: string
  readonly untilMs: number
  /** Undefined: it was too large. */
  readonly answer: KeptAnswer | undefined
  readonly bytes: number
}

/**
 * Requests that were done, by key, and those that are being done: whoever asks the same again gets the same answer, and
 * nothing is done twice. What failed is forgotten at once, so that it can be tried again.
 */
export class Repeats {
  readonly #clock: Clock
  readonly #running = new Map<string, Run>()
  /** Those that were done first come first. */
  readonly #done = new Map<string, Done>()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#running.size + this.#done.size
  }

  /** Of all that is kept, the beginnings of answers included. */
  get bytes(): number {
    return this.#bytes
  }

  /** `key`: whose it is and which; `digest`: what is asked. */
  claim(key: string, digest: string, policy: RepeatPolicy): Claim {
    this.#forgetOld()
    const run = this.#running.get(key)
    if (run !== undefined) return run.digest === digest ? { kind: 'running', run } : otherRequest
    const done = this.#done.get(key)
    // A reload may have made the time shorter, and then the oldest is not the first to go.
    if (done !== undefined && done.untilMs <= this.#clock.monotonicMs()) this.#forget(key, done)
    else if (done !== undefined) {
      if (done.digest !== digest) return otherRequest
      return done.answer === undefined ? notKept : { kind: 'answered', answer: done.answer }
    }
    // Limit: the oldest make room, but nothing that is still under way.
    while (this.size >= policy.entriesMax) if (!this.#forgetOldest()) return full
    const first = new Run(this, key, digest, policy)
    this.#running.set(key, first)
    this.#bytes += entryBytes
    return { kind: 'first', run: first }
  }

  /** Undefined: nothing is remembered any more. */
  adopt(policy: RepeatPolicy | undefined): void {
    if (policy === undefined) while (this.#forgetOldest());
    else while ((this.size > policy.entriesMax || this.#bytes > policy.bytesMax) && this.#forgetOldest());
  }

  // Called by runs.

  /** Room for more of an answer; false: there is none. */
  grow(bytes: number, bytesMax: number): boolean {
    while (this.#bytes + bytes > bytesMax) if (!this.#forgetOldest()) return false
    this.#bytes += bytes
    return true
  }

  shrink(bytes: number): void {
    this.#bytes -= bytes
  }

  /** `answer` undefined: it was too large; `failed`: nothing came of it. */
  end(run: Run, answer: KeptAnswer | undefined | 'failed', bytes: number): void {
    this.#running.delete(run.key)
    if (answer === 'failed') {
      this.#bytes -= entryBytes + bytes
      return
    }
    const untilMs = this.#clock.monotonicMs() + run.policy.ttlMs
    this.#done.set(run.key, { digest: run.digest, untilMs, answer, bytes: entryBytes + bytes })
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, done] of this.#done) {
      if (done.untilMs > nowMs) return
      this.#forget(key, done)
    }
  }

  #forgetOldest(): boolean {
    for (const [key, done] of this.#done) {
      this.#forget(key, done)
      return true
    }
    return false
  }

  #forget(key: string, { bytes }: Done): void {
    this.#done.delete(key)
    this.#bytes -= bytes
  }
}

/** A request with a key that is being done, and those who wait for its end. */
export class Run {
  readonly key: string
  readonly digest: string
  readonly policy: RepeatPolicy
  readonly #repeats: Repeats
  readonly #waiting = new Set<() => void>()
  /** Of its answer, so far. */
  #bytes = 0
  #isTooLarge = false

  constructor(repeats: Repeats, key: string, digest: string, policy: RepeatPolicy) {
    this.#repeats = repeats
    this.key = key
    this.digest = digest
    this.policy = policy
  }

  get isTooLarge(): boolean {
    return this.#isTooLarge
  }

  /** Room for more of its answer; false: it is too large to be kept, and what was kept of it is to be dropped. */
  mayKeep(bytes: number): boolean {
    if (this.#isTooLarge) return false
    const { answerBytesMax, bytesMax } = this.policy
    if (this.#bytes + bytes <= answerBytesMax && this.#repeats.grow(bytes, bytesMax)) {
      this.#bytes += bytes
      return true
    }
    this.#isTooLarge = true
    this.#repeats.shrink(this.#bytes)
    this.#bytes = 0
    return false
  }

  /** Somebody waits for its end. Undefined: too many do already; else takes them back. */
  wait(onEnd: () => void): (() => void) | undefined {
    if (this.#waiting.size >= waitersMax) return undefined
    this.#waiting.add(onEnd)
    return () => void this.#waiting.delete(onEnd)
  }

  /** It was done, and this came of it. */
  done(answer: KeptAnswer | undefined): void {
    this.#end(answer)
  }

  /** Nothing came of it: the next one may try. */
  failed(): void {
    this.#end('failed')
  }

  #end(answer: KeptAnswer | undefined | 'failed'): void {
    this.#repeats.end(this, answer, this.#bytes)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const onEnd of waiting) onEnd()
  }
}

const otherRequest = { kind: 'other_request' } as const
const notKept = { kind: 'not_kept' } as const
const full = { kind: 'full' } as const
