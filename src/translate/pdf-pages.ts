/** Pages of a PDF, or of another document, as far as its bytes tell. */
export function estimatePdfPages(base64: string): number {
  const bytes = Buffer.from(base64.slice(0, scannedMax), 'base64')
  let pages = 0
  for (let at = bytes.indexOf('/Type'); at >= 0; at = bytes.indexOf('/Type', at + 1)) {
    if (page.test(bytes.toString('latin1', at, at + 16))) pages++
  }
  const linear = /\/Linearized[^]{0,120}?\/N (\d{1,5})\b/.exec(bytes.toString('latin1', 0, 1024))
  const bySize = Math.ceil((base64.length * 0.75) / bytesPerPage)
  if (pages > 0 && base64.length <= scannedMax) return Math.max(pages, Number(linear?.[1] ?? 0))
  return Math.max(1, pages, linear === null ? bySize : Number(linear[1]))
}

/** Limit: characters of a document that are looked at. */
const scannedMax = 16_777_216

/** Of one whose pages are packed. */
const bytesPerPage = 60_000

const page = /^\/Type ?\/Page(?![a-zA-Z])/
