import type { Clock } from '#ports/clock.ts'
import type { Files } from '#ports/files.ts'
import type { Log } from '#ports/log.ts'
import { dumpsDirectory } from './dump.ts'
import type { LoggingPolicy } from './policy.ts'
import { Stamps } from './stamp.ts'

/** What the janitor of dumps needs. */
export interface SweepOptions {
  readonly policy: () => LoggingPolicy
  readonly files: Files
  readonly clock: Clock
  readonly log: Log
}

/**
 * Background work: removes days of dumps that are older than the policy allows, at once and then every hour, until the
 * signal. Never rejects; a folder that cannot be swept is told and tried again.
 */
export async function keepSwept(options: SweepOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await sweep(options)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      options.log.write('error', 'log_failed', { file: options.policy().dumps?.directory, reason })
    }
    await options.clock.sleep(hourMs, signal)
  }
}

/** Removes what is too old now. Only folders named like a day are ours to remove. */
export async function sweep({ policy, files, clock }: Omit<SweepOptions, 'log'>): Promise<void> {
  const { dumps } = policy()
  if (dumps === undefined || dumps.ageDaysMax === 0) return
  const oldest = new Stamps().at(clock.wallMs() - dumps.ageDaysMax * dayMs).day
  const directory = dumpsDirectory(dumps)
  for (const name of await files.list(directory)) {
    if (/^\d{4}-\d{2}-\d{2}$/.test(name) && name < oldest) await files.removeTree(`${directory}/${name}`)
  }
}

const hourMs = 3_600_000
const dayMs = 86_400_000
