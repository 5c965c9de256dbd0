import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { pathText, sortProblems, type ConfigPath, type Place, type Problem } from './problem.ts'
import { prune } from './prune.ts'
import { dereference, type OffBackend } from './references.ts'
import { ConfigSchema, type Config } from './schema.ts'
import { readYaml } from './source.ts'
import { respell, type Move } from './spellings.ts'
import { validate } from './validate.ts'

/** A configuration file, read. */
export interface Loaded {
  /** Undefined when there is an error among the problems. */
  readonly config: Config | undefined
  /** The configuration, or a stand-in for one with errors, which may be compiled only to find more of them. */
  readonly draft: Config | undefined
  /** The file says nothing about where to listen. */
  readonly listenIsDefault: boolean
  /** Values that the schema refuses. */
  readonly faults: readonly ConfigPath[]
  /** In the order of the file. */
  readonly problems: readonly Problem[]
  /** SHA-256 of the text and of the content of every file that it names. */
  readonly digest: string
  /** Backends that are off because a variable is not set. */
  readonly off: readonly OffBackend[]
  /** Files that it names, to be watched; found or not. */
  readonly files: readonly string[]
  /** Contents of these files, to be masked wherever they turn up. */
  readonly secrets: readonly Secret[]
  /** Where a value stands in the file. */
  locate(path: ConfigPath): Place
}

export interface LoadInput {
  /** As the operator wrote it; shown in problems. */
  readonly file: string
  readonly text: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: SecretFiles
}

/** Text → Config, or all that is wrong with it. */
export async function loadConfig({ file, text, env, files }: LoadInput): Promise<Loaded> {
  const source = readYaml(file, text)
  const problems: Problem[] = [...source.problems]
  if (source.tree === undefined) {
    const locate = (path: ConfigPath): Place => source.locate(path)
    const nothing = {
      config: undefined,
      draft: undefined,
      listenIsDefault: true,
      faults: [],
      off: [],
      files: [],
      secrets: [],
    }
    return { ...nothing, problems: sortProblems(problems), digest: digestOf(text, []), locate }
  }
  const { tree } = source
  const tell = (severity: Problem['severity'], place: Place, path: ConfigPath, message: string): void => {
    problems.push({ severity, ...place, path: pathText(path), message })
  }

  const { byPath, off } = await dereference(tree, { env, files, directory: dirname(resolve(file)) })
  for (const { path, problems: found } of byPath.values()) {
    for (const { severity, message } of found) tell(severity, source.locate(path), path, message)
  }
  for (const { path, name, variable } of off) {
    tell(
      'note',
      source.locate(path),
      path,
      `backend "${name}" is off, since environment variable "${variable}" is not set`,
    )
  }
  const moves = respell(tree)
  const origin = (path: ConfigPath): ConfigPath => originOf(path, moves)
  const locate = (path: ConfigPath, part?: 'value' | 'key'): Place => source.locate(origin(path), part)
  for (const { from, to, ignored, contradicts } of moves) {
    const [severity, message] =
      contradicts === true
        ? (['error', `contradicts "${pathText(to)}", keep one of them`] as const)
        : ignored
          ? (['warning', `does nothing, since "${pathText(to)}" is given too`] as const)
          : (['note', `read as "${pathText(to)}"`] as const)
    tell(severity, source.locate(from, 'key'), from, message)
  }
  for (const { path, message } of prune(tree, ConfigSchema)) tell('warning', locate(path, 'key'), path, message)

  const listenIsDefault = !('listen' in tree)
  const brokenReferences = new Set([...byPath.values()].filter(hasError).map(({ path }) => pathText(path)))
  const { config, draft, faults } = validate(
    tree,
    (path) => source.written(origin(path)),
    (path) => byPath.get(pathText(origin(path)))?.whole === true,
  )
  for (const { path, message } of faults) {
    // What came of a reference that could not be resolved need not be complained about once more.
    if (!brokenReferences.has(pathText(origin(path)))) tell('error', locate(path), path, message)
  }
  if (config !== undefined && Object.keys(config.models).length === 0) {
    const lacking = config.backends.length === 0 ? 'neither backends nor models' : 'no models'
    // Valid, since a reload may bring what is missing, and yet hardly meant.
    tell('warning', locate(['models']), [], `the configuration has ${lacking}, so every request for a model is refused`)
  }
  const expansions = [...byPath.values()]
  const secrets = expansions.flatMap((expansion) => expansion.secrets)
  return {
    config: problems.some(({ severity }) => severity === 'error') ? undefined : config,
    draft,
    listenIsDefault,
    faults: faults.map(({ path }) => path),
    problems: sortProblems(problems),
    digest: digestOf(text, secrets),
    off,
    files: [...new Set(expansions.flatMap((expansion) => expansion.files))],
    secrets: secrets.map((secret) => new Secret(secret)),
    locate,
  }
}

/** The problems of the file together with those that compiling it found. */
export function withCompileProblems(loaded: Loaded, found: readonly CompileProblem[]): Problem[] {
  const problems = [...loaded.problems]
  for (const { severity, path, message } of found) {
    // A stand-in for a faulty value may fail too; that is no news.
    if (loaded.config === undefined && (severity !== 'error' || isSuspect(path, loaded.faults))) continue
    problems.push({ severity, ...loaded.locate(path), path: pathText(path), message })
  }
  return sortProblems(problems)
}

/** Does the path lie in a value at fault, or in the map or list entry that has the fault? */
function isSuspect(path: ConfigPath, faults: readonly ConfigPath[]): boolean {
  return faults.some((fault) => startsWith(path, fault) || (fault.length > 2 && startsWith(path, fault.slice(0, -1))))
}

function startsWith(path: ConfigPath, start: ConfigPath): boolean {
  return start.length <= path.length && start.every((step, index) => step === path[index])
}

function originOf(path: ConfigPath, moves: readonly Move[]): ConfigPath {
  for (const { from, to, ignored } of moves) {
    if (ignored || !startsWith(path, to)) continue
    return [...from, ...path.slice(to.length)]
  }
  return path
}

function hasError({ problems }: { readonly problems: readonly { readonly severity: string }[] }): boolean {
  return problems.some(({ severity }) => severity === 'error')
}

function digestOf(text: string, contents: readonly string[]): string {
  const hash = createHash('sha256').update(text)
  for (const content of contents) hash.update(`\0${content}`)
  return hash.digest('hex')
}
