import { flowSections } from './legacy-flow.ts'
import { serviceSections } from './legacy-services.ts'
import { Variables, type OutsideProblem } from './legacy-variables.ts'
import { mergeTree } from './merge-tree.ts'
import type { Tree } from './source.ts'

/** Files of older programs that are started as they are; at least one. */
export interface LegacyFiles {
  /** A list of credentials, of which tokens are signed for every request. */
  readonly secretsFile?: string | undefined
  /** Services with their models and backends. */
  readonly backendsFile?: string | undefined
}

/** What such files and the variables beside them amount to. */
export interface LegacyConfig {
  /** The configuration. It refers to keys by their variables, and never holds them. */
  readonly tree: Tree
  readonly text: string
  readonly problems: readonly OutsideProblem[]
  /** See `LoadInput.serviceDefaults`. */
  readonly serviceDefaults: Tree
  /** Where a key of the text comes from, by the beginning of its path. */
  readonly origins: ReadonlyMap<string, string>
}

/** Makes a configuration of the files and variables of older programs, so that they move over as they are. */
export function legacyConfig(
  { secretsFile, backendsFile }: LegacyFiles,
  env: Readonly<Record<string, string | undefined>>,
): LegacyConfig {
  const variables = new Variables(env)
  const tree: Tree = {}
  const origins = new Map<string, string>()
  let serviceDefaults: Tree = {}
  if (secretsFile !== undefined) {
    const flow = flowSections(secretsFile, variables)
    mergeTree(tree, flow.tree)
    for (const [path, origin] of flow.origins) origins.set(path, origin)
  }
  if (backendsFile !== undefined) {
    const services = serviceSections(backendsFile, variables)
    mergeTree(tree, services.tree)
    serviceDefaults = services.defaults
    for (const [path, origin] of services.origins) origins.set(path, origin)
  }
  if (variables.flag('ALLOW_UNAUTHENTICATED') === true) tree['allow_unauthenticated'] = true
  origins.set('allow_unauthenticated', 'ALLOW_UNAUTHENTICATED')
  const proxies = variables.list('TRUSTED_PROXIES')
  if (proxies.length > 0) tree['trusted_proxies'] = proxies
  origins.set('trusted_proxies', 'TRUSTED_PROXIES')
  return { tree, text: `${JSON.stringify(tree, null, 2)}\n`, problems: variables.problems, serviceDefaults, origins }
}

/** How the files are watched, as `CONFIG_RELOAD_WATCH` and `CONFIG_RELOAD_INTERVAL` have it. */
export function reloadWatch(env: Readonly<Record<string, string | undefined>>): {
  readonly isOn: boolean
  readonly pollMs: number | undefined
} {
  const variables = new Variables(env)
  const interval = variables.seconds('CONFIG_RELOAD_INTERVAL', 0.1, 86_400)
  return {
    isOn: variables.flag('CONFIG_RELOAD_WATCH') !== false,
    pollMs: interval === undefined ? undefined : Number.parseInt(interval, 10),
  }
}
