import { expect, test } from 'bun:test'
import { summarize } from '../../../bench/summary.ts'
import { cell, quantiles, workload } from '../../support/bench-cells.ts'

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

test('what an open loop stayed below the rate of HAProxy counts in per cent, void or not; a closed loop has none', () => {
  const cells = [
    cell({ workload: 'W12-5000', target: 'haproxy', unitsPerSecond: 5000 }),
    cell({ workload: 'W12-5000', target: 'llm-proxy', unitsPerSecond: 4000, fault: '3 status' }),
  ]
  expect(summarize(cells, workload('W12-5000'), 'llm-proxy')).toMatchObject({ count: 0, behindPercent: [20] })
  expect(summarize([cell({})], workload('W1-c32'), 'llm-proxy').behindPercent).toEqual([])
})
