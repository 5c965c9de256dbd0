import type { CommonRequest, Message, Part, Tool } from '#translate/common.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { CompatPolicy } from '#core/compat.ts'
import { converseBackend } from '#translate/converse/backend.ts'
import { Notes } from '#translate/notes.ts'
import { commonRequest, said, targetFor } from './common-request.ts'

export const claude = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
export const adaptiveClaude = 'us.anthropic.claude-opus-4-7-v1'
export const nova = 'us.amazon.nova-pro-v1:0'
export const nova2 = 'us.amazon.nova-2-lite-v1:0'
export const gptOss = 'openai.gpt-oss-120b-1:0'
export const llama = 'meta.llama3-3-70b-instruct-v1:0'

export interface Asking {
  readonly model?: string
  readonly profile?: ProfileOverrides
  readonly policy?: Partial<CompatPolicy>
  readonly inputEstimate?: number
}

export function write(
  overrides: Partial<CommonRequest>,
  { model = nova, profile, policy, inputEstimate }: Asking = {},
) {
  const notes = new Notes(policy?.mode)
  const target = targetFor('converse', 'bedrock', model, profile, policy)
  const sent = converseBackend.writeRequest(
    commonRequest(overrides),
    { ...target, inputEstimate: inputEstimate ?? target.inputEstimate },
    notes,
  )
  return { ...sent, codes: notes.codes, rejection: notes.rejection }
}

export const weather: Tool & { readonly kind: 'function' } = {
  kind: 'function',
  name: 'get_weather',
  description: 'Tells the weather',
  schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

export const time: Tool = { kind: 'function', name: 'get_time', schema: undefined }

export function call(id: string, name: string, raw: string): Part {
  return { kind: 'tool_call', id, name, args: { raw }, isCustom: false, tool: 'function' }
}

export function result(callId: string, text: string, isError = false): Part {
  return { kind: 'tool_result', callId, parts: [{ kind: 'text', text }], isError, isCustom: false }
}

/** A round with tools: the question, the calls, their results. */
export const loop: readonly Message[] = [
  said('user', 'q'),
  said(
    'assistant',
    {
      kind: 'reasoning',
      text: 'Let me check both.',
      style: 'summary',
      isRedacted: false,
      opaque: { form: 'converse', family: 'claude', kind: 'signature', payload: 'SIG' },
    },
    'Checking.',
    call('call_A1', 'get_weather', '{"city":"Paris"}'),
    call('call_B2', 'get_time', ''),
  ),
  said('user', result('call_A1', '18C')),
  said('user', result('call_B2', 'clock offline', true)),
]

export const toolSpecs = [
  {
    toolSpec: {
      name: 'get_weather',
      description: 'Tells the weather',
      inputSchema: { json: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
    },
  },
  { toolSpec: { name: 'get_time', inputSchema: { json: { type: 'object', properties: {} } } } },
]
