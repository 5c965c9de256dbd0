import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Roster } from '#kit/roster.ts'

test('a roster holds what a set would, whatever comes and goes', () => {
  const steps = fc.array(fc.record({ at: fc.nat(9), comes: fc.boolean() }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (all) => {
      const members = Array.from({ length: 10 }, (_, name) => ({ name, place: -1 }))
      const roster = new Roster<(typeof members)[number]>()
      const set = new Set<(typeof members)[number]>()
      for (const { at, comes } of all) {
        const member = members[at]
        if (member === undefined) continue
        if (comes) {
          roster.add(member)
          set.add(member)
        } else {
          roster.delete(member)
          set.delete(member)
        }
        expect(roster.size).toBe(set.size)
        expect(member.place === -1).toBe(!set.has(member))
      }
      expect(new Set(roster)).toEqual(set)
    }),
  )
})

test('members may leave while all are visited', () => {
  const roster = new Roster<{ place: number }>()
  for (let count = 0; count < 5; count += 1) roster.add({ place: -1 })
  let visited = 0
  for (const member of roster) {
    roster.delete(member)
    visited += 1
  }
  expect([visited, roster.size]).toEqual([5, 0])
})
