import type { Candidate } from '#core/candidate.ts'
import type { Random } from '#ports/random.ts'

/**
 * The candidates of a tier in the order in which to try them: a random permutation in which weight counts, equal
 * weights being an even shuffle. Weight 0 comes last. Nothing is allocated for a tier of one.
 */
export function orderTier(candidates: readonly Candidate[], random: Random): readonly Candidate[] {
  if (candidates.length < 2) return candidates
  const ordered = candidates.slice()
  for (let at = 0; at < ordered.length - 1; at += 1) {
    const drawn = draw(ordered, at, random)
    const candidate = ordered[drawn]
    const displaced = ordered[at]
    if (candidate === undefined || displaced === undefined) break
    ordered[drawn] = displaced
    ordered[at] = candidate
  }
  return ordered
}

/** Index of one of the candidates from `start` on, by weight; by pure chance when none of them has any. */
function draw(candidates: readonly Candidate[], start: number, random: Random): number {
  let total = 0
  for (let at = start; at < candidates.length; at += 1) total += candidates[at]?.weight ?? 0
  if (total === 0) return start + Math.floor(random.unit() * (candidates.length - start))
  let left = random.unit() * total
  let last = start
  for (let at = start; at < candidates.length; at += 1) {
    const weight = candidates[at]?.weight ?? 0
    if (weight === 0) continue
    last = at
    left -= weight
    if (left < 0) return at
  }
  // Rounding may leave a crumb after the last weight.
  return last
}
