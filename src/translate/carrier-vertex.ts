import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Carrier } from './carrier.ts'
import { claudeBetas } from './carrier-betas.ts'

/** Claude at Vertex: Anthropic's own body without the model, which the path says. Paths begin behind project and region. */
export const vertexClaude: Carrier = {
  framing: 'sse',
  request(request, model, client, notes) {
    const isCount = request.path.endsWith('/count_tokens')
    const { model: _model, anthropic_version: own, anthropic_beta: asked, ...rest } = request.body
    const betas = claudeBetas('vertex', request.headers, client, asked, notes)
    const name = model.replace(/^(?:publishers\/anthropic\/models|anthropic)\//, '')
    const place = isCount
      ? 'count-tokens:rawPredict'
      : `${segment(name)}:${request.stream ? 'streamRawPredict' : 'rawPredict'}`
    return {
      ...request,
      path: `/publishers/anthropic/models/${place}`,
      query: '',
      body: {
        anthropic_version: asText(own) ?? 'vertex-2023-10-16',
        ...(betas.length > 0 && { anthropic_beta: betas }),
        ...(isCount && { model: name }),
        ...rest,
      },
      headers: request.headers.filter(([header]) => !header.startsWith('anthropic-')),
    }
  },
}

/** Gemini at Vertex: the same verbs and bodies, behind a publisher. */
export const vertexGemini: Carrier = {
  framing: 'sse',
  request(request, model) {
    const verb = request.path.slice(request.path.lastIndexOf(':') + 1)
    const body = verb === 'countTokens' ? countedBody(request.body) : request.body
    return { ...request, path: `${geminiPlace(model)}:${verb}`, body }
  },
}

/** It counts what stands in the body itself, and takes no more of a request than what can be counted. */
function countedBody(body: JsonObject): JsonObject {
  const request = asObject(body['generateContentRequest'] ?? body['generate_content_request'])
  if (request === undefined) return body
  return Object.fromEntries(Object.entries(request).filter(([name]) => counted.has(name)))
}

const counted: ReadonlySet<string> = new Set([
  'contents',
  'systemInstruction',
  'system_instruction',
  'tools',
  'generationConfig',
  'generation_config',
])

/** What Vertex hosts of others, by OpenAI's form. */
export const vertexChat: Carrier = {
  framing: 'sse',
  request: (request) => ({ ...request, path: request.path.replace(/^(?:\/v1)?\//, '/endpoints/openapi/') }),
}

/** Models that were tuned have an endpoint of their own; those of others than Google say so in front. */
function geminiPlace(model: string): string {
  if (/^endpoints\/\d+$/.test(model)) return `/${model}`
  const bare = model.replace(/^models\//, '')
  const [, publisher = 'google', name = bare] = /^(?:publishers\/)?([\w-]+)\/(?:models\/)?(.+)$/.exec(bare) ?? []
  return `/publishers/${segment(publisher)}/models/${segment(name)}`
}

/** One segment of a path; Vertex's names have their date behind `@`, which may stand as it is. */
function segment(name: string): string {
  return encodeURIComponent(name).replaceAll('%40', '@')
}
