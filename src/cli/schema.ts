import { jsonSchema } from '#config/json-schema.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'

/** `llm-proxy schema`: prints the JSON Schema of the configuration. */
export function schema(io: Io): number {
  io.stdout(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
  return exit.done
}
