import { asText, type JsonObject } from '#kit/json-value.ts'
import { Fields } from '#translate/chat/fields.ts'
import { readIdentity, readIncludeUsage, readRest, readSampling } from '#translate/chat/read-request.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { CommonRequest, Message } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'

/** A prompt as the message of a user: nobody knows what else stands in it. Of several, each is a conversation of its own. */
export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  const fields = new Fields(body, notes)
  // They are known already.
  fields.any('model')
  fields.any('stream')
  const [prompt, ...others] = readPrompts(fields.any('prompt'), notes)
  const messages = messagesFor(prompt)
  notes.adapt('adapted:completion_as_chat')
  refuseOthers(fields, notes)
  return {
    form: 'completions',
    model: facts.model,
    stream: facts.stream,
    messages,
    ...(others.length > 0 && { prompts: [messages, ...others.map(messagesFor)] }),
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    sampling: { ...readSampling(fields, notes), maxOutputTokens: fields.number('max_tokens') },
    reasoning: undefined,
    output: {},
    cache: undefined,
    identity: readIdentity(fields, notes),
    tier: fields.text('service_tier'),
    store: undefined,
    previousResponseId: undefined,
    include: [],
    includeUsage: readIncludeUsage(fields, notes),
    rest: readRest(fields, notes),
  }
}

/** Texts: one, or one for each answer. */
function readPrompts(prompt: unknown, notes: Notes): readonly [string, ...string[]] {
  const list: readonly unknown[] = Array.isArray(prompt) ? prompt : [prompt]
  const [first, ...others] = list
  if (list.some((entry) => typeof entry === 'number' || Array.isArray(entry))) {
    notes.reject('prompt', 'a prompt of token ids is not supported')
  } else if (list.length === 0 || list.some((entry) => typeof entry !== 'string')) {
    notes.reject('prompt', 'a request without a prompt is not supported')
  }
  return [asText(first) ?? '', ...others.map((other) => asText(other) ?? '')]
}

function messagesFor(prompt: string): readonly Message[] {
  return [{ role: 'user', parts: prompt === '' ? [] : [{ kind: 'text', text: prompt }], placement: 'inline' }]
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
