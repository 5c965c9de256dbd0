import type { Form } from '#core/talk.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import type { HeaderLook } from './codec.ts'
import { durationMs } from './retry-wait.ts'

/** A provider's limits in the words of the client's form; those that it has no words for are left out. */
export function rateLimitsFor(form: Form, headers: HeaderLook, nowWallMs: number): readonly HeaderPair[] {
  const words = vocabularyOf.get(form)
  if (words === undefined) return []
  const pairs: HeaderPair[] = []
  for (const what of ['requests', 'tokens']) {
    for (const theirs of [openai, anthropic]) {
      const pair = (of: 'limit' | 'remaining' | 'reset', value: string | undefined): void => {
        if (value !== undefined) pairs.push([words.name(what, of), value])
      }
      pair('limit', countIn(headers.get(theirs.name(what, 'limit'))))
      pair('remaining', countIn(headers.get(theirs.name(what, 'remaining'))))
      const waitMs = theirs.waitMs(headers.get(theirs.name(what, 'reset')) ?? '', nowWallMs)
      pair('reset', waitMs === undefined || waitMs > waitMsMax ? undefined : words.reset(waitMs, nowWallMs))
    }
  }
  return pairs
}

/** Limit: what takes longer than a year is no wait, and may be no date. */
const waitMsMax = 366 * 86_400_000

interface Vocabulary {
  name(what: string, of: 'limit' | 'remaining' | 'reset'): string
  /** Milliseconds until there is more, from the value of a header. */
  waitMs(reset: string, nowWallMs: number): number | undefined
  reset(waitMs: number, nowWallMs: number): string
}

const openai: Vocabulary = {
  name: (what, of) => `x-ratelimit-${of}-${what}`,
  waitMs: (reset) => durationMs(reset),
  reset: (waitMs) => `${Math.ceil(waitMs) / 1000}s`,
}

const anthropic: Vocabulary = {
  name: (what, of) => `anthropic-ratelimit-${what}-${of}`,
  waitMs(reset, nowWallMs) {
    const atMs = isoTime.test(reset) ? Date.parse(reset) : Number.NaN
    return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowWallMs)
  },
  reset: (waitMs, nowWallMs) =>
    new Date(Math.ceil((nowWallMs + waitMs) / 1000) * 1000).toISOString().replace('.000Z', 'Z'),
}

const isoTime = /^\d{4}-\d\d-\d\dT/

const vocabularyOf: ReadonlyMap<Form, Vocabulary> = new Map<Form, Vocabulary>([
  ['chat', openai],
  ['completions', openai],
  ['responses', openai],
  ['embeddings', openai],
  ['messages', anthropic],
])

function countIn(value: string | null): string | undefined {
  return value !== null && /^\d{1,15}$/.test(value.trim()) ? value.trim() : undefined
}
