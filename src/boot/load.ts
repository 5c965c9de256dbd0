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
}

/** Source text → Snapshot, or everything that is wrong with it. */
export interface LoadedSnapshot {
  readonly snapshot: Snapshot | undefined
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
  const loaded = await loadConfig({ file, text, env: context.env, files: systemSecretFiles })
  const { digest, off, files } = loaded
  if (loaded.draft === undefined) return { snapshot: undefined, problems: loaded.problems, digest, off, files }

  const compiled = compileSnapshot(listening(loaded.draft, context.listen), {
    version: context.version,
    listenIsDefault: loaded.listenIsDefault && context.listen.host === undefined,
    digest,
    file: source.kind === 'file' ? file : undefined,
    offBackends: new Set(off.map(({ name }) => name)),
    secrets: loaded.secrets.map((secret) => secret.reveal()),
  })
  const problems = withCompileProblems(loaded, compiled.problems)
  const usable = loaded.config === undefined ? undefined : compiled.snapshot
  return { snapshot: usable, problems, digest, off, files }
}

/** Before compiling, so that the rules about open listeners hold for an address of the command line too. */
function listening(config: Config, wanted: LoadContext['listen']): Config {
  if (wanted.host === undefined && wanted.port === undefined) return config
  const listen = parseListen(config.listen)
  const host = wanted.host ?? (listen?.kind === 'tcp' ? listen.host : undefined)
  const port = wanted.port ?? (listen?.kind === 'tcp' ? listen.port : 8080)
  return { ...config, listen: formatListen({ kind: 'tcp', host, port }) }
}
