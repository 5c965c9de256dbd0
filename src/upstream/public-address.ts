import type { Address, Resolver } from '#http1/dns.ts'
import { AddressList } from '#kit/address-list.ts'
import type { TransportFailure } from '#ports/transport.ts'

/** Is this an address of the public internet, at which anybody may ask: no network of one's own, no machine, no cloud's? */
export function isPublicAddress(address: string): boolean {
  return address.includes(':') && !isMapped(address)
    ? worldV6.includes(address) && !reserved.includes(address)
    : worldV4.includes(address) && !reserved.includes(address)
}

/** IPv4 in the clothes of IPv6, which the system connects to as IPv4. */
function isMapped(address: string): boolean {
  return /^(?:::|(?:0+:){5})ffff:/i.test(address)
}

const worldV4 = new AddressList(['0.0.0.0/0'])
const worldV6 = new AddressList(['2000::/3'])

/** Inside of those: what leads into networks of one's own, or nowhere (RFC 6890 and its registries). */
const reserved = new AddressList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  // Carriers' own; one cloud has its metadata there.
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local, and the metadata of most clouds.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  // The host of a virtual machine at Azure.
  '168.63.129.16/32',
  // Teredo and others that hold another address inside.
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
])

/** Finds only addresses that are allowed. Whoever connects uses what it found, so that no second answer can differ. */
export class GuardedResolver implements Resolver {
  readonly #resolver: Resolver
  readonly #allows: (address: string) => boolean

  constructor(resolver: Resolver, allows: (address: string) => boolean) {
    this.#resolver = resolver
    this.#allows = allows
  }

  async resolve(host: string): Promise<readonly Address[] | TransportFailure> {
    const found = await this.#resolver.resolve(host)
    if ('kind' in found) return found
    const allowed = found.filter(({ address }) => this.#allows(address))
    return allowed.length === 0 ? notPublic : allowed
  }

  demote(host: string, address: string): void {
    this.#resolver.demote(host, address)
  }

  forget(host: string): void {
    this.#resolver.forget(host)
  }
}

const notPublic: TransportFailure = {
  kind: 'transport_failure',
  phase: 'dns',
  cause: 'refused',
  message: 'its host is not on the public internet',
}
