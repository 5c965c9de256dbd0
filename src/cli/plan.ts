import * as v from 'valibot'
import { loadSnapshot } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem } from '#config/problem.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { AdminClient } from './admin-client.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { compareCourses, pastRequestSchema } from './plan-compare.ts'
import { differenceLines, differencesOf, runningConfigSchema } from './plan-differences.ts'
import type { SourceFlags } from './source.ts'
import { renderComparison } from './plan-text.ts'

/** Values of the command's flags as they were typed. */
export interface PlanOptions extends SourceFlags {
  /** The new configuration. */
  readonly file: string | undefined
  readonly requests: string | undefined
  /** Address of the running process; undefined: as its configuration says. */
  readonly running: string | undefined
  readonly key: string | undefined
  readonly json: boolean
}

/** What is asked for the past. */
export interface Past {
  readonly address: string
  get(path: string): Promise<unknown>
}

type PlanIo = Pick<Io, 'env' | 'stdout' | 'stderr'>

/**
 * `llm-proxy plan`: decides the last requests of a running process anew on another configuration. Nothing is sent to a
 * backend. Resolves with 0, with 1 when the past cannot be had, with 2 when the new configuration cannot be used.
 */
export async function plan(
  options: PlanOptions,
  io: PlanIo,
  openPast: (options: PlanOptions, io: PlanIo) => Promise<Past | string> = openAdmin,
): Promise<number> {
  const { file, requests = '1000' } = options
  if (file === undefined) return failed(io, 'name the new configuration, as in "llm-proxy plan new.yaml"', exit.usage)
  const limit = /^\d{1,6}$/.test(requests) ? Number(requests) : 0
  if (limit < 1 || limit > requestsMax)
    return failed(io, `--requests: a whole number from 1 to ${requestsMax}`, exit.usage)
  const next = await read(file, io)
  if (typeof next === 'number') return next
  const past = await openPast(options, io)
  if (typeof past === 'string') return failed(io, past, exit.failed)
  const config = await past.get('/config')
  if (typeof config === 'string') return failed(io, config, exit.failed)
  const page = await past.get(`/requests?limit=${limit}`)
  if (typeof page === 'string') return failed(io, page, exit.failed)
  const running = v.safeParse(runningConfigSchema(), config)
  const found = v.safeParse(v.object({ requests: v.array(pastRequestSchema()) }), page)
  if (!running.success || !found.success) {
    return failed(io, `Cannot read what ${past.address} told: is it of another version?`, exit.failed)
  }
  const differences = differencesOf(running.output, next)
  const comparison = compareCourses(found.output.requests, next)
  io.stdout(
    options.json
      ? `${JSON.stringify({ differences, ...comparison }, null, 2)}\n`
      : renderComparison(comparison, file, differenceLines(differences)),
  )
  return exit.done
}

/** Limit: as many as the page of past requests gives. */
const requestsMax = 10_000

async function openAdmin({ running, key, ...source }: PlanOptions, io: PlanIo): Promise<Past | string> {
  return await AdminClient.from({ ...source, url: running, key }, io)
}

/** The new configuration, or the exit code when there is none. */
async function read(file: string, io: PlanIo): Promise<Snapshot | number> {
  try {
    const { snapshot, problems, off } = await loadSnapshot(
      { kind: 'file', file },
      { env: io.env, version: 1, listen: {}, standIns: true },
    )
    if (snapshot === undefined) {
      for (const problem of problems) if (problem.severity === 'error') io.stderr(`${formatProblem(problem)}\n`)
      return failed(io, `"${file}" has errors, see above`, exit.usage)
    }
    for (const { name, variable } of off) {
      io.stderr(
        `llm-proxy plan: backend "${name}" is off here, since environment variable "${variable}" is not set: ` +
          'it is left out, although it may be there where the gateway runs\n',
      )
    }
    return snapshot
  } catch (error) {
    return failed(io, `Cannot read "${file}": ${whyUnreadable(error)}`, exit.usage)
  }
}

function failed(io: PlanIo, why: string, code: number): number {
  io.stderr(`llm-proxy plan: ${why}\n`)
  return code
}
