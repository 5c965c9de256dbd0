import { basename } from 'node:path'
import { loadSnapshot } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem, refuses, type Problem } from '#config/problem.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'

export interface CheckOptions {
  /** Default: `config.yaml`. */
  readonly config: string | undefined
  readonly json: boolean
  /** Warnings refuse the configuration too. */
  readonly strict: boolean
}

/** `llm-proxy check`: reads a configuration as a start would and tells everything that is wrong with it. Resolves with 0 or 2. */
export async function check(options: CheckOptions, io: Io): Promise<number> {
  const file = options.config ?? 'config.yaml'
  try {
    const { snapshot, problems } = await loadSnapshot({ kind: 'file', file }, { env: io.env, version: 1, listen: {} })
    const valid = snapshot !== undefined && !refuses(problems, options.strict)
    if (options.json) io.stdout(`${JSON.stringify({ file, valid, problems }, null, 2)}\n`)
    else io.stdout(report(file, valid ? snapshot : undefined, problems))
    return valid ? 0 : 2
  } catch (error) {
    io.stderr(`Cannot read "${file}": ${whyUnreadable(error)}\n`)
    return exit.usage
  }
}

function report(file: string, snapshot: Snapshot | undefined, problems: readonly Problem[]): string {
  const lines = problems.map(formatProblem)
  if (snapshot === undefined) {
    const count = (severity: Problem['severity']): number =>
      problems.filter((problem) => problem.severity === severity).length
    lines.push(
      `${basename(file)} is not valid: ${plural(count('error'), 'error', 'errors')}, ` +
        plural(count('warning'), 'warning', 'warnings'),
    )
  } else {
    lines.push(
      `${basename(file)} is valid: ${plural(snapshot.backends.size, 'backend', 'backends')}, ` +
        plural(snapshot.aliases.length, 'alias', 'aliases'),
    )
  }
  return `${lines.join('\n')}\n`
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
