import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { MediaPart } from '#translate/common.ts'
import { inlined, mimeOf, textOfFile } from '#translate/media.ts'
import type { FieldNames } from '#translate/messages/field-names.ts'
import type { Notes } from '#translate/notes.ts'
import { told } from './fields.ts'
import { isVideoPage, mimeOfName } from './read-media.ts'

/** A part of media for Gemini; undefined where it was rejected. */
export function writeMedia(part: MediaPart, target: Target, notes: Notes, fields: FieldNames): JsonObject | undefined {
  const written = sourceOf(part, target, notes, fields)
  const videoMetadata = part.rest?.['videoMetadata']
  if (part.citations === true) notes.drop('dropped:citations', fields.of(part))
  return written === undefined || videoMetadata === undefined ? written : { ...written, videoMetadata }
}

function sourceOf(part: MediaPart, target: Target, notes: Notes, fields: FieldNames): JsonObject | undefined {
  const { source } = part
  if ('file' in source) return fileOf(part, source.file, notes, fields)
  if ('text' in source) return textFile(part, source.text)
  if ('url' in source) return addressOf(part, source.url, target, notes, fields)
  const mime = mimeOf(source.base64, part.mime)
  if (part.medium === 'file' && mime !== 'application/pdf') {
    const text = textOfFile(part)
    if (text !== undefined) return textFile(part, text)
    return rejected(notes, fields.of(part), `a file of type "${mime}" is not supported`)
  }
  if (!target.profile.media.has(part.medium))
    return rejected(notes, fields.of(part), `${part.medium} input is not supported`)
  if ((part.filename ?? part.title) !== undefined) notes.drop('dropped:unknown_field', `${fields.of(part)}.filename`)
  return { inlineData: { mimeType: mime, data: source.base64 } }
}

/** Its name has no place of its own. */
function textFile(part: MediaPart, text: string): JsonObject {
  if (part.filename !== undefined || part.title !== undefined || part.context !== undefined)
    return { text: inlined(part, text) }
  return { inlineData: { mimeType: 'text/plain', data: Buffer.from(text).toString('base64') } }
}

function fileOf(
  part: MediaPart,
  file: { readonly form: string; readonly id: string },
  notes: Notes,
  fields: FieldNames,
): JsonObject | undefined {
  if (file.form !== 'gemini')
    return rejected(notes, fields.of(part), `the file "${file.id}" of another provider is not supported`)
  return fileData(part.mime, file.id)
}

function addressOf(
  part: MediaPart,
  url: string,
  target: Target,
  notes: Notes,
  fields: FieldNames,
): JsonObject | undefined {
  if (!target.profile.media.has(part.medium))
    return rejected(notes, fields.of(part), `${part.medium} input is not supported`)
  if (!target.profile.takesMediaUrls && !isVideoPage(url))
    return rejected(notes, fields.of(part), `${part.medium} by address is not supported`)
  return fileData(part.mime === '' ? mimeOfName(url) : part.mime, url)
}

function fileData(mime: string, fileUri: string): JsonObject {
  return { fileData: told({ mimeType: mime === '' ? undefined : mime, fileUri }) }
}

function rejected(notes: Notes, field: string, message: string): undefined {
  notes.reject(field, message)
}
