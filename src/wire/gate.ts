import type { StreamForm } from '#core/endpoint.ts'
import { ElementGate } from './array-gate.ts'
import type { Gate } from './sse.ts'
import { EventGate } from './sse.ts'

/** The gate for a framing: whole server-sent events, or whole elements of a JSON array. */
export function openGate(form: StreamForm): Gate {
  return form === 'gemini_array' ? new ElementGate() : new EventGate()
}
