import { asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { CommonError, Finish, FinishReason, Usage } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { misfit } from './misfit.ts'

const finishes: ReadonlySet<string> = new Set<FinishReason>(['stop', 'length', 'tool_calls', 'content_filter'])

/** Throws where it is no word of the contract. */
export function finishOf(member: string, value: unknown): Finish {
  if (typeof value !== 'string' || !finishes.has(value))
    throw misfit(member, `a "finish" that is none: ${shown(value)}`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked up in the line before
  return { reason: value as FinishReason }
}

export function usageOf(value: unknown): Usage | undefined {
  const usage = asObject(value)
  if (usage === undefined) return undefined
  const read: { -readonly [Name in keyof Usage]: Usage[Name] } = {}
  const names = { input: 'input', cacheRead: 'cacheRead', output: 'output', thinking: 'reasoning' } as const
  for (const [own, ours] of Object.entries(names)) {
    const count = asNumber(usage[own])
    if (count !== undefined && Number.isFinite(count) && count >= 0) read[ours] = count
  }
  return Object.keys(read).length === 0 ? undefined : read
}

/** `status`: of the answer that tells it, where that is an error. */
export function errorOf(value: JsonObject, status: number | undefined): CommonError {
  const message = asText(value['message']) ?? ''
  const own = asNumber(value['status'])
  const isStatus = own !== undefined && Number.isInteger(own) && own >= 400 && own <= 599
  const code = asText(value['code'])
  const retryAfterMs = asNumber(value['retryAfterMs'])
  return {
    ...errorWithin({ message, ...(code === undefined ? {} : { code }) }, isStatus ? own : (status ?? 502)),
    ...(retryAfterMs === undefined || !(retryAfterMs >= 0) ? {} : { retryAfterMs }),
  }
}

/** For a message: short, and never a whole answer. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : value === null ? 'null' : typeof value
}
