import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Only there can a process be looked into from outside. */
export const isLinux = process.platform === 'linux'

/** Descriptors that a process holds open. */
export function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      return readlinkSync(`${folder}/${descriptor}`)
    } catch {
      // Closed since the listing.
      return []
    }
  })
}

/** Memory that a process holds, in bytes. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** The environment that a process was started with. */
export function environmentOf(pid: number): Record<string, string> {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean)
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/** Addresses that a process is connected to by TCP, as the system writes them; its listeners are not among them. */
export function remoteAddresses(pid: number): string[] {
  const own = new Set(openFiles(pid).flatMap((file) => /^socket:\[(\d+)\]$/.exec(file)?.[1] ?? []))
  return ['tcp', 'tcp6'].flatMap((family) => {
    const rows = readFileSync(`/proc/${pid}/net/${family}`, 'utf8').trim().split('\n').slice(1)
    return rows.flatMap((row) => {
      const [, , remote = '', state, , , , , , inode = ''] = row.trim().split(/\s+/)
      return own.has(inode) && state !== listening ? [remote] : []
    })
  })
}

const listening = '0A'
