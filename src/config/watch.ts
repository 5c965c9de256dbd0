import { watch, type FSWatcher } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Clock } from '#ports/clock.ts'

/** What to watch and whom to tell. */
export interface WatchInput {
  readonly file: string
  /** Files that the configuration names; asked again at each look, since a reload may change them. */
  readonly extraFiles: () => readonly string[]
  readonly clock: Clock
  /**
   * One of the files is not what it was; whether its content changed is for the caller to find out. When that is done,
   * the folders of `extraFiles` are watched anew.
   */
  readonly onHint: () => void | Promise<void>
  /**
   * Milliseconds after which `onHint` is called once in any case, when no file is just being written: what was saved
   * between reading the files and watching them would never be told.
   */
  readonly hintAfterMs?: number
  /** Milliseconds from one look to the next where nothing tells of changes. */
  readonly pollMs?: number
  /** Aborting ends the watch. */
  readonly signal: AbortSignal
}

// Editors and mounts make several events of one save.
const debounceMs = 100
// Between two looks that must agree before a change counts: a file that is being written still grows.
const settleMs = 100
/** From one look to the next: network mounts and overlays tell nothing, and a watch may be lost. */
export const pollMs = 2000
// Limit: a file that never stops changing is told after this many looks all the same.
const looksMax = 10
// Limit: folders beyond these are looked at by the poll alone.
const foldersMax = 64

/**
 * Calls `onHint` when a file was changed, replaced, removed or came back: in place, by an atomic rename, or by the swap
 * of a symbolic link above it (Kubernetes). Resolves when the watch stands.
 */
export async function watchConfig(input: WatchInput): Promise<void> {
  const watcher = new Watcher(input)
  await watcher.start()
}

class Watcher {
  readonly #input: WatchInput
  readonly #folders = new Map<string, { readonly id: string; readonly watch: FSWatcher }>()
  #known = new Map<string, string>()
  #looking = false
  #again = false
  /** The next look is told of, whatever it sees. */
  #mustTell = false
  #cancelLook: (() => void) | undefined
  #cancelPoll: (() => void) | undefined
  #cancelFirst: (() => void) | undefined

  constructor(input: WatchInput) {
    this.#input = input
  }

  async start(): Promise<void> {
    const { signal } = this.#input
    if (signal.aborted) return
    signal.addEventListener('abort', () => this.#stop(), { once: true })
    await this.#watchFolders()
    this.#known = await this.#fingerprints()
    if (this.#input.signal.aborted) return
    this.#poll()
    const { hintAfterMs, clock } = this.#input
    if (hintAfterMs === undefined) return
    this.#cancelFirst = clock.after(hintAfterMs, () => {
      this.#mustTell = true
      void this.#look()
    })
  }

  #poll(): void {
    this.#cancelPoll = this.#input.clock.after(this.#input.pollMs ?? pollMs, () => {
      this.#poll()
      void this.#look()
    })
  }

  #stop(): void {
    this.#cancelPoll?.()
    this.#cancelFirst?.()
    this.#cancelLook?.()
    for (const { watch: folder } of this.#folders.values()) folder.close()
    this.#folders.clear()
  }

  /** The first event starts the wait, so that a storm of them cannot put the look off for ever. */
  #lookSoon(): void {
    if (this.#cancelLook !== undefined || this.#input.signal.aborted) return
    this.#cancelLook = this.#input.clock.after(debounceMs, () => {
      this.#cancelLook = undefined
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    await this.#watchFolders()
    const seen = await this.#settled()
    this.#looking = false
    if (this.#input.signal.aborted) return
    const changed = seen.size !== this.#known.size || [...seen].some(([file, print]) => this.#known.get(file) !== print)
    this.#known = seen
    if (changed || this.#mustTell) {
      this.#mustTell = false
      await this.#input.onHint()
      await this.#watchFolders()
    }
    if (!this.#again) return
    this.#again = false
    this.#lookSoon()
  }

  async #settled(): Promise<Map<string, string>> {
    const { clock, signal } = this.#input
    let seen = await this.#fingerprints()
    if (sameEntries(seen, this.#known)) return seen
    for (let look = 1; look < looksMax && !signal.aborted; look += 1) {
      await clock.sleep(settleMs, signal)
      const next = await this.#fingerprints()
      if (sameEntries(seen, next)) break
      seen = next
    }
    return seen
  }

  async #fingerprints(): Promise<Map<string, string>> {
    const prints = new Map<string, string>()
    for (const file of this.#files()) prints.set(file, await fingerprint(file))
    return prints
  }

  #files(): string[] {
    return [...new Set([this.#input.file, ...this.#input.extraFiles()].map((file) => resolve(file)))]
  }

  /** Watches the folder of each file and the folder where it really lies; renews a watch whose folder was replaced. */
  async #watchFolders(): Promise<void> {
    const wanted = new Map<string, string>()
    for (const file of this.#files()) {
      const real = await realpath(file).catch(() => file)
      for (const folder of [dirname(file), dirname(real)]) {
        const id = await fingerprintOf(folder, ({ dev, ino }) => `${dev}:${ino}`)
        if (id !== undefined && wanted.size < foldersMax) wanted.set(folder, id)
      }
    }
    if (this.#input.signal.aborted) return
    for (const [folder, { id, watch: old }] of this.#folders) {
      if (wanted.get(folder) === id) continue
      old.close()
      this.#folders.delete(folder)
    }
    for (const [folder, id] of wanted) if (!this.#folders.has(folder)) this.#watchFolder(folder, id)
  }

  #watchFolder(folder: string, id: string): void {
    try {
      const folderWatch = watch(folder, { persistent: false }, () => this.#lookSoon())
      // The poll goes on without it.
      folderWatch.on('error', () => {
        folderWatch.close()
        this.#folders.delete(folder)
      })
      this.#folders.set(folder, { id, watch: folderWatch })
    } catch {
      // No watches left, or none on this file system: the poll sees the change two seconds later.
      this.#folders.delete(folder)
    }
  }
}

/** Changes when the file is another one or was written; links are followed. */
async function fingerprint(file: string): Promise<string> {
  return (
    (await fingerprintOf(
      file,
      ({ dev, ino, size, mtimeNs, ctimeNs }) => `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`,
    )) ?? 'missing'
  )
}

interface Facts {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

async function fingerprintOf(path: string, print: (facts: Facts) => string): Promise<string | undefined> {
  try {
    return print(await stat(path, { bigint: true }))
  } catch {
    return undefined
  }
}

function sameEntries(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)
}
