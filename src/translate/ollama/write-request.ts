import type { JsonObject } from '#kit/json-value.ts'
import type { Profile } from '#core/profile.ts'
import { RequestBody } from '#translate/chat/request-body.ts'
import { splitStops } from '#translate/chat/write-sampling.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import { FunctionTools } from '#translate/function-tools.ts'
import type { Notes } from '#translate/notes.ts'
import { describedSchema, outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { isThinking, thinkingFor, type Thinking } from '#translate/reasoning.ts'
import { schemaFor } from '#translate/schema.ts'
import { tellUnsupported } from '#translate/unsupported-fields.ts'
import { writeMessages } from './write-messages.ts'

/** A request in the common form → one of Ollama's `/api/chat`. */
export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const { profile } = target
  tellUnsupported(request, target, notes)
  const plan = outputPlanFor(request, profile, true, notes)
  const outputTool = plan.way === 'tool' ? plan.tool : undefined
  const tools = new FunctionTools(request, target, 'ollama', outputTool, notes)
  const instruction = plan.way === 'instruction' ? plan.text : undefined
  const thinking = thinkingFor(request, profile, request.sampling.maxOutputTokens, notes)
  const stops = splitStops(request, profile, notes)
  const stream = request.stream || profile.alwaysStreams
  if (stream && !request.stream) notes.adapt('adapted:stream_forced')
  const body = new RequestBody(profile, notes)
  body.put('model', target.model)
  body.put('messages', writeMessages(request, target, tools.names, instruction, notes))
  // It has no word for a choice.
  if (tools.written.length > 0 && tools.choice !== 'none') body.put('tools', tools.written)
  body.put('format', formatOf(plan, notes))
  body.put('think', thinkOf(thinking))
  // Left out, it would stream.
  body.put('stream', stream)
  const options = optionsOf(request, profile, isThinking(thinking, profile), stops.sent, notes)
  if (Object.keys(options).length > 0) body.put('options', options)
  putLogprobs(body, request)
  return {
    path: '/api/chat',
    query: '',
    body: body.toObject(),
    headers: [],
    stream,
    back: {
      ...tools.back,
      outputTool: outputTool && tools.names.sent(outputTool.name),
      isOutputWrapped: false,
      stops: stops.emulated,
    },
  }
}

/** Its grammar takes any JSON at the root. */
function formatOf(plan: OutputPlan, notes: Notes): JsonObject | string | undefined {
  switch (plan.way) {
    case 'json':
      return 'json'
    case 'schema':
      return schemaFor(describedSchema(plan), 'ollama', notes)
    case 'text':
    case 'tool':
    case 'instruction':
      return undefined
  }
}

function thinkOf(thinking: Thinking | undefined): boolean | string | undefined {
  switch (thinking?.style) {
    case undefined:
      return undefined
    case 'think':
      return thinking.think
    case 'toggle':
      return thinking.isOn
    case 'budget':
      return thinking.tokens !== 0
    case 'effort':
      return wordOf(thinking.effort)
    case 'adaptive':
      return thinking.isOff ? false : wordOf(thinking.effort ?? '')
    case 'level':
      return wordOf(thinking.level.toLowerCase())
  }
}

function wordOf(effort: string): boolean | string {
  if (effort === 'none') return false
  return effort === 'low' || effort === 'medium' || effort === 'high' ? effort : true
}

function optionsOf(
  { sampling }: CommonRequest,
  profile: Profile,
  thinks: boolean,
  stop: readonly string[] | undefined,
  notes: Notes,
): JsonObject {
  const options = new RequestBody(profile, notes)
  options.put('num_predict', sampling.maxOutputTokens)
  if (profile.sampling === 'all' || (profile.sampling === 'without_reasoning' && !thinks)) {
    const { temperature } = sampling
    const isTooWarm = temperature !== undefined && temperature > profile.temperatureMax
    if (isTooWarm) notes.adapt('adapted:temperature_clamped', 'temperature')
    options.put('temperature', isTooWarm ? profile.temperatureMax : temperature)
    if (temperature === undefined || profile.takesTemperatureWithTopP) options.put('top_p', sampling.topP)
    options.put('top_k', sampling.topK)
    options.put('min_p', sampling.minP)
    options.put('repeat_penalty', sampling.repetitionPenalty)
    options.put('presence_penalty', sampling.presencePenalty)
    options.put('frequency_penalty', sampling.frequencyPenalty)
  }
  options.put('seed', sampling.seed)
  options.put('stop', stop)
  return options.toObject()
}

function putLogprobs(body: RequestBody, { sampling }: CommonRequest): void {
  const { logprobs, topLogprobs } = sampling
  if (logprobs !== true && (logprobs !== undefined || topLogprobs === undefined)) return
  body.put('logprobs', true)
  if (body.takes('logprobs')) body.put('top_logprobs', topLogprobs)
}
