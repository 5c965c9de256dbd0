import type { Call } from '#core/call.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'
import { encode } from '#kit/bytes.ts'
import type { Asked } from './asked.ts'
import type { BackendRequest, Framing } from './codec.ts'
import { requestHeaders } from './request-headers.ts'

/** The call with another body at another path. Its model is the backend's, so that nobody puts another name into it. */
export function callFor({ call, form, model }: Asked, sent: BackendRequest, framing: Framing): Call {
  const { path, query, stream } = sent
  return {
    endpoint: { path, dialect: dialectOf.get(form) ?? 'openai', reads: 'json', stream: undefined },
    method: 'POST',
    path,
    query,
    headers: requestHeaders(call.headers, sent, framing),
    model,
    stream,
    body: encode(JSON.stringify(sent.body)),
    modelAt: { start: 0, end: 0 },
    client: call.client,
  }
}

/** Decides about the key's header and the version's. */
const dialectOf: ReadonlyMap<Form, Dialect> = new Map<Form, Dialect>([
  ['messages', 'anthropic'],
  ['gemini', 'gemini'],
  ['ollama', 'ollama'],
])
