import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { hasHints, limitBreakpoints, setBreakpoints, wantsBreakpoints } from './breakpoints.ts'
import { soleText, type WrittenMessage } from './written.ts'
import { betasOf } from './write-betas.ts'
import {
  checkCarried,
  dropRefused,
  ttlDefaultOf,
  writeCacheOfRequest,
  writeIdentity,
  writeRest,
  writeTier,
} from './write-carried.ts'
import { writeChoice } from './write-choice.ts'
import { writeOutput } from './write-output.ts'
import { writeSampling, writeStops } from './write-sampling.ts'
import { writeTalk } from './write-talk.ts'
import { writeThinking } from './write-thinking.ts'
import { ToolPlan } from './write-tools.ts'

/** A request in the common form → one of Anthropic Messages. */
export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const { profile } = target
  checkCarried(request, notes)
  const output = writeOutput(request, profile, notes)
  const tools = new ToolPlan(request, target, output.tool, notes)
  const choice = writeChoice(request, target, tools, notes)
  const { system, messages } = writeTalk(request, target, tools, output.instruction, notes)
  const outputTokensMax = maxTokensOf(request, target, notes)
  const thinking = writeThinking({ request, target, outputTokensMax, messages }, notes)
  const stops = writeStops(request, profile, notes)
  const stream = request.stream || isStreamForced(target, outputTokensMax, notes)
  const body: Record<string, unknown> = {
    model: target.model,
    max_tokens: outputTokensMax,
    ...(system.length > 0 && { system }),
    messages,
    ...(tools.written.length > 0 && { tools: tools.written }),
    ...(choice !== undefined && { tool_choice: choice }),
    ...thinking.fields,
    ...writeOutputConfig(request, thinking.effort, output.format),
    ...writeSampling(request, profile, thinking.isOn, notes),
    ...(stops.sent.length > 0 && { stop_sequences: stops.sent }),
    ...writeIdentity(request, target, notes),
    ...writeTier(request, notes),
    ...writeCacheOfRequest(request),
    ...writeRest(request),
    ...(stream && { stream: true }),
  }
  dropRefused(body, profile, notes)
  const isMarked = wantsBreakpoints(request, target)
  if (isMarked) setBreakpoints(tools.written, system, messages, ttlDefaultOf(request.cache?.retention))
  if (!isMarked && ttlDefaultOf(request.cache?.retention) !== undefined && !hasHints(request)) {
    notes.drop('dropped:cache_hint', 'prompt_cache_retention')
  }
  limitBreakpoints(body, tools.written, system, messages, profile.takesCacheHints, notes)
  if (system.length > 0) body['system'] = soleText(system) ?? system
  body['messages'] = messages.map(withSoleText)
  return {
    path: '/v1/messages',
    query: '',
    body,
    headers: betasOf(request, body, messages, thinking.isBudget && tools.written.length > 0 ? target.model : undefined),
    stream,
    back: {
      toolNames: tools.names.back,
      customTools: tools.customTools,
      builtins: tools.builtins,
      outputTool: tools.outputTool,
      isOutputWrapped: output.isWrapped,
      stops: stops.emulated,
    },
  }
}

/** Anthropic must be told a limit: the most that the model can write. */
function maxTokensOf(request: CommonRequest, target: Target, notes: Notes): number {
  const told = request.sampling.maxOutputTokens
  if (told !== undefined) return told
  notes.adapt('adapted:max_tokens_defaulted')
  return target.profile.outputTokensMax
}

/** Limit: tokens of an answer that is asked for in one piece. Anthropic's own clients expect longer ones to take too long. */
const unstreamedTokensMax = 21_333

function isStreamForced(target: Target, outputTokensMax: number, notes: Notes): boolean {
  if (outputTokensMax <= unstreamedTokensMax && !target.profile.alwaysStreams) return false
  notes.adapt('adapted:stream_forced')
  return true
}

function writeOutputConfig(
  request: CommonRequest,
  effort: string | undefined,
  format: object | undefined,
): Record<string, unknown> {
  const rest = request.form === 'messages' ? request.rest['output_config'] : undefined
  const config: Record<string, unknown> = {
    ...(typeof rest === 'object' && rest),
    ...(effort !== undefined && { effort }),
    ...(format !== undefined && { format }),
  }
  return Object.keys(config).length === 0 ? {} : { output_config: config }
}

function withSoleText(message: WrittenMessage): object {
  return { ...message, content: soleText(message.content) ?? message.content }
}
