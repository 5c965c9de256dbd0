import type { Call } from '#core/call.ts'

/** Where a path goes at Azure, and whether it goes there with an `api-version`. */
export interface AzurePlace {
  readonly path: string
  readonly isVersioned: boolean
}

/**
 * Azure has OpenAI's API in an old form, by deployments, and in a new one that is like OpenAI's own; Anthropic's API; and
 * one for the models of others. The end of the base address says which one is meant; a bare one means deployments.
 */
export function azurePlace({ endpoint, path }: Call, model: string, base: string): AzurePlace {
  if (base.endsWith('/openai/v1')) return { path: joined(base, path), isVersioned: false }
  const isAnthropic = /\/anthropic(?:\/v1)?$/.test(base)
  if (isAnthropic || endpoint.dialect === 'anthropic') {
    return { path: joined(isAnthropic ? base : `${base}/anthropic`, path), isVersioned: false }
  }
  const rest = withoutV1(path)
  // It has chosen its deployment, or that the body chooses among the models of others.
  if (/\/openai\/deployments\/[^/]+$/.test(base) || isInference(base)) return { path: base + rest, isVersioned: true }
  const behind = base.endsWith('/openai') ? base : `${base}/openai`
  // Files, batches and what was answered before are of no deployment, and neither are the answers that can be kept.
  const isOfModel = endpoint.reads !== 'nothing' && !/^\/responses(?:\/|$)/.test(rest)
  const deployment = isOfModel ? `/deployments/${encodeURIComponent(model)}` : ''
  return { path: behind + deployment + rest, isVersioned: true }
}

/** The API of Azure for models of others than OpenAI. */
export function isInference(basePath: string): boolean {
  return /\/models\/?$/.test(basePath)
}

/**
 * Behind a project and its region stand the models of a publisher, and an API for OpenAI's clients. Without a project the
 * base address is that of a key alone, which may lack the version too.
 */
export function vertexPath(path: string, basePath: string): string {
  const asked = vertexPlace(path)
  const endpoint = /\/endpoints\/(?!openapi$)[^/]+$/.test(basePath)
  if (endpoint && asked.startsWith(openapi)) return basePath + asked.slice(openapi.length)
  const base = basePath.replace(/\/(?:publishers(?:\/.*)?|endpoints\/openapi)$/, '')
  return (versioned.test(base) ? base : `${base}/v1`) + asked
}

const openapi = '/endpoints/openapi'
const versioned = /\/v\d+(?:(?:alpha|beta)\d*)?(?:\/|$)/

/** What stands behind the region: as it is asked there, or as clients of other places of the same API ask. */
function vertexPlace(path: string): string {
  if (/^\/(?:publishers|endpoints)\//.test(path)) return path
  const own = /^\/v1(?:beta|alpha)?(\/models\/.*)$/.exec(path)?.[1]
  return own === undefined ? openapi + withoutV1(path) : `/publishers/google${own}`
}

/** Cohere's own API stands beside the one for OpenAI's clients, and has a version of its own. */
export function coherePath(path: string, basePath: string): string {
  return basePath.replace(/\/(?:compatibility\/)?v[12]$/, '') + path
}

function joined(base: string, path: string): string {
  const version = base.endsWith('/v1') && path.startsWith('/v1/')
  return base + (version ? path.slice('/v1'.length) : path)
}

function withoutV1(path: string): string {
  return path.startsWith('/v1/') ? path.slice('/v1'.length) : path
}
