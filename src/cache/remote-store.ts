import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { RemotePolicy } from './compile.ts'
import { readEntry, writeEntry, type Entry } from './entry.ts'

/** Texts outside of this process. Everything may reject. */
export interface TextStore {
  get(key: string): Promise<string | undefined>
  put(key: string, text: string, ttlMs: number): Promise<void>
  clear(): Promise<void>
  ping(): Promise<void>
  close(): void
}

export interface RemoteParts {
  readonly clock: Clock
  readonly log: Log | undefined
  readonly policy: RemotePolicy
  readonly open: (policy: RemotePolicy) => Promise<TextStore>
}

/** Limit: answers that are being written at a time; more are not kept. */
const writesMax = 64

/** Milliseconds for which it is left alone after a failure: at first, and at most. */
const restMsMin = 500
const restMsMax = 5000

/** Limit: milliseconds that emptying it may take. */
const clearMsMax = 30_000

/** Limit: milliseconds that writing an answer may take, at least, for nobody waits for that. */
const writeMsMax = 2000

/** It is there, and does not want to do this: it has no room, or may only be read. */
export class StoreRefusal extends Error {}

/**
 * Answers outside of this process. Nobody waits longer for it than its timeout: who is late or fails is left alone for a
 * while, in which every answer is a new one; then one request tries it again.
 */
export class RemoteStore {
  readonly #parts: RemoteParts
  #opening: Promise<TextStore> | undefined
  #downUntilMs = -Infinity
  #restMs = restMsMin
  #isDown = false
  #isClosed = false
  /** It is told once. */
  #hasRefused = false
  #writes = 0

  constructor(parts: RemoteParts) {
    this.#parts = parts
  }

  get isDown(): boolean {
    return this.#isDown
  }

  async get(key: string): Promise<Entry | undefined> {
    const text = await this.#ask(async (store) => await store.get(key))
    return typeof text === 'string' ? readEntry(text) : undefined
  }

  /** Nobody waits for it. */
  put(key: string, entry: Entry, ttlMs: number): void {
    // Whoever wants to read tries it out while it is not known to be back.
    if (this.#writes >= writesMax || this.#isDown) return
    this.#writes += 1
    const { timeoutMs } = this.#parts.policy
    const write = this.#ask(
      async (store) => await store.put(key, writeEntry(entry), ttlMs),
      Math.max(timeoutMs, writeMsMax),
    )
    void write.finally(() => (this.#writes -= 1))
  }

  /** Is anybody there? Asked even while it is left alone. */
  async probe(): Promise<boolean> {
    this.#downUntilMs = -Infinity
    await this.#ask(async (store) => await store.ping())
    return !this.#isDown
  }

  async clear(): Promise<boolean> {
    this.#downUntilMs = -Infinity
    const done = await this.#ask(async (store) => {
      await store.clear()
      return true
    }, clearMsMax)
    return done === true
  }

  close(): void {
    this.#isClosed = true
    this.#drop()
  }

  /** Undefined as well where nobody answers. */
  async #ask<Answer>(
    question: (store: TextStore) => Promise<Answer>,
    timeoutMs = this.#parts.policy.timeoutMs,
  ): Promise<Answer | undefined> {
    const { clock } = this.#parts
    const startedMs = clock.monotonicMs()
    if (this.#isClosed || startedMs < this.#downUntilMs) return undefined
    // Of those that come while it is not known to be back, one tries it out.
    if (this.#isDown) this.#downUntilMs = startedMs + timeoutMs
    const late = Promise.withResolvers<typeof tooLate>()
    const cancel = clock.after(timeoutMs, () => late.resolve(tooLate))
    const opening = this.#open()
    try {
      const asked = opening.then(question)
      const answer = await Promise.race([asked, late.promise])
      if (answer === tooLate) {
        // It comes too late for anybody, and the connection may be dead.
        asked.catch(() => undefined)
        this.#fail(opening)
        return undefined
      }
      this.#works()
      return answer
    } catch (error) {
      if (error instanceof StoreRefusal) this.#noteRefusal()
      else this.#fail(opening)
      return undefined
    } finally {
      cancel()
    }
  }

  // oxlint-disable-next-line typescript/promise-function-async -- all who ask at once wait for the same one
  #open(): Promise<TextStore> {
    this.#opening ??= this.#parts.open(this.#parts.policy)
    return this.#opening
  }

  #drop(): void {
    const opening = this.#opening
    this.#opening = undefined
    opening?.then((store) => store.close()).catch(() => undefined)
  }

  /** All who waited for one connection fail with it; it counts once. */
  #fail(opening: Promise<TextStore>): void {
    if (this.#opening !== opening) return
    this.#drop()
    this.#downUntilMs = this.#parts.clock.monotonicMs() + this.#restMs
    this.#restMs = Math.min(this.#restMs * 2, restMsMax)
    if (this.#isDown || this.#isClosed) return
    this.#isDown = true
    this.#parts.log?.write('warn', 'cache_unreachable', { store: this.#parts.policy.kind })
  }

  #noteRefusal(): void {
    if (this.#hasRefused) return
    this.#hasRefused = true
    this.#parts.log?.write('warn', 'cache_refuses', { store: this.#parts.policy.kind })
  }

  #works(): void {
    this.#downUntilMs = -Infinity
    this.#restMs = restMsMin
    if (!this.#isDown) return
    this.#isDown = false
    this.#parts.log?.write('info', 'cache_reachable', { store: this.#parts.policy.kind })
  }
}

const tooLate = Symbol('too late')
