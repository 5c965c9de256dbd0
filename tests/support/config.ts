import { loadConfig, withCompileProblems, type Loaded } from '#config/load.ts'
import { formatProblem, type Problem } from '#config/problem.ts'
import type { SecretFile, SecretFiles } from '#ports/secret-files.ts'
import { compileSnapshot, type Compilation } from '#snapshot/compile.ts'

export interface FakeFile {
  readonly content: string | Uint8Array
  readonly shared?: boolean
}

export interface Surroundings {
  readonly file?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly files?: Readonly<Record<string, FakeFile>>
}

/** Secret files in memory. */
export function fakeSecretFiles(files: Readonly<Record<string, FakeFile>> = {}): SecretFiles {
  return {
    async read(path): Promise<SecretFile> {
      const file = files[path.replaceAll('\\', '/')]
      if (file === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      const { content, shared = false } = file
      return { bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content, shared }
    },
    async list(path) {
      const folder = `${path.replaceAll('\\', '/')}/`
      const names = Object.keys(files).filter((name) => name.startsWith(folder))
      return names.map((name) => name.slice(folder.length)).filter((name) => !name.includes('/'))
    },
  }
}

export async function loadText(
  text: string,
  { file = 'config.yaml', env = {}, files }: Surroundings = {},
): Promise<Loaded> {
  return await loadConfig({ file, text, env, files: fakeSecretFiles(files) })
}

/** Loads and compiles, as a start does. */
export async function compileText(
  text: string,
  surroundings: Surroundings = {},
): Promise<{ loaded: Loaded; compilation: Compilation | undefined; problems: readonly Problem[] }> {
  const loaded = await loadText(text, surroundings)
  if (loaded.draft === undefined) return { loaded, compilation: undefined, problems: loaded.problems }
  const compilation = compileSnapshot(loaded.draft, {
    version: 1,
    listenIsDefault: loaded.listenIsDefault,
    digest: loaded.digest,
    file: surroundings.file ?? 'config.yaml',
    offBackends: new Set(loaded.off.map(({ name }) => name)),
    secrets: loaded.secrets.map((secret) => secret.reveal()),
    outside: loaded.outside,
    prompts: loaded.prompts,
  })
  return { loaded, compilation, problems: withCompileProblems(loaded, compilation.problems) }
}

/** Every problem of a text, as `check` prints it. */
export async function problemLines(text: string, surroundings: Surroundings = {}): Promise<string[]> {
  const { problems } = await compileText(text, surroundings)
  return problems.map(formatProblem)
}
