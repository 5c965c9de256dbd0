import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Form } from '#core/talk.ts'

/**
 * May a request be answered by what another one was answered? Not if it leaves something behind, goes on with what an
 * earlier one left, lets tools of the provider look at the world, or wants sound or pictures.
 */
export function isRepeatable(form: Form, body: JsonObject): boolean {
  if (members.some((name) => isSet(body[name]))) return false
  // To Ollama this says to load its model, or to let go of it.
  if (form === 'ollama' && !['messages', 'prompt', 'input'].some((name) => isSaid(body[name]))) return false
  // A prompt that the provider keeps, and may change.
  if (form === 'responses' && isSet(body['prompt'])) return false
  // A Response is kept by its provider unless it is told not to, and is gone on with by its id.
  if (form === 'responses' ? body['store'] !== false : body['store'] === true) return false
  if (
    asList(body['modalities']).includes('audio') ||
    saysMedia(body['generationConfig'] ?? body['generation_config'])
  ) {
    return false
  }
  return asList(body['tools']).every((tool) => isOfClient(form, asObject(tool)))
}

/** Names of members of any form; none means another thing in another one. */
const members = [
  'previous_response_id',
  'conversation',
  'background',
  'web_search_options',
  'mcp_servers',
  'container',
  'context_management',
  'cachedContent',
  'cached_content',
  'plugins',
] as const

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
}

function isSaid(value: unknown): boolean {
  return isSet(value) && value !== ''
}

function saysMedia(config: unknown): boolean {
  const settings = asObject(config)
  const wanted = asList(settings?.['responseModalities'] ?? settings?.['response_modalities'])
  return wanted.some((modality) => String(modality).toLowerCase() !== 'text')
}

/** Is it carried out by the client itself? */
function isOfClient(form: Form, tool: JsonObject | undefined): boolean {
  // Whatever it is, no provider carries it out.
  if (tool === undefined) return true
  if (form === 'gemini') {
    return Object.keys(tool).every((name) => name === 'functionDeclarations' || name === 'function_declarations')
  }
  const type = asText(tool['type'])
  if (type === undefined || type === 'function' || type === 'custom') return true
  return form === 'messages' && clientTools.test(type)
}

/** Tools that Anthropic describes and clients carry out. */
const clientTools = /^(?:bash|text_editor|computer|memory)_[0-9]/
