import type { Clock } from '#ports/clock.ts'
import type { Files } from '#ports/files.ts'
import type { Log } from '#ports/log.ts'
import { dumpsDirectory } from './dump.ts'
import type { LoggingPolicy } from './policy.ts'
import { datedFiles } from './rotate.ts'
import { Stamps } from './stamp.ts'

/** What the janitor of logs and dumps needs. */
export interface SweepOptions {
  readonly policy: () => LoggingPolicy
  readonly files: Files
  readonly clock: Clock
  readonly log: Log
}

/**
 * Background work: removes days of dumps and files of the general log that are older, or more, than the policy allows, at
 * once and then every hour, until the signal. Never rejects; a folder that cannot be swept is told and tried again.
 */
export async function keepSwept(options: SweepOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await told(options, options.policy().dumps?.directory, async () => await sweep(options))
    await told(options, options.policy().generalFile, async () => await sweepGeneral(options))
    await options.clock.sleep(hourMs, signal)
  }
}

async function told({ log }: SweepOptions, file: string | undefined, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    log.write('error', 'log_failed', { file, reason: error instanceof Error ? error.message : String(error) })
  }
}

/** Removes dumps that are too old now. Only folders named like a day are ours to remove. */
export async function sweep({ policy, files, clock }: Omit<SweepOptions, 'log'>): Promise<void> {
  const { dumps, zone } = policy()
  if (dumps === undefined || dumps.ageDaysMax === 0) return
  const oldest = dayBefore(clock, dumps.ageDaysMax, zone)
  const directory = dumpsDirectory(dumps)
  for (const name of await files.list(directory)) {
    if (/^\d{4}-\d{2}-\d{2}$/.test(name) && name < oldest) await files.removeTree(`${directory}/${name}`)
  }
}

/** Removes files of the general log that are too old, or too many: of these the oldest first, and never the newest. */
export async function sweepGeneral({ policy, files, clock }: Omit<SweepOptions, 'log'>): Promise<void> {
  const { generalFile, fileAgeDaysMax, totalBytesMax, zone } = policy()
  if (generalFile === undefined || (fileAgeDaysMax === 0 && totalBytesMax === 0)) return
  const found = await datedFiles(files, generalFile)
  const oldest = fileAgeDaysMax === 0 ? '' : dayBefore(clock, fileAgeDaysMax, zone)
  const kept: { readonly path: string; readonly bytes: number }[] = []
  for (const { path, day } of found) {
    if (day < oldest) await files.remove(path)
    else kept.push({ path, bytes: (await files.size(path)) ?? 0 })
  }
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { path, bytes } of kept.slice(0, -1)) {
    if (totalBytesMax === 0 || total <= totalBytesMax) return
    await files.remove(path)
    total -= bytes
  }
}

function dayBefore(clock: Clock, days: number, zone: string | undefined): string {
  const wholeDays = Math.floor(days)
  const { day } = new Stamps().at(clock.wallMs() - (days - wholeDays) * dayMs, zone)
  // By the calendar: where clocks are changed, not every day has 24 hours.
  return new Date(Date.parse(day) - wholeDays * dayMs).toISOString().slice(0, 10)
}

const hourMs = 3_600_000
const dayMs = 86_400_000
