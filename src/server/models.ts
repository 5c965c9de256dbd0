import type { Dialect } from '#core/dialect.ts'

/** The model lists of the dialects. Rows carry what their official SDKs read. */
export type ModelListForm = Exclude<Dialect, 'raw'>

/** Clients of three dialects ask `GET /v1/models`; only their headers tell them apart. */
export function modelListForm(headers: Headers, query: string): ModelListForm {
  if (headers.has('x-goog-api-key') || /(^|&)key=/.test(query)) return 'gemini'
  return headers.has('anthropic-version') ? 'anthropic' : 'openai'
}

/** `createdMs`: the aliases have no age of their own, so the time of the configuration stands for it. */
export function modelList(form: ModelListForm, aliases: readonly string[], createdMs: number, query = ''): object {
  const { names, next } = pageOf(form, aliases, new URLSearchParams(query))
  const models = names.map((alias) => modelEntry(form, alias, createdMs))
  switch (form) {
    case 'openai':
      return { object: 'list', data: models }
    case 'anthropic': {
      const [first = null] = names
      return { data: models, first_id: first, last_id: names.at(-1) ?? null, has_more: next !== undefined }
    }
    case 'gemini':
      return next === undefined ? { models } : { models, nextPageToken: next }
    case 'ollama':
      return { models }
  }
}

interface Page {
  readonly names: readonly string[]
  /** There are more behind it: the name of its last row, or, for a page that is asked for backwards, of its first. */
  readonly next: string | undefined
}

/** All of it, but for clients that ask for a page. A name that is gone begins at the beginning. */
function pageOf(form: ModelListForm, aliases: readonly string[], query: URLSearchParams): Page {
  if (form !== 'anthropic' && form !== 'gemini') return { names: aliases, next: undefined }
  const isAnthropic = form === 'anthropic'
  const size = rowsIn(query.get(isAnthropic ? 'limit' : 'pageSize'))
  const before = isAnthropic ? query.get('before_id') : null
  if (before !== null && aliases.includes(before)) {
    const earlier = aliases.slice(0, aliases.indexOf(before))
    const names = size < earlier.length ? earlier.slice(-size) : earlier
    return { names, next: names.length < earlier.length ? names[0] : undefined }
  }
  const after = query.get(isAnthropic ? 'after_id' : 'pageToken')
  const later = after === null ? aliases : aliases.slice(aliases.indexOf(after) + 1)
  const names = later.slice(0, size)
  return { names, next: names.length < later.length ? names.at(-1) : undefined }
}

/** Infinity where none is asked for, or nothing that could be meant. */
function rowsIn(text: string | null): number {
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Infinity
}

/** One row, also the answer to `GET /v1/models/{id}`. */
export function modelEntry(form: ModelListForm, alias: string, createdMs: number): object {
  switch (form) {
    case 'openai':
      return { id: alias, object: 'model', created: Math.floor(createdMs / 1000), owned_by: 'llm-proxy' }
    case 'anthropic':
      return { type: 'model', id: alias, display_name: alias, created_at: new Date(createdMs).toISOString() }
    case 'gemini':
      return {
        name: `models/${alias}`,
        displayName: alias,
        supportedGenerationMethods: [
          'generateContent',
          'streamGenerateContent',
          'countTokens',
          'embedContent',
          'batchEmbedContents',
        ],
      }
    case 'ollama':
      return {
        name: alias,
        model: alias,
        modified_at: new Date(createdMs).toISOString(),
        size: 0,
        digest: '',
        details: { parent_model: '', format: '', family: '', families: [], parameter_size: '', quantization_level: '' },
      }
  }
}

/** Whose API the Ollama paths follow; Ollama's clients ask for it and refuse what is too old for them. */
export const ollamaVersion = { version: '0.12.0' }
