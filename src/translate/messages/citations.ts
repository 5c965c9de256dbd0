import { asText, type JsonObject } from '#kit/json-value.ts'
import type { Annotation } from '#translate/common.ts'
import { isWebUrl } from '#translate/media.ts'

/** A citation belongs to its whole block, so that it begins and ends where the block's text does. */
export function annotationOf(citation: JsonObject, text: string): Annotation {
  const source = asText(citation['url']) ?? asText(citation['source'])
  const isUrl = source !== undefined && isWebUrl(source)
  return {
    kind: isUrl ? 'url' : 'other',
    url: isUrl ? source : undefined,
    title: asText(citation['title']) ?? asText(citation['document_title']),
    start: 0,
    end: codePointsOf(text),
    citedText: asText(citation['cited_text']),
    native: citation['encrypted_index'] === '' ? undefined : citation,
  }
}

/** As a block of text cites; undefined for what Anthropic's form has no name for. */
export function citationOf(annotation: Annotation): JsonObject | undefined {
  const { native, url } = annotation
  if (native !== undefined && citationTypes.has(asText(native['type']) ?? '')) return native
  if (annotation.kind !== 'url' || url === undefined) return undefined
  return {
    type: 'web_search_result_location',
    cited_text: annotation.citedText ?? '',
    // Empty: nobody but Anthropic can make one, and by that it is known not to be theirs when it comes back.
    encrypted_index: '',
    title: annotation.title ?? null,
    url,
  }
}

/** Of an annotation that Anthropic made itself, and may be told again. */
export function nativeCitationOf(annotation: Annotation): JsonObject | undefined {
  const { native } = annotation
  return native !== undefined && citationTypes.has(asText(native['type']) ?? '') ? native : undefined
}

const citationTypes: ReadonlySet<string> = new Set([
  'char_location',
  'page_location',
  'content_block_location',
  'web_search_result_location',
  'search_result_location',
])

export function codePointsOf(text: string): number {
  if (!/[\ud800-\udbff]/.test(text)) return text.length
  let count = 0
  for (const _ of text) count += 1
  return count
}
