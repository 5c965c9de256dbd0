import type { ConfigPath } from '#config/problem.ts'
import type { Tree } from '#config/source.ts'
import type { Draft } from './draft.ts'
import { takeOwn } from './from-own.ts'
import type { Ledger } from './ledger.ts'
import { backendUrl, listOf, mapOf, numberOf, textOf, within } from './values.ts'

/** The YAML of proxy-llm: a list of models, each with its own way to a provider. */
export function fromProxyLlm(value: unknown, draft: Draft, ledger: Ledger): void {
  const tree = structuredClone(mapOf(value))
  const nodes = listOf(mapOf(tree['load_balancing'])['nodes'])
  if (Array.isArray(tree['models'])) {
    for (const [index, model] of listOf(tree['models']).entries()) {
      readModel(mapOf(model), nodes, ['models', index], draft, ledger)
    }
    delete tree['models']
  }
  takeProxy(mapOf(tree['proxy']), draft, ledger)
  delete tree['proxy']
  const balancing = mapOf(tree['load_balancing'])
  delete balancing['nodes']
  if (textOf(balancing['failover_timeout']) !== undefined) {
    draft.set(['timeout', 'first_byte'], balancing['failover_timeout'])
    ledger.approximate(['load_balancing', 'failover_timeout'], 'written as "timeout.first_byte"')
    delete balancing['failover_timeout']
  }
  const logging = mapOf(tree['logging'])
  const file = textOf(logging['file'])
  if (file !== undefined) {
    logging['general_file'] = file
    delete logging['file']
    ledger.approximate(['logging', 'file'], 'written as "logging.general_file", with the date in its name day by day')
  }
  const size = numberOf(logging['max_size_mb'])
  if (size !== undefined) {
    logging['max_file_size_mb'] = size
    delete logging['max_size_mb']
    ledger.approximate(['logging', 'max_size_mb'], 'written as "logging.max_file_size_mb", which counts now')
  }
  takeOwn(tree, ledger, reasons)
  for (const [section, content] of Object.entries(tree)) {
    // Sections of which nothing is left need not be there.
    if (typeof content !== 'object' || content === null || Object.keys(content).length > 0) {
      draft.tree[section] = { ...mapOf(draft.tree[section]), ...mapOf(content) }
      if (typeof content !== 'object' || Array.isArray(content)) draft.tree[section] = content
    }
  }
  if (!('proxy_api_key' in draft.tree)) {
    ledger.approximate(['proxy'], 'no auth_token, so the gateway stays on loopback: set proxy_api_key')
  }
}

function readModel(model: Tree, shared: readonly unknown[], path: ConfigPath, draft: Draft, ledger: Ledger): void {
  const alias = textOf(model['name'])
  if (alias === undefined) {
    ledger.dropped(path, 'it has no name')
    return
  }
  for (const way of waysOf(model, shared, path)) addWay(way, model, alias, draft, ledger)
  for (const key of Object.keys(model)) {
    if (['name', 'base_url', 'base_url_anthropic', 'api_key', 'model', 'nodes'].includes(key)) continue
    ledger.dropped(
      [...path, key],
      ['timeout', 'max_retries'].includes(key) ? 'it had no effect' : 'there is nothing like it',
    )
  }
}

/** One place where a model is to be had. */
interface Way {
  readonly url: unknown
  readonly node: Tree
  readonly at: ConfigPath
  readonly protocol: string
  /** Where the same model speaks the API of Anthropic. */
  readonly anthropic?: { readonly url: unknown; readonly at: ConfigPath }
}

function waysOf(model: Tree, shared: readonly unknown[], path: ConfigPath): Way[] {
  const own = listOf(model['nodes'])
  const hasUrl = textOf(model['base_url']) !== undefined
  const nodes = own.length > 0 ? own : hasUrl ? [] : shared
  const ways: Way[] = nodes.map((node, index) => ({
    url: mapOf(node)['url'],
    node: mapOf(node),
    at: own.length > 0 ? [...path, 'nodes', index] : ['load_balancing', 'nodes', index],
    protocol: 'openai',
  }))
  const isSecond = textOf(model['base_url_anthropic']) !== undefined
  const second = { url: model['base_url_anthropic'], at: [...path, 'base_url_anthropic'] }
  if (hasUrl && addressOf(model['base_url']) !== undefined) {
    const at = [...path, 'base_url']
    ways.push({ url: model['base_url'], node: {}, at, protocol: 'openai', ...(isSecond && { anthropic: second }) })
  } else {
    if (hasUrl) ways.push({ url: model['base_url'], node: {}, at: [...path, 'base_url'], protocol: 'openai' })
    if (isSecond) ways.push({ ...second, node: {}, protocol: 'anthropic' })
  }
  return ways
}

function addWay(
  { url, node, at, protocol, anthropic }: Way,
  model: Tree,
  alias: string,
  draft: Draft,
  ledger: Ledger,
): void {
  const address = addressOf(url)
  if (address === undefined) {
    ledger.dropped(at, 'no address of a backend')
    return
  }
  const second = anthropic && addressOf(anthropic.url)
  const key = textOf(node['api_key']) ?? textOf(model['api_key'])
  const same = draft.backends.find(
    (each) =>
      each['url'] === address &&
      each['url_anthropic'] === second &&
      each['api_key'] === key &&
      each['protocol'] === protocol,
  )
  const name = same === undefined ? draft.nameFor(alias) : String(same['name'])
  if (same === undefined) {
    draft.addBackend({
      name,
      url: address,
      ...(second === undefined ? {} : { url_anthropic: second }),
      protocol,
      ...(key === undefined ? {} : { api_key: key }),
    })
  }
  const weight = numberOf(node['weight'])
  const priority = numberOf(node['priority'])
  draft.addRoute(alias, {
    backend: name,
    model: textOf(model['model']) ?? alias,
    ...(priority === undefined ? {} : { priority: within(Math.trunc(priority), -1_000_000, 1_000_000) }),
    ...(weight === undefined ? {} : { weight: within(weight, 0, 1_000_000) }),
  })
  ledger.exact(at, `a route of alias "${alias}"`)
  if (anthropic === undefined) return
  if (second === undefined) ledger.dropped(anthropic.at, 'no address of a backend')
  else ledger.exact(anthropic.at, 'written as "url_anthropic" of the same backend')
}

function addressOf(url: unknown): string | undefined {
  return backendUrl(url) ?? (/^\$\{\w+\}$/.test(String(url)) ? String(url) : undefined)
}

function takeProxy(proxy: Tree, draft: Draft, ledger: Ledger): void {
  const token = textOf(proxy['auth_token'])
  if (proxy['enable_auth'] === true && token !== undefined) {
    draft.set(['proxy_api_key'], token.replace(/^Bearer\s+/i, ''))
    ledger.approximate(
      ['proxy', 'auth_token'],
      'written as "proxy_api_key", which clients send as "Authorization: Bearer …"',
    )
  }
  const size = textOf(proxy['max_body_size'])
  if (size !== undefined) {
    draft.set(['max_body_size'], size.toLowerCase())
    ledger.approximate(['proxy', 'max_body_size'], 'written as "max_body_size", which counts now')
  }
  const rate = numberOf(proxy['rate_limit'])
  if (rate !== undefined && rate > 0) {
    draft.set(['rate_limiting', 'global', 'requests_per_minute'], Math.trunc(rate))
    const remark = 'written as "rate_limiting.global.requests_per_minute": it counts now, and had no effect before'
    ledger.approximate(['proxy', 'rate_limit'], remark)
  } else if (rate !== undefined) ledger.exact(['proxy', 'rate_limit'], 'nothing is limited unless it is configured')
  for (const key of Object.keys(proxy)) {
    if (!['auth_token', 'enable_auth', 'auth_header', 'max_body_size', 'rate_limit'].includes(key)) {
      ledger.dropped(
        ['proxy', key],
        key === 'enable_stream' ? 'streams are always passed on' : 'there is nothing like it yet',
      )
    }
  }
}

const reasons: Readonly<Record<string, string>> = {
  server: 'the gateway speaks no TLS itself: put a proxy in front of it',
  storage: 'requests are not recorded yet',
  daily_export: 'requests are not recorded yet',
  modelscope: 'requests are not recorded yet',
  huggingface: 'requests are not recorded yet',
  monitoring: '/health is always there',
  cache: 'answers are not cached yet',
  logging: 'the log has no such setting (docs/reference/config.md)',
  load_balancing: 'backends are not asked for their health; one that fails rests (fallback.cooldown_seconds)',
}
