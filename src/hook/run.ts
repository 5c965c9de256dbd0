import type { Clock } from '#ports/clock.ts'
import type { HookBook, HookFault, HookRecord } from './book.ts'
import type { Hook, HookPorts } from './hook.ts'

/** What is wrong with what a hook gave, in words of ours. */
export class Misfit extends Error {}

/** What a call of a hook came to. */
export type Called<Value> = { readonly kind: 'value'; readonly value: Value } | ({ readonly kind: 'fault' } & HookFault)

/** What a call is handed: what it takes to end what is not waited for any more. */
export interface Patience {
  /** Is told that the time is over. */
  onTimeout: (() => void) | undefined
}

/** Limit: calls of one hook that wait for their turn; more have failed. */
const waitingMax = 1000

/**
 * One call of a hook, isolated: it waits for its turn, has a time limit, may throw, reject late or never, and give whatever
 * it likes. `act` makes the call, `read` makes a value of what it gave, or throws. Never rejects.
 */
export async function callHook<Value>(
  hook: Hook,
  book: HookBook,
  ports: Pick<HookPorts, 'clock' | 'log'>,
  requestId: string,
  act: (patience: Patience) => unknown,
  read: (given: unknown) => Value,
): Promise<Called<Value>> {
  const { clock, log } = ports
  const rest = book.restOf(hook, clock)
  if (rest !== undefined) return { kind: 'fault', ...rest }
  const dueMs = clock.monotonicMs() + hook.timeoutMs
  const record = book.of(hook)
  const fail = (why: HookFault['why'], reason: string): Called<Value> => ({
    kind: 'fault',
    ...book.failed(hook, { why, reason }, ports, requestId),
  })
  if (record.running < hook.concurrency) record.running += 1
  else if (!(await turn(record, clock, hook.timeoutMs))) {
    const fault: HookFault = { why: 'timeout', reason: `its turn did not come within ${hook.timeoutMs} ms` }
    return { kind: 'fault', ...book.missed(hook, fault, log, requestId) }
  }
  try {
    const patience: Patience = { onTimeout: undefined }
    const given = act(patience)
    const isLater = isThenable(given)
    const settled = isLater ? await within(given, clock, dueMs - clock.monotonicMs(), patience) : given
    if (settled === tooLate) return fail('timeout', `it did not end within ${hook.timeoutMs} ms`)
    const value = read(settled)
    // What it gave counts; but while it ran, every other request stood still.
    if (!isLater && clock.monotonicMs() > dueMs) {
      book.failed(
        hook,
        { why: 'timeout', reason: `it took more than ${hook.timeoutMs} ms at one go` },
        ports,
        requestId,
      )
    } else book.succeeded(hook, log)
    return { kind: 'value', value }
  } catch (error) {
    return fail('failed', wordsOf(error))
  } finally {
    // Whoever waits gets the place as it is, so that nobody comes between.
    const next = record.waiting.shift()
    if (next === undefined) record.running -= 1
    else next()
  }
}

/** Never throws, whatever was thrown. */
export function wordsOf(error: unknown): string {
  try {
    const text: unknown =
      error instanceof Error ? error.message : `it threw ${typeof error === 'string' ? error : typeof error}`
    return String(text).split('\n')[0]?.slice(0, 300) || 'it threw an error without words'
  } catch {
    return 'it threw something that cannot be told'
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

const tooLate: unique symbol = Symbol('too late')

/** What comes behind the limit, a rejection too, is nobody's any more. */
async function within(promise: PromiseLike<unknown>, clock: Clock, ms: number, patience: Patience): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(1, ms), () => {
      resolve(tooLate)
      try {
        patience.onTimeout?.()
      } catch {
        // The hook's own listener threw: the call has failed already.
        resolve(tooLate)
      }
    })
    const settle = (act: () => void): void => {
      cancel()
      act()
    }
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error instanceof Error ? error : new Misfit(wordsOf(error)))),
    )
  })
}

async function turn(record: HookRecord, clock: Clock, ms: number): Promise<boolean> {
  if (record.waiting.length >= waitingMax) return false
  return await new Promise((resolve) => {
    const come = (): void => {
      cancel()
      resolve(true)
    }
    const cancel = clock.after(ms, () => {
      const at = record.waiting.indexOf(come)
      if (at !== -1) record.waiting.splice(at, 1)
      resolve(false)
    })
    record.waiting.push(come)
  })
}
