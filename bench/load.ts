// `node scripts/run.mjs bench/load.ts [--rounds 5] …`: measures the gateway against HAProxy on this machine;
// see docs/performance.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureCold, type ColdStarts } from './cold-start.ts'
import { cellSeconds, runRounds, type Cell, type RoundOptions } from './harness.ts'
import { describeMachine, requireMachine } from './machine.ts'
import { compileNative } from './native.ts'
import { checkParity } from './parity.ts'
import { pinSelf, stopAll } from './processes.ts'
import { toMarkdown, type Results } from './report.ts'
import {
  gatewayBinary,
  makeRunDirectory,
  removeRunDirectory,
  startTarget,
  targets,
  type RunningTarget,
  type Target,
} from './targets.ts'
import { startUpstream } from './upstream.ts'
import { workloads, type Workload } from './workloads.ts'

const defaultTargets = 'direct,haproxy,llm-proxy,llm-proxy-bare'

const usage = `Measures the gateway against HAProxy: CPU per request and event, as ratios inside a round.

  --rounds N        1 to 50, default 5
  --seconds N       length of a window, 1 to 30, default 4
  --warm-up N       seconds before a window, 0.5 to 30, default 2
  --workloads A,B   of ${workloads.map(({ id }) => id).join(', ')}; default all
  --targets A,B     of ${targets.map(({ name }) => name).join(', ')}; default ${defaultTargets}
  --cold N          cold starts per target, 0 to 100, default 10
  --binary PATH     the gateway to measure; default: dist/ when it is newer than the sources, else one built for this
  --seed N          of the arrivals in an open loop, default 1
  --out DIR         where the report goes, default bench/results
  --name NAME       name of the report's files, default the time
  --no-gate         do not wait for a quiet machine; the report says so`

/** The command line, checked. */
interface Settings {
  readonly options: RoundOptions
  readonly workloads: readonly Workload[]
  readonly targets: readonly Target[]
  readonly coldStarts: number
  readonly binary: string | undefined
  readonly directory: string
  readonly name: string
}

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(usage)
} else {
  process.once('SIGINT', stopEarly)
  process.once('SIGTERM', stopEarly)
  try {
    await main()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  } finally {
    await stopAll()
    removeRunDirectory()
  }
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2))
  const needsTls = settings.workloads.some(({ upstream }) => upstream === 'tls')
  requireMachine(needsTls)
  makeRunDirectory()
  const tools = compileNative()
  const needsBinary = settings.targets.some((target) => target.isGateway)
  const binary = needsBinary ? gatewayBinary(settings.binary) : ''
  pinSelf()

  const startedAt = new Date().toISOString()
  const plan = planOf(settings)
  console.error(`About ${Math.ceil(plan.seconds / 60)} min for ${plan.cells} cells`)

  // A cell may wait for quiet and be measured twice.
  const upstream = await startUpstream(tools, plan.seconds * 2 + plan.cells * 25 + 900, needsTls)
  const running: RunningTarget[] = []
  for (const target of settings.targets) {
    running.push(await startTarget(target, upstream.plain, binary))
    if (upstream.tls !== undefined && speaksTls(target)) {
      running.push(await startTarget(target, upstream.tls, binary))
    }
  }
  const expected = await checkParity(running, settings.workloads, upstream.plain.port)
  const cells = await runRounds({ tools, upstream, running, expected }, settings.workloads, settings.options, tell)
  await stopTargets(running)

  const cold: ColdStarts[] = []
  for (const target of settings.targets.filter((one) => one.launch !== undefined && settings.coldStarts > 0)) {
    cold.push(await measureCold(target, settings.coldStarts, tools, upstream, binary))
  }
  const versions = versionsOf(settings.targets, binary)
  write(settings, { startedAt, machine: describeMachine(), versions, options: settings.options, cells, cold })
}

/** How much there is to measure; a cell is one target under one workload in one round. */
function planOf({ workloads: chosen, targets: taking, options }: Settings): { seconds: number; cells: number } {
  const planned = chosen.map((workload) => {
    const count = taking.filter((target) => workload.upstream === 'plain' || speaksTls(target)).length * options.rounds
    return { count, seconds: count * cellSeconds(workload, options) }
  })
  return {
    seconds: planned.reduce((sum, { seconds }) => sum + seconds, 0),
    cells: planned.reduce((sum, { count }) => sum + count, 0),
  }
}

/** The load generator does not. */
function speaksTls(target: Target): boolean {
  return target.launch !== undefined
}

function stopEarly(): void {
  void stopAll().finally(() => {
    removeRunDirectory()
    process.exit(130)
  })
}

async function stopTargets(running: readonly RunningTarget[]): Promise<void> {
  await Promise.all(running.map(async ({ program }) => await program?.stop()))
}

function write({ directory, name }: Settings, results: Results): void {
  const report = toMarkdown(results)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, `${name}.md`), report)
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(results, undefined, 1)}\n`)
  console.log(report)
  console.error(`Written: ${join(directory, name)}.md and .json`)
}

function tell(cell: Cell): void {
  const cpu = cell.cpuUsPerUnit === undefined ? '' : `${cell.cpuUsPerUnit.toFixed(1)} µs CPU, `
  const marks = [
    cell.isQuiet ? '' : ' (not quiet)',
    cell.isLoadBound ? ' (load-bound)' : '',
    cell.fault === undefined ? '' : ` VOID: ${cell.fault}`,
  ]
  console.error(
    `${cell.round + 1} ${cell.workload.padEnd(12)} ${cell.target.padEnd(16)} ${cpu}${cell.unitsPerSecond.toFixed(0)}/s${marks.join('')}`,
  )
}

function versionsOf(used: readonly Target[], binary: string): Record<string, string> {
  const versions: Record<string, string> = {}
  if (used.some((target) => target.name === 'haproxy')) versions['haproxy'] = firstLine(['haproxy', '-v'])
  if (used.some((target) => target.isGateway)) versions['llm-proxy'] = firstLine([binary, 'version'])
  return versions
}

function firstLine(command: string[]): string {
  return Bun.spawnSync(command, { stdin: 'ignore', timeout: 10_000 }).stdout.toString().split('\n')[0]?.trim() ?? ''
}

function readSettings(args: string[]): Settings {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      'warm-up': { type: 'string', default: '2' },
      workloads: { type: 'string', default: workloads.map(({ id }) => id).join() },
      targets: { type: 'string', default: defaultTargets },
      cold: { type: 'string', default: '10' },
      binary: { type: 'string' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string', default: join(import.meta.dir, 'results') },
      name: { type: 'string', default: new Date().toISOString().slice(0, 16).replaceAll(':', '') },
      gate: { type: 'boolean', default: true },
    },
  })
  return {
    options: {
      rounds: Math.round(numberIn('rounds', values.rounds, 1, 50)),
      seconds: numberIn('seconds', values.seconds, 1, 30),
      warmUpSeconds: numberIn('warm-up', values['warm-up'], 0.5, 30),
      isGated: values.gate,
      seed: Math.round(numberIn('seed', values.seed, 1, 1e9)),
    },
    workloads: pickByName('workloads', values.workloads, workloads, ({ id }) => id),
    targets: pickByName('targets', values.targets, targets, ({ name }) => name),
    coldStarts: Math.round(numberIn('cold', values.cold, 0, 100)),
    binary: values.binary,
    directory: values.out,
    name: values.name,
  }
}

function numberIn(flag: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= min && value <= max) return value
  throw new Error(`Cannot use "--${flag} ${text}": it must be a number from ${min} to ${max}`)
}

function pickByName<T>(flag: string, text: string, all: readonly T[], nameOf: (one: T) => string): T[] {
  return text.split(',').map((name) => {
    const found = all.find((one) => nameOf(one) === name.trim())
    if (found !== undefined) return found
    throw new Error(`Cannot use "--${flag} ${text}": "${name}" is not one of ${all.map(nameOf).join(', ')}`)
  })
}
