import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { listIn, member, namesIn, objectIn, textIn } from '#translate/gemini/fields.ts'
import type { Notes } from '#translate/notes.ts'
import type { EmbedClient, EmbedInput, EmbedRequest } from './common.ts'
import { taskOf } from './task.ts'
import { wholeOf } from './vector.ts'

/** `:embedContent` and `:batchEmbedContents`. */
export const geminiEmbedClient: EmbedClient = {
  readRequest(body, path, notes) {
    if (!isBatch(path)) return ofRequests([body], '', notes)
    for (const name of Object.keys(body)) {
      if (name !== 'requests' && name !== 'model') notes.drop('dropped:unknown_field', name)
    }
    return ofRequests(listIn(body, 'requests'), 'requests', notes)
  },
  writeBody(vectors, _body, path, { tokens }) {
    const usageMetadata = { promptTokenCount: tokens, totalTokenCount: tokens }
    if (isBatch(path)) return { embeddings: vectors.map((values) => ({ values })), usageMetadata }
    return { embedding: { values: vectors[0] ?? [] }, usageMetadata }
  },
}

function isBatch(path: string): boolean {
  return path.endsWith(':batchEmbedContents')
}

function ofRequests(requests: readonly unknown[], list: string, notes: Notes): EmbedRequest {
  const sizes = new Set<number | undefined>()
  let truncate: boolean | undefined
  const inputs = requests.map((value, index): EmbedInput => {
    const at = list === '' ? '' : `${list}[${index}].`
    const request = asObject(value)
    if (request === undefined) {
      notes.reject(`${list}[${index}]`, 'it must be an object')
      return { text: '' }
    }
    for (const name of Object.keys(request)) if (!known.has(name)) notes.drop('dropped:unknown_field', `${at}${name}`)
    // Newer clients put the same fields into an object of their own.
    const config = { ...request, ...objectIn(request, 'embedContentConfig') }
    const size = member(config, 'outputDimensionality')
    sizes.add(wholeOf(size))
    if (size !== undefined && wholeOf(size) === undefined) {
      notes.reject(`${at}outputDimensionality`, 'it must be a whole number above 0')
    }
    truncate ??= member(config, 'autoTruncate') === false ? false : undefined
    return { text: textOf(request, at, notes), task: taskIn(config, at, notes), title: textIn(config, 'title') }
  })
  if (sizes.size > 1) notes.reject('requests', 'vectors of different sizes in one request are not supported')
  const [dimensions] = sizes
  const dimensionsField = list === '' ? 'outputDimensionality' : `${list}[0].outputDimensionality`
  return { inputs, field: list === '' ? 'content' : list, dimensions, dimensionsField, truncate, endUser: undefined }
}

const known = namesIn([
  'model',
  'content',
  'taskType',
  'title',
  'outputDimensionality',
  'autoTruncate',
  'embedContentConfig',
])

/** All parts of a content have one vector. */
function textOf(request: JsonObject, at: string, notes: Notes): string {
  const content = member(request, 'content')
  if (typeof content === 'string') return content
  const parts = asObject(content)?.['parts']
  const list = Array.isArray(parts) ? parts : parts === undefined ? [] : [parts]
  if (list.length === 0) notes.reject(`${at}content`, 'it must have a part')
  const texts = list.map((part: unknown, index) => {
    const text = asText(part) ?? asText(asObject(part)?.['text'])
    if (text === undefined)
      notes.reject(`${at}content.parts[${index}]`, 'vectors of anything but text are not supported')
    return text ?? ''
  })
  return texts.join('\n')
}

function taskIn(config: JsonObject, at: string, notes: Notes): string | undefined {
  const word = textIn(config, 'taskType')
  if (word === undefined || word === 'TASK_TYPE_UNSPECIFIED') return undefined
  const task = taskOf(word)
  if (task === undefined) notes.drop('dropped:unknown_field', `${at}taskType`)
  return task
}
