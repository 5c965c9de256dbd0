import type { Tree } from '#config/source.ts'
import { isKey, isReference, literal } from './values.ts'

/** Where Bedrock answers in a region, which may be a reference; undefined when it is no region. */
export function bedrockUrl(region: string): string | undefined {
  if (!isReference(region) && !/^[a-z]{2}(?:-[a-z]{1,16}){1,3}-\d{1,2}$/.test(region)) return undefined
  return `https://bedrock-runtime.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/** Keys of AWS as a credential; undefined when they cannot be such keys. */
export function awsCredential(id: string, secret: string, token?: string): Tree | undefined {
  if (!isReference(id) && !/^\w{16,128}$/.test(id)) return undefined
  if (![secret, token ?? secret].every(isKey)) return undefined
  return { access_key_id: id, secret_access_key: secret, ...(token !== undefined && { session_token: token }) }
}

/** The name that a model of Anthropic, Amazon or Meta has at Bedrock, where it is written by its maker's name. */
export function bedrockModel(model: string, region: string): string {
  const named = oldNames.get(model)
  if (named !== undefined) return named
  if (model.startsWith('nova-')) return `amazon.${model}`
  if (!model.startsWith('claude-')) return model
  const version = /-\d{8}$/.test(model) ? '-v1:0' : model === 'claude-opus-4-6' ? '-v1' : ''
  return `${profileOf(model, region)}anthropic.${model}${version}`
}

/** Newer ones are asked by a profile that spans regions. */
function profileOf(model: string, region: string): string {
  if (/^claude-3-(?:haiku|sonnet|opus|5)/.test(model)) return ''
  const [area = ''] = region.split('-')
  if (area === 'us' || area === 'eu') return `${area}.`
  return area === 'ap' && /^claude-(?:3-7-|sonnet-4-2025)/.test(model) ? 'apac.' : 'global.'
}

const oldNames: ReadonlyMap<string, string> = new Map([
  ['claude-instant-1.2', 'anthropic.claude-instant-v1'],
  ['claude-2.0', 'anthropic.claude-v2'],
  ['claude-2.1', 'anthropic.claude-v2:1'],
  ['claude-3-5-sonnet-20241022', 'anthropic.claude-3-5-sonnet-20241022-v2:0'],
  ['llama3-8b-8192', 'meta.llama3-8b-instruct-v1:0'],
  ['llama3-70b-8192', 'meta.llama3-70b-instruct-v1:0'],
])

/** What channels have in one text: id, secret and region, or an API key and the region. */
export function readAwsKey(text: string): { readonly region: string; readonly proof: Tree } | undefined {
  const parts = text.split('|').map((part) => part.trim())
  const [first = '', second = '', third] = parts
  const region = third ?? second
  if (bedrockUrl(region) === undefined || isReference(region) || first === '') return undefined
  const proof = third === undefined ? ofApiKey(first) : awsCredential(first, literal(second))
  return parts.length > 3 || proof === undefined ? undefined : { region, proof }
}

function ofApiKey(key: string): Tree | undefined {
  return isKey(key) ? { api_key: literal(key) } : undefined
}
