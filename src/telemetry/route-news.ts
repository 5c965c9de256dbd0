import type { Attempt, Exchange, ExchangeSink } from '#core/exchange.ts'
import type { Masker } from './mask.ts'

/** What attempts at one route came to since the start. */
export interface RouteNews {
  readonly attempts: number
  readonly failures: number
  /** Moving averages of milliseconds until an answer began, and until a stream had its first content. */
  readonly latencyMs: number | undefined
  readonly firstContentMs: number | undefined
  readonly lastError: RouteError | undefined
}

export interface RouteError {
  /** Wall clock. */
  readonly atMs: number
  readonly reason: string
  readonly status: number | undefined
  /** Masked. */
  readonly message: string
}

/**
 * How each route did, by backend and model, for those who look. It decides nothing: what choices go by are the figures of
 * `route/` and the breakers of `upstream/`.
 */
export class NewsByRoute implements ExchangeSink {
  readonly #masker: Masker
  readonly #routes = new Map<string, Map<string, Entry>>()
  #size = 0

  constructor(masker: Masker) {
    this.#masker = masker
  }

  settled(exchange: Exchange): void {
    const { attempts } = exchange
    for (let at = 0; at < attempts.length; at += 1) {
      const attempt = attempts[at]
      if (attempt !== undefined) this.#note(attempt, exchange, at === attempts.length - 1)
    }
  }

  /** Those of a request that is still on the road, for one look: when it ends it is told as a whole. */
  noteFailures(exchange: Exchange): void {
    for (const attempt of exchange.attempts) {
      if (attempt.failure !== undefined) this.#note(attempt, exchange, false)
    }
  }

  /** Undefined while nothing is known. */
  of(backend: string, model: string): RouteNews | undefined {
    return this.#routes.get(backend)?.get(model)
  }

  /** After a reload: forgets what is no longer configured. */
  retain(isKnown: (backend: string, model: string) => boolean): void {
    for (const [backend, models] of this.#routes) {
      for (const model of models.keys()) {
        if (isKnown(backend, model)) continue
        models.delete(model)
        this.#size -= 1
      }
      if (models.size === 0) this.#routes.delete(backend)
    }
  }

  clear(): void {
    this.#routes.clear()
    this.#size = 0
  }

  /** Routes of which something is known. */
  get size(): number {
    return this.#size
  }

  #note(attempt: Attempt, { stream, outcome, brokenBy, startedMs, startedWallMs, endedMs }: Exchange, isLast: boolean) {
    const { failure, durationMs, status } = attempt
    // What a client did tells nothing of the route.
    if (failure?.side === 'client') return
    const entry = this.#entryFor(attempt.backend, attempt.model)
    if (entry === undefined) return
    entry.attempts += 1
    if (failure !== undefined) {
      entry.failures += 1
      const endMs = attempt.startedMs + durationMs
      this.#noteError(entry, {
        atMs: startedWallMs + endMs - startedMs,
        reason: failure.reason,
        status: failure.status ?? status,
        message: failure.message,
      })
      return
    }
    if (status === undefined) return
    if (stream) entry.firstContentMs = mixed(entry.firstContentMs, durationMs)
    else entry.latencyMs = mixed(entry.latencyMs, durationMs)
    if (!isLast || (outcome !== 'upstream_broke' && outcome !== 'stalled')) return
    entry.failures += 1
    this.#noteError(entry, {
      atMs: startedWallMs + (endedMs ?? startedMs) - startedMs,
      reason: outcome,
      status,
      message: brokenBy ?? 'the answer broke off',
    })
  }

  /** Requests end in another order than their attempts. */
  #noteError(entry: Entry, error: RouteError): void {
    if (entry.lastError !== undefined && error.atMs < entry.lastError.atMs) return
    entry.lastError = { ...error, message: this.#told(error.message) }
  }

  #entryFor(backend: string, model: string): Entry | undefined {
    let models = this.#routes.get(backend)
    const known = models?.get(model)
    if (known !== undefined || this.#size >= routesMax) return known
    if (models === undefined) this.#routes.set(backend, (models = new Map<string, Entry>()))
    const fresh: Entry = {
      attempts: 0,
      failures: 0,
      latencyMs: undefined,
      firstContentMs: undefined,
      lastError: undefined,
    }
    models.set(model, fresh)
    this.#size += 1
    return fresh
  }

  /** Masked before it is cut: of a secret that is cut in two, the first half would be none any more. */
  #told(text: string): string {
    const cut = this.#masker.mask(text.slice(0, toldMax + maskedBeyond)).slice(0, toldMax)
    // A text of its own: a piece of a body would keep all of it.
    return Buffer.from(cut, 'utf8').toString('utf8')
  }
}

interface Entry {
  attempts: number
  failures: number
  latencyMs: number | undefined
  firstContentMs: number | undefined
  lastError: RouteError | undefined
}

/** Limit: routes that are remembered; of more than that nothing is told. */
const routesMax = 20_000

/** Limit: characters of an error. */
const toldMax = 500

/** Limit: characters behind those that are looked through for secrets; no key is longer. */
const maskedBeyond = 16_384

function mixed(before: number | undefined, newsMs: number): number {
  return before === undefined ? newsMs : before + (newsMs - before) * newsShare
}

const newsShare = 0.25
