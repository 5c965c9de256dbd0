import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { splitStops } from '#translate/chat/write-sampling.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest, Sampling } from '#translate/common.ts'
import type {
  Converter,
  ConverterOutput,
  ConverterRequest,
  ConverterSampling,
  ConverterThinking,
  ConverterTool,
} from '#translate/converter.ts'
import { FunctionTools } from '#translate/function-tools.ts'
import type { Notes } from '#translate/notes.ts'
import { outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { thinkingFor } from '#translate/reasoning.ts'
import { schemaFor } from '#translate/schema.ts'
import { tellUnsupported } from '#translate/unsupported-fields.ts'
import { given } from './misfit.ts'
import { readSent } from './sent.ts'
import { writeMessages } from './write-messages.ts'

/** A request in the common form → what the converter makes of it. Throws what the converter throws. */
export function writeRequest(
  converter: Converter,
  request: CommonRequest,
  target: Target,
  notes: Notes,
): BackendRequest | undefined {
  const { takes = {} } = converter
  const { profile } = target
  tellUnsupported(request, target, notes)
  const plan = outputPlanFor(request, profile, takes.json === true, notes)
  const outputTool = plan.way === 'tool' ? plan.tool : undefined
  const tools = new FunctionTools(request, target, 'openai', outputTool, notes)
  if (takes.tools !== true && tools.written.length > 0) notes.reject('tools', 'tools are not supported')
  const stops = splitStops(request, profile, notes)
  const instruction = plan.way === 'instruction' ? plan.text : undefined
  const { system, messages } = writeMessages(request, target, tools.names, instruction, takes.tools === true, notes)
  const thinking = thinkingOf(request, target, notes)
  const maxTokens = request.sampling.maxOutputTokens
  const handed: ConverterRequest = {
    model: target.model,
    stream: request.stream && converter.openStream !== undefined,
    system,
    messages,
    tools: tools.written.map(toolOf),
    toolChoice: tools.choice,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    sampling: samplingOf(request.sampling, takes.sampling ?? commonSampling, profile.temperatureMax, notes),
    stops: stops.sent ?? [],
    output: outputOf(plan, notes),
    ...(thinking === undefined ? {} : { thinking }),
  }
  // Nobody is to be asked, so the converter need not be.
  if (notes.rejection !== undefined) return undefined
  return {
    ...readSent(given('writeRequest', converter.writeRequest(handed))),
    stream: handed.stream,
    back: {
      ...tools.back,
      outputTool: outputTool && tools.names.sent(outputTool.name),
      isOutputWrapped: false,
      stops: stops.emulated,
    },
  }
}

function toolOf(tool: JsonObject): ConverterTool {
  const told = asObject(tool['function']) ?? {}
  return {
    name: asText(told['name']) ?? '',
    description: asText(told['description']) ?? '',
    parameters: asObject(told['parameters']) ?? {},
  }
}

function outputOf(plan: OutputPlan, notes: Notes): ConverterOutput {
  if (plan.way === 'json') return { kind: 'json' }
  if (plan.way !== 'schema') return { kind: 'text' }
  return { kind: 'json_schema', name: plan.name, schema: schemaFor(plan.schema, 'openai', notes) }
}

function thinkingOf(request: CommonRequest, target: Target, notes: Notes): ConverterThinking | undefined {
  const thinking = thinkingFor(request, target.profile, request.sampling.maxOutputTokens, notes)
  if (thinking?.style !== 'effort') return undefined
  const budgetTokens = request.reasoning?.budgetTokens
  const effort = efforts.find((word) => word === thinking.effort)
  return {
    isOff: thinking.effort === 'none',
    ...(effort === undefined ? {} : { effort }),
    ...(budgetTokens === undefined || budgetTokens <= 0 ? {} : { budgetTokens }),
  }
}

const efforts = ['minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

const commonSampling: readonly ConverterSampling[] = ['temperature', 'topP']

/** How a client names what is left out, and what it means where it changes nothing. */
const samplings: Readonly<
  Record<ConverterSampling, { readonly code: `dropped:${string}`; readonly field: string; readonly idle?: number }>
> = {
  temperature: { code: 'dropped:unknown_field', field: 'temperature', idle: 1 },
  topP: { code: 'dropped:unknown_field', field: 'top_p', idle: 1 },
  topK: { code: 'dropped:top_k', field: 'top_k' },
  minP: { code: 'dropped:unknown_field', field: 'min_p', idle: 0 },
  presencePenalty: { code: 'dropped:penalties', field: 'presence_penalty', idle: 0 },
  frequencyPenalty: { code: 'dropped:penalties', field: 'frequency_penalty', idle: 0 },
  repetitionPenalty: { code: 'dropped:penalties', field: 'repetition_penalty', idle: 1 },
  seed: { code: 'dropped:seed', field: 'seed' },
}

const samplingNames: readonly ConverterSampling[] = [
  'temperature',
  'topP',
  'topK',
  'minP',
  'presencePenalty',
  'frequencyPenalty',
  'repetitionPenalty',
  'seed',
]

function samplingOf(
  sampling: Sampling,
  taken: readonly ConverterSampling[],
  temperatureMax: number,
  notes: Notes,
): ConverterRequest['sampling'] {
  const told: Partial<Record<ConverterSampling, number>> = {}
  for (const name of samplingNames) {
    const value = sampling[name]
    const { code, field, idle } = samplings[name]
    if (value === undefined) continue
    if (!taken.includes(name)) {
      if (value !== idle) notes.drop(code, field)
    } else if (name === 'temperature' && value > temperatureMax) {
      notes.adapt('adapted:temperature_clamped', field)
      told[name] = temperatureMax
    } else {
      told[name] = value
    }
  }
  if (sampling.logprobs === true || (sampling.topLogprobs ?? 0) > 0) notes.drop('dropped:logprobs', 'logprobs')
  return told
}
