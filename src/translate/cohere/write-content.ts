import type { Profile } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { fieldOf } from '#translate/chat/where.ts'
import type { CommonRequest, MediaPart, Part, TextPart } from '#translate/common.ts'
import { dataUrl, inlined, textOfFile } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'

/** Writes the content of messages for Cohere: texts and images. */
export class ContentWriter {
  readonly #request: CommonRequest
  readonly #profile: Profile
  readonly #notes: Notes

  constructor(request: CommonRequest, profile: Profile, notes: Notes) {
    this.#request = request
    this.#profile = profile
    this.#notes = notes
  }

  /** Of other parts, those that are lost are noted. */
  parts(parts: readonly Part[]): JsonObject[] {
    return parts.flatMap((part) => {
      switch (part.kind) {
        case 'text':
          return this.#text(part)
        case 'refusal':
          return textOf(part.text)
        case 'media':
          return this.#media(part)
        case 'native':
          if (part.type === 'compaction') return this.#refuse(part, 'a history that only its own provider can read')
          this.#notes.drop('dropped:server_tool_blocks', fieldOf(this.#request, part))
          return []
        case 'reasoning':
        case 'tool_call':
        case 'tool_result':
          return []
      }
    })
  }

  #text(part: TextPart): JsonObject[] {
    if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    if ((part.annotations ?? []).length > 0) this.#notes.drop('dropped:citations')
    if (part.opaque !== undefined && part.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
    return textOf(part.text)
  }

  #media(part: MediaPart): JsonObject[] {
    if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    if (part.citations === true) this.#notes.drop('dropped:citations')
    const text = textOfFile(part)
    if (text !== undefined) return textOf(inlined(part, text))
    const { medium, source, mime } = part
    if (medium !== 'image' || !this.#profile.media.has('image')) return this.#refuse(part, `${medium} input`)
    if ('base64' in source) return [this.#image(part, dataUrl(mime === '' ? 'image/png' : mime, source.base64))]
    if ('url' in source && this.#profile.takesMediaUrls) return [this.#image(part, source.url)]
    return this.#refuse(part, 'url' in source ? 'an image by its address' : 'a file of another provider')
  }

  #image({ detail }: MediaPart, url: string): JsonObject {
    const isKnown = detail === 'auto' || detail === 'low' || detail === 'high'
    if (detail !== undefined && !isKnown) this.#notes.drop('dropped:image_detail')
    return { type: 'image_url', image_url: { url, ...(isKnown ? { detail } : {}) } }
  }

  #refuse(part: Part, what: string): [] {
    this.#notes.reject(fieldOf(this.#request, part), `${what} is not supported`)
    return []
  }
}

/** A text that is empty is refused. */
function textOf(text: string): JsonObject[] {
  return text === '' ? [] : [{ type: 'text', text }]
}

/** One text stands for itself. */
export function contentOf(parts: readonly JsonObject[]): string | readonly JsonObject[] {
  const [only] = parts
  if (only === undefined) return ''
  const text = parts.length === 1 && only['type'] === 'text' ? only['text'] : undefined
  return typeof text === 'string' ? text : parts
}
