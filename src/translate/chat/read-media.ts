import { asList, asObject, asText } from '#kit/json-value.ts'
import type { MediaPart } from '#translate/common.ts'
import { isWebUrl, readDataUrl } from '#translate/media.ts'

/** `images` of an answer, as OpenRouter and others have them. */
export function readImages(value: unknown): MediaPart[] {
  return asList(value).flatMap((entry) => {
    const image = asObject(entry) ?? {}
    const url =
      asText(asObject(image['image_url'])?.['url']) ?? asText(image['image_url']) ?? asText(image['url']) ?? ''
    const data = isWebUrl(url) ? undefined : readDataUrl(url)
    if (data !== undefined) {
      return { kind: 'media', medium: 'image', mime: data.mime, source: { base64: data.base64 } } satisfies MediaPart
    }
    return isWebUrl(url) ? ({ kind: 'media', medium: 'image', mime: '', source: { url } } satisfies MediaPart) : []
  })
}

/** What other forms' clients are spoken to in: the only format that OpenAI streams, which is Gemini's own too. */
export const askedAudio = 'audio/L16;codec=pcm;rate=24000'

/** `audio` of an answer, in the format that the request asked for. */
export function readAudio(value: unknown): MediaPart[] {
  const audio = asObject(value)
  const base64 = asText(audio?.['data'])
  if (base64 === undefined) return []
  const transcript = asText(audio?.['transcript'])
  const part: MediaPart = { kind: 'media', medium: 'audio', mime: askedAudio, source: { base64 } }
  return [transcript === undefined ? part : { ...part, transcript }]
}
