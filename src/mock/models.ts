import type { JsonObject } from '#kit/json-value.ts'
import type { Ask } from './ask.ts'
import { behaviourWords } from './behaviour.ts'
import { decodeSegment } from './surface.ts'

/** Every word of the grammar as a model, or the one model that the path names, in the asker's dialect. */
export function modelsBody(ask: Ask, path: string, createdS: number): JsonObject {
  const asked = /\/models\/([^/].*)$/.exec(path)?.[1]
  const model = (id: string): JsonObject => modelOf(ask, id, createdS)
  if (asked !== undefined) return model(decodeSegment(asked))
  const ids = ['e400', 'e429', 'e500', ...Object.keys(behaviourWords)]
  if (ask.dialect === 'gemini' || ask.dialect === 'ollama') return { models: ids.map(model) }
  if (ask.dialect === 'anthropic')
    return { data: ids.map(model), first_id: ids[0], last_id: ids.at(-1), has_more: false }
  return { object: 'list', data: ids.map(model) }
}

function modelOf(ask: Ask, id: string, createdS: number): JsonObject {
  if (ask.dialect === 'anthropic') {
    return { type: 'model', id, display_name: id, created_at: new Date(createdS * 1000).toISOString() }
  }
  if (ask.dialect === 'ollama') {
    const modified = new Date(createdS * 1000).toISOString()
    const details = { parent_model: '', format: 'gguf', family: 'mock', families: ['mock'], parameter_size: '1B' }
    return { name: id, model: id, modified_at: modified, size: 1_000_000_000, digest: '0'.repeat(64), details }
  }
  if (ask.dialect === 'openai') return { id, object: 'model', created: createdS, owned_by: 'mock' }
  return {
    name: `models/${id}`,
    displayName: id,
    supportedGenerationMethods: ['generateContent', 'streamGenerateContent', 'countTokens', 'embedContent'],
    inputTokenLimit: 1_000_000,
    outputTokenLimit: 100_000,
  }
}
