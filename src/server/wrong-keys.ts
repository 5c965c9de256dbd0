import ipaddr from 'ipaddr.js'

/**
 * Counts wrong keys by the address they come from, so that guessing takes for ever. Whoever has one address of IPv6 has
 * all of its network, so these count together.
 */
export class WrongKeys {
  /** Oldest first. */
  readonly #tries = new Map<string, Tries>()

  /** Milliseconds until this address may try again; 0 = now. */
  waitMs(address: string, nowMs: number): number {
    const tries = this.#tries.get(networkOf(address))
    if (tries === undefined || tries.count < triesMax) return 0
    return Math.max(0, tries.sinceMs + windowMs - nowMs)
  }

  note(address: string, nowMs: number): void {
    const network = networkOf(address)
    const tries = this.#tries.get(network)
    if (tries !== undefined && nowMs < tries.sinceMs + windowMs) {
      tries.count += 1
      return
    }
    this.#tries.delete(network)
    if (this.#tries.size >= addressesMax) this.#forgetOldest()
    this.#tries.set(network, { count: 1, sinceMs: nowMs })
  }

  /** Addresses and networks that are remembered. */
  get size(): number {
    return this.#tries.size
  }

  #forgetOldest(): void {
    const [oldest] = this.#tries.keys()
    if (oldest !== undefined) this.#tries.delete(oldest)
  }
}

/** The first 64 bits of an address of IPv6; all else as it is. */
function networkOf(address: string): string {
  const [bare = '', ...mark] = address.split(' ')
  if (!bare.includes(':') || !ipaddr.IPv6.isValid(bare)) return address
  const network = ipaddr.IPv6.parse(bare)
    .parts.slice(0, 4)
    .map((part) => part.toString(16))
  return [`${network.join(':')}::/64`, ...mark].join(' ')
}

interface Tries {
  count: number
  readonly sinceMs: number
}

/** Limit: wrong keys from one address within {@link windowMs}. */
const triesMax = 10
const windowMs = 60_000

/** Limit: addresses that are remembered. */
const addressesMax = 1000
