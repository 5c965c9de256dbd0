import type { Exchange, Outcome } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { closeCodes, mayBeSent } from '#http1/websocket-frames.ts'
import { WebSocketConnection, type WebSocketEnd, type WebSocketOwner } from '#http1/websocket.ts'
import { fillRandom } from '#ports/random.ts'
import type { Tunnel } from '#upstream/open-tunnel.ts'
import type { Gateway } from './gateway.ts'
import { settle } from './settle.ts'
import { learnEnd } from './verdict.ts'

/** The client's end of a WebSocket, as the server gives it. */
export interface ClientSocket {
  /** −1: it waits to be sent, and so should the next until it is drained. */
  sendText(text: string): number
  sendBinary(payload: Uint8Array): number
  getBufferedAmount(): number
  /** Reading stops; a few messages on their way may still come. */
  pause(): void
  resume(): void
  /** `closeCodes.none` closes without a code. */
  close(code: number, reason: string): void
}

/** Limit: bytes of a message; a larger one ends the WebSocket with 1009. */
export const messageBytesMax = 16_777_216

/** Limit: bytes that a client may leave lying before the upstream is read on. */
const leftLyingMax = 1_048_576

/**
 * Hands the messages of a WebSocket on in both directions, at the pace of whoever is slower, and its end as well. Settles
 * the exchange at that end.
 */
export class TunnelRelay implements WebSocketOwner {
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #tunnel: Tunnel
  readonly #exchange: Exchange
  #client: ClientSocket | undefined
  #upstream: WebSocketConnection | undefined
  /** A message came from the upstream. */
  #hasSaid = false
  #isOver = false

  constructor(gateway: Gateway, plan: Plan, tunnel: Tunnel, exchange: Exchange) {
    this.#gateway = gateway
    this.#plan = plan
    this.#tunnel = tunnel
    this.#exchange = exchange
  }

  // What the server tells of the client.

  opened(client: ClientSocket): void {
    if (this.#isOver) return client.close(closeCodes.goingAway, '')
    const { clock } = this.#gateway
    const { socket, candidate, startedMs } = this.#tunnel
    const { idleMs, writeMs, totalMs } = candidate.backend.timeouts
    this.#client = client
    this.#exchange.cut = { cut: () => this.#end(shuttingDown) }
    if (totalMs > 0) {
      const leftMs = Math.max(0, startedMs + totalMs - clock.monotonicMs())
      this.#exchange.debts.owe({ pay: clock.after(leftMs, () => this.#end(tookTooLong)) })
    }
    const options = { clock, fillRandom, messageBytesMax, idleMs, writeMs }
    this.#upstream = new WebSocketConnection(socket, this, options)
    this.#upstream.start()
  }

  fromClient(message: string | Uint8Array): void {
    if (this.#isOver || this.#upstream === undefined) return
    const goesOn = typeof message === 'string' ? this.#upstream.sendText(message) : this.#upstream.sendBinary(message)
    if (!goesOn && !this.#isOver) this.#client?.pause()
  }

  clientDrained(): void {
    if (!this.#isOver && this.#mayGoOn()) this.#upstream?.resume()
  }

  /** `reason` is the server's own where the client sent no close frame. */
  clientClosed(code: number, reason: string): void {
    if (this.#isOver) return
    if (code === closeCodes.abnormal) {
      this.#closeUpstream(closeCodes.goingAway, 'the client is gone')
      return this.#finish('client_closed', reason === '' ? undefined : reason)
    }
    this.#closeUpstream(mayBeSent(code) ? code : closeCodes.none, reason)
    if (isGoodEnd(code)) this.#finish('complete')
    else this.#finish('client_closed', `the client closed with ${said(code, reason)}`)
  }

  // What the upstream tells.

  onText(text: string, bytes: number): void {
    if (this.#client !== undefined) this.#sent(this.#client.sendText(text), bytes)
  }

  onBinary(payload: Uint8Array): void {
    if (this.#client !== undefined) this.#sent(this.#client.sendBinary(payload), payload.byteLength)
  }

  onDrain(): void {
    this.#client?.resume()
  }

  onEnd(end: WebSocketEnd): void {
    this.#end(end.kind === 'closed' ? closing(end.code, end.reason) : breaking(end))
  }

  /** The client could not be brought together with an upstream that had agreed already. Settles nothing. */
  abandon(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#upstream === undefined) this.#tunnel.socket.destroy()
    else this.#upstream.destroy()
    this.#client?.close(closeCodes.internalError, '')
  }

  /** What was never started has nobody to say goodbye. */
  #closeUpstream(code: number, reason: string): void {
    if (this.#upstream === undefined) this.#tunnel.socket.destroy()
    else this.#upstream.close(code, reason)
  }

  #sent(status: number, bytes: number): void {
    this.#hasSaid = true
    this.#exchange.firstByteMs ??= this.#gateway.clock.monotonicMs()
    this.#exchange.bytesOut += bytes
    this.#exchange.chunksOut += 1
    if (status > 0 || bytes === 0) return
    if (status === 0) return this.#end(notTaken)
    this.#upstream?.pause()
  }

  #mayGoOn(): boolean {
    return (this.#client?.getBufferedAmount() ?? 0) < leftLyingMax
  }

  /** Closes both sides. */
  #end({ outcome, isUpstreamsFault, code, reason, brokenBy, codeUp }: End): void {
    if (this.#isOver) return
    this.#finish(outcome, brokenBy, isUpstreamsFault)
    // An upstream that ended by itself knows already.
    if (codeUp !== undefined) this.#closeUpstream(codeUp, reason)
    this.#client?.close(code, reason)
  }

  #finish(outcome: Outcome, brokenBy?: string, isUpstreamsFault = false): void {
    this.#isOver = true
    this.#exchange.brokenBy = brokenBy
    // That the upstream opened was its success. What spoils that is news, but only until it says something: how a long
    // session ends may be the client's doing, and is nothing to those who speak HTTP to the same route.
    if (isUpstreamsFault && !this.#hasSaid) {
      learnEnd(this.#gateway, this.#plan, this.#tunnel.candidate, this.#exchange, 'bad', brokenBy)
    }
    settle(this.#gateway, this.#exchange, outcome)
  }
}

/** How it ends when it is not the client who ends it. */
interface End {
  readonly outcome: Outcome
  readonly isUpstreamsFault: boolean
  /** For the client. */
  readonly code: number
  readonly reason: string
  readonly brokenBy?: string
  /** For an upstream that does not know yet. */
  readonly codeUp?: number
}

const shuttingDown: End = {
  outcome: 'shut_down',
  isUpstreamsFault: false,
  code: closeCodes.serviceRestart,
  reason: 'the server is shutting down',
  brokenBy: 'the server is shutting down',
  codeUp: closeCodes.goingAway,
}

const tookTooLong: End = {
  outcome: 'stalled',
  isUpstreamsFault: false,
  code: closeCodes.internalError,
  reason: 'it took longer than timeout.total',
  brokenBy: 'it took longer than timeout.total',
  codeUp: closeCodes.goingAway,
}

const notTaken: End = {
  outcome: 'client_closed',
  isUpstreamsFault: false,
  code: closeCodes.internalError,
  reason: 'a message could not be sent',
  brokenBy: 'a message could not be sent to the client',
  codeUp: closeCodes.goingAway,
}

/** The upstream said goodbye; the client hears the same words. */
function closing(code: number, reason: string): End {
  if (isGoodEnd(code)) return { outcome: 'complete', isUpstreamsFault: false, code, reason }
  const brokenBy = `the upstream closed with ${said(code, reason)}`
  return { outcome: 'upstream_broke', isUpstreamsFault: false, code, reason, brokenBy }
}

function said(code: number, reason: string): string {
  return reason === '' ? String(code) : `${code}: ${reason}`
}

/** By the words of the standard, or by those that an application made up, whose meaning is its own. */
function isGoodEnd(code: number): boolean {
  return code === closeCodes.normal || code === closeCodes.goingAway || code === closeCodes.none || code >= 3000
}

function breaking(end: Exclude<WebSocketEnd, { kind: 'closed' }>): End {
  const common = { outcome: 'upstream_broke', isUpstreamsFault: true, code: closeCodes.internalError } as const
  switch (end.kind) {
    case 'fault': {
      const code = end.code === closeCodes.tooBig ? end.code : common.code
      const reason = `the upstream failed: ${end.message}`
      return { ...common, code, reason, brokenBy: reason }
    }
    case 'broke':
      return { ...common, reason: 'the upstream connection broke', brokenBy: `the upstream broke: ${end.message}` }
    case 'silent': {
      const reason = 'the upstream fell silent for longer than timeout.idle'
      return { ...common, outcome: 'stalled', reason, brokenBy: reason }
    }
    case 'stuck': {
      const reason = 'the upstream took nothing for longer than timeout.write'
      return { ...common, outcome: 'stalled', reason, brokenBy: reason }
    }
  }
}
