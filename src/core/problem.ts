/** Something wrong in the configuration, found after it was read. `config/problem.ts` gives it its line and column. */
export interface CompileProblem {
  /** error: the configuration is refused. warning: it loads, and strict checks refuse it. note: good to know. */
  readonly severity: 'error' | 'warning' | 'note'
  /** Keys and indices from the top of the file down to the value at fault. */
  readonly path: readonly (string | number)[]
  readonly message: string
}
