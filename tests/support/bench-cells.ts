import type { Cell } from '../../bench/harness.ts'
import { workloads, type Workload } from '../../bench/workloads.ts'

export function workload(id: string): Workload {
  const found = workloads.find((one) => one.id === id)
  if (found === undefined) throw new Error(`Cannot find the workload "${id}"`)
  return found
}

export function quantiles(all: number): Cell['latencyUs'] {
  return { count: 100, p50: all, p90: all, p99: all, p999: all, max: all }
}

export function cell(facts: Partial<Cell>): Cell {
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
    failures: 0,
    fault: undefined,
    ...facts,
  }
}
