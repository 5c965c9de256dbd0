import { isAbsolute, resolve } from 'node:path'
import type { SecretFiles } from '#ports/secret-files.ts'
import type { CredentialSettings } from './schema.ts'

/** What credentials name outside of the configuration, read before they are compiled. */
export interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>
  /** By the path as it is written. */
  readonly files: ReadonlyMap<string, OutsideFile>
}

export interface OutsideFile {
  readonly path: string
  /** Its content, or why there is none. */
  readonly found: Found
  /** Others than the owner may read it. */
  readonly isShared: boolean
}

export type Found = { readonly text: string } | { readonly reason: string }

/** Where what is named outside is looked up. */
export interface OutsideSources {
  readonly env: Outside['env']
  readonly files: SecretFiles
  /** Folder from which relative paths are meant. */
  readonly directory: string
}

/** Reads every file that these credentials name, each once. Never rejects: a file that cannot be read has a reason. */
export async function gatherOutside(
  settings: readonly CredentialSettings[],
  { env, files, directory }: OutsideSources,
): Promise<Outside> {
  const named = new Set(settings.flatMap(filesNamedBy))
  const read = await Promise.all(
    Array.from(named, async (written): Promise<[string, OutsideFile]> => {
      const path = isAbsolute(written) ? written : resolve(directory, written)
      return [written, await readOutside(files, path)]
    }),
  )
  return { env, files: new Map(read) }
}

/** Where nothing is named outside. */
export const nothingOutside: Outside = { env: {}, files: new Map() }

/** A file that a reload depends on. */
export interface WatchedFile {
  readonly path: string
  /** Its content; empty while it cannot be read. */
  readonly text: string
}

/** Files a change of which must lead to a reload. Those of `file` are looked at by themselves, once they are there. */
export function filesToWatch({ files }: Outside, settings: readonly CredentialSettings[]): readonly WatchedFile[] {
  const named = new Set(settings.flatMap(filesNamedBy))
  const keyFiles = new Set(settings.flatMap(({ file }) => file ?? []))
  return [...named].flatMap((written) => {
    const file = files.get(written)
    if (file === undefined) return []
    if ('reason' in file.found) return { path: file.path, text: '' }
    return keyFiles.has(written) ? [] : { path: file.path, text: file.found.text }
  })
}

/** What is not to be had here, each in one sentence: files that cannot be read, variables that are not set. */
export function lacksOf(settings: readonly CredentialSettings[], { env, files }: Outside): readonly string[] {
  const lacks = new Set<string>()
  for (const one of settings) {
    if (one.env !== undefined && (env[one.env] ?? '').trim() === '') {
      lacks.add(`environment variable "${one.env}" is not set`)
    }
    for (const written of filesNamedBy(one)) {
      const found = files.get(written)?.found
      if (found !== undefined && 'reason' in found) lacks.add(`${fileAs(written)} cannot be read: ${found.reason}`)
    }
  }
  return [...lacks]
}

/** A file as problems tell of it. What stands in place of a path may be the secret itself, and is not repeated. */
export function fileAs(written: string, path = written): string {
  return isPathLike(written) ? `file "${path}"` : 'file (not shown)'
}

function isPathLike(written: string): boolean {
  if (written.length > 200 || /[\s=]|-----/.test(written) || isBase64Looking(written)) return false
  const isMarked = /[/\\]/.test(written) || /\.[A-Za-z]\w{0,5}$/.test(written)
  // Keys and tokens may have slashes and dots as well, but no names of folders between them.
  return isMarked && !written.split(/[/\\.]/).some(isRandomLooking)
}

function isBase64Looking(text: string): boolean {
  return /^[A-Za-z0-9+/]{32,}$/.test(text) && isMixed(text)
}

function isRandomLooking(part: string): boolean {
  return part.length > 64 || (part.length >= 20 && isMixed(part))
}

function isMixed(text: string): boolean {
  return /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text)
}

/** The one line of a file that holds nothing but a key. */
export function keyIn(bytes: Uint8Array): Found {
  const found = textIn(bytes)
  if ('reason' in found) return found
  const text = found.text.trim()
  if (text === '') return { reason: 'it is empty' }
  return isKey(text) ? { text } : { reason: 'it holds more than one key of plain ASCII' }
}

/** A key that can stand in a header: plain ASCII without line breaks. */
export function isKey(text: string): boolean {
  return /^[\u0020-\u007e]{1,16384}$/.test(text)
}

/** Why a file could not be used, without its content. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT') return 'there is none'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EISDIR') return 'it is a folder'
  return code === '' ? 'it failed' : code
}

function filesNamedBy({ file, secrets_file: secrets, service_account: account }: CredentialSettings): string[] {
  return [file, secrets, isPath(account) ? account : undefined].filter((path) => path !== undefined)
}

/** A service account may stand in the configuration itself, by `${file:…}` or in full. */
export function isPath(account: string | undefined): boolean {
  return account !== undefined && !account.trimStart().startsWith('{')
}

async function readOutside(files: SecretFiles, path: string): Promise<OutsideFile> {
  try {
    const { bytes, shared } = await files.read(path)
    return { path, found: textIn(bytes), isShared: shared }
  } catch (error) {
    return { path, found: { reason: reasonOf(error) }, isShared: false }
  }
}

function textIn(bytes: Uint8Array): Found {
  // Limit: as large as secrets get; the reader stops just above.
  if (bytes.length > 64 * 1024) return { reason: 'it is larger than 64kb' }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { reason: 'it is not UTF-8' }
  }
}
