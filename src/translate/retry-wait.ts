import type { HeaderLook } from './codec.ts'

/**
 * Milliseconds that an upstream asks to wait. Points in time are taken relative to its own `date`. `isLimited`: it is about
 * a rate limit, whose reset counts where nothing else is said.
 */
export function retryWaitMs(headers: HeaderLook, isLimited: boolean): number | undefined {
  const exact = decimalOf(headers.get('retry-after-ms'))
  if (exact !== undefined) return exact
  const nowMs = Date.parse(headers.get('date') ?? '')
  const wait = waitOf(headers.get('retry-after'), nowMs)
  if (wait !== undefined || !isLimited) return wait
  const all: number[] = []
  const spent: number[] = []
  for (const [reset, remaining] of limits) {
    const resetMs = waitOf(headers.get(reset), nowMs)
    if (resetMs === undefined) continue
    all.push(resetMs)
    if (Number(headers.get(remaining) ?? Number.NaN) === 0) spent.push(resetMs)
  }
  // Of those that are used up all must come back; where none says so, the soonest is a guess that costs least.
  if (spent.length > 0) return Math.max(...spent)
  return all.length > 0 ? Math.min(...all) : undefined
}

const limits: readonly (readonly [reset: string, remaining: string])[] = [
  ['x-ratelimit-reset-requests', 'x-ratelimit-remaining-requests'],
  ['x-ratelimit-reset-tokens', 'x-ratelimit-remaining-tokens'],
  ['x-ratelimit-reset', 'x-ratelimit-remaining'],
  ['anthropic-ratelimit-requests-reset', 'anthropic-ratelimit-requests-remaining'],
  ['anthropic-ratelimit-tokens-reset', 'anthropic-ratelimit-tokens-remaining'],
  ['anthropic-ratelimit-input-tokens-reset', 'anthropic-ratelimit-input-tokens-remaining'],
  ['anthropic-ratelimit-output-tokens-reset', 'anthropic-ratelimit-output-tokens-remaining'],
]

/** Seconds, a duration, or a point in time; undefined for junk and the past. */
function waitOf(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined
  const seconds = decimalOf(text)
  if (seconds !== undefined) return seconds < epochMin ? seconds * 1000 : undefined
  const epochMs = /^\d{10,13}$/.test(text.trim()) ? Number(text) * (text.trim().length > 10 ? 1 : 1000) : Number.NaN
  const atMs = Number.isNaN(epochMs) && isPoint.test(text) ? Date.parse(text) : epochMs
  if (!Number.isNaN(atMs)) return atMs > nowMs ? atMs - nowMs : undefined
  return durationMs(text)
}

// The forms of RFC 9110 §5.6.7 begin with a weekday, those of RFC 3339 with a year.
const isPoint = /^\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s|\d{4}-\d\d-\d\dT)/

/** Limit: seconds that still are a wait, not a point in time: 31 years. */
const epochMin = 1_000_000_000

function decimalOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}(?:\.\d{1,9})?$/.test(text.trim()) ? Number(text) : undefined
}

/** `34.4s`, `1m30.5s`, `20ms`, `6h0m0s` → milliseconds. */
export function durationMs(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|us|µs|ns|[dhms]))+$/.test(trimmed)) return undefined
  let sum = 0
  for (const [, digits, unit] of trimmed.matchAll(/([\d.]+)([a-zµ]+)/g))
    sum += Number(digits) * (unitMs.get(unit ?? '') ?? 0)
  return Math.ceil(sum)
}

const unitMs: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
  ['us', 0.001],
  ['µs', 0.001],
  ['ns', 0.000001],
])
