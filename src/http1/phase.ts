import type { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { givenUp } from './dial-errors.ts'

/** How long one step of making a connection may take, and who may call it off. */
export interface PhaseLimits {
  readonly clock: Clock
  readonly stop: Stop
  /** 0 = no limit. */
  readonly limitMs: number
  /** What it is called when its time is up. */
  readonly late: TransportFailure
}

/** Begins a step, says how to call it off, and reports its outcome by `settle`, of which the first call counts. */
export type Step<T> = (settle: (outcome: T | TransportFailure) => void) => () => void

/** Runs one step to its outcome; when its time is up or the stop is asked, it is called off at once. */
// oxlint-disable-next-line typescript/promise-function-async -- made by hand
export function runPhase<T>(limits: PhaseLimits, step: Step<T>): Promise<T | TransportFailure> {
  const { clock, stop, limitMs, late } = limits
  if (stop.isAsked) return Promise.resolve(givenUp(late.phase))
  return new Promise((resolve) => {
    let isSettled = false
    let disarm: (() => void) | undefined
    const settle = (outcome: T | TransportFailure): void => {
      if (isSettled) return
      isSettled = true
      disarm?.()
      stop.forget(listener)
      resolve(outcome)
    }
    const listener = { onStop: (): void => giveUp(givenUp(late.phase)) }
    const callOff = step(settle)
    if (isSettled) return
    const giveUp = (failure: TransportFailure): void => {
      if (isSettled) return
      settle(failure)
      callOff()
    }
    stop.tell(listener)
    if (limitMs > 0) disarm = clock.after(limitMs, () => giveUp(late))
  })
}
