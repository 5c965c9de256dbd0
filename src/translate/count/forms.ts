import type { Form } from '#core/talk.ts'
import { asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Asked } from '#translate/asked.ts'
import type { BackendRequest } from '#translate/codec.ts'
import { resourceOf } from '#translate/gemini/write-request.ts'
import { plainRequest } from '#translate/plain-request.ts'

/** How tokens are counted in one form. */
interface CountForm {
  /** The request whose tokens are to be counted, as it stands in the client's body. */
  readonly requestIn: (body: JsonObject) => JsonObject
  /** The request that counts those of another one. */
  readonly asking: (sent: BackendRequest, asked: Asked) => BackendRequest
  readonly read: (body: JsonObject) => number | undefined
  readonly write: (tokens: number) => JsonObject
}

export const countForms: ReadonlyMap<Form, CountForm> = new Map<Form, CountForm>([
  [
    'messages',
    {
      requestIn: itself,
      asking: ({ body, headers }, { protocol }) => ({
        ...plainRequest,
        path: '/v1/messages/count_tokens',
        // Bedrock counts what it would be invoked with, which must say how much may be written.
        body: picked(body, protocol === 'bedrock' ? new Set([...ofMessages, 'max_tokens']) : ofMessages),
        headers,
      }),
      read: (body) => countIn(body, 'input_tokens'),
      write: (tokens) => ({ input_tokens: tokens }),
    },
  ],
  [
    'gemini',
    {
      requestIn: (body) => asObject(body['generateContentRequest'] ?? body['generate_content_request']) ?? body,
      asking: ({ body }, { model }) => ({
        ...plainRequest,
        path: `/v1beta/${resourceOf(model)}:countTokens`,
        body: { generateContentRequest: { model: resourceOf(model), ...body } },
      }),
      // It leaves out what is 0.
      read: (body) => countIn(body, 'totalTokens') ?? (Object.keys(body).length === 0 ? 0 : undefined),
      write: (tokens) => ({ totalTokens: tokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: tokens }] }),
    },
  ],
  [
    'responses',
    {
      requestIn: itself,
      asking: ({ body }) => ({
        ...plainRequest,
        path: '/v1/responses/input_tokens',
        body: picked(body, ofResponses),
      }),
      read: (body) => countIn(body, 'input_tokens'),
      write: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
    },
  ],
])

/** Does the backend count by itself? Many have the form of OpenAI's Responses, and few count in it. */
export function countsItself({ form, protocol }: Pick<Asked, 'form' | 'protocol'>): boolean {
  return form === 'responses' ? protocol === 'openai' : form === 'messages' || form === 'gemini'
}

function itself(body: JsonObject): JsonObject {
  return body
}

function countIn(body: JsonObject, name: string): number | undefined {
  const count = asNumber(body[name])
  return count !== undefined && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

function picked(body: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => names.has(name)))
}

/** They refuse what they do not know, and what is of no account for a count. */
const ofMessages: ReadonlySet<string> = new Set([
  'model',
  'system',
  'messages',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'cache_control',
  'mcp_servers',
  'context_management',
])

const ofResponses: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'truncation',
  'conversation',
  'previous_response_id',
  'personality',
])
