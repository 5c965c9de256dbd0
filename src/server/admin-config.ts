import { Secret } from '#core/secret.ts'
import { formatListen } from '#snapshot/listen.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Masker } from '#telemetry/mask.ts'

/** What is known about loading the configuration, beside the snapshot itself. */
export interface LoadReport {
  /** Wall time at which what is running was read. */
  readonly loadedMs: number
  /** Wall time at which its file was changed; undefined where there is none. */
  readonly changedMs?: number | undefined
  /** Warnings about what is running. */
  readonly warnings: readonly string[]
  /** Keys whose new values wait for a restart. */
  readonly restartKeys: readonly string[]
  /** A later content that could not be used; undefined once it was mended. */
  readonly refused: RefusedContent | undefined
  /** How many later contents were taken, and how many refused, since the start. */
  readonly counts?: { readonly taken: number; readonly refused: number }
  /** Which file is looked at, with those that it names; absent: none. */
  readonly watched?: WatchedContent | undefined
}

export interface RefusedContent {
  readonly atMs: number
  readonly problems: readonly string[]
  /** Default: it has errors. */
  readonly cause?: 'gone' | 'unreadable' | 'invalid'
}

export interface WatchedContent {
  readonly file: string
  readonly isOn: boolean
  /** Where nothing tells of changes. */
  readonly everyMs: number
}

/** The running configuration, as it was read; secrets show as `****`. Names are never masked: programs look for them. */
export function configPage(
  snapshot: Snapshot,
  { loadedMs, warnings, refused, restartKeys }: LoadReport,
  masker: Masker,
): object {
  const { admin } = snapshot
  const masked = (text: string): string => masker.mask(text)
  return {
    version: snapshot.version,
    digest: snapshot.digest,
    file: snapshot.file,
    loadedAt: iso(loadedMs),
    warnings: warnings.map(masked),
    refused: refused === undefined ? undefined : { at: iso(refused.atMs), problems: refused.problems.map(masked) },
    restartKeys,
    listen: formatListen(snapshot.listen),
    admin: { path: admin.path, listen: admin.listen === undefined ? undefined : formatListen(admin.listen) },
    clientKey: clientKeyMark(snapshot, snapshot.digest),
    backends: Array.from(snapshot.backends.values(), ({ name, url, authMode, apiKey, credentials }) => ({
      name,
      url: shownUrl(url, masker),
      authMode,
      hasKey: apiKey !== undefined || credentials !== undefined,
      credentials: credentials?.names,
    })),
    aliases: snapshot.aliases,
    settings: Object.fromEntries(Array.from(snapshot.settings, ([key, value]) => [key, shown(value)])),
  }
}

/** Where a backend is, without what may be a credential. */
export function shownUrl({ protocol, host, pathname }: URL, masker: Masker): string {
  return `${protocol}//${host}${masker.mask(pathname)}`
}

/**
 * Tells one key of the clients from another, and nothing else about it; undefined without a key. `salt`: the digest of
 * the configuration that runs, so that a mark is worth nothing elsewhere.
 */
export function clientKeyMark({ settings }: Snapshot, salt: string): string | undefined {
  const key = settings.get('proxy_api_key')
  if (!(key instanceof Secret) || key.reveal() === '') return undefined
  return new Bun.CryptoHasher('sha256').update(`${salt}\0${key.reveal()}`).digest('hex').slice(0, 16)
}

/** A secret that is not set is none. */
function shown(value: string | Secret): string {
  return value instanceof Secret && value.reveal() === '' ? '' : String(value)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
