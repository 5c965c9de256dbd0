import type { Call } from '#core/call.ts'
import type { ReportedError } from '#wire/error-in-body.ts'

/**
 * Tells whether an error that stands for 404 is about the route's model. Only then may it be held against the route: a
 * path, a file or a former response that does not exist is the client's own, and one that asks for such things must not
 * take routes away from all others. So the words that decide are those that a client cannot put there.
 */
export function isModelMissing(reported: ReportedError | undefined, call: Call): boolean {
  if (reported === undefined || !isKnownPath(call)) return false
  if (missingModelCodes.has(lower(reported.code))) return true
  // Ollama's errors have no type, only words.
  const isNamed = call.endpoint.dialect === 'ollama' || notFoundNames.has(lower(reported.type))
  const isAboutModel = isNamed && modelFirst.test(reported.message)
  return isAboutModel && (call.endpoint.dialect !== 'gemini' || generates.test(call.path))
}

/** The path is that of a model endpoint, not one that the client thought up and that is sent on as it came. */
export function isKnownPath({ endpoint, path }: Call): boolean {
  return endpoint.path === path || endpoint.reads === 'path'
}

/** OpenAI and those who follow it; Azure. */
const missingModelCodes: ReadonlySet<string> = new Set(['deploymentnotfound', 'model_not_found'])

/** Anthropic and Ollama; Google; vLLM. They say so of other things, too, and then do not begin with the model. */
const notFoundNames: ReadonlySet<string> = new Set(['not_found_error', 'not_found', 'notfounderror'])

const modelFirst = /^(?:the )?models?\b/i

/** Google's models are "not found" for other versions of its API and for verbs that they do not know. */
const generates = /^\/v1beta\/models\/[^/]+:(?:generateContent|streamGenerateContent)$/

function lower(text: string | undefined): string {
  return text?.toLowerCase() ?? ''
}
