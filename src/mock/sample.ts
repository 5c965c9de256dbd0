import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'

// Limit: deeper places of a schema, and those after so many, get null, so that a schema that contains itself ends.
const depthMax = 8
const valuesMax = 1000

/** A small value that fits a JSON schema: tool arguments and structured answers of the mock backend. */
export function sampleOf(schema: JsonObject): unknown {
  let values = 0
  return sampleAt(schema, 0)

  function sampleAt(part: JsonObject, depth: number): unknown {
    values += 1
    if (depth > depthMax || values > valuesMax) return null
    const reference = asText(part['$ref'])
    if (reference !== undefined) return sampleAt(resolve(schema, reference), depth + 1)
    if ('const' in part) return part['const']
    const [choice] = asList(part['enum'])
    if (choice !== undefined) return choice
    const variant = asObject(asList(part['anyOf'] ?? part['oneOf'] ?? part['allOf'])[0])
    return variant === undefined ? sampleOfType(part, depth) : sampleAt(variant, depth + 1)
  }

  function sampleOfType(part: JsonObject, depth: number): unknown {
    // Gemini writes types in capitals; a list of types is answered with its first.
    const type = asText(Array.isArray(part['type']) ? part['type'][0] : part['type'])?.toLowerCase()
    if (type === 'string') return 'mock'.padEnd(Math.min(asNumber(part['minLength']) ?? 0, valuesMax), '.')
    if (type === 'integer' || type === 'number') return asNumber(part['minimum']) ?? 1
    if (type === 'boolean') return true
    if (type === 'null') return null
    if (type === 'array') {
      const entry = asObject(part['items'])
      return entry === undefined ? [] : [sampleAt(entry, depth + 1)]
    }
    const properties = Object.entries(asObject(part['properties']) ?? {})
    return Object.fromEntries(properties.map(([name, field]) => [name, sampleAt(asObject(field) ?? {}, depth + 1)]))
  }
}

/** Follows a reference inside the document, such as `#/$defs/City`. */
function resolve(root: JsonObject, reference: string): JsonObject {
  const steps = reference.startsWith('#/') ? reference.slice(2).split('/') : []
  let at: JsonObject | undefined = root
  for (const step of steps) at = asObject(at?.[step])
  return steps.length === 0 ? {} : (at ?? {})
}
