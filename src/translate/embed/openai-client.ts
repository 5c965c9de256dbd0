import { asText, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'
import type { EmbedClient, EmbedInput } from './common.ts'
import { flagOf, readDimensions, readTexts, tellUnknown } from './read-fields.ts'
import { taskOf } from './task.ts'
import { toBase64 } from './vector.ts'

/** `/v1/embeddings`, and what other providers of that path have beside its fields. */
export const openaiEmbedClient: EmbedClient = {
  readRequest(body, _path, notes) {
    const format = body['encoding_format'] ?? 'float'
    if (format !== 'float' && format !== 'base64') {
      notes.reject('encoding_format', 'only vectors in "float" and "base64" are supported')
    }
    tellUnknown(body, known, notes)
    const task = readTask(body, notes)
    const dimensionsField = dimensionNames.find((name) => body[name] !== undefined) ?? 'dimensions'
    return {
      inputs: readTexts(body, 'input', notes).map((text): EmbedInput => ({ text, task })),
      field: 'input',
      dimensions: readDimensions(body, dimensionsField, notes),
      dimensionsField,
      truncate: flagOf(body['truncate']),
      endUser: asText(body['user']),
    }
  },
  writeBody(vectors, body, _path, { model, tokens }) {
    const isBase64 = body['encoding_format'] === 'base64'
    return {
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: isBase64 ? toBase64(vector) : vector,
      })),
      model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  },
}

const dimensionNames = ['dimensions', 'output_dimension']
const taskNames = ['input_type', 'task', 'task_type', 'taskType']
const known: ReadonlySet<string> = new Set([
  'model',
  'input',
  'encoding_format',
  'user',
  'truncate',
  ...dimensionNames,
  ...taskNames,
])

function readTask(body: JsonObject, notes: Notes): string | undefined {
  for (const name of taskNames) {
    const word = asText(body[name])
    if (word === undefined) continue
    const task = taskOf(word)
    if (task === undefined) notes.drop('dropped:unknown_field', name)
    return task
  }
  return undefined
}
