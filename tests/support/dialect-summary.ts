import { asObject, parseJson } from '#kit/json-value.ts'
import type { CommonRequest, CommonResponse, MediaPart, Message, Output, Part, Tool } from '#translate/common.ts'
import { alternating, inOrder } from '#translate/history.ts'
import { Notes } from '#translate/notes.ts'
import { effortOfBudget } from '#translate/reasoning.ts'
import { argsText } from '#translate/tool-args.ts'
import { innermost } from './dialect-round-trip.ts'

/** What a request means, in values that can be compared. */
export interface RequestSummary {
  readonly system: readonly string[]
  readonly turns: readonly Turn[]
  readonly tools: readonly ToolSummary[]
  readonly choice: unknown
  readonly isParallel: boolean
  readonly stop: readonly string[]
  readonly limit: number | undefined
  readonly temperature: number | undefined
  readonly format: unknown
  readonly effort: string | undefined
}

export interface Turn {
  readonly role: string
  readonly parts: readonly PartSummary[]
}

export type PartSummary =
  | { readonly text: string }
  | { readonly media: string; readonly data: string; readonly filename: string | undefined }
  | { readonly call: string; readonly id: string; readonly args: string; readonly isCustom: boolean }
  | {
      readonly resultOf: string
      readonly isError: boolean
      readonly parts: readonly PartSummary[]
    }

export interface ToolSummary {
  readonly name: string
  readonly kind: string
  readonly description: string | undefined
  readonly schema: unknown
}

export function summaryOf(request: CommonRequest): RequestSummary {
  const { sampling, reasoning, toolChoice } = request
  const isSystem = ({ role, placement }: Message, at: number, all: readonly Message[]): boolean =>
    (role === 'system' || role === 'developer') &&
    (placement === 'top' || all.slice(0, at).every((before) => before.role === 'system' || before.role === 'developer'))
  const system = request.messages.filter(isSystem)
  const talk = request.messages.filter((message) => !system.includes(message))
  const budget = reasoning?.budgetTokens
  return {
    system: system.flatMap((message) => texts(message.parts)),
    turns: alternating(inOrder(talk, true, new Notes()))
      .map(({ role, parts }) => ({ role: role === 'developer' ? 'system' : role, parts: partsOf(parts) }))
      .filter(({ parts }) => parts.length > 0),
    tools: request.tools.map(toolOf),
    choice: request.tools.length === 0 || toolChoice?.mode === 'auto' ? undefined : toolChoice,
    isParallel: request.parallelToolCalls !== false,
    stop: sampling.stop ?? [],
    limit: sampling.maxOutputTokens,
    temperature: sampling.temperature,
    format: formatOf(request.output),
    effort:
      reasoning?.effort ??
      (reasoning?.kind === 'off' ? 'none' : budget === undefined ? undefined : effortOfBudget(budget)),
  }
}

function texts(parts: readonly Part[]): readonly string[] {
  return parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []))
}

function partsOf(parts: readonly Part[]): readonly PartSummary[] {
  return parts.flatMap((part): readonly PartSummary[] => {
    switch (part.kind) {
      case 'text':
        return part.text.trim() === '' ? [] : [{ text: part.text }]
      case 'media':
        return [mediaOf(part)]
      case 'tool_call':
        return [{ call: part.name, id: part.id, args: argsText(part.args), isCustom: part.isCustom }]
      case 'tool_result': {
        const said = partsOf(part.parts)
        const isMarked = said.some((one) => 'text' in one && /^error\b/i.test(one.text))
        const value = part.value === undefined || said.length > 0 ? [] : [{ text: JSON.stringify(part.value) }]
        return [
          {
            resultOf: part.callId,
            isError: part.isError || isMarked,
            parts: [...said.map(unmarked), ...value],
          },
        ]
      }
      case 'refusal':
      case 'reasoning':
      case 'native':
        return []
    }
  })
}

/** What stands for the flag where a form has none (§5.6). */
const errorMark = 'Error: '

function unmarked(part: PartSummary): PartSummary {
  return 'text' in part && part.text.startsWith(errorMark) ? { text: part.text.slice(errorMark.length) } : part
}

function mediaOf({ medium, mime, source, filename, title }: MediaPart): PartSummary {
  const media = `${medium} ${'base64' in source ? mime : ''}`
  return { media, data: Object.values(source).map(String).join(' '), filename: filename ?? title }
}

function toolOf(tool: Tool): ToolSummary {
  if (tool.kind === 'function') {
    const { name, namespace, description, schema } = tool
    const called = namespace === undefined ? name : `${namespace}__${name}`
    return { name: called, kind: 'function', description, schema: { type: 'object', properties: {}, ...schema } }
  }
  if (tool.kind === 'custom') return { name: tool.name, kind: 'custom', description: tool.description, schema: {} }
  return { name: tool.tool, kind: tool.kind, description: undefined, schema: {} }
}

function formatOf({ format }: Output): unknown {
  if (format === undefined || format.kind === 'text') return undefined
  return format.kind === 'json' ? 'json' : format.schema
}

/** What an answer says. */
export interface AnswerSummary {
  readonly text: string
  readonly thoughts: string
  readonly refusal: string
  readonly calls: readonly { readonly id: string; readonly name: string; readonly args: unknown }[]
  readonly finish: string
  readonly stopSequence: string | undefined
  readonly usage: Readonly<Record<string, number>>
  readonly signatures: readonly string[]
}

export function answerSummaryOf({ choices, usage }: CommonResponse): AnswerSummary {
  const parts = choices[0]?.parts ?? []
  const finish = choices[0]?.finish
  const joined = (kind: 'text' | 'reasoning' | 'refusal'): string =>
    parts.map((part) => (part.kind === kind ? part.text : '')).join('')
  return {
    text: joined('text'),
    thoughts: joined('reasoning'),
    refusal: joined('refusal') || (finish?.explanation ?? ''),
    calls: parts.flatMap((part) =>
      part.kind === 'tool_call' ? [{ id: part.id, name: part.name, args: valueOf(argsText(part.args)) }] : [],
    ),
    finish: finish?.reason ?? '',
    stopSequence: finish?.stopSequence,
    usage: Object.fromEntries(
      Object.entries(usage ?? {}).flatMap(([name, tokens]) =>
        tokens === undefined || tokens === 0 ? [] : [[name, tokens] as const],
      ),
    ),
    signatures: parts.flatMap((part) =>
      'opaque' in part && part.opaque !== undefined ? innermost(part.opaque.payload) : [],
    ),
  }
}

function valueOf(args: string): unknown {
  return args === '' ? {} : (asObject(parseJson(args)) ?? args)
}
