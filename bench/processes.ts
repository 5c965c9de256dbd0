import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { cores } from './machine.ts'

/** A program that the bench started, and the only kind of program that it stops. */
export interface Started {
  readonly pid: number
  /** True while it runs. */
  isAlive(): boolean
  /** SIGTERM, and SIGKILL when that did not help within 3 s. */
  stop(): Promise<void>
}

const started = new Set<Started>()

export interface StartOptions {
  readonly core: number
  readonly env?: Readonly<Record<string, string>>
  /** Gets what the program writes to standard error. */
  readonly errorFile: string
}

/**
 * Starts a program pinned to one core. It dies with the bench even when the bench is killed: the kernel sees to that
 * (`setpriv --pdeathsig`). taskset and setpriv replace themselves, so the id is the program's own.
 */
export function start(
  command: readonly string[],
  options: StartOptions,
): Started & { readonly output: ReadableStream<Uint8Array> } {
  const errors = openSync(options.errorFile, 'a')
  const child = Bun.spawn(['taskset', '-c', `${options.core}`, 'setpriv', '--pdeathsig', 'KILL', ...command], {
    env: { PATH: process.env['PATH'], ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: errors,
  })
  closeSync(errors)
  const self = {
    pid: child.pid,
    output: child.stdout,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      started.delete(self)
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 3000)
      await child.exited
      clearTimeout(late)
    },
  }
  started.add(self)
  return self
}

/** Stops everything that is still running. */
export async function stopAll(): Promise<void> {
  await Promise.all([...started].map(async (program) => await program.stop()))
}

/** Pins this process, with all its threads, to the core of the load side. */
export function pinSelf(): void {
  Bun.spawnSync(['taskset', '-a', '-c', '-p', `${cores.load}`, `${process.pid}`])
}

/** The process and all that descend from it. */
export function processTree(pid: number): number[] {
  const childrenByParent = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = parentOf(name)
    if (parent !== undefined) childrenByParent.set(parent, [...(childrenByParent.get(parent) ?? []), Number(name)])
  }
  const tree = [pid]
  for (let at = 0; at < tree.length; at += 1) tree.push(...(childrenByParent.get(tree[at] ?? 0) ?? []))
  return tree
}

/** Resident memory of some processes in megabytes; those that are gone count nothing. */
export function residentMb(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readProc(`${pid}/status`))?.[1] ?? 0))
  return kilobytes.reduce((sum, value) => sum + value, 0) / 1024
}

/** Field 4 of /proc/PID/stat; the name before it may hold spaces and brackets. */
function parentOf(pid: string): number | undefined {
  const stat = readProc(`${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[1] === undefined ? undefined : Number(fields[1])
}

/** Empty when the process ended in the meantime. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}
