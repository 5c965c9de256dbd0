import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { CacheHint, MediaPart, Part } from '#translate/common.ts'
import { isWebUrl, mimeOf, readDataUrl } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { readAnnotations, readLogprobs } from './annotations.ts'

/** Content of a message or a result: a text, or a list of parts. */
export function readContent(content: unknown, field: string, notes: Notes): readonly Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }]
  if (content === undefined || content === null) return []
  if (!Array.isArray(content)) {
    const single = asObject(content)
    if (single !== undefined) return readPart(single, field, notes)
    notes.reject(field, 'the content must be a text or a list of parts')
    return []
  }
  const parts: Part[] = []
  for (const [index, entry] of content.entries()) {
    const place = `${field}[${index}]`
    const part: unknown = entry
    if (typeof part === 'string') {
      parts.push({ kind: 'text', text: part })
      continue
    }
    const object = asObject(part)
    if (object === undefined) notes.reject(place, 'a part of the content must be an object')
    else parts.push(...readPart(object, place, notes))
  }
  return parts
}

function readPart(part: JsonObject, field: string, notes: Notes): readonly Part[] {
  const type = asText(part['type']) ?? ''
  tellUnknown(part, partMembers, field, notes)
  switch (type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
      return readText(part)
    case 'refusal':
      return [{ kind: 'refusal', text: asText(part['refusal']) ?? '' }]
    case 'input_image':
    case 'computer_screenshot':
      return readImage(part, field, notes)
    case 'input_file':
      return readFile(part, field, notes)
    case 'input_audio':
      return readAudio(part, field, notes)
    default:
      notes.reject(field, `content of type "${type.slice(0, typeLengthMax)}" is not supported`)
      return []
  }
}

const partMembers = membersOf(
  'type text annotations logprobs refusal image_url file_id file_data file_url filename detail input_audio data format ' +
    'prompt_cache_breakpoint',
)

/** Limit: characters of an unknown type that are repeated. */
const typeLengthMax = 60

function readText(part: JsonObject): readonly Part[] {
  const text = asText(part['text']) ?? ''
  const annotations = readAnnotations(part['annotations'])
  const logprobs = readLogprobs(part['logprobs'])
  const cache = cacheHintOf(part)
  return [
    {
      kind: 'text',
      text,
      ...(annotations === undefined ? {} : { annotations }),
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(cache === undefined ? {} : { cache }),
    },
  ]
}

function readImage(part: JsonObject, field: string, notes: Notes): readonly Part[] {
  const source = sourceOf(asText(part['image_url']), asText(part['file_id']), field, notes)
  if (source === undefined) return []
  return [{ kind: 'media', medium: 'image', ...source, detail: asText(part['detail']), cache: cacheHintOf(part) }]
}

function readFile(part: JsonObject, field: string, notes: Notes): readonly Part[] {
  const encoded = asText(part['file_data'])
  const file = {
    kind: 'media',
    medium: 'file',
    filename: asText(part['filename']),
    detail: asText(part['detail']),
    cache: cacheHintOf(part),
  } as const
  if (encoded !== undefined && !encoded.startsWith('data:')) {
    return [{ ...file, mime: mimeOf(encoded, ''), source: { base64: encoded.replaceAll(/\s/g, '') } }]
  }
  const source = sourceOf(encoded ?? asText(part['file_url']), asText(part['file_id']), field, notes)
  return source === undefined ? [] : [{ ...file, ...source }]
}

function readAudio(part: JsonObject, field: string, notes: Notes): readonly Part[] {
  const audio = asObject(part['input_audio']) ?? part
  const base64 = asText(audio['data'])
  if (base64 === undefined) {
    notes.reject(field, 'audio has no data')
    return []
  }
  return [{ kind: 'media', medium: 'audio', mime: audioMime(asText(audio['format']) ?? 'wav'), source: { base64 } }]
}

function audioMime(format: string): string {
  return format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
}

function sourceOf(
  url: string | undefined,
  fileId: string | undefined,
  field: string,
  notes: Notes,
): Pick<MediaPart, 'mime' | 'source'> | undefined {
  if (url === undefined || url === '') {
    if (fileId !== undefined) return { mime: '', source: { file: { form: 'responses', id: fileId } } }
    notes.reject(field, 'it has neither data nor an address nor the id of a file')
    return undefined
  }
  const inline = readDataUrl(url)
  if (inline !== undefined) return { mime: inline.mime, source: { base64: inline.base64 } }
  if (isWebUrl(url)) return { mime: '', source: { url } }
  notes.reject(field, 'its address is neither http nor a data URL in base64')
  return undefined
}

function cacheHintOf(part: JsonObject): CacheHint | undefined {
  const breakpoint = asObject(part['prompt_cache_breakpoint'])
  if (breakpoint === undefined) return undefined
  return { ttl: asText(breakpoint['ttl']) }
}
