import { asNumber, type JsonObject } from '#kit/json-value.ts'
import { textOf, type Ask } from './ask.ts'
import { vectorOf } from './vector.ts'

/** Body of `/api/embed`: a vector for each input. */
export function embedBody(ask: Ask): JsonObject {
  const { input } = ask.json
  const dimensions = asNumber(ask.json['dimensions'])
  const texts = Array.isArray(input) ? input.map(textOf) : [textOf(input)]
  return {
    model: ask.model,
    embeddings: texts.map((text) => vectorOf(text, dimensions)),
    total_duration: 2_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: ask.inputTokens,
  }
}

/** Body of the older `/api/embeddings`: one vector. */
export function oneEmbeddingBody(ask: Ask): JsonObject {
  return { embedding: vectorOf(textOf(ask.json['prompt'])) }
}

/** Body of `/api/show`. */
export function showBody(ask: Ask): JsonObject {
  return {
    modelfile: `FROM ${ask.model}\n`,
    parameters: '',
    template: '{{ .Prompt }}',
    details: { parent_model: '', format: 'gguf', family: 'mock', families: ['mock'], parameter_size: '1B' },
    model_info: { 'general.architecture': 'mock', 'mock.context_length': 1_000_000 },
    capabilities: ['completion', 'tools', 'thinking'],
  }
}

export const versionBody: JsonObject = { version: '0.12.0' }
