import { refuses } from '#config/problem.ts'
import type { Clock } from '#ports/clock.ts'
import { systemSecretFiles, type SecretFile, type SecretFiles } from '#ports/secret-files.ts'
import { restartKeys, withBootOnly } from '#snapshot/diff.ts'
import type { LoadContext, LoadedSnapshot, SourceText } from './load.ts'
import { openDoor, opensTheDoor } from './reload.ts'
import type { Seat } from './seat.ts'
import type { SeatFacts } from './worker-messages.ts'

/** What a configuration is read from. */
type Origin = Pick<LoadContext, 'read' | 'files'>

export interface SharedSourceParts {
  readonly seat: Pick<Seat, 'facts' | 'keeps' | 'lastGood'>
  readonly clock: Clock
  readonly load: (version: number, origin: Origin) => Promise<LoadedSnapshot>
  readonly files?: SecretFiles
}

/**
 * The configuration of one of several processes. Whoever joins the others serves as they do: where they listen, and, where
 * what stands in the files by now is none that they took, with what they have.
 */
export class SharedSource {
  readonly #parts: SharedSourceParts
  readonly #records = new WeakMap<LoadedSnapshot, Recorder>()
  /** What the file says otherwise, and takes a restart of all of them. */
  restartKeys: readonly string[] = []

  constructor(parts: SharedSourceParts) {
    this.#parts = parts
  }

  /** For a reload. */
  async load(version: number): Promise<LoadedSnapshot> {
    const recorder = new Recorder(this.#parts.files ?? systemSecretFiles)
    const loaded = await this.#parts.load(version, { files: recorder })
    this.#records.set(loaded, recorder)
    return loaded
  }

  /** For the start. Rejects when the file cannot be read, and nobody has another one. */
  async first(): Promise<LoadedSnapshot> {
    const { seat, clock, load } = this.#parts
    const { facts } = seat
    let loaded: LoadedSnapshot | undefined
    let failure: unknown
    try {
      const fresh = await this.load(1)
      loaded = seated(fresh, facts, this.#records)
      if (loaded.snapshot !== undefined) {
        if (facts.kept !== undefined && fresh.snapshot !== undefined) {
          this.restartKeys = restartKeys(facts.kept, fresh.snapshot)
        }
        return loaded
      }
    } catch (error) {
      failure = error
    }
    const good = facts.isFirst ? undefined : await seat.lastGood(clock)
    if (good !== undefined) {
      const again = seated(await load(1, unpacked(good)), facts, this.#records)
      if (again.snapshot !== undefined) return again
    }
    if (loaded === undefined) throw failure
    return loaded
  }

  /** It serves from now on, and may be what others have to begin with. */
  accepted(loaded: LoadedSnapshot): void {
    const recorder = this.#records.get(loaded)
    const { read, snapshot } = loaded
    if (recorder === undefined || read === undefined || snapshot === undefined) return
    this.#parts.seat.keeps(packed(read, recorder), snapshot.drainMs)
  }
}

/** As it is to be served beside others; without a snapshot where they would refuse it. */
function seated(
  loaded: LoadedSnapshot,
  { kept }: SeatFacts,
  records: WeakMap<LoadedSnapshot, Recorder>,
): LoadedSnapshot {
  const { snapshot, problems } = loaded
  if (snapshot === undefined || kept === undefined) return loaded
  if (refuses(problems)) return { ...loaded, snapshot: undefined }
  if (opensTheDoor(kept, snapshot)) {
    const file = loaded.read?.file ?? ''
    const place = { severity: 'error', file, line: 0, column: 0, path: 'proxy_api_key' } as const
    return { ...loaded, snapshot: undefined, problems: [...problems, { ...place, message: openDoor }] }
  }
  const told = { ...loaded, snapshot: withBootOnly(snapshot, kept) }
  const record = records.get(loaded)
  if (record !== undefined) records.set(told, record)
  return told
}

/** Keeps what was read. */
class Recorder implements SecretFiles {
  readonly found = new Map<string, SecretFile>()
  readonly folders = new Map<string, readonly string[]>()
  readonly #files: SecretFiles

  constructor(files: SecretFiles) {
    this.#files = files
  }

  async read(path: string, bytesMax?: number): Promise<SecretFile> {
    const file = await this.#files.read(path, bytesMax)
    this.found.set(path, file)
    return file
  }

  async list(path: string): Promise<readonly string[]> {
    const names = (await this.#files.list?.(path)) ?? []
    this.folders.set(path, names)
    return names
  }
}

interface Packed {
  readonly read: Omit<SourceText, 'origins'> & { readonly origins: readonly (readonly [string, string])[] }
  readonly files: readonly { readonly path: string; readonly base64: string; readonly shared: boolean }[]
  readonly folders: readonly (readonly [path: string, names: readonly string[]])[]
}

function packed(read: SourceText, { found, folders }: Pick<Recorder, 'found' | 'folders'>): string {
  const files = Array.from(found, ([path, { bytes, shared }]) => {
    return { path, base64: Buffer.from(bytes).toString('base64'), shared }
  })
  const pack: Packed = { read: { ...read, origins: [...read.origins] }, files, folders: [...folders] }
  return JSON.stringify(pack)
}

function unpacked(text: string): Origin {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `packed` wrote it
  const { read, files, folders } = JSON.parse(text) as Packed
  const listed = new Map(folders)
  const found = new Map(
    files.map(({ path, base64, shared }) => [path, { bytes: Buffer.from(base64, 'base64'), shared }]),
  )
  return {
    read: { ...read, origins: new Map(read.origins) },
    files: {
      async read(path) {
        const file = found.get(path)
        if (file === undefined) throw Object.assign(new Error(`there is no file "${path}"`), { code: 'ENOENT', path })
        return file
      },
      async list(path) {
        return listed.get(path) ?? []
      },
    },
  }
}
