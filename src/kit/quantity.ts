const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1024,
  kib: 1024,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
  gb: 1024 ** 3,
  gib: 1024 ** 3,
}

/** A length of time in milliseconds: `30s`, `1h30m`, `200ms`, a bare number of seconds; undefined for anything else. */
export function parseDuration(written: string | number): number | undefined {
  if (typeof written === 'number') return fromNumber(written, 1000)
  const text = written.trim().toLowerCase()
  if (isPlainNumber(text)) return fromNumber(Number(text), 1000)
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined
  let sumMs = 0
  let lastUnitMs = Infinity
  for (const [, amount = '', unit = ''] of text.matchAll(/([\d.]+)([a-z]+)/g)) {
    const sizeMs = unitMs[unit] ?? NaN
    // "30m1h" or "5s5s" is more likely a slip than a wish.
    if (sizeMs >= lastUnitMs) return undefined
    lastUnitMs = sizeMs
    sumMs += Number(amount) * sizeMs
  }
  return fromNumber(sumMs, 1)
}

/** A number of bytes: `10mb`, `64kb` (powers of 1024), a bare number of bytes; undefined for anything else. */
export function parseSize(written: string | number): number | undefined {
  if (typeof written === 'number') return fromNumber(written, 1)
  const text = written.trim().toLowerCase()
  if (isPlainNumber(text)) return fromNumber(Number(text), 1)
  const match = /^(\d+(?:\.\d+)?) ?([kmg]?i?b)$/.exec(text)
  const bytes = unitBytes[match?.[2] ?? '']
  return match === null || bytes === undefined ? undefined : fromNumber(Number(match[1]), bytes)
}

/** The shortest way to write `ms` as a duration that {@link parseDuration} reads. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0'
  let restMs = ms
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const sizeMs = unitMs[unit] ?? 1
    const count = Math.floor(restMs / sizeMs)
    if (count === 0) continue
    text += `${count}${unit}`
    restMs -= count * sizeMs
  }
  return text
}

/** The shortest way to write `bytes` as a size that {@link parseSize} reads. */
export function formatSize(bytes: number): string {
  for (const unit of ['gb', 'mb', 'kb']) {
    const size = unitBytes[unit] ?? 1
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  }
  return `${bytes}`
}

function isPlainNumber(text: string): boolean {
  return /^\d+(?:\.\d+)?$/.test(text)
}

function fromNumber(count: number, size: number): number | undefined {
  return Number.isFinite(count) && count >= 0 ? Math.round(count * size) : undefined
}
