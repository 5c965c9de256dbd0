import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import type { HealthPolicy } from '#core/health.ts'
import type { Strategy, Tier } from '#core/plan.ts'
import { noHealth } from '#core/health.ts'
import { noRests, type RouteBooks } from '#core/rest.ts'
import { Figures } from '#route/figures.ts'
import { SlowStart } from '#route/slow-start.ts'
import { orderByStrategy, plainOutlook } from '#route/strategy.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'

const lengthMs = 100_000
const startMs = 1_000_000

function routes(weights: Readonly<Record<string, number>>): Candidate[] {
  return Object.entries(weights).map(([name, weight]) => candidateOf(name, 'm', { weight }))
}

const at = (nowMs: number) => ({ monotonicMs: () => nowMs })

/** `a` came back at {@link startMs}. */
const aIsBack: RouteBooks = {
  breakers: { ...noRests, backSinceMs: (key) => (key === candidateOf('a', 'm').stateKey ? startMs : undefined) },
}

describe('SlowStart', () => {
  const [a, b] = routes({ a: 1, b: 1 }) as [Candidate, Candidate]

  test.each([
    { afterMs: 0, ease: 0.1 },
    { afterMs: 10_000, ease: 0.19 },
    { afterMs: 50_000, ease: 0.55 },
    { afterMs: 99_999, ease: 0.999991 },
    { afterMs: 100_000, ease: 1 },
    { afterMs: 900_000, ease: 1 },
  ])('$afterMs ms after its return a route has $ease of its weight', ({ afterMs, ease }) => {
    const easing = new SlowStart(aIsBack, lengthMs, at(startMs + afterMs))
    expect(easing.easeOf(a)).toBeCloseTo(ease, 9)
    expect(easing.easeOf(b)).toBe(1)
  })

  test('a backend that is well again counts like a route that is back, where it is checked; the later return decides', () => {
    const books = { ...aIsBack, health: { ...noHealth, backSinceMs: () => startMs + 50_000 } }
    const checked = { ...a, backend: backendOf('a', { health: {} as HealthPolicy }) }
    const easing = new SlowStart(books, lengthMs, at(startMs + 50_000))
    expect([easing.easeOf(checked), easing.easeOf(a), easing.easeOf(b)]).toEqual([0.1, 0.55, 1])
  })
})

test('whenever somebody looks and whenever it came back, its ease is above 0 and at most 1, and grows', () => {
  const [a] = routes({ a: 1 }) as [Candidate]
  const times = fc.double({ min: 0, max: 1e9, noNaN: true })
  fc.assert(
    fc.property(times, times, times, (backMs, nowMs, laterMs) => {
      const books = { breakers: { ...noRests, backSinceMs: () => backMs } }
      const [first, later] = [nowMs, nowMs + laterMs].map((ms) => new SlowStart(books, lengthMs, at(ms)).easeOf(a)) as [
        number,
        number,
      ]
      expect([first, later].every((ease) => ease > 0 && ease <= 1)).toBe(true)
      expect(later).toBeGreaterThanOrEqual(first)
    }),
  )
})

describe('the share of a route that came back', () => {
  /** First places of `a` among so many requests that come evenly within the ten parts of the slow start, and after it. */
  function sharesOf(strategy: Strategy | undefined, weights: Readonly<Record<string, number>>): number[] {
    const tier: Tier = { alias: 'm', level: 'l1', priority: 0, candidates: routes(weights), strategy }
    const figures = new Figures()
    const running: { readonly key: string; readonly endMs: number; readonly pay: () => void }[] = []
    const shares: number[] = []
    const perPart = 3000
    for (let part = 0; part < 12; part += 1) {
      let count = 0
      for (let draw = 0; draw < perPart; draw += 1) {
        const nowMs = startMs + (part + draw / perPart) * (lengthMs / 10)
        while ((running[0]?.endMs ?? Infinity) <= nowMs) running.shift()?.pay()
        const easing = new SlowStart(aIsBack, lengthMs, at(nowMs))
        const seed = Math.imul(part * perPart + draw, 2_654_435_761) >>> 0
        const [first] = orderByStrategy(tier, seed, { ...plainOutlook, figures, nowMs, easing })
        if (first === undefined) continue
        if (strategy === 'round_robin') figures.takeTurn('m', tier.candidates, first, easing)
        const ride = figures.begin(first.stateKey, false)
        // Some hundred requests are on their way, as long as each other.
        running.push({ key: first.stateKey, endMs: nowMs + 1000, pay: () => ride.pay() })
        if (first.backend.name === 'a') count += 1
      }
      shares.push(count / perPart)
    }
    return shares
  }

  /** What a linear ramp from a tenth gives on the average of each part. */
  function ramp(own: number, others: number): number[] {
    return Array.from({ length: 12 }, (_, part) => {
      let sum = 0
      for (let step = 0; step < 100; step += 1) {
        const ease = Math.min(1, 0.1 + 0.9 * ((part + step / 100) / 10))
        sum += (own * ease) / (own * ease + others)
      }
      return sum / 100
    })
  }

  test.each<{ strategy: Strategy | undefined; weights: Record<string, number>; own: number; others: number }>([
    { strategy: undefined, weights: { a: 1, b: 1 }, own: 1, others: 1 },
    { strategy: undefined, weights: { a: 3, b: 1, c: 2 }, own: 3, others: 3 },
    { strategy: 'random', weights: { a: 7, b: 1, c: 1, d: 1 }, own: 1, others: 3 },
    { strategy: 'round_robin', weights: { a: 1, b: 1 }, own: 1, others: 1 },
    { strategy: 'round_robin', weights: { a: 3, b: 1, c: 2 }, own: 3, others: 3 },
    { strategy: 'least_connections', weights: { a: 1, b: 1 }, own: 1, others: 1 },
    { strategy: 'least_connections', weights: { a: 1, b: 1, c: 2 }, own: 1, others: 3 },
  ])(
    '$strategy, weight $own against $others: it follows the ramp within 3 points',
    ({ strategy, weights, own, others }) => {
      const seen = sharesOf(strategy, weights)
      for (const [part, wanted] of ramp(own, others).entries()) {
        expect([part, Math.abs((seen[part] ?? 0) - wanted) <= 0.03, seen[part], wanted]).toEqual([
          part,
          true,
          seen[part],
          wanted,
        ])
      }
    },
  )

  test.each<{ strategy: Strategy }>([{ strategy: 'hash' }, { strategy: 'cost' }, { strategy: 'latency' }])(
    '$strategy takes no notice of it',
    ({ strategy }) => {
      const tier: Tier = { alias: 'm', level: 'l1', priority: 0, candidates: routes({ a: 1, b: 1, c: 1 }), strategy }
      const easing = new SlowStart(aIsBack, lengthMs, at(startMs))
      for (let seed = 0; seed < 100; seed += 1) {
        expect(orderByStrategy(tier, seed, { ...plainOutlook, easing })).toEqual([
          ...orderByStrategy(tier, seed, plainOutlook),
        ])
      }
    },
  )

  test('when nobody is back for a short time, every order is as it ever was', () => {
    const easing = new SlowStart(aIsBack, lengthMs, at(startMs + lengthMs))
    for (const strategy of [undefined, 'random', 'round_robin', 'least_connections'] as const) {
      const tier: Tier = { alias: 'm', level: 'l1', priority: 0, candidates: routes({ a: 1, b: 2, c: 0 }), strategy }
      for (let seed = 0; seed < 50; seed += 1) {
        const outlook = { ...plainOutlook, figures: new Figures() }
        expect(orderByStrategy(tier, seed, { ...outlook, easing })).toEqual([...orderByStrategy(tier, seed, outlook)])
      }
    }
  })

  test('weight 0 stays last', () => {
    const tier: Tier = { alias: 'm', level: 'l1', priority: 0, candidates: routes({ a: 1, b: 0 }), strategy: undefined }
    const easing = new SlowStart(aIsBack, lengthMs, at(startMs))
    for (let seed = 0; seed < 100; seed += 1) {
      const [first] = orderByStrategy(tier, seed, { ...plainOutlook, easing })
      expect(first?.backend.name).toBe('a')
    }
  })
})
