/** What a client says in `Cache-Control` about an answer that was kept. */
export interface CacheWishes {
  /** It may be given one. */
  readonly takesKept: boolean
  /** What it is answered may be kept. */
  readonly mayKeep: boolean
  /** Age that it puts up with; Infinity: any. */
  readonly ageMsMax: number
  /** It wants no other. */
  readonly onlyKept: boolean
}

const none: CacheWishes = { takesKept: true, mayKeep: true, ageMsMax: Infinity, onlyKept: false }

/** What is not understood is passed over, as HTTP wants it (RFC 9111 §5.2.1). */
export function cacheWishesOf(headers: Headers): CacheWishes {
  const written = headers.get('cache-control')
  if (written === null) {
    const isOld = headers.get('pragma')?.toLowerCase().includes('no-cache') === true
    return isOld ? { ...none, takesKept: false } : none
  }
  let { takesKept, mayKeep, ageMsMax, onlyKept } = none
  for (const part of written.toLowerCase().split(',')) {
    const [name = '', value = ''] = part.split('=', 2).map((word) => word.trim())
    if (name === 'no-cache') takesKept = false
    else if (name === 'no-store') takesKept = mayKeep = false
    else if (name === 'only-if-cached') onlyKept = true
    else if (name === 'max-age' && /^"?[0-9]{1,10}"?$/.test(value)) {
      ageMsMax = Math.min(ageMsMax, Number(value.replaceAll('"', '')) * 1000)
    }
  }
  // Of no age at all nothing can be.
  if (ageMsMax === 0) takesKept = false
  return { takesKept, mayKeep, ageMsMax, onlyKept }
}
