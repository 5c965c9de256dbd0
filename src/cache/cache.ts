import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { CachePolicy, RemotePolicy } from './compile.ts'
import type { Entry } from './entry.ts'
import type { RemoteStore, TextStore } from './remote-store.ts'
import { MemoryStore } from './store.ts'

export interface CacheParts {
  readonly clock: Clock
  readonly log?: Log
  readonly openStore?: (policy: RemotePolicy) => Promise<TextStore>
}

/** Milliseconds for which a look at the remote store holds for those who want to know whether it is there. */
const probeMs = 1000

/** Answers that were given, to be given again. Survives reloads, and is told its limits at each use. */
export class Cache {
  readonly clock: Clock
  /** Since the start. */
  readonly tally = { hits: 0, misses: 0, bypasses: 0 }
  readonly #parts: CacheParts
  readonly #memory = new MemoryStore()
  #remote: { readonly policy: RemotePolicy; readonly opening: Promise<RemoteStore>; store?: RemoteStore } | undefined
  #probedMs = -Infinity
  #probing: Promise<void> | undefined

  constructor(parts: CacheParts) {
    this.#parts = parts
    this.clock = parts.clock
  }

  get size(): number {
    return this.#memory.size
  }

  get bytes(): number {
    return this.#memory.bytes
  }

  get evictions(): number {
    return this.#memory.evictions
  }

  /** Undefined: nothing is kept elsewhere. */
  get remote(): { readonly kind: RemotePolicy['kind']; readonly isDown: boolean } | undefined {
    const remote = this.#remote
    return remote && { kind: remote.policy.kind, isDown: remote.store?.isDown === true }
  }

  /** A configuration begins to serve. What it keeps elsewhere, or not at all, need not stay in memory. */
  adopt(policy: CachePolicy | undefined): void {
    if (policy === undefined || policy.remote !== undefined) this.#memory.clear()
    else this.#memory.trim(policy)
    const wanted = policy?.remote
    const old = this.#remote
    if (wanted !== undefined && old !== undefined && isSame(old.policy, wanted)) return
    this.#remote = undefined
    this.#probedMs = -Infinity
    if (old !== undefined) void old.opening.then((store) => store.close())
    if (wanted === undefined) return
    this.#remote = { policy: wanted, opening: this.#open(wanted) }
    void this.look()
  }

  /** What may still be given; a promise only where it is kept elsewhere. */
  find(key: string, policy: CachePolicy, ageMsMax: number): Entry | undefined | Promise<Entry | undefined> {
    if (policy.remote === undefined) return this.#freshOf(this.#memory.get(key), key, policy, ageMsMax)
    const { store } = this.#remote ?? {}
    // At the start there is a moment in which it is not there yet, and while it rests nobody waits.
    if (store === undefined) return undefined
    return store.get(key).then((entry) => this.#freshOf(entry, key, policy, ageMsMax))
  }

  keep(key: string, entry: Entry, policy: CachePolicy): void {
    if (policy.remote === undefined) this.#memory.put(key, entry, policy)
    else this.#remote?.store?.put(key, entry, policy.ttlMs)
  }

  /** How long ago it was complete; never less than nothing, whatever the clocks of others say. */
  ageMsOf({ createdMs }: Entry): number {
    return Math.max(0, this.clock.wallMs() - createdMs)
  }

  /** False: those that are kept elsewhere could not be reached. */
  async clear(): Promise<boolean> {
    this.#memory.clear()
    const remote = this.#remote
    if (remote === undefined) return true
    return await (await remote.opening).clear()
  }

  /** Asks the remote store whether it is there, unless that is known; what came of it, `remote` tells. */
  async look(): Promise<void> {
    const nowMs = this.clock.monotonicMs()
    if (this.#remote === undefined || nowMs - this.#probedMs < probeMs) return await this.#probing
    this.#probedMs = nowMs
    this.#probing = this.#remote.opening.then(async (store) => void (await store.probe()))
    await this.#probing
  }

  close(): void {
    this.adopt(undefined)
  }

  #freshOf(entry: Entry | undefined, key: string, { ttlMs }: CachePolicy, ageMsMax: number): Entry | undefined {
    if (entry === undefined) return undefined
    const ageMs = this.ageMsOf(entry)
    if (ageMs >= ttlMs) {
      this.#memory.delete(key)
      return undefined
    }
    return ageMs > ageMsMax ? undefined : entry
  }

  async #open(policy: RemotePolicy): Promise<RemoteStore> {
    const { RemoteStore: Store } = await import('./remote-store.ts')
    const { clock, log, openStore = openTextStore } = this.#parts
    const store = new Store({ clock, log, policy, open: openStore })
    if (this.#remote?.policy === policy) this.#remote.store = store
    return store
  }
}

/** Loaded when it is configured: a start needs neither. */
async function openTextStore(policy: RemotePolicy): Promise<TextStore> {
  if (policy.kind === 'redis') return new (await import('./redis-store.ts')).RedisStore(policy)
  return new (await import('./memcached-store.ts')).MemcachedStore(policy)
}

function isSame(one: RemotePolicy, other: RemotePolicy): boolean {
  return (
    one.kind === other.kind &&
    one.address === other.address &&
    one.keyPrefix === other.keyPrefix &&
    one.timeoutMs === other.timeoutMs
  )
}
