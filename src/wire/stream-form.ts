import type { StreamForm } from '#core/endpoint.ts'
import { parseJson, type JsonObject } from '#kit/json-value.ts'
import { soleObject } from './sole-object.ts'
import { StreamPieces } from './stream-pieces.ts'

/** Is there an event among these bytes as only streams of this form have them? Errors are told in any form. */
export function bearsForm(form: StreamForm, chunks: readonly Uint8Array[]): boolean {
  const pieces = new StreamPieces(form)
  for (const chunk of chunks) if (pieces.push(chunk).some(({ data }) => isOfForm(form, data))) return true
  return isOfForm(form, pieces.end()?.data)
}

function isOfForm(form: StreamForm, data: string | undefined): boolean {
  const body = data === undefined ? undefined : soleObject(parseJson(data))
  return body !== undefined && hasMarks(form, body)
}

function hasMarks(form: StreamForm, body: JsonObject): boolean {
  switch (form) {
    case 'chat':
    case 'completions':
      return Array.isArray(body['choices'])
    case 'responses':
      return typeof body['type'] === 'string' && body['type'].startsWith('response.')
    case 'messages':
      return typeof body['type'] === 'string' && /^(?:message|content_block)_/.test(body['type'])
    case 'gemini_sse':
    case 'gemini_array':
      return 'candidates' in body || 'promptFeedback' in body || 'usageMetadata' in body
    case 'ndjson':
      return typeof body['done'] === 'boolean'
  }
}
