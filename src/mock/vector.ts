import { seededRandom } from '#ports/random.ts'

const dimensionsDefault = 8
// Limit: longer vectors are cut to the longest that providers make.
const dimensionsMax = 4096

/** An embedding of length 1: the same text has the same vector, whatever the seed. */
export function vectorOf(text: string, dimensions: number = dimensionsDefault): readonly number[] {
  const random = seededRandom(hashOf(text))
  const length = Math.min(Math.max(1, Math.floor(dimensions)), dimensionsMax)
  const raw = Array.from({ length }, () => 2 * random.unit() - 1)
  const size = Math.hypot(...raw) || 1
  return raw.map((value) => value / size)
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
