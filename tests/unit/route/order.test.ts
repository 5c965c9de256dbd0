import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import { seededRandom } from '#ports/random.ts'
import { orderTier } from '#route/order.ts'
import { candidateOf } from '../../support/candidate.ts'

/** How often each candidate comes first and last in many draws. */
function tally(candidates: readonly Candidate[], draws = 20_000): { first: number[]; last: number[] } {
  const random = seededRandom(7)
  const first = candidates.map(() => 0)
  const last = candidates.map(() => 0)
  for (let draw = 0; draw < draws; draw += 1) {
    const ordered = orderTier(candidates, random)
    for (const [index, candidate] of candidates.entries()) {
      if (ordered[0] === candidate) first[index] = (first[index] ?? 0) + 1 / draws
      if (ordered.at(-1) === candidate) last[index] = (last[index] ?? 0) + 1 / draws
    }
  }
  return { first, last }
}

function tierOf(weights: readonly number[]): Candidate[] {
  return weights.map((weight, index) => candidateOf(`b${index}`, 'm', { weight }))
}

test('a tier of one is handed on as it is, and no chance is spent on it', () => {
  const tier = tierOf([1])
  const noRandom = {
    unit(): number {
      throw new Error('asked for chance')
    },
  }
  expect(orderTier(tier, noRandom)).toBe(tier)
  expect(orderTier([], noRandom)).toEqual([])
})

test('B15: routes of equal weight come first equally often', () => {
  for (const share of tally(tierOf([1, 1])).first) expect(share).toBeWithin(0.48, 0.52)
})

test('B15: an even shuffle mixes every place, not only the first', () => {
  const { first, last } = tally(tierOf([3, 3, 3, 3]))
  for (const share of [...first, ...last]) expect(share).toBeWithin(0.235, 0.265)
})

test('a weight is the share of the first tries', () => {
  const { first } = tally(tierOf([6, 3, 1]))
  expect(first[0]).toBeWithin(0.58, 0.62)
  expect(first[1]).toBeWithin(0.28, 0.32)
  expect(first[2]).toBeWithin(0.08, 0.12)
})

test('after the first, the weights of the others decide', () => {
  // 6 last: (3/10)(1/7) + (1/10)(3/9); 1 last: (6/10)(3/4) + (3/10)(6/7).
  const { last } = tally(tierOf([6, 3, 1]))
  expect(last[0]).toBeWithin(0.064, 0.088)
  expect(last[2]).toBeWithin(0.69, 0.725)
})

test('weight 0 comes after everything that has weight', () => {
  const { first, last } = tally(tierOf([0, 1, 0, 2]), 5000)
  expect([first[0], first[2], last[1], last[3]]).toEqual([0, 0, 0, 0])
  expect(last[0]).toBeWithin(0.45, 0.55)
})

test('routes that all have weight 0 share evenly', () => {
  for (const share of tally(tierOf([0, 0, 0]), 10_000).first) expect(share).toBeWithin(0.31, 0.36)
})

test('orderTier() gives every candidate once, leaves the tier alone and repeats with the seed', () => {
  const weight = fc.oneof(fc.constant(0), fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }), fc.nat(10))
  fc.assert(
    fc.property(fc.array(weight, { maxLength: 12 }), fc.integer(), (weights, seed) => {
      const tier = tierOf(weights)
      const before = [...tier]
      const ordered = orderTier(tier, seededRandom(seed))
      expect(tier).toEqual(before)
      expect(new Set(ordered)).toEqual(new Set(tier))
      expect(ordered.length).toBe(tier.length)
      const zeros = ordered.findIndex((candidate) => candidate.weight === 0)
      if (zeros !== -1) expect(ordered.slice(zeros).every((candidate) => candidate.weight === 0)).toBe(true)
      expect(orderTier(tier, seededRandom(seed)).map(({ id }) => id)).toEqual(ordered.map(({ id }) => id))
    }),
  )
})
