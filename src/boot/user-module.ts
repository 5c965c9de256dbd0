import { basename, relative, resolve } from 'node:path'
import type { Clock } from '#ports/clock.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { wordsOf } from '#translate/converter/misfit.ts'

/** What a file exports, or why that cannot be had. `digest` tells whether the file, or what it imports, changed. */
export type UserModule = ({ readonly module: unknown } | { readonly reason: string }) & { readonly digest: string }

/** Where the operator's files are read. */
export interface ModuleSurroundings {
  readonly files: SecretFiles
  readonly clock: Pick<Clock, 'sleep'>
  /** Is told every file that it is made of, found or not. */
  readonly read: Set<string>
}

/** A file of TypeScript or JavaScript of the operator, bundled with all that it imports, and run. Never rejects. */
export async function loadModule(file: string, { files, clock, read }: ModuleSurroundings): Promise<UserModule> {
  read.add(file)
  const bundle = await bundled(file, files, read)
  const digest = new Bun.CryptoHasher('sha256').update('text' in bundle ? bundle.text : bundle.reason).digest('hex')
  if ('reason' in bundle) return { ...bundle, digest }
  return { ...(await moduleOf(bundle.text, digest, clock)), digest }
}

type Bundle = { readonly text: string } | { readonly reason: string }

// Limit: bytes of one file that such a module is made of.
const fileBytesMax = 4 * 1_048_576

/** The file and all that it imports, as one module: `import` alone would keep what it once read of the others. */
async function bundled(file: string, files: SecretFiles, read: Set<string>): Promise<Bundle> {
  let unread: string | undefined
  const reader: Bun.BunPlugin = {
    name: 'files of the operator',
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

export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'it may not be read'
  if (code === 'EISDIR') return 'it is a folder'
  return wordsOf(error).split('\n')[0]?.slice(0, 300) ?? ''
}
