import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { MeterShelf, saneAmount, SlidingWindow, TokenBucket, type Meter } from '#limit/meter.ts'
import type { Counting, Rate } from '#limit/policy.ts'

const sliding: Counting = { algorithm: 'sliding_window', burst: 1 }
const bucket = (burst = 1): Counting => ({ algorithm: 'token_bucket', burst })
const perMinute = (limit: number): Rate => ({ limit, windowMs: 60_000 })

/** Takes one at each of these moments that lets it; tells the moments at which it did. */
function admitted(meter: Meter, rate: Rate, counting: Counting, momentsMs: readonly number[]): number[] {
  return momentsMs.filter((nowMs) => {
    if (meter.waitMs(nowMs, rate, counting, 1) > 0) return false
    meter.take(nowMs, rate, 1)
    return true
  })
}

const moments = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 50_000 })), {
    minLength: 40,
    maxLength: 400,
  })
  .map((gaps) => {
    let nowMs = 1000
    return gaps.map((gap) => (nowMs += gap))
  })

describe('I10: whatever comes when', () => {
  test('a sliding window has no more than its limit in any minute, whenever that begins', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 1, max: 40 }), (times, limit) => {
        const taken = admitted(new SlidingWindow(), perMinute(limit), sliding, times)
        for (const [index, from] of taken.entries()) {
          const within = taken.slice(index).filter((at) => at < from + 60_000).length
          expect(within).toBeLessThanOrEqual(limit)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('C210: a token bucket has no more than what it holds and what comes back meanwhile', () => {
    fc.assert(
      fc.property(
        moments,
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0.5, max: 3, noNaN: true }),
        (times, limit, burst) => {
          const taken = admitted(new TokenBucket(), perMinute(limit), bucket(burst), times)
          for (const [index, from] of taken.entries()) {
            for (const [count, to] of taken.slice(index).entries()) {
              expect(count + 1).toBeLessThanOrEqual(Math.max(1, limit * burst) + ((to - from) * limit) / 60_000 + 1e-6)
            }
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  test('who waits as long as was said is let in, and not a moment later than a sixtieth of the window', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 1, max: 20 }), fc.boolean(), (times, limit, isWindow) => {
        const [meter, counting] = isWindow ? [new SlidingWindow(), sliding] : [new TokenBucket(), bucket()]
        const rate = perMinute(limit)
        admitted(meter, rate, counting, times)
        const nowMs = times.at(-1) ?? 0
        const waitMs = meter.waitMs(nowMs, rate, counting, 1)
        expect(waitMs).toBeLessThanOrEqual(60_000)
        expect(meter.waitMs(nowMs + waitMs, rate, counting, 1)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

describe('C210: what may be taken at once', () => {
  test.each([
    {
      name: 'a window: all of it, and nothing more before a minute is over',
      counting: sliding,
      at0: 60,
      at1: 0,
      at59: 0,
      at60: 60,
    },
    { name: 'a bucket: all of it, and then as it comes back', counting: bucket(), at0: 60, at1: 1, at59: 58, at60: 1 },
    {
      name: 'a small bucket: little, however long nothing was taken',
      counting: bucket(0.1),
      at0: 6,
      at1: 1,
      at59: 6,
      at60: 1,
    },
    { name: 'a large bucket: more than a minute has', counting: bucket(1.5), at0: 90, at1: 1, at59: 58, at60: 1 },
  ])('$name', ({ counting, at0, at1, at59, at60 }) => {
    const shelf = new MeterShelf()
    const meter = shelf.meterOf('m:x', counting)
    const many = (atMs: number): number =>
      admitted(
        meter,
        perMinute(60),
        counting,
        Array.from({ length: 200 }, () => atMs),
      ).length
    expect([many(0), many(1000), many(59_000), many(60_000)]).toEqual([at0, at1, at59, at60])
  })
})

describe('what was thought and what it came to', () => {
  const counting = sliding
  const rate = perMinute(1000)

  test('C202: more than the limit is let in when nothing else is, and then weighs as much as it was', () => {
    const meter = new SlidingWindow()
    expect(meter.waitMs(0, rate, counting, 5000)).toBe(0)
    meter.take(0, rate, 1000)
    meter.take(10, rate, 4000)
    expect(meter.used(10, rate)).toBe(5000)
    expect(meter.waitMs(10, rate, counting, 1)).toBe(60_000)
    expect(meter.waitMs(60_010, rate, counting, 1)).toBe(0)
  })

  test('what was not needed is given back where it was taken, never more than that, and not when it is forgotten', () => {
    const meter = new SlidingWindow()
    meter.take(0, rate, 600)
    meter.take(30_000, rate, 300)
    meter.giveBack(40_000, rate, 500, 0)
    expect(meter.used(40_000, rate)).toBe(400)
    meter.giveBack(40_000, rate, 10_000, 30_000)
    expect(meter.used(40_000, rate)).toBe(100)
    meter.giveBack(65_000, rate, 100, 0)
    expect(meter.used(65_000, rate)).toBe(0)
  })

  test.each([
    { amount: Number.NaN, sane: 0 },
    { amount: -5, sane: 0 },
    { amount: Infinity, sane: 1_000_000_000_000 },
    { amount: Number('1e400'), sane: 1_000_000_000_000 },
    { amount: 12.5, sane: 12.5 },
  ])('F104: $amount tokens count as $sane', ({ amount, sane }) => {
    expect(saneAmount(amount)).toBe(sane)
  })

  test('F104: whatever is taken and given back, what counts is a number and never less than nothing', () => {
    const step = fc.record({
      gapMs: fc.integer({ min: 0, max: 90_000 }),
      amount: fc.double({ min: 0, max: 1e12, noNaN: true }),
      gives: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, isWindow) => {
        const meter: Meter = isWindow ? new SlidingWindow() : new TokenBucket()
        let nowMs = 0
        for (const { gapMs, amount, gives } of steps) {
          const beforeMs = nowMs
          nowMs += gapMs
          if (gives) meter.giveBack(nowMs, rate, amount, beforeMs)
          else meter.take(nowMs, rate, amount)
          // Sums of fractions are not exact.
          expect(meter.used(nowMs, rate)).toBeGreaterThanOrEqual(-1)
          expect(Number.isFinite(meter.waitMs(nowMs, rate, isWindow ? sliding : bucket(), 1))).toBe(true)
        }
      }),
    )
  })
})

describe('C1124 N116: another limit', () => {
  test.each([{ counting: sliding }, { counting: bucket() }])(
    'gives nothing back: $counting.algorithm',
    ({ counting }) => {
      const shelf = new MeterShelf()
      const meter = shelf.meterOf('m:x', counting)
      expect(
        admitted(
          meter,
          perMinute(10),
          counting,
          Array.from({ length: 20 }, () => 0),
        ),
      ).toHaveLength(10)
      expect(shelf.meterOf('m:x', counting)).toBe(meter)
      expect(meter.waitMs(0, perMinute(5), counting, 1)).toBeGreaterThan(0)
      expect(
        admitted(
          meter,
          perMinute(12),
          counting,
          Array.from({ length: 20 }, () => 0),
        ),
      ).toHaveLength(2)
    },
  )
})

test('N217: of a million addresses the last ones are remembered', () => {
  const shelf = new MeterShelf(1000)
  for (let id = 0; id < 1_000_000; id += 1) {
    if (id % 100 === 0) shelf.meterOf('m:busy', sliding).take(0, perMinute(1), 0)
    shelf.meterOf(`m:${id}`, sliding)
  }
  expect(shelf.size).toBeGreaterThanOrEqual(500)
  expect(shelf.size).toBeLessThanOrEqual(1000)
})

test('N217: however many are remembered, it costs the same: a million addresses on the whole shelf', () => {
  const shelf = new MeterShelf()
  const busy = shelf.meterOf('m:busy', sliding)
  for (let id = 0; id < 1_000_000; id += 1) {
    shelf.meterOf(`m:${id}`, sliding)
    if (id % 1000 === 0) expect(shelf.meterOf('m:busy', sliding)).toBe(busy)
  }
  expect(shelf.size).toBeLessThanOrEqual(100_000)
})

test('F104: a bucket that a provider told nonsense of is of use again after a few hours', () => {
  const meter = new TokenBucket()
  meter.take(0, perMinute(1000), saneAmount(Infinity))
  expect(meter.waitMs(0, perMinute(1000), bucket(), 1)).toBeLessThan(3 * 3_600_000)
})

test('a window that is used without end stays small and right', () => {
  const meter = new SlidingWindow()
  const rate = perMinute(1000)
  let taken = 0
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 37) {
    if (meter.waitMs(nowMs, rate, sliding, 1) > 0) continue
    meter.take(nowMs, rate, 1)
    taken += 1
  }
  expect(taken).toBeLessThanOrEqual(60_000)
  expect(taken).toBeGreaterThan(57_000)
})
