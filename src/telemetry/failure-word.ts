import type { Failure } from '#core/failure.ts'

/** Why an attempt failed, in one word; an error status by its kind. */
export function wordOf({ reason, status = 0 }: Failure): string {
  if (reason !== 'status' || status === 0) return reason
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`
}
