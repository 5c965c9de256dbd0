import { asList, asNumber, asObject } from '#kit/json-value.ts'
import { vertexGemini } from '#translate/carrier-vertex.ts'
import { told } from '#translate/gemini/fields.ts'
import { resourceOf } from '#translate/gemini/write-request.ts'
import { plainRequest } from '#translate/plain-request.ts'
import { dropTasks, dropUser, type EmbedBackend, type EmbedInput } from './common.ts'
import { vectorOf, vectorsOf } from './vector.ts'

/** The Gemini API: `batchEmbedContents`. */
export function geminiEmbedBackend(model: string): EmbedBackend {
  const resource = resourceOf(model)
  return {
    inputsMax: 100,
    path: `/v1beta/${resource}:batchEmbedContents`,
    body(request, _target, notes) {
      dropUser(request, notes)
      const { inputs, dimensions } = request
      return {
        requests: inputs.map(({ text, task, title }) =>
          told({
            model: resource,
            content: { parts: [{ text }] },
            taskType: task,
            title,
            outputDimensionality: dimensions,
          }),
        ),
      }
    },
    read(body) {
      const vectors = vectorsOf(asList(body['embeddings']).map((each) => asObject(each)?.['values']))
      return vectors && { vectors, tokens: asNumber(asObject(body['usageMetadata'])?.['promptTokenCount']) }
    },
  }
}

/** Vertex, where some models make one vector at a time, and newer ones are asked as the Gemini API is. */
export function vertexEmbedBackend(model: string): EmbedBackend {
  const name = model.slice(model.lastIndexOf('/') + 1)
  if (name.startsWith('multimodalembedding')) return multimodal(model)
  return /^gemini-embedding-(?!001$)/.test(name) ? vertexContent(model) : vertexPredict(model)
}

function vertexPredict(model: string): EmbedBackend {
  return {
    inputsMax: model.endsWith('gemini-embedding-001') ? 1 : 250,
    path: vertexPath(model, 'predict'),
    body(request, _target, notes) {
      dropUser(request, notes)
      const { inputs, dimensions, truncate } = request
      const parameters = told({ outputDimensionality: dimensions, autoTruncate: truncate })
      return {
        instances: inputs.map(({ text, task, title }) => told({ content: text, task_type: task, title })),
        ...(Object.keys(parameters).length > 0 && { parameters }),
      }
    },
    read(body) {
      const rows = asList(body['predictions']).map((row) => asObject(asObject(row)?.['embeddings']))
      const vectors = vectorsOf(rows.map((row) => row?.['values']))
      const counts = rows.map((row) => asNumber(asObject(row?.['statistics'])?.['token_count']))
      return vectors && { vectors, tokens: sumOf(counts) }
    },
  }
}

function vertexContent(model: string): EmbedBackend {
  return {
    inputsMax: 1,
    path: vertexPath(model, 'embedContent'),
    body(request, _target, notes) {
      dropUser(request, notes)
      const { inputs, dimensions, truncate } = request
      const { text, task, title }: EmbedInput = inputs[0] ?? { text: '' }
      return told({
        content: { parts: [{ text }] },
        taskType: task,
        title,
        outputDimensionality: dimensions,
        autoTruncate: truncate,
      })
    },
    read(body) {
      const vector = vectorOf(asObject(body['embedding'])?.['values'])
      const tokens = asNumber(asObject(body['usageMetadata'])?.['promptTokenCount'])
      return vector && { vectors: [vector], tokens }
    },
  }
}

function multimodal(model: string): EmbedBackend {
  return {
    inputsMax: 1,
    path: vertexPath(model, 'predict'),
    body(request, _target, notes) {
      dropUser(request, notes)
      dropTasks(request, notes)
      const { inputs, dimensions } = request
      return {
        instances: inputs.map(({ text }) => ({ text })),
        ...(dimensions !== undefined && { parameters: { dimension: dimensions } }),
      }
    },
    read(body) {
      const vectors = vectorsOf(asList(body['predictions']).map((row) => asObject(row)?.['textEmbedding']))
      return vectors && { vectors, tokens: undefined }
    },
  }
}

function sumOf(counts: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  for (const count of counts) {
    if (count === undefined) return undefined
    sum += count
  }
  return sum
}

/** Where the carrier of Gemini's verbs finds the model. */
function vertexPath(model: string, verb: string): string {
  return vertexGemini.request({ ...plainRequest, path: `/:${verb}` }, model, new Headers()).path
}
