import type { JsonObject } from '#kit/json-value.ts'
import { Fields } from '#translate/chat/fields.ts'
import { readIdentity, readIncludeUsage, readRest, readSampling } from '#translate/chat/read-request.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'

/** A prompt as the message of a user: nobody knows what else stands in it. */
export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  const fields = new Fields(body, notes)
  // They are known already.
  fields.any('model')
  fields.any('stream')
  const prompt = readPrompt(fields.any('prompt'), notes)
  notes.adapt('adapted:completion_as_chat')
  refuseOthers(fields, notes)
  return {
    form: 'completions',
    model: facts.model,
    stream: facts.stream,
    messages: [{ role: 'user', parts: prompt === '' ? [] : [{ kind: 'text', text: prompt }], placement: 'inline' }],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    sampling: { ...readSampling(fields, notes), maxOutputTokens: fields.number('max_tokens') },
    reasoning: undefined,
    output: {},
    cache: undefined,
    identity: readIdentity(fields),
    tier: fields.text('service_tier'),
    store: undefined,
    previousResponseId: undefined,
    include: [],
    includeUsage: readIncludeUsage(fields),
    rest: readRest(fields, notes),
  }
}

/** A text, alone or in a list; more than one would be more than one request. */
function readPrompt(prompt: unknown, notes: Notes): string {
  const only: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt
  if (typeof only === 'string') return only
  const list: readonly unknown[] = Array.isArray(only) ? only : []
  if (list.some((entry) => typeof entry !== 'string')) {
    notes.reject('prompt', 'a prompt of token ids is not supported')
  } else if (list.length > 0) notes.reject('prompt', 'a list of more than one prompt is not supported')
  else notes.reject('prompt', 'a request without a prompt is not supported')
  return ''
}

/** What a chat cannot do: its text would be another one. */
function refuseOthers(fields: Fields, notes: Notes): void {
  const suffix = fields.text('suffix') ?? ''
  const bestOf = fields.number('best_of') ?? 1
  const logprobs = fields.any('logprobs')
  if (suffix !== '') notes.reject('suffix', 'a suffix is not supported')
  if (fields.flag('echo') === true) notes.reject('echo', 'a prompt in the answer is not supported')
  if (bestOf > 1) notes.reject('best_of', 'a choice of the best answer is not supported')
  if (logprobs !== undefined && logprobs !== false) {
    notes.reject('logprobs', 'probabilities of tokens are not supported', 'dropped:logprobs')
  }
}
