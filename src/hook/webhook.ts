import { concat, encode } from '#kit/bytes.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { Stop } from '#kit/stop.ts'
import type { IncomingBody, TransportClocks } from '#ports/transport.ts'
import type { Hook, HookPorts, HookTarget } from './hook.ts'
import { Misfit, type Patience } from './run.ts'

/** Limit: bytes of what an address answers; a changed request may be as large. */
const answerBytesMax = 64 * 1_048_576

/**
 * Sends an address what a function would be handed, and gives what it says, parsed; undefined for an empty answer. Nothing
 * is redirected. Throws where it is no good answer.
 */
export async function callWebhook(
  hook: Hook,
  target: Extract<HookTarget, { kind: 'address' }>,
  { clock, transport }: Pick<HookPorts, 'clock' | 'transport'>,
  told: { readonly payload: unknown; readonly requestId: string; readonly wantsAnswer: boolean },
  patience: Patience,
): Promise<unknown> {
  const body = encode(JSON.stringify({ point: hook.point, ...asRecord(told.payload) }))
  const seconds = Math.floor(clock.wallMs() / 1000)
  const headers: HeaderPair[] = [
    ['content-type', 'application/json'],
    ['accept', 'application/json'],
    ['accept-encoding', 'identity'],
    ['user-agent', 'llm-proxy'],
    ['x-llm-proxy-hook', hook.point],
    ['x-request-id', told.requestId],
    ...target.headers,
  ]
  if (target.secret !== undefined) {
    headers.push(['x-llm-proxy-signature', signature(target.secret.reveal(), seconds, body)])
  }
  const stop = new Stop()
  patience.onTimeout = () => stop.ask()
  const { url, link } = target
  const clocks = clocksOf(hook.timeoutMs)
  const response = await transport.send({ method: 'POST', url, headers, body: [body], clocks, link, stop })
  if (response.kind !== 'response') throw new Misfit(`its address cannot be asked: ${response.message}`)
  if (response.status < 200 || response.status > 299) {
    response.body.cancel()
    throw new Misfit(`its address answered with status ${response.status}`)
  }
  if (!told.wantsAnswer) {
    if (response.body.whole === undefined) response.body.cancel()
    return undefined
  }
  const text = await readAll(response.body)
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Misfit('its address answered what is no JSON', { cause: error })
  }
}

/** `t=<seconds>,v1=<hex>`: whoever knows the secret can tell who sent it, and when. */
export function signature(secret: string, seconds: number, body: Uint8Array): string {
  const hmac = new Bun.CryptoHasher('sha256', secret).update(`${seconds}.`).update(body)
  return `t=${seconds},v1=${hmac.digest('hex')}`
}

function asRecord(payload: unknown): object {
  return typeof payload === 'object' && payload !== null ? payload : {}
}

async function readAll(body: IncomingBody): Promise<string> {
  const pieces: Uint8Array[] = body.whole === undefined ? [] : [body.whole]
  let length = body.whole?.byteLength ?? 0
  while (body.whole === undefined && length <= answerBytesMax) {
    const step = await body.read()
    if (step === 'end') break
    if (!(step instanceof Uint8Array)) throw new Misfit(`the answer of its address broke off: ${step.message}`)
    pieces.push(step)
    length += step.byteLength
  }
  if (length <= answerBytesMax) return new TextDecoder().decode(concat(pieces))
  body.cancel()
  throw new Misfit('the answer of its address is larger than 64mb')
}

function clocksOf(ms: number): TransportClocks {
  return { queueMs: ms, dnsMs: ms, connectMs: ms, tlsMs: ms, writeMs: ms, firstByteMs: ms, idleMs: ms }
}
