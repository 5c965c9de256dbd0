import type { Finish, FinishReason } from '#translate/common.ts'

const reasonOf: ReadonlyMap<unknown, FinishReason> = new Map([
  ['stop', 'stop'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['length', 'length'],
  // Mistral: of the model itself, not of the request.
  ['model_length', 'length'],
  ['content_filter', 'content_filter'],
  ['error', 'error'],
])

/** `finish_reason` of a backend; `stop`: the sequence that vLLM names beside it. */
export function readFinish(native: string, stop?: unknown): Finish {
  const reason = reasonOf.get(native) ?? 'other'
  return reason === 'stop' && typeof stop === 'string' ? { reason, native, stopSequence: stop } : { reason, native }
}

/** `finish_reason` for a client; `isOlder`: it speaks of functions instead of tools. */
export function finishWord({ reason }: Finish, isOlder: boolean): string {
  switch (reason) {
    case 'tool_calls':
      return isOlder ? 'function_call' : 'tool_calls'
    case 'length':
    case 'content_filter':
      return reason
    case 'stop':
    case 'pause':
    case 'error':
    case 'other':
      return 'stop'
  }
}
