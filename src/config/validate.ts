import * as v from 'valibot'
import { complain, hint, pathOf } from './complain.ts'
import { draftOf } from './draft.ts'
import { isSecret } from './keys.ts'
import type { ConfigPath } from './problem.ts'
import { ConfigSchema, type Config } from './schema.ts'
import { isPlainObject, type Tree } from './source.ts'

/** A tree, held against the schema. */
export interface Verdict {
  readonly config: Config | undefined
  /** A stand-in for a configuration with faults, good only for finding more of them. */
  readonly draft: Config | undefined
  readonly faults: readonly Fault[]
}

export interface Fault {
  readonly path: ConfigPath
  readonly message: string
}

// Limit: a file that is no configuration at all has a fault in every line.
const faultsMax = 500

/**
 * Holds a tree against the schema and tells all that is wrong with it. `written` gives the text of a value as it stands
 * in the file: never the value of a reference, which may be a secret. `isReference` = the value is one reference alone,
 * so its text may stand for a number or a boolean.
 */
export function validate(
  tree: Tree,
  written: (path: ConfigPath) => string | undefined,
  isReference: (path: ConfigPath) => boolean,
): Verdict {
  let result = v.safeParse(ConfigSchema, tree)
  if (!result.success && retype(tree, result.issues, isReference)) result = v.safeParse(ConfigSchema, tree)
  const lost = lostNames(tree)
  const issues = result.issues ?? []
  const faults = [...issues.slice(0, faultsMax).map((issue) => faultOf(issue, written)), ...lost]
  if (issues.length > faultsMax)
    faults.push({ path: [], message: `${issues.length - faultsMax} more faults are not listed` })
  if (faults.length === 0 && result.success) return { config: result.output, draft: result.output, faults }
  return { config: undefined, draft: result.success ? result.output : draftOf(tree, result.issues.map(pathOf)), faults }
}

/** The user of an address, its query, where some providers want a key, and what a file of keys begins with. */
const mayHoldSecret = /:\/\/[^/]*@|:\/\/[^?]*\?|PRIVATE KEY-----/

function faultOf(issue: v.BaseIssue<unknown>, written: (path: ConfigPath) => string | undefined): Fault {
  const path = pathOf(issue)
  const complaint = complain(issue)
  const isKey = issue.path?.at(-1)?.origin === 'key'
  const shown = isKey ? String(path.at(-1)) : written(path)
  const isPrivate = isSecret(ConfigSchema, path) || (shown !== undefined && mayHoldSecret.test(shown))
  if (shown === undefined || issue.input === null || complaint === 'this key is required' || (isPrivate && !isKey)) {
    return { path, message: complaint + (isPrivate ? '' : hint(issue)) }
  }
  const quoted =
    typeof issue.input === 'string' || shown === '' ? JSON.stringify(shown.slice(0, 64)) : shown.slice(0, 64)
  return { path, message: `${complaint}, not ${quoted}${hint(issue)}` }
}

/** Turns the texts of references into the numbers and booleans that the schema asked for; true when it changed any. */
function retype(
  tree: Tree,
  issues: readonly v.BaseIssue<unknown>[],
  isReference: (path: ConfigPath) => boolean,
): boolean {
  let changed = false
  for (const issue of issues) {
    const path = pathOf(issue)
    if (typeof issue.input !== 'string' || !isReference(path)) continue
    const text = issue.input.trim()
    const value =
      text === 'true' ? true : text === 'false' ? false : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
    if (value === undefined) continue
    put(tree, path, value)
    changed = true
  }
  return changed
}

/** Writes to a place that exists. */
function put(tree: Tree, path: ConfigPath, value: unknown): void {
  let holder: unknown = tree
  for (const step of path.slice(0, -1)) {
    if (Array.isArray(holder) && typeof step === 'number') holder = holder[step]
    else if (isPlainObject(holder)) holder = holder[step]
  }
  const last = path.at(-1)
  if (Array.isArray(holder) && typeof last === 'number') holder[last] = value
  else if (isPlainObject(holder) && last !== undefined) holder[last] = value
}

/** Names that JavaScript keeps for itself would get lost on the way. */
function lostNames(tree: Tree): Fault[] {
  const { fallback, services, rate_limiting: limits } = tree
  const sections: [path: ConfigPath, section: unknown, what: string][] = [
    [['models'], tree['models'], 'an alias'],
    [['fallback', 'alias_fallback'], isPlainObject(fallback) ? fallback['alias_fallback'] : undefined, 'an alias'],
    [['services'], services, 'a service'],
    [['rate_limiting', 'per_model'], isPlainObject(limits) ? limits['per_model'] : undefined, 'an alias'],
  ]
  for (const [name, service] of isPlainObject(services) ? Object.entries(services) : []) {
    const models = isPlainObject(service) ? service['models'] : undefined
    sections.push([['services', name, 'models'], models, 'a model of a service'])
  }
  return sections.flatMap(([path, section, what]) =>
    (isPlainObject(section) ? Object.keys(section) : [])
      .filter((name) => ['__proto__', 'constructor', 'prototype'].includes(name))
      .map((name) => ({ path: path.concat(name), message: `"${name}" cannot be the name of ${what}` })),
  )
}
