import type { StreamForm } from '#core/endpoint.ts'
import { ElementGate } from './array-gate.ts'
import { LineGate } from './ndjson.ts'
import type { Gate } from './sse.ts'
import { EventGate } from './sse.ts'

/** The gate for a framing: whole server-sent events, elements of a JSON array, or lines. */
export function openGate(form: StreamForm): Gate {
  if (form === 'ndjson') return new LineGate()
  return form === 'gemini_array' ? new ElementGate() : new EventGate()
}
