import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { parseExact } from './exact-json.ts'

/**
 * The body of a talk, with what is said to tools and by them as it stands: numbers there keep their digits when they are
 * written again (formats §5.6). All other numbers are plain, since we look at them. `plain`: the same text, parsed.
 */
export function withExactArguments(plain: JsonObject, text: string): JsonObject {
  const exact = asObject(parseExact(text))
  if (exact === undefined) return plain
  for (const [list, parts] of places) {
    if (!Array.isArray(plain[list])) continue
    const told = asList(exact[list])
    const turns = asList(plain[list]).map((turn, at) => withParts(turn, told[at], parts))
    return { ...plain, [list]: turns }
  }
  return plain
}

/** Where the turns of a talk stand, and their parts: Messages, then Gemini. In Chat and Responses arguments are texts. */
const places = [
  ['messages', 'content'],
  ['contents', 'parts'],
] as const

function withParts(turn: unknown, exact: unknown, name: string): unknown {
  const parts = asObject(turn)?.[name]
  if (!Array.isArray(parts)) return turn
  const told = asList(asObject(exact)?.[name])
  return {
    ...asObject(turn),
    [name]: parts.map((part, at) => withArguments(asObject(part), asObject(told[at])) ?? part),
  }
}

function withArguments(part: JsonObject | undefined, exact: JsonObject | undefined): JsonObject | undefined {
  if (part === undefined || exact === undefined) return undefined
  if (part['type'] === 'tool_use') return { ...part, input: exact['input'] }
  for (const [name, member] of spoken) {
    const said = asObject(part[name])
    const told = asObject(exact[name])
    if (said !== undefined && told !== undefined && member in said) {
      return { ...part, [name]: { ...said, [member]: told[member] } }
    }
  }
  return undefined
}

/** What is said to tools and by them in parts of Gemini, in both spellings. */
const spoken = [
  ['functionCall', 'args'],
  ['function_call', 'args'],
  ['functionResponse', 'response'],
  ['function_response', 'response'],
] as const
