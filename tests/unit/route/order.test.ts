import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import { firstOf, orderTier } from '#route/order.ts'
import { candidateOf } from '../../support/candidate.ts'

/** How often each candidate comes first and last in many draws. */
function tally(candidates: readonly Candidate[], draws = 20_000): { first: number[]; last: number[] } {
  const first = candidates.map(() => 0)
  const last = candidates.map(() => 0)
  for (let draw = 0; draw < draws; draw += 1) {
    const ordered = orderTier(candidates, draw * 2_654_435_761)
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

test('a tier of one is handed on as it is', () => {
  const tier = tierOf([1])
  expect(orderTier(tier, 7)).toBe(tier)
  expect(orderTier([], 7)).toEqual([])
  expect(firstOf(tier, 7)).toBe(tier[0])
  expect(firstOf([], 7)).toBeUndefined()
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

test('seeds that follow one another share as evenly as any others', () => {
  const tier = tierOf([1, 1])
  let first = 0
  for (let seed = 0; seed < 20_000; seed += 1) if (firstOf(tier, seed) === tier[0]) first += 1
  expect(first / 20_000).toBeWithin(0.48, 0.52)
})

const weight = fc.oneof(fc.constant(0), fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }), fc.nat(10))
const seed = fc.nat(2 ** 32 - 1)

test('orderTier() gives every candidate once, leaves the tier alone and repeats with the seed', () => {
  fc.assert(
    fc.property(fc.array(weight, { maxLength: 12 }), seed, (weights, drawn) => {
      const tier = tierOf(weights)
      const before = [...tier]
      const ordered = orderTier(tier, drawn)
      expect(tier).toEqual(before)
      expect(new Set(ordered)).toEqual(new Set(tier))
      expect(ordered.length).toBe(tier.length)
      const zeros = ordered.findIndex((candidate) => candidate.weight === 0)
      if (zeros !== -1) expect(ordered.slice(zeros).every((candidate) => candidate.weight === 0)).toBe(true)
      expect(orderTier(tierOf(weights), drawn).map(({ id }) => id)).toEqual(ordered.map(({ id }) => id))
      expect(firstOf(tier, drawn)).toBe(ordered[0])
    }),
  )
})

test('orderTier() does not care in which order the routes were written', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(10), { maxLength: 8 }), seed, (weights, drawn) => {
      const ids = orderTier(tierOf(weights), drawn).map(({ id }) => id)
      expect(orderTier(tierOf(weights).toReversed(), drawn).map(({ id }) => id)).toEqual(ids)
    }),
  )
})

test('a route that is added takes requests from others, and moves none between them', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 8 }), seed, (weights, drawn) => {
      const tier = tierOf(weights)
      const added = tier.at(-1)
      const before = orderTier(tier.slice(0, -1), drawn)
      expect(orderTier(tier, drawn).filter((candidate) => candidate !== added)).toEqual([...before])
    }),
  )
})
