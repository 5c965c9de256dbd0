import type { JsonObject } from '#kit/json-value.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { isThinking, thinkingFor } from '#translate/reasoning.ts'
import { schemaFor, wrappedRoot } from '#translate/schema.ts'
import { RequestBody } from './request-body.ts'
import { checkCarried, putCarried } from './write-carried.ts'
import { ContentWriter } from './write-content.ts'
import { writeMessages } from './write-messages.ts'
import { putReasoning } from './write-reasoning.ts'
import { putSampling, splitStops } from './write-sampling.ts'
import { ToolPlan } from './write-tools.ts'

/** A request in the common form → one of OpenAI Chat Completions, or of who speaks that form. */
export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const { profile } = target
  checkCarried(request, notes)
  const output = writeOutput(outputPlanFor(request, profile, true, notes), target, notes)
  const content = new ContentWriter(request, profile, notes)
  const tools = new ToolPlan(request, target, output.tool, (tool) => content.cache(tool.cache), notes)
  const thinking = thinkingFor(request, profile, request.sampling.maxOutputTokens, notes)
  const stops = splitStops(request, profile, notes)
  const isStream = request.stream || profile.alwaysStreams
  if (isStream && !request.stream) notes.adapt('adapted:stream_forced')
  const body = new RequestBody(profile, notes)
  body.put('model', target.model)
  body.put('messages', writeMessages(request, target, tools, output.instruction, notes))
  if (tools.written.length > 0) body.put('tools', tools.written)
  body.put('tool_choice', tools.choice)
  if (tools.written.length > 0) putParallel(body, request, target, notes)
  body.put('web_search_options', tools.search)
  body.put('response_format', output.format)
  body.put(profile.maxTokensField, request.sampling.maxOutputTokens)
  putReasoning(body, thinking, profile)
  putSampling(body, request, profile, isThinking(thinking, profile), notes)
  body.put('stop', stops.sent)
  putCarried(body, request, target, notes)
  if (isStream) body.put('stream', true)
  if (isStream && profile.includesUsage && body.takes('stream_options')) {
    body.put('stream_options', { include_usage: true })
  }
  return {
    path: '/v1/chat/completions',
    query: '',
    body: body.toObject(),
    headers: [],
    stream: isStream,
    back: {
      toolNames: tools.names.back,
      customTools: tools.customTools,
      builtins: tools.builtins,
      outputTool: output.tool === undefined ? undefined : tools.names.sent(output.tool.name),
      isOutputWrapped: output.isWrapped,
      stops: stops.emulated,
    },
  }
}

/** Told only where the client told it: many servers do not know the word. */
function putParallel(body: RequestBody, request: CommonRequest, { profile }: Target, notes: Notes): void {
  if (profile.takesParallelSwitch) body.put('parallel_tool_calls', request.parallelToolCalls)
  else if (request.parallelToolCalls === false) notes.drop('dropped:parallel_tool_calls', 'parallel_tool_calls')
}

interface WrittenOutput {
  readonly format?: JsonObject
  readonly tool?: (OutputPlan & { readonly way: 'tool' })['tool']
  readonly instruction?: string
  readonly isWrapped: boolean
}

function writeOutput(plan: OutputPlan, { profile }: Target, notes: Notes): WrittenOutput {
  switch (plan.way) {
    case 'text':
      return { isWrapped: false }
    case 'json':
      return { format: { type: 'json_object' }, isWrapped: false }
    case 'instruction':
      return { instruction: plan.text, isWrapped: false }
    case 'tool': {
      const { schema, isWrapped } = wrapped(plan.tool.schema ?? {}, notes)
      return { tool: { ...plan.tool, schema }, isWrapped }
    }
    case 'schema': {
      const { schema, isWrapped } = wrapped(plan.schema, notes)
      const strict = profile.takesStrict ? plan.strict : undefined
      const told = {
        name: plan.name,
        ...(plan.description === undefined ? {} : { description: plan.description }),
        schema: schemaFor(schema, strict === true ? 'openai_strict' : 'openai', notes),
        ...(strict === undefined ? {} : { strict }),
      }
      return { format: { type: 'json_schema', json_schema: told }, isWrapped }
    }
  }
}

function wrapped(schema: JsonObject, notes: Notes): ReturnType<typeof wrappedRoot> {
  const root = wrappedRoot(schema)
  if (root.isWrapped) notes.adapt('adapted:schema_wrapped')
  return root
}
