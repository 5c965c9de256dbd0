import { dirname, resolve } from 'node:path'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import { filesToWatch, gatherOutside, lacksOf, nothingOutside, type Outside } from '#credential/outside.ts'
import type { CredentialSettings } from '#credential/schema.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { gatherPrompts, promptContents, type PromptSources } from '#rules/prompt-files.ts'
import { joinServices } from './join-services.ts'
import { mergeTree } from './merge-tree.ts'
import { pathText, sortProblems, type ConfigPath, type Place, type Problem } from './problem.ts'
import { prune } from './prune.ts'
import { dereference, type OffBackend } from './references.ts'
import { ConfigSchema, type Config } from './schema.ts'
import { readYaml, type Tree } from './source.ts'
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
  /** What `system_prompts` names outside of the file; absent: nothing. */
  readonly prompts?: PromptSources | undefined
  /** Files that it names, to be watched; found or not. */
  readonly files: readonly string[]
  /** Contents of these files, to be masked wherever they turn up. */
  readonly secrets: readonly Secret[]
  /** Why secrets have a stand-in, in the order of the file. */
  readonly stoodIn: readonly string[]
  /** Why `services_file` brings no services; absent: it does, or there is none. */
  readonly servicesLack?: 'gone' | 'unreadable' | 'broken' | undefined
  /** Where a value stands in the file. */
  locate(path: ConfigPath): Place
  /** The file that a value was read from; absent: no value was. */
  fileOf?(path: ConfigPath): string | undefined
}

export interface LoadInput {
  /** As the operator wrote it; shown in problems. */
  readonly file: string
  readonly text: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: SecretFiles
  /** Secrets that cannot be found are stood in for by {@link secretStandIn}: for those who look, and send nothing. */
  readonly standIns?: boolean | undefined
  /** Keys of every backend in `services_file` that does not say them itself. */
  readonly serviceDefaults?: Tree | undefined
  /** What wins over the text, such as flags of the command line; in the names of the schema. */
  readonly overrides?: Tree | undefined
}

/** Text → Config, or all that is wrong with it. */
export async function loadConfig(input: LoadInput): Promise<Loaded> {
  const { file, text, env, files, standIns } = input
  const read = readYaml(file, text)
  const problems: Problem[] = [...read.problems]
  if (read.tree === undefined) {
    const locate = (path: ConfigPath): Place => read.locate(path)
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
  const { tree } = read
  const tell = (severity: Problem['severity'], place: Place, path: ConfigPath, message: string): void => {
    problems.push({ severity, ...place, path: pathText(path), message })
  }

  const directory = dirname(resolve(file))
  const standIn = standIns === true ? secretStandIn : undefined
  const sources = { env, files, directory, standIn }
  const { byPath, off } = await dereference(tree, sources)
  const joined = await joinServices(read, tree, sources, input.serviceDefaults ?? {})
  const { source } = joined
  problems.push(...joined.problems)
  for (const [path, reference] of joined.byPath) byPath.set(path, reference)
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
  if (input.overrides !== undefined) mergeTree(tree, input.overrides)
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
  // Of a services file that cannot be used, enough is told.
  if (config !== undefined && joined.lacks === undefined && servesNothing(config)) {
    const lacking = config.backends.length === 0 ? 'neither backends nor models' : 'no models'
    // Valid, since a reload may bring what is missing, and yet hardly meant.
    tell('warning', locate(['models']), [], `the configuration has ${lacking}, so every request for a model is refused`)
  }
  const credentials = whole === undefined ? [] : credentialsOf(whole)
  const outside =
    credentials.length === 0 ? nothingOutside : await gatherOutside(credentials, { env, files, directory })
  const entries = whole?.system_prompts ?? []
  const prompts = entries.length === 0 ? undefined : await gatherPrompts(entries, { env, files, directory })
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
    digest: digestOf(text, [
      ...secrets,
      ...watched.map(({ text: content }) => content),
      ...(joined.file === undefined ? [] : [joined.file.text]),
      ...(prompts === undefined ? [] : promptContents(prompts)),
    ]),
    off,
    outside,
    prompts,
    files: [
      ...new Set([
        ...expansions.flatMap((expansion) => expansion.files),
        ...watched.map(({ path }) => path),
        ...(joined.file === undefined ? [] : [joined.file.path]),
        ...(prompts?.watched ?? []),
      ]),
    ],
    secrets: secrets.map((secret) => new Secret(secret)),
    stoodIn: [...stoodIn, ...lacks],
    servicesLack: joined.lacks,
    locate,
    fileOf: (path) => byPath.get(pathText(origin(path)))?.files.at(-1),
  }
}

/** The problems of the file together with those that compiling it found. */
export function withCompileProblems(loaded: Loaded, found: readonly CompileProblem[]): Problem[] {
  const problems = [...loaded.problems]
  for (const { severity, path, message } of found) {
    // A stand-in for a faulty value may fail too; that is no news.
    if (loaded.config === undefined && (severity !== 'error' || isSuspect(path, loaded.faults))) continue
    // A certificate is renewed in its file, and that one must be found.
    const file = path[0] === 'tls' ? loaded.fileOf?.(path) : undefined
    const told = file === undefined ? message : `file "${file}": ${message}`
    problems.push({ severity, ...loaded.locate(path), path: pathText(path), message: told })
  }
  return sortProblems(problems)
}

/** Does the path lie in a value at fault, or in the map or list entry that has the fault? */
function isSuspect(path: ConfigPath, faults: readonly ConfigPath[]): boolean {
  return faults.some(
    (fault) =>
      startsWith(path, fault) || ((fault.length > 2 || fault[0] === 'tls') && startsWith(path, fault.slice(0, -1))),
  )
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

function servesNothing({ models, services, passthrough }: Config): boolean {
  return Object.keys(models).length === 0 && Object.keys(services).length === 0 && passthrough === undefined
}

/** Of every backend, wherever it stands. */
function credentialsOf({ backends, services, passthrough }: Config): CredentialSettings[] {
  const pools = Object.values(services).flatMap(({ models }) => Object.values(models))
  const pooled = [...pools, ...(passthrough === undefined ? [] : [passthrough])].flatMap((pool) => pool.backends)
  return [...backends, ...pooled].flatMap(({ credentials }) => credentials)
}

function withoutCredentials(config: Config | undefined): Config | undefined {
  if (config === undefined) return undefined
  const { backends, services, passthrough } = config
  return {
    ...config,
    backends: backends.map(without),
    services: mapValues(services, (service) => ({
      ...service,
      models: mapValues(service.models, (model) => ({ ...model, backends: model.backends.map(without) })),
    })),
    ...(passthrough === undefined
      ? {}
      : { passthrough: { ...passthrough, backends: passthrough.backends.map(without) } }),
  }
}

function without<Holder extends object>(holder: Holder): Holder {
  return { ...holder, credentials: [] }
}

function mapValues<Value>(record: Record<string, Value>, change: (value: Value) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

function hasError({ problems }: { readonly problems: readonly { readonly severity: string }[] }): boolean {
  return problems.some(({ severity }) => severity === 'error')
}

function digestOf(text: string, contents: readonly string[]): string {
  const hash = new Bun.CryptoHasher('sha256').update(text)
  for (const content of contents) hash.update(`\0${content}`)
  return hash.digest('hex')
}
