import type { Profile } from '#core/profile.ts'
import type { MediaPart } from '#translate/common.ts'
import { isWebUrl, mimeOf, readDataUrl, textOfFile } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import type { Block } from './written.ts'

/** A picture or a document; undefined where it was rejected, because without it the answer would be about something else. */
export function writeMedia(part: MediaPart, field: string, profile: Profile, notes: Notes): Block | undefined {
  const given = withoutDataUrl(part)
  if (part.detail !== undefined && part.detail !== 'auto') notes.drop('dropped:image_detail', field)
  const isImage = given.medium === 'image' || (given.medium === 'file' && given.mime.startsWith('image/'))
  if (!profile.media.has(isImage ? 'image' : given.medium) || given.medium === 'audio' || given.medium === 'video') {
    notes.reject(field, `${given.medium} input is not supported`)
    return undefined
  }
  return isImage ? image(given, field, notes) : file(given, field, notes)
}

function withoutDataUrl(part: MediaPart): MediaPart {
  if (!('url' in part.source)) return part
  const data = readDataUrl(part.source.url)
  if (data === undefined) return part
  return { ...part, mime: part.mime === '' ? data.mime : part.mime, source: { base64: data.base64 } }
}

function image(part: MediaPart, field: string, notes: Notes): Block | undefined {
  const { source } = part
  const rest = part.rest?.['transformations']
  const others = rest === undefined ? undefined : { transformations: rest }
  if ('base64' in source) {
    const mime = mimeOf(source.base64, part.mime)
    if (imageTypes.has(mime)) {
      return { type: 'image', source: { type: 'base64', media_type: mime, data: source.base64 }, ...others }
    }
    notes.reject(field, `images of type "${mime}" are not supported`)
    return undefined
  }
  const address = addressed(part, field, notes)
  return address === undefined ? undefined : { type: 'image', source: address, ...others }
}

const imageTypes: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

function file(part: MediaPart, field: string, notes: Notes): Block | undefined {
  const source = fileSource(part, field, notes)
  if (source === undefined) return undefined
  const title = part.title ?? part.filename
  return {
    type: 'document',
    source,
    ...(title !== undefined && title !== '' && { title }),
    ...(part.context !== undefined && { context: part.context }),
    ...(part.citations !== undefined && { citations: { enabled: part.citations } }),
  }
}

function fileSource(part: MediaPart, field: string, notes: Notes): object | undefined {
  const { source } = part
  if ('url' in source || 'file' in source) return addressed(part, field, notes)
  const text = 'text' in source ? source.text : textOfFile(part)
  if (text !== undefined) return { type: 'text', media_type: 'text/plain', data: text }
  if (!('base64' in source)) return undefined
  const mime = mimeOf(source.base64, part.mime)
  if (mime === pdf) return { type: 'base64', media_type: pdf, data: source.base64 }
  notes.reject(
    field,
    mime === '' ? 'files of unknown type are not supported' : `files of type "${mime}" are not supported`,
  )
  return undefined
}

const pdf = 'application/pdf'

/** By a web address, or by the id of a file that this provider has. */
function addressed({ source }: MediaPart, field: string, notes: Notes): object | undefined {
  if ('url' in source) {
    if (isWebUrl(source.url)) return { type: 'url', url: source.url }
    notes.reject(field, 'an address that is not on the web is not supported')
  } else if ('file' in source) {
    if (source.file.form === 'messages') return { type: 'file', file_id: source.file.id }
    notes.reject(field, 'the id of a file at another provider is not supported')
  }
  return undefined
}
