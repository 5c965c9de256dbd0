import { isAbsolute, resolve } from 'node:path'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import { compileHooks } from '#hook/compile.ts'
import type { Hooks, HookPoint } from '#hook/hook.ts'
import type { Clock } from '#ports/clock.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { LinkTable } from '#snapshot/links.ts'
import { loadModule, type UserModule } from './user-module.ts'

export interface HookSurroundings {
  readonly files: SecretFiles
  /** Where relative paths begin. */
  readonly directory: string
  readonly clock: Pick<Clock, 'sleep'>
}

export interface LoadedHooks {
  readonly hooks: Hooks | undefined
  readonly problems: readonly CompileProblem[]
  /** What their files are made of, for whoever wants to know whether that changed. */
  readonly digest: string
  readonly files: readonly string[]
}

const points: readonly HookPoint[] = ['before_request', 'after_request', 'on_error', 'on_stream_chunk']

/** The hooks of a configuration, their files bundled and run. Never rejects: what is wrong with one is a problem. */
export async function loadHooks(config: Config, { files, directory, clock }: HookSurroundings): Promise<LoadedHooks> {
  const { hooks: settings } = config
  const problems: CompileProblem[] = []
  const read = new Set<string>()
  const loadedByFile = new Map<string, UserModule>()
  const all = new Bun.CryptoHasher('sha256')
  if (settings === undefined) return { hooks: undefined, problems, digest: all.digest('hex'), files: [] }
  for (const point of points) {
    for (const [index, { file }] of settings[point].entries()) {
      if (file === undefined) continue
      const known = loadedByFile.get(file)
      const path = isAbsolute(file) ? file : resolve(directory, file)
      const loaded = known ?? (await loadModule(path, { files, clock, read }))
      loadedByFile.set(file, loaded)
      if (known === undefined) all.update(`${file}\0${loaded.digest}\0`)
      if (known !== undefined || !('reason' in loaded)) continue
      const message = `file "${file}" ${loaded.reason}`
      problems.push({ severity: 'error', path: ['hooks', point, index, 'file'], message })
    }
  }
  const links = new LinkTable(config)
  const hooks = compileHooks(
    settings,
    {
      moduleOf(file) {
        const loaded = loadedByFile.get(file)
        return loaded === undefined || 'reason' in loaded ? undefined : loaded
      },
      linkTo: (url) => links.plainLinkTo(url),
    },
    problems,
  )
  return { hooks, problems, digest: all.digest('hex'), files: [...read] }
}
