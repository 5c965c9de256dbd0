import type { Profile } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { CacheHint, CommonRequest, MediaPart, Part, TextPart } from '#translate/common.ts'
import { dataUrl, inlined, textOfFile } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { fieldOf } from './where.ts'

/** Writes the content of messages for a backend of Chat. */
export class ContentWriter {
  readonly #request: CommonRequest
  readonly #profile: Profile
  readonly #notes: Notes

  constructor(request: CommonRequest, profile: Profile, notes: Notes) {
    this.#request = request
    this.#profile = profile
    this.#notes = notes
  }

  /** Text and media; of other parts, those that are lost are noted. */
  parts(parts: readonly Part[]): JsonObject[] {
    return parts.flatMap((part) => {
      switch (part.kind) {
        case 'text':
          return [this.#text(part)]
        case 'media':
          return this.#media(part)
        case 'native':
          if (part.type === 'compaction') this.#refuse(part, 'a history that only its own provider can read')
          else this.#notes.drop('dropped:server_tool_blocks', fieldOf(this.#request, part))
          return []
        case 'refusal':
        case 'reasoning':
        case 'tool_call':
        case 'tool_result':
          return []
      }
    })
  }

  /** One text stands for itself; models that only read text may take no lists. */
  content(parts: readonly JsonObject[]): string | readonly JsonObject[] {
    const [only] = parts
    if (only === undefined) return ''
    if (parts.length === 1 && isPlainText(only)) return only['text']
    if (this.#profile.media.size > 0 || !parts.every(isPlainText)) return parts
    return parts.map(({ text }) => text).join('\n\n')
  }

  /** A breakpoint in the words of the backend, to be spread into what it stands behind. */
  cache(hint: CacheHint | undefined): JsonObject {
    if (hint === undefined) return {}
    const { takesCacheHints, family } = this.#profile
    if (!takesCacheHints) {
      this.#notes.drop('dropped:cache_hint')
      return {}
    }
    const ttl = hint.ttl === undefined ? {} : { ttl: hint.ttl }
    if (family === 'gpt') return { prompt_cache_breakpoint: { mode: 'explicit', ...ttl } }
    return { cache_control: { type: 'ephemeral', ...ttl } }
  }

  #text(part: TextPart): JsonObject {
    if (part.annotations !== undefined && part.annotations.length > 0) this.#notes.drop('dropped:citations')
    if (part.opaque !== undefined) this.#notes.drop('dropped:foreign_reasoning')
    return { type: 'text', text: part.text, ...this.cache(part.cache) }
  }

  #media(part: MediaPart): JsonObject[] {
    const cache = this.cache(part.cache)
    if (part.citations === true) this.#notes.drop('dropped:citations')
    switch (part.medium) {
      case 'image':
        return this.#has(part, 'image') ? this.#image(part, cache) : []
      case 'audio':
        return this.#has(part, 'audio') ? this.#audio(part) : []
      case 'video':
        return this.#has(part, 'video') ? this.#byUrl(part, 'video_url') : []
      case 'file':
        return this.#file(part, cache)
    }
  }

  #image(part: MediaPart, cache: JsonObject): JsonObject[] {
    const url = this.#urlOf(part, 'image/png')
    if (url === undefined) return []
    const detail = part.detail === undefined ? {} : { detail: part.detail }
    return [{ type: 'image_url', image_url: { url, ...detail }, ...cache }]
  }

  #byUrl(part: MediaPart, name: string): JsonObject[] {
    const url = this.#urlOf(part, 'video/mp4')
    return url === undefined ? [] : [{ type: name, [name]: { url } }]
  }

  #audio(part: MediaPart): JsonObject[] {
    const { source, mime } = part
    const format = audioFormats.get(mime)
    if ('base64' in source && format !== undefined) {
      return [{ type: 'input_audio', input_audio: { data: source.base64, format } }]
    }
    if ('url' in source && this.#profile.takesMediaUrls) return [{ type: 'audio_url', audio_url: { url: source.url } }]
    return this.#refuse(part, `audio of the type "${mime}"`)
  }

  #file(part: MediaPart, cache: JsonObject): JsonObject[] {
    const text = textOfFile(part)
    if (text !== undefined) return [{ type: 'text', text: inlined(part, text), ...cache }]
    if (!this.#has(part, 'file')) return []
    const { source, mime, filename, title, context } = part
    const before = context === undefined ? [] : [{ type: 'text', text: context }]
    if ('file' in source && isOpenai(source.file.form) && this.#isOpenai) {
      return [...before, { type: 'file', file: { file_id: source.file.id }, ...cache }]
    }
    if ('base64' in source && (mime === 'application/pdf' || (mime === '' && /\.pdf$/i.test(filename ?? '')))) {
      const name = filename ?? (title === undefined ? 'document.pdf' : `${title.replace(/\.pdf$/i, '')}.pdf`)
      const url = dataUrl('application/pdf', source.base64)
      if (this.#profile.toolIdForm === 'mistral') {
        return [...before, { type: 'document_url', document_url: url, document_name: name }]
      }
      return [...before, { type: 'file', file: { filename: name, file_data: url }, ...cache }]
    }
    if ('url' in source) return this.#refuse(part, 'a file by its address')
    return this.#refuse(part, 'file' in source ? 'a file of another provider' : `a file of the type "${mime}"`)
  }

  /** Only OpenAI has what was left with it. */
  get #isOpenai(): boolean {
    return this.#profile.family === 'gpt' || this.#profile.maxTokensField === 'max_completion_tokens'
  }

  #urlOf(part: MediaPart, mime: string): string | undefined {
    const { source } = part
    if ('base64' in source) return dataUrl(part.mime === '' ? mime : part.mime, source.base64)
    if ('url' in source && this.#profile.takesMediaUrls) return source.url
    this.#refuse(part, 'url' in source ? `${part.medium} input by its address` : 'a file of another provider')
    return undefined
  }

  #has(part: MediaPart, medium: MediaPart['medium']): boolean {
    if (this.#profile.media.has(medium)) return true
    this.#refuse(part, `${medium} input`)
    return false
  }

  #refuse(part: Part, what: string): [] {
    this.#notes.reject(fieldOf(this.#request, part), `${what} is not supported`)
    return []
  }
}

const audioFormats: ReadonlyMap<string, string> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
])

function isOpenai(form: string): boolean {
  return form === 'chat' || form === 'responses'
}

function isPlainText(part: JsonObject): part is { readonly type: 'text'; readonly text: string } {
  return part['type'] === 'text' && Object.keys(part).length === 2
}
