import { describe, expect, test } from 'bun:test'
import { Deadline, TimerWheel } from '#ports/timer-wheel.ts'
import { seededRandom } from '#ports/random.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A wheel whose deadlines write down their names when they fall due. */
function ticking(): { clock: FakeClock; wheel: TimerWheel; due: string[]; named: (name: string) => Deadline } {
  const clock = new FakeClock()
  const due: string[] = []
  return {
    clock,
    wheel: new TimerWheel(clock),
    due,
    named: (name) => new Deadline({ onDue: () => void due.push(name) }),
  }
}

describe('A timer wheel', () => {
  test('runs a deadline when its time is over, not before, and once', async () => {
    const { clock, wheel, due, named } = ticking()
    wheel.arm(named('one'), 100)
    await clock.advance(99)
    expect(due).toEqual([])
    await clock.advance(1)
    expect(due).toEqual(['one'])
    await clock.advance(1000)
    expect(due).toEqual(['one'])
  })

  test('keeps the time of each deadline of the same length', async () => {
    const { clock, wheel, due, named } = ticking()
    wheel.arm(named('first'), 100)
    await clock.advance(60)
    wheel.arm(named('second'), 100)
    await clock.advance(40)
    expect(due).toEqual(['first'])
    await clock.advance(59)
    expect(due).toEqual(['first'])
    await clock.advance(1)
    expect(due).toEqual(['first', 'second'])
  })

  test('forgets one that is disarmed, wherever it stands', async () => {
    for (const gone of ['a', 'b', 'c']) {
      const { clock, wheel, due, named } = ticking()
      const all = new Map(['a', 'b', 'c'].map((name) => [name, named(name)]))
      for (const deadline of all.values()) wheel.arm(deadline, 10)
      const taken = all.get(gone)
      if (taken !== undefined) wheel.disarm(taken)
      await clock.advance(10)
      expect(due).toEqual(['a', 'b', 'c'].filter((name) => name !== gone))
    }
  })

  test('starts over with one that is armed again', async () => {
    const { clock, wheel, due, named } = ticking()
    const deadline = named('late')
    wheel.arm(deadline, 100)
    await clock.advance(90)
    wheel.arm(deadline, 100)
    await clock.advance(99)
    expect(due).toEqual([])
    await clock.advance(1)
    expect(due).toEqual(['late'])
  })

  test('never runs one that is armed with 0', async () => {
    const { clock, wheel, due, named } = ticking()
    const deadline = named('never')
    wheel.arm(deadline, 50)
    wheel.arm(deadline, 0)
    await clock.advance(1_000_000)
    expect(due).toEqual([])
  })

  test('lets a deadline arm itself and others again', async () => {
    const { clock, wheel } = ticking()
    let runs = 0
    const again: Deadline = new Deadline({
      onDue: () => {
        runs += 1
        if (runs < 5) wheel.arm(again, 10)
      },
    })
    wheel.arm(again, 10)
    await clock.advance(200)
    expect(runs).toBe(5)
  })

  test('needs one timer for any number of deadlines of one length, and none when all is over', async () => {
    const { clock, wheel, due, named } = ticking()
    for (let count = 0; count < 1000; count += 1) wheel.arm(named(`${count}`), 30_000)
    expect(clock.pending).toBe(1)
    await clock.advance(30_000)
    expect(due).toHaveLength(1000)
    expect(clock.pending).toBe(0)
  })

  test('leaves no timer behind after a million deadlines that were met', async () => {
    const { clock, wheel, due, named } = ticking()
    const deadline = named('met')
    for (let count = 0; count < 1_000_000; count += 1) {
      wheel.arm(deadline, 5000)
      wheel.disarm(deadline)
    }
    expect(clock.pending).toBe(1)
    await clock.advance(5000)
    expect(clock.pending).toBe(0)
    expect(due).toEqual([])
  })

  test('agrees with a plain list, whatever is armed and disarmed', async () => {
    const random = seededRandom(7)
    const { clock, wheel, due, named } = ticking()
    const deadlines = Array.from({ length: 40 }, (_, index) => ({ name: `${index}`, deadline: named(`${index}`) }))
    const expected = new Map<string, number>()
    for (let step = 0; step < 4000; step += 1) {
      const one = deadlines[Math.floor(random.unit() * deadlines.length)]
      if (one === undefined) continue
      const dice = random.unit()
      if (dice < 0.5) {
        const afterMs = [5, 20, 100][Math.floor(random.unit() * 3)] ?? 5
        wheel.arm(one.deadline, afterMs)
        expected.set(one.name, clock.monotonicMs() + afterMs)
      } else if (dice < 0.7) {
        wheel.disarm(one.deadline)
        expected.delete(one.name)
      } else {
        due.length = 0
        await clock.advance(Math.floor(random.unit() * 30))
        const now = clock.monotonicMs()
        const over = [...expected].filter(([, dueMs]) => dueMs <= now).map(([name]) => name)
        for (const name of over) expected.delete(name)
        expect(due.toSorted()).toEqual(over.toSorted())
      }
    }
  })
})
