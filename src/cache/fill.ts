import type { Exchange } from '#core/exchange.ts'
import type { Talk } from '#core/talk.ts'
import { concat } from '#kit/bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { Cache } from './cache.ts'
import type { CachePolicy } from './compile.ts'
import type { EntryKind } from './entry.ts'
import { isWorthKeeping } from './worth.ts'

/** Head of an answer, as the client gets it. */
export interface AnswerHead {
  readonly status: number
  readonly kind: EntryKind
  readonly contentType: string | null
  readonly warnings: string | null
}

export interface FillPlace {
  readonly cache: Cache
  readonly policy: CachePolicy
  readonly clock: Clock
  readonly isBypass: boolean
  /** Undefined: what is answered is not kept. */
  readonly key: string | undefined
  /** Of the answer that is waited for. */
  readonly kind: EntryKind
  /** Undefined: nothing is kept of it. */
  readonly talk: Talk | undefined
}

/** Undoes the Content-Encoding of a body; empty when that cannot be done. Undefined: it has none. */
export type Decode = (body: Uint8Array) => Uint8Array

/** Watches an answer on its way to the client, and keeps it if it came whole and well. */
export class Fill {
  readonly #place: FillPlace
  #head: AnswerHead | undefined
  #decode: Decode | undefined
  #pieces: Uint8Array[] = []
  #bytes = 0

  constructor(place: FillPlace) {
    this.#place = place
  }

  /** Nobody looked for an answer that was kept. */
  get isBypass(): boolean {
    return this.#place.isBypass
  }

  /** For the header that tells a client whether its answer was kept. */
  get told(): { readonly name: string; readonly value: string } | undefined {
    const { toldIn } = this.#place.policy
    return toldIn === undefined ? undefined : { name: toldIn, value: this.isBypass ? 'BYPASS' : 'MISS' }
  }

  /** An answer begins. A second one goes on where another broke, and nobody knows what both would make. */
  begin(head: AnswerHead, decode: Decode | undefined): void {
    const { key, kind } = this.#place
    const isFirst = this.#head === undefined
    this.#head = head
    this.#decode = decode
    if (!isFirst || key === undefined || head.status !== 200 || head.kind !== kind || head.contentType === null) {
      this.drop()
    }
  }

  /** What the client gets. */
  see(piece: Uint8Array): void {
    if (this.#isDropped) return
    this.#bytes += piece.byteLength
    if (this.#bytes > this.#place.policy.entryBytesMax) return this.drop()
    // A copy: its owner may use the memory again, or hold much more of it.
    this.#pieces.push(piece.slice())
  }

  drop(): void {
    this.#bytes = Infinity
    this.#pieces = []
  }

  /** All of it came, and it was no error. What is left to do, nobody waits for. */
  complete({ startedMs, usage }: Exchange): void {
    const { cache, policy, clock, key, talk } = this.#place
    const head = this.#head
    if (this.#isDropped || head === undefined || key === undefined || talk === undefined || this.#bytes === 0) return
    const [pieces, decode] = [this.#pieces, this.#decode]
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    const createdMs = clock.wallMs()
    this.drop()
    clock.soon(() => {
      const sent = concat(pieces)
      const bytes = decode === undefined ? sent : concat([decode(sent)])
      if (bytes.byteLength > policy.entryBytesMax || !isWorthKeeping(bytes, head.kind, talk)) return
      const { kind, contentType, warnings } = head
      const entry = {
        kind,
        contentType: contentType ?? '',
        warnings: warnings ?? undefined,
        bytes,
        usage,
        createdMs,
        durationMs,
      }
      cache.keep(key, entry, policy)
    })
  }

  get #isDropped(): boolean {
    return this.#bytes === Infinity
  }
}
