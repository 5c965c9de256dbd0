import { asObject, type JsonObject } from '#kit/json-value.ts'
import { childrenOf, withChildren, withEntries, without } from './schema-walk.ts'

/** The schema that a local `$ref` leads to; undefined where it leads nowhere, or out of the document. */
export function referred(root: JsonObject, ref: unknown): JsonObject | undefined {
  if (ref === '#') return root
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return undefined
  let at: unknown = root
  for (const step of ref.slice(2).split('/')) {
    const key = unescaped(step)
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = Reflect.get(at, key)
  }
  return asObject(at)
}

/** JSON pointers in addresses are escaped twice. */
function unescaped(step: string): string {
  let text = step
  try {
    text = decodeURIComponent(step)
  } catch {
    text = step
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** What stands beside a `$ref` refines what it leads to. In the place of a root that is nothing but a `$ref`, too. */
export function withReferred(schema: JsonObject, target: JsonObject): JsonObject {
  return { ...without(target, '$defs', 'definitions'), ...without(schema, '$ref') }
}

/** A root that leads somewhere else, as what is there: APIs look at the root alone. */
export function withOwnRoot(root: JsonObject): JsonObject {
  let own = root
  // Limit: steps from one to the next.
  for (let steps = 0; steps < 8 && own['$ref'] !== undefined; steps += 1) {
    const target = referred(root, own['$ref'])
    if (target === undefined || target === root) return root
    own = withReferred(own, target)
  }
  return own['$ref'] === undefined ? own : root
}

/** Whether a schema stands, by way of references, inside of itself. */
export function isRecursive(root: JsonObject): boolean {
  const done = new Set<JsonObject>()
  const inside = new Set<JsonObject>()
  const leadsToItself = (schema: JsonObject): boolean => {
    if (inside.has(schema)) return true
    if (done.has(schema)) return false
    inside.add(schema)
    const target = referred(root, schema['$ref'])
    const found = (target !== undefined && leadsToItself(target)) || childrenOf(schema).some(leadsToItself)
    inside.delete(schema)
    done.add(schema)
    return found
  }
  return leadsToItself(root)
}

/** With local references changed. */
export function withRefs(schema: JsonObject, change: (ref: string) => string): JsonObject {
  const ref = schema['$ref']
  const own = typeof ref === 'string' && ref.startsWith('#') ? { ...schema, $ref: change(ref) } : schema
  return withChildren(own, (child) => withRefs(child, change))
}

/** With what they lead to in the place of references; not for what stands inside of itself. */
export function inlined(root: JsonObject): JsonObject {
  let count = 0
  const own = (schema: JsonObject): JsonObject => {
    count += 1
    const target = count > inlinedMax ? undefined : referred(root, schema['$ref'])
    return target === undefined ? withChildren(schema, own) : own(withReferred(schema, target))
  }
  const done = own(without(root, '$defs', 'definitions'))
  return count > inlinedMax ? root : done
}

/** Limit: schemas of one without references; one with more keeps them. */
const inlinedMax = 10_000

/** Definitions by their newer name, which is the only one that some know. */
export function withDefs(root: JsonObject): JsonObject {
  if (root['definitions'] === undefined || root['$defs'] !== undefined) return root
  const renamed = withRefs(root, (ref) => (ref.startsWith('#/definitions/') ? `#/$defs${ref.slice(13)}` : ref))
  return withEntries(renamed, (key, value) => [[key === 'definitions' ? '$defs' : key, value]])
}
