import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { CacheHint, MediaPart, Part, TextPart } from '#translate/common.ts'
import { mimeOf } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { blockMember, blockPartMember } from './block-member.ts'
import { cacheHintOf } from './cache-hint.ts'

export function readImage(block: JsonObject, field: string, notes: Notes): MediaPart {
  const source = asObject(block['source']) ?? {}
  return {
    kind: 'media',
    medium: 'image',
    ...contentOf(source, field, notes),
    cache: cacheHintOf(block['cache_control']),
    rest: block['transformations'] === undefined ? undefined : { transformations: block['transformations'] },
  }
}

export function readDocument(block: JsonObject, field: string, notes: Notes): readonly Part[] {
  const source = asObject(block['source']) ?? {}
  if (source['type'] === 'content') return flattened(block, [asText(block['title'])], source['content'], field, notes)
  const citations = asObject(block['citations'])?.['enabled']
  return [
    {
      kind: 'media',
      medium: 'file',
      ...contentOf(source, field, notes),
      title: asText(block['title']),
      context: asText(block['context']),
      citations: typeof citations === 'boolean' ? citations : undefined,
      cache: cacheHintOf(block['cache_control']),
    },
  ]
}

export function readSearchResult(block: JsonObject, field: string, notes: Notes): readonly Part[] {
  return flattened(block, [asText(block['title']), asText(block['source'])], block['content'], field, notes)
}

function contentOf(source: JsonObject, field: string, notes: Notes): Pick<MediaPart, 'mime' | 'source'> {
  const declared = asText(source['media_type']) ?? ''
  const text = asText(source['data']) ?? ''
  switch (source['type']) {
    case 'base64':
      return { mime: mimeOf(text, declared), source: { base64: text } }
    case 'text':
      return { mime: declared === '' ? 'text/plain' : declared, source: { text } }
    case 'url':
      return { mime: declared, source: { url: asText(source['url']) ?? '' } }
    case 'file':
      return { mime: declared, source: { file: { form: 'messages', id: asText(source['file_id']) ?? '' } } }
    default:
      notes.reject(`${field}.source.type`, 'the source must be "base64", "text", "url", "file" or "content"')
      return { mime: declared, source: { text: '' } }
  }
}

/**
 * A document made of blocks, as the texts and images that it holds, with its title and source in the first line. The first
 * part keeps the block as it was.
 */
function flattened(
  block: JsonObject,
  heads: readonly (string | undefined)[],
  content: unknown,
  field: string,
  notes: Notes,
): readonly Part[] {
  notes.adapt('adapted:document_flattened', field)
  if (asObject(block['citations'])?.['enabled'] === true) notes.drop('dropped:citations', `${field}.citations`)
  const parts: (TextPart | MediaPart)[] = []
  const head = heads.filter((line) => line !== undefined && line !== '').join(' — ')
  if (head !== '') parts.push(textOf(head))
  if (typeof content === 'string') parts.push(textOf(content))
  asList(content).forEach((value, index) => {
    const inner = asObject(value) ?? {}
    if (inner['type'] === 'image') parts.push(readImage(inner, `${field}.content[${index}]`, notes))
    else parts.push(textOf(asText(inner['text']) ?? ''))
  })
  if (parts.length === 0) parts.push(textOf(''))
  const cache = cacheHintOf(block['cache_control'])
  return parts.map((part, index) =>
    within(
      part,
      index === 0 ? { [blockMember]: block } : { [blockPartMember]: true },
      index === parts.length - 1 && cache,
    ),
  )
}

function within(part: TextPart | MediaPart, rest: JsonObject, cache: CacheHint | false | undefined): Part {
  return { ...part, rest, cache: cache === false ? part.cache : (cache ?? part.cache) }
}

function textOf(text: string): TextPart {
  return { kind: 'text', text }
}
