import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { median, medianInterval } from '../../../bench/statistics.ts'

test.each([
  { name: 'of nothing is NaN', values: [], expected: Number.NaN },
  { name: 'of one is that one', values: [3], expected: 3 },
  { name: 'of an odd number is the middle one', values: [9, 1, 5], expected: 5 },
  { name: 'of an even number lies between the middle two', values: [4, 1, 2, 8], expected: 3 },
])('the median $name', ({ values, expected }) => {
  expect(median(values)).toBe(expected)
})

test('medianInterval() needs three values', () => {
  expect(medianInterval([1, 2])).toBeUndefined()
})

test('medianInterval() holds the median, inside the range of the values, and repeats', () => {
  const figures = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 3, maxLength: 12 })
  fc.assert(
    fc.property(figures, (values) => {
      const interval = medianInterval(values, 7, 400)
      if (interval === undefined) return false
      expect(medianInterval(values, 7, 400)).toEqual(interval)
      expect(interval.low).toBeGreaterThanOrEqual(Math.min(...values))
      expect(interval.high).toBeLessThanOrEqual(Math.max(...values))
      return interval.low <= median(values) && median(values) <= interval.high
    }),
    { numRuns: 30 },
  )
})

test('medianInterval() is narrower for values that agree', () => {
  const wide = medianInterval([1, 2, 3, 4, 5])
  const narrow = medianInterval([2.9, 3, 3, 3, 3.1])
  expect((narrow?.high ?? 0) - (narrow?.low ?? 0)).toBeLessThan((wide?.high ?? 0) - (wide?.low ?? 0))
})
