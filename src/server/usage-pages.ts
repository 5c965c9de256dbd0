import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Clock } from '#ports/clock.ts'
import type { Story } from '#core/story.ts'
import { summarize, type UsageSummary } from '#usage/summary.ts'
import type { Ledger } from '#usage/ledger.ts'
import { readNumber, readQuery } from './admin-query.ts'

/** What the pages are made from. */
export interface UsageBook {
  readonly ledger: Ledger
  /** Brings the ledger what other processes have added. */
  refresh(): void
  /** The first of so many days up to today, in the zone of the log. */
  firstDay(days: number): string
}

export interface UsagePageParts extends UsageBook {
  readonly clock: Clock
  /** The last requests that were answered, newest first. */
  recent(): readonly Story[]
}

/** The sums of the last days; `?days=30`, of which today is the last. */
export function usageSummary(parts: UsagePageParts, query: string): (UsageSummary & { recent: object[] }) | Refusal {
  const days = daysIn(query)
  return isRefusal(days) ? days : summaryOf(parts, days)
}

function daysIn(query: string): number | Refusal {
  const asked = readQuery(query, ['days'])
  return isRefusal(asked) ? asked : readNumber('days', asked.days, { min: 1, max: 365, otherwise: 30 })
}

function summaryOf(parts: UsagePageParts, days: number): UsageSummary & { recent: object[] } {
  parts.refresh()
  const { ledger, clock } = parts
  const span = { days, firstDay: parts.firstDay(days), generatedAt: new Date(clock.wallMs()).toISOString() }
  return { ...summarize(ledger.rows, ledger.hours, span), recent: parts.recent().map(recentOf) }
}

function recentOf({ id, at, model, caller, status, outcome, totalMs, usage, costUsd, attempts }: Story): object {
  const last = attempts.at(-1)
  return {
    id,
    timestamp: at,
    model,
    backend: last?.backend,
    caller,
    status_code: status,
    outcome,
    duration_ms: totalMs,
    prompt_tokens: usage?.inputTokens,
    completion_tokens: usage?.outputTokens,
    estimated: usage?.source === 'estimated' ? true : undefined,
    cost_usd: costUsd,
  }
}

/** Limit: those who look at the same time; the next one is refused. */
const viewersMax = 16

const everyMs = 1000
const heartbeatMs = 15_000

/** Tells the summary anew each second in which something changed, to a few at a time. */
export class UsageStreams {
  readonly #parts: UsagePageParts
  #viewers = 0

  constructor(parts: UsagePageParts) {
    this.#parts = parts
  }

  open(query: string): ReadableStream<Uint8Array> | Refusal {
    const days = daysIn(query)
    if (isRefusal(days)) return days
    if (this.#viewers >= viewersMax) {
      return refuse('overloaded', `Cannot show usage as a stream: ${viewersMax} others look at it`)
    }
    this.#viewers += 1
    const gone = new AbortController()
    gone.signal.addEventListener('abort', () => (this.#viewers -= 1), { once: true })
    return this.#stream(days, gone)
  }

  #stream(days: number, gone: AbortController): ReadableStream<Uint8Array> {
    const parts = this.#parts
    const { clock, ledger } = parts
    const encoder = new TextEncoder()
    let toldVersion: number | undefined
    let toldMs = 0
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          for (;;) {
            if (toldVersion !== undefined) await clock.sleep(everyMs, gone.signal)
            if (gone.signal.aborted) return
            parts.refresh()
            const nowMs = clock.monotonicMs()
            if (ledger.version !== toldVersion) {
              toldVersion = ledger.version
              toldMs = nowMs
              const summary = JSON.stringify(summaryOf(parts, days))
              controller.enqueue(encoder.encode(`event: usage\ndata: ${summary}\n\n`))
              return
            }
            if (nowMs - toldMs >= heartbeatMs) {
              toldMs = nowMs
              controller.enqueue(encoder.encode(': ping\n\n'))
              return
            }
          }
        },
        cancel() {
          gone.abort()
        },
      },
      { highWaterMark: 0 },
    )
  }
}
