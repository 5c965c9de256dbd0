import { readFileSync } from 'node:fs'
import { access, constants, open, readFile, stat, statfs, unlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { cpus, release, totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { controlGroupLimit } from '#boot/memory.ts'
import type { ListenAddress } from '#snapshot/snapshot.ts'

/** This machine as far as it can stand in the way of a gateway. Nothing here rejects. */
export interface Machine {
  /** Files and connections that a process may hold open; undefined where it cannot be told. */
  openFilesMax(): Promise<number | undefined>
  /** The folder, or where it would be made, the nearest one above it. */
  disk(folder: string): Promise<Disk | undefined>
  /** Bytes that the surroundings of the process may use; undefined without a limit. */
  memoryMax(): number | undefined
  memoryBytes(): number
  /** Others than its owner may read the file. */
  isShared(file: string): Promise<boolean>
  /** Why nobody can listen there now, or undefined. */
  listenFault(address: ListenAddress): Promise<unknown>
  /** Name of the time zone in use. */
  timeZone(): string
  /** System, processor and their number in one line. */
  describe(): string
}

export interface Disk {
  readonly folder: string
  readonly freeBytes: number
  readonly isWritable: boolean
}

export const systemMachine: Machine = {
  async openFilesMax() {
    const limits = await readOrNothing('/proc/self/limits')
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
    if (soft !== undefined) return soft === 'unlimited' ? Infinity : Number(soft)
    if (process.platform === 'win32') return undefined
    const told = Bun.spawnSync(['sh', '-c', 'ulimit -n'], { stdin: 'ignore' }).stdout.toString().trim()
    return told === 'unlimited' ? Infinity : /^\d+$/.test(told) ? Number(told) : undefined
  },
  async disk(path) {
    for (let folder = resolve(path); ; folder = dirname(folder)) {
      try {
        const { bavail, bsize } = await statfs(folder)
        return { folder, freeBytes: bavail * bsize, isWritable: await isWritable(folder) }
      } catch {
        if (dirname(folder) === folder) return undefined
      }
    }
  },
  memoryMax() {
    const limit = controlGroupLimit((file) => readFileSync(file, 'utf8'))
    return limit === undefined || limit >= totalmem() ? undefined : limit
  },
  memoryBytes: () => totalmem(),
  async isShared(file) {
    if (process.platform === 'win32') return false
    try {
      return ((await stat(file)).mode & 0o044) !== 0
    } catch {
      return false
    }
  },
  async listenFault(address) {
    if (address.kind === 'unix') return (await isWritable(dirname(resolve(address.path)))) ? undefined : noAccess
    const { host, port } = address
    return await new Promise<unknown>((told) => {
      const server = createServer()
      server.once('error', told)
      const where = { port, exclusive: true, ...(host === undefined ? {} : { host }) }
      server.listen(where, () => void server.close(() => told(undefined)))
    })
  },
  timeZone: () => new Intl.DateTimeFormat().resolvedOptions().timeZone,
  describe() {
    const processors = cpus()
    return `${process.platform} ${release()} ${process.arch}, ${processors.length} × ${processors[0]?.model.trim() ?? 'processor'}`
  },
}

const noAccess = Object.assign(new Error('the folder cannot be written to'), { code: 'EACCES' })

async function readOrNothing(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return ''
  }
}

/** Rights are one thing, a file system that is mounted read-only another: only a file of one's own proves both. */
async function isWritable(folder: string): Promise<boolean> {
  const probe = `${folder}/.llm-proxy-doctor-${process.pid}`
  try {
    await access(folder, constants.W_OK)
    await (await open(probe, 'wx', 0o600)).close()
    await unlink(probe)
    return true
  } catch {
    return false
  }
}
