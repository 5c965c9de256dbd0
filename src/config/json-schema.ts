import { toJsonSchema } from '@valibot/to-json-schema'
import { ConfigSchema } from './schema.ts'

/** The configuration as JSON Schema, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = toJsonSchema(ConfigSchema, {
    typeMode: 'input',
    target: 'draft-07',
    // Checks that JSON Schema cannot express; `llm-proxy check` runs them.
    ignoreActions: ['check'],
  })
  return {
    $schema,
    $id: 'urn:llm-proxy:config:1',
    title: 'llm-proxy configuration',
    ...schema,
    // Keys for anchors: read by nobody.
    patternProperties: { '^x-': {} },
  }
}
