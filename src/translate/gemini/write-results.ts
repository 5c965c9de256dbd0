import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { ToolResultPart } from '#translate/common.ts'
import { asExactObject, parseExact } from '#translate/exact-json.ts'
import type { FieldNames } from '#translate/messages/field-names.ts'
import type { Notes } from '#translate/notes.ts'
import { told } from './fields.ts'
import { writeMedia } from './write-media.ts'

/** A result, and the media of it that must follow as parts of their own. */
interface WrittenResult {
  readonly part: JsonObject
  readonly media: readonly JsonObject[]
}

export function writeResult(
  result: ToolResultPart,
  name: string,
  id: string | undefined,
  target: Target,
  notes: Notes,
  fields: FieldNames,
): WrittenResult {
  const inside: JsonObject[] = []
  const outside: JsonObject[] = []
  for (const part of result.parts) {
    if (part.kind === 'native') notes.drop('dropped:server_tool_blocks', fields.of(part))
    if (part.kind !== 'media') continue
    const media = writeMedia(part, target, notes, fields)
    if (media === undefined) continue
    if (target.profile.takesMediaInResults && fitsIntoResult(media)) inside.push(media)
    else outside.push(media)
  }
  if (outside.length > 0) notes.adapt('adapted:tool_media_moved', fields.of(result))
  const parts = inside.length === 0 ? undefined : inside
  return { part: { functionResponse: told({ id, name, response: responseOf(result), parts }) }, media: outside }
}

/** It must be an object: what is one goes as it is, all else under the name that Google gives it. */
function responseOf(result: ToolResultPart): JsonObject {
  const value = result.value ?? textOf(result)
  if (result.isError) return { error: value }
  const object = typeof value === 'string' ? objectIn(value) : asExactObject(value)
  return object ?? { output: value }
}

function textOf({ parts }: ToolResultPart): string {
  const texts = parts.flatMap((part) => (part.kind === 'text' || part.kind === 'refusal' ? [part.text] : []))
  return texts.join('\n')
}

function objectIn(text: string): JsonObject | undefined {
  return /^\s*\{/.test(text) ? asExactObject(parseExact(text)) : undefined
}

function fitsIntoResult({ inlineData }: JsonObject): boolean {
  const mime = inlineData !== undefined && mimeIn(inlineData)
  return typeof mime === 'string' && typesInResults.has(mime)
}

function mimeIn(blob: unknown): unknown {
  return typeof blob === 'object' && blob !== null && 'mimeType' in blob ? blob.mimeType : undefined
}

const typesInResults: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/webp',
  'application/pdf',
  'text/plain',
])
