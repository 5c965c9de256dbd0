import type { JsonObject } from '#kit/json-value.ts'
import { countField, modalitiesField } from '#translate/field-words.ts'
import type { RequestWriting } from './request-writing.ts'

/** What a request asks that Converse has no word for: rejected where the answer would be wrong without, else dropped. */
export function tellUncarried({ request, notes }: RequestWriting): void {
  const { sampling, output, cache, previousResponseId } = request
  if ((sampling.n ?? 1) > 1) notes.reject(countField(request), 'more than one answer to a request is not supported')
  if (sampling.maxOutputTokens === 0) notes.reject('max_tokens', 'an answer without tokens is not supported')
  const modality = output.modalities?.find((name) => name.toLowerCase() !== 'text')
  if (modality !== undefined)
    notes.reject(modalitiesField(request), `${modality.toLowerCase()} output is not supported`)
  else if (output.audio !== undefined) notes.drop('dropped:unknown_field', 'audio')
  if (cache?.resource !== undefined) notes.reject('cachedContent', 'cached content of another provider cannot be read')
  if (cache?.key !== undefined) notes.drop('dropped:cache_hint', 'prompt_cache_key')
  if (previousResponseId !== undefined) {
    notes.reject('previous_response_id', 'an answer that another provider keeps cannot be gone on with')
  }
  if (output.verbosity !== undefined) notes.drop('dropped:verbosity', 'verbosity')
  if (output.prediction !== undefined) notes.drop('dropped:prediction', 'prediction')
  tellRest(request.rest, request.form, notes)
}

function tellRest(rest: JsonObject, form: string, notes: RequestWriting['notes']): void {
  for (const [name, value] of Object.entries(rest)) {
    if (value === null || value === undefined || value === false) continue
    if (form === 'responses' && keptElsewhere.has(name)) notes.reject(name, `"${name}" is not supported`)
    else notes.drop(codeByField.get(name) ?? 'dropped:unknown_field', name)
  }
}

/** Of Responses: what only OpenAI keeps, or does later. */
const keptElsewhere: ReadonlySet<string> = new Set(['background', 'conversation', 'prompt'])

const codeByField: ReadonlyMap<string, `dropped:${string}`> = new Map([
  ['context_management', 'dropped:context_management'],
  ['safetySettings', 'dropped:safety_settings'],
  ['safety_settings', 'dropped:safety_settings'],
])
