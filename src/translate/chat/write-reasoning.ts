import type { Profile } from '#core/profile.ts'
import type { Thinking } from '#translate/reasoning.ts'
import type { RequestBody } from './request-body.ts'

/** How much it is to think, in the words of the server. */
export function putReasoning(body: RequestBody, thinking: Thinking | undefined, profile: Profile): void {
  switch (thinking?.style) {
    case undefined:
      return
    case 'effort':
      return putEffort(body, thinking.effort)
    case 'adaptive':
      return putEffort(body, thinking.isOff ? 'none' : thinking.effort)
    case 'level':
      return putEffort(body, thinking.level.toLowerCase())
    case 'think':
      return putEffort(body, typeof thinking.think === 'string' ? thinking.think : thinking.think ? 'medium' : 'none')
    case 'budget':
      return body.put('reasoning', routerBudget(thinking.tokens))
    case 'toggle':
      return putSwitch(body, thinking.isOn, thinking.tokens, profile)
  }
}

/** OpenRouter has a field of its own for all of it, beside OpenAI's. */
function putEffort(body: RequestBody, effort: string | undefined): void {
  if (effort === undefined) return
  if (body.takes('reasoning_effort')) body.put('reasoning_effort', effort)
  else body.put('reasoning', effort === 'none' ? { enabled: false } : { effort })
}

function routerBudget(tokens: number): object {
  if (tokens === 0) return { enabled: false }
  return tokens < 0 ? { enabled: true } : { max_tokens: tokens }
}

function putSwitch(body: RequestBody, isOn: boolean, tokens: number | undefined, profile: Profile): void {
  const budget = isOn && tokens !== undefined && tokens > 0 ? tokens : undefined
  switch (profile.reasoning.switchField) {
    case 'thinking':
      return body.put('thinking', { type: isOn ? 'enabled' : 'disabled' })
    case 'enable_thinking':
      body.put('enable_thinking', isOn)
      return body.put('thinking_budget', budget)
    case 'chat_template_kwargs':
      return body.put('chat_template_kwargs', {
        enable_thinking: isOn,
        ...(budget === undefined ? {} : { thinking_budget: budget }),
      })
  }
}
