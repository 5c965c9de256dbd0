import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { workersMax } from '#config/server-schema.ts'
import { systemClock } from '#ports/clock.ts'
import { systemFiles } from '#ports/files.ts'
import { bootOnlyOf } from '#snapshot/diff.ts'
import { objectionToSharing } from '#snapshot/sharing.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { createLog, type Console } from '#telemetry/log.ts'
import { Masker } from '#telemetry/mask.ts'
import type { Source } from './load.ts'
import { liftedRequestLimit, ownCommand } from './request-limit.ts'
import {
  messageVersion,
  seatVariable,
  isFromWorker,
  type FromWorker,
  type SeatFacts,
  type ToWorker,
  type Versioned,
} from './worker-messages.ts'
import { Workers, type WorkerProcess, type WorkersPlan } from './workers.ts'

export interface RunWorkersOptions {
  readonly snapshot: Snapshot
  readonly source: Source
  readonly env: Readonly<Record<string, string | undefined>>
  readonly console: Console
  readonly colour: boolean
  onSignal(signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void): () => void
}

/** As many as there are processors, for `auto`. */
export function workersFor(wanted: number | 'auto'): number {
  return Math.min(workersMax, wanted === 'auto' ? availableParallelism() : wanted)
}

/** Starts the workers and stays with them until all are gone. Resolves with the exit code. */
export async function runWorkers(options: RunWorkersOptions): Promise<number> {
  const { snapshot, source, env } = options
  const objection = objectionToSharing(snapshot.listen)
  if (objection !== undefined) throw new Error(`Cannot start several workers: ${objection}`)
  if (source.kind === 'file' && !mayBeReadAgain(source.file)) {
    throw new Error(
      `Cannot start several workers: each of them reads "${source.file}" by itself, and it can be read once only, write it to a file`,
    )
  }
  const log = createLog({
    policy: () => snapshot.logging,
    masker: new Masker(() => snapshot.secrets),
    files: systemFiles,
    clock: systemClock,
    console: options.console,
    colour: options.colour,
  })
  const plan: WorkersPlan = {
    count: workersFor(snapshot.sharing.workers),
    kept: bootOnlyOf(snapshot),
    drainMs: snapshot.drainMs,
    ownersMax: snapshot.ownedIds.max,
  }
  const workers = new Workers(plan, {
    spawn(seat, heard) {
      try {
        return startWorker(seat, env, heard)
      } catch (error) {
        return { pid: 0, send() {}, kill() {}, exited: notStarted(error) }
      }
    },
    clock: systemClock,
    log,
  })
  const stopHearing = options.onSignal(['SIGTERM', 'SIGINT', 'SIGHUP'], (name) => workers.signal(name))
  try {
    return await workers.run()
  } finally {
    stopHearing()
    await log.close()
  }
}

/** Not standard input, which workers have none of, nor a pipe. */
function mayBeReadAgain(file: string): boolean {
  return !/^\/(?:dev|proc)\//.test(file) && statSync(file, { throwIfNoEntry: false })?.isFIFO() !== true
}

async function endOf(child: Bun.Subprocess): Promise<number | string> {
  const code = await child.exited
  return child.signalCode ?? code
}

/** The machine has no room for it, say: it counts as one that ended at once. */
async function notStarted(error: unknown): Promise<string> {
  return error instanceof Error ? error.message : String(error)
}

function startWorker(
  seat: SeatFacts,
  env: RunWorkersOptions['env'],
  heard: (message: FromWorker) => void,
): WorkerProcess {
  const child = Bun.spawn([process.execPath, ...ownCommand()], {
    env: { ...liftedRequestLimit(env), [seatVariable]: JSON.stringify(seat) },
    stdio: ['ignore', 'inherit', 'inherit'],
    serialization: 'json',
    // A terminal sends its signals to all processes of the group; these hear of them from us.
    detached: true,
    ipc(message) {
      if (isFromWorker(message)) heard(message)
    },
  })
  return {
    pid: child.pid,
    send(message) {
      const versioned: Versioned<ToWorker> = { ...message, version: messageVersion }
      try {
        child.send(versioned)
      } catch {
        // It is gone; its end is on the way to us.
        return
      }
    },
    kill: (signal) => child.kill(signal),
    exited: endOf(child),
  }
}
