import { RE2JS } from 're2js'
import type { Detection } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import { expandWildcard } from '#kit/wildcard.ts'

/** The `detection` section → what counts as a failure that another route may mend. */
export function compileDetection(codes: readonly string[], patterns: readonly string[]): Compiled<Detection> {
  const statuses = compileStatuses(codes, ['detection', 'error_codes'])
  const problems = [...statuses.problems]
  const finders: Finder[] = []
  for (const [index, pattern] of patterns.entries()) {
    const path = ['detection', 'error_patterns', index]
    const finder = compilePattern(pattern)
    if (typeof finder === 'string') {
      problems.push({ severity: 'error', path, message: finder })
      continue
    }
    const doubt = doubtAbout(finder)
    if (doubt !== undefined) problems.push({ severity: 'warning', path, message: doubt })
    finders.push(finder)
  }
  return { value: { matchesStatus: statuses.value, findPattern: (text) => findFirst(finders, text) }, problems }
}

/** A list of status codes and wildcards → a test that costs one look into a table. Junk is told and ignored. */
export function compileStatuses(
  codes: readonly string[],
  path: CompileProblem['path'],
): Compiled<(status: number) => boolean> {
  const table = new Uint8Array(1000)
  const problems: CompileProblem[] = []
  for (const [index, code] of codes.entries()) {
    const statuses = expandWildcard(code)
    if (statuses === undefined) {
      const message = `"${code}" is no status code and is ignored, write one such as 429, "42x" or "5xx"`
      problems.push({ severity: 'warning', path: [...path, index], message })
    } else if ((statuses[0] ?? 0) < 400) {
      const message = `"${code}" is ignored, only statuses from 400 on are errors`
      problems.push({ severity: 'warning', path: [...path, index], message })
    } else {
      for (const status of statuses) table[status] = 1
    }
  }
  return { value: (status) => table[status] === 1, problems }
}

/** A compiled piece of the configuration and what was wrong with it. */
export interface Compiled<Value> {
  readonly value: Value
  readonly problems: readonly CompileProblem[]
}

/** Limit: characters of an answer that are looked at; an error tells itself at its start. */
export const scanCharactersMax = 16_384

interface Finder {
  readonly pattern: string
  isIn(text: string): boolean
}

function findFirst(finders: readonly Finder[], text: string): string | undefined {
  if (finders.length === 0) return undefined
  const start = text.length > scanCharactersMax ? text.slice(0, scanCharactersMax) : text
  for (const finder of finders) if (finder.isIn(start)) return finder.pattern
  return undefined
}

/** A literal, or after `re:` an expression of RE2, whose time is linear in the text; a string tells what is wrong. */
function compilePattern(pattern: string): Finder | string {
  if (!pattern.startsWith('re:')) {
    if (pattern.trim() === '') return 'the pattern is empty and would be found in every answer'
    return { pattern, isIn: (text) => text.includes(pattern) }
  }
  try {
    const expression = RE2JS.compile(pattern.slice('re:'.length))
    if (expression.test('')) return `"${pattern}" matches nothing at all too, so it would be found in every answer`
    return { pattern, isIn: (text) => expression.test(text) }
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error)
    return `"${pattern}" is no regular expression of RE2: ${reason}`
  }
}

/** A pattern that nearly every error answer holds takes the decision away from `error_codes`. */
function doubtAbout(finder: Finder): string | undefined {
  const { pattern } = finder
  if (pattern.trim().length === 1) return `"${pattern}" is one character and will be found in nearly every error answer`
  const frame = errorFrames.find(({ text }) => finder.isIn(text))
  if (frame === undefined) return undefined
  return `"${pattern}" stands in every ${frame.of} error answer, so it counts all of them as failures`
}

/** Error answers of the dialects with nothing said in them. */
const errorFrames = [
  { of: 'OpenAI', text: '{"error":{"message":"","type":"","param":null,"code":null}}' },
  { of: 'Anthropic', text: '{"type":"error","error":{"type":"","message":""},"request_id":""}' },
  { of: 'Gemini', text: '{"error":{"code":0,"message":"","status":""}}' },
]
