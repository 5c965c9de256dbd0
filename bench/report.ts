import type { ColdStarts } from './cold-start.ts'
import { judgeGoals } from './goals.ts'
import type { Cell, RoundOptions } from './harness.ts'
import { foreignShareMax, type Machine } from './machine.ts'
import { median, type Interval } from './statistics.ts'
import { reference, summarize, type Summary } from './summary.ts'
import { workloads, type Workload } from './workloads.ts'

/** A claim needs this many rounds. */
const roundsWanted = 5

/** One run, as it is kept in `results/`. */
export interface Results {
  readonly startedAt: string
  readonly machine: Machine
  /** What was measured, by target. */
  readonly versions: Readonly<Record<string, string>>
  readonly options: RoundOptions
  readonly cells: readonly Cell[]
  readonly cold: readonly ColdStarts[]
}

/** The whole report. */
export function toMarkdown(results: Results): string {
  const used = workloads.filter((workload) => results.cells.some((cell) => cell.workload === workload.id))
  return [
    `# Load bench, ${results.startedAt}`,
    describe(results),
    goalTable(results),
    ...used.map((workload) => workloadTable(results, workload)),
    coldTable(results.cold),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

function describe({ machine, options, versions, cells }: Results): string {
  const loud = cells.filter((cell) => !cell.isQuiet).length
  const lines = [
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryMb} MB, Linux ${machine.kernel}`,
    ...Object.entries(versions).map(([target, version]) => `- ${target}: ${version}`),
    `- ${options.rounds} rounds, windows of ${options.seconds} s after ${options.warmUpSeconds} s of warm-up, seed ${options.seed}`,
    `- Quiet gate ${options.isGated ? 'on' : '**off**'}; ${loud} of ${cells.length} cells had more than ` +
      `${foreignShareMax * 100} % of a core taken by other programs`,
  ]
  if (options.rounds < roundsWanted) {
    lines.push(`- **Provisional**: fewer than ${roundsWanted} rounds, so nothing may be claimed from it`)
  }
  return lines.join('\n')
}

function goalTable({ cells, cold }: Results): string {
  const rows = judgeGoals(cells, cold).map(({ title, goal, value, interval, verdict }) =>
    row([title, goal.target, `≤ ${goal.max}`, withInterval(value, interval), verdict]),
  )
  return [
    '## Goals',
    '',
    row(['goal', 'target', 'wanted', 'measured', 'verdict']),
    '|---|---|--:|--:|---|',
    ...rows,
  ].join('\n')
}

function workloadTable({ cells }: Results, workload: Workload): string {
  const targets = [...new Set(cells.filter(({ workload: id }) => id === workload.id).map(({ target }) => target))]
  const heads = [
    'target',
    `CPU µs per ${workload.unit}`,
    '× HAProxy [95 %]',
    `${workload.unit}s per s`,
    ...latencyHeads(workload),
    'RSS MB',
    'upstream connections per 1,000',
    'rounds',
    'remarks',
  ]
  const rows = targets.toSorted().map((target) => {
    const summary = summarize(cells, workload, target)
    return [
      target,
      fixed(summary.cpuUsPerUnit, 1),
      target === reference ? '1' : withInterval(summary.ratio, summary.ratioInterval),
      fixed(summary.unitsPerSecond, 0),
    ].concat(latencyCells(workload, summary), [
      fixed(summary.residentMb, 0),
      fixed(median(summary.opened), 1),
      `${summary.count}`,
      summary.remarks.join('; '),
    ])
  })
  return [`## ${workload.id}: ${workload.title}`, '', row(heads), row(heads.map(() => '---')), ...rows.map(row)].join(
    '\n',
  )
}

function latencyHeads({ loop, unit }: Workload): string[] {
  if (loop.kind === 'closed') return []
  return unit === 'event'
    ? ['first event p50 ms', 'event delay p50 µs', 'p99 µs']
    : ['% behind HAProxy', 'answer p50 ms', 'p99 ms']
}

function latencyCells({ loop, unit }: Workload, { latency, behindPercent }: Summary): string[] {
  if (loop.kind === 'closed') return []
  return unit === 'event'
    ? [fixed(inMs(latency?.firstEventP50Us), 2), fixed(latency?.eventDelayP50Us, 0), fixed(latency?.eventDelayP99Us, 0)]
    : [fixed(median(behindPercent), 1), fixed(inMs(latency?.answerP50Us), 2), fixed(inMs(latency?.answerP99Us), 2)]
}

function inMs(us: number | undefined): number | undefined {
  return us === undefined ? undefined : us / 1000
}

/** One row per target; empty when nothing was measured. */
export function coldTable(cold: readonly ColdStarts[]): string {
  if (cold.length === 0) return ''
  const rows = cold.map(({ target, listenMs, answerMs }) =>
    row([
      target,
      fixed(median(listenMs), 1),
      fixed(median(answerMs), 1),
      `${fixed(Math.min(...answerMs), 1)}–${fixed(Math.max(...answerMs), 1)}`,
      `${answerMs.length}`,
    ]),
  )
  const heads = ['target', 'start to listening, median ms', 'to the first proxied answer', 'range', 'starts']
  return ['## Cold start', '', row(heads), row(heads.map(() => '---')), ...rows].join('\n')
}

function withInterval(value: number | undefined, interval: Interval | undefined): string {
  if (interval === undefined) return fixed(value, 2)
  return `${fixed(value, 2)} [${fixed(interval.low, 2)}, ${fixed(interval.high, 2)}]`
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits)
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
