import { isReference, literal, mapOf, textOf } from './values.ts'

/** Where Vertex AI answers for a project, each of which may be a reference; undefined when they are none. */
export function vertexUrl(project: string, location: string): string | undefined {
  if (!isReference(location) && !/^[a-z0-9-]{1,64}$/.test(location)) return undefined
  if (!isReference(project) && !/^[\w.:-]{1,100}$/.test(project)) return undefined
  return `https://${hostOf(location)}/v1/projects/${project}/locations/${location}`
}

function hostOf(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com'
  if (location === 'us' || location === 'eu') return `aiplatform.${location}.rep.googleapis.com`
  return `${location}-aiplatform.googleapis.com`
}

/** Whom Google knows, as JSON. */
export interface Account {
  readonly text: string
  readonly project: string | undefined
}

/** An account that stands in the old file itself, as a map or as a text of JSON; undefined when it is none. */
export function accountOf(value: unknown): Account | undefined {
  const account = mapOf(value)
  const needed = neededOf[textOf(account['type']) ?? '']
  if (needed === undefined || needed.some((key) => typeof account[key] !== 'string' || account[key] === '')) {
    return undefined
  }
  const text = literal(typeof value === 'string' ? value.trim() : JSON.stringify(account))
  return { text, project: textOf(account['project_id']) ?? textOf(account['quota_project_id']) }
}

const neededOf: Readonly<Record<string, readonly string[]>> = Object.assign(Object.create(null), {
  service_account: ['client_email', 'private_key'],
  authorized_user: ['client_id', 'client_secret', 'refresh_token'],
})

/** The name that a model has at Vertex AI, where it is written by its maker's name. */
export function vertexModel(model: string): string {
  if (model === 'claude-3-5-sonnet-20241022') return 'claude-3-5-sonnet-v2@20241022'
  return model.startsWith('claude-') ? model.replace(/-(\d{8})$/, '@$1') : model
}

/** Models that are asked by an API of their own there, which is not spoken. */
export function isVertexStranger(model: string): boolean {
  return /^(?:mistral|ministral|codestral|jamba|imagen|imagegeneration|veo|chirp|lyria)/.test(model)
}
