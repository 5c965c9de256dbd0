import { dirname, resolve } from 'node:path'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import { filesToWatch, gatherOutside, lacksOf, nothingOutside, type Outside } from '#credential/outside.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { pathText, sortProblems, type ConfigPath, type Place, type Problem } from './problem.ts'
import { prune } from './prune.ts'
import { dereference, type OffBackend } from './references.ts'
import { ConfigSchema, type Config } from './schema.ts'
import { readYaml } from './source.ts'
import { letStandIn, secretStandIn } from './stand-in.ts'
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
  /** What credentials of backends name outside of the file. */
  readonly outside: Outside
  /** Files that it names, to be watched; found or not. */
  readonly files: readonly string[]
  /** Contents of these files, to be masked wherever they turn up. */
  readonly secrets: readonly Secret[]
  /** Why secrets have a stand-in, in the order of the file. */
  readonly stoodIn: readonly string[]
  /** Where a value stands in the file. */
  locate(path: ConfigPath): Place
}

export interface LoadInput {
  /** As the operator wrote it; shown in problems. */
  readonly file: string
  readonly text: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: SecretFiles
  /** Secrets that cannot be found are stood in for by {@link secretStandIn}: for those who look, and send nothing. */
  readonly standIns?: boolean | undefined
}

/** Text → Config, or all that is wrong with it. */
export async function loadConfig({ file, text, env, files, standIns }: LoadInput): Promise<Loaded> {
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
      outside: nothingOutside,
      files: [],
      secrets: [],
      stoodIn: [],
    }
    return { ...nothing, problems: sortProblems(problems), digest: digestOf(text, []), locate }
  }
  const { tree } = source
  const tell = (severity: Problem['severity'], place: Place, path: ConfigPath, message: string): void => {
    problems.push({ severity, ...place, path: pathText(path), message })
  }

  const directory = dirname(resolve(file))
  const standIn = standIns === true ? secretStandIn : undefined
  const { byPath, off } = await dereference(tree, { env, files, directory, standIn })
  for (const { path, name, variable } of off) {
    tell(
      'note',
      source.locate(path),
      path,
      `backend "${name}" is off, since environment variable "${variable}" is not set`,
    )
  }
  const moves = respell(tree)
  const stoodIn = standIns === true ? letStandIn(tree, byPath, moves) : []
  for (const { path, problems: found } of byPath.values()) {
    for (const { severity, message } of found) tell(severity, source.locate(path), path, message)
  }
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
  const {
    config,
    draft: whole,
    faults,
  } = validate(
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
  const credentials = whole?.backends.flatMap((backend) => backend.credentials) ?? []
  const outside =
    credentials.length === 0 ? nothingOutside : await gatherOutside(credentials, { env, files, directory })
  const lacks = standIns === true ? lacksOf(credentials, outside) : []
  // Those who send nothing need no credentials; a backend without its own is still one that can be chosen.
  const draft = lacks.length === 0 ? whole : withoutCredentials(whole)
  const watched = filesToWatch(outside, credentials)
  const expansions = [...byPath.values()]
  const secrets = expansions.flatMap((expansion) => expansion.secrets)
  return {
    config: problems.some(({ severity }) => severity === 'error') ? undefined : lacks.length === 0 ? config : draft,
    draft,
    listenIsDefault,
    faults: faults.map(({ path }) => path),
    problems: sortProblems(problems),
    digest: digestOf(text, [...secrets, ...watched.map(({ text: content }) => content)]),
    off,
    outside,
    files: [...new Set([...expansions.flatMap((expansion) => expansion.files), ...watched.map(({ path }) => path)])],
    secrets: secrets.map((secret) => new Secret(secret)),
    stoodIn: [...stoodIn, ...lacks],
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

function withoutCredentials(config: Config | undefined): Config | undefined {
  if (config === undefined) return undefined
  return { ...config, backends: config.backends.map((backend) => ({ ...backend, credentials: [] })) }
}

function hasError({ problems }: { readonly problems: readonly { readonly severity: string }[] }): boolean {
  return problems.some(({ severity }) => severity === 'error')
}

function digestOf(text: string, contents: readonly string[]): string {
  const hash = new Bun.CryptoHasher('sha256').update(text)
  for (const content of contents) hash.update(`\0${content}`)
  return hash.digest('hex')
}
