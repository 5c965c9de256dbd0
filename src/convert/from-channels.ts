import type { ConfigPath } from '#config/problem.ts'
import type { Tree } from '#config/source.ts'
import { awsWays, vertexWays, type CloudWay } from './channel-clouds.ts'
import { channelType, isShared, type ChannelType, type Lineage } from './channel-types.ts'
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

  constructor(lineage: Lineage, priorities: readonly number[], draft: Draft, ledger: Ledger) {
    this.#lineage = lineage
    this.#priorities = priorities
    this.#draft = draft
    this.#ledger = ledger
  }

  readChannel(channel: Tree, path: ConfigPath): void {
    const number = numberOf(channel['type']) ?? 0
    const type = channelType(number, this.#lineage)
    const label = textOf(channel['name']) ?? `channel-${textOf(channel['id']) ?? String(path.at(-1))}`
    if (type === undefined) {
      this.#ledger.dropped([...path, 'type'], `"${label}": channels of type ${number} are not reached from here yet`)
      return
    }
    const models = textsOf(channel['models'])
    if (models.length === 0) {
      this.#ledger.dropped([...path, 'models'], `"${label}" has no models`)
      return
    }
    const isCloud = type.protocol === 'bedrock' || type.protocol === 'vertex'
    const added = isCloud
      ? this.#addCloud(channel, type, label, models, path)
      : this.#addPlain(channel, type, label, models, path)
    if (!added) return
    const name = this.#draft.backends.at(-1)?.['name']
    const told = `backend "${String(name)}" (${type.name}) with ${count(models.length, 'model')}`
    if (isShared(number)) this.#ledger.exact(path, told)
    else this.#ledger.approximate([...path, 'type'], `${told}: ${number} read as ${this.#lineage} means it`)
    this.#tellRest(channel, path, isCloud)
  }

  #addPlain(channel: Tree, type: ChannelType, label: string, models: readonly string[], path: ConfigPath): boolean {
    const given = textOf(channel['base_url'])
    const url = backendUrl(given ?? type.url)
    if (url === undefined) {
      this.#ledger.dropped(
        [...path, 'base_url'],
        `"${label}": ${given === undefined ? 'the address is missing' : 'no address of a backend'}`,
      )
      return false
    }
    const name = this.#draft.nameFor(label)
    const backend: Tree = { name, url: ownApi(type.protocol, url), protocol: type.protocol }
    this.#readKeys(channel, backend, path)
    this.#add(channel, type, backend, models, (model) => model, path)
    return true
  }

  #addCloud(channel: Tree, type: ChannelType, label: string, models: readonly string[], path: ConfigPath): boolean {
    const key = textOf(channel['key'])
    const keys = key === undefined ? [] : this.#enabledKeys(channel, key, path)
    const mapping = mapOf(channel['model_mapping'])
    const targets = [...new Set(models.map((model) => target(model, mapping)))]
    const variable = (end: string): string => `${variableName(label)}_${end}`
    const read = type.protocol === 'bedrock' ? awsWays : vertexWays
    const found = read({ channel, models: targets, key, keys, variable })
    if (found === undefined) {
      this.#ledger.dropped([...path, 'key'], `"${label}": no credential of ${type.name} could be read`)
      return false
    }
    const { ways, lost, variables } = found
    if (variables.length > 0) {
      this.#ledger.approximate([...path, 'key'], `the export holds no key: set the variables ${variables.join(', ')}`)
    }
    if (lost.length > 0) {
      const what = `"${label}": ${lost.map((model) => `"${model}"`).join(', ')} cannot be asked at ${type.name} from here`
      this.#ledger.dropped([...path, 'models'], what)
    }
    for (const way of ways) this.#addWay(channel, type, label, models, way, path)
    return ways.length > 0
  }

  #addWay(
    channel: Tree,
    type: ChannelType,
    label: string,
    models: readonly string[],
    { url, proof, models: targets, nameOf }: CloudWay,
    path: ConfigPath,
  ): void {
    const mapping = mapOf(channel['model_mapping'])
    const own = models.filter((model) => targets.includes(target(model, mapping)))
    const backend: Tree = { name: this.#draft.nameFor(label), url, protocol: type.protocol, ...proof }
    this.#add(channel, type, backend, own, nameOf, path)
    const renamed = targets.filter((model) => nameOf(model) !== model)
    if (renamed.length === 0) return
    const names = renamed.map((model) => `"${model}" is "${nameOf(model)}"`).join(', ')
    this.#ledger.approximate(
      [...path, 'models'],
      `${names} at ${type.name}: see that these are the names in your account`,
    )
  }

  /** What all channels have beside address and keys. */
  #add(
    channel: Tree,
    type: ChannelType,
    backend: Tree,
    models: readonly string[],
    nameOf: (model: string) => string,
    path: ConfigPath,
  ): void {
    const name = String(backend['name'])
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
    const weight = within(numberOf(channel['weight']) ?? 0, 0, 1_000_000)
    for (const model of models) {
      const there = literal(nameOf(target(model, mapping)))
      this.#draft.addRoute(model, { backend: name, model: there, priority, weight })
    }
  }

  /** Each once, in the order of the channel. */
  #enabledKeys(channel: Tree, written: string, path: ConfigPath): string[] {
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
    return enabled
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
    const enabled = this.#enabledKeys(channel, written, path)
    const usable = enabled.filter(isKey)
    if (usable.length < enabled.length)
      this.#ledger.dropped([...path, 'key'], 'a key of characters that no header carries')
    if (usable.length === 1) {
      backend['api_key'] = literal(usable[0] ?? '')
      return
    }
    backend['credentials'] = usable.map((key) => ({ api_key: literal(key) }))
    const isRandom = textOf(mapOf(channel['channel_info'])['multi_key_mode']) === 'random'
    if (isRandom) this.#ledger.approximate([...path, 'key'], `${usable.length} keys, used in turn and not by chance`)
    else this.#ledger.exact([...path, 'key'], `${usable.length} keys, used in turn`)
  }

  #tellRest(channel: Tree, path: ConfigPath, isCloud: boolean): void {
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
          Object.entries(mapOf(value)).every(
            ([each, inner]) => each === 'api_version' || inner === '' || (isCloud && ofClouds.has(each)),
          )
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

/** Cohere's own API is told by its host or its version; Google's is not below the path for clients of OpenAI. */
function ownApi(protocol: string, url: string): string {
  if (protocol === 'gemini') return url.replace(/\/v1(?:beta)?\/openai$/, '')
  if (protocol !== 'cohere' || /^https:\/\/api\.cohere\.(?:com|ai)$|\/v2$|\/compatibility\//.test(url)) return url
  return `${url.replace(/\/v1$/, '')}/v2`
}

/** What the channels of clouds say in `config`. */
const ofClouds: ReadonlySet<string> = new Set(['region', 'ak', 'sk', 'vertex_ai_project_id', 'vertex_ai_adc'])

const reasons: Readonly<Record<string, string>> = {
  status_code_mapping: 'statuses are passed on as they are',
  param_override: 'requests are passed on as they are',
  setting: 'there is nothing like it (a proxy: backends[].outbound_proxy)',
  settings: 'there is nothing like it',
  config: 'there is nothing like it',
  system_prompt: 'requests are passed on as they are',
}
