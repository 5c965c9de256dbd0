import { asList, asNumber, asObject } from '#kit/json-value.ts'
import type { HeaderLook } from '#translate/codec.ts'
import { cohereFields, cohereVectors } from './cohere-backend.ts'
import { dropTasks, dropTitles, dropUser, soleTask, type EmbedBackend } from './common.ts'
import { novaPurpose } from './task.ts'
import { vectorOf, vectorsOf } from './vector.ts'

/** Models at Bedrock are invoked with what their makers thought of. Undefined: nobody knows how this one is. */
export function bedrockEmbedBackend(model: string): EmbedBackend | undefined {
  const path = `/model/${encodeURIComponent(model)}/invoke`
  if (model.includes('cohere.embed')) return cohereAt(path)
  if (model.includes('amazon.titan-embed')) return titanAt(path)
  return /amazon\.nova-.*embed/.test(model) ? novaAt(path) : undefined
}

function cohereAt(path: string): EmbedBackend {
  return {
    inputsMax: 96,
    path,
    body: (request, { model }, notes) => cohereFields(request, model, notes),
    read(body, headers) {
      const vectors = cohereVectors(body)
      return vectors && { vectors, tokens: countedTokens(headers) }
    },
  }
}

function titanAt(path: string): EmbedBackend {
  return {
    inputsMax: 1,
    path,
    body(request, { model }, notes) {
      dropUser(request, notes)
      dropTasks(request, notes)
      const { inputs, dimensions, dimensionsField } = request
      const inputText = inputs[0]?.text ?? ''
      if (model.includes('titan-embed-image')) {
        return {
          inputText,
          ...(dimensions !== undefined && { embeddingConfig: { outputEmbeddingLength: dimensions } }),
        }
      }
      const isFirst = /titan-embed-(?:text-v1|g1)/.test(model)
      if (isFirst && dimensions !== undefined && dimensions !== firstTitanSize) {
        notes.reject(dimensionsField, `the vectors of this model have ${firstTitanSize} dimensions`)
      }
      return isFirst ? { inputText } : { inputText, ...(dimensions !== undefined && { dimensions }), normalize: true }
    },
    read(body, headers) {
      const vector = vectorOf(body['embedding']) ?? vectorOf(asObject(body['embeddingsByType'])?.['float'])
      return vector && { vectors: [vector], tokens: asNumber(body['inputTextTokenCount']) ?? countedTokens(headers) }
    },
  }
}

const firstTitanSize = 1536

function novaAt(path: string): EmbedBackend {
  return {
    inputsMax: 1,
    path,
    body(request, _target, notes) {
      dropUser(request, notes)
      dropTitles(request, notes)
      const { inputs, dimensions, truncate } = request
      return {
        taskType: 'SINGLE_EMBEDDING',
        singleEmbeddingParams: {
          embeddingPurpose: novaPurpose(soleTask(request)),
          ...(dimensions !== undefined && { embeddingDimension: dimensions }),
          text: { truncationMode: truncate === false ? 'NONE' : 'END', value: inputs[0]?.text ?? '' },
        },
      }
    },
    read(body, headers) {
      const vectors = vectorsOf(asList(body['embeddings']).map((row) => asObject(row)?.['embedding']))
      return vectors && { vectors, tokens: countedTokens(headers) }
    },
  }
}

function countedTokens(headers: HeaderLook): number | undefined {
  const counted = headers.get('x-amzn-bedrock-input-token-count') ?? ''
  return /^\d{1,15}$/.test(counted) ? Number(counted) : undefined
}
