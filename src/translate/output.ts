import type { Profile } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { CommonRequest, Tool } from './common.ts'
import type { Notes } from './notes.ts'
import { isStrict } from './schema.ts'

/** How a structured output is asked for at a target (formats §5.8). */
export type OutputPlan =
  | { readonly way: 'text' }
  /** JSON of any shape, where the form has that. */
  | { readonly way: 'json' }
  | {
      readonly way: 'schema'
      /** Fits the names of OpenAI: `response` where the client gave none. */
      readonly name: string
      readonly description: string | undefined
      /** As the client wrote it. */
      readonly schema: JsonObject
      readonly strict: boolean | undefined
    }
  /** A tool that must be called; its arguments are the answer. */
  | { readonly way: 'tool'; readonly tool: Tool & { readonly kind: 'function' } }
  /** A block of system text. */
  | { readonly way: 'instruction'; readonly text: string }

/** `hasJsonMode`: the form can ask for JSON of any shape. */
export function outputPlanFor(
  request: CommonRequest,
  profile: Profile,
  hasJsonMode: boolean,
  notes: Notes,
): OutputPlan {
  const { format } = request.output
  if (format === undefined || format.kind === 'text') return { way: 'text' }
  const isClear = profile.takesJsonWithTools || !hasTools(request)
  if (format.kind === 'json') return hasJsonMode && isClear ? { way: 'json' } : instruction(jsonOnly, notes)
  const { schema, description } = format
  if (profile.structured === 'native' && isClear) {
    return { way: 'schema', name: nameOf(format.name), description, schema, strict: strictOf(request, format) }
  }
  if (asksForTool(request, profile)) {
    notes.adapt('adapted:json_schema_tool')
    return {
      way: 'tool',
      tool: { kind: 'function', name: outputToolName, description: description ?? toolPurpose, schema },
    }
  }
  const about = description === undefined ? '' : `What it is: ${description}\n`
  const text = `${jsonOnly} It must be valid against this JSON Schema.\n${about}${JSON.stringify(schema)}`
  return instruction(text, notes)
}

/** Is the structured output of this request asked for by a tool that must be called? */
export function asksForTool(request: CommonRequest, profile: Profile): boolean {
  if (request.output.format?.kind !== 'json_schema' || profile.structured !== 'tool') return false
  return profile.takesForcedTool && !hasTools(request)
}

/** The schema with what is said of the answer, for forms that have no other place for it. */
export function describedSchema({ schema, description }: OutputPlan & { readonly way: 'schema' }): JsonObject {
  if (description === undefined || description === '') return schema
  const own = schema['description']
  return { ...schema, description: typeof own === 'string' && own !== '' ? `${description}\n${own}` : description }
}

const outputToolName = 'json_response'
const toolPurpose = 'Gives the answer. Call it exactly once, with the whole answer as its arguments.'
const jsonOnly = 'Answer with one JSON value and nothing else: no other words, and no code fence around it.'

function instruction(text: string, notes: Notes): OutputPlan {
  notes.adapt('adapted:json_object_instruction')
  return { way: 'instruction', text }
}

/** Those that a provider carries out itself are no tools that could be called instead. */
function hasTools(request: CommonRequest): boolean {
  return request.tools.some((tool) => tool.kind !== 'hosted')
}

function nameOf(name: string | undefined): string {
  const fitting = (name ?? '').replaceAll(/[^a-zA-Z0-9_-]/gu, '_').slice(0, 64)
  return fitting === '' ? 'response' : fitting
}

/** The forms of OpenAI say whether it is strict; the others mean it, which OpenAI takes only of a closed schema. */
function strictOf(
  request: CommonRequest,
  format: { readonly schema: JsonObject; readonly strict?: boolean | undefined },
): boolean | undefined {
  if (format.strict !== undefined) return format.strict
  if (request.form === 'chat' || request.form === 'responses' || request.form === 'completions') return undefined
  return isStrict(format.schema)
}
