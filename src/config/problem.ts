import type { CompileProblem } from '#core/problem.ts'

/** Keys and indices from the top of the file down to a value. */
export type ConfigPath = readonly (string | number)[]

/** A spot in a source text, counted from 1; line 0 = the source has no lines (the environment). */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Something wrong in the configuration, with its place. */
export interface Problem extends Place {
  readonly severity: CompileProblem['severity']
  /** As {@link pathText} writes it. */
  readonly path: string
  readonly message: string
}

/** `file:line:col path: message` */
export function formatProblem({ severity, file, line, column, path, message }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  const told = severity === 'error' ? message : `${severity}: ${message}`
  return path === '' ? `${place} ${told}` : `${place} ${path}: ${told}`
}

/** The path as people write it: `models."openai/gpt-5".routes[0].backend`. */
export function pathText(path: ConfigPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += (text === '' ? '' : '.') + (/^[A-Za-z_][\w-]*$/.test(step) ? step : JSON.stringify(step))
  }
  return text
}

/** In the order of the file, each only once; where there is more than one file, file by file. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const byLine = new Map(problems.map((problem) => [formatProblem(problem), problem]))
  const files = new Map([...new Set(problems.map(({ file }) => file))].map((file, index) => [file, index]))
  const fileRank = ({ file }: Problem): number => files.get(file) ?? 0
  return [...byLine.values()].toSorted(
    (a, b) =>
      fileRank(a) - fileRank(b) || a.line - b.line || a.column - b.column || rank[a.severity] - rank[b.severity],
  )
}

/** Does any of them refuse the configuration? `strict` counts warnings too. */
export function refuses(problems: readonly Problem[], strict = false): boolean {
  return problems.some(({ severity }) => severity === 'error' || (strict && severity === 'warning'))
}

const rank = { error: 0, warning: 1, note: 2 } as const
