import type { Cell } from './harness.ts'
import { median, medianInterval, type Interval } from './statistics.ts'
import { workloads, type Workload } from './workloads.ts'

/** The figures of one target under one workload. */
export interface Summary {
  readonly workload: string
  readonly target: string
  /** Cells without fault. */
  readonly count: number
  readonly cpuUsPerUnit: number | undefined
  /** CPU per unit divided by HAProxy's in the same round: median and its interval. */
  readonly ratio: number | undefined
  readonly ratioInterval: Interval | undefined
  readonly unitsPerSecond: number
  readonly residentMb: number | undefined
  /** Upstream connections per 1,000 requests, by round. */
  readonly opened: readonly number[]
  /** Per cent that an open loop stayed below HAProxy's rate, by round, voided rounds included. */
  readonly behindPercent: readonly number[]
  /** Medians over the quiet rounds of an open loop; undefined when there was none. */
  readonly latency: LatencySummary | undefined
  readonly remarks: readonly string[]
}

export interface LatencySummary {
  /** From the planned moment of a request to the end of its answer. */
  readonly answerP50Us: number
  readonly answerP99Us: number
  readonly firstEventP50Us: number
  readonly eventDelayP50Us: number
  readonly eventDelayP99Us: number
}

/** An open loop that delivers less is void. */
const behindPercentMax = 3

/** The target whose figures the others are divided by. */
export const reference = 'haproxy'

/** Cells with a fault are left out, and told in the remarks. */
export function summarize(cells: readonly Cell[], workload: Workload, target: string): Summary {
  const own = cells.filter((cell) => cell.workload === workload.id && cell.target === target)
  const usable = own.filter((cell) => faultOf(cell, cells) === undefined)
  const ratios = usable.flatMap((cell) => ratioOf(cell, cells) ?? [])
  const cpu = usable.flatMap((cell) => cell.cpuUsPerUnit ?? [])
  const resident = usable.flatMap((cell) => cell.residentMb ?? [])
  const isOpen = workload.loop.kind === 'open'
  const quiet = isOpen ? usable.filter((cell) => cell.isQuiet && !cell.isLoadBound) : []
  return {
    workload: workload.id,
    target,
    count: usable.length,
    cpuUsPerUnit: cpu.length === 0 ? undefined : median(cpu),
    ratio: ratios.length === 0 ? undefined : median(ratios),
    ratioInterval: medianInterval(ratios),
    unitsPerSecond: median(usable.map((cell) => cell.unitsPerSecond)),
    residentMb: resident.length === 0 ? undefined : median(resident),
    opened: usable.map((cell) => cell.openedPer1000),
    behindPercent: isOpen ? own.flatMap((cell) => behindOf(cell, cells) ?? []) : [],
    latency:
      quiet.length === 0
        ? undefined
        : {
            answerP50Us: median(quiet.map((cell) => cell.latencyUs.p50)),
            answerP99Us: median(quiet.map((cell) => cell.latencyUs.p99)),
            firstEventP50Us: median(quiet.map((cell) => cell.firstEventUs.p50)),
            eventDelayP50Us: median(quiet.map((cell) => cell.eventDelayUs.p50)),
            eventDelayP99Us: median(quiet.map((cell) => cell.eventDelayUs.p99)),
          },
    remarks: remarksOn(own, cells),
  }
}

/** Its own fault, or that it could not keep up where HAProxy had the very same arrivals. */
function faultOf(cell: Cell, cells: readonly Cell[]): string | undefined {
  if (cell.fault !== undefined) return cell.fault
  const isOpen = workloads.some(({ id, loop }) => id === cell.workload && loop.kind === 'open')
  const behind = isOpen ? (behindOf(cell, cells) ?? 0) : 0
  return behind > behindPercentMax ? `fell behind, ${(100 - behind).toFixed(0)} % of HAProxy's rate` : undefined
}

/** Undefined when HAProxy has no usable cell in the same round. */
function behindOf(cell: Cell, cells: readonly Cell[]): number | undefined {
  const other = referenceOf(cell, cells)
  return other === undefined ? undefined : 100 - (cell.unitsPerSecond * 100) / other.unitsPerSecond
}

function referenceOf(cell: Cell, cells: readonly Cell[]): Cell | undefined {
  return cells.find(
    ({ workload, target, round, fault }) =>
      workload === cell.workload && round === cell.round && target === reference && fault === undefined,
  )
}

/** Undefined when HAProxy has no usable cell in the same round. */
function ratioOf(cell: Cell, cells: readonly Cell[]): number | undefined {
  const other = referenceOf(cell, cells)
  if (other?.cpuUsPerUnit === undefined || cell.cpuUsPerUnit === undefined) return undefined
  return cell.cpuUsPerUnit / other.cpuUsPerUnit
}

function remarksOn(cells: readonly Cell[], all: readonly Cell[]): string[] {
  const remarks = cells.flatMap((cell) => {
    const fault = faultOf(cell, all)
    return fault === undefined ? [] : [`round ${cell.round + 1} void: ${fault}`]
  })
  const loud = cells.filter((cell) => !cell.isQuiet).length
  const bound = cells.filter((cell) => cell.isLoadBound).length
  const steal = Math.max(0, ...cells.map((cell) => cell.stealShare))
  if (loud > 0) remarks.push(`${loud} not quiet`)
  if (bound > 0) remarks.push(`${bound} load-bound`)
  if (steal > 0.02) remarks.push(`up to ${(steal * 100).toFixed(0)} % stolen by the host`)
  return remarks
}
