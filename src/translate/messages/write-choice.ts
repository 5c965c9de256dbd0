import type { Target } from '#translate/codec.ts'
import type { CommonRequest, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { checkChoice } from '#translate/tool-names.ts'
import type { ToolPlan } from './write-tools.ts'

/** A choice without tools means nothing. */
export function writeChoice(
  request: CommonRequest,
  target: Target,
  tools: ToolPlan,
  notes: Notes,
): Record<string, unknown> | undefined {
  checkChoice(request.toolChoice, request.tools, notes)
  if (tools.written.length === 0) return undefined
  const wanted = tools.outputTool === undefined ? choiceOf(request.toolChoice, tools) : toolNamed(tools.outputTool)
  const isForced = wanted?.['type'] === 'any' || wanted?.['type'] === 'tool'
  if (!isForced || target.profile.takesForcedTool) return withParallel(wanted, request, target, notes)
  notes.adapt('adapted:tool_choice_downgraded', 'tool_choice')
  return withParallel({ type: 'auto' }, request, target, notes)
}

function choiceOf(choice: ToolChoice | undefined, tools: ToolPlan): Record<string, unknown> | undefined {
  switch (choice?.mode) {
    case undefined:
      return undefined
    case 'auto':
      return { type: 'auto' }
    case 'none':
      return { type: 'none' }
    case 'required':
      return { type: 'any' }
    case 'tool':
      return toolNamed(tools.names.sent(choice.name))
    case 'allowed':
      return { type: choice.isRequired ? 'any' : 'auto' }
    case 'hosted':
      return hostedChoice(choice.tool, tools)
  }
}

function hostedChoice(tool: string, tools: ToolPlan): Record<string, unknown> {
  const sent = tools.written.find((written) => typeof written['type'] === 'string' && written['type'].startsWith(tool))
  if (typeof sent?.['name'] === 'string') return toolNamed(sent['name'])
  return tools.hasWebSearch ? toolNamed('web_search') : { type: 'auto' }
}

function toolNamed(name: string): Record<string, unknown> {
  return { type: 'tool', name }
}

function withParallel(
  choice: Record<string, unknown> | undefined,
  request: CommonRequest,
  target: Target,
  notes: Notes,
): Record<string, unknown> | undefined {
  if (request.parallelToolCalls !== false || choice?.['type'] === 'none') return choice
  if (!target.profile.takesParallelSwitch) {
    notes.drop('dropped:parallel_tool_calls', 'parallel_tool_calls')
    return choice
  }
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true }
}
