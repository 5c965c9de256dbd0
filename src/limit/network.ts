/**
 * Whose requests come from an address: the address itself, but of IPv6 the network of 64 bits, of which one household or
 * machine has all addresses. As `canonicalAddress` writes addresses.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [before = '', behind] = address.split('::')
  const groups = before === '' ? [] : before.split(':')
  if (behind !== undefined) {
    const last = behind === '' ? [] : behind.split(':')
    while (groups.length + last.length < 8) groups.push('0')
    groups.push(...last)
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
