import {
  clampedSeconds,
  clientTimeoutBounds,
  clientTimeoutKeys,
  logFileIn,
  logLevelOf,
} from '#config/legacy-variables.ts'
import { mergeTree } from '#config/merge-tree.ts'
import type { Tree } from '#config/source.ts'
import { textOf, type ParsedArgs } from './args.ts'

/** What flags of a start change of the configuration, and what people should know about it. */
export interface StartFlags {
  /** Undefined when they change nothing. */
  readonly overrides: Tree | undefined
  readonly notes: readonly string[]
}

/** Reads the flags that win over keys of the configuration; a sentence when one of them is wrong. */
export function readStartFlags(parsed: ParsedArgs): StartFlags | string {
  const overrides: Tree = {}
  const notes: string[] = []
  const level = textOf(parsed, 'log-level')
  if (level !== undefined) {
    const known = logLevelOf(level)
    if (known === undefined) return `--log-level: expected DEBUG, INFO, WARNING or ERROR, not "${level.slice(0, 64)}"`
    mergeTree(overrides, { logging: { level: known } })
  }
  const directory = textOf(parsed, 'log-dir')
  if (directory === '') return '--log-dir: expected a folder'
  if (directory !== undefined) mergeTree(overrides, { logging: { general_file: logFileIn(directory) } })
  const timeout = textOf(parsed, 'client-timeout')
  if (timeout !== undefined) {
    if (!/^-?\d+(?:\.\d+)?$/.test(timeout)) return '--client-timeout: expected a number of seconds, such as 600'
    const { min, max } = clientTimeoutBounds
    const seconds = clampedSeconds(Number(timeout), min, max, (message) => notes.push(`--client-timeout: ${message}`))
    mergeTree(overrides, clientTimeoutKeys(seconds))
  }
  const workers = textOf(parsed, 'num-workers')
  if (workers !== undefined) {
    const count = workers === 'auto' ? 'auto' : Number(workers)
    if (count !== 'auto' && !(Number.isInteger(count) && count >= 1 && count <= 64)) {
      return '--num-workers: expected a whole number from 1 to 64, or "auto"'
    }
    mergeTree(overrides, { server: { workers: count } })
  }
  if (parsed.values['no-threaded'] === true) {
    notes.push('--no-threaded does nothing: one process serves any number of requests at once')
  }
  return { overrides: Object.keys(overrides).length === 0 ? undefined : overrides, notes }
}
