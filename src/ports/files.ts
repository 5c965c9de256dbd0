import { mkdir, open, readFile, readdir, rm, stat, unlink } from 'node:fs/promises'

/** The file system, as far as logs and configuration need it. Every call may reject with a Node error (`code`). */
export interface Files {
  read(path: string): Promise<string>
  /** Appends, creating file and folders; resolves with the file's size afterwards. Completes short writes. */
  append(path: string, text: string): Promise<number>
  /** Its last character is a line feed, or it is empty, or there is no such file. */
  endsLine(path: string): Promise<boolean>
  /** Bytes, or undefined when there is no such file. */
  size(path: string): Promise<number | undefined>
  remove(path: string): Promise<void>
  /** Names in a folder; none when there is no such folder. */
  list(path: string): Promise<readonly string[]>
  /** Removes a folder and everything in it. */
  removeTree(path: string): Promise<void>
}

export const systemFiles: Files = {
  read: async (path) => await readFile(path, 'utf8'),
  async append(path, text) {
    const handle = await openAppending(path)
    try {
      // appendFile loops over short writes, so a full disk is an error and never a silent half line.
      await handle.appendFile(text)
      return (await handle.stat()).size
    } finally {
      await handle.close()
    }
  },
  async endsLine(path) {
    const size = await systemFiles.size(path)
    if (size === undefined || size === 0) return true
    const handle = await open(path, 'r')
    try {
      const last = Buffer.alloc(1)
      await handle.read(last, 0, 1, size - 1)
      return last[0] === lineFeed
    } finally {
      await handle.close()
    }
  },
  async size(path) {
    try {
      return (await stat(path)).size
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  remove: async (path) => await unlink(path),
  async list(path) {
    try {
      return await readdir(path)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  },
  removeTree: async (path) => await rm(path, { recursive: true, force: true }),
}

const lineFeed = 0x0a

async function openAppending(path: string): ReturnType<typeof open> {
  try {
    return await open(path, 'a')
  } catch (error) {
    if (!isMissing(error)) throw error
    await mkdir(path.replace(/[/\\][^/\\]*$/, ''), { recursive: true })
    return await open(path, 'a')
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
