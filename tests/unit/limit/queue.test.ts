import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Refusal } from '#core/refusal.ts'
import { refuse } from '#core/refusal.ts'
import type { Stop } from '#kit/stop.ts'
import { WaitingRoom, type Block, type Comer, type Ending } from '#limit/queue.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'

/** Somebody who may leave. */
class Guest {
  gone: Refusal | undefined
  #running: Stop | undefined

  watch(running: Stop): void {
    this.#running = running
  }

  leave(): void {
    this.gone = refuse('client_closed', 'gone')
    this.#running?.ask()
  }
}

/** A room behind doors that only so many may pass. */
class House {
  readonly clock = new FakeClock()
  readonly room = new WaitingRoom<Block>(this.clock, new TimerWheel(this.clock))
  readonly entered: number[] = []
  readonly endings = new Map<number, Ending<Block>>()
  readonly left = new Map<string, number>()

  comer(id: number, doors: readonly string[]): Comer<Block> {
    return {
      tryEnter: (line) => {
        for (const key of doors) {
          if ((this.left.get(key) ?? 0) <= 0 || (key !== line && this.room.isAwaited(key))) {
            return { key, waitMs: Infinity }
          }
        }
        for (const key of doors) this.left.set(key, (this.left.get(key) ?? 0) - 1)
        this.entered.push(id)
        return undefined
      },
      mayWaitFor: () => true,
    }
  }

  come(id: number, doors: readonly string[], timeoutMs = 1000): Guest {
    const guest = new Guest()
    const comer = this.comer(id, doors)
    const why = comer.tryEnter()
    if (why !== undefined) {
      void this.room.wait(comer, why, timeoutMs, guest).then((ending) => this.endings.set(id, ending))
    }
    return guest
  }

  open(key: string): void {
    this.left.set(key, (this.left.get(key) ?? 0) + 1)
    this.room.wake(key)
  }
}

test('who waits for two things is let in when both are there, and holds up nobody who needs but one', async () => {
  const house = new House()
  house.come(1, ['a', 'b'])
  house.come(2, ['b'])
  house.open('b')
  expect(house.entered).toEqual([2])
  house.open('a')
  expect(house.entered).toEqual([2])
  house.open('b')
  expect(house.entered).toEqual([2, 1])
  await settled()
  expect(house.room.size).toBe(0)
})

test('who is out of time, or leaves, makes room for the next', async () => {
  const house = new House()
  house.come(1, ['a'], 100)
  const guest = house.come(2, ['a'], 1000)
  house.come(3, ['a'], 1000)
  await house.clock.advance(100)
  expect(house.endings.get(1)).toBe('too_late')
  guest.leave()
  await settled()
  expect(house.endings.get(2)).toBe('gone')
  house.open('a')
  await settled()
  expect(house.entered).toEqual([3])
  expect(house.room.size).toBe(0)
})

test('whatever happens, in each line the first come are the first served, and at the end nobody and no timer is left', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('come' as const), door: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('open' as const), door: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat(30) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const house = new House()
      const guests: { readonly guest: Guest; readonly door: string }[] = []
      for (const each of steps) {
        if (each.kind === 'come') guests.push({ guest: house.come(guests.length, [each.door]), door: each.door })
        else if (each.kind === 'open') house.open(each.door)
        else guests[each.who]?.guest.leave()
        await settled()
      }
      for (const door of ['a', 'b', 'c']) {
        const served = house.entered.filter((id) => guests[id]?.door === door)
        expect(served).toEqual(served.toSorted((one, other) => one - other))
      }
      await house.clock.advance(2000)
      expect(house.room.size).toBe(0)
      expect(house.clock.pending).toBe(0)
    }),
    { numRuns: 100 },
  )
})
