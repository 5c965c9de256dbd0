import {
  asksOnlyOne,
  clientTimeoutBounds,
  clientTimeoutKeys,
  literal,
  logFileIn,
  type Variables,
} from './legacy-variables.ts'
import { mergeTree } from './merge-tree.ts'
import type { Tree } from './source.ts'

/** Where flow-proxy sent everything. */
export const flowUrl = 'https://flow.ciandt.com/flow-llm-proxy'

/** What flow-proxy took out of requests for its backend, which refuses it. */
const flowFilters: readonly Tree[] = ['anthropic-version', 'anthropic-beta', 'x-api-key'].map((header) => ({
  match: { path: '/v1/messages*', headers: [header], backends: ['flow'] },
  remove: { body: ['context_management'], headers: ['anthropic-beta'] },
}))

/** Time limits of one attempt, as flow-proxy had them. */
const flowTimeouts = { connect: '30s', write: '30s', first_byte: '600s', idle: '600s' } as const

/** Each credential may be asked once, and one failure keeps nobody from being asked again. */
const flowFallback = { max_retries: 0, ...asksOnlyOne } as const

/** Sections of the configuration, and the variables that they come from. */
export interface Sections {
  readonly tree: Tree
  readonly origins: readonly (readonly [path: string, origin: string])[]
}

/** `--secrets-file` and the variables `FLOW_PROXY_…`: every request goes to one backend, with a token of its own. */
export function flowSections(secretsFile: string, variables: Variables): Sections {
  const tree: Tree = {
    listen: '127.0.0.1:8899',
    backends: [
      {
        name: 'flow',
        url: variables.address('FLOW_PROXY_TARGET_URL') ?? flowUrl,
        protocol: 'any',
        credentials: [{ type: 'jwt', secrets_file: literal(secretsFile) }],
        timeout: flowTimeouts,
        // A check of this backend would be a signed request.
        health_check: { enabled: false },
      },
    ],
    passthrough: { backends: [{ backend: 'flow' }], affinity: { by: 'off' } },
    forward_proxy: { enabled: true, ...ownHosts(variables) },
    filters: flowFilters,
    fallback: flowFallback,
  }
  mergeTree(tree, loggingOf(variables))
  const timeout = variables.clamped('FLOW_PROXY_CLIENT_TIMEOUT', clientTimeoutBounds.min, clientTimeoutBounds.max)
  if (timeout !== undefined) mergeTree(tree, clientTimeoutKeys(timeout))
  const workers = variables.count('FLOW_PROXY_NUM_WORKERS', 1, 64)
  if (workers !== undefined && workers > 1) mergeTree(tree, { server: { workers } })
  for (const name of withoutEffect) {
    if (variables.isSet(name)) variables.note(name, 'does nothing: one process serves any number of requests at once')
  }
  return {
    tree,
    origins: [
      ['backends[0].url', 'FLOW_PROXY_TARGET_URL'],
      ['backends[0].credentials', secretsFile],
      ['server.workers', 'FLOW_PROXY_NUM_WORKERS'],
      ['forward_proxy.own_hosts', 'FLOW_PROXY_OWN_HOSTS'],
      ['logging', 'FLOW_PROXY_LOG_DIR'],
    ],
  }
}

/** Other names of the gateway, with commas between them, so that they are not taken for hosts to be forwarded to. */
function ownHosts(variables: Variables): Tree {
  const hosts = variables.list('FLOW_PROXY_OWN_HOSTS')
  return hosts.length === 0 ? {} : { own_hosts: hosts }
}

const withoutEffect: readonly string[] = ['FLOW_PROXY_THREADED', 'FLOW_PROXY_PLUGIN_POOL_SIZE']

function loggingOf(variables: Variables): Tree {
  const level = variables.level('FLOW_PROXY_LOG_LEVEL')
  const directory = variables.text('FLOW_PROXY_LOG_DIR')
  const isSwept = variables.flag('FLOW_PROXY_LOG_CLEANUP_ENABLED') !== false
  const days = variables.count('FLOW_PROXY_LOG_RETENTION_DAYS', 1, 3650) ?? 7
  const megabytes = variables.count('FLOW_PROXY_LOG_MAX_SIZE_MB', 0, 10_000_000) ?? 100
  if (variables.isSet('FLOW_PROXY_LOG_CLEANUP_INTERVAL_HOURS')) {
    variables.note('FLOW_PROXY_LOG_CLEANUP_INTERVAL_HOURS', 'does nothing: old log files are looked for every hour')
  }
  return {
    logging: {
      ...(level === undefined ? {} : { level }),
      ...(directory === undefined ? {} : { general_file: literal(logFileIn(directory)) }),
      // For files of --log-dir too.
      ...(isSwept ? { max_age_days: days, max_total_size_mb: megabytes } : {}),
    },
  }
}
