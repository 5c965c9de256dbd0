import type { JsonObject } from '#kit/json-value.ts'
import { RequestBody } from '#translate/chat/request-body.ts'
import { splitStops } from '#translate/chat/write-sampling.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import { FunctionTools, type FunctionChoice } from '#translate/function-tools.ts'
import type { Notes } from '#translate/notes.ts'
import { describedSchema, outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { isThinking, thinkingFor, type Thinking } from '#translate/reasoning.ts'
import { schemaFor, wrappedRoot } from '#translate/schema.ts'
import { tellUnsupported } from '#translate/unsupported-fields.ts'
import { writeMessages } from './write-messages.ts'
import { putSampling } from './write-sampling.ts'

/** A request in the common form → one of Cohere's `/v2/chat`. */
export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const { profile } = target
  tellUnsupported(request, target, notes)
  const output = writeOutput(outputPlanFor(request, profile, true, notes), notes)
  const tools = new FunctionTools(request, target, 'openai', output.tool, notes)
  const thinking = thinkingFor(request, profile, request.sampling.maxOutputTokens, notes)
  const stops = splitStops(request, profile, notes)
  const stream = request.stream || profile.alwaysStreams
  if (stream && !request.stream) notes.adapt('adapted:stream_forced')
  const body = new RequestBody(profile, notes)
  body.put('model', target.model)
  body.put('messages', writeMessages(request, target, tools.names, output.instruction, notes))
  if (tools.written.length > 0) {
    body.put('tools', tools.written)
    body.put('tool_choice', choiceWord(tools.choice))
    if (tools.isStrict && profile.takesStrict) body.put('strict_tools', true)
  }
  body.put('response_format', output.format)
  body.put('max_tokens', request.sampling.maxOutputTokens)
  body.put('thinking', thinkingOf(thinking))
  putSampling(body, request, profile, isThinking(thinking, profile), notes)
  body.put('stop_sequences', stops.sent)
  body.put('stream', stream)
  return {
    path: '/v2/chat',
    query: '',
    body: body.toObject(),
    headers: [],
    stream,
    back: {
      ...tools.back,
      outputTool: output.tool && tools.names.sent(output.tool.name),
      isOutputWrapped: output.isWrapped,
      stops: stops.emulated,
    },
  }
}

function choiceWord(choice: FunctionChoice): string | undefined {
  return choice === 'auto' ? undefined : choice.toUpperCase()
}

interface WrittenOutput {
  readonly format?: JsonObject
  readonly tool?: (OutputPlan & { readonly way: 'tool' })['tool']
  readonly instruction?: string
  readonly isWrapped: boolean
}

/** An object stands at the root of all that it can be asked for. */
function writeOutput(plan: OutputPlan, notes: Notes): WrittenOutput {
  switch (plan.way) {
    case 'text':
      return { isWrapped: false }
    case 'json':
      return { format: { type: 'json_object' }, isWrapped: false }
    case 'instruction':
      return { instruction: plan.text, isWrapped: false }
    case 'tool': {
      const { schema, isWrapped } = rooted(plan.tool.schema ?? {}, notes)
      return { tool: { ...plan.tool, schema }, isWrapped }
    }
    case 'schema': {
      const { schema, isWrapped } = rooted(describedSchema(plan), notes)
      return { format: { type: 'json_object', json_schema: schemaFor(schema, 'openai', notes) }, isWrapped }
    }
  }
}

function rooted(schema: JsonObject, notes: Notes): ReturnType<typeof wrappedRoot> {
  const root = wrappedRoot(schema)
  if (root.isWrapped) notes.adapt('adapted:schema_wrapped')
  return root
}

function thinkingOf(thinking: Thinking | undefined): JsonObject | undefined {
  switch (thinking?.style) {
    case undefined:
      return undefined
    case 'budget':
      return thinking.tokens === 0 ? off : on(thinking.tokens)
    case 'toggle':
      return thinking.isOn ? on(thinking.tokens ?? -1) : off
    case 'effort':
      return thinking.effort === 'none' ? off : on(-1)
    case 'adaptive':
      return thinking.isOff ? off : on(-1)
    case 'think':
      return thinking.think === false ? off : on(-1)
    case 'level':
      return on(-1)
  }
}

const off: JsonObject = { type: 'disabled' }

/** Less than one: as many as it likes. */
function on(tokens: number): JsonObject {
  return tokens > 0 ? { type: 'enabled', token_budget: tokens } : { type: 'enabled' }
}
