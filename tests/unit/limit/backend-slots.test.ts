import { describe, expect, test } from 'bun:test'
import { Debts } from '#core/debts.ts'
import { BackendPlace, BackendSlots } from '#limit/backend-slots.ts'
import type { Patient } from '#limit/queue.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const patient: Patient = { gone: undefined, watch() {} }
const queue = { sizeMax: 10, timeoutMs: 30_000 }

interface Request {
  readonly debts: Debts
  readonly place: BackendPlace
  wait(backend: string): Promise<string>
}

/** Requests of which one may run at each backend. */
function requests(): { slots: BackendSlots; come: () => Request } {
  const slots = new BackendSlots(new TimerWheel(new FakeClock()))
  const come = (): Request => {
    const debts = new Debts()
    const place = new BackendPlace(slots, 1, queue, debts)
    return { debts, place, wait: async (backend) => await place.wait(new Set([backend]), 30_000, patient) }
  }
  return { slots, come }
}

describe('places at a backend', () => {
  test('who is called and ends without having gone there, hands the room on to the next', async () => {
    const { slots, come } = requests()
    const [running, first, second] = [come(), come(), come()]
    running.place.moveTo('a')
    const waits = [first.wait('a'), second.wait('a')]
    running.debts.settle()
    expect(await waits[0]).toBe('free')
    expect(slots.waiting).toBe(1)
    first.debts.settle()
    expect(await waits[1]).toBe('free')
    second.place.moveTo('a')
    expect(slots.taken('a')).toBe(1)
    second.debts.settle()
    expect(slots.taken('a')).toBe(0)
  })

  test('nobody who comes later takes the place of who is called', async () => {
    const { slots, come } = requests()
    const [running, first, comer] = [come(), come(), come()]
    running.place.moveTo('a')
    const waits = first.wait('a')
    running.debts.settle()
    expect([comer.place.isFull('a'), first.place.isFull('a')]).toEqual([true, false])
    await waits
    first.place.leave()
    first.place.moveTo('a')
    expect(slots.taken('a')).toBe(1)
    first.debts.settle()
    expect(comer.place.isFull('a')).toBe(false)
  })

  test('who is called and goes elsewhere hands it on too', async () => {
    const { slots, come } = requests()
    const [running, first, second] = [come(), come(), come()]
    running.place.moveTo('a')
    const waits = [first.wait('a'), second.wait('a')]
    running.debts.settle()
    await waits[0]
    first.place.moveTo('b')
    expect(await waits[1]).toBe('free')
    expect([slots.taken('a'), slots.taken('b')]).toEqual([1, 1])
    first.debts.settle()
    second.debts.settle()
    expect([slots.taken('a'), slots.taken('b')]).toEqual([0, 0])
  })

  test('C1124: who waits under a lowered limit is not called before fewer run', async () => {
    const { slots, come } = requests()
    slots.take('a')
    slots.take('a')
    const waits = come().wait('a')
    slots.giveBack('a')
    expect(slots.waiting).toBe(1)
    slots.giveBack('a')
    expect(await waits).toBe('free')
    expect(slots.taken('a')).toBe(1)
  })

  test('F103: a request that is over takes no place, which nobody would give back', () => {
    const { slots, come } = requests()
    const late = come()
    late.debts.settle()
    late.place.moveTo('a')
    expect(slots.taken('a')).toBe(0)
  })
})
