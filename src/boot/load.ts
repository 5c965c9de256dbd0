import { open, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { environmentConfig } from '#config/environment.ts'
import { legacyConfig, type LegacyFiles } from '#config/legacy.ts'
import { loadConfig, withCompileProblems, type Loaded, type LoadInput } from '#config/load.ts'
import { formatProblem, type Problem } from '#config/problem.ts'
import type { Config } from '#config/schema.ts'
import { systemClock } from '#ports/clock.ts'
import { systemSecretFiles, type SecretFiles } from '#ports/secret-files.ts'
import { compileSnapshot } from '#snapshot/compile.ts'
import { formatListen, parseListen } from '#snapshot/listen.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import type { LoadedConverters } from './load-converters.ts'
import type { LoadedHooks } from './load-hooks.ts'

/** Where the configuration comes from: a file, files of older programs, or provider variables when there is neither. */
export type Source =
  | { readonly kind: 'file'; readonly file: string }
  | ({ readonly kind: 'legacy' } & LegacyFiles)
  | { readonly kind: 'environment' }

/** How a source is called where people read of it. */
export function sourceName(source: Source): string {
  switch (source.kind) {
    case 'file':
      return source.file
    case 'legacy':
      return [source.secretsFile, source.backendsFile].filter((file) => file !== undefined).join(' and ')
    case 'environment':
      return 'environment'
  }
}

/** What opens the listener of a start that has no configuration to other machines. */
export function wayToOpen(source: Source): string | undefined {
  if (source.kind !== 'legacy') return undefined
  return source.backendsFile === undefined
    ? 'ALLOW_UNAUTHENTICATED=true'
    : 'BACKEND_API_KEY or ALLOW_UNAUTHENTICATED=true'
}

/** A source as the text that it amounts to. */
export interface SourceText extends Pick<LoadInput, 'file' | 'text' | 'serviceDefaults'> {
  /** What is wrong with variables that it was made from. */
  readonly problems: readonly Problem[]
  /** Where a key of it comes from, by the beginning of its path. */
  readonly origins: ReadonlyMap<string, string>
  /** See `LoadedSnapshot.changedMs`; of several files, that of the services. */
  readonly changedMs?: number | undefined
}

/** Rejects when a file cannot be read (a Node error with `code` and `path`). */
export async function readSource(source: Source, env: LoadContext['env']): Promise<SourceText> {
  const plain = { problems: [], origins: new Map<string, string>() }
  if (source.kind === 'file') {
    const { mtimeMs: changedMs } = await stat(source.file)
    return { ...plain, file: source.file, text: await readFile(source.file, 'utf8'), changedMs }
  }
  if (source.kind === 'environment') return { ...plain, file: outside, text: environmentConfig(env) }
  let changedMs: number | undefined
  for (const file of [source.secretsFile, source.backendsFile]) {
    if (file !== undefined) changedMs = await mustBeReadable(file)
  }
  const { text, problems, serviceDefaults, origins } = legacyConfig(source, env)
  return {
    file: outside,
    text,
    serviceDefaults,
    origins,
    changedMs,
    problems: problems.map(({ severity, name, message }) => ({
      severity,
      file: outside,
      line: 0,
      column: 0,
      path: name,
      message,
    })),
  }
}

/** What problems name as the place of what stands in no file. */
const outside = 'environment'

/** Resolves with the time of its last change. */
async function mustBeReadable(file: string): Promise<number> {
  const handle = await open(file, 'r')
  try {
    return (await handle.stat()).mtimeMs
  } finally {
    await handle.close()
  }
}

export interface LoadContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the snapshot to be made. */
  readonly version: number
  /** From the command line or the environment; wins over `listen`. */
  readonly listen: Partial<Extract<ListenAddress, { kind: 'tcp' }>>
  /** From the command line; see `LoadInput.overrides`. */
  readonly overrides?: LoadInput['overrides']
  /** See `LoadInput.standIns`. */
  readonly standIns?: boolean
  /** In place of what the source says now. */
  readonly read?: SourceText | undefined
  /** Where the files are read that it names. */
  readonly files?: SecretFiles | undefined
}

/** Source text → Snapshot, or everything that is wrong with it. */
export interface LoadedSnapshot {
  readonly snapshot: Snapshot | undefined
  /** What could be understood of it, errors or not; `listen` as the context wants it. */
  readonly draft: Config | undefined
  /** See `Loaded.stoodIn`. */
  readonly stoodIn: readonly string[]
  readonly problems: readonly Problem[]
  readonly digest: string
  readonly off: Loaded['off']
  /** Files that the configuration names, to be watched with it. */
  readonly files: readonly string[]
  /** What became of variables of older programs that mean nothing here. */
  readonly variableNotes: readonly string[]
  /** See `Loaded.servicesLack`. */
  readonly servicesLack?: Loaded['servicesLack']
  /** Wall time of the last change of the file that was read; undefined where there is none. */
  readonly changedMs?: number | undefined
  /** What it was made of. */
  readonly read?: SourceText | undefined
}

/** Rejects when the file cannot be read (a Node error with `code`). */
export async function loadSnapshot(source: Source, context: LoadContext): Promise<LoadedSnapshot> {
  const read = context.read ?? (await readSource(source, context.env))
  const { changedMs } = read
  const isFile = source.kind === 'file'
  const loaded = { ...(await loadText({ ...read, isFile, openedBy: wayToOpen(source) }, context)), changedMs, read }
  if (source.kind !== 'legacy') return loaded
  const keyless = loaded.draft === undefined ? undefined : keylessProblem(loaded.draft)
  const ofText = loaded.problems.map((problem) => atOrigin(problem, read.origins))
  // What is wrong with a variable is told by its name, and not once more by what came of it.
  const problems = [...read.problems, ...(keyless ?? []), ...ofText]
  const hasError = problems.some(({ severity }) => severity === 'error')
  const variableNotes = read.problems.filter(({ severity }) => severity === 'note').map(formatProblem)
  return { ...loaded, problems, variableNotes, snapshot: hasError ? undefined : loaded.snapshot }
}

/** A problem of a text that nobody wrote, told of what it was made from. */
function atOrigin(problem: Problem, origins: SourceText['origins']): Problem {
  if (problem.file !== outside) return problem
  const [, origin] = [...origins].find(([path]) => problem.path.startsWith(path)) ?? []
  const nowhere = { ...problem, file: outside, line: 0, column: 0 }
  if (origin === undefined || /^[A-Z_]+$/.test(origin)) return { ...nowhere, path: origin ?? problem.path }
  // The file is the place, so its name need not be told once more.
  const message = problem.message.replace(/^file "[^"]*",? /, '')
  const entry = /^(index \d+): (.*)$/s.exec(message)
  return { ...nowhere, file: origin, path: entry?.[1] ?? '', message: entry?.[2] ?? message }
}

/** Backends that were sent the key of the clients once, and are not any more, see `reuse_gateway_key`. */
function keylessProblem(config: Config): readonly Problem[] {
  if ((config.proxy_api_key ?? '') === '' || config.reuse_gateway_key || config.upstream_default_key !== undefined) {
    return []
  }
  const keyless = Object.entries(config.services).flatMap(([service, { models }]) =>
    Object.entries(models).flatMap(([model, { backends }]) =>
      backends.filter(isKeyless).map(({ id }) => `${service}/${model}/${id ?? '?'}`),
    ),
  )
  if (keyless.length === 0) return []
  const named = keyless.slice(0, namedMax).join(', ')
  const message =
    `${keyless.length} of the backends have no api_key and are sent none (${named}${keyless.length > namedMax ? ', …' : ''}): ` +
    'give each its own, or set UPSTREAM_DEFAULT_KEY; REUSE_GATEWAY_KEY=true sends them BACKEND_API_KEY'
  return [{ severity: 'warning', file: outside, line: 0, column: 0, path: 'BACKEND_API_KEY', message }]
}

type PoolEntry = Config['services'][string]['models'][string]['backends'][number]

/** It wants a key, and has none. */
function isKeyless({ backend, api_key: key, auth_mode: mode, credentials }: PoolEntry): boolean {
  return backend === undefined && (key ?? '') === '' && mode !== 'none' && credentials.length === 0
}

/** Limit: backends that one warning names. */
const namedMax = 5

/** The same for a text that need not be in a file yet. */
export async function loadText(
  {
    isFile,
    openedBy,
    ...input
  }: Pick<LoadInput, 'file' | 'text' | 'serviceDefaults'> & {
    readonly isFile: boolean
    /** See `CompileContext.openedBy`. */
    readonly openedBy?: string | undefined
  },
  context: LoadContext,
): Promise<LoadedSnapshot> {
  const { env, standIns, overrides } = context
  const { file, text, serviceDefaults } = input
  const files = context.files ?? systemSecretFiles
  const loaded = await loadConfig({ file, text, serviceDefaults, env, files, standIns, overrides })
  const converters = await convertersOf(loaded.draft, file, files)
  const hooks = await hooksOf(loaded.draft, file, files)
  const withConverters = converters === undefined ? loaded.digest : digestWith(loaded.digest, converters.digest)
  const digest = hooks === undefined ? withConverters : digestWith(withConverters, hooks.digest)
  const { off, stoodIn } = loaded
  const draft = loaded.draft && listening(loaded.draft, context.listen)
  const facts = {
    draft,
    stoodIn,
    digest,
    off,
    files: [...new Set([...loaded.files, ...(converters?.files ?? []), ...(hooks?.files ?? [])])],
    variableNotes: [],
    servicesLack: loaded.servicesLack,
  }
  if (draft === undefined) return { ...facts, snapshot: undefined, problems: loaded.problems }

  const compiled = compileSnapshot(draft, {
    version: context.version,
    listenIsDefault: loaded.listenIsDefault && context.listen.host === undefined,
    openedBy,
    digest,
    file: isFile ? file : undefined,
    offBackends: new Set(off.map(({ name }) => name)),
    secrets: loaded.secrets.map((secret) => secret.reveal()),
    nowWallMs: systemClock.wallMs(),
    outside: loaded.outside,
    prompts: loaded.prompts,
    converters,
    hooks,
  })
  const problems = withCompileProblems(loaded, compiled.problems)
  const usable = loaded.config === undefined ? undefined : compiled.snapshot
  return { ...facts, snapshot: usable, problems }
}

/** Most configurations have none, and a start must not wait for what loads them. */
async function convertersOf(
  draft: Config | undefined,
  file: string,
  files: SecretFiles,
): Promise<LoadedConverters | undefined> {
  if (draft === undefined || draft.converters.length === 0) return undefined
  const { loadConverters } = await import('./load-converters.ts')
  return await loadConverters(draft.converters, { files, directory: dirname(resolve(file)), clock: systemClock })
}

async function hooksOf(draft: Config | undefined, file: string, files: SecretFiles): Promise<LoadedHooks | undefined> {
  if (draft?.hooks === undefined) return undefined
  const { loadHooks } = await import('./load-hooks.ts')
  return await loadHooks(draft, { files, directory: dirname(resolve(file)), clock: systemClock })
}

function digestWith(digest: string, other: string): string {
  return new Bun.CryptoHasher('sha256').update(`${digest}\0${other}`).digest('hex')
}

/** Before compiling, so that the rules about open listeners hold for an address of the command line too. */
function listening(config: Config, wanted: LoadContext['listen']): Config {
  if (wanted.host === undefined && wanted.port === undefined) return config
  const listen = parseListen(config.listen)
  const host = wanted.host ?? (listen?.kind === 'tcp' ? listen.host : undefined)
  const port = wanted.port ?? (listen?.kind === 'tcp' ? listen.port : 8080)
  return { ...config, listen: formatListen({ kind: 'tcp', host, port }) }
}
