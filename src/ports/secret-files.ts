import { open, readdir } from 'node:fs/promises'

/** Files whose content goes into the configuration: keys, mounted secrets. Calls may reject with a Node error (`code`). */
export interface SecretFiles {
  /** Reads just more than `bytesMax`, should there be more, and no further. Default: as large as secrets get. */
  read(path: string, bytesMax?: number): Promise<SecretFile>
  /** Names in a folder; none where there is no such folder, or none that may be looked into. Absent: there are no folders. */
  list?(path: string): Promise<readonly string[]>
}

export interface SecretFile {
  readonly bytes: Uint8Array
  /** Others than the owner may read it. */
  readonly shared: boolean
}

// Limit: a secret is a key or a certificate; more is a wrong path and is read no further than this tells.
const secretBytesMax = 64 * 1024

export const systemSecretFiles: SecretFiles = {
  async read(path, bytesMax = secretBytesMax) {
    const handle = await open(path, 'r')
    try {
      const { mode } = await handle.stat()
      const buffer = new Uint8Array(bytesMax + 1)
      let length = 0
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null)
        length += bytesRead
        if (bytesRead === 0 || length === buffer.length) break
      }
      // Windows has no such bits: Node shows every file as readable by all.
      return { bytes: buffer.subarray(0, length), shared: process.platform !== 'win32' && (mode & 0o044) !== 0 }
    } finally {
      await handle.close()
    }
  },
  async list(path) {
    try {
      return await readdir(path)
    } catch {
      return []
    }
  },
}
