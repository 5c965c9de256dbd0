import { basename } from 'node:path'
import { loadSnapshot, sourceName, type Source } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem, refuses, type Problem } from '#config/problem.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { firstSet, portOf, portVariables } from './listen-environment.ts'
import { chooseSource, type SourceFlags } from './source.ts'

/** Default: `config.yaml`. */
export interface CheckOptions extends SourceFlags {
  readonly json: boolean
  /** Warnings refuse the configuration too. */
  readonly strict: boolean
}

/** `llm-proxy check`: reads a configuration as a start would and tells everything that is wrong with it. Resolves with 0 or 2. */
export async function check(options: CheckOptions, io: Io): Promise<number> {
  const { source, notes } = chooseSource(options, io.env)
  // What is found by chance is not what somebody wants to know of.
  const meant: Source = source.kind === 'environment' ? { kind: 'file', file: 'config.yaml' } : source
  const file = sourceName(meant)
  for (const note of notes) if (source.kind !== 'environment') io.stderr(`llm-proxy check: ${note}\n`)
  try {
    const { snapshot, problems: found } = await loadSnapshot(meant, { env: io.env, version: 1, listen: {} })
    const problems = [...portProblems(meant, io.env), ...found]
    const valid = snapshot !== undefined && !refuses(problems, options.strict)
    if (options.json) io.stdout(`${JSON.stringify({ file, valid, problems }, null, 2)}\n`)
    else io.stdout(report(file, valid ? snapshot : undefined, problems))
    return valid ? 0 : 2
  } catch (error) {
    io.stderr(`Cannot read "${file}": ${whyUnreadable(error)}\n`)
    return exit.usage
  }
}

/** A start would listen where these say. */
function portProblems(source: Source, env: Io['env']): readonly Problem[] {
  const name = firstSet(portVariables(source), env)
  if (name === undefined || portOf(env[name]) !== null) return []
  const message = 'a port is a number from 0 to 65535'
  return [{ severity: 'error', file: 'environment', line: 0, column: 0, path: name, message }]
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
    const services = snapshot.services.byName.size
    lines.push(
      `${basename(file)} is valid: ${plural(snapshot.backends.size, 'backend', 'backends')}, ` +
        plural(snapshot.aliases.length, 'alias', 'aliases') +
        (services === 0 ? '' : `, ${plural(services, 'service', 'services')}`),
    )
  }
  return `${lines.join('\n')}\n`
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
