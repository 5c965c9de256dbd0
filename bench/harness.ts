import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cores, foreignShareMax, idleLoad } from './machine.ts'
import type { NativeTools } from './native.ts'
import type { Expected } from './parity.ts'
import { processTree, residentMb, start } from './processes.ts'
import { runDirectory, type RunningTarget } from './targets.ts'
import { readUpstream, toArguments, type Upstream, type UpstreamCounts } from './upstream.ts'
import { rawRequest, upstreamBehaviour, type Workload } from './workloads.ts'

/** One target under one workload in one round. */
export interface Cell {
  readonly workload: string
  readonly target: string
  readonly round: number
  /** CPU microseconds of the target's processes per request or event; undefined for `direct`. */
  readonly cpuUsPerUnit: number | undefined
  /** Requests or events per second. */
  readonly unitsPerSecond: number
  readonly residentMb: number | undefined
  /** Connections to the upstream opened per 1,000 requests, once it is warm. */
  readonly openedPer1000: number
  readonly latencyUs: Quantiles
  readonly firstEventUs: Quantiles
  readonly eventDelayUs: Quantiles
  /** Share of each core that other programs took while it was measured. */
  readonly foreignShare: readonly [proxy: number, load: number]
  readonly stealShare: number
  readonly isQuiet: boolean
  /** The load side had no time left, so rates and latencies say nothing about the target. */
  readonly isLoadBound: boolean
  /** Requests that failed, from the first of the warm-up to the last. */
  readonly failures: number
  /** Why the figures may not be used, or undefined. */
  readonly fault: string | undefined
}

export interface Quantiles {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export interface RoundOptions {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly isGated: boolean
  readonly seed: number
}

/** What the rounds need to be there. */
export interface Stage {
  readonly tools: NativeTools
  readonly upstream: Upstream
  readonly running: readonly RunningTarget[]
  readonly expected: Expected
}

const drainSeconds = 5

/** Seconds that one cell takes, the looks at the quiet machine included. */
export function cellSeconds(workload: Workload, options: RoundOptions): number {
  const drain = workload.loop.kind === 'open' ? 2.5 : 0
  return Math.max(options.warmUpSeconds, workload.steadyAfterS) + options.seconds + drain + 1
}

/** Every target under every workload, `rounds` times, beginning with another target each time. */
export async function runRounds(
  stage: Stage,
  workloads: readonly Workload[],
  options: RoundOptions,
  onCell: (cell: Cell) => void,
): Promise<Cell[]> {
  const cells: Cell[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, workload] of workloads.entries()) {
      const taking = stage.running.filter(({ upstream }) => upstream === workload.upstream)
      for (let turn = 0; turn < taking.length; turn += 1) {
        const running = taking[(turn + round + index) % taking.length]
        if (running === undefined) continue
        const cell = await measureQuietly(stage, running, workload, round, options)
        cells.push(cell)
        onCell(cell)
      }
    }
  }
  return cells
}

/** Measures once more when other programs disturbed it; the second cell stands, marked if it was no better. */
async function measureQuietly(
  stage: Stage,
  running: RunningTarget,
  workload: Workload,
  round: number,
  options: RoundOptions,
): Promise<Cell> {
  if (options.isGated) await waitForQuiet()
  const cell = await measure(stage, running, workload, round, options)
  if (cell.isQuiet || !options.isGated) return cell
  await waitForQuiet()
  return await measure(stage, running, workload, round, options)
}

/** Limit: 20 looks of half a second; then it is measured anyway, and the cell says how loud it was. */
async function waitForQuiet(): Promise<void> {
  for (let left = 20; left > 0; left -= 1) {
    const shares = await idleLoad()
    if (shares.every((share) => share < foreignShareMax)) return
  }
}

/** What the load generator prints; see native/lg.c. */
interface LoadReport {
  readonly seconds: number
  readonly loadCpuNs: number
  readonly cpuNs: readonly number[]
  readonly cores: readonly { readonly busyMs: number; readonly idleMs: number; readonly stealMs: number }[]
  readonly latencyUs: Quantiles
  readonly firstEventUs: Quantiles
  readonly eventDelayUs: Quantiles
  readonly requests: number
  readonly events: number
  readonly errors: Readonly<Record<string, number>>
  /** The first status that was not 200, or 0. */
  readonly badStatus: number
}

async function measure(
  stage: Stage,
  running: RunningTarget,
  workload: Workload,
  round: number,
  options: RoundOptions,
): Promise<Cell> {
  const pids = running.program === undefined ? [] : processTree(running.program.pid)
  const { report, before } = await runLoad(stage, running, workload, round, options, pids)
  const after = await readUpstream(stage.upstream)
  const isSameTree = running.program === undefined || processTree(running.program.pid).join() === pids.join()
  const resident = running.program === undefined ? undefined : residentMb(pids)
  running.clearLogs()

  const proxyNs = report.cpuNs.slice(0, pids.length).reduce((sum, ns) => sum + ns, 0)
  const helperNs = report.cpuNs.slice(pids.length).reduce((sum, ns) => sum + ns, report.loadCpuNs)
  const units = workload.unit === 'event' ? report.events : report.requests
  const windowMs = report.seconds * 1000
  const foreignShare = [
    foreign(report, cores.proxy, proxyNs, windowMs),
    foreign(report, cores.load, helperNs, windowMs),
  ] as const
  return {
    workload: workload.id,
    target: running.target.name,
    round,
    cpuUsPerUnit: running.program === undefined || units === 0 ? undefined : proxyNs / 1000 / units,
    unitsPerSecond: units / report.seconds,
    residentMb: resident,
    // The second look at the counters came over a connection too.
    openedPer1000: ((after.accepted - before.accepted - 1) * 1000) / Math.max(1, after.requests - before.requests),
    latencyUs: report.latencyUs,
    firstEventUs: report.firstEventUs,
    eventDelayUs: report.eventDelayUs,
    foreignShare,
    stealShare:
      report.cores.reduce((sum, core) => sum + core.stealMs, 0) / (windowMs * Math.max(1, report.cores.length)),
    isQuiet: foreignShare.every((share) => share < foreignShareMax),
    isLoadBound: (report.cores[cores.load]?.busyMs ?? 0) / windowMs > 0.95,
    failures: Object.values(report.errors).reduce((sum, count) => sum + count, 0),
    fault: findFault(report, units, isSameTree),
  }
}

async function runLoad(
  { tools, upstream, expected }: Stage,
  running: RunningTarget,
  workload: Workload,
  round: number,
  options: RoundOptions,
  pids: readonly number[],
): Promise<{ readonly report: LoadReport; readonly before: UpstreamCounts }> {
  const requestFile = join(runDirectory, `${workload.id}.http`)
  writeFileSync(requestFile, rawRequest(workload))
  const { loop } = workload
  const warmUpSeconds = Math.max(options.warmUpSeconds, workload.steadyAfterS)
  const arrivals = loop.kind === 'closed' ? { m: 'closed', c: loop.connections } : { m: 'open', r: loop.perSecond }
  const flags = {
    ...arrivals,
    p: running.port,
    f: requestFile,
    s: options.seed + round,
    w: warmUpSeconds,
    d: options.seconds,
    x: drainSeconds,
    e: workload.unit === 'event' ? upstreamBehaviour.events : 0,
    b: expected.bodyBytesById.get(workload.id) ?? 0,
    P: [...pids, ...upstream.programs.map(({ pid }) => pid), process.pid].join(),
  }
  const errorFile = join(runDirectory, 'lg.txt')
  const generator = start([tools.loadGenerator, ...toArguments(flags)], { core: cores.load, errorFile })
  try {
    // Shortly before the window: connections that fill the pool do not count, and the look itself disturbs nothing.
    await Bun.sleep((warmUpSeconds - 0.25) * 1000)
    const before = await readUpstream(upstream)
    const report: LoadReport = JSON.parse(await new Response(generator.output).text())
    return { report, before }
  } finally {
    await generator.stop()
  }
}

function foreign(report: LoadReport, core: number, oursNs: number, windowMs: number): number {
  return Math.max(0, (report.cores[core]?.busyMs ?? 0) - oursNs / 1e6) / windowMs
}

/** Any error at all makes the figures of a cell void: cheap failures would look like speed. */
function findFault(report: LoadReport, units: number, isSameTree: boolean): string | undefined {
  const errors = Object.entries(report.errors).filter(([, count]) => count > 0)
  if (errors.length > 0)
    return errors
      .map(([kind, count]) => `${count} ${kind}${kind === 'status' ? ` (first ${report.badStatus})` : ''}`)
      .join(', ')
  if (units === 0) return 'nothing was answered'
  if (!isSameTree || report.cpuNs.some((ns) => ns < 0)) return 'a process came or went'
  return undefined
}
