import type { Protocol } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'
import type { CarrierName } from './carrier.ts'

/** The form in which a backend is asked, and what its cloud puts around that. */
export interface SpokenForm {
  readonly form: Form
  readonly carrier?: CarrierName
}

/** How a backend is asked for what it does not speak; undefined: not at all, since it speaks everything. */
export function targetOf(protocol: Protocol, model: string, { hostname, pathname }: URL): SpokenForm | undefined {
  const path = pathname.replace(/\/$/, '')
  switch (protocol) {
    case 'openai':
      return { form: isOfResponses(model) ? 'responses' : 'chat' }
    case 'azure':
      return { form: formAtAzure(model, hostname, path) }
    case 'deepseek':
    case 'groq':
    case 'mistral':
      return { form: 'chat' }
    case 'cohere':
      return { form: isCohereNative(hostname, path) ? 'cohere' : 'chat' }
    case 'anthropic':
      return { form: 'messages' }
    case 'gemini':
      return { form: path.endsWith('/openai') ? 'chat' : 'gemini' }
    case 'ollama':
      return { form: 'ollama' }
    case 'bedrock':
      return atBedrock(model, hostname, path)
    case 'vertex':
      return atVertex(model, path)
    // Each has a form of its own.
    case 'converter':
    case 'any':
      return undefined
  }
}

/** Models of OpenAI that are asked by Responses only: `gpt-5-pro`, `o3-pro-2025-06-10`, `gpt-5.1-codex-max`, `codex-mini-latest`. */
export function isOfResponses(model: string): boolean {
  return (
    /^(?:gpt-\d[\w.]*|o\d+)-pro(?:-\d{4}-\d{2}-\d{2})?$/.test(model) ||
    /^(?:gpt-\d[\w.]*-)?codex(?:-|$)/.test(model) ||
    /^(?:o\d+(?:-mini)?-deep-research|computer-use-preview)(?:-|$)/.test(model)
  )
}

/** The end of the base address tells; a bare one of its newer hosts has Claude beside the others. */
function formAtAzure(model: string, hostname: string, path: string): Form {
  if (/\/anthropic(?:\/v1)?$/.test(path)) return 'messages'
  if (path === '' && hostname.endsWith('.services.ai.azure.com') && isClaude(model)) return 'messages'
  // By deployment, every model has an address for Chat; which model it is, its name need not say.
  return isOfResponses(model) && !path.endsWith('/models') ? 'responses' : 'chat'
}

/** Its own API, beside the one for OpenAI's clients that it has too. */
function isCohereNative(hostname: string, path: string): boolean {
  return path.endsWith('/v2') || (/^api\.cohere\.(?:com|ai)$/.test(hostname) && !path.includes('/compatibility'))
}

/** Claude loses least when it is asked in its own form; the others have one in common. */
function atBedrock(model: string, hostname: string, path: string): SpokenForm {
  if (path.endsWith('/anthropic') || path.endsWith('/anthropic/v1')) return { form: 'messages' }
  if (path.endsWith('/openai/v1') || hostname.startsWith('bedrock-mantle.')) {
    return { form: isOfResponses(model) ? 'responses' : 'chat' }
  }
  return isClaude(model)
    ? { form: 'messages', carrier: 'bedrock_invoke' }
    : { form: 'converse', carrier: 'bedrock_converse' }
}

function atVertex(model: string, path: string): SpokenForm {
  const chat: SpokenForm = { form: 'chat', carrier: 'vertex_chat' }
  if (path.endsWith('/endpoints/openapi')) return chat
  if (isClaude(model)) return { form: 'messages', carrier: 'vertex_claude' }
  return isGemini(model) ? { form: 'gemini', carrier: 'vertex_gemini' } : chat
}

/** Whatever a cloud puts in front: `us.anthropic.claude-…`, `publishers/anthropic/models/claude-…`, an ARN. */
function isClaude(model: string): boolean {
  return /(?:^|[./:])claude/i.test(model)
}

/** Google's own, and what was tuned of them. */
function isGemini(model: string): boolean {
  return /(?:^|\/)(?:gemini|learnlm)[-\d]|^endpoints\/\d+$/i.test(model)
}
