import * as v from 'valibot'
import { pathOf } from './complain.ts'
import type { ConfigPath } from './problem.ts'
import { ConfigSchema, type Config } from './schema.ts'
import { isPlainObject, type Tree } from './source.ts'

// What stands in for a required value that is missing or wrong.
const standIns: Readonly<Record<string, (index: string | number | undefined) => unknown>> = {
  name: (index) => `(backend ${index})`,
  url: () => 'mock://stand-in',
  backend: () => '(unknown)',
  model: () => '(unknown)',
  routes: () => [],
}

/**
 * Makes a faulty tree fit the schema by blanking the values at fault, so that the checks behind the schema (dangling
 * names, cycles) can tell what they find in the same breath. Undefined when that does not succeed. Changes `tree`.
 */
export function draftOf(tree: Tree, faults: readonly ConfigPath[]): Config | undefined {
  let paths = faults
  // Limit: each round blanks at least one value more coarsely; nothing in the schema is nested deeper.
  for (let round = 0; round < 8; round += 1) {
    for (const path of paths) blank(tree, path.slice(0, Math.max(1, path.length - round)))
    const result = v.safeParse(ConfigSchema, tree)
    if (result.success) return result.output
    paths = result.issues.map(pathOf)
  }
  return undefined
}

/** True for the name that stands in for the missing one of a backend. */
export function isStandIn(name: string): boolean {
  return /^\(backend \d+\)$/.test(name)
}

function blank(tree: Tree, path: ConfigPath): void {
  let holder: unknown = tree
  for (const step of path.slice(0, -1)) {
    if (Array.isArray(holder) && typeof step === 'number') holder = holder[step]
    else if (isPlainObject(holder)) holder = holder[String(step)]
    else return
  }
  const last = path.at(-1)
  if (Array.isArray(holder) && typeof last === 'number') {
    // An element cannot go, or those behind it would change their index.
    if (path[0] === 'backends') holder[last] = { name: `(backend ${last})`, url: 'mock://stand-in' }
    else if (path.at(-2) === 'routes') holder[last] = { backend: '(unknown)', model: '(unknown)' }
    else blank(tree, path.slice(0, -1))
  } else if (isPlainObject(holder) && last !== undefined) {
    const standIn = standIns[last]
    if (standIn === undefined) delete holder[last]
    else holder[last] = standIn(path.at(-2))
  }
}
