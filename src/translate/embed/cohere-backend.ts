import { asList, asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'
import { dropTitles, dropUser, soleTask, type EmbedBackend, type EmbedRequest, type Embeddings } from './common.ts'
import { cohereTask } from './task.ts'
import { vectorsOf } from './vector.ts'

/** `/v2/embed` of Cohere. */
export const cohereEmbedBackend: EmbedBackend = {
  inputsMax: 96,
  path: '/v2/embed',
  body: (request, { model }, notes) => ({ model, ...cohereFields(request, model, notes) }),
  read(body) {
    const vectors = cohereVectors(body)
    const meta = asObject(body['meta'])
    const billed = asNumber(asObject(meta?.['billed_units'])?.['input_tokens'])
    return vectors && { vectors, tokens: billed ?? asNumber(asObject(meta?.['tokens'])?.['input_tokens']) }
  },
}

/** The same at Cohere and at Bedrock. Only models from the fourth version on let the size be chosen. */
export function cohereFields(request: EmbedRequest, model: string, notes: Notes): JsonObject {
  dropUser(request, notes)
  dropTitles(request, notes)
  const { inputs, dimensions, dimensionsField, truncate } = request
  const task = soleTask(request)
  if (task === undefined && inputs.some((input) => input.task !== undefined)) {
    notes.drop('dropped:unknown_field', 'requests[].taskType')
  }
  if (dimensions !== undefined && /embed-.*v[23]\.0|embed-.*-v[23](?![\d.])/.test(model)) {
    notes.reject(dimensionsField, 'the size of the vectors of this model cannot be chosen')
  }
  return {
    texts: inputs.map(({ text }) => text),
    input_type: cohereTask(task),
    embedding_types: ['float'],
    ...(dimensions !== undefined && { output_dimension: dimensions }),
    ...(truncate !== undefined && { truncate: truncate ? 'END' : 'NONE' }),
  }
}

/** By type, or, as older models tell it, a bare list. */
export function cohereVectors(body: JsonObject): Embeddings['vectors'] | undefined {
  const told = body['embeddings']
  return vectorsOf(asList(Array.isArray(told) ? told : asObject(told)?.['float']))
}
