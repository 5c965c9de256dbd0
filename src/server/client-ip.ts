import { canonicalAddress, type AddressList } from '#kit/address-list.ts'

/**
 * The client's address. Forwarding headers are believed only from trusted proxies, and then from right to left: the
 * first address that is no trusted proxy is the client; everything left of it could be forged.
 */
export function clientAddress(peer: string | undefined, headers: Headers, trusted: AddressList): string {
  const address = peer === undefined ? 'unix' : canonicalAddress(peer)
  if (!trusted.includes(address)) return address
  const forwarded = headers.get('x-forwarded-for')
  if (forwarded === null) {
    const real = headers.get('x-real-ip')
    return real === null ? address : canonicalAddress(real)
  }
  let client = address
  for (const hop of forwarded.split(',').toReversed()) {
    client = canonicalAddress(hop)
    if (!trusted.includes(client)) break
  }
  return client
}
