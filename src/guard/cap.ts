import type { Span } from '#core/call.ts'
import { kindAt } from './shape.ts'
import type { Cap } from './schema.ts'

/** What a cap says of a value. */
export type CapVerdict = 'fine' | { readonly says: string } | { readonly clamped: number }

/** A number in a text that was found to be JSON, held against its cap. */
export function judgeCap(bytes: Buffer, { start, end }: Span, { max, action }: Cap): CapVerdict {
  const kind = kindAt(bytes, start)
  // Both mean that nothing is asked for.
  if (kind === 'null' || kind === 'boolean') return 'fine'
  if (kind !== 'number') return { says: 'expected a number' }
  const value = Number(bytes.toString('latin1', start, end))
  // Below zero it means to some servers that there is no limit.
  if (value >= 0 && value <= max) return 'fine'
  return action === 'clamp' ? { clamped: max } : { says: `expected at most ${max}` }
}
