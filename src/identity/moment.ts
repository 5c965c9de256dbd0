/** A day or a moment of RFC 3339 in milliseconds since 1970; a day begins at 00:00 UTC. Undefined for other texts. */
export function readMoment(written: string): number | undefined {
  const text = written.trim()
  const [, day = ''] = form.exec(text) ?? []
  if (day === '' || !isDay(day)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** Without an offset it would be another moment on another machine. */
const form = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/i

/** The 31st of February is a slip, and no day in March. */
function isDay(day: string): boolean {
  const ms = Date.parse(day)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day)
}
