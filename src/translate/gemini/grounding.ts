import { asList, asNumber, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Annotation } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { bytesToCodePoints, codePointsToBytes } from './byte-offsets.ts'
import { told } from './fields.ts'

/** Limit: sources of one text; further ones are left out. */
const annotationsMax = 1000

/** Of a candidate: what `groundingMetadata` and `citationMetadata` say of its text. Some sources have no place in it. */
export function annotationsOf(candidate: JsonObject, text: string): readonly Annotation[] {
  const places = [...groundedPlaces(candidate), ...citedPlaces(candidate)].slice(0, annotationsMax)
  const named = new Set(places.map(({ source }) => source.url))
  const others = groundingSources(candidate).filter((source) => source !== undefined && !named.has(source.url))
  if (places.length === 0) return others.flatMap((source) => ofAll(source)).slice(0, annotationsMax)
  const points = bytesToCodePoints(
    text,
    places.flatMap(({ start, end }) => [start, end]),
  )
  const placed = places.map(({ source, start, end, citedText, native }): Annotation => {
    const { url, title } = source
    return { kind: 'url', url, title, start: points.get(start) ?? 0, end: points.get(end) ?? 0, citedText, native }
  })
  return [...placed, ...others.flatMap((source) => ofAll(source))].slice(0, annotationsMax)
}

/** A source of which it is not said what it is the source of. */
function ofAll(source: Source | undefined): readonly Annotation[] {
  return source === undefined ? [] : [{ kind: 'url', url: source.url, title: source.title }]
}

/** Are there sources that have no address? */
export function hasNameless(candidate: JsonObject): boolean {
  const cited = asObject(candidate['citationMetadata'])
  if (cited === undefined && candidate['groundingMetadata'] === undefined) return false
  const places = asList(cited?.['citationSources'] ?? cited?.['citations'])
  if (places.some((place) => asText(asObject(place)?.['uri']) === undefined)) return true
  return groundingSources(candidate).includes(undefined)
}

function groundingSources(candidate: JsonObject): readonly (Source | undefined)[] {
  return asList(asObject(candidate['groundingMetadata'])?.['groundingChunks']).map(sourceOf)
}

interface Place {
  readonly source: Source
  readonly start: number
  readonly end: number
  readonly citedText: string | undefined
  readonly native: JsonObject
}

interface Source {
  readonly url: string
  readonly title: string | undefined
}

function groundedPlaces(candidate: JsonObject): readonly Place[] {
  const metadata = asObject(candidate['groundingMetadata'])
  if (metadata === undefined) return []
  const sources = groundingSources(candidate)
  return asList(metadata['groundingSupports']).flatMap((each) => {
    const native = asObject(each) ?? {}
    const segment = asObject(native['segment']) ?? {}
    const start = asNumber(segment['startIndex']) ?? 0
    const end = asNumber(segment['endIndex']) ?? 0
    const citedText = asText(segment['text'])
    return asList(native['groundingChunkIndices']).flatMap((index) => {
      const source = sources[asNumber(index) ?? -1]
      return source === undefined ? [] : [{ source, start, end, citedText, native }]
    })
  })
}

function sourceOf(chunk: unknown): Source | undefined {
  const kinds = asObject(chunk) ?? {}
  const source = asObject(kinds['web']) ?? asObject(kinds['retrievedContext']) ?? asObject(kinds['maps'])
  const url = asText(source?.['uri'])
  return url === undefined ? undefined : { url, title: asText(source?.['title']) }
}

function citedPlaces(candidate: JsonObject): readonly Place[] {
  const metadata = asObject(candidate['citationMetadata'])
  return asList(metadata?.['citationSources'] ?? metadata?.['citations']).flatMap((each) => {
    const native = asObject(each) ?? {}
    const url = asText(native['uri'])
    if (url === undefined) return []
    const start = asNumber(native['startIndex']) ?? 0
    const end = asNumber(native['endIndex']) ?? 0
    return [{ source: { url, title: asText(native['title']) }, start, end, citedText: undefined, native }]
  })
}

/** One text of an answer, at its place among the parts, with the sources that were named for it. */
export interface Sourced {
  readonly partIndex: number
  readonly text: string
  readonly annotations: readonly Annotation[]
}

/** `groundingMetadata` for a client; undefined where there are no sources. */
export function groundingMetadataOf(texts: readonly Sourced[], notes: Notes | undefined): JsonObject | undefined {
  const chunks: JsonObject[] = []
  const supports: JsonObject[] = []
  const indexByUrl = new Map<string, number>()
  for (const { partIndex, text, annotations } of texts) {
    const named = annotations.filter((each) => each.url !== undefined).slice(0, annotationsMax)
    if (named.length < annotations.length) notes?.lose('dropped:citations', 'groundingMetadata')
    const bytes = codePointsToBytes(
      text,
      named.flatMap(({ start, end }) => [start ?? 0, end ?? 0]),
    )
    for (const annotation of named) {
      const index = chunkIndexOf(annotation, indexByUrl, chunks)
      const startIndex = bytes.get(annotation.start ?? 0) ?? 0
      const endIndex = bytes.get(annotation.end ?? 0) ?? 0
      if (endIndex <= startIndex) continue
      const segment = told({ partIndex, startIndex, endIndex, text: textBetween(text, startIndex, endIndex) })
      supports.push({ segment, groundingChunkIndices: [index] })
    }
  }
  return chunks.length === 0 ? undefined : { groundingChunks: chunks, groundingSupports: supports }
}

function chunkIndexOf({ url = '', title }: Annotation, indexByUrl: Map<string, number>, chunks: JsonObject[]): number {
  const known = indexByUrl.get(url)
  if (known !== undefined) return known
  const index = chunks.push({ web: told({ uri: url, title }) }) - 1
  indexByUrl.set(url, index)
  return index
}

function textBetween(text: string, startIndex: number, endIndex: number): string {
  return Buffer.from(text).toString('utf8', startIndex, endIndex)
}
