import type { Backend } from '#core/candidate.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import { joinPath } from './url.ts'

/** Where a protocol has the list of its models. To ask for it costs no tokens. */
export interface ListPlace {
  readonly path: string
  /** As many on one page as there are. */
  readonly query: string
  /** As few, for those who only want an answer. */
  readonly shortQuery: string
  readonly dialect: Dialect
}

export const listPlaces: Readonly<Record<Protocol, ListPlace>> = {
  openai: ofOpenai(),
  deepseek: ofOpenai(),
  groq: ofOpenai(),
  mistral: ofOpenai(),
  azure: ofOpenai(),
  any: ofOpenai(),
  cohere: { ...ofOpenai(), query: 'page_size=1000', shortQuery: 'page_size=1' },
  anthropic: { path: '/v1/models', query: 'limit=1000', shortQuery: 'limit=1', dialect: 'anthropic' },
  gemini: { path: '/v1beta/models', query: 'pageSize=1000', shortQuery: 'pageSize=1', dialect: 'gemini' },
  ollama: { path: '/api/tags', query: '', shortQuery: '', dialect: 'ollama' },
  // Whether it has one, nobody knows.
  converter: { path: '', query: '', shortQuery: '', dialect: 'raw' },
  // Its list is at another address; this tells that it is there.
  bedrock: { path: '/ping', query: '', shortQuery: '', dialect: 'raw' },
  vertex: {
    path: '/v1beta1/publishers/google/models',
    query: 'pageSize=100',
    shortQuery: 'pageSize=1',
    dialect: 'gemini',
  },
}

/** The address of the list of models at a backend. */
export function listUrl(
  { url, apiVersion }: Pick<Backend, 'url' | 'apiVersion'>,
  protocol: Protocol,
  query: string,
): URL {
  const { path } = listPlaces[protocol]
  const base = url.pathname.replace(/\/$/, '')
  if (protocol === 'azure' && !base.endsWith('/openai/v1')) {
    return placed(url, joinPath(base, '/openai/models'), `api-version=${encodeURIComponent(apiVersion)}`)
  }
  if (protocol === 'gemini' && /\/v1(?:beta|alpha)?$/.test(base)) return placed(url, `${base}/models`, query)
  if (protocol === 'vertex') return placed(url, base.replace(ofProject, '') + path, query)
  return placed(url, joinPath(base.replace(beside[protocol] ?? /$^/, ''), path), query)
}

/** The list is that of all projects. */
const ofProject = /\/v\d[^/]*(?:\/.*)?$/

/** What ends a base address that leads to something beside the list. */
const beside: Readonly<Partial<Record<Protocol, RegExp>>> = {
  cohere: /\/compatibility(?=\/|$)/,
  ollama: /\/(?:api|v1)$/,
}

/** The address of a path with its query behind that of a backend. */
export function urlBehind(base: URL, target: string): URL {
  const at = target.indexOf('?')
  const path = at === -1 ? target : target.slice(0, at)
  return placed(base, joinPath(base.pathname, path), at === -1 ? '' : target.slice(at + 1))
}

function placed(base: URL, path: string, query: string): URL {
  // `origin` is null for the scheme of the mock backend.
  const origin = `${base.protocol}//${base.host}`
  return new URL(query === '' ? `${origin}${path}` : `${origin}${path}?${query}`)
}

function ofOpenai(): ListPlace {
  return { path: '/v1/models', query: '', shortQuery: '', dialect: 'openai' }
}
