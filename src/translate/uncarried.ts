import type { Profile } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'
import type { CommonRequest, Tool } from './common.ts'
import type { Notes } from './notes.ts'
import { clipped } from './unknown-members.ts'

/** What a request says in words of its own API, for which no codec of another one has a place. `form`: the backend's. */
export function tellUncarried(request: CommonRequest, form: Form, profile: Profile, notes: Notes): void {
  if (request.form === form) return
  // Answers of Responses are kept here, for as long as they may be gone on with.
  if (request.store === true && request.form !== 'responses') notes.drop('dropped:unknown_field', 'store')
  const { summary } = request.reasoning ?? {}
  // The thoughts themselves are the best summary that is to be had.
  if (form !== 'responses' && (summary === 'detailed' || summary === 'concise')) {
    notes.drop('dropped:reasoning_summary', 'reasoning.summary')
  }
  const takesStrict = profile.takesStrict && !looseForms.has(form)
  for (const [at, tool] of request.tools.entries()) tellOfTool(tool, `tools[${at}]`, takesStrict, notes)
}

/** They know no strict functions, whatever the model. */
const looseForms: ReadonlySet<Form> = new Set<Form>(['gemini', 'ollama'])

function tellOfTool(tool: Tool, field: string, takesStrict: boolean, notes: Notes): void {
  if (tool.kind !== 'function') return
  for (const name of Object.keys(tool.rest ?? {})) notes.drop('dropped:unknown_field', `${field}.${clipped(name)}`)
  if (tool.strict === true && !takesStrict) notes.drop('dropped:unknown_field', `${field}.strict`)
}
