import type { JsonObject } from '#kit/json-value.ts'
import { asObject } from '#kit/json-value.ts'
import type { Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import type { Reply } from './reply.ts'

/** Body of `/v1/chat/completions`. */
export function chatBody(ask: Ask, reply: Reply): JsonObject {
  const refuses = reply.finish === 'refusal'
  const message = {
    role: 'assistant',
    content: reply.calls.length > 0 || refuses ? null : reply.tokens.join(''),
    refusal: refuses ? reply.tokens.join('') : null,
    ...(reply.thoughts.length > 0 && { reasoning_content: reply.thoughts.join('') }),
    ...(reply.calls.length > 0 && { tool_calls: reply.calls.map((call) => callOf(call.name, call.input, reply)) }),
  }
  return {
    id: reply.id('chatcmpl-', 29),
    object: 'chat.completion',
    created: reply.createdS,
    model: reply.model,
    choices: Array.from({ length: ask.choices }, (_, index) => ({
      index,
      message,
      logprobs: null,
      finish_reason: finishOf(reply),
    })),
    usage: usageOf(reply),
    system_fingerprint: 'fp_mock',
  }
}

/** Body of the legacy `/v1/completions`. */
export function completionBody(ask: Ask, reply: Reply): JsonObject {
  const text = reply.tokens.join('')
  return {
    id: reply.id('cmpl-', 29),
    object: 'text_completion',
    created: reply.createdS,
    model: reply.model,
    choices: Array.from({ length: ask.choices }, (_, index) => ({
      text,
      index,
      logprobs: null,
      finish_reason: finishOf(reply),
    })),
    usage: usageOf(reply),
  }
}

export function chatStream(ask: Ask, reply: Reply, behaviour: Behaviour): EventStream {
  const head = { id: reply.id('chatcmpl-', 29), object: 'chat.completion.chunk', ...commonOf(reply) }
  return streamOf(ask, reply, behaviour, head, {
    *begin() {
      yield { delta: { role: 'assistant', content: '' }, logprobs: null }
    },
    thought: (token) => ({ delta: { reasoning_content: token }, logprobs: null }),
    content: (token) => ({
      delta: reply.finish === 'refusal' ? { refusal: token } : { content: token },
      logprobs: null,
    }),
    end: () => ({ delta: {}, logprobs: null }),
  })
}

export function completionStream(ask: Ask, reply: Reply, behaviour: Behaviour): EventStream {
  const head = { id: reply.id('cmpl-', 29), object: 'text_completion', ...commonOf(reply) }
  return streamOf(ask, reply, behaviour, head, {
    *begin() {
      // The first chunk of this form already carries text.
    },
    thought: undefined,
    content: (token) => ({ text: token, logprobs: null }),
    end: () => ({ text: '', logprobs: null }),
  })
}

interface ChoiceForm {
  begin(): Iterable<JsonObject>
  /** Undefined where the form has no thoughts. */
  readonly thought: ((token: string) => JsonObject) | undefined
  content(token: string): JsonObject
  end(): JsonObject
}

function streamOf(ask: Ask, reply: Reply, behaviour: Behaviour, head: JsonObject, form: ChoiceForm): EventStream {
  const wantsUsage = asObject(ask.json['stream_options'])?.['include_usage'] === true
  const usage = wantsUsage ? { usage: null } : {}
  function* forChoices(choice: JsonObject, isContent: boolean, finish: string | null = null): Iterable<StreamEvent> {
    for (let index = 0; index < ask.choices; index += 1) {
      yield sse({ ...head, choices: [{ index, ...choice, finish_reason: finish }], ...usage }, isContent)
    }
  }
  function* events(): Iterable<StreamEvent> {
    for (const choice of form.begin()) yield* forChoices(choice, false)
    if (form.thought !== undefined) for (const token of reply.thoughts) yield* forChoices(form.thought(token), true)
    for (const token of reply.tokens) yield* forChoices(form.content(token), true)
    for (const delta of callDeltas(reply)) yield* forChoices({ delta, logprobs: null }, true)
    if (!behaviour.withoutFinish) yield* forChoices(form.end(), false, finishOf(reply))
    if (wantsUsage) yield sse({ ...head, choices: [], usage: usageOf(reply) })
    if (!behaviour.withoutDone) yield sse('[DONE]')
  }
  return { contentType: sseType, events: events(), malformed: `data: {"id":"${String(head['id'])}","choices":[\n\n` }
}

/** Each call is named first, then its arguments follow in two pieces. */
function* callDeltas(reply: Reply): Iterable<JsonObject> {
  for (const [index, call] of reply.calls.entries()) {
    yield { tool_calls: [{ index, ...callOf(call.name, undefined, reply) }] }
    const text = JSON.stringify(call.input)
    const half = Math.ceil(text.length / 2)
    for (const piece of [text.slice(0, half), text.slice(half)]) {
      if (piece !== '') yield { tool_calls: [{ index, function: { arguments: piece } }] }
    }
  }
}

function callOf(name: string, input: unknown, reply: Reply): JsonObject {
  const text = input === undefined ? '' : JSON.stringify(input)
  return { id: reply.id('call_', 24), type: 'function', function: { name, arguments: text } }
}

function commonOf(reply: Reply): JsonObject {
  return { created: reply.createdS, model: reply.model, system_fingerprint: 'fp_mock' }
}

function finishOf(reply: Reply): string {
  return { stop: 'stop', length: 'length', calls: 'tool_calls', refusal: 'stop' }[reply.finish]
}

function usageOf(reply: Reply): JsonObject {
  return {
    prompt_tokens: reply.inputTokens,
    completion_tokens: reply.outputTokens,
    total_tokens: reply.inputTokens + reply.outputTokens,
    prompt_tokens_details: { cached_tokens: reply.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reply.thoughts.length,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}
