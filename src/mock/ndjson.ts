import type { Behaviour } from './behaviour.ts'
import type { EventStream, StreamEvent } from './events.ts'
import type { Reply } from './reply.ts'

/** The reply as lines of JSON that end with `"done": true`, as local model servers send it. */
export function ndjsonStream(reply: Reply, behaviour: Behaviour): EventStream {
  return { contentType: 'application/x-ndjson', events: linesOf(reply, behaviour), malformed: '{"message":{"role":\n' }
}

function* linesOf(reply: Reply, behaviour: Behaviour): Iterable<StreamEvent> {
  const common = { model: reply.model, created_at: new Date(reply.createdS * 1000).toISOString() }
  for (const content of reply.tokens) {
    yield line({ ...common, message: { role: 'assistant', content }, done: false }, true)
  }
  for (const { name, input } of reply.calls) {
    const message = { role: 'assistant', content: '', tool_calls: [{ function: { name, arguments: input } }] }
    yield line({ ...common, message, done: false }, true)
  }
  // The last line is terminal marker and finish reason at once.
  if (behaviour.withoutDone || behaviour.withoutFinish) return
  yield line({
    ...common,
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: reply.finish === 'length' ? 'length' : 'stop',
    prompt_eval_count: reply.inputTokens,
    eval_count: reply.outputTokens,
  })
}

function line(json: unknown, isContent = false): StreamEvent {
  return { text: `${JSON.stringify(json)}\n`, isContent }
}
