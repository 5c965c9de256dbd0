import type { Ledger } from './ledger.ts'
import type { Draft } from './draft.ts'
import { backendUrl, listOf, literal, mapOf, numberOf, textOf, within } from './values.ts'

/** What stands beside a list of credentials. */
export interface SecretsContext {
  /** How the new configuration names the file. */
  readonly secretsFile: string
  readonly env: ReadonlyMap<string, string>
  /** What clients ask for. */
  readonly models: readonly string[]
}

const flowUrl = 'https://flow.ciandt.com/flow-llm-proxy'

/** Names to begin with, where nobody says which ones are asked for. */
const someModels = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet-4-5']

/** A list of credentials of which tokens are signed. It stays where it is, and is named. */
export function fromSecrets(
  value: unknown,
  { secretsFile, env, models }: SecretsContext,
  draft: Draft,
  ledger: Ledger,
): void {
  const entries = listOf(value)
  const host = env.get('FLOW_PROXY_HOST') ?? '127.0.0.1'
  const port = env.get('FLOW_PROXY_PORT') ?? '8899'
  draft.set(['listen'], `${['0.0.0.0', '::'].includes(host) ? '' : host}:${port}`)
  if (host !== '127.0.0.1' && host !== 'localhost') {
    ledger.add('approximate', 'FLOW_PROXY_HOST', 'without proxy_api_key the gateway stays on loopback: set one')
    draft.comment(['listen'], 'Add proxy_api_key: without it the gateway listens on loopback only.')
  }
  const target = env.get('FLOW_PROXY_TARGET_URL')
  const url = backendUrl(target) ?? flowUrl
  const at = draft.addBackend({
    name: draft.nameFor('flow'),
    url,
    protocol: 'any',
    credentials: [{ type: 'jwt', secrets_file: literal(secretsFile) }],
    timeout: { connect: '30s', write: '30s', first_byte: '600s' },
  })
  draft.comment(at, 'Tokens are signed with the entries of the secrets file, one after the other.')
  ledger.exact([], `${entries.length} credentials, used in turn from the file itself, which stays where it is`)
  if (target === undefined) ledger.exact([], `requests go to ${flowUrl}`)
  else ledger.approximate([], `requests go to ${url}, from FLOW_PROXY_TARGET_URL, which had no effect before`)
  const written = entries.map(mapOf)
  if (written.some((entry) => 'agent' in entry || 'appToAccess' in entry)) {
    ledger.exact([0, 'agent'], '"agent" and "appToAccess" are kept in the file and not sent, as before')
  }
  const aliases = models.length > 0 ? models : someModels
  for (const model of aliases) draft.addRoute(model, { backend: 'flow', model: literal(model) })
  if (models.length === 0) {
    draft.comment(['models'], 'Examples: list here every model that your clients ask for.')
    ledger.approximate([], 'any model was passed on; here each has an entry below "models" (give them by --model NAME)')
  }
  draft.set(['fallback', 'max_retries'], within(entries.length, 3, 1000))
  ledger.approximate([], 'a refused credential is followed by the next one within the same request')
  ledger.dropped([], 'forward-proxy mode (curl -x) and paths without a model')
  fromFlowVariables(env, draft, ledger)
}

function fromFlowVariables(env: ReadonlyMap<string, string>, draft: Draft, ledger: Ledger): void {
  for (const [name, value] of env) {
    if (!name.startsWith('FLOW_PROXY_')) continue
    if (['FLOW_PROXY_HOST', 'FLOW_PROXY_PORT', 'FLOW_PROXY_TARGET_URL', 'FLOW_PROXY_SECRETS_FILE'].includes(name))
      continue
    if (name === 'FLOW_PROXY_LOG_LEVEL') {
      setLogLevel(value, name, draft, ledger)
    } else if (name === 'FLOW_PROXY_LOG_DIR' && textOf(value) !== undefined) {
      draft.set(['logging', 'general_file'], `${value.replace(/\/+$/, '')}/flow_proxy_plugin.log`)
      ledger.add('exact', name, 'logging.general_file, a new file each day')
    } else if (name === 'FLOW_PROXY_CLIENT_TIMEOUT' && numberOf(value) !== undefined) {
      const seconds = within(numberOf(value) ?? 600, 1, 86_400)
      draft.set(['streaming', 'client_timeout'], `${seconds}s`)
      ledger.add('approximate', name, 'streaming.client_timeout, which counts only while a client takes nothing')
    } else {
      ledger.add('dropped', name, 'there is nothing like it')
    }
  }
}

/** DEBUG, INFO, WARNING, ERROR and CRITICAL, in any case. */
export function setLogLevel(value: string, name: string, draft: Draft, ledger: Ledger): void {
  const level = logLevels[value.trim().toLowerCase()]
  if (level === undefined) {
    ledger.add('dropped', name, 'no such log level')
    return
  }
  draft.set(['logging', 'level'], level)
  ledger.add('exact', name, `logging.level: ${level}`)
}

const logLevels: Readonly<Record<string, string>> = {
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  warn: 'warn',
  error: 'error',
  critical: 'error',
}
