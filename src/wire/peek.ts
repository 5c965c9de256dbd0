import type { Refusal } from '#core/refusal.ts'
import { refuse } from '#core/refusal.ts'
import type { JsonPeek } from './json-peeker.ts'
import { JsonPeeker } from './json-peeker.ts'
import type { JsonFault } from './json-scan.ts'
import { jsonDepthMax, scanJson } from './json-scan.ts'
import { peekLargeJson } from './large-json.ts'

/** Bodies of more bytes are first tried without scanning them whole. */
const largeBytes = 64 * 1024

/**
 * Reads `model` and `stream` of a JSON object without building it. Refuses what is not strict JSON and what a backend
 * could read differently, such as two models in one body. Of large bodies less is checked, see large-json.ts.
 */
export function peekJson(body: Uint8Array): JsonPeek | Refusal {
  return (body.length > largeBytes ? peekLargeJson(body) : undefined) ?? peekWhole(body)
}

/** Reads it by one strict scan from the first byte to the last. */
export function peekWhole(body: Uint8Array): JsonPeek | Refusal {
  const peeker = new JsonPeeker()
  const fault = scanJson(body, peeker)
  return fault === undefined ? peeker.result(body) : refuseFault(fault, body)
}

function refuseFault(fault: JsonFault, body: Uint8Array): Refusal {
  switch (fault.kind) {
    case 'depth':
      return refuse('json_too_deep', `Cannot read the body: it is nested deeper than ${jsonDepthMax} levels`)
    case 'encoding':
      return refuse('invalid_json', 'Cannot read the body: it is not UTF-8')
    case 'syntax':
      return refuse('invalid_json', syntaxMessage(fault.at, body))
  }
}

function syntaxMessage(at: number, body: Uint8Array): string {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) {
    return 'Cannot read the body: it begins with a byte order mark, which JSON must not have'
  }
  if (body.every((byte) => byte <= 0x20)) return 'Cannot read the body: it is empty, and must be a JSON object'
  if (at >= body.length) return `Cannot read the body: its JSON breaks off after ${body.length} bytes`
  return `Cannot read the body: it is not valid JSON at byte ${at}`
}
