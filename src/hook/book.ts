import type { Exchange } from '#core/exchange.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Hook } from './hook.ts'

/** Failures in a row after which a hook rests, and for how long. */
const strikesMax = 5
const restMs = 30_000

/** Limit: milliseconds for which the end of the program waits for hooks that are still told something. */
const emptyMsMax = 3000
const lookMs = 20

/** How a call of a hook ended. */
export type HookResult = 'done' | 'failed' | 'timeout' | 'resting' | 'dropped'

/** What became of one call that did not go well. */
export interface HookFault {
  readonly why: 'failed' | 'timeout' | 'resting'
  readonly reason: string
}

/** What is remembered of one hook. */
export class HookRecord {
  strikes = 0
  restsUntilMs = 0
  running = 0
  /** Calls that wait for their turn. */
  readonly waiting: (() => void)[] = []
  /** Exchanges that it is still to be told, oldest first. */
  readonly queue: Exchange[] = []
  /** Who works on the queue. */
  tellers = 0
  /** Of which it was not told, since the queue was empty last. */
  dropped = 0
}

/** What calls taught about hooks: who fails, rests, runs and waits. Kept while the configuration has the hook. */
export class HookBook {
  readonly #records = new Map<string, HookRecord>()
  /** Is told how every call ended. */
  onCalled: ((hook: Hook, result: HookResult) => void) | undefined

  of({ id }: Hook): HookRecord {
    const known = this.#records.get(id)
    if (known !== undefined) return known
    const fresh = new HookRecord()
    this.#records.set(id, fresh)
    return fresh
  }

  /** Forgets all others. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#records.keys()) if (!ids.has(id)) this.#records.delete(id)
  }

  /** Calls beside the road that run or wait. */
  get pending(): number {
    let count = 0
    for (const { tellers, queue } of this.#records.values()) count += tellers + queue.length
    return count
  }

  /** Resolves when everybody beside the road was told, or nobody waits for that any longer. */
  async emptied(clock: Pick<Clock, 'sleep'>, hurry: AbortSignal): Promise<void> {
    for (let waitedMs = 0; this.pending > 0 && waitedMs < emptyMsMax && !hurry.aborted; waitedMs += lookMs) {
      await clock.sleep(lookMs, hurry)
    }
  }

  /** Why it is not to be called now; undefined: it may be. */
  restOf(hook: Hook, clock: Pick<Clock, 'monotonicMs'>): HookFault | undefined {
    const { restsUntilMs } = this.of(hook)
    if (restsUntilMs === 0 || clock.monotonicMs() >= restsUntilMs) return undefined
    this.onCalled?.(hook, 'resting')
    return { why: 'resting', reason: 'it rests after failures in a row' }
  }

  succeeded(hook: Hook, log: Log): void {
    const record = this.of(hook)
    if (record.restsUntilMs > 0) log.write('info', 'hook_back', { hook: hook.name, point: hook.point })
    record.strikes = record.restsUntilMs = 0
    this.onCalled?.(hook, 'done')
  }

  /** Its turn did not come: too much is asked of it, which is no reason to ask it nothing at all. */
  missed(hook: Hook, fault: HookFault, log: Log, requestId: string): HookFault {
    this.onCalled?.(hook, fault.why)
    log.write('warn', 'hook_failed', { requestId, hook: hook.name, point: hook.point, reason: fault.reason })
    return fault
  }

  /** After a rest one more failure is enough for the next one. */
  failed(hook: Hook, fault: HookFault, { clock, log }: { clock: Clock; log: Log }, requestId: string): HookFault {
    this.onCalled?.(hook, fault.why)
    const record = this.of(hook)
    const nowMs = clock.monotonicMs()
    const told = { requestId, hook: hook.name, point: hook.point, reason: fault.reason }
    // Calls that began before the rest have nothing new to say.
    if (record.restsUntilMs > nowMs) return fault
    record.strikes += 1
    log.write('warn', 'hook_failed', told)
    if (record.strikes < strikesMax) return fault
    record.restsUntilMs = nowMs + restMs
    log.write('error', 'hook_rests', { hook: hook.name, point: hook.point, forMs: restMs, failures: record.strikes })
    return fault
  }
}
