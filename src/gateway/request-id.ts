import type { Secret } from '#core/secret.ts'
import type { Gateway } from './gateway.ts'

/** The id of a request: the one that its client gave it, or one of ours. */
export function requestIdFor(headers: Headers, gateway: Pick<Gateway, 'ids' | 'current'>): string {
  const given = headers.get(header)
  return given !== null && isFit(given, gateway.current().secrets) ? given : gateway.ids.requestId()
}

/** The id that a client gave its request, if it can stand in logs and in names of folders. */
export function givenId(headers: Headers, secrets: readonly Secret[]): string | undefined {
  const given = headers.get(header)
  return given !== null && isFit(given, secrets) ? given : undefined
}

const header = 'x-request-id'

/**
 * One that looks like ours, with or without its head, is not taken, so that no request can pass for another; nor one that
 * holds what no log may show.
 */
function isFit(given: string, secrets: readonly Secret[]): boolean {
  if (!fitting.test(given) || ownId.test(given)) return false
  return !secrets.some((secret) => given.includes(secret.reveal()))
}

/** Limit: characters of an id. No dot at its ends, since it names a folder. */
const fitting = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_])?$/

const ownId = /^(?:req_[0-9a-f]+|[0-9a-f]{24})$/i
