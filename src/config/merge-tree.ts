import { isPlainObject, type Tree } from './source.ts'

/** Puts every value of `from` into `target`, section by section; what is there already gives way. Changes `target`. */
export function mergeTree(target: Tree, from: Tree): void {
  for (const [key, value] of Object.entries(from)) {
    const own = target[key]
    if (isPlainObject(value)) {
      const section: Tree = isPlainObject(own) ? own : {}
      target[key] = section
      mergeTree(section, value)
    } else target[key] = value
  }
}
