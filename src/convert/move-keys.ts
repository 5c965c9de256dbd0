import { getMetadata } from 'valibot'
import { schemaAt } from '#config/keys.ts'
import { pathText, type ConfigPath } from '#config/problem.ts'
import { ConfigSchema } from '#config/schema.ts'
import { isPlainObject, type Tree } from '#config/source.ts'
import { isPath } from '#credential/outside.ts'
import { variableName } from './from-channels.ts'

/** A key that stands in the configuration in clear. */
export interface ClearKey {
  /** In the new configuration. */
  readonly place: string
  /** The variable that took its place, where keys are moved. */
  readonly variable: string
}

/** Finds every secret that stands in clear; `moves` puts a reference to a variable in the place of each. */
export function findClearKeys(tree: Tree, moves: boolean): ClearKey[] {
  const found: ClearKey[] = []
  const taken = new Set(variablesIn(tree))
  const byValue = new Map<string, string>()
  const visit = (holder: Tree | unknown[], key: string | number, path: ConfigPath): void => {
    const value: unknown = Array.isArray(holder) ? holder[Number(key)] : holder[key]
    if (typeof value === 'string') {
      if (value === '' || !isSecretAt(path) || isReference(value)) return
      // A path to a secret is none.
      if (key === 'service_account' && isPath(value)) return
      const variable = byValue.get(value) ?? freeName(nameFor(tree, path), taken)
      byValue.set(value, variable)
      taken.add(variable)
      found.push({ place: pathText(path), variable })
      if (!moves) return
      if (Array.isArray(holder)) holder[Number(key)] = `\${${variable}}`
      else holder[String(key)] = `\${${variable}}`
    } else if (Array.isArray(value)) {
      value.forEach((_, index) => visit(value, index, [...path, index]))
    } else if (isPlainObject(value)) {
      for (const inner of Object.keys(value)) visit(value, inner, [...path, inner])
    }
  }
  for (const key of Object.keys(tree)) visit(tree, key, [key])
  return found
}

function isSecretAt(path: ConfigPath): boolean {
  // Addresses that may have a password in them are told by other means.
  if (path.at(-1) === 'outbound_proxy' || (path[0] === 'outbound_proxy' && path[1] === 'url')) return false
  if (isMarked(path)) return true
  return isMarked(path.slice(0, -1)) && /auth|key|token|secret|cookie/i.test(String(path.at(-1)))
}

function isMarked(path: ConfigPath): boolean {
  const schema = schemaAt(ConfigSchema, path)
  return schema !== undefined && getMetadata(schema)['x-secret'] === true
}

function isReference(value: string): boolean {
  return /(?:^|[^$])(?:\$\$)*\$\{/.test(value) || value.startsWith('os.environ/')
}

/** Variables that values refer to, each once. */
export function variablesIn(tree: Tree): string[] {
  const found = [...JSON.stringify(tree).matchAll(/(?<!\$)(?:\$\$)*\$\{([A-Za-z_]\w*)/g)]
  return [...new Set(found.flatMap(([, name]) => name ?? []))]
}

function nameFor(tree: Tree, path: ConfigPath): string {
  const [section, index] = path
  const key = String(path.at(-1))
  if (section !== 'backends' || typeof index !== 'number') return variableName(pathText(path))
  const backends: unknown[] = Array.isArray(tree['backends']) ? tree['backends'] : []
  const backend = backends[index]
  const name = isPlainObject(backend) && typeof backend['name'] === 'string' ? backend['name'] : 'backend'
  const number = path[2] === 'credentials' && typeof path[3] === 'number' ? `_${path[3] + 1}` : ''
  return variableName(`${name}_${key}${number}`)
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted
  for (let count = 2; taken.has(name); count += 1) name = `${wanted}_${count}`
  return name
}
