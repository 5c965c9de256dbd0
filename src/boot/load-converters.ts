import { basename, isAbsolute, relative, resolve } from 'node:path'
import type { CompileProblem } from '#core/problem.ts'
import type { Clock } from '#ports/clock.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { backendOf, formOf } from '#translate/converter/backend.ts'
import type { Converters, NamedConverter } from '#translate/converter/converters.ts'
import { checkConverter } from '#translate/converter/check.ts'
import { wordsOf } from '#translate/converter/misfit.ts'
import { profileOfTakes } from '#translate/converter/takes.ts'
import type { BackendCodec } from '#translate/codec.ts'
import { Codecs } from '#translate/registry.ts'

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
    read.add(file)
    const fail = (message: string): void => {
      problems.push({ severity: 'error', path: ['converters', index], message: `file "${path}" ${message}` })
    }
    const bundle = await bundled(file, files, read)
    const digest = new Bun.CryptoHasher('sha256').update('text' in bundle ? bundle.text : bundle.reason).digest('hex')
    all.update(`${index}\0${digest}\0`)
    if ('reason' in bundle) {
      fail(bundle.reason)
      continue
    }
    const loaded = await moduleOf(bundle.text, digest, clock)
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

type Bundle = { readonly text: string } | { readonly reason: string }

// Limit: bytes of one file that a converter is made of.
const fileBytesMax = 4 * 1_048_576

/** The file and all that it imports, as one module: `import` alone would keep what it once read of the others. */
async function bundled(file: string, files: SecretFiles, read: Set<string>): Promise<Bundle> {
  let unread: string | undefined
  const reader: Bun.BunPlugin = {
    name: 'converter files',
    setup(build) {
      build.onLoad({ filter: /.*/ }, async ({ path, loader }) => {
        read.add(path)
        const { bytes } = await files.read(path, fileBytesMax)
        if (bytes.length > fileBytesMax) throw new Error('it is larger than 4 MiB')
        return { contents: new TextDecoder().decode(bytes), loader }
      })
    },
  }
  try {
    // Said in the words of everybody, whatever the bundler would make of it.
    await files.read(file, fileBytesMax).catch((error: unknown) => {
      unread = reasonOf(error)
      throw error
    })
    const build = await Bun.build({
      entrypoints: [file],
      target: 'bun',
      format: 'esm',
      throw: false,
      plugins: [reader],
    })
    const [output] = build.outputs
    if (build.success && output !== undefined) return { text: await output.text() }
    const told = build.logs.filter(({ level }) => level === 'error').map((log) => placeOf(log, file) + log.message)
    return { reason: `cannot be loaded: ${told.slice(0, toldMax).join('; ')}` }
  } catch (error) {
    return { reason: unread === undefined ? `cannot be loaded: ${reasonOf(error)}` : `cannot be read: ${unread}` }
  }
}

/** Limit: mistakes in one file that are told. */
const toldMax = 5

function placeOf({ position }: BuildMessage | ResolveMessage, file: string): string {
  if (position === null || position.line < 1) return ''
  const name =
    position.file === '' || position.file === file ? basename(file) : relative(resolve(file, '..'), position.file)
  return `${name}:${position.line}:${position.column}: `
}

type Module = { readonly module: unknown } | { readonly reason: string }

/** What was run stays in memory, so the same text is run once. */
const modules = new Map<string, Module>()

/** Limit: texts that are known; what is loaded over and over again is mostly the last one. */
const modulesMax = 64

/** Limit: a file that awaits something at its top. */
const loadMs = 10_000

async function moduleOf(text: string, digest: string, clock: Pick<Clock, 'sleep'>): Promise<Module> {
  const known = modules.get(digest)
  if (known !== undefined) return known
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  const done = new AbortController()
  const late = clock.sleep(loadMs, done.signal).then((): Module => ({ reason: 'does not come to its end in 10 s' }))
  try {
    const loading = import(url).then((module: unknown): Module => ({ module }))
    const loaded = await Promise.race([loading, late])
    if ('module' in loaded) {
      const [oldest] = modules.keys()
      if (modules.size >= modulesMax && oldest !== undefined) modules.delete(oldest)
      modules.set(digest, loaded)
    }
    return loaded
  } catch (error) {
    return { reason: `cannot be run: ${reasonOf(error)}` }
  } finally {
    done.abort()
    URL.revokeObjectURL(url)
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'it may not be read'
  if (code === 'EISDIR') return 'it is a folder'
  return wordsOf(error).split('\n')[0]?.slice(0, 300) ?? ''
}
