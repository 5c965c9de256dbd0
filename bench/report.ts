import { coldGoalMs, type ColdStarts } from './cold-start.ts'
import type { Cell, RoundOptions } from './harness.ts'
import { foreignShareMax, type Machine } from './machine.ts'
import { median, medianInterval, type Interval } from './statistics.ts'
import { judge, reference, summarize } from './summary.ts'
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
    goalTable(results, used),
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

function goalTable({ cells, cold }: Results, used: readonly Workload[]): string {
  const rows = used.map((workload) => {
    const { ratio, ratioInterval } = summarize(cells, workload, 'llm-proxy')
    const verdict = judge(ratio, ratioInterval, workload.ratioMax)
    return `| ${workload.id}: CPU per ${workload.unit} × HAProxy | ≤ ${workload.ratioMax} | ${withInterval(ratio, ratioInterval)} | ${verdict} |`
  })
  const own = cold.find((one) => one.target === 'llm-proxy')
  if (own !== undefined) {
    const value = median(own.answerMs)
    const verdict = judge(value, medianInterval(own.answerMs), coldGoalMs)
    rows.push(`| cold start to the first answer, ms | ≤ ${coldGoalMs} | ${value.toFixed(1)} | ${verdict} |`)
  }
  return ['## Goals', '', '| goal | wanted | measured | verdict |', '|---|--:|--:|---|', ...rows].join('\n')
}

function workloadTable({ cells }: Results, workload: Workload): string {
  const isOpen = workload.loop.kind === 'open'
  const targets = [...new Set(cells.map((cell) => cell.target))].toSorted()
  const heads = [
    'target',
    `CPU µs per ${workload.unit}`,
    '× HAProxy [95 %]',
    `${workload.unit}s per s`,
    ...(isOpen ? ['first event p50 ms', 'event delay p50 µs', 'p99 µs'] : []),
    'RSS MB',
    'upstream connections per 1,000',
    'rounds',
    'remarks',
  ]
  const rows = targets.map((target) => {
    const summary = summarize(cells, workload, target)
    const { latency } = summary
    const firstEventMs = latency === undefined ? undefined : latency.firstEventP50Us / 1000
    const latencies = [fixed(firstEventMs, 2), fixed(latency?.eventDelayP50Us, 0), fixed(latency?.eventDelayP99Us, 0)]
    return [
      target,
      fixed(summary.cpuUsPerUnit, 1),
      target === reference ? '1' : withInterval(summary.ratio, summary.ratioInterval),
      fixed(summary.unitsPerSecond, 0),
    ].concat(isOpen ? latencies : [], [
      fixed(summary.residentMb, 0),
      fixed(summary.openedPer1000, 1),
      `${summary.count}`,
      summary.remarks.join('; '),
    ])
  })
  return [`## ${workload.id}: ${workload.title}`, '', row(heads), row(heads.map(() => '---')), ...rows.map(row)].join(
    '\n',
  )
}

/** One row per target; empty when nothing was measured. */
export function coldTable(cold: readonly ColdStarts[]): string {
  if (cold.length === 0) return ''
  const rows = cold.map(({ target, answerMs }) =>
    row([
      target,
      fixed(median(answerMs), 1),
      `${fixed(Math.min(...answerMs), 1)}–${fixed(Math.max(...answerMs), 1)}`,
      `${answerMs.length}`,
    ]),
  )
  const heads = ['target', 'start to first proxied answer, median ms', 'range', 'starts']
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
