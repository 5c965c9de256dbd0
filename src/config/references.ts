import { expand, expandFile, type Expansion, type Sources } from './expand.ts'
import { pathText, type ConfigPath } from './problem.ts'
import { isPlainObject, type Tree } from './source.ts'

/** What became of the references (`${…}`) of a tree. */
export interface References {
  /** By {@link pathText} of the value. */
  readonly byPath: Map<string, Dereferenced>
  /** Backends with `enabled: auto` whose key names a variable that is not set. */
  readonly off: readonly OffBackend[]
}

/** A value whose references were replaced. */
export type Dereferenced = Expansion & { readonly path: ConfigPath }

/** A backend that is off because a variable is not set. */
export interface OffBackend {
  readonly path: ConfigPath
  readonly name: string
  readonly variable: string
}

/**
 * Replaces every reference in `tree`. Where the key of a backend wants a variable that is not set, `enabled: auto`
 * becomes false and the key goes, so that nothing is left to complain about.
 */
export async function dereference(tree: Tree, sources: Sources): Promise<References> {
  const byPath = new Map<string, Dereferenced>()
  for (const { holder, key, path, text } of textsOf(tree, [])) {
    // A prompt has variables of its own.
    if (isPromptText(path)) continue
    const expansion = isFilePlace(path) ? await expandNamed(text, sources) : await expand(text, sources)
    if (expansion === undefined) continue
    const problems = isPublic(path) ? expansion.problems.filter(isError) : expansion.problems
    byPath.set(pathText(path), { ...expansion, problems, path })
    Object.assign(holder, { [key]: expansion.text })
  }
  const off: OffBackend[] = []
  const backends: unknown[] = Array.isArray(tree['backends']) ? tree['backends'] : []
  for (const [index, backend] of backends.entries()) {
    if (!isPlainObject(backend) || !['auto', 'false'].includes(String(backend['enabled']))) continue
    const path = pathText(['backends', index, 'api_key'])
    const key = byPath.get(path)
    const variable = key?.unset[0] ?? (key?.text === '' ? key.variables[0] : undefined)
    if (key === undefined || variable === undefined) continue
    // A backend that was switched off by hand need not have its key either.
    if (backend['enabled'] === 'auto')
      off.push({ path: ['backends', index, 'enabled'], name: String(backend['name']), variable })
    backend['enabled'] = false
    delete backend['api_key']
    byPath.set(path, { ...key, unset: [], problems: key.problems.filter((problem) => problem.unset === undefined) })
  }
  return { byPath, off }
}

function isPromptText(path: ConfigPath): boolean {
  return path[0] === 'system_prompts' && path[2] === 'text' && path.length === 3
}

/** Certificates are there to be shown: whoever may read their files is no concern. */
function isPublic(path: ConfigPath): boolean {
  if (isFilePlace(path)) return !/key/.test(String(path.at(-1)))
  return path.at(-2) === 'tls' && ['ca', 'cert'].includes(String(path.at(-1)))
}

/** Where what is not PEM names a file: the certificates of the listener, in whatever spelling. */
function isFilePlace(path: ConfigPath): boolean {
  const [first, ...rest] = path[0] === 'server' ? path.slice(1) : path
  if (path[0] === 'server' && rest.length === 0) return first === 'tls_cert' || first === 'tls_key'
  if (first !== 'tls') return false
  const key = String(rest.at(-1))
  if (rest.length === 1) return ['cert', 'key', 'client_ca', 'cert_file', 'key_file'].includes(key)
  return rest.length === 3 && rest[0] === 'certificates' && ['cert', 'key'].includes(key)
}

/** A text, or what is in the file that it names. */
async function expandNamed(written: string, sources: Sources): Promise<Expansion | undefined> {
  const expansion = await expand(written, sources)
  const text = expansion?.text ?? written
  if (text === '' || text.includes('-----BEGIN ') || text.includes('\n')) return expansion
  if (expansion?.problems.some(isError) === true || text === sources.standIn) return expansion
  const content = await expandFile(text, sources)
  if (expansion === undefined) return content
  return {
    ...content,
    variables: expansion.variables,
    problems: [...expansion.problems, ...content.problems],
    files: [...expansion.files, ...content.files],
    secrets: [...expansion.secrets, ...content.secrets],
  }
}

function isError({ severity }: { readonly severity: string }): boolean {
  return severity === 'error'
}

interface Text {
  readonly holder: Tree | unknown[]
  readonly key: string | number
  readonly path: ConfigPath
  readonly text: string
}

function* textsOf(holder: Tree | unknown[], path: ConfigPath): Generator<Text> {
  const entries: Iterable<[string | number, unknown]> = Array.isArray(holder)
    ? holder.entries()
    : Object.entries(holder)
  for (const [key, value] of entries) {
    const at = [...path, key]
    if (typeof value === 'string') yield { holder, key, path: at, text: value }
    else if (Array.isArray(value) || isPlainObject(value)) yield* textsOf(value, at)
  }
}
