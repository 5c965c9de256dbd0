import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { CacheHint, MediaPart, Part } from '#translate/common.ts'
import { isWebUrl, mimeOf, readDataUrl } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'

/** The content of a message, a text or a list of parts; what cannot be read is rejected, since it would vanish. */
export function readContent(content: unknown, field: string, notes: Notes): Part[] {
  if (content === undefined || content === null || content === '') return []
  if (typeof content === 'string') return [{ kind: 'text', text: content }]
  if (!Array.isArray(content)) {
    notes.reject(field, 'content that is neither a text nor a list of parts is not supported')
    return []
  }
  return asList(content).flatMap((value, at) => {
    if (typeof value === 'string') return [{ kind: 'text', text: value }] satisfies Part[]
    return readPart(asObject(value) ?? {}, `${field}[${at}]`, notes)
  })
}

function readPart(value: JsonObject, field: string, notes: Notes): Part[] {
  const cache = readCacheHint(value)
  tellUnknown(value, partMembers, field, notes)
  switch (value['type']) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return textPart(value['text'], cache, field, notes)
    case 'refusal':
      return [{ kind: 'refusal', text: asText(value['refusal']) ?? '' }]
    case 'thinking':
      return [{ kind: 'reasoning', text: thinkingText(value['thinking']), style: 'raw', isRedacted: false }]
    // A pointer to a source that the model quoted, without words of its own.
    case 'reference':
      notes.drop('dropped:citations', field)
      return []
    default: {
      const media = readMedia(value, field, notes)
      return media === undefined ? [] : [cache === undefined ? media : { ...media, cache }]
    }
  }
}

const partMembers = membersOf(
  'type text refusal thinking closed reference_ids image_url input_audio audio_url video_url document_url document_name ' +
    'file file_id file_data file_url filename detail cache_control prompt_cache_breakpoint',
)

function textPart(text: unknown, cache: CacheHint | undefined, field: string, notes: Notes): Part[] {
  if (typeof text !== 'string') {
    notes.reject(`${field}.text`, 'a value that is no text is not supported')
    return []
  }
  return text === '' ? [] : [cache === undefined ? { kind: 'text', text } : { kind: 'text', text, cache }]
}

/** Mistral's thoughts: a text, or a list of parts of text. */
export function thinkingText(thinking: unknown): string {
  if (typeof thinking === 'string') return thinking
  let text = ''
  for (const value of asList(thinking)) text += asText(asObject(value)?.['text']) ?? ''
  return text
}

/** `cache_control` of Anthropic, as some compatible APIs take it, or OpenAI's own breakpoint. */
export function readCacheHint(value: JsonObject): CacheHint | undefined {
  const hint = asObject(value['cache_control']) ?? asObject(value['prompt_cache_breakpoint'])
  return hint === undefined ? undefined : { ttl: asText(hint['ttl']) }
}

function readMedia(value: JsonObject, field: string, notes: Notes): MediaPart | undefined {
  switch (value['type']) {
    case 'image_url':
    case 'input_image':
      return readImage(value, field, notes)
    case 'input_audio':
      return readAudio(value, field, notes)
    case 'audio_url':
      return byAddress('audio', addressIn(value, 'audio_url'), `${field}.audio_url`, notes)
    case 'video_url':
      return byAddress('video', addressIn(value, 'video_url'), `${field}.video_url`, notes)
    case 'document_url':
      return byAddress('file', addressIn(value, 'document_url'), `${field}.document_url`, notes)
    case 'file':
    case 'input_file':
      return readFile(asObject(value['file']) ?? value, field, notes)
    default:
      notes.reject(field, `content of type "${asText(value['type']) ?? ''}" is not supported`)
      return undefined
  }
}

function readImage(value: JsonObject, field: string, notes: Notes): MediaPart | undefined {
  const image = asObject(value['image_url'])
  const id = asText(value['file_id'])
  if (image === undefined && id !== undefined) return { kind: 'media', medium: 'image', mime: '', source: fileId(id) }
  const media = byAddress('image', addressIn(value, 'image_url'), `${field}.image_url`, notes)
  const detail = asText(image?.['detail']) ?? asText(value['detail'])
  return media === undefined || detail === undefined ? media : { ...media, detail }
}

/** `{"url": …}`, or the address itself, as Mistral writes it. */
function addressIn(value: JsonObject, name: string): string | undefined {
  return asText(asObject(value[name])?.['url']) ?? asText(value[name])
}

function byAddress(
  medium: MediaPart['medium'],
  url: string | undefined,
  field: string,
  notes: Notes,
): MediaPart | undefined {
  const source = url === undefined ? undefined : sourceOf(url)
  if (source === undefined) {
    notes.reject(field, 'an address that is neither a URL nor base64 data is not supported')
    return undefined
  }
  return { kind: 'media', medium, ...source }
}

/** What stands in a URL: the bytes themselves, an address, or the name of a file in a provider's store. */
function sourceOf(url: string): Pick<MediaPart, 'mime' | 'source'> | undefined {
  if (url.slice(0, 5).toLowerCase() === 'data:') {
    const data = readDataUrl(url)
    return data && { mime: mimeOf(data.base64, data.mime), source: { base64: data.base64 } }
  }
  if (isWebUrl(url)) return { mime: '', source: { url } }
  if (url.startsWith('gs://')) return { mime: '', source: { file: { form: 'gemini', id: url } } }
  return undefined
}

function fileId(id: string): MediaPart['source'] {
  return { file: { form: 'chat', id } }
}

function readAudio(value: JsonObject, field: string, notes: Notes): MediaPart | undefined {
  const audio = asObject(value['input_audio'])
  const data = asText(audio?.['data'])
  if (data === undefined) {
    notes.reject(`${field}.input_audio`, 'audio without data is not supported')
    return undefined
  }
  const said = data.startsWith('data:') ? readDataUrl(data) : undefined
  const mime = said === undefined ? audioMime(asText(audio?.['format']) ?? '') : said.mime
  return { kind: 'media', medium: 'audio', mime, source: { base64: said?.base64 ?? data } }
}

/** The MIME type of one of OpenAI's names for formats of audio. */
function audioMime(format: string): string {
  if (format === '') return ''
  return format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
}

function readFile(file: JsonObject, field: string, notes: Notes): MediaPart | undefined {
  const name = asText(file['filename'])
  const named = name === undefined ? {} : { filename: name }
  const id = asText(file['file_id'])
  if (id !== undefined) return { kind: 'media', medium: 'file', mime: '', source: fileId(id), ...named }
  const data = asText(file['file_data']) ?? asText(file['file_url'])
  if (data === undefined) {
    notes.reject(`${field}.file`, 'a file without data is not supported')
    return undefined
  }
  const source = sourceOf(data) ?? bareData(data)
  if (source === undefined) {
    notes.reject(`${field}.file.file_data`, 'file data that is not base64 is not supported')
    return undefined
  }
  return { kind: 'media', medium: 'file', ...source, ...named }
}

/** Base64 without a word of its type. */
function bareData(data: string): Pick<MediaPart, 'mime' | 'source'> | undefined {
  if (!/^[\w+/=\s-]+$/.test(data)) return undefined
  return { mime: mimeOf(data, ''), source: { base64: data } }
}
