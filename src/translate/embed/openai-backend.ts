import { asList, asNumber, asObject } from '#kit/json-value.ts'
import type { Protocol } from '#core/dialect.ts'
import { dropTasks, dropUser, type EmbedBackend } from './common.ts'
import { vectorsOf } from './vector.ts'

/** `/v1/embeddings`, of whoever has it. */
export function openaiEmbedBackend(protocol: Protocol): EmbedBackend {
  return {
    inputsMax: protocol === 'cohere' ? 96 : 2048,
    path: '/v1/embeddings',
    body(request, { model, forwardsIdentity }, notes) {
      const { inputs, dimensions, dimensionsField, endUser } = request
      dropTasks(request, notes)
      const isUserTold = forwardsIdentity && endUser !== undefined && protocol !== 'mistral'
      if (!isUserTold) dropUser(request, notes)
      if (dimensions !== undefined && protocol === 'cohere') {
        notes.reject(dimensionsField, 'the size of vectors cannot be chosen by its API for OpenAI’s clients')
      }
      return {
        model,
        input: inputs.map(({ text }) => text),
        ...(dimensions !== undefined && { [protocol === 'mistral' ? 'output_dimension' : 'dimensions']: dimensions }),
        ...(isUserTold && { user: endUser }),
      }
    },
    read(body) {
      const rows = asList(body['data']).map((row) => asObject(row))
      // In the order of the inputs, in whatever order they came.
      const placed = rows.map((row, index) => ({ at: asNumber(row?.['index']) ?? index, vector: row?.['embedding'] }))
      const vectors = vectorsOf(placed.toSorted((one, other) => one.at - other.at).map(({ vector }) => vector))
      const usage = asObject(body['usage'])
      return vectors && { vectors, tokens: asNumber(usage?.['prompt_tokens']) ?? asNumber(usage?.['total_tokens']) }
    },
  }
}
