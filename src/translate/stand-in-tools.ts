import type { JsonObject } from '#kit/json-value.ts'
import { builtinStandIn } from './builtin-schemas.ts'
import type { Tool } from './common.ts'

/** A tool that a target does not know, as a function tool that stands for it. */
export interface StandIn {
  readonly name: string
  readonly description: string
  readonly schema: JsonObject
}

/** Takes one member, `input`; the grammar is told in the description (formats §5.4). */
export function standInForCustom(tool: Tool & { readonly kind: 'custom' }): StandIn {
  return { name: tool.name, description: withGrammar(tool), schema: inputSchema }
}

const inputSchema: JsonObject = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
}

function withGrammar({ description = '', grammar }: Tool & { readonly kind: 'custom' }): string {
  if (grammar === undefined) return description
  const syntax = grammar.syntax === '' ? '' : `${grammar.syntax} `
  const told = `The whole value of "input" must match this ${syntax}grammar:\n${grammar.definition}`
  return description === '' ? told : `${description}\n\n${told}`
}

/** Of built-ins that the client carries out; undefined where nobody here knows what it takes. */
export function standInForBuiltin(tool: Tool & { readonly kind: 'client_builtin' }): StandIn | undefined {
  const known = builtinStandIn(tool.tool, tool.native)
  return known === undefined ? undefined : { name: tool.name, ...known }
}
