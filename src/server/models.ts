import type { Dialect } from '#core/dialect.ts'

/** The model lists of the dialects. Rows carry what their official SDKs read. */
export type ModelListForm = Exclude<Dialect, 'raw'>

/** Clients of three dialects ask `GET /v1/models`; only their headers tell them apart. */
export function modelListForm(headers: Headers, query: string): ModelListForm {
  if (headers.has('x-goog-api-key') || /(^|&)key=/.test(query)) return 'gemini'
  return headers.has('anthropic-version') ? 'anthropic' : 'openai'
}

/** `createdMs`: the aliases have no age of their own, so the time of the configuration stands for it. */
export function modelList(form: ModelListForm, aliases: readonly string[], createdMs: number): object {
  const models = aliases.map((alias) => modelEntry(form, alias, createdMs))
  switch (form) {
    case 'openai':
      return { object: 'list', data: models }
    case 'anthropic':
      return { data: models, first_id: aliases[0] ?? null, last_id: aliases.at(-1) ?? null, has_more: false }
    case 'gemini':
    case 'ollama':
      return { models }
  }
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
        supportedGenerationMethods: ['generateContent', 'streamGenerateContent', 'countTokens', 'embedContent'],
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
