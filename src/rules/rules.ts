import type { Call } from '#core/call.ts'
import type { CompileProblem } from '#core/problem.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { CallRules, Rules } from '#core/rules.ts'
import { peekJson } from '#wire/peek.ts'
import { renamed } from '#wire/rename.ts'
import { withSystemPrompt } from '#wire/system-prompt.ts'
import { addedMembers, withMembers } from './added-members.ts'
import { answerChange } from './answer-change.ts'
import { compileMiddleware } from './middleware.ts'
import type { MiddlewareSettings } from './middleware-schema.ts'
import type { PromptSources } from './prompt-files.ts'
import { compilePrompts, type SystemPrompts } from './system-prompts.ts'
import type { PromptSettings } from './system-prompt-schema.ts'

export interface RuleSettings {
  readonly system_prompts: readonly PromptSettings[]
  readonly middleware: readonly MiddlewareSettings[]
}

/** `system_prompts` and `middleware`, compiled; undefined where they do nothing. `zone`: undefined for the machine's. */
export function compileRules(
  settings: RuleSettings,
  sources: PromptSources,
  zone: string | undefined,
  problems: CompileProblem[],
): Rules | undefined {
  const prompts = compilePrompts(settings.system_prompts, sources, zone, problems)
  const { meant, headers, members, answers } = compileMiddleware(settings.middleware, problems)
  const added = addedMembers(members)
  const forRequests: CallRules | undefined = headers.length === 0 ? undefined : { headers, changeAnswer: undefined }
  const forAnswers: CallRules | undefined =
    answers.length === 0 ? forRequests : { headers, changeAnswer: answerChange(answers) }
  if (prompts === undefined && meant === undefined && added === undefined && forAnswers === undefined) return undefined
  return {
    apply(call, nowWallMs) {
      const named = meant === undefined ? call : renamed(call, meant(call.model))
      const prompt = prompts === undefined ? named : prompted(named, prompts, nowWallMs)
      if (isRefusal(prompt)) return prompt
      const told = added === undefined ? prompt : withMembers(prompt, added)
      // What nobody reads is nobody's to change on its way back.
      const isRead = told.endpoint.reads !== 'nothing'
      const rules = isRead ? forAnswers : forRequests
      if (rules === undefined) return told
      const isChanged = rules.changeAnswer !== undefined
      return { ...told, rules, ...(isChanged && { headers: withoutCompression(told.headers) }) }
    },
  }
}

/** What is to be changed must not come compressed. */
function withoutCompression(headers: Headers): Headers {
  if (!headers.has('accept-encoding')) return headers
  const plain = new Headers(headers)
  plain.set('accept-encoding', 'identity')
  return plain
}

function prompted(call: Call, prompts: SystemPrompts, nowWallMs: number): Call | Refusal {
  const { endpoint, body, model, modelAt, path } = call
  if (endpoint.talk === undefined || body === undefined) return call
  const addition = prompts.additionFor(model, nowWallMs)
  const told = addition && withSystemPrompt(body, endpoint.talk, path, addition)
  if (told === undefined) return call
  if (told === 'ambiguous') return ambiguous
  if (endpoint.reads !== 'json') return { ...call, body: told.body }
  const at = told.moved(modelAt) ?? modelIn(told.body)
  return at === undefined ? ambiguous : { ...call, body: told.body, modelAt: at }
}

const ambiguous = refuse(
  'invalid_json',
  'Cannot read the body: what the model is told can be read in two ways, or is nested too deep',
)

function modelIn(body: Uint8Array): Call['modelAt'] | undefined {
  const seen = peekJson(body)
  return isRefusal(seen) ? undefined : seen.modelAt
}
