import { hostname } from 'node:os'

/** What a machine calls itself, in the words of Go programs: `linux`, `amd64`. */
export interface MachineNames {
  readonly os: string
  readonly arch: string
  readonly hostname: string
}

export function machineNames(): MachineNames {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  return { os, arch, hostname: hostname() }
}
