import { asBuffer } from '#kit/bytes.ts'
import type { GatePosition } from './gate.ts'
import { endOfLastEvent } from './sse.ts'

/**
 * The number that the next event of a Responses stream has, by the last bytes that its client was told of; undefined where
 * they hold none. `position`: where the client's bytes end, as the gate tells it; of an event that was kept back it knows
 * nothing.
 */
export function nextSequenceNumber(tail: Uint8Array, position: GatePosition): number | undefined {
  const told = position === 'inside' ? tail : tail.subarray(0, endOfLastEvent(tail))
  const text = asBuffer(told).toString('latin1')
  let last: number | undefined
  // What a text says about numbers has its quotes escaped.
  for (const [, number] of text.matchAll(numbered)) last = Number(number)
  return last === undefined ? undefined : last + 1
}

/** Limit: digits of a number that can be counted on from. */
const numbered = /(?<!\\)"sequence_number"\s*:\s*(\d{1,15})(?=[\s,}])/g
