import { Secret } from '#core/secret.ts'
import { formatListen } from '#snapshot/listen.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'

/** What is known about loading the configuration, beside the snapshot itself. */
export interface LoadReport {
  /** Wall time at which what is running was read. */
  readonly loadedMs: number
  /** Warnings about what is running. */
  readonly warnings: readonly string[]
  /** Keys whose new values wait for a restart. */
  readonly restartKeys: readonly string[]
  /** A later content that could not be used; undefined once it was mended. */
  readonly refused: { readonly atMs: number; readonly problems: readonly string[] } | undefined
}

/** The running configuration, as it was read; secrets show as `****`. */
export function configPage(snapshot: Snapshot, { loadedMs, warnings, refused, restartKeys }: LoadReport): object {
  const { admin } = snapshot
  return {
    version: snapshot.version,
    digest: snapshot.digest,
    file: snapshot.file,
    loadedAt: iso(loadedMs),
    warnings,
    refused: refused === undefined ? undefined : { at: iso(refused.atMs), problems: refused.problems },
    restartKeys,
    listen: formatListen(snapshot.listen),
    admin: { path: admin.path, listen: admin.listen === undefined ? undefined : formatListen(admin.listen) },
    backends: Array.from(snapshot.backends.values(), ({ name, url, authMode, apiKey }) => ({
      name,
      url: `${url.protocol}//${url.host}${url.pathname}`,
      authMode,
      hasKey: apiKey !== undefined,
    })),
    aliases: snapshot.aliases,
    settings: Object.fromEntries(Array.from(snapshot.settings, ([key, value]) => [key, shown(value)])),
  }
}

/** A secret that is not set is none. */
function shown(value: string | Secret): string {
  return value instanceof Secret && value.reveal() === '' ? '' : String(value)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
