import type { Clock } from '#ports/clock.ts'
import type { LoadReport, RefusedContent } from '#server/admin-config.ts'

/** What became of the attempts to load the configuration, for those who look at the running process. */
export class LoadHistory implements LoadReport {
  readonly #clock: Clock
  loadedMs: number
  warnings: readonly string[]
  refused: LoadReport['refused']
  restartKeys: readonly string[] = []
  readonly watched: LoadReport['watched']
  changedMs: number | undefined
  readonly counts = { taken: 0, refused: 0 }

  constructor(clock: Clock, warnings: readonly string[], watched?: LoadReport['watched'], changedMs?: number) {
    this.#clock = clock
    this.changedMs = changedMs
    this.watched = watched
    this.loadedMs = clock.wallMs()
    this.warnings = warnings
  }

  /** A new content serves; changes of `restartKeys` do not. */
  swapped(warnings: readonly string[], restartKeys: readonly string[], changedMs?: number): void {
    this.counts.taken += 1
    this.changedMs = changedMs
    this.loadedMs = this.#clock.wallMs()
    this.warnings = warnings
    this.restartKeys = restartKeys
    this.refused = undefined
  }

  /** A new content cannot be used. */
  rejected(problems: readonly string[], cause: RefusedContent['cause'] = 'invalid'): void {
    this.counts.refused += 1
    this.refused = { atMs: this.#clock.wallMs(), problems: problems.slice(0, problemsMax), cause }
  }

  /** The content is again what is running. */
  mended(changedMs?: number): void {
    this.changedMs = changedMs
    this.refused = undefined
  }
}

/** Limit: problems of one content that are remembered; `llm-proxy check` tells all. */
const problemsMax = 100
