import type { JsonObject } from '#kit/json-value.ts'
import type { Behaviour } from './behaviour.ts'
import type { EventStream, StreamEvent } from './events.ts'
import type { Reply } from './reply.ts'

/** How Ollama carries text: as a chat's message, or bare. */
export type LineForm = 'chat' | 'generate'

export const lineType = 'application/x-ndjson'

/** The reply as lines of JSON that end with `"done": true`, as local model servers send it. */
export function ndjsonStream(reply: Reply, behaviour: Behaviour, form: LineForm = 'chat'): EventStream {
  const malformed = form === 'chat' ? '{"message":{"role":\n' : '{"response":\n'
  return { contentType: lineType, events: linesOf(reply, behaviour, form), malformed }
}

/** All of the reply in one object, as without a stream. */
export function wholeLine(reply: Reply, form: LineForm): JsonObject {
  const text = reply.tokens.join('')
  const thinking = reply.thoughts.join('')
  const said = form === 'chat' ? messageOf(text, reply, thinking) : { response: text, ...thoughtOf(thinking) }
  return { ...commonOf(reply), ...said, ...endOf(reply) }
}

/** One line of its own. */
export function line(json: unknown, isContent = false): StreamEvent {
  return { text: `${JSON.stringify(json)}\n`, isContent }
}

function* linesOf(reply: Reply, behaviour: Behaviour, form: LineForm): Iterable<StreamEvent> {
  const common = commonOf(reply)
  for (const thinking of reply.thoughts) {
    const said = form === 'chat' ? messageOf('', undefined, thinking) : { response: '', ...thoughtOf(thinking) }
    yield line({ ...common, ...said, done: false }, true)
  }
  for (const text of reply.tokens) {
    yield line({ ...common, ...(form === 'chat' ? messageOf(text) : { response: text }), done: false }, true)
  }
  if (form === 'chat' && reply.calls.length > 0) yield line({ ...common, ...messageOf('', reply), done: false }, true)
  // The last line is terminal marker and finish reason at once.
  if (behaviour.withoutDone || behaviour.withoutFinish) return
  yield line({ ...common, ...(form === 'chat' ? messageOf('') : { response: '' }), ...endOf(reply) })
}

function commonOf(reply: Reply): JsonObject {
  return { model: reply.model, created_at: new Date(reply.createdS * 1000).toISOString() }
}

function thoughtOf(thinking: string): JsonObject {
  return thinking === '' ? {} : { thinking }
}

function messageOf(content: string, reply?: Reply, thinking = ''): JsonObject {
  const calls = (reply?.calls ?? []).map(({ name, input }) => ({ function: { name, arguments: input } }))
  return {
    message: { role: 'assistant', content, ...thoughtOf(thinking), ...(calls.length > 0 && { tool_calls: calls }) },
  }
}

function endOf(reply: Reply): JsonObject {
  return {
    done: true,
    done_reason: reply.finish === 'length' ? 'length' : 'stop',
    total_duration: 2_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: reply.inputTokens,
    prompt_eval_duration: 500_000,
    eval_count: reply.outputTokens,
    eval_duration: 500_000,
  }
}
