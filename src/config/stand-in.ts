import * as v from 'valibot'
import { isSecret, schemaAt } from './keys.ts'
import type { ConfigPath } from './problem.ts'
import type { Dereferenced } from './references.ts'
import { ConfigSchema } from './schema.ts'
import { isPlainObject, type Tree } from './source.ts'
import type { Move } from './spellings.ts'

/** Stands for a secret that cannot be found here, such as one that only the service may see. */
export const secretStandIn = 'stand-in-for-an-unknown-secret'

/**
 * Takes the complaints about secrets that have a stand-in away, and tells them. Where a stand-in is of no use, as for
 * certificates and addresses of proxies, the value goes. Changes `tree` and `byPath`.
 */
export function letStandIn(tree: Tree, byPath: Map<string, Dereferenced>, moves: readonly Move[]): readonly string[] {
  const told: string[] = []
  for (const [name, expansion] of byPath) {
    const missing = expansion.problems.filter(({ isMissing }) => isMissing === true)
    if (missing.length === 0) continue
    const path = spelledNow(expansion.path, moves)
    const ofTls = path.lastIndexOf('tls')
    if (ofTls === -1 && !isSecret(ConfigSchema, path)) continue
    told.push(...missing.map(({ message }) => message))
    byPath.set(name, { ...expansion, problems: expansion.problems.filter(({ isMissing }) => isMissing !== true) })
    // Without its certificates the listener's section still says that there is encryption.
    if (ofTls === 0) for (const key of ownCertificates) remove(tree, ['tls', key])
    else if (ofTls !== -1) remove(tree, path.slice(0, ofTls + 1))
    else if (!isUseful(path)) remove(tree, path)
  }
  return told
}

const ownCertificates = ['cert', 'key', 'certificates', 'client_ca']

function isUseful(path: ConfigPath): boolean {
  const schema = schemaAt(ConfigSchema, path)
  return schema !== undefined && v.safeParse(schema, secretStandIn).success
}

function spelledNow(path: ConfigPath, moves: readonly Move[]): ConfigPath {
  for (const { from, to } of moves) {
    if (from.length <= path.length && from.every((step, at) => step === path[at])) {
      return [...to, ...path.slice(from.length)]
    }
  }
  return path
}

function remove(tree: Tree, path: ConfigPath): void {
  let holder: unknown = tree
  for (const step of path.slice(0, -1)) {
    holder = Array.isArray(holder) ? holder[Number(step)] : isPlainObject(holder) ? holder[String(step)] : undefined
  }
  if (isPlainObject(holder)) delete holder[String(path.at(-1))]
}
