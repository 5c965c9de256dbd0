import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { compileGlob } from '#kit/glob.ts'
import { machineNames, type MachineNames } from '#ports/machine.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import type { PromptSettings } from './system-prompt-schema.ts'

/** What prompts are made of outside of the configuration, read before they are compiled. */
export interface PromptSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly machine: MachineNames
  /** For each entry of the section that names files, in its order. */
  readonly found: ReadonlyMap<number, readonly PromptFile[]>
}

export interface PromptFile {
  readonly path: string
  readonly content: { readonly text: string } | { readonly reason: string }
}

/** Where none are named. */
export const noPromptSources: PromptSources = {
  env: {},
  machine: { os: '', arch: '', hostname: '' },
  found: new Map(),
}

// Limit: a longer prompt is refused.
const promptBytesMax = 1_048_576

// Limit: files of one folder.
const filesMax = 1000

/** Reads every file that these entries name. Never rejects: a file that cannot be read has a reason. */
export async function gatherPrompts(
  entries: readonly PromptSettings[],
  { env, files, directory }: { env: PromptSources['env']; files: SecretFiles; directory: string },
): Promise<PromptSources & { readonly watched: readonly string[] }> {
  const found = new Map<number, readonly PromptFile[]>()
  const watched = new Set<string>()
  for (const [index, { file, dir }] of entries.entries()) {
    const paths: string[] = []
    if (file !== undefined) paths.push(absolute(file, directory))
    if (dir !== undefined) {
      const folder = absolute(isGlob(dir) ? dirname(dir) : dir, directory)
      // A change of the folder is a file that came or went.
      watched.add(folder)
      paths.push(...(await filesIn(folder, isGlob(dir) ? basename(dir) : '*.md', files)))
    }
    for (const path of paths) watched.add(path)
    if (file !== undefined || dir !== undefined) {
      found.set(index, await Promise.all(paths.map(async (path) => ({ path, content: await read(path, files) }))))
    }
  }
  return { env, machine: machineNames(), found, watched: [...watched] }
}

/** What a reload depends on. */
export function promptContents({ found }: PromptSources): readonly string[] {
  return [...found].flatMap(([index, files]) =>
    files.map(({ path, content }) => `${index}\0${path}\0${'text' in content ? content.text : ''}`),
  )
}

/** Its last part has a star, or an end as files have it. */
function isGlob(dir: string): boolean {
  return /[*.]/.test(basename(dir)) && !/^\.{1,2}$/.test(basename(dir))
}

function absolute(path: string, directory: string): string {
  return isAbsolute(path) ? path : resolve(directory, path)
}

async function filesIn(folder: string, glob: string, files: SecretFiles): Promise<readonly string[]> {
  const isMeant = compileGlob(glob)
  const names = (await files.list?.(folder)) ?? []
  const meant = names.filter((name) => isMeant(name) && (!name.startsWith('.') || glob.startsWith('.')))
  return meant
    .toSorted()
    .slice(0, filesMax)
    .map((name) => join(folder, name))
}

async function read(path: string, files: SecretFiles): Promise<PromptFile['content']> {
  try {
    const { bytes } = await files.read(path, promptBytesMax)
    if (bytes.byteLength > promptBytesMax) return { reason: 'it is larger than 1mb' }
    // A byte order mark goes on the way.
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    return { reason: error instanceof TypeError ? 'it is not UTF-8' : reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT') return 'there is none'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EISDIR') return 'it is a folder'
  return code === '' ? 'it failed' : code
}
