import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Part, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { readContent } from './read-content.ts'

/** Tools of this API that the client carries out, and that have items of their own. */
export type BuiltIn = 'local_shell' | 'shell' | 'apply_patch' | 'computer'

export function builtInOfTool(tool: JsonObject): BuiltIn | undefined {
  switch (tool['type']) {
    case 'local_shell':
      return 'local_shell'
    case 'shell':
      return isHostedShell(tool) ? undefined : 'shell'
    case 'apply_patch':
      return 'apply_patch'
    case 'computer':
    case 'computer_use':
    case 'computer_use_preview':
      return 'computer'
    default:
      return undefined
  }
}

/** It runs in a container of the provider. */
function isHostedShell(tool: JsonObject): boolean {
  const type = asObject(tool['environment'])?.['type']
  return type !== undefined && type !== 'local'
}

/** An item that asks the client to use one; undefined where the item is none of these. */
export function readBuiltInCall(item: JsonObject): ToolCallPart | undefined {
  const call = callOf(item)
  if (call === undefined) return undefined
  return {
    kind: 'tool_call',
    id: asText(item['call_id']) ?? asText(item['id']) ?? '',
    name: call.tool,
    args: { value: call.args },
    isCustom: false,
    tool: call.tool,
    caller: callerOf(item),
    itemId: asText(item['id']),
  }
}

function callOf(item: JsonObject): { readonly tool: BuiltIn; readonly args: JsonObject } | undefined {
  switch (item['type']) {
    case 'local_shell_call':
      return { tool: 'local_shell', args: asObject(item['action']) ?? {} }
    case 'shell_call':
      return { tool: 'shell', args: asObject(item['action']) ?? {} }
    case 'apply_patch_call':
      return { tool: 'apply_patch', args: asObject(item['operation']) ?? {} }
    case 'computer_call':
      return { tool: 'computer', args: asObject(item['action']) ?? { actions: asList(item['actions']) } }
    default:
      return undefined
  }
}

/** Who carries a call out, where that is not the client. */
export function callerOf(item: JsonObject): string | undefined {
  const type = asText(asObject(item['caller'])?.['type'])
  return type === 'direct' ? undefined : type
}

export function readBuiltInResult(item: JsonObject, field: string, notes: Notes): ToolResultPart | undefined {
  switch (item['type']) {
    case 'local_shell_call_output':
      return result(item, textParts(asText(item['output']) ?? ''), false)
    case 'shell_call_output':
      return result(item, textParts(asList(item['output']).map(shellText).join('\n')), false)
    case 'apply_patch_call_output':
      return result(
        item,
        textParts(asText(item['output']) ?? asText(item['status']) ?? ''),
        item['status'] === 'failed',
      )
    case 'computer_call_output':
      return result(item, readContent(item['output'], `${field}.output`, notes), false)
    default:
      return undefined
  }
}

function result(item: JsonObject, parts: readonly Part[], isError: boolean): ToolResultPart {
  const callId = asText(item['call_id']) ?? asText(item['id']) ?? ''
  return { kind: 'tool_result', callId, parts, isError, isCustom: false }
}

function textParts(text: string): readonly Part[] {
  return text === '' ? [] : [{ kind: 'text', text }]
}

/** What a command printed, and how it ended. */
function shellText(entry: unknown): string {
  const output = asObject(entry)
  const outcome = asObject(output?.['outcome'])
  const lines = [asText(output?.['stdout']), asText(output?.['stderr'])].filter(
    (text) => text !== undefined && text !== '',
  )
  if (outcome?.['type'] === 'timeout') lines.push('[timed out]')
  const code = asNumber(outcome?.['exit_code'])
  if (code !== undefined && (code !== 0 || lines.length === 0)) lines.push(`[exit code ${code}]`)
  return lines.join('\n')
}

/** The prefix of the ids of its items. */
export function builtInIdPrefix(tool: BuiltIn): string {
  return { local_shell: 'lsh_', shell: 'sh_', apply_patch: 'apc_', computer: 'cu_' }[tool]
}

export function isBuiltIn(tool: string): tool is BuiltIn {
  return tool === 'local_shell' || tool === 'shell' || tool === 'apply_patch' || tool === 'computer'
}

/** The item that asks for it, as this API writes it. */
export function builtInItem(tool: BuiltIn, id: string, callId: string, args: JsonObject, status: string): JsonObject {
  switch (tool) {
    case 'local_shell': {
      const command = args['command'] ?? args['commands']
      const words = typeof command === 'string' ? ['bash', '-lc', command] : asList(command)
      const action = { ...args, type: 'exec', command: words, env: asObject(args['env']) ?? {} }
      return { id, type: 'local_shell_call', status, call_id: callId, action }
    }
    case 'shell': {
      const commands = args['commands'] ?? args['command']
      const action = {
        commands: typeof commands === 'string' ? [commands] : asList(commands),
        timeout_ms: asNumber(args['timeout_ms']) ?? null,
        max_output_length: asNumber(args['max_output_length']) ?? null,
      }
      return { id, type: 'shell_call', status, call_id: callId, action, environment: { type: 'local' } }
    }
    case 'apply_patch': {
      const operation = asObject(args['operation']) ?? args
      // This item knows no third state.
      const state = status === 'completed' ? status : 'in_progress'
      return { id, type: 'apply_patch_call', status: state, call_id: callId, operation }
    }
    case 'computer': {
      const actions = asList(args['actions'])
      const action = actions.length > 0 ? { actions } : { action: asObject(args['action']) ?? args }
      return { id, type: 'computer_call', status, call_id: callId, pending_safety_checks: [], ...action }
    }
  }
}
