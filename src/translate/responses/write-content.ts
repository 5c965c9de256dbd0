import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CacheHint, CommonRequest, MediaPart, Part } from '#translate/common.ts'
import { dataUrl, inlined, isWebUrl, mimeOf, textOfFile } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { placeOf } from './place.ts'

/** What the content of an input is written with. */
export interface Writing {
  readonly request: CommonRequest
  readonly target: Target
  readonly notes: Notes
}

/** Parts of a user's message, or of a result. */
export function inputContent(parts: readonly Part[], writing: Writing): readonly JsonObject[] {
  const content: JsonObject[] = []
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        content.push({ type: 'input_text', text: part.text, ...breakpoint(part.cache, part, writing) })
        break
      case 'refusal':
        content.push({ type: 'input_text', text: part.text })
        break
      case 'media':
        content.push(...mediaContent(part, writing))
        break
      case 'native':
        writing.notes.drop('dropped:server_tool_blocks', placeOf(part, writing.request))
        break
      case 'reasoning':
      case 'tool_call':
      case 'tool_result':
    }
  }
  return content
}

function breakpoint(cache: CacheHint | undefined, part: Part, { request, target, notes }: Writing): JsonObject {
  if (cache === undefined) return {}
  if (target.profile.takesCacheHints) return { prompt_cache_breakpoint: { mode: 'explicit' } }
  notes.drop('dropped:cache_hint', placeOf(part, request))
  return {}
}

function mediaContent(part: MediaPart, writing: Writing): readonly JsonObject[] {
  if (part.citations === true) writing.notes.drop('dropped:citations', placeOf(part, writing.request))
  switch (part.medium) {
    case 'image':
      return imageContent(part, writing)
    case 'file':
      return fileContent(part, writing)
    case 'audio':
      return audioContent(part, writing)
    case 'video':
      return rejected(part, 'video input is not supported', writing)
  }
}

function imageContent(part: MediaPart, writing: Writing): readonly JsonObject[] {
  if (!writing.target.profile.media.has('image')) return rejected(part, 'image input is not supported', writing)
  const source = addressed(part, 'image_url', writing)
  if (source === undefined) return []
  const detail = details.has(part.detail ?? '') ? part.detail : 'auto'
  return [{ type: 'input_image', ...source, detail, ...breakpoint(part.cache, part, writing) }]
}

const details: ReadonlySet<string> = new Set(['auto', 'low', 'high', 'original'])

/** Plain text is told as such: the API takes no files of it. */
function fileContent(part: MediaPart, writing: Writing): readonly JsonObject[] {
  const text = textOfFile(part)
  if (text !== undefined) {
    return [{ type: 'input_text', text: inlined(part, text), ...breakpoint(part.cache, part, writing) }]
  }
  if (!writing.target.profile.media.has('file')) return rejected(part, 'file input is not supported', writing)
  const mime = 'base64' in part.source ? mimeOf(part.source.base64, part.mime) : part.mime
  if (mime !== '' && mime !== 'application/pdf') {
    return rejected(part, `a file of type "${mime}" is not supported`, writing)
  }
  const source = addressed(part, 'file_url', writing)
  if (source === undefined) return []
  const filename = part.filename ?? part.title ?? ('file_data' in source ? 'document.pdf' : undefined)
  const named = filename === undefined ? {} : { filename }
  const before = part.context === undefined ? [] : [{ type: 'input_text', text: part.context }]
  return [...before, { type: 'input_file', ...named, ...source, ...breakpoint(part.cache, part, writing) }]
}

/** The data, the address or the id of what OpenAI keeps itself. */
function addressed(part: MediaPart, field: 'image_url' | 'file_url', writing: Writing): JsonObject | undefined {
  const { source } = part
  if ('base64' in source) {
    const mime = mimeOf(source.base64, part.mime)
    const url = dataUrl(mime === '' ? 'application/octet-stream' : mime, source.base64)
    return field === 'image_url' ? { image_url: url } : { file_data: url }
  }
  if ('url' in source) {
    if (isWebUrl(source.url) && writing.target.profile.takesMediaUrls) return { [field]: source.url }
    rejected(part, 'its address is not supported', writing)
    return undefined
  }
  if ('file' in source && openaiForms.has(source.file.form)) return { file_id: source.file.id }
  rejected(part, 'a file that another provider keeps is not supported', writing)
  return undefined
}

const openaiForms: ReadonlySet<string> = new Set(['responses', 'chat', 'completions'])

function audioContent(part: MediaPart, writing: Writing): readonly JsonObject[] {
  if (!writing.target.profile.media.has('audio') || !('base64' in part.source)) {
    return rejected(part, 'audio input is not supported', writing)
  }
  const mime = mimeOf(part.source.base64, part.mime)
  const format = mime === 'audio/mpeg' ? 'mp3' : mime.slice('audio/'.length)
  return [{ type: 'input_audio', input_audio: { data: part.source.base64, format } }]
}

function rejected(part: MediaPart, message: string, { request, notes }: Writing): readonly JsonObject[] {
  notes.reject(placeOf(part, request), message)
  return []
}
