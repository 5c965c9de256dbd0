import { asList, asNumber } from '#kit/json-value.ts'
import { dropTasks, dropUser, type EmbedBackend } from './common.ts'
import { vectorsOf } from './vector.ts'

/** `/api/embed` of Ollama. */
export const ollamaEmbedBackend: EmbedBackend = {
  inputsMax: Infinity,
  path: '/api/embed',
  body(request, { model }, notes) {
    dropUser(request, notes)
    dropTasks(request, notes)
    const { inputs, dimensions, truncate } = request
    return {
      model,
      input: inputs.map(({ text }) => text),
      ...(dimensions !== undefined && { dimensions }),
      ...(truncate !== undefined && { truncate }),
    }
  },
  read(body) {
    const vectors = vectorsOf(asList(body['embeddings']))
    return vectors && { vectors, tokens: asNumber(body['prompt_eval_count']) }
  },
}
