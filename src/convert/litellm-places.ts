import type { Tree } from '#config/source.ts'
import { awsCredential, bedrockUrl } from './bedrock.ts'
import type { Provider } from './litellm-providers.ts'
import { backendUrl, isKey, mapOf, textOf } from './values.ts'
import { accountOf, isVertexStranger, vertexUrl } from './vertex.ts'

/** A deployment of LiteLLM, as far as it says where a model is to be had. */
export interface Deployment {
  /** What stands before the name of the model. */
  readonly name: string
  readonly provider: Provider
  readonly model: string
  readonly params: Tree
  /** A value as it is written here: `os.environ/X` is `${X}`. */
  readonly reference: (value: unknown) => string | undefined
}

/** A backend without its name: what it speaks, where, and by what proof. */
export interface Place {
  readonly backend: Tree
  readonly model: string
  /** Values that were left out or guessed, by their keys. */
  readonly dropped: readonly Remark[]
  readonly guessed: readonly Remark[]
}

export type Remark = readonly [key: string, what: string]

/** Where a deployment leads, or why it cannot be reached. */
export function placeOf(deployment: Deployment): Place | Remark {
  switch (deployment.provider.protocol) {
    case 'bedrock':
      return bedrockPlace(deployment)
    case 'vertex':
      return vertexPlace(deployment)
    default:
      return ownPlace(deployment)
  }
}

function ownPlace({ name, provider, model, params, reference }: Deployment): Place | Remark {
  const base = reference(params['api_base'] ?? params['base_url'])
  const given = addressOf(base)
  if (base !== undefined && given === undefined) return ['api_base', 'no address of a backend']
  const address = given ?? provider.url ?? (provider.base === undefined ? undefined : `\${${provider.base}}`)
  if (address === undefined) return ['api_base', `an address is missing, which ${name} needs`]
  const url = trimmed(address, provider.protocol)
  // Models that are served alone take keys as OpenAI does.
  const protocol =
    name === 'azure_ai' && /\.(?:models|inference)\.ai\.azure\.com(?:\/|$)/.test(url) ? 'openai' : provider.protocol
  const dropped: Remark[] = []
  const theirKey = base === undefined || provider.url === undefined ? provider.key : undefined
  const proof = keyOf(reference(params['api_key']), dropped) ?? entraOf(protocol, params, reference, dropped)
  const version = protocol === 'azure' ? versionOf(reference(params['api_version']), dropped) : {}
  return {
    backend: {
      url,
      protocol,
      ...(proof ?? (theirKey === undefined ? {} : { api_key: `\${${theirKey}}` })),
      ...version,
    },
    model,
    dropped,
    guessed: [],
  }
}

/** Some write the whole address of one call. */
function trimmed(address: string, protocol: string): string {
  if (protocol === 'ollama') return address.replace(/\/(?:api|v1)$/, '')
  if (protocol === 'anthropic') return address.replace(/(?:\/v1)?\/messages$/, '')
  if (protocol === 'azure') return address.replace(/\/chat\/completions$/, '')
  if (protocol !== 'cohere') return address
  const bare = address.replace(/\/(?:chat|embed|generate|rerank)$/, '')
  // Elsewhere its own API is told by the version.
  return /^https:\/\/api\.cohere\.(?:com|ai)(?:\/|$)|\/v2$|\/compatibility\//.test(bare) || bare.startsWith('$')
    ? bare
    : `${bare.replace(/\/v1$/, '')}/v2`
}

function addressOf(base: string | undefined): string | undefined {
  return base?.startsWith('${') === true ? base : backendUrl(base)
}

function keyOf(key: string | undefined, dropped: Remark[]): Tree | undefined {
  if (key === undefined) return undefined
  if (isKey(key)) return { api_key: key }
  dropped.push(['api_key', 'a key of characters that no header carries'])
  return {}
}

function versionOf(version: string | undefined, dropped: Remark[]): Tree {
  if (version === undefined) return {}
  if (/^(?:[\w.-]{1,64}|\$\{\w+\})$/.test(version)) return { api_version: version }
  dropped.push(['api_version', 'no version such as "2024-10-21"'])
  return {}
}

/** An application that Microsoft's login knows. */
function entraOf(
  protocol: string,
  params: Tree,
  reference: Deployment['reference'],
  dropped: Remark[],
): Tree | undefined {
  const tenant = reference(params['tenant_id'])
  if (protocol !== 'azure' || tenant === undefined) return undefined
  const client = reference(params['client_id'])
  const secret = reference(params['client_secret'])
  const isTenant = /^(?:[A-Za-z0-9.-]{1,253}|\$\{\w+\})$/.test(tenant)
  if (!isTenant || client === undefined || client.length > 4096 || secret === undefined || !isKey(secret)) {
    dropped.push(['tenant_id', 'with client_id and client_secret it would be a credential, but one of them is missing'])
    return undefined
  }
  return { credentials: [{ type: 'azure_ad', tenant, client_id: client, client_secret: secret }] }
}

function bedrockPlace({ model: written, params, reference }: Deployment): Place | Remark {
  if (/^(?:agent|agentcore|async_invoke|mantle)\//.test(written)) {
    return [
      'model',
      `"${written.split('/')[0] ?? ''}" of Bedrock is not carried over: only Converse and InvokeModel are`,
    ]
  }
  const inPath = /(?:^|\/)([a-z]{2}(?:-[a-z]+)+-\d)\//.exec(written)?.[1]
  const inArn = /(?:^|\/)arn:[\w-]+:bedrock:([a-z0-9-]+):/.exec(written)?.[1]
  const region = reference(params['aws_region_name']) ?? inPath ?? inArn ?? '${AWS_REGION_NAME:-us-west-2}'
  const endpoint = reference(params['aws_bedrock_runtime_endpoint'] ?? params['api_base'])
  const url = endpoint === undefined ? bedrockUrl(region) : addressOf(endpoint)
  if (url === undefined) {
    return endpoint === undefined
      ? ['aws_region_name', 'no region such as "us-east-1"']
      : ['aws_bedrock_runtime_endpoint', 'no address of a backend']
  }
  const dropped: Remark[] = []
  const guessed: Remark[] = []
  const proof = keyOf(reference(params['api_key']), dropped) ?? awsProof(params, reference, dropped, guessed)
  // An address of one's own need not say the region, which signatures need.
  const credentials = proof['credentials']
  if (endpoint !== undefined && Array.isArray(credentials)) {
    if (bedrockUrl(region) === undefined) return ['aws_region_name', 'no region such as "us-east-1"']
    for (const credential of credentials.map(mapOf)) credential['region'] = region
  }
  const model = written.replace(/^.*\/(?=arn:)/, '').replace(/^(?:(?:converse|invoke|[a-z]{2}(?:-[a-z]+)+-\d)\/)+/, '')
  return { backend: { url, protocol: 'bedrock', ...proof }, model, dropped, guessed }
}

function awsProof(params: Tree, reference: Deployment['reference'], dropped: Remark[], guessed: Remark[]): Tree {
  const id = reference(params['aws_access_key_id'])
  const secret = reference(params['aws_secret_access_key'])
  const own =
    id === undefined || secret === undefined
      ? undefined
      : awsCredential(id, secret, reference(params['aws_session_token']))
  if (own !== undefined) return { credentials: [own] }
  if (id !== undefined || secret !== undefined) dropped.push(['aws_access_key_id', 'no keys of AWS'])
  else {
    guessed.push([
      'model',
      'keys of AWS are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY here; roles, profiles and the metadata of machines are not asked',
    ])
  }
  return { credentials: [{ access_key_id: '${AWS_ACCESS_KEY_ID}', secret_access_key: '${AWS_SECRET_ACCESS_KEY}' }] }
}

function vertexPlace({ model: written, params, reference }: Deployment): Place | Remark {
  if (isVertexStranger(written)) {
    return ['model', `"${written}" is asked by an API of its own at Vertex AI, which is not spoken here`]
  }
  const dropped: Remark[] = []
  const guessed: Remark[] = []
  const given = params['vertex_credentials'] ?? params['vertex_ai_credentials']
  const account = accountOf(given)
  const project =
    reference(params['vertex_project'] ?? params['vertex_ai_project']) ?? account?.project ?? '${VERTEXAI_PROJECT}'
  const location =
    reference(params['vertex_location'] ?? params['vertex_ai_location']) ?? '${VERTEXAI_LOCATION:-us-central1}'
  const base = reference(params['api_base'])
  const url = base === undefined ? vertexUrl(project, location) : addressOf(base)
  if (url === undefined) {
    return base === undefined
      ? ['vertex_project', 'no project and location such as "my-project" and "us-central1"']
      : ['api_base', 'no address of a backend']
  }
  const key = keyOf(reference(params['api_key']), dropped)
  const endpoint = /^openai\/(\d+)$/.exec(written)?.[1]
  return {
    backend: {
      url: endpoint === undefined ? url : `${url}/endpoints/${endpoint}`,
      protocol: 'vertex',
      ...(key ?? {
        credentials: [{ service_account: accountText(given, account?.text, reference, dropped, guessed) }],
      }),
    },
    model: endpoint ?? written.replace(/^(?:gemini\/)?(?=\d+$)/, 'endpoints/').replace(/^gemini\//, ''),
    dropped,
    guessed,
  }
}

function accountText(
  given: unknown,
  own: string | undefined,
  reference: Deployment['reference'],
  dropped: Remark[],
  guessed: Remark[],
): string {
  if (own !== undefined) return own
  const written = textOf(given)
  if (written !== undefined && written.length <= 4096 && /^[^\p{Cc}{]+$/u.test(written)) {
    if (!written.startsWith('os.environ/') && !written.startsWith('/')) {
      guessed.push(['vertex_credentials', 'the file is looked for beside the configuration'])
    }
    return reference(written) ?? written
  }
  if (given !== undefined) dropped.push(['vertex_credentials', 'no account of Google'])
  else {
    guessed.push([
      'model',
      'the account is the file that GOOGLE_APPLICATION_CREDENTIALS names; the metadata of machines are not asked',
    ])
  }
  return '${GOOGLE_APPLICATION_CREDENTIALS}'
}

/** Parameters that say where a model is to be had, beside those of all providers. */
export const placeParams: Readonly<Record<string, ReadonlySet<string>>> = {
  bedrock: new Set([
    'aws_region_name',
    'aws_access_key_id',
    'aws_secret_access_key',
    'aws_session_token',
    'aws_bedrock_runtime_endpoint',
  ]),
  vertex: new Set([
    'vertex_project',
    'vertex_location',
    'vertex_credentials',
    'vertex_ai_project',
    'vertex_ai_location',
    'vertex_ai_credentials',
  ]),
  azure: new Set(['tenant_id', 'client_id', 'client_secret']),
}
