import { seededRandom } from '#ports/random.ts'

/** Middle of the values; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Where the median of such values lies in 95 of 100 repetitions. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** Bootstrap: the medians of many samples drawn from the values themselves. Undefined below three values. */
export function medianInterval(values: readonly number[], seed = 1, samples = 2000): Interval | undefined {
  if (values.length < 3) return undefined
  const random = seededRandom(seed)
  const medians = Array.from({ length: samples }, () =>
    median(values.map(() => values[Math.floor(random.unit() * values.length)] ?? Number.NaN)),
  ).toSorted((a, b) => a - b)
  return {
    low: medians[Math.floor(samples * 0.025)] ?? Number.NaN,
    high: medians[Math.ceil(samples * 0.975) - 1] ?? Number.NaN,
  }
}
