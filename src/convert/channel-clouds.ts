import type { Tree } from '#config/source.ts'
import { awsCredential, bedrockModel, bedrockUrl, readAwsKey } from './bedrock.ts'
import { isKey, literal, mapOf, textOf } from './values.ts'
import { accountOf, isVertexStranger, vertexModel, vertexUrl } from './vertex.ts'

/** A channel of a cloud, with the variables that take the place of keys which the export leaves out. */
export interface CloudChannel {
  readonly channel: Tree
  readonly models: readonly string[]
  /** The one key, or several; the text as it stands, and each line of it that is switched on. */
  readonly key: string | undefined
  readonly keys: readonly string[]
  readonly variable: (end: string) => string
}

/** A part of a channel that has one address: AWS and Google have one for each region. */
export interface CloudWay {
  readonly url: string
  readonly proof: Tree
  readonly models: readonly string[]
  /** The name of a model there. */
  readonly nameOf: (model: string) => string
}

export interface CloudWays {
  readonly ways: readonly CloudWay[]
  /** Models that are not reached there. */
  readonly lost: readonly string[]
  /** Variables that must be set. */
  readonly variables: readonly string[]
}

/** Undefined when no key of the channel can be read. */
export function awsWays({ channel, models, key, keys, variable }: CloudChannel): CloudWays | undefined {
  const config = mapOf(channel['config'])
  const region = textOf(config['region'])
  const byRegion = new Map<string, Tree[]>()
  const variables: string[] = []
  const id = textOf(config['ak'])
  const secret = textOf(config['sk'])
  if (id !== undefined && secret !== undefined && region !== undefined) {
    const proof = awsCredential(literal(id), literal(secret))
    if (proof !== undefined && bedrockUrl(region) !== undefined) byRegion.set(region, [proof])
  } else if (key === undefined) {
    const [place, keyId, keySecret] = [variable('REGION'), variable('ACCESS_KEY_ID'), variable('SECRET_ACCESS_KEY')]
    variables.push(...(region === undefined ? [place] : []), keyId, keySecret)
    const proof = { access_key_id: `\${${keyId}}`, secret_access_key: `\${${keySecret}}` }
    byRegion.set(region ?? `\${${place}}`, [proof])
  } else {
    for (const found of keys.map(readAwsKey)) {
      if (found !== undefined) byRegion.getOrInsertComputed(found.region, () => []).push(found.proof)
    }
  }
  const ways = [...byRegion].flatMap(([place, proofs]) => {
    const url = bedrockUrl(place)
    const nameOf = (model: string): string => bedrockModel(model, place)
    return url === undefined ? [] : [{ url, proof: proofOf(proofs), models, nameOf }]
  })
  return ways.length === 0 ? undefined : { ways, lost: [], variables }
}

function proofOf(proofs: readonly Tree[]): Tree {
  const [first] = proofs
  return proofs.length === 1 && first !== undefined && 'api_key' in first ? first : { credentials: proofs }
}

/** Undefined when no account of the channel can be read. */
export function vertexWays({ channel, models, key, keys, variable }: CloudChannel): CloudWays | undefined {
  const config = mapOf(channel['config'])
  const written = textOf(config['vertex_ai_adc']) ?? key
  const accounts = accountsIn(written)
  const apiKeys = accounts.length === 0 ? keys.filter((each) => isKey(each) && !/[{[]/.test(each)) : []
  const variables: string[] = []
  const proofs = [
    ...accounts.map(({ text }) => ({ service_account: text })),
    ...apiKeys.map((each) => ({ api_key: literal(each) })),
  ]
  const account = variable('SERVICE_ACCOUNT')
  if (written === undefined) {
    proofs.push({ service_account: `\${${account}}` })
    variables.push(account)
  }
  if (proofs.length === 0) return undefined
  const ownProject = textOf(config['vertex_ai_project_id']) ?? accounts.find(({ project }) => project)?.project
  const project = ownProject ?? `\${${variable('PROJECT')}}`
  if (ownProject === undefined && apiKeys.length === 0) variables.push(variable('PROJECT'))
  const reached = models.filter((model) => !isVertexStranger(model))
  const regions = regionsOf(channel)
  const ways = [...Map.groupBy(reached, regions)].flatMap(([region, ofRegion]) => {
    // A key alone is that of the express mode, which knows neither project nor region.
    const url = apiKeys.length > 0 ? 'https://aiplatform.googleapis.com' : vertexUrl(project, region)
    return url === undefined ? [] : [{ url, proof: proofOf(proofs), models: ofRegion, nameOf: vertexModel }]
  })
  const lost = models.filter((model) => !ways.some((way) => way.models.includes(model)))
  return { ways, lost, variables }
}

/** One account, a list of them, or one on each line. */
function accountsIn(text: string | undefined): { readonly text: string; readonly project: string | undefined }[] {
  if (text === undefined) return []
  const list: unknown = text.trimStart().startsWith('[') ? mapOf(`{"list":${text}}`)['list'] : undefined
  const one = accountOf(text)
  const found = Array.isArray(list) ? list : one === undefined ? text.split(/\r?\n/) : [text]
  return found.flatMap((each: unknown) => accountOf(each) ?? [])
}

/** A region for all models, or one for each by its name. */
function regionsOf(channel: Tree): (model: string) => string {
  const written = textOf(mapOf(channel['config'])['region']) ?? textOf(channel['other'])
  const byModel = mapOf(written)
  const common = Object.keys(byModel).length === 0 ? written : textOf(byModel['default'])
  return (model) => (Object.hasOwn(byModel, model) ? textOf(byModel[model]) : undefined) ?? common ?? 'global'
}
