import type { Log } from '#ports/log.ts'
import type { Credentials } from '#credential/credentials.ts'
import { formatProblem, refuses, type Problem } from '#config/problem.ts'
import { movedKeysOf, stateKeysOf } from '#snapshot/compile.ts'
import { describeChanges, restartKeys, withBootOnly, type BootOnly } from '#snapshot/diff.ts'
import type { Holder } from '#snapshot/holder.ts'
import { isLocal } from '#snapshot/listen.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Breakers } from '#upstream/breaker.ts'
import type { LoadHistory } from './load-history.ts'
import type { LoadedSnapshot } from './load.ts'
import { whyUnreadable } from './unreadable.ts'

export interface ReloaderParts {
  readonly holder: Holder
  readonly breakers: Breakers
  readonly credentials: Credentials
  readonly log: Log
  /** Shown in the log. */
  readonly file: string
  readonly load: (version: number) => Promise<LoadedSnapshot>
  /** Files that the running configuration names, at first. */
  readonly files: readonly string[]
  /** A new configuration serves from now on. */
  readonly onSwapped?: (snapshot: Snapshot, old: Snapshot, loaded: LoadedSnapshot) => void
  /** Is told what became of each look. */
  readonly history?: LoadHistory
}

/**
 * Replaces the snapshot when the configuration changed. Whatever is wrong with the new one, the old one serves on, and
 * each bad edit is told exactly once. Requests for a reload that come while one runs are one more run after it.
 */
export class Reloader {
  readonly #parts: ReloaderParts
  #running: Promise<void> | undefined
  #again = false
  #asked = false
  /** What was told last about a configuration that cannot be used. */
  #refused: string | undefined
  #files: readonly string[]
  #refusedFiles: readonly string[] = []

  constructor(parts: ReloaderParts) {
    this.#parts = parts
    this.#files = parts.files
  }

  /** Files to watch besides the configuration itself: those of a refused one too, since what it lacks may come. */
  get files(): readonly string[] {
    return [...this.#files, ...this.#refusedFiles]
  }

  /** Looks at the configuration; `asked`: a person wants an answer even when nothing changed. */
  async reload(asked = false): Promise<void> {
    this.#again = true
    this.#asked ||= asked
    this.#running ??= this.#untilSettled()
    await this.#running
  }

  async #untilSettled(): Promise<void> {
    try {
      // Another look may be asked for during one.
      while (this.#again) {
        const asked = this.#asked
        this.#again = false
        this.#asked = false
        await this.#once(asked)
      }
    } finally {
      this.#running = undefined
    }
  }

  async #once(asked: boolean): Promise<void> {
    const { holder, log, file, load, history } = this.#parts
    const old = holder.current()
    let loaded: LoadedSnapshot
    try {
      loaded = await load(old.version + 1)
    } catch (error) {
      const reason = whyUnreadable(error)
      const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      history?.rejected([`Cannot read ${file}: ${reason}`], isGone ? 'gone' : 'unreadable')
      this.#refuse(`unreadable: ${reason}`, asked, () => log.write('warn', 'config_unreadable', { file, reason }))
      return
    }
    if (loaded.digest === old.digest) {
      if (this.#refused !== undefined) log.write('info', 'config_back', { file })
      else if (asked) log.write('info', 'config_unchanged', { file })
      this.#refused = undefined
      this.#refusedFiles = []
      history?.mended(loaded.changedMs)
      return
    }
    this.#refusedFiles = loaded.files
    const { snapshot, problems } = loaded
    const reasons =
      snapshot === undefined || refuses(problems)
        ? formatted(problems, 'error')
        : opensTheDoor(old, snapshot)
          ? [openDoor]
          : (old.tls === undefined) !== (snapshot.tls === undefined)
            ? [encryptionChanged]
            : []
    if (snapshot === undefined || reasons.length > 0) {
      const warnings = formatted(problems, 'warning')
      const { servicesLack: lacks } = loaded
      history?.rejected([...reasons, ...warnings], lacks === 'broken' ? 'invalid' : lacks)
      this.#refuse(loaded.digest, asked, () => tellRefusal(log, file, reasons, warnings))
      return
    }
    this.#refused = undefined
    this.#swap(old, snapshot, loaded)
  }

  #swap(old: Snapshot, next: Snapshot, loaded: LoadedSnapshot): void {
    const { holder, breakers, credentials, log, history } = this.#parts
    const restart = restartKeys(old, next)
    // Whoever reads the new configuration must find its credentials.
    credentials.adopt(next.credentials)
    holder.swap(withBootOnly(next, old))
    history?.swapped(formatted(loaded.problems, 'warning'), restart, loaded.changedMs)
    breakers.retain(stateKeysOf(next))
    breakers.forget(movedKeysOf(old, next))
    this.#files = loaded.files
    this.#refusedFiles = []
    log.write('info', 'config_reloaded', {
      version: next.version,
      changes: describeChanges(old, next).join('; ') || 'nothing that matters',
    })
    for (const { name, variable } of loaded.off) log.write('warn', 'backend_off', { backend: name, variable })
    for (const problem of loaded.problems) {
      if (problem.severity === 'warning') log.write('warn', 'config_problem', { problem: formatProblem(problem) })
    }
    if (restart.length > 0) log.write('warn', 'restart_needed', { keys: restart.join(', ') })
    this.#parts.onSwapped?.(next, old, loaded)
  }

  #refuse(what: string, asked: boolean, tell: () => void): void {
    if (this.#refused === what && !asked) return
    this.#refused = what
    tell()
  }
}

/** A warning may be the cause of what refuses, such as a misspelt key, so it comes first. */
function tellRefusal(log: Log, file: string, reasons: readonly string[], warnings: readonly string[]): void {
  const told = [...warnings.slice(0, toldMax - Math.min(reasons.length, toldMax - 1)), ...reasons].slice(0, toldMax)
  log.write('warn', 'config_rejected', { file, problems: reasons.length + warnings.length, first: told.join('; ') })
}

function formatted(problems: readonly Problem[], severity: Problem['severity']): string[] {
  return problems.filter((problem) => problem.severity === severity).map(formatProblem)
}

export const openDoor =
  'without "proxy_api_key" the open listener would serve everyone: restart, or set "allow_unauthenticated: true"'

/** Clients of a port speak one of the two. */
export const encryptionChanged =
  '"tls" came or went, which takes a restart: until then the configuration stays as it was'

/** The listener stays where it is until a restart, but the keys would be gone at once. */
export function opensTheDoor(old: Pick<BootOnly, 'listen'>, next: Snapshot): boolean {
  return next.keys.isOpen && !isLocal(old.listen) && isLocal(next.listen)
}

/** Limit: problems of a refused configuration in its one log line; `llm-proxy check` tells all. */
const toldMax = 10
