import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

/** The proxy has a core to itself; load generator, mock upstream and bench share the other one. */
export const cores = { proxy: 0, load: 1 } as const

/** A core on which other programs take more than this share of the time is not quiet. */
export const foreignShareMax = 0.12

/** What a figure depends on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryMb: number
  readonly kernel: string
  readonly bun: string
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    kernel: release(),
    bun: Bun.version,
  }
}

/** Throws when this machine cannot run the load bench at all. */
export function requireMachine(needsTls: boolean): void {
  if (process.platform !== 'linux')
    throw new Error(`Cannot run the load bench: it needs Linux, and this is "${process.platform}"`)
  if (cpus().length < 2)
    throw new Error('Cannot run the load bench: there is one core, and proxy and load need one each')
  for (const tool of ['taskset', 'setpriv', 'haproxy', ...(needsTls ? ['openssl'] : [])]) {
    if (Bun.which(tool) === null) {
      throw new Error(
        `Cannot run the load bench: "${tool}" is not installed (apt-get install util-linux haproxy openssl)`,
      )
    }
  }
}

/** Busy share of the proxy's and the load side's core over the next half second, while the bench does nothing. */
export async function idleLoad(): Promise<readonly [proxy: number, load: number]> {
  const before = readBusy()
  await Bun.sleep(500)
  const after = readBusy()
  return [share(before, after, cores.proxy), share(before, after, cores.load)]
}

interface CoreTicks {
  readonly busy: number
  readonly idle: number
}

function share(before: readonly CoreTicks[], after: readonly CoreTicks[], core: number): number {
  const busy = (after[core]?.busy ?? 0) - (before[core]?.busy ?? 0)
  const idle = (after[core]?.idle ?? 0) - (before[core]?.idle ?? 0)
  return busy / Math.max(1, busy + idle)
}

/** user nice system idle iowait irq softirq steal … */
function readBusy(): CoreTicks[] {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n')
  return lines
    .filter((line) => /^cpu\d/.test(line))
    .map((line) => {
      const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, hard = 0, soft = 0] = line
        .split(/\s+/)
        .slice(1)
        .map(Number)
      return { busy: user + nice + system + hard + soft, idle: idle + wait }
    })
}
