import { metricByName, metrics, type Metric, type MetricName, type Reading, type Series } from './metric.ts'

/** What several processes counted, as one. */
export function combined(readings: readonly Reading[]): Reading {
  const [first = {}, ...others] = readings
  if (others.length === 0) return first
  const whole: Partial<Record<MetricName, readonly Series[]>> = {}
  for (const name of namesIn(readings)) {
    const metric = metrics[name]
    const byLabels = new Map<string, Series>()
    for (const reading of readings) {
      for (const series of reading[name] ?? []) {
        const key = JSON.stringify(series[0])
        const before = byLabels.get(key)
        byLabels.set(key, before === undefined ? series : [series[0], joined(metric, before[1], series[1])])
      }
    }
    whole[name] = [...byLabels.values()]
  }
  return whole
}

/** What of a process that is gone has to be told on: what only grows must never shrink. */
export function lasting(reading: Reading): Reading {
  const kept: Partial<Record<MetricName, readonly Series[]>> = {}
  for (const name of namesIn([reading])) if (metrics[name].kind !== 'gauge') kept[name] = reading[name] ?? []
  return kept
}

/** A reading that came from another process, if it is one. */
export function readingOf(value: unknown): Reading | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const isWhole = Object.entries(value).every(([name, series]) => metricByName.has(name) && Array.isArray(series))
  return isWhole ? value : undefined
}

function namesIn(readings: readonly Reading[]): readonly MetricName[] {
  return metricNames.filter((name) => readings.some((reading) => reading[name] !== undefined))
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its own keys
const metricNames = Object.keys(metrics) as MetricName[]

function joined({ across = 'sum' }: Metric, one: readonly number[], other: readonly number[]): readonly number[] {
  return one.map((value, at) => joins[across](value, other[at] ?? 0))
}

const joins: Readonly<Record<NonNullable<Metric['across']>, (one: number, other: number) => number>> = {
  sum: (one, other) => one + other,
  max: Math.max,
  min: Math.min,
}
