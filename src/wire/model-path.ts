import type { Span } from '#core/call.ts'
import { isRefusal } from '#core/refusal.ts'
import { checkModel } from './model-name.ts'

/** What routing needs to know of a Gemini path. */
export interface ModelPath {
  /** Decoded, without a `models/` in front. */
  readonly model: string
  /** The still encoded model within the path, as string indexes. */
  readonly modelAt: Span
  /** What follows the last colon: `generateContent`, `streamGenerateContent`, `countTokens`, … */
  readonly verb: string
  /** The verb asks for a stream. */
  readonly stream: boolean
}

const prefix = /^\/v1(?:beta|alpha)?\/models\//
const verbForm = /^[A-Za-z]+$/

/**
 * Reads `/v1beta/models/{model}:{verb}` (also v1 and v1alpha); undefined when the path has another form.
 * The verb follows the last colon, because models may hold `/` and `:` themselves.
 */
export function readModelPath(path: string): ModelPath | undefined {
  const start = prefix.exec(path)?.[0].length
  if (start === undefined) return undefined
  const end = path.lastIndexOf(':')
  const verb = path.slice(end + 1)
  if (end <= start || !verbForm.test(verb)) return undefined
  const decoded = decode(path.slice(start, end))
  if (decoded === undefined) return undefined
  const model = checkModel(withoutModelsPrefix(decoded))
  if (isRefusal(model)) return undefined
  return { model, modelAt: { start, end }, verb, stream: verb.startsWith('stream') }
}

/** The path with another model; a `models/` in front of the name is not doubled. */
export function splicePathModel(path: string, span: Span, model: string): string {
  return path.slice(0, span.start) + encodeModel(withoutModelsPrefix(model)) + path.slice(span.end)
}

/** Google's resource names are `models/{model}`; clients and configs write them either way. */
export function withoutModelsPrefix(model: string): string {
  return model.startsWith('models/') ? model.slice('models/'.length) : model
}

/** Slashes and colons stay, as Google's own clients send them. */
function encodeModel(model: string): string {
  return encodeURI(model.toWellFormed()).replaceAll('?', '%3F').replaceAll('#', '%23')
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
