import { serviceChanges } from '#snapshot/service-changes.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Masker } from '#telemetry/mask.ts'
import type { LoadReport } from './admin-config.ts'

/** Pages about the configuration that stand where older programs have them, whatever `admin.path` is. */
export const configPages = { reload: '/api/config/reload', status: '/api/config/status' } as const

export function isConfigPage(path: string): boolean {
  return path === configPages.reload || path === configPages.status
}

/** What the pages are made from. */
export interface ConfigPageParts {
  current(): Snapshot
  reload(): Promise<void>
  loadReport(): LoadReport
  readonly masker: Masker
}

/** The status and the body of an answer. */
export interface ConfigPageAnswer {
  readonly status: number
  readonly body: object
}

/** Reads the configuration anew, and tells what changed; whatever is wrong with it, the old one serves on. */
export async function reloadPage(parts: ConfigPageParts): Promise<ConfigPageAnswer> {
  const old = parts.current()
  await parts.reload()
  const next = parts.current()
  const { refused } = parts.loadReport()
  if (refused === undefined) {
    const message = messages[next.logging.language][next.version === old.version ? 'same' : 'reloaded']
    return { status: 200, body: { status: 'ok', message, diff: serviceChanges(old, next) } }
  }
  const problems = refused.problems.map((problem) => parts.masker.mask(problem))
  const error = `Cannot reload the configuration: ${problems[0] ?? 'it has errors'}; the last good one stays`
  return { status: statusOf[refused.cause ?? 'invalid'], body: { error, problems } }
}

const statusOf = { gone: 404, unreadable: 500, invalid: 400 } as const

const messages = {
  en: { reloaded: 'Configuration reloaded', same: 'Configuration is unchanged' },
  zh: { reloaded: '配置已热重载', same: '配置内容未变' },
} as const satisfies Readonly<Record<Snapshot['logging']['language'], object>>

/** Whether files are watched, and when the running configuration was read. */
export function configStatusPage(parts: ConfigPageParts): ConfigPageAnswer {
  const { loadedMs, changedMs, watched, refused } = parts.loadReport()
  return {
    status: 200,
    body: {
      watch_enabled: watched?.isOn ?? false,
      watch_interval_seconds: (watched?.everyMs ?? 0) / 1000,
      config_path: watched?.file,
      loaded_mtime: changedMs === undefined ? undefined : changedMs / 1000,
      loaded_at: loadedMs / 1000,
      version: parts.current().version,
      problems: refused?.problems.map((problem) => parts.masker.mask(problem)) ?? [],
    },
  }
}
