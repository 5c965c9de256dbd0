import { asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Annotation } from '#translate/common.ts'

/** An entry of `annotations`; `before`: code points of the texts in front of the one that it belongs to. */
export function readAnnotation(value: unknown, before: number): Annotation | undefined {
  const native = asObject(value)
  const citation = asObject(native?.['url_citation'])
  if (native === undefined) return undefined
  if (citation === undefined) return { kind: native['type'] === 'file' ? 'file' : 'other', native }
  const start = asNumber(citation['start_index'])
  const end = asNumber(citation['end_index'])
  return {
    kind: 'url',
    url: asText(citation['url']),
    title: asText(citation['title']),
    start: start === undefined ? undefined : Math.max(0, start - before),
    end: end === undefined ? undefined : Math.max(0, end - before),
    citedText: asText(citation['content']),
    native,
  }
}

/**
 * An entry of `annotations`; undefined where it cites no address. One that says no place belongs to all of its text, which
 * has `length` code points.
 */
export function writeAnnotation(annotation: Annotation, before: number, length: number): JsonObject | undefined {
  const { kind, url, title = '', start = 0, end = length } = annotation
  if (kind !== 'url' || url === undefined) return undefined
  return {
    type: 'url_citation',
    url_citation: { start_index: before + start, end_index: before + end, url, title },
  }
}

/** The unit of their offsets. */
export function codePoints(text: string): number {
  let points = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    // The second half of a pair is no code point of its own.
    if (unit >= 0xdc00 && unit <= 0xdfff) points -= 1
  }
  return points
}
