import type { LegacyConfig } from '#config/legacy.ts'
import { isPlainObject, type Tree } from '#config/source.ts'
import { formatDuration } from '#kit/quantity.ts'
import type { Draft } from './draft.ts'
import type { Fidelity, Ledger } from './ledger.ts'
import { literal } from './values.ts'

/** What a start with the same file and variables would go by, so that a conversion means the same. */
export function setLegacy({ tree }: LegacyConfig, env: ReadonlyMap<string, string>, draft: Draft): void {
  for (const [key, value] of Object.entries(plain(tree, env))) draft.set([key], value)
}

/** The variables stand in a file of which only this is left: their values take the places of references to them. */
export function plain(tree: Tree, env: ReadonlyMap<string, string>): Tree {
  const plainValue = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plainValue)
    if (isPlainObject(value)) return plain(value, env)
    if (typeof value !== 'string') return value
    if (/^\d+ms$/.test(value)) return formatDuration(Number.parseInt(value, 10))
    const [, name] = /^\$\{(\w+)\}$/.exec(value) ?? []
    return name === undefined ? value : literal((env.get(name) ?? '').trim())
  }
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, plainValue(value)]))
}

/** How well a variable was carried over, and where it went. */
export type Told = readonly [fidelity: Fidelity, what: string]

/** Tells what became of the variables, those first of which a start would have something to say. */
export function tellVariables(
  { problems }: LegacyConfig,
  env: ReadonlyMap<string, string>,
  known: Readonly<Record<string, Told>>,
  ledger: Ledger,
): void {
  for (const { severity, name, message } of problems) {
    ledger.add(severity === 'warning' ? 'approximate' : 'dropped', name, message)
  }
  for (const [name, value] of env) {
    const told = Object.hasOwn(known, name) ? known[name] : undefined
    if (told === undefined || value.trim() === '' || problems.some((problem) => problem.name === name)) continue
    ledger.add(told[0], name, told[1])
  }
}
