import type { Clock } from '#ports/clock.ts'
import type { LoadReport } from '#server/admin-config.ts'

/** What became of the attempts to load the configuration, for those who look at the running process. */
export class LoadHistory implements LoadReport {
  readonly #clock: Clock
  loadedMs: number
  warnings: readonly string[]
  refused: LoadReport['refused']
  restartKeys: readonly string[] = []

  constructor(clock: Clock, warnings: readonly string[]) {
    this.#clock = clock
    this.loadedMs = clock.wallMs()
    this.warnings = warnings
  }

  /** A new content serves; changes of `restartKeys` do not. */
  swapped(warnings: readonly string[], restartKeys: readonly string[]): void {
    this.loadedMs = this.#clock.wallMs()
    this.warnings = warnings
    this.restartKeys = restartKeys
    this.refused = undefined
  }

  /** A new content cannot be used. */
  rejected(problems: readonly string[]): void {
    this.refused = { atMs: this.#clock.wallMs(), problems: problems.slice(0, problemsMax) }
  }

  /** The content is again what is running. */
  mended(): void {
    this.refused = undefined
  }
}

/** Limit: problems of one content that are remembered; `llm-proxy check` tells all. */
const problemsMax = 100
