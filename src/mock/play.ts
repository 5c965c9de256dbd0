import type { Clock } from '#ports/clock.ts'
import type { TransportFailure } from '#ports/transport.ts'
import type { Script } from './script.ts'

/** How a mock's answer ended: sent whole, left by the other side, or broken off on purpose. */
export type MockEnd = 'complete' | 'aborted' | 'cut'

/** Plays a body in time. Aborting the signal or cancelling the stream ends it and its timers; `onEnd` is told once. */
export function playBody(
  script: Script,
  clock: Clock,
  signal: AbortSignal,
  onEnd: (how: MockEnd) => void,
): ReadableStream<Uint8Array> {
  const frames = script.frames[Symbol.iterator]()
  const stop = new AbortController()
  let dueMs = clock.monotonicMs()
  let ended = false
  const end = (how: MockEnd): void => {
    if (ended) return
    ended = true
    stop.abort()
    onEnd(how)
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const leave = (): void => {
        end('aborted')
        controller.error(broken('aborted', 'the request was aborted'))
      }
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true, signal: stop.signal })
    },
    async pull(controller) {
      const next = frames.next()
      if (next.done === true) {
        if (script.ending === 'stall') return await aborted(stop.signal)
        end(script.ending)
        if (script.ending === 'complete') controller.close()
        else controller.error(broken('reset', 'the connection was reset before the answer was whole'))
        return
      }
      // Due times add up, so that a rate above a thousand per second is kept on average.
      dueMs += next.value.waitMs
      const waitMs = dueMs - clock.monotonicMs()
      if (waitMs >= 1) await clock.sleep(waitMs, stop.signal)
      if (!ended) controller.enqueue(next.value.bytes)
    },
    cancel() {
      end('aborted')
    },
  })
}

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function broken(cause: 'aborted' | 'reset', message: string): TransportFailure {
  return { kind: 'transport_failure', phase: 'body', cause, message }
}
