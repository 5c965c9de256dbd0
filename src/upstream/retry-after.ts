import type { HeaderList } from '#kit/header-list.ts'

/** Milliseconds that an upstream asks to wait, by `retry-after-ms` or `Retry-After`; undefined for junk and the past. */
export function retryAfterMs(headers: HeaderList, nowWallMs: number): number | undefined {
  const exact = numberOf(headers.get('retry-after-ms'))
  if (exact !== undefined) return exact
  const text = headers.get('retry-after')
  if (text === null) return undefined
  const seconds = numberOf(text)
  if (seconds !== undefined) return seconds * 1000
  // Only the forms of RFC 9110 §5.6.7, which begin with a weekday: Date.parse reads much else as a date.
  const dateMs = weekday.test(text) ? Date.parse(text) : Number.NaN
  return dateMs > nowWallMs ? dateMs - nowWallMs : undefined
}

function numberOf(text: string | null): number | undefined {
  return text !== null && decimal.test(text.trim()) ? Number(text) : undefined
}

/** Limit: nine digits before the point, which is 31 years; what is longer is junk. */
const decimal = /^\d{1,9}(?:\.\d{1,9})?$/
const weekday = /^\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s/
