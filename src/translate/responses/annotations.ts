import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Annotation, TokenLogprob } from '#translate/common.ts'

export function readAnnotation(value: unknown): Annotation | undefined {
  const native = asObject(value)
  if (native === undefined) return undefined
  switch (native['type']) {
    case 'url_citation':
      return {
        kind: 'url',
        url: asText(native['url']),
        title: asText(native['title']),
        start: asNumber(native['start_index']),
        end: asNumber(native['end_index']),
        native,
      }
    case 'file_citation':
    case 'container_file_citation':
    case 'file_path':
      return {
        kind: 'file',
        title: asText(native['filename']),
        start: asNumber(native['start_index']),
        end: asNumber(native['end_index']),
        native,
      }
    default:
      return { kind: 'other', native }
  }
}

export function readAnnotations(value: unknown): readonly Annotation[] | undefined {
  const annotations = asList(value).flatMap((entry) => readAnnotation(entry) ?? [])
  return annotations.length === 0 ? undefined : annotations
}

/** Undefined where this API has no word for it. One that says no place is about the whole text. */
export function writeAnnotation(annotation: Annotation, textLength: () => number): JsonObject | undefined {
  const { native } = annotation
  if (native !== undefined && ownTypes.has(asText(native['type']) ?? '') && isComplete(native)) return native
  if (annotation.kind !== 'url' || annotation.url === undefined) return undefined
  return {
    type: 'url_citation',
    start_index: annotation.start ?? 0,
    end_index: annotation.end ?? textLength(),
    url: annotation.url,
    title: annotation.title ?? annotation.url,
  }
}

const ownTypes: ReadonlySet<string> = new Set(['url_citation', 'file_citation', 'container_file_citation', 'file_path'])

/** Other APIs have citations of the same name with other members. */
function isComplete(native: JsonObject): boolean {
  return native['type'] === 'url_citation'
    ? typeof native['url'] === 'string' && typeof native['start_index'] === 'number'
    : typeof native['file_id'] === 'string'
}

export function readLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  const logprobs = asList(value).flatMap((entry) => {
    const one = readLogprob(entry)
    if (one === undefined) return []
    return [{ ...one, top: asList(asObject(entry)?.['top_logprobs']).flatMap((other) => readLogprob(other) ?? []) }]
  })
  return logprobs.length === 0 ? undefined : logprobs
}

function readLogprob(value: unknown): { readonly token: string; readonly logprob: number } | undefined {
  const token = asText(asObject(value)?.['token'])
  const logprob = asNumber(asObject(value)?.['logprob'])
  return token === undefined || logprob === undefined ? undefined : { token, logprob }
}

export function writeLogprobs(logprobs: readonly TokenLogprob[]): readonly JsonObject[] {
  return logprobs.map(({ token, logprob, top }) => ({
    token,
    logprob,
    bytes: bytesOf(token),
    top_logprobs: top.map((other) => ({ token: other.token, logprob: other.logprob, bytes: bytesOf(other.token) })),
  }))
}

function bytesOf(token: string): readonly number[] {
  return [...Buffer.from(token)]
}

/** Places in texts are told in code points, which are fewer than UTF-16 units where there are pictures. */
export function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
