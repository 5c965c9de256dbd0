import ipaddr from 'ipaddr.js'

type Range = ReturnType<typeof ipaddr.parseCIDR>

/** A list of addresses and CIDR ranges; the entry `unix` stands for the peers of unix sockets, which have no address. */
export class AddressList {
  readonly #ranges: readonly Range[]
  readonly #hasUnix: boolean

  /** Throws a TypeError that names the entry which is neither an address, nor a range, nor `unix`. */
  constructor(entries: readonly string[]) {
    this.#hasUnix = entries.includes('unix')
    this.#ranges = entries.filter((entry) => entry !== 'unix').map(parseRange)
  }

  /** `address` as {@link canonicalAddress} gives it, or `unix`. */
  includes(address: string): boolean {
    if (address === 'unix') return this.#hasUnix
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

/** An address as proxies write it, with or without a port, in canonical form; undefined for other text. */
export function readAddress(text: string): string | undefined {
  const bare = text.trim()
  const [, inBrackets, beforePort] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(bare) ?? []
  const address = inBrackets ?? beforePort ?? bare
  return plainIpv4.test(address) || ipaddr.IPv6.isValid(address) ? canonicalAddress(address) : undefined
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
