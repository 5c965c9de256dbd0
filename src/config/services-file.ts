import { findJson5Fault } from '#credential/json5-fault.ts'
import { reasonOf } from '#credential/outside.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { weightBounds } from '#route/service-schema.ts'
import { isAuthMode } from '#upstream/schema.ts'
import type { ConfigPath, Place, Problem } from './problem.ts'
import { isPlainObject, readYaml, type Source, type Tree } from './source.ts'

/** A file that holds the services, beside the configuration or in place of it. */
export interface ServicesFile {
  /** As it is written; shown in problems. */
  readonly file: string
  /** Empty when it cannot be read. */
  readonly text: string
  /** Why there is no text. */
  readonly unreadable?: { readonly why: string; readonly isGone: boolean }
  /** Undefined when it cannot be used. */
  readonly tree: Tree | undefined
  readonly problems: readonly Problem[]
  locate: Source['locate']
  written: Source['written']
}

// Limit: a larger file is refused, as a larger configuration is.
const bytesMax = 1024 * 1024

/** Reads it as JSON, with comments and trailing commas, or as YAML. Never rejects. */
export async function readServicesFile(file: string, path: string, files: SecretFiles): Promise<ServicesFile> {
  const start: Place = { file, line: 1, column: 1 }
  const nothing = { file, tree: undefined, locate: () => start, written: () => undefined }
  const refused = (text: string, place: Place, message: string): ServicesFile => ({
    ...nothing,
    text,
    problems: [{ severity: 'error', ...place, path: '', message }],
  })
  let text: string
  try {
    const { bytes } = await files.read(path, bytesMax)
    if (bytes.byteLength > bytesMax) return refused('', start, 'the file is larger than 1mb')
    // A byte order mark goes on the way.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const why = error instanceof TypeError ? 'it is not UTF-8' : reasonOf(error)
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return { ...nothing, text: '', unreadable: { why, isGone }, problems: [] }
  }
  const isJson = /^\s*(?:[[{]|\/[/*])/.test(text)
  const fault = isJson ? findJson5Fault(text) : undefined
  if (fault !== undefined) return refused(text, { file, line: fault.line, column: fault.column }, 'no JSON')
  const source = readYaml(file, isJson ? withoutComments(text) : text)
  const misread = isJson ? findMisread(text, source) : undefined
  if (misread !== undefined) {
    return refused(text, { file, ...placeIn(text, misread) }, 'write keys and texts in double quotes, as JSON has them')
  }
  if (source.tree === undefined) return { ...nothing, text, problems: source.problems }
  const { services, ...others } = source.tree
  const problems = [...source.problems]
  for (const key of Object.keys(others)) {
    const message = 'unknown key, it does nothing: this file holds "services" alone'
    problems.push({ severity: 'warning', ...source.locate([key], 'key'), path: key, message })
  }
  if (!isPlainObject(services)) {
    const message = 'expected "services" with the services in it'
    problems.push({ severity: 'error', ...source.locate(['services']), path: 'services', message })
    return { ...nothing, text, problems }
  }
  return {
    file,
    text,
    tree: { services },
    problems,
    locate: (at: ConfigPath, part) => source.locate(at, part),
    written: (at: ConfigPath) => source.written(at),
  }
}

/** Something that was put right, to be told. */
export interface Correction {
  readonly path: ConfigPath
  readonly message: string
}

/**
 * Gives every backend of the services what it does not say itself, and puts right what the program that the file was
 * written for let pass. Values that hold no reference are taken as they are: in such files a dollar sign means nothing.
 */
export function prepareServices(tree: Tree, defaults: Tree): readonly Correction[] {
  for (const text of textsIn(tree)) {
    if (!text.value.includes('${')) text.replace(text.value.replaceAll('$', '$$$$'))
  }
  const corrections: Correction[] = []
  for (const { models, name, path } of modelsIn(tree)) {
    const pool = models[name]
    if (!isPlainObject(pool) || !Array.isArray(pool['backends'])) continue
    const backends: readonly unknown[] = pool['backends']
    if (backends.length === 0) {
      delete models[name]
      corrections.push({ path, message: 'has no backends, and is left out' })
    }
    for (const [index, backend] of backends.entries()) {
      if (!isPlainObject(backend)) continue
      corrections.push(...correct(backend, [...path, 'backends', index]))
      fillIn(backend, defaults)
    }
  }
  return corrections
}

/** Every model of every service, whichever way they are spelt. */
function* modelsIn({ services }: Tree): Generator<{ models: Tree; name: string; path: ConfigPath }> {
  for (const [service, section] of entriesOf(services)) {
    for (const spelling of isPlainObject(section) ? (['models', 'model'] as const) : []) {
      const models = isPlainObject(section) ? section[spelling] : undefined
      if (!isPlainObject(models)) continue
      for (const name of Object.keys(models)) yield { models, name, path: ['services', service, spelling, name] }
    }
  }
}

function entriesOf(value: unknown): readonly (readonly [key: string, value: unknown])[] {
  return isPlainObject(value) ? Object.entries(value) : []
}

/** Its own program took these. Changes `backend`. */
function correct(backend: Tree, path: ConfigPath): readonly Correction[] {
  const corrections: Correction[] = []
  const put = (key: string, value: unknown, message: string): void => {
    backend[key] = value
    corrections.push({ path: [...path, key], message })
  }
  const { auth_mode: mode, name, weight } = backend
  if (name === '') put('name', undefined, 'is empty, and counts as not given')
  if (typeof mode === 'string' && !mode.includes('${')) {
    if (mode.trim() === '') put('auth_mode', undefined, 'is empty, and counts as not given')
    else if (!isAuthMode(mode))
      put('auth_mode', 'none', `"${mode}" is neither Authorization nor x-api-key: no key is sent`)
  }
  const share = typeof weight === 'string' && /^-?\d+(?:\.\d+)?$/.test(weight.trim()) ? Number(weight) : weight
  if (typeof share !== 'number' || !Number.isFinite(share)) return corrections
  const used = Math.min(Math.max(share, weightBounds.min), weightBounds.max)
  if (used !== share) put('weight', used, `expected a number from 0 to 1000000: ${used} is used`)
  else if (share !== weight) put('weight', share, 'is a text, and is read as a number')
  return corrections
}

function fillIn(target: Tree, defaults: Tree): void {
  for (const [key, value] of Object.entries(defaults)) {
    const own = target[key]
    if (isPlainObject(own) && isPlainObject(value)) fillIn(own, value)
    // A backend that has its name in `backends` says there what there is to say.
    else if (own === undefined && target['backend'] === undefined) {
      target[key] = isPlainObject(value) ? { ...value } : value
    }
  }
}

/**
 * Where the first key or text stands that JSON5 has and JSON has not, should that matter: YAML, as which it was read,
 * reads most of them alike.
 */
function findMisread(text: string, { tree, problems }: Source): number | undefined {
  if (tree !== undefined && Bun.deepEquals(tree, Bun.JSON5.parse(text))) return undefined
  const rest = text.replaceAll(jsonParts, (found) => (found.startsWith("'") ? found : blank(found)))
  // Numbers and words of JSON are not meant.
  const at = rest.search(/'|(?<![\w$.+-])(?!(?:true|false|null)\b)[A-Za-z_$][\w$]*/)
  if (at !== -1) return at
  return problems.length === 0 ? 0 : undefined
}

function placeIn(text: string, at: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, at).split(/\r\n|\n|\r/)
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}

interface Text {
  readonly value: string
  replace(text: string): void
}

function* textsIn(holder: Tree | unknown[]): Generator<Text> {
  const entries: Iterable<[string | number, unknown]> = Array.isArray(holder)
    ? holder.entries()
    : Object.entries(holder)
  for (const [key, value] of entries) {
    if (typeof value === 'string') yield { value, replace: (text) => void Object.assign(holder, { [key]: text }) }
    else if (Array.isArray(value) || isPlainObject(value)) yield* textsIn(value)
  }
}

/** Comments of JSON5 become blanks, so that everything stays where it stands. */
function withoutComments(text: string): string {
  return text.replaceAll(jsonParts, (found) => (found.startsWith('/') ? blank(found) : found))
}

/** Texts and comments of JSON5. */
const jsonParts = /"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|\/\/[^\n\r]*|\/\*[^]*?\*\//g

function blank(text: string): string {
  return text.replaceAll(/[^\n\r]/g, ' ')
}
