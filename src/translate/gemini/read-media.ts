import type { JsonObject } from '#kit/json-value.ts'
import type { MediaPart } from '#translate/common.ts'
import { isWebUrl, mimeOf } from '#translate/media.ts'
import { textIn, told, wordIn, objectIn } from './fields.ts'

/** `inlineData`, of a request or of an answer; undefined where it holds no bytes. */
export function inlineMedia(blob: JsonObject): MediaPart | undefined {
  const bytes = textIn(blob, 'data')
  if (bytes === undefined) return undefined
  const base64 = plainBase64(bytes)
  const declared = textIn(blob, 'mimeType') ?? ''
  // How fast samples follow each other is told only there.
  const mime = /^audio\/(?:l16|pcm)\b/i.test(declared) ? declared : mimeOf(base64, declared)
  return { kind: 'media', medium: mediumOf(mime), mime, source: { base64 }, filename: textIn(blob, 'displayName') }
}

/** `fileData`: an address of the web is everybody's, a file of Google's only Google can open. */
export function fileMedia(file: JsonObject): MediaPart | undefined {
  const uri = textIn(file, 'fileUri')
  if (uri === undefined) return undefined
  const mime = textIn(file, 'mimeType') ?? mimeOfName(uri)
  const medium = mime === '' && isVideoPage(uri) ? 'video' : mediumOf(mime)
  const isPublic = isWebUrl(uri) && !uri.startsWith(googleFiles)
  const source = isPublic ? { url: uri } : { file: { form: 'gemini', id: uri } as const }
  return { kind: 'media', medium, mime, source, filename: textIn(file, 'displayName') }
}

/** What stands beside the bytes in a part. */
export function withPartFields(media: MediaPart, part: JsonObject, detail: string | undefined): MediaPart {
  const own = detailOf(
    objectIn(part, 'mediaResolution') === undefined ? wordIn(part, 'mediaResolution') : levelOf(part),
  )
  const videoMetadata = objectIn(part, 'videoMetadata')
  return {
    ...media,
    detail: own ?? (media.medium === 'image' ? detail : undefined),
    rest: videoMetadata === undefined ? undefined : told({ videoMetadata }),
  }
}

/** Google's word for how closely to look → OpenAI's. */
export function detailOf(word: string | undefined): string | undefined {
  switch (word ?? '') {
    case 'MEDIA_RESOLUTION_LOW':
      return 'low'
    case 'MEDIA_RESOLUTION_MEDIUM':
      return 'auto'
    case 'MEDIA_RESOLUTION_HIGH':
    case 'MEDIA_RESOLUTION_ULTRA_HIGH':
      return 'high'
    default:
      return undefined
  }
}

function mediumOf(mime: string): MediaPart['medium'] {
  const [type] = mime.split('/', 1)
  return type === 'image' || type === 'audio' || type === 'video' ? type : 'file'
}

/** The pages of videos that Google opens itself. */
export function isVideoPage(url: string): boolean {
  return /^https?:\/\/(?:www\.|m\.)?(?:youtube\.com|youtu\.be)\//i.test(url)
}

/** As the end of a name tells it; empty where it does not. */
export function mimeOfName(name: string): string {
  const ending = /\.([a-z0-9]{2,4})(?:[?#].*)?$/i.exec(name)?.[1]?.toLowerCase()
  return (ending === undefined ? undefined : mimeByEnding.get(ending)) ?? ''
}

const googleFiles = 'https://generativelanguage.googleapis.com/'

const mimeByEnding: ReadonlyMap<string, string> = new Map([
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
  ['heic', 'image/heic'],
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['html', 'text/html'],
  ['mp3', 'audio/mp3'],
  ['wav', 'audio/wav'],
  ['flac', 'audio/flac'],
  ['ogg', 'audio/ogg'],
  ['mp4', 'video/mp4'],
  ['mov', 'video/mov'],
  ['webm', 'video/webm'],
])

function levelOf(part: JsonObject): string | undefined {
  const resolution = objectIn(part, 'mediaResolution')
  return resolution === undefined ? undefined : wordIn(resolution, 'level')
}

/** Protobuf's JSON takes the alphabet of addresses, and does without padding. */
function plainBase64(text: string): string {
  const plain = /[-_\s]/.test(text) ? text.replaceAll(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/') : text
  const missing = plain.length % 4
  return missing === 0 ? plain : plain.padEnd(plain.length + 4 - missing, '=')
}
