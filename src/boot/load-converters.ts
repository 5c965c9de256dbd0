import { isAbsolute, resolve } from 'node:path'
import type { CompileProblem } from '#core/problem.ts'
import type { Clock } from '#ports/clock.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { backendOf, formOf } from '#translate/converter/backend.ts'
import type { Converters, NamedConverter } from '#translate/converter/converters.ts'
import { checkConverter } from '#translate/converter/check.ts'
import { profileOfTakes } from '#translate/converter/takes.ts'
import type { BackendCodec } from '#translate/codec.ts'
import { Codecs } from '#translate/registry.ts'
import { loadModule, reasonOf } from './user-module.ts'

export interface ConverterSurroundings {
  readonly files: SecretFiles
  /** Where relative paths begin. */
  readonly directory: string
  readonly clock: Pick<Clock, 'sleep'>
}

export interface LoadedConverters {
  readonly converters: Converters
  readonly problems: readonly CompileProblem[]
  /** What they are made of, for whoever wants to know whether that changed. */
  readonly digest: string
  /** All files that they are made of, found or not. */
  readonly files: readonly string[]
}

/** The files that `converters` names, bundled and run. Never rejects: what is wrong with one is a problem. */
export async function loadConverters(
  paths: readonly string[],
  { files, directory, clock }: ConverterSurroundings,
): Promise<LoadedConverters> {
  const codecs = new Codecs()
  const byName = new Map<string, NamedConverter>()
  const problems: CompileProblem[] = []
  const read = new Set<string>()
  const all = new Bun.CryptoHasher('sha256')
  for (const [index, path] of paths.entries()) {
    const file = isAbsolute(path) ? path : resolve(directory, path)
    const fail = (message: string): void => {
      problems.push({ severity: 'error', path: ['converters', index], message: `file "${path}" ${message}` })
    }
    const loaded = await loadModule(file, { files, clock, read })
    const { digest } = loaded
    all.update(`${index}\0${digest}\0`)
    if ('reason' in loaded) {
      fail(loaded.reason)
      continue
    }
    const found = converterIn(loaded.module)
    if (typeof found === 'string') fail(found)
    else if (byName.has(found.name)) fail(`has a converter "${found.name}", which another file has already`)
    else {
      const form = formOf(found.name)
      codecs.register(form, { backend: found.backend })
      byName.set(found.name, { form, profile: found.profile, digest })
    }
  }
  return { converters: { byName, codecs }, problems, digest: all.digest('hex'), files: [...read] }
}

interface Found extends Pick<NamedConverter, 'profile'> {
  readonly name: string
  readonly backend: BackendCodec
}

/** A text says why there is none. What a module exports may throw where it is looked at. */
function converterIn(module: unknown): Found | string {
  try {
    const converter = checkConverter(module)
    if (typeof converter === 'string') return converter
    const { name, takes } = converter
    return { name, backend: backendOf(converter), profile: profileOfTakes(takes) }
  } catch (error) {
    return `cannot be used: ${reasonOf(error)}`
  }
}
