import { describe, expect, test } from 'bun:test'
import { Watchdog } from '#boot/watchdog.ts'
import type { LogFields } from '#ports/log.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A clock whose timers can come late. */
class LateClock extends FakeClock {
  #lateMs = 0

  override monotonicMs(): number {
    return super.monotonicMs() + this.#lateMs
  }

  /** Nothing runs for so long. */
  stall(ms: number): void {
    this.#lateMs += ms
  }
}

function started(): { clock: LateClock; lines: (LogFields & { level: string })[]; watchdog: Watchdog } {
  const clock = new LateClock()
  const lines: (LogFields & { level: string })[] = []
  const log = {
    write: (level: string, _: string, fields: LogFields = {}) => void lines.push({ level, ...fields }),
    keeps: () => true,
  }
  const watchdog = new Watchdog({ clock, log, inFlight: () => 3 })
  watchdog.start()
  return { clock, lines, watchdog }
}

describe('F94: a loop that stands still', () => {
  test.each([
    { ms: 150, level: undefined },
    { ms: 250, level: 'debug' },
    { ms: 1000, level: 'warn' },
    { ms: 5000, level: 'error' },
  ])('for $ms ms is told at level $level', async ({ ms, level }) => {
    const { clock, lines } = started()
    await clock.advance(1000)
    clock.stall(ms)
    await clock.advance(200)
    expect(lines).toEqual(level === undefined ? [] : [{ level, forMs: ms, inFlight: 3, times: undefined }])
  })

  test('is told once in ten seconds, the longest pause with the number of all', async () => {
    const { clock, lines } = started()
    clock.stall(1500)
    await clock.advance(200)
    for (const ms of [300, 2500, 400]) {
      clock.stall(ms)
      await clock.advance(200)
    }
    expect(lines).toHaveLength(1)
    await clock.advance(10_000)
    expect(lines.slice(1)).toEqual([{ level: 'warn', forMs: 2500, inFlight: 3, times: 3 }])
    await clock.advance(60_000)
    expect(lines).toHaveLength(2)
  })

  test('is not looked for any more once it was stopped', async () => {
    const { clock, watchdog } = started()
    watchdog.stop()
    expect(clock.pending).toBe(0)
  })
})
