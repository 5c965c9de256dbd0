import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { OutlierPolicy } from '#core/plan.ts'
import { Outliers } from '#upstream/outlier.ts'

const policy: OutlierPolicy = {
  windowMs: 10_000,
  requestsMin: 20,
  failurePercent: 50,
  ejectionMs: 30_000,
  ejectionMsMax: 100_000,
  outPercentMax: 50,
}
const [a, b, c] = ['["a","m"]', '["b","m"]', '["c","m"]']

let outliers: Outliers
beforeEach(() => {
  outliers = new Outliers()
})

/** So many answers and failures of a route at one moment; the verdict on the last failure. */
function happens(key: string, good: number, bad: number, nowMs = 0, own = policy): boolean {
  for (let count = 0; count < good; count += 1) outliers.succeeded(key, nowMs, own)
  let verdict = false
  for (let count = 0; count < bad; count += 1) verdict = outliers.failed(key, [b, c], nowMs, own)
  return verdict
}

describe('who does clearly worse than its siblings', () => {
  test.each([
    { name: 'many failures, and none of the others', own: [8, 12], others: [20, 0], isOut: true },
    { name: 'the least share that counts', own: [10, 10], others: [20, 0], isOut: true },
    { name: 'less than that', own: [11, 10], others: [20, 0], isOut: false },
    { name: 'too few requests', own: [7, 12], others: [20, 0], isOut: false },
    { name: 'others of whom nothing is known', own: [8, 12], others: [0, 0], isOut: true },
    { name: 'others that fail nearly as much', own: [8, 12], others: [11, 9], isOut: false },
    { name: 'others that fail, too, but clearly less', own: [80, 120], others: [122, 78], isOut: true },
    { name: 'the same of so few that it may be chance', own: [8, 12], others: [12, 8], isOut: false },
    { name: 'half of the requests more', own: [0, 20], others: [1, 1], isOut: true },
    { name: 'all fail always', own: [0, 40], others: [0, 40], isOut: false },
  ])('$name: $isOut', ({ own, others, isOut }) => {
    happens(b, others[0] ?? 0, others[1] ?? 0)
    expect(happens(a, own[0] ?? 0, own[1] ?? 0)).toBe(isOut)
  })

  test('the others count together, by their requests', () => {
    happens(b, 100, 0)
    happens(c, 0, 1)
    expect(happens(a, 8, 12)).toBe(true)
  })

  test.each([
    { laterMs: 8999, isOut: true },
    { laterMs: 10_000, isOut: false },
  ])('what is older than the window is forgotten: after $laterMs ms $isOut', ({ laterMs, isOut }) => {
    happens(a, 0, 19)
    expect(happens(a, 0, 1, laterMs)).toBe(isOut)
  })

  test('who was left out begins with a count of nothing, also within the window', () => {
    const brief = { ...policy, windowMs: 60_000, ejectionMs: 5000 }
    expect(happens(a, 0, 20, 0, brief)).toBe(true)
    outliers.eject(a, 0, brief)
    expect(happens(a, 0, 19, 5001, brief)).toBe(false)
    expect(happens(a, 0, 1, 5002, brief)).toBe(true)
  })

  test('good answers of the same window speak for it', () => {
    happens(a, 40, 0)
    expect(happens(a, 0, 20, 5000)).toBe(false)
    expect(happens(a, 0, 20, 12_000)).toBe(true)
  })

  test('a reload that changes the window begins a new count', () => {
    happens(a, 0, 19)
    expect(happens(a, 0, 1, 0, { ...policy, windowMs: 20_000 })).toBe(false)
  })
})

describe('an ejection', () => {
  test('ends by itself, and the route begins with a clean slate', () => {
    happens(a, 0, 20)
    expect(outliers.eject(a, 1000, policy)).toBe(30_000)
    expect(outliers.ejectedUntil(a, 30_999)).toBe(31_000)
    expect(outliers.ejectedUntil(a, 31_000)).toBeUndefined()
    expect(outliers.backSinceMs(a, 30_999)).toBeUndefined()
    expect(outliers.backSinceMs(a, 31_000)).toBe(31_000)
    expect(happens(a, 0, 19, 31_000)).toBe(false)
  })

  test('what is on its way while it lasts counts for nothing', () => {
    outliers.eject(a, 0, policy)
    expect(happens(a, 0, 50, 10)).toBe(false)
  })

  test('each one in a row is longer, up to the bound; as long a quiet time as the last one forgets the growth', () => {
    expect(outliers.eject(a, 0, policy)).toBe(30_000)
    expect(outliers.eject(a, 31_000, policy)).toBe(60_000)
    expect(outliers.eject(a, 92_000, policy)).toBe(90_000)
    expect(outliers.eject(a, 183_000, policy)).toBe(100_000)
    expect(outliers.eject(a, 283_000 + 99_999, policy)).toBe(100_000)
    expect(outliers.eject(a, 482_999 + 100_000, policy)).toBe(30_000)
  })

  test('a bound below the first length does not shorten it', () => {
    expect(outliers.eject(a, 0, { ...policy, ejectionMsMax: 1000 })).toBe(30_000)
    expect(outliers.eject(a, 30_001, { ...policy, ejectionMsMax: 1000 })).toBe(30_000)
  })

  test('the first answer after it is told, once', () => {
    outliers.eject(a, 0, policy)
    expect(outliers.succeeded(a, 29_999, policy)).toBeUndefined()
    expect(outliers.succeeded(a, 30_000, policy)).toBe('readmitted')
    expect(outliers.succeeded(a, 30_001, policy)).toBeUndefined()
    expect(outliers.succeeded(b, 30_001, policy)).toBeUndefined()
  })
})

test('B47: after a reload only routes that remain are known, and nothing is learned about others', () => {
  outliers.eject(a, 0, policy)
  outliers.eject(b, 0, policy)
  happens(c, 1, 0)
  outliers.retain(new Set([a]))
  expect([outliers.ejectedUntil(a, 1), outliers.ejectedUntil(b, 1), outliers.size]).toEqual([30_000, undefined, 1])
  expect(happens(b, 5, 40, 1)).toBe(false)
  expect(outliers.size).toBe(1)
})

test('whatever comes, a route is judged by what a plain list of the window says', () => {
  const event = fc.record({ afterMs: fc.nat(3000), isBad: fc.boolean() })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 150 }), (events) => {
      const own = new Outliers()
      const seen: { readonly slot: number; readonly isBad: boolean }[] = []
      let nowMs = 0
      for (const { afterMs, isBad } of events) {
        nowMs += afterMs
        const slot = Math.floor(nowMs / 1000)
        seen.push({ slot, isBad })
        const within = seen.filter((each) => each.slot > slot - 10)
        const bad = within.filter((each) => each.isBad).length
        const isOut = within.length >= 20 && bad / within.length >= 0.5
        if (isBad) expect(own.failed(a, [], nowMs, policy)).toBe(isOut)
        else own.succeeded(a, nowMs, policy)
      }
    }),
  )
})
