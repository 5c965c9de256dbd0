import { nearest } from '#kit/nearest.ts'
import { elementOf, entriesOf, keysOf, unwrap, type Schema } from './keys.ts'
import type { ConfigPath } from './problem.ts'
import { isPlainObject, type Tree } from './source.ts'

/** A key that no schema knows. */
export interface UnknownKey {
  readonly path: ConfigPath
  readonly message: string
}

/**
 * Takes out of `tree` what the schema need not see: unknown keys, which are told, keys without a value (`fallback:` and
 * nothing behind it), which mean the same as no key, and the free `x-…` keys at the top.
 */
export function prune(tree: Tree, schema: Schema): UnknownKey[] {
  for (const key of Object.keys(tree)) if (key.startsWith('x-')) delete tree[key]
  const unknown: UnknownKey[] = []
  const visit = (value: unknown, at: Schema, path: ConfigPath): void => {
    const element = elementOf(at)
    const entries = entriesOf(at)
    if (Array.isArray(value) && at.type === 'array' && element !== undefined) {
      value.forEach((inner, index) => visit(inner, unwrap(element), [...path, index]))
    } else if (isPlainObject(value) && entries !== undefined) {
      for (const [key, inner] of Object.entries(value)) {
        const entry = Object.hasOwn(entries, key) ? entries[key] : element
        if (entry === undefined)
          unknown.push({ path: [...path, key], message: complaint(key, Object.keys(entries), schema) })
        if (entry === undefined || inner === null) delete value[key]
        else visit(fitting(value, key, inner, unwrap(entry)), unwrap(entry), [...path, key])
      }
    } else if (isPlainObject(value) && element !== undefined && at.type === 'record') {
      for (const [key, inner] of Object.entries(value)) {
        visit(fitting(value, key, inner, unwrap(element)), unwrap(element), [...path, key])
      }
    }
  }
  visit(tree, unwrap(schema), [])
  return unknown
}

/** A list where keys belong would be taken for a map with the keys 0, 1, …: a text in its place is refused as it should be. */
function fitting(holder: Tree, key: string, value: unknown, schema: Schema): unknown {
  if (!Array.isArray(value) || (entriesOf(schema) === undefined && schema.type !== 'record')) return value
  holder[key] = '(list)'
  return holder[key]
}

function complaint(key: string, siblings: readonly string[], schema: Schema): string {
  const near = nearest(key, siblings) ?? elsewhere(key, schema)
  return near === undefined ? 'unknown key, it does nothing' : `unknown key, it does nothing (did you mean "${near}"?)`
}

/** The one place where a key of this name belongs, if there is only one. */
function elsewhere(key: string, schema: Schema): string | undefined {
  const homes = keysOf(schema)
    .map(({ path }) => path)
    .filter((path) => path.split('.').at(-1) === key)
  return homes.length === 1 ? homes[0] : undefined
}
