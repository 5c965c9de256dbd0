import { isAlias, isMap, isNode, isScalar, isSeq } from 'yaml'
import type { Document, Pair, YAMLMap } from 'yaml'
import type { ConfigPath } from './problem.ts'

// Limit: maps that are merged into maps (`<<`) are followed this deep; one may be merged into itself.
const mergesMax = 64

/** The node at `path` and the innermost key or list entry on the way that exists. */
export function nodeAt(doc: Document, path: ConfigPath): { node: unknown; pair: Pair | undefined; complete: boolean } {
  let node: unknown = doc.contents
  let pair: Pair | undefined
  for (const step of path) {
    const container = resolved(doc, node)
    if (isMap(container)) {
      const found = pairOf(doc, container, String(step))
      if (found === undefined) return { node, pair, complete: false }
      pair = found
      node = found.value
    } else if (isSeq(container) && typeof step === 'number' && isNode(container.items[step])) {
      pair = undefined
      node = container.items[step]
    } else return { node, pair, complete: false }
  }
  return { node, pair, complete: true }
}

/** Where the value at `path`, or its key, begins in the text; of what is not there, the innermost part that is. */
export function offsetOf(doc: Document, path: ConfigPath, part: 'value' | 'key'): number {
  const { node, pair, complete } = nodeAt(doc, path)
  const key = pair !== undefined && isNode(pair.key) ? pair.key.range?.[0] : undefined
  const value = isNode(node) && !isEmpty(node) ? node.range?.[0] : undefined
  const preferred = part === 'key' || !complete ? (key ?? value) : (value ?? key)
  return preferred ?? 0
}

function pairOf(doc: Document, map: YAMLMap, key: string, depth = 0): Pair | undefined {
  // A map may be merged into itself.
  if (depth > mergesMax) return undefined
  let merged: Pair | undefined
  // From the end, since the last of two equal keys is the one that was read.
  for (const pair of map.items.toReversed()) {
    if (!isMerge(pair.key)) {
      const name = isScalar(pair.key) && pair.key.value === null ? '' : String(pair.key)
      if (name === key) return pair
      continue
    }
    const sources = resolved(doc, pair.value)
    for (const source of isSeq(sources) ? sources.items : [sources]) {
      const inner = resolved(doc, source)
      if (isMap(inner)) merged ??= pairOf(doc, inner, key, depth + 1)
    }
  }
  return merged
}

/** `<<`, which the parser reads as a symbol. */
export function isMerge(key: unknown): boolean {
  return isScalar(key) && (typeof key.value === 'symbol' || key.value === '<<')
}

/** The node that an alias stands for; other nodes stand for themselves. */
export function resolved(doc: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(doc) : node
}

/** A value that was left out (`key:` and nothing behind it). */
function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === ''
}
