import type * as v from 'valibot'
import type { CompileProblem } from '#core/problem.ts'
import type { IdempotencySchema } from './schema.ts'

/** How long and how much is remembered of requests that may come again. */
export interface RepeatPolicy {
  readonly ttlMs: number
  /** 0: nobody waits for an answer that is under way. */
  readonly waitMs: number
  readonly entriesMax: number
  readonly bytesMax: number
  readonly answerBytesMax: number
}

/** Undefined: an Idempotency-Key means nothing here. */
export function compileIdempotency(
  settings: v.InferOutput<typeof IdempotencySchema> | undefined,
  workers: number | 'auto',
  problems: CompileProblem[],
): RepeatPolicy | undefined {
  if (settings === undefined || !settings.enabled) return undefined
  if (workers !== 1) {
    const message = `with "server.workers: ${workers}" each process remembers its own requests, and one that comes again may meet another process`
    problems.push({ severity: 'warning', path: ['idempotency'], message })
  }
  const { ttl: ttlMs, wait_timeout: waitMs, max_entries: entriesMax, max_bytes: bytesMax } = settings
  return { ttlMs, waitMs, entriesMax, bytesMax, answerBytesMax: settings.max_answer_bytes }
}
