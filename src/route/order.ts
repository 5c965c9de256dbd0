import type { Candidate } from '#core/candidate.ts'

/*
 * Chance without a generator: from the request's seed and its own name each candidate draws a lot, and the smallest one
 * comes first. Lots are exponentially distributed, the faster the more weight there is, which gives every candidate the
 * share of its weight, at the first place as among those that are left. Since no lot depends on any other, a changed
 * configuration moves only those requests that the change is about.
 */

/**
 * The candidates of a tier in the order in which to try them. Weight 0 comes last, and is all that weights tell when the
 * others count as even; `eases` are the parts of their weights that count now. A tier of one is handed on as it is.
 */
export function orderTier(
  candidates: readonly Candidate[],
  seed: number,
  isEven = false,
  eases?: Float64Array,
): readonly Candidate[] {
  if (candidates.length < 2) return candidates
  const urn = urnFor(candidates, isEven, eases)
  const spread = mixed(seed)
  return candidates
    .map((candidate, at) => ({ candidate, isLast: candidate.weight === 0, lot: drawFrom(urn, at, spread) }))
    .toSorted((one, other) => Number(one.isLast) - Number(other.isLast) || one.lot - other.lot)
    .map(({ candidate }) => candidate)
}

/** The first of {@link orderTier}, without making the others: all that nearly every request needs. */
export function firstOf(candidates: readonly Candidate[], seed: number): Candidate | undefined {
  if (candidates.length < 2) return candidates[0]
  const urn = urnOf(candidates)
  const spread = mixed(seed)
  let first = 0
  let firstLot = Infinity
  for (let at = 0; at < candidates.length; at += 1) {
    if (urn.isWeighted && candidates[at]?.weight === 0) continue
    const lot = drawFrom(urn, at, spread)
    if (lot >= firstLot) continue
    first = at
    firstLot = lot
  }
  return candidates[first]
}

/** What the lots of a tier are drawn from. */
interface Urn {
  /** The candidates' names as numbers. */
  readonly names: Int32Array
  /** 1 / weight; those of weight 0 share evenly what is left for them. */
  readonly rates: Float64Array
  /** Somebody has weight. */
  readonly isWeighted: boolean
  /** All that have weight have the same, and a logarithm would change nothing. */
  readonly isEven: boolean
}

/** Made once: a tier lives as long as its snapshot. */
function urnOf(candidates: readonly Candidate[]): Urn {
  const known = urns.get(candidates)
  if (known !== undefined) return known
  const weights = new Set(candidates.map(({ weight }) => weight))
  weights.delete(0)
  const urn: Urn = {
    names: Int32Array.from(candidates, ({ stateKey }) => nameOf(stateKey)),
    rates: Float64Array.from(candidates, ({ weight }) => (weight === 0 ? 1 : Math.min(rateMax, 1 / weight))),
    isWeighted: weights.size > 0,
    isEven: weights.size < 2,
  }
  urns.set(candidates, urn)
  return urn
}

function urnFor(candidates: readonly Candidate[], isEven: boolean, eases: Float64Array | undefined): Urn {
  const urn = urnOf(candidates)
  if (eases === undefined) return isEven ? { ...urn, isEven } : urn
  const rates = urn.rates.map((rate, at) => Math.min(rateMax, (isEven ? 1 : rate) / (eases[at] ?? 1)))
  return { ...urn, rates, isEven: false }
}

const urns = new WeakMap<readonly Candidate[], Urn>()

/** A lot must stay a number, however small the weight. */
const rateMax = 1e300

function drawFrom({ names, rates, isEven }: Urn, at: number, spread: number): number {
  // Never 0, of which there is no logarithm.
  const chance = (mixed(spread ^ (names[at] ?? 0)) + 0.5) / 4_294_967_296
  return isEven ? -chance : -Math.log(chance) * (rates[at] ?? 1)
}

function nameOf(stateKey: string): number {
  let name = 0x811c9dc5
  for (const byte of Buffer.from(stateKey)) name = Math.imul(name ^ byte, 0x01000193)
  return name
}

/** Spreads every bit over all others (the finalizer of MurmurHash3). */
function mixed(number: number): number {
  let bits = number
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
