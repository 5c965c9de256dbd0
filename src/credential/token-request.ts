import type { CredentialFailure } from '#core/credential.ts'
import { encode } from '#kit/bytes.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { asNumber, asObject, asText, parseJson } from '#kit/json-value.ts'
import { Stop } from '#kit/stop.ts'
import { bodyText } from '#ports/body-text.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse, Link, Transport, TransportClocks } from '#ports/transport.ts'
import type { Token } from './token-keeper.ts'

export interface TokenRequestPorts {
  readonly clock: Clock
  readonly transport: Transport
}

export interface TokenRequest {
  readonly url: URL
  readonly link: Link
  readonly form: Readonly<Record<string, string>>
  /** Value of `authorization`. */
  readonly authorization?: string
}

/** Asks a token server (RFC 6749) for a token. Follows no redirect, and tells of its answers no more than a name. */
export async function requestToken(
  { clock, transport }: TokenRequestPorts,
  { url, link, form, authorization }: TokenRequest,
): Promise<Token | CredentialFailure> {
  const headers: HeaderPair[] = [
    ['accept', 'application/json'],
    ['accept-encoding', 'identity'],
    ['content-type', 'application/x-www-form-urlencoded'],
  ]
  if (authorization !== undefined) headers.push(['authorization', authorization])
  const stop = new Stop()
  const cancelLimit = clock.after(wholeMsMax, () => stop.ask())
  const body = [encode(new URLSearchParams(form).toString())]
  const response = await transport.send({ method: 'POST', url, headers, body, clocks, link, stop })
  const outcome =
    response.kind === 'response'
      ? tokenIn(response, await bodyText(response.body, bytesMax))
      : noToken(`its token server cannot be reached: ${response.message}`)
  cancelLimit()
  return outcome
}

/** Limit: an errand for a token takes no longer than this, as its requests wait for it. */
const wholeMsMax = 20_000

const clocks: TransportClocks = {
  queueMs: 10_000,
  dnsMs: 5000,
  connectMs: 10_000,
  tlsMs: 10_000,
  writeMs: 10_000,
  firstByteMs: 15_000,
  idleMs: 10_000,
}

function tokenIn({ status, headers }: IncomingResponse, text: string | undefined): Token | CredentialFailure {
  const answer = asObject(parseJson(text ?? ''))
  if (status !== 200) {
    const seconds = /^\d{1,9}$/.exec(headers.get('retry-after')?.trim() ?? '')?.[0]
    const failure = noToken(`its token server answered with status ${status}${named(asText(answer?.['error']))}`)
    return seconds === undefined ? failure : { ...failure, retryAfterMs: Number(seconds) * 1000 }
  }
  if (text === undefined) return noToken('the answer of its token server broke off or is larger than 64kb')
  if (answer === undefined) return noToken('the answer of its token server is no JSON object')
  const value = asText(answer['access_token']) ?? ''
  if (!headerSafe.test(value)) return noToken('the answer of its token server holds no token that a header can carry')
  const type = asText(answer['token_type']) ?? 'bearer'
  if (type.toLowerCase() !== 'bearer') return noToken('its token server gave a token of another type than Bearer')
  return { kind: 'token', value, lifeMs: lifeMsOf(answer['expires_in']) }
}

const headerSafe = /^[\u0021-\u007e]{1,16384}$/

/** Some servers write the number as a text. Without one nobody knows; a token that ended earlier is refused, and renewed. */
function lifeMsOf(expiresIn: unknown): number {
  const seconds = asNumber(expiresIn) ?? Number(asText(expiresIn) ?? Number.NaN)
  return seconds > 0 ? Math.min(seconds * 1000, lifeMsMax) : unknownLifeMs
}

const unknownLifeMs = 300_000
const lifeMsMax = 86_400_000

/** The error's own name for itself, where it is a plain word: its prose may hold what was sent. */
function named(error: string | undefined): string {
  return error !== undefined && /^[A-Za-z][\w.-]{1,47}$/.test(error) ? ` (${error})` : ''
}

function noToken(message: string): CredentialFailure {
  return { kind: 'credential_failure', reason: 'no_token', message }
}

/** Undefined when it broke off or is too large. */
/** Limit: answers of token servers are small. */
const bytesMax = 65_536
