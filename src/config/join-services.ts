import { isAbsolute, resolve } from 'node:path'
import type { Sources } from './expand.ts'
import type { ConfigPath, Problem } from './problem.ts'
import { pathText } from './problem.ts'
import { dereference, type Dereferenced } from './references.ts'
import { prepareServices, readServicesFile } from './services-file.ts'
import { isPlainObject, type Source, type Tree } from './source.ts'

/** A configuration with the services of the file that it names. */
export interface Joined {
  /** Knows where a value stands, whichever of the two files it is. */
  readonly source: Pick<Source, 'locate' | 'written'>
  readonly problems: readonly Problem[]
  /** References of the file, by {@link pathText} of the value. */
  readonly byPath: ReadonlyMap<string, Dereferenced>
  /** Its path and its content; undefined when none is named. */
  readonly file: { readonly path: string; readonly text: string } | undefined
  /** Why it brings no services; absent: it does, or there is none. */
  readonly lacks?: 'gone' | 'unreadable' | 'broken'
}

/**
 * Puts the services of the file that `services_file` names beside those of the configuration. `defaults`: keys of every
 * backend in it that has none of its own. Changes `tree`.
 */
export async function joinServices(source: Source, tree: Tree, sources: Sources, defaults: Tree): Promise<Joined> {
  const { services_file: written } = tree
  if (typeof written !== 'string' || written === '') {
    return { source, problems: [], byPath: new Map(), file: undefined }
  }
  const path = isAbsolute(written) ? written : resolve(sources.directory, written)
  const side = await readServicesFile(written, path, sources.files)
  const file = { path, text: side.text }
  const problems: Problem[] = [...side.problems]
  const tell = (severity: Problem['severity'], at: ConfigPath, place: object, message: string): void => {
    problems.push({ severity, ...source.locate(at), ...place, path: pathText(at), message })
  }
  const { unreadable } = side
  if (unreadable !== undefined) tell('error', ['services_file'], {}, `it cannot be read: ${unreadable.why}`)
  if (side.tree === undefined) {
    const lacks = unreadable === undefined ? 'broken' : unreadable.isGone ? 'gone' : 'unreadable'
    return { source, problems, byPath: new Map(), file, lacks }
  }

  for (const { path: at, message } of prepareServices(side.tree, defaults)) {
    tell('warning', at, side.locate(at), message)
  }
  const { byPath } = await dereference(side.tree, sources)
  tree['services'] ??= {}
  const { services: own } = tree
  const found = new Set<string>()
  if (isPlainObject(own) && isPlainObject(side.tree['services'])) {
    for (const [name, service] of Object.entries(side.tree['services'])) {
      const at = ['services', name]
      if (Object.hasOwn(own, name)) {
        const { line } = source.locate(at, 'key')
        tell(
          'error',
          at,
          side.locate(at, 'key'),
          `is a service of the configuration too (line ${line}), keep one of them`,
        )
        continue
      }
      found.add(name)
      // A service may have any name.
      Object.defineProperty(own, name, { value: service, enumerable: true, writable: true, configurable: true })
    }
  }
  const isOfSide = (at: ConfigPath): boolean => at[0] === 'services' && found.has(String(at[1]))
  return {
    source: {
      locate: (at, part) => (isOfSide(at) ? side.locate(at, part) : source.locate(at, part)),
      written: (at) => (isOfSide(at) ? side.written(at) : source.written(at)),
    },
    problems,
    byPath: new Map([...byPath].filter(([, { path: at }]) => isOfSide(at))),
    file,
  }
}
