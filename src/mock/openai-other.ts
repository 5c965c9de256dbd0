import { asList, asNumber, asText, type JsonObject } from '#kit/json-value.ts'
import { countWords, textOf, type Ask } from './ask.ts'
import type { Reply } from './reply.ts'
import { vectorOf } from './vector.ts'

/** Body of `/v1/embeddings`: floats, or their little-endian bytes in base64. */
export function embeddingsBody(ask: Ask): JsonObject {
  const vectors = inputsOf(ask.json['input']).map((text) => vectorOf(text, asNumber(ask.json['dimensions'])))
  const asBase64 = ask.json['encoding_format'] === 'base64'
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: asBase64 ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector,
    })),
    model: ask.model,
    usage: { prompt_tokens: ask.inputTokens, total_tokens: ask.inputTokens },
  }
}

/** Body of `/v1/images/*`: pictures of one transparent pixel. */
export function imagesBody(ask: Ask, reply: Reply): JsonObject {
  const asUrl = ask.json['response_format'] === 'url'
  const picture = asUrl ? { url: `data:image/png;base64,${pixelPng}` } : { b64_json: pixelPng }
  return { created: reply.createdS, data: Array.from({ length: ask.choices }, () => picture) }
}

/** Body of `/v1/audio/speech`: a tenth of a second of silence, 8 kHz, 8 bit, mono, as WAV. */
export function speechBody(): Uint8Array {
  const samples = 800
  const wav = Buffer.alloc(44 + samples, 0x80)
  wav.write('RIFF', 0, 'latin1')
  wav.writeUInt32LE(36 + samples, 4)
  wav.write('WAVEfmt ', 8, 'latin1')
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(8000, 24)
  wav.writeUInt32LE(8000, 28)
  wav.writeUInt16LE(1, 32)
  wav.writeUInt16LE(8, 34)
  wav.write('data', 36, 'latin1')
  wav.writeUInt32LE(samples, 40)
  return wav
}

/** Body of `/v1/audio/transcriptions` and `/translations`; JSON unless the form asks for text. */
export function transcriptionBody(reply: Reply, form: Uint8Array): { type: string; body: string } {
  const text = `The mock backend heard ${form.length} bytes.`
  const format = /name="?response_format"?\r\n\r\n(\w+)/.exec(new TextDecoder('latin1').decode(form))?.[1]
  if (format === 'text') return { type: 'text/plain; charset=utf-8', body: `${text}\n` }
  const usage = {
    type: 'tokens',
    input_tokens: reply.inputTokens,
    output_tokens: countWords(text),
    total_tokens: reply.inputTokens + countWords(text),
  }
  return { type: 'application/json', body: JSON.stringify({ text, usage }) }
}

/** Body of `/v1/moderations`: nothing is ever flagged. */
export function moderationsBody(ask: Ask, reply: Reply): JsonObject {
  const results = inputsOf(ask.json['input']).map(() => ({
    flagged: false,
    categories: Object.fromEntries(moderationCategories.map((name) => [name, false])),
    category_scores: Object.fromEntries(moderationCategories.map((name) => [name, 0.0001])),
    category_applied_input_types: Object.fromEntries(moderationCategories.map((name) => [name, ['text']])),
  }))
  return { id: reply.id('modr-', 24), model: ask.model, results }
}

/** Body of `/v1/rerank`: a document's score is the share of the query's words that it has. */
export function rerankBody(ask: Ask, reply: Reply): JsonObject {
  const words = wordsOf(textOf(ask.json['query']))
  const documents = asList(ask.json['documents']).map(textOf)
  const results = documents
    .map((text, index) => {
      const has = new Set(wordsOf(text))
      const score = words.filter((word) => has.has(word)).length / Math.max(1, words.length)
      return { index, relevance_score: score, ...(ask.json['return_documents'] === true && { document: { text } }) }
    })
    .toSorted((a, b) => b.relevance_score - a.relevance_score)
    .slice(0, asNumber(ask.json['top_n']))
  const tokens = countWords([...words, ...documents].join(' '))
  return { id: reply.id('rerank-', 24), model: ask.model, results, usage: { total_tokens: tokens } }
}

const pixelPng = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=='

const moderationCategories = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/instructions',
  'self-harm/intent',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
]

/** One text, several, one list of tokens or several such lists. */
function inputsOf(input: unknown): readonly string[] {
  const list = asList(input)
  if (list.length === 0) return [asText(input) ?? '']
  if (typeof list[0] === 'number') return [list.join(' ')]
  return list.map((entry) => (Array.isArray(entry) ? entry.join(' ') : textOf(entry)))
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
