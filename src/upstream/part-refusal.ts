import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import type { Secret } from '#core/secret.ts'
import { asBuffer } from '#kit/bytes.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import type { Parts } from '#translate/asked.ts'
import { findError } from '#wire/error-in-body.ts'
import { statusCools } from './failure.ts'
import { withoutSecrets } from './hide-secrets.ts'
import type { LastWords } from './part-streams.ts'

/**
 * How one of several requests is told to be refused, to a client that reads what others of them brought: in its own words,
 * where they are about what was asked for. What is wrong with the route breaks the stream, so that the route is blamed.
 */
export function lastWordsOf(parts: Parts, call: Call, plan: Plan, secrets: readonly Secret[]): LastWords {
  return (refusal, told, index) => {
    const { status } = told
    if (status < 400) return []
    const text = textOf(told.body.whole ?? noBytes)
    const pattern = plan.detection.findPattern(text)
    const widened = plan.cooldown.cools(status)
    if (statusCools({ status, call, reported: findError(text), pattern, widened })) return []
    const words = parts.errorInStream?.(refusal, index) ?? []
    return words.map((piece) => withoutKeys(piece, told, secrets))
  }
}

function withoutKeys(body: Uint8Array, { status, headers }: IncomingResponse, secrets: readonly Secret[]): Uint8Array {
  return withoutSecrets({ status, headers, body }, textOf(body), secrets).body
}

function textOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString()
}

const noBytes = new Uint8Array()
