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
  readonly openedPer1000: number
  /** Medians over the quiet rounds of an open loop; undefined when there was none. */
  readonly latency: LatencySummary | undefined
  readonly remarks: readonly string[]
}

export interface LatencySummary {
  readonly firstEventP50Us: number
  readonly eventDelayP50Us: number
  readonly eventDelayP99Us: number
}

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
    openedPer1000: median(usable.map((cell) => cell.openedPer1000)),
    latency:
      quiet.length === 0
        ? undefined
        : {
            firstEventP50Us: median(quiet.map((cell) => cell.firstEventUs.p50)),
            eventDelayP50Us: median(quiet.map((cell) => cell.eventDelayUs.p50)),
            eventDelayP99Us: median(quiet.map((cell) => cell.eventDelayUs.p99)),
          },
    remarks: remarksOn(own, cells),
  }
}

/** What became of a goal. */
export type Verdict = 'met' | 'missed' | 'undecided' | 'not measured'

/** A goal counts as met or missed only when the whole interval lies on one side of it. */
export function judge(value: number | undefined, interval: Interval | undefined, wantedMax: number): Verdict {
  if (value === undefined || Number.isNaN(value)) return 'not measured'
  const { low, high } = interval ?? { low: value, high: value }
  if (high <= wantedMax) return 'met'
  return low > wantedMax ? 'missed' : 'undecided'
}

/** Its own fault, or that it could not keep up where HAProxy had the very same arrivals. */
function faultOf(cell: Cell, cells: readonly Cell[]): string | undefined {
  if (cell.fault !== undefined) return cell.fault
  const isOpen = workloads.some(({ id, loop }) => id === cell.workload && loop.kind === 'open')
  const other = isOpen ? referenceOf(cell, cells) : undefined
  const share = other === undefined ? 1 : cell.unitsPerSecond / other.unitsPerSecond
  return share < 0.97 ? `fell behind, ${(share * 100).toFixed(0)} % of HAProxy's rate` : undefined
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
