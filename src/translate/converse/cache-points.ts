import type { CacheHint } from '#translate/common.ts'

type Place = 'tools' | 'system' | 'messages'

/** A block of a request, as it is being written. */
export type Block = Record<string, unknown>

interface Point {
  readonly place: Place
  /** Where it stands. */
  readonly list: Block[]
  readonly block: { readonly cachePoint: { readonly type: 'default'; ttl?: string } }
}

/** Limit: cache points that a request may have. */
const pointsMax = 4

/** Of them, those that are kept for the end of the talk, where most is to be gained. */
const pointsOfMessages = 2

/** Where the provider's cache shall end. Set freely while a request is written, brought within its rules at the end. */
export class CachePoints {
  readonly #points: Point[] = []

  get isEmpty(): boolean {
    return this.#points.length === 0
  }

  /** Behind the last block of a list; where one stands already, that one stays. */
  set(place: Place, list: Block[], { ttl }: CacheHint): void {
    const last = list.at(-1)
    if (last === undefined || 'cachePoint' in last) return
    // Five minutes are what it does without being told, and older models refuse to be told.
    const block = { cachePoint: { type: 'default' as const, ...(ttl === '1h' && { ttl }) } }
    list.push(block)
    this.#points.push({ place, list, block })
  }

  /** The first ones of tools and system and the last ones of the messages stay; a longer life must not follow a shorter. */
  settle(): void {
    const inOrder = places.flatMap((place) => this.#points.filter((point) => point.place === place))
    const wanted = inOrder.filter(({ place }) => place === 'messages').length
    const fixed = inOrder
      .filter(({ place }) => place !== 'messages')
      .slice(0, pointsMax - Math.min(pointsOfMessages, wanted))
    const left = pointsMax - fixed.length
    const moving = left === 0 ? [] : inOrder.filter(({ place }) => place === 'messages').slice(-left)
    const kept = new Set([...fixed, ...moving])
    removeAll(this.#points.filter((point) => !kept.has(point)))
    let isShort = false
    for (const point of inOrder) {
      if (!kept.has(point)) continue
      if (isShort) delete point.block.cachePoint.ttl
      else isShort = point.block.cachePoint.ttl === undefined
    }
  }
}

/** As they stand in the prompt. */
const places: readonly Place[] = ['tools', 'system', 'messages']

/** Each list once, however many points stand in it. */
function removeAll(points: readonly Point[]): void {
  const blocks = new Set<Block>(points.map(({ block }) => block))
  for (const list of new Set(points.map((point) => point.list))) {
    for (const block of list.splice(0)) if (!blocks.has(block)) list.push(block)
  }
}
