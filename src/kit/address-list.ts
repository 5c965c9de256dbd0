import ipaddr from 'ipaddr.js'

type Range = ReturnType<typeof ipaddr.parseCIDR>

/** A list of addresses and CIDR ranges. */
export class AddressList {
  readonly #ranges: readonly Range[]

  /** Throws a TypeError that names the entry which is neither an address nor a range. */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map(parseRange)
  }

  /** `address` as {@link canonicalAddress} gives it. */
  includes(address: string): boolean {
    if (this.#ranges.length === 0 || !ipaddr.isValid(address)) return false
    const parsed = ipaddr.process(address)
    return this.#ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range))
  }
}

/** IPv4 inside IPv6 unwrapped, brackets and zone removed, lower case; other text comes back as it is. */
export function canonicalAddress(address: string): string {
  // What listeners give almost always; the parser below is slow.
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  if (plainIpv4.test(plain)) return plain
  const bare = address
    .trim()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare
}

const plainIpv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/

function parseRange(entry: string): Range {
  // ipaddr.js also reads octal and shortened IPv4 spellings; an allow list must mean one thing only.
  const [address = ''] = entry.split('/')
  const plain = ipaddr.IPv6.isValid(address) || ipaddr.IPv4.isValidFourPartDecimal(address)
  if (!plain) throw new TypeError(`Cannot use "${entry}": it is no IP address and no CIDR range`)
  if (entry.includes('/')) {
    if (!ipaddr.isValidCIDR(entry)) throw new TypeError(`Cannot use "${entry}": it is no IP address and no CIDR range`)
    return ipaddr.parseCIDR(entry)
  }
  const parsed = ipaddr.process(address)
  return [parsed, parsed.kind() === 'ipv4' ? 32 : 128]
}
