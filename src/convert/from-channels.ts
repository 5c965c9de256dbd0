import type { ConfigPath } from '#config/problem.ts'
import type { Tree } from '#config/source.ts'
import { channelType, isShared, type Lineage } from './channel-types.ts'
import { DialectRoutes } from './dialects.ts'
import type { Draft } from './draft.ts'
import { channelsAt, channelsOf } from './form.ts'
import type { Ledger } from './ledger.ts'
import { count, backendUrl, isKey, literal, mapOf, numberOf, textOf, textsOf, within } from './values.ts'

/** Channels as one-api and new-api export them. Each becomes a backend, each of its models a route. */
export function fromChannels(value: unknown, draft: Draft, ledger: Ledger): void {
  const channels = channelsOf(value).map(mapOf)
  const lineage = lineageOf(channels)
  const at = channelsAt(value)
  draft.set(['listen'], ':3000')
  draft.comment(['listen'], 'Add proxy_api_key: without it the gateway listens on loopback only.')
  ledger.approximate([], 'clients had keys from the database; here is one for all of them: set proxy_api_key')
  const priorities = [...new Set(channels.map(priorityOf))].toSorted((a, b) => b - a)
  const conversion = new Conversion(lineage, priorities, draft, ledger)
  for (const [index, channel] of channels.entries()) conversion.readChannel(channel, [...at, index])
  conversion.weigh()
  if (priorities.length > 1) {
    ledger.exact(at, 'priorities: theirs was the largest first, here it is the smallest, so they are numbered anew')
  }
}

class Conversion {
  readonly #lineage: Lineage
  /** The most preferred first. */
  readonly #priorities: readonly number[]
  readonly #draft: Draft
  readonly #ledger: Ledger
  readonly #routes: DialectRoutes

  constructor(lineage: Lineage, priorities: readonly number[], draft: Draft, ledger: Ledger) {
    this.#lineage = lineage
    this.#priorities = priorities
    this.#draft = draft
    this.#ledger = ledger
    this.#routes = new DialectRoutes(draft, ledger)
  }

  readChannel(channel: Tree, path: ConfigPath): void {
    const number = numberOf(channel['type']) ?? 0
    const type = channelType(number, this.#lineage)
    const label = textOf(channel['name']) ?? `channel-${textOf(channel['id']) ?? String(path.at(-1))}`
    if (type === undefined) {
      this.#ledger.dropped([...path, 'type'], `"${label}": channels of type ${number} are not reached from here yet`)
      return
    }
    const given = textOf(channel['base_url'])
    const url = backendUrl(given ?? type.url)
    if (url === undefined) {
      this.#ledger.dropped(
        [...path, 'base_url'],
        `"${label}": ${given === undefined ? 'the address is missing' : 'no address of a backend'}`,
      )
      return
    }
    const models = textsOf(channel['models'])
    if (models.length === 0) {
      this.#ledger.dropped([...path, 'models'], `"${label}" has no models`)
      return
    }
    const name = this.#draft.nameFor(label)
    const backend: Tree = { name, url, protocol: type.protocol }
    this.#readKeys(channel, backend, path)
    const status = numberOf(channel['status']) ?? 1
    if (status !== 1) backend['enabled'] = false
    const version = type.protocol === 'azure' ? versionOf(channel) : undefined
    if (version !== undefined) backend['api_version'] = version
    const headers = headersOf(channel)
    if (Object.keys(headers).length > 0) backend['headers'] = headers
    const at = this.#draft.addBackend(backend)
    const remark = textOf(channel['remark'])
    this.#draft.comment(at, `${type.name}${remark === undefined ? '' : `: ${remark}`}`)
    if (status === 3)
      this.#ledger.approximate([...path, 'status'], `"${name}" was switched off after failures: enabled: false`)

    const mapping = mapOf(channel['model_mapping'])
    const priority = this.#priorities.indexOf(priorityOf(channel)) + 1
    for (const model of models) {
      const weight = within(numberOf(channel['weight']) ?? 0, 0, 1_000_000)
      this.#routes.add(model, { backend: name, model: literal(target(model, mapping)), priority, weight }, path)
    }
    const told = `backend "${name}" (${type.name}) with ${count(models.length, 'model')}`
    if (isShared(number)) this.#ledger.exact(path, told)
    else this.#ledger.approximate([...path, 'type'], `${told}: ${number} read as ${this.#lineage} means it`)
    this.#tellRest(channel, path)
  }

  #readKeys(channel: Tree, backend: Tree, path: ConfigPath): void {
    const written = textOf(channel['key'])
    if (backend['protocol'] === 'ollama' && written === undefined) return
    if (written === undefined) {
      const variable = `${variableName(String(backend['name']))}_API_KEY`
      backend['api_key'] = `\${${variable}}`
      this.#ledger.approximate([...path, 'key'], `the export holds no key: set the variable ${variable}`)
      return
    }
    const info = mapOf(channel['channel_info'])
    const keys = [
      ...new Set(
        written
          .split(/\r?\n/)
          .map((key) => key.trim())
          .filter((key) => key !== ''),
      ),
    ]
    const states = mapOf(info['multi_key_status_list'])
    const isOn = (_: string, index: number): boolean => numberOf(states[index] ?? 1) === 1
    const enabled = keys.some(isOn) ? keys.filter(isOn) : keys
    const off = keys.length - enabled.length
    if (off > 0) this.#ledger.dropped([...path, 'key'], `${count(off, 'key')} that had been switched off`)
    const usable = enabled.filter(isKey)
    if (usable.length < enabled.length)
      this.#ledger.dropped([...path, 'key'], 'a key of characters that no header carries')
    if (usable.length === 1) {
      backend['api_key'] = literal(usable[0] ?? '')
      return
    }
    backend['credentials'] = usable.map((key) => ({ api_key: literal(key) }))
    const isRandom = textOf(info['multi_key_mode']) === 'random'
    if (isRandom) this.#ledger.approximate([...path, 'key'], `${usable.length} keys, used in turn and not by chance`)
    else this.#ledger.exact([...path, 'key'], `${usable.length} keys, used in turn`)
  }

  #tellRest(channel: Tree, path: ConfigPath): void {
    for (const [header, value] of Object.entries(mapOf(channel['header_override']))) {
      if (String(value).includes('{'))
        this.#ledger.dropped([...path, 'header_override'], `"${header}" has a placeholder`)
    }
    const groups = textsOf(channel['group']).filter((group) => group !== 'default')
    if (groups.length > 0)
      this.#ledger.dropped([...path, 'group'], 'there are no groups: every client reaches every backend')
    for (const [key, reason] of Object.entries(reasons)) {
      const value = channel[key]
      const isSet =
        typeof value === 'string'
          ? !['', '{}', '[]', 'null'].includes(value.trim())
          : Object.keys(mapOf(value)).length > 0
      if (
        isSet &&
        !(
          key === 'config' &&
          Object.entries(mapOf(value)).every(([each, inner]) => each === 'api_version' || inner === '')
        )
      ) {
        this.#ledger.dropped([...path, key], reason)
      }
    }
  }

  /** They shared alike where every weight was 0, which is also their default; one-api knew no other way. */
  weigh(): void {
    let isIgnored = false
    for (const alias of this.#draft.aliases) {
      const routes = this.#draft.routesOf(alias)
      for (const priority of new Set(routes.map((route) => route['priority']))) {
        const tier = routes.filter((route) => route['priority'] === priority)
        const isEqual = tier.every((route) => route['weight'] === tier[0]?.['weight'])
        if (!isEqual && this.#lineage === 'one-api') isIgnored = true
        if (isEqual || this.#lineage === 'one-api') for (const route of tier) delete route['weight']
      }
    }
    if (isIgnored)
      this.#ledger.approximate([], 'weights are left out, since one-api took channels of one priority alike')
  }
}

/** Keys that only one of the programs writes. */
function lineageOf(channels: readonly Tree[]): Lineage {
  const isNew = channels.some((channel) =>
    ['channel_info', 'auto_ban', 'setting', 'settings', 'param_override', 'header_override', 'tag'].some(
      (key) => key in channel,
    ),
  )
  return isNew || !channels.some((channel) => 'config' in channel || 'system_prompt' in channel) ? 'new-api' : 'one-api'
}

function priorityOf(channel: Tree): number {
  return numberOf(channel['priority']) ?? 0
}

/** Names may be mapped more than once. */
function target(model: string, mapping: Tree): string {
  const seen = new Set<string>()
  let name = model
  while (!seen.has(name)) {
    seen.add(name)
    name = (Object.hasOwn(mapping, name) ? textOf(mapping[name]) : undefined) ?? name
  }
  return name
}

function versionOf(channel: Tree): string | undefined {
  const version = textOf(mapOf(channel['config'])['api_version']) ?? textOf(channel['other'])
  return version !== undefined && /^[\w.-]{1,64}$/.test(version) ? version : undefined
}

function headersOf(channel: Tree): Tree {
  const headers: Tree = {}
  for (const [name, value] of Object.entries(mapOf(channel['header_override']))) {
    const text = textOf(value)
    if (text !== undefined && !text.includes('{') && /^[\w-]+$/.test(name) && /^[\u0020-\u007e]*$/.test(text))
      headers[name] = literal(text)
  }
  const organization = textOf(channel['openai_organization'])
  if (organization !== undefined && isKey(organization)) headers['OpenAI-Organization'] = literal(organization)
  return headers
}

export function variableName(text: string): string {
  const name = text
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
  return /^[A-Z]/.test(name) ? name : `BACKEND_${name}`.replace(/_$/, '')
}

const reasons: Readonly<Record<string, string>> = {
  status_code_mapping: 'statuses are passed on as they are',
  param_override: 'requests are passed on as they are',
  setting: 'there is nothing like it (a proxy: backends[].outbound_proxy)',
  settings: 'there is nothing like it',
  config: 'there is nothing like it',
  system_prompt: 'requests are passed on as they are',
}
