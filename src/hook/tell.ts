import type { Exchange } from '#core/exchange.ts'
import type { HookRecord } from './book.ts'
import type { Hook, HookPorts } from './hook.ts'
import { errorsOf, recordOf } from './record.ts'
import { callHook } from './run.ts'
import { callWebhook } from './webhook.ts'

/** Limit: exchanges that a hook is still to be told; of more it is not told, which is counted and logged. */
const queueMax = 1000

/** Milliseconds before an address that failed is told once more. */
const againMs = [1000, 5000]

/** Puts a settled exchange into the queues of these hooks: nobody waits for them. */
export function tellLater(hooks: readonly Hook[], ports: HookPorts, exchange: Exchange): void {
  const book = ports.hooks
  if (book === undefined) return
  for (const hook of hooks) {
    if (hook.isFor?.(exchange.alias ?? '') === false) continue
    if (hook.point === 'on_error' && !hasErrors(exchange)) continue
    const record = book.of(hook)
    if (record.queue.length >= queueMax) {
      book.onCalled?.(hook, 'dropped')
      record.dropped += 1
      if (record.dropped === 1) {
        ports.log.write('warn', 'hook_dropped', { hook: hook.name, point: hook.point, waiting: queueMax })
      }
      continue
    }
    record.queue.push(exchange)
    if (record.tellers < hook.concurrency) startTeller(hook, record, ports)
  }
}

function hasErrors({ refusal, attempts, outcome }: Exchange): boolean {
  if (refusal !== undefined || outcome === 'upstream_broke' || outcome === 'stalled') return true
  for (const { failure } of attempts) if (failure !== undefined) return true
  return false
}

function startTeller(hook: Hook, record: HookRecord, ports: HookPorts): void {
  record.tellers += 1
  // Off the road: whoever settled goes on first.
  ports.clock.soon(() => void tellAll(hook, record, ports))
}

async function tellAll(hook: Hook, record: HookRecord, ports: HookPorts): Promise<void> {
  try {
    for (let exchange = record.queue.shift(); exchange !== undefined; exchange = record.queue.shift()) {
      if (record.queue.length === 0) record.dropped = 0
      const told = hook.point === 'on_error' ? errorsOf(exchange) : [recordOf(exchange)]
      for (const context of told) await tellOne(hook, ports, exchange.id, context)
    }
  } finally {
    record.tellers -= 1
  }
}

async function tellOne(hook: Hook, ports: HookPorts, requestId: string, context: object): Promise<void> {
  const { target } = hook
  const book = ports.hooks
  if (book === undefined) return
  for (const pauseMs of [...againMs, undefined]) {
    const called = await callHook(
      hook,
      book,
      ports,
      requestId,
      (patience) =>
        target.kind === 'function'
          ? target.run(context)
          : callWebhook(hook, target, ports, { payload: context, requestId, wantsAnswer: false }, patience),
      () => undefined,
    )
    // A function may have done half of it; what it cannot do, it cannot do a second time.
    if (called.kind === 'value' || called.why === 'resting' || target.kind === 'function') return
    if (pauseMs !== undefined) await ports.clock.sleep(pauseMs)
  }
}
