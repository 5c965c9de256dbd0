/** A converter gave something that is not in its contract. */
export function misfit(member: string, what: string): Error {
  return new Error(`${member} gave ${what}`)
}

/** What a function of a converter gave at once. Throws for a promise, whose own failure then bothers nobody. */
export function given(member: string, value: unknown): unknown {
  if (!(value instanceof Promise)) return value
  value.catch(() => {})
  throw misfit(member, 'a promise, and nothing is awaited')
}

/** What went wrong in a converter, for log and client. */
export function faultOf(name: string, error: unknown): string {
  return `converter "${name}" failed: ${wordsOf(error).slice(0, reasonMax)}`
}

/** What was thrown, in words. It may be of any type, and may throw itself where it is looked at. */
export function wordsOf(error: unknown): string {
  try {
    const words: unknown = error instanceof Error ? error.message : error
    return String(words)
  } catch {
    return 'it threw what has no words'
  }
}

/** Limit: characters of a reason that are told. */
const reasonMax = 300
