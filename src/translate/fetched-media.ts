import type { Form } from '#core/talk.ts'
import { fieldOf } from '#translate/chat/where.ts'
import type { CommonRequest, MediaPart, Message, Part } from './common.ts'
import { isWebUrl } from './media.ts'
import type { Notes } from './notes.ts'
import type { Profile } from '#core/profile.ts'

/** What stands at an address. */
export interface Fetched {
  readonly mime: string
  readonly base64: string
}

/** Fetches a file for the backend; a string says why it cannot be had. */
export type FetchMedia = (url: string) => Promise<Fetched | string>

/** Limit: addresses of one request that are fetched. */
const urlsMax = 64

/** The request with the files themselves, where the backend cannot fetch them. */
export async function withMedia(
  request: CommonRequest,
  form: Form,
  profile: Profile,
  fetchMedia: FetchMedia | undefined,
  notes: Notes,
): Promise<CommonRequest> {
  const mustFetch = (part: MediaPart): string | undefined => addressOf(part, form, profile)
  const wanted = new Map<string, Part>()
  for (const { parts } of request.messages) collect(parts, mustFetch, wanted)
  const [first] = wanted.values()
  if (first === undefined) return request
  if (fetchMedia === undefined || wanted.size > urlsMax) {
    const why = fetchMedia === undefined ? 'media by address is not supported' : 'too many files by address'
    notes.reject(fieldOf(request, first), why)
    return request
  }
  const found = new Map<string, Fetched>()
  const answers = await Promise.all(
    [...wanted].map(async ([url, part]) => ({ url, part, fetched: await fetchMedia(url) })),
  )
  for (const { url, part, fetched } of answers) {
    if (typeof fetched === 'string') notes.reject(fieldOf(request, part), `a file cannot be fetched: ${fetched}`)
    else found.set(url, fetched)
  }
  if (notes.rejection !== undefined) return request
  notes.adapt('adapted:url_fetched')
  return { ...request, messages: request.messages.map((message) => withFiles(message, found, mustFetch)) }
}

/** Of files in Chat a model is never told an address; anything else depends on who is asked. */
function addressOf({ source, medium }: MediaPart, form: Form, profile: Profile): string | undefined {
  if (!('url' in source) || !isWebUrl(source.url)) return undefined
  // What it cannot take anyway; a file may still be a text.
  if (medium !== 'file' && !profile.media.has(medium)) return undefined
  return profile.takesMediaUrls && (form !== 'chat' || medium === 'image') ? undefined : source.url
}

/** Each address, with the first part that names it. */
function collect(
  parts: readonly Part[],
  mustFetch: (part: MediaPart) => string | undefined,
  wanted: Map<string, Part>,
): void {
  for (const part of parts) {
    if (part.kind === 'tool_result') collect(part.parts, mustFetch, wanted)
    const url = part.kind === 'media' ? mustFetch(part) : undefined
    if (url !== undefined && !wanted.has(url)) wanted.set(url, part)
  }
}

function withFiles(
  message: Message,
  found: ReadonlyMap<string, Fetched>,
  mustFetch: (part: MediaPart) => string | undefined,
): Message {
  const parts = withFilesIn(message.parts, found, mustFetch)
  return parts === message.parts ? message : { ...message, parts }
}

function withFilesIn(
  parts: readonly Part[],
  found: ReadonlyMap<string, Fetched>,
  mustFetch: (part: MediaPart) => string | undefined,
): readonly Part[] {
  let isOther = false
  const filled = parts.map((part): Part => {
    if (part.kind === 'tool_result') {
      const inner = withFilesIn(part.parts, found, mustFetch)
      if (inner === part.parts) return part
      isOther = true
      return { ...part, parts: inner }
    }
    const file = part.kind === 'media' ? found.get(mustFetch(part) ?? '') : undefined
    if (file === undefined || part.kind !== 'media') return part
    isOther = true
    return { ...part, mime: part.mime === '' ? file.mime : part.mime, source: { base64: file.base64 } }
  })
  return isOther ? filled : parts
}
