import { isIP } from 'node:net'
import { formatListen } from '#snapshot/listen.ts'
import type { ListenAddress } from '#snapshot/snapshot.ts'

/** Why an address cannot be had, with what to do about it. */
export function cannotListen(address: ListenAddress, error: unknown): string {
  const where = address.kind === 'unix' ? address.path : formatListen(address)
  return `Cannot listen on "${where}": ${reasonOf(address, error)}`
}

function reasonOf(address: ListenAddress, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known = hints[code]
  // For names that cannot be resolved the platform gives whatever code was left over, that of a taken address too.
  if (address.kind === 'tcp' && address.host !== undefined && isIP(address.host) === 0) {
    const nameless = 'this host name has no address'
    return known === undefined ? nameless : `${nameless}, or ${known}`
  }
  if (known !== undefined) return known
  return error instanceof Error ? error.message : String(error)
}

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it, stop that one or choose another one, with --port for instance',
  EACCES: 'this user may not use it, take a port above 1023 or give the program the right to',
  EADDRNOTAVAIL: 'no interface of this machine has this address',
}
