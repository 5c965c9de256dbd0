import type { Profile } from '#core/profile.ts'
import type { CommonRequest, Tool } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { describedSchema, outputPlanFor } from '#translate/output.ts'
import { schemaFor, wrappedRoot } from '#translate/schema.ts'

/** How a structured output is asked for: at most one of the three. */
export interface OutputWay {
  readonly format?: object | undefined
  readonly tool?: (Tool & { readonly kind: 'function' }) | undefined
  readonly instruction?: string | undefined
  readonly isWrapped: boolean
}

export function writeOutput(request: CommonRequest, profile: Profile, notes: Notes): OutputWay {
  const plan = outputPlanFor(request, profile, false, notes)
  switch (plan.way) {
    case 'text':
    case 'json':
      return { isWrapped: false }
    case 'instruction':
      return { instruction: plan.text, isWrapped: false }
    case 'tool': {
      const { schema } = wrappedRoot(plan.tool.schema ?? { type: 'object' })
      return { tool: { ...plan.tool, schema }, isWrapped: isWrapped(request, notes) }
    }
    case 'schema': {
      const { schema } = wrappedRoot(describedSchema(plan))
      const format = { type: 'json_schema', schema: schemaFor(schema, 'anthropic_strict', notes) }
      return { format, isWrapped: isWrapped(request, notes) }
    }
  }
}

/** Only objects can be asked for; anything else is put into one, which the answer is taken out of again. */
function isWrapped({ output }: CommonRequest, notes: Notes): boolean {
  const { format } = output
  if (format?.kind !== 'json_schema' || !wrappedRoot(format.schema).isWrapped) return false
  notes.adapt('adapted:schema_wrapped', 'response_format')
  return true
}
