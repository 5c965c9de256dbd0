import { pathText, type ConfigPath } from '#config/problem.ts'
import { prune } from '#config/prune.ts'
import { ConfigSchema } from '#config/schema.ts'
import { isPlainObject, type Tree } from '#config/source.ts'
import { respell } from '#config/spellings.ts'
import type { Draft } from './draft.ts'
import type { Ledger } from './ledger.ts'
import { count, listOf, mapOf, textOf } from './values.ts'

/** The YAML of ococl/llm-proxy, all of whose names are known here: each is written as its own. */
export function fromOcocl(value: unknown, text: string, draft: Draft, ledger: Ledger): void {
  const tree = structuredClone(mapOf(value))
  const backends = listOf(tree['backends'])
  for (const [index, backend] of backends.entries()) {
    if (isPlainObject(backend)) takeBackend(backend, ['backends', index], ledger)
  }
  takeOwn(tree, ledger, reasons)
  Object.assign(draft.tree, tree)
  draft.original = text
  tellDefaults(tree, ledger)
  if ('error_fallback' in mapOf(value) && 'max_retries' in mapOf(tree['fallback'])) {
    ledger.approximate(['fallback', 'max_retries'], 'it counts every attempt; version 2.1 left the first one out')
  }
  ledger.exact(
    [],
    `${count(listOf(tree['backends']).length, 'backend')}, ${count(Object.keys(mapOf(tree['models'])).length, 'alias', 'aliases')}`,
  )
}

/** Writes every key by its own name, takes out unknown ones, and tells both. */
export function takeOwn(tree: Tree, ledger: Ledger, why: Readonly<Record<string, string>>): void {
  for (const { from, to, ignored } of respell(tree)) {
    const remark = remarks[from.filter((step) => typeof step === 'string').join('.')]
    if (ignored) ledger.dropped(from, `"${pathText(to)}" was given too`)
    else if (remark === undefined) ledger.exact(from, `written as "${pathText(to)}"`)
    else ledger.approximate(from, `written as "${pathText(to)}": ${remark}`)
  }
  for (const { path } of prune(tree, ConfigSchema)) {
    const reason = why[path.filter((step) => typeof step === 'string').join('.')] ?? why[String(path[0])]
    ledger.dropped(path, reason ?? 'there is nothing like it')
  }
  withoutEmpty(tree)
}

/** What is left of a section when nothing in it is known. */
function withoutEmpty(tree: Tree): void {
  for (const section of ['logging', 'proxy', 'server', 'load_balancing', 'timeout', 'error_fallback']) {
    const content = tree[section]
    if (!isPlainObject(content)) continue
    for (const [key, inner] of Object.entries(content)) {
      if (!isPlainObject(inner)) continue
      for (const [name, innermost] of Object.entries(inner)) {
        if (isPlainObject(innermost) && Object.keys(innermost).length === 0) delete inner[name]
      }
      if (Object.keys(inner).length === 0) delete content[key]
    }
    if (Object.keys(content).length === 0) delete tree[section]
  }
}

const remarks: Readonly<Record<string, string>> = {
  'fallback.enable_backoff': 'attempts again on the same route, before the next one',
  'fallback.enable_circuit_breaker': 'it counts now, and had no effect before',
  'rate_limit.per_ip_rps': 'the address is that of the connection, unless it is one of trusted_proxies',
  'proxy.enable_system_prompt': 'its files are looked for beside the configuration',
  'timeout.read_timeout': 'it counts now, and had no effect before',
  'timeout.write_timeout': 'it counts now, and had no effect before',
  'error_fallback.client_error.codes': 'the status itself counts, and not a number in the text of the error',
}

function takeBackend(backend: Tree, path: ConfigPath, ledger: Ledger): void {
  const locale = textOf(backend['locale'])
  delete backend['locale']
  if (locale !== undefined && /^[\w,;=. *-]+$/.test(locale)) {
    backend['headers'] = { 'Accept-Language': locale, ...mapOf(backend['headers']) }
    ledger.exact([...path, 'locale'], 'written as the header Accept-Language')
  }
  if ('timeout' in backend && !isPlainObject(backend['timeout'])) {
    delete backend['timeout']
    ledger.dropped([...path, 'timeout'], 'it had no effect; backends[].timeout holds several limits here')
  }
}

/** What is not written means something else here. */
function tellDefaults(tree: Tree, ledger: Ledger): void {
  const fallback = mapOf(tree['fallback'])
  if (!('listen' in tree)) ledger.approximate([], 'no listen: it is ":8080" here')
  if (!('cooldown_seconds' in fallback))
    ledger.approximate([], 'no fallback.cooldown_seconds: it is 30 here, and was 0')
  if (!('max_retries' in fallback))
    ledger.approximate([], 'no fallback.max_retries: it is 3 here, and there was no limit')
  if (!('detection' in tree)) ledger.approximate([], 'no detection: every 4xx and 5xx is followed by the next route')
  if (mapOf(tree['proxy'])['forward_client_ip'] === undefined) {
    ledger.approximate([], 'no proxy.forward_client_ip: backends are not told the addresses of clients')
  }
}

const reasons: Readonly<Record<string, string>> = {
  logging: 'the log has no such setting (docs/reference/config.md)',
}
