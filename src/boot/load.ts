import { readFile } from 'node:fs/promises'
import { environmentConfig } from '#config/environment.ts'
import { loadConfig, withCompileProblems, type Loaded } from '#config/load.ts'
import type { Problem } from '#config/problem.ts'
import type { Config } from '#config/schema.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import { compileSnapshot } from '#snapshot/compile.ts'
import { formatListen, parseListen } from '#snapshot/listen.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'

/** Where the configuration comes from: a file, or provider variables when there is none. */
export type Source = { readonly kind: 'file'; readonly file: string } | { readonly kind: 'environment' }

export interface LoadContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the snapshot to be made. */
  readonly version: number
  /** From the command line or the environment; wins over `listen`. */
  readonly listen: Partial<Extract<ListenAddress, { kind: 'tcp' }>>
  /** See `LoadInput.standIns`. */
  readonly standIns?: boolean
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
}

/** Rejects when the file cannot be read (a Node error with `code`). */
export async function loadSnapshot(source: Source, context: LoadContext): Promise<LoadedSnapshot> {
  const { file, text } =
    source.kind === 'file'
      ? { file: source.file, text: await readFile(source.file, 'utf8') }
      : { file: 'environment', text: environmentConfig(context.env) }
  return await loadText({ file, text, isFile: source.kind === 'file' }, context)
}

/** The same for a text that need not be in a file yet. */
export async function loadText(
  { file, text, isFile }: { readonly file: string; readonly text: string; readonly isFile: boolean },
  context: LoadContext,
): Promise<LoadedSnapshot> {
  const { env, standIns } = context
  const loaded = await loadConfig({ file, text, env, files: systemSecretFiles, standIns })
  const { digest, off, files, stoodIn } = loaded
  const draft = loaded.draft && listening(loaded.draft, context.listen)
  const facts = { draft, stoodIn, digest, off, files }
  if (draft === undefined) return { ...facts, snapshot: undefined, problems: loaded.problems }

  const compiled = compileSnapshot(draft, {
    version: context.version,
    listenIsDefault: loaded.listenIsDefault && context.listen.host === undefined,
    digest,
    file: isFile ? file : undefined,
    offBackends: new Set(off.map(({ name }) => name)),
    secrets: loaded.secrets.map((secret) => secret.reveal()),
    outside: loaded.outside,
  })
  const problems = withCompileProblems(loaded, compiled.problems)
  const usable = loaded.config === undefined ? undefined : compiled.snapshot
  return { ...facts, snapshot: usable, problems }
}

/** Before compiling, so that the rules about open listeners hold for an address of the command line too. */
function listening(config: Config, wanted: LoadContext['listen']): Config {
  if (wanted.host === undefined && wanted.port === undefined) return config
  const listen = parseListen(config.listen)
  const host = wanted.host ?? (listen?.kind === 'tcp' ? listen.host : undefined)
  const port = wanted.port ?? (listen?.kind === 'tcp' ? listen.port : 8080)
  return { ...config, listen: formatListen({ kind: 'tcp', host, port }) }
}
