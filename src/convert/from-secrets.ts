import { flowUrl } from '#config/legacy-flow.ts'
import { legacyConfig } from '#config/legacy.ts'
import type { Draft } from './draft.ts'
import { setLegacy, tellVariables, type Told } from './from-legacy.ts'
import type { Ledger } from './ledger.ts'
import { listOf, literal, mapOf } from './values.ts'

/** What stands beside a list of credentials. */
export interface SecretsContext {
  /** How the new configuration names the file. */
  readonly secretsFile: string
  readonly env: ReadonlyMap<string, string>
  /** Aliases to be listed; any other model is passed on. */
  readonly models: readonly string[]
}

/** A list of credentials of which tokens are signed. It stays where it is, and is named. */
export function fromSecrets(
  value: unknown,
  { secretsFile, env, models }: SecretsContext,
  draft: Draft,
  ledger: Ledger,
): void {
  const entries = listOf(value)
  const legacy = legacyConfig({ secretsFile }, Object.fromEntries(env))
  setLegacy(legacy, env, draft)
  const host = env.get('FLOW_PROXY_HOST') ?? '127.0.0.1'
  const port = env.get('FLOW_PROXY_PORT') ?? '8899'
  draft.set(['listen'], `${['0.0.0.0', '::'].includes(host) ? '' : host}:${port}`)
  if (host !== '127.0.0.1' && host !== 'localhost' && draft.tree['allow_unauthenticated'] !== true) {
    ledger.add('approximate', 'FLOW_PROXY_HOST', 'without proxy_api_key the gateway stays on loopback: set one')
    draft.comment(['listen'], 'Add proxy_api_key: without it the gateway listens on loopback only.')
  }
  draft.comment(['backends', 0], 'Tokens are signed with the entries of the secrets file, one after the other.')
  ledger.exact([], `${entries.length} credentials, used in turn from the file itself, which stays where it is`)
  const [backend] = draft.backends
  const url = String(backend?.['url'])
  if (url === flowUrl) ledger.exact([], `requests go to ${flowUrl}`)
  else ledger.approximate([], `requests go to ${url}, from FLOW_PROXY_TARGET_URL, which had no effect before`)
  const written = entries.map(mapOf)
  if (written.some((entry) => 'agent' in entry || 'appToAccess' in entry)) {
    ledger.exact([0, 'agent'], '"agent" and "appToAccess" are kept in the file and not sent, as before')
  }
  for (const model of models) draft.addRoute(model, { backend: 'flow', model: literal(model) })
  draft.comment(['passthrough'], 'Every request goes there as it is, whatever its path and its model.')
  ledger.exact([], 'any path and any model is passed on (passthrough), by forward-proxy mode too (curl -x)')
  ledger.exact([], 'context_management and anthropic-beta are taken out of requests to /v1/messages (filters)')
  ledger.approximate([], 'a refused credential is followed by the next one within the same request')
  tellVariables(legacy, env, variables, ledger)
  for (const name of env.keys()) {
    const isUnknown = name.startsWith('FLOW_PROXY_') && !placed.has(name) && !Object.hasOwn(variables, name)
    if (isUnknown && legacy.problems.every((problem) => problem.name !== name)) {
      ledger.add('dropped', name, 'there is nothing like it')
    }
  }
}

/** Those of which something was told, or nothing is to tell. */
const placed: ReadonlySet<string> = new Set([
  'FLOW_PROXY_HOST',
  'FLOW_PROXY_PORT',
  'FLOW_PROXY_TARGET_URL',
  'FLOW_PROXY_SECRETS_FILE',
])

const variables: Readonly<Record<string, Told>> = {
  FLOW_PROXY_LOG_LEVEL: ['exact', 'logging.level'],
  FLOW_PROXY_LOG_DIR: ['approximate', 'logging.general_file, a new file each day: llm-proxy_<day>.log'],
  FLOW_PROXY_LOG_CLEANUP_ENABLED: ['exact', 'logging.max_age_days and logging.max_total_size_mb, or neither'],
  FLOW_PROXY_LOG_RETENTION_DAYS: ['exact', 'logging.max_age_days'],
  FLOW_PROXY_LOG_MAX_SIZE_MB: ['exact', 'logging.max_total_size_mb'],
  FLOW_PROXY_CLIENT_TIMEOUT: [
    'approximate',
    'server.idle_timeout between requests, 255s at most, and streaming.client_timeout while nothing is taken',
  ],
  FLOW_PROXY_NUM_WORKERS: ['exact', 'server.workers, where it is more than 1; more of them need Linux'],
  FLOW_PROXY_OWN_HOSTS: ['exact', 'forward_proxy.own_hosts'],
  ALLOW_UNAUTHENTICATED: ['exact', 'allow_unauthenticated'],
  TRUSTED_PROXIES: ['exact', 'trusted_proxies'],
}
