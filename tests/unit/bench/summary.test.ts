import { expect, test } from 'bun:test'
import type { Cell } from '../../../bench/harness.ts'
import { judge, summarize } from '../../../bench/summary.ts'
import { workloads, type Workload } from '../../../bench/workloads.ts'

test('the ratio is taken inside a round, so that a slow round does not count against one target', () => {
  const cells = [
    cell({ round: 0, target: 'haproxy', cpuUsPerUnit: 10 }),
    cell({ round: 0, target: 'llm-proxy', cpuUsPerUnit: 20 }),
    cell({ round: 1, target: 'haproxy', cpuUsPerUnit: 40 }),
    cell({ round: 1, target: 'llm-proxy', cpuUsPerUnit: 80 }),
  ]
  expect(summarize(cells, workload('W1-c32'), 'llm-proxy')).toMatchObject({ count: 2, cpuUsPerUnit: 50, ratio: 2 })
})

test.each([
  { name: 'with errors', fault: '3 broken', unitsPerSecond: 100, remark: 'round 1 void: 3 broken' },
  {
    name: 'that could not keep up with the arrivals',
    fault: undefined,
    unitsPerSecond: 60,
    remark: "round 1 void: fell behind, 60 % of HAProxy's rate",
  },
])('a cell $name is void', ({ fault, unitsPerSecond, remark }) => {
  const cells = [
    cell({ workload: 'W4-200', target: 'haproxy' }),
    cell({ workload: 'W4-200', target: 'llm-proxy', fault, unitsPerSecond }),
  ]
  const summary = summarize(cells, workload('W4-200'), 'llm-proxy')
  expect(summary).toMatchObject({ count: 0, ratio: undefined, cpuUsPerUnit: undefined, latency: undefined })
  expect(summary.remarks).toEqual([remark])
})

test('a slower target is no fault in a closed loop, where it sets the pace itself', () => {
  const cells = [cell({ target: 'haproxy' }), cell({ target: 'llm-proxy', unitsPerSecond: 30 })]
  expect(summarize(cells, workload('W1-c32'), 'llm-proxy').count).toBe(1)
})

test('a ratio needs a usable cell of HAProxy in the same round', () => {
  const cells = [
    cell({ round: 0, target: 'haproxy', fault: '1 short' }),
    cell({ round: 0, target: 'llm-proxy' }),
    cell({ round: 1, target: 'llm-proxy' }),
  ]
  expect(summarize(cells, workload('W1-c32'), 'llm-proxy')).toMatchObject({ count: 2, ratio: undefined })
})

test('latencies come from quiet rounds of an open loop only; CPU time from all', () => {
  const loud = { workload: 'W4-200', target: 'llm-proxy', isQuiet: false } as const
  expect(summarize([cell(loud)], workload('W4-200'), 'llm-proxy')).toMatchObject({
    cpuUsPerUnit: 10,
    latency: undefined,
  })
  const quiet = cell({ ...loud, isQuiet: true, eventDelayUs: quantiles(70) })
  const { latency, remarks } = summarize([cell(loud), quiet], workload('W4-200'), 'llm-proxy')
  expect(latency?.eventDelayP50Us).toBe(70)
  expect(remarks).toEqual(['1 not quiet'])
  expect(summarize([cell({ target: 'llm-proxy' })], workload('W1-c32'), 'llm-proxy').latency).toBeUndefined()
})

test.each([
  { name: 'all below', value: 2, interval: { low: 1.9, high: 2.1 }, verdict: 'met' },
  { name: 'all above', value: 4, interval: { low: 3.5, high: 4.5 }, verdict: 'missed' },
  { name: 'on both sides of', value: 2.9, interval: { low: 2.5, high: 3.2 }, verdict: 'undecided' },
  { name: 'unknown, the value below', value: 2, interval: undefined, verdict: 'met' },
  { name: 'unknown, the value above', value: 3.5, interval: undefined, verdict: 'missed' },
  { name: 'unknown, and no value at all', value: undefined, interval: undefined, verdict: 'not measured' },
] as const)('judge(): an interval $name the goal is "$verdict"', ({ value, interval, verdict }) => {
  expect(judge(value, interval, 3)).toBe(verdict)
})

function workload(id: string): Workload {
  const found = workloads.find((one) => one.id === id)
  if (found === undefined) throw new Error(`Cannot find the workload "${id}"`)
  return found
}

function quantiles(all: number): Cell['latencyUs'] {
  return { count: 100, p50: all, p90: all, p99: all, p999: all, max: all }
}

function cell(facts: Partial<Cell>): Cell {
  return {
    workload: 'W1-c32',
    target: 'llm-proxy',
    round: 0,
    cpuUsPerUnit: 10,
    unitsPerSecond: 100,
    residentMb: 50,
    openedPer1000: 1,
    latencyUs: quantiles(500),
    firstEventUs: quantiles(100_000),
    eventDelayUs: quantiles(50),
    foreignShare: [0, 0],
    stealShare: 0,
    isQuiet: true,
    isLoadBound: false,
    fault: undefined,
    ...facts,
  }
}
