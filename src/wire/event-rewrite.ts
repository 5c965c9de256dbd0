import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { oneLine } from './one-line.ts'

/** An event with another text in the place of its own. */
export function withText(form: StreamForm, body: JsonObject, text: string): JsonObject {
  switch (form) {
    case 'chat':
      return withFirst(body, 'choices', (choice) => ({
        ...choice,
        delta: { ...asObject(choice['delta']), content: text },
      }))
    case 'completions':
      return withFirst(body, 'choices', (choice) => ({ ...choice, text }))
    case 'responses':
      return { ...body, delta: text }
    case 'messages':
      return { ...body, delta: { ...asObject(body['delta']), text } }
    case 'gemini_sse':
    case 'gemini_array':
      return withFirst(body, 'candidates', (candidate) => withTextInParts(candidate, text))
    case 'ndjson': {
      const message = asObject(body['message'])
      return message === undefined ? { ...body, response: text } : { ...body, message: { ...message, content: text } }
    }
  }
}

function withFirst(body: JsonObject, list: string, change: (first: JsonObject) => JsonObject): JsonObject {
  const [first, ...others] = asList(body[list])
  return { ...body, [list]: [change(asObject(first) ?? {}), ...others] }
}

/** All the text in its first part; of the others only what they have beside their texts is kept. */
function withTextInParts(candidate: JsonObject, text: string): JsonObject {
  const content = asObject(candidate['content']) ?? {}
  let isFirst = true
  const parts = asList(content['parts']).flatMap((value) => {
    const part = asObject(value) ?? {}
    if (typeof part['text'] !== 'string') return [part]
    const own = isFirst ? text : ''
    const isKept = isFirst || Object.keys(part).length > 1
    isFirst = false
    return isKept ? [{ ...part, text: own }] : []
  })
  return { ...candidate, content: { ...content, parts } }
}

/** An event on the wire. Elements of arrays come with nothing around them. */
export function renderEvent(form: StreamForm, event: string, body: JsonObject): Uint8Array {
  const line = oneLine(body)
  if (form === 'gemini_array') return encode(line)
  if (form === 'ndjson') return encode(`${line}\n`)
  return encode(event === '' ? `data: ${line}\n\n` : `event: ${event}\ndata: ${line}\n\n`)
}

/**
 * An event that is to be written again. Numbers that would be written in another way, such as `1.0` or one beyond
 * JavaScript's precision, stay as they stand.
 */
export function parseExactly(text: string): JsonObject | undefined {
  return asObject(JSON.parse(text, asItStands))
}

function asItStands(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value
}

declare global {
  interface JSON {
    /** A value that is written as it stands here. */
    rawJSON(text: string): unknown
  }
}
