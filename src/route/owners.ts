import type { OwnedIdsPolicy, OwnedKind, Owner } from '#core/owner.ts'
import type { Learned } from '#core/shared.ts'
import { isNameInPath } from '#wire/resource-path.ts'

/** Is its backend still there? */
export type IsThere = (owner: Owner) => boolean

/**
 * Who has the files, batches and answers that went by. Of their ids only hashes are kept. Outlives a reload; how many, and
 * for how long, says each time who adds one.
 */
export class Owners {
  /** Moved to the end with each use. */
  readonly #entries = new Map<string, Entry>()
  readonly #counts = new Map<OwnedKind, number>()
  /** Few owners have many ids. */
  readonly #owners = new Map<string, Owner>()
  /** Other processes are to know; undefined: there are none. */
  learned: Learned | undefined

  /** Is anything of this kind known? */
  mayHave(kind: OwnedKind): boolean {
    return (this.#counts.get(kind) ?? 0) > 0
  }

  get size(): number {
    return this.#entries.size
  }

  /** Undefined: nobody who is known. Being asked for keeps an id. */
  find(id: string, nowMs: number): Owner | undefined {
    const key = keyOf(id)
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.untilMs <= nowMs) return undefined
    entry.untilMs = nowMs + entry.ttlMs
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#tell(key, entry, nowMs)
    return entry.owner
  }

  /** What somebody has stays there for its time, whatever an answer of another backend, or to another caller, says. */
  keep(
    id: string,
    kind: OwnedKind,
    told: Owner,
    nowMs: number,
    { max, ttlMs }: Pick<OwnedIdsPolicy, 'max' | 'ttlMs'>,
    isThere: IsThere = always,
  ): void {
    if (max === 0 || !isId(id)) return
    const key = keyOf(id)
    const before = this.#entries.get(key)
    const owner = heir(before, told, nowMs, isThere)
    if (owner === undefined) return
    const sole = this.#sole(owner)
    const entry: Entry = {
      kind,
      owner: sole,
      ttlMs,
      untilMs: nowMs + ttlMs,
      toldMs: before?.owner === sole ? before.toldMs : -Infinity,
    }
    this.#put(key, entry, max)
    this.#tell(key, entry, nowMs)
  }

  /** What only lasts longer is told now and then. */
  #tell(key: string, entry: Entry, nowMs: number): void {
    const { kind, owner, ttlMs, toldMs } = entry
    if (this.learned === undefined || nowMs - toldMs < ttlMs / tellsPerTtl) return
    entry.toldMs = nowMs
    this.learned({ kind: 'owner', key, forMs: ttlMs, of: kind, owner })
  }

  /** Another process saw who has it. */
  hear(
    key: string,
    kind: OwnedKind,
    told: Owner,
    nowMs: number,
    ttlMs: number,
    max: number,
    isThere: IsThere = always,
  ): void {
    const owner = heir(this.#entries.get(key), told, nowMs, isThere)
    if (max === 0 || owner === undefined) return
    this.#put(key, { kind, owner: this.#sole(owner), ttlMs, untilMs: nowMs + ttlMs, toldMs: nowMs }, max)
  }

  /** It is no more. */
  drop(id: string): void {
    this.#remove(keyOf(id))
  }

  /** Those that were used longest ago go, as far as there are more; so many are remembered from now on. */
  trim(max: number): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= max) return
      this.#remove(key)
    }
  }

  #put(key: string, entry: Entry, max: number): void {
    this.#remove(key)
    this.#entries.set(key, entry)
    this.#counts.set(entry.kind, (this.#counts.get(entry.kind) ?? 0) + 1)
    // A few at once, so that it never takes long, also where a reload made the limit smaller.
    for (let left = droppedMax; left > 0 && this.#entries.size > max; left -= 1) this.#makeRoom(max)
  }

  /** The one that was used longest ago goes. Of a kind that there are few of it stays: answers are many, files last. */
  #makeRoom(max: number): void {
    for (let left = sparedMax; left > 0; left -= 1) {
      const [key] = this.#entries.keys()
      const entry = key === undefined ? undefined : this.#entries.get(key)
      if (key === undefined || entry === undefined) return
      if ((this.#counts.get(entry.kind) ?? 0) > max / kindsMax) return this.#remove(key)
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#remove(oldest)
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#counts.set(entry.kind, (this.#counts.get(entry.kind) ?? 1) - 1)
  }

  #sole(owner: Owner): Owner {
    const { backend, address, credential, caller } = owner
    const name = JSON.stringify([backend, address, credential, caller])
    const known = this.#owners.get(name)
    if (known !== undefined) return known
    if (this.#owners.size >= ownersMax) this.#owners.clear()
    this.#owners.set(name, owner)
    return owner
  }
}

interface Entry {
  readonly kind: OwnedKind
  readonly owner: Owner
  readonly ttlMs: number
  untilMs: number
  /** When other processes last knew as much. */
  toldMs: number
}

const always = (): boolean => true

/** Who has it from now on; undefined: all stays as it is. */
function heir(before: Entry | undefined, told: Owner, nowMs: number, isThere: IsThere): Owner | undefined {
  if (before === undefined || before.untilMs <= nowMs || !isThere(before.owner)) return told
  const { backend, address, credential, caller } = before.owner
  if (backend !== told.backend || address !== told.address || credential !== told.credential) return undefined
  if (caller === undefined || caller === told.caller) return told
  return told.caller === undefined ? before.owner : undefined
}

const tellsPerTtl = 4

const droppedMax = 4

/** Limit: entries in a row that are spared for being of a rare kind, of which each has a share. */
const sparedMax = 8
const kindsMax = 8

/** Limit: owners that are told apart by being one object; more only take more memory. */
const ownersMax = 10_000

/** Limits: characters of an id. What is shorter is a number that others have as well. */
const idCharactersMin = 6
const idCharactersMax = 512

/** Is it what nobody else could mean by chance? A backend may call its things what it likes. */
function isId(id: string): boolean {
  if (id.length < idCharactersMin || id.length > idCharactersMax || !/^[\x21-\x7e]+$/.test(id)) return false
  const plain = plainId(id)
  if (plain === '' || isNameInPath(plain)) return false
  return knownPrefix.test(id) || (plain.length >= 12 && /\d/.test(plain))
}

const knownPrefix =
  /^(?:(?:asst|batch|cfile|cntr|container|conv|eval|file|ft|ftjob|msgbatch|resp|run|skill|thread|upload|video|vs|vsf|vsfb)[_-]|chatcmpl-|(?:files|cachedContents|batches|fileSearchStores)\/)/

function keyOf(id: string): string {
  return Bun.hash.xxHash64(plainId(id)).toString(36)
}

/** `files/abc`, and addresses that end like this, are the same as `abc`. */
function plainId(id: string): string {
  const path = id.replace(/[?#].*$/s, '').replace(/\/+$/, '')
  return path.slice(path.lastIndexOf('/') + 1)
}
