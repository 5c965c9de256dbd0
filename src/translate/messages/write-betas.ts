import { asText, type JsonObject } from '#kit/json-value.ts'
import type { CommonRequest } from '#translate/common.ts'
import { betaHeader } from './block-member.ts'
import type { WrittenMessage } from './written.ts'

/** `anthropic-beta`, where something in the request needs it. `thinkerWithTools`: a model that thinks by budget, and has tools. */
export function betasOf(
  request: CommonRequest,
  body: JsonObject,
  messages: readonly WrittenMessage[],
  thinkerWithTools: string | undefined,
): readonly (readonly [name: string, value: string])[] {
  const betas = new Set<string>()
  if (request.form === 'messages') {
    for (const beta of (asText(request.rest[betaHeader]) ?? '').split(','))
      if (beta.trim() !== '') betas.add(beta.trim())
  }
  // Whoever speaks Responses is used to thoughts between two calls.
  if (
    request.form === 'responses' &&
    thinkerWithTools !== undefined &&
    /claude-(?:opus|sonnet)-4/.test(thinkerWithTools)
  ) {
    betas.add('interleaved-thinking-2025-05-14')
  }
  if (messages.some(({ role }) => role === 'system')) betas.add('mid-conversation-system-2026-04-07')
  if (hasFile(messages)) betas.add('files-api-2025-04-14')
  if (body['speed'] === 'fast') betas.add('fast-mode-2026-02-01')
  return betas.size === 0 ? [] : [[betaHeader, [...betas].join(',')]]
}

function hasFile(messages: readonly WrittenMessage[]): boolean {
  return messages.some(({ content }) => content.some(isFile))
}

function isFile(block: JsonObject): boolean {
  const { source, content } = block
  if (typeof source === 'object' && source !== null && 'type' in source && source.type === 'file') return true
  return (
    Array.isArray(content) &&
    content.some((inner: unknown) => typeof inner === 'object' && inner !== null && isFile({ ...inner }))
  )
}
