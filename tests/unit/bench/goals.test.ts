import { expect, test } from 'bun:test'
import { coldStart, goals, judge, judgeGoals } from '../../../bench/goals.ts'
import { targets } from '../../../bench/targets.ts'
import { workloads } from '../../../bench/workloads.ts'
import { cell } from '../../support/bench-cells.ts'

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

test('every goal is about a target and a workload that exist, and none is there twice', () => {
  const ids = new Set([...workloads.map(({ id }) => id), coldStart])
  const gateways = new Set(targets.filter(({ isGateway }) => isGateway).map(({ name }) => name))
  expect(goals.filter(({ workload, target }) => !ids.has(workload) || !gateways.has(target))).toEqual([])
  const keys = goals.map(({ target, workload, figure }) => `${target} ${workload} ${figure}`)
  expect(keys.toSorted()).toEqual([...new Set(keys)].toSorted())
})

test('a run is judged by the goals about what it measured, each target by its own', () => {
  const cells = [
    cell({ target: 'haproxy', cpuUsPerUnit: 10 }),
    cell({ target: 'llm-proxy', cpuUsPerUnit: 25 }),
    cell({ target: 'llm-proxy-bare', cpuUsPerUnit: 25 }),
  ]
  expect(judgeGoals(cells, []).map(({ title, goal, verdict }) => [title, goal.target, goal.max, verdict])).toEqual([
    ['W1-c32: CPU per unit × HAProxy', 'llm-proxy', 3, 'met'],
    ['W1-c32: CPU per unit × HAProxy', 'llm-proxy-bare', 1.9, 'missed'],
  ])
})

test.each([
  { name: 'few connections', workload: 'W1-c256', facts: { openedPer1000: 4 }, figure: 'opened', verdict: 'met' },
  { name: 'many connections', workload: 'W1-c256', facts: { openedPer1000: 6 }, figure: 'opened', verdict: 'missed' },
  { name: 'no failure', workload: 'W12-5000', facts: {}, figure: 'failures', verdict: 'met' },
  {
    name: 'one failure, which voids the cell',
    workload: 'W12-5000',
    facts: { failures: 1, fault: '1 status' },
    figure: 'failures',
    verdict: 'missed',
  },
  { name: 'the whole rate', workload: 'W12-5000', facts: {}, figure: 'behind', verdict: 'met' },
  {
    name: 'a rate that voids the cell',
    workload: 'W12-5000',
    facts: { unitsPerSecond: 90 },
    figure: 'behind',
    verdict: 'missed',
  },
] as const)('$name: the goal "$figure" is $verdict', ({ workload, facts, figure, verdict }) => {
  const cells = [cell({ workload, target: 'haproxy' }), cell({ workload, target: 'llm-proxy-bare', ...facts })]
  expect(judgeGoals(cells, []).find(({ goal }) => goal.figure === figure)?.verdict).toBe(verdict)
})

test('the cold start is judged by the first answer, not by the moment it listens', () => {
  const cold = [
    { target: 'haproxy', listenMs: [90], answerMs: [90] },
    { target: 'llm-proxy', listenMs: [40, 41, 42], answerMs: [61, 62, 63] },
  ]
  expect(judgeGoals([], cold)).toMatchObject([{ goal: { target: 'llm-proxy' }, value: 62, verdict: 'missed' }])
})
