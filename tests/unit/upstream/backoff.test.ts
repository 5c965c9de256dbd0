import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { RetryPolicy } from '#core/plan.ts'
import { seededRandom } from '#ports/random.ts'
import { retryDelayMs } from '#upstream/backoff.ts'

const policy: RetryPolicy = {
  retriesMax: 10,
  baseMs: 200,
  delayMsMax: 5000,
  multiplier: 2,
  jitter: 0,
  retriesStatus: () => true,
}

test('B108: the pause doubles from retry to retry and stops at its limit', () => {
  const delays = [0, 1, 2, 3, 4, 5, 50].map((retry) => retryDelayMs(policy, retry, { unit: () => 0.7 }))
  expect(delays).toEqual([200, 400, 800, 1600, 3200, 5000, 5000])
})

test.each([
  { jitter: 1, unit: 0, delayMs: 400 },
  { jitter: 1, unit: 0.25, delayMs: 300 },
  { jitter: 0.5, unit: 0.5, delayMs: 300 },
  { jitter: 0, unit: 0.5, delayMs: 400 },
])('B108: a jitter of $jitter with chance $unit makes 400 ms $delayMs ms', ({ jitter, unit, delayMs }) => {
  expect(retryDelayMs({ ...policy, jitter }, 1, { unit: () => unit })).toBe(delayMs)
})

test('B108: no pause leaves its bounds, whatever the settings', () => {
  const settings = fc.record({
    baseMs: fc.double({ min: 0, max: 3_600_000, noNaN: true }),
    delayMsMax: fc.double({ min: 0, max: 3_600_000, noNaN: true }),
    multiplier: fc.double({ min: 1, max: 100, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(settings, fc.nat(1000), fc.integer(), (drawn, retry, seed) => {
      const delayMs = retryDelayMs({ ...policy, ...drawn }, retry, seededRandom(seed))
      expect(delayMs).toBeWithin(0, drawn.delayMsMax + 1e-6)
    }),
  )
})
