import type { ProxyOptions } from '#ports/transport.ts'
import { Block } from './block.ts'
import { transportFailure } from './failure.ts'
import { parseHead } from './head.ts'
import type { Step } from './phase.ts'
import { nobody, type SocketOwner, type Unowned } from './socket.ts'
import { requestHead, Writer } from './writer.ts'

/**
 * Asks the proxy at the other end of `socket` for a tunnel to `target` ("host:port"), through which everything goes from
 * then on (RFC 9110 §9.3.6).
 */
export function openTunnel<T extends Unowned>(socket: T, target: string, proxy: ProxyOptions): Step<T> {
  return (settle) => {
    const answer = new TunnelAnswer(socket, (broken) => {
      socket.data = nobody
      settle(broken ?? socket)
      if (broken !== undefined) socket.terminate()
    })
    const { authorization } = proxy
    const headers = authorization === undefined ? [] : [['Proxy-Authorization', authorization] as const]
    const head = requestHead('CONNECT', target, target, headers, undefined)
    socket.data = answer
    if (head === undefined) answer.cannotAsk()
    else answer.ask(head)
    return () => socket.terminate()
  }
}

/** Limit: a larger head of a proxy's answer is refused. */
const headBytesMax = 16_384

/** Limit: so is one with more headers. */
const headersMax = 100

/** Reads what the proxy answers to CONNECT. */
class TunnelAnswer implements SocketOwner {
  readonly #block = new Block()
  readonly #writer: Writer
  readonly #settle: (broken: ReturnType<typeof transportFailure> | undefined) => void

  constructor(socket: Unowned, settle: (broken: ReturnType<typeof transportFailure> | undefined) => void) {
    this.#writer = new Writer(socket)
    this.#settle = settle
  }

  ask(head: string): void {
    this.#writer.send(Buffer.from(head, 'latin1'))
  }

  cannotAsk(): void {
    const message = 'the proxy cannot be asked: its credentials, or the host, hold what HTTP forbids'
    this.#settle(transportFailure('connect', 'other', message))
  }

  onData(bytes: Buffer): void {
    const block = this.#block
    const end = block.take(bytes, 0, headBytesMax)
    if (block.text === undefined) {
      if (block.fault !== undefined) this.#malformed(block.fault)
      return
    }
    const head = parseHead(block.text, headersMax)
    if (typeof head === 'string') return this.#malformed(head)
    const { status } = head
    if (status < 200 || status > 299) {
      const advice = status === 407 ? ': it wants credentials, or other ones' : ''
      const message = `the proxy refused the connection with status ${status}${advice}`
      return this.#settle(transportFailure('connect', 'refused', message))
    }
    // What is not from behind the tunnel must not be taken for it.
    if (end < bytes.length) return this.#malformed('bytes follow it before the tunnel was used')
    this.#settle(undefined)
  }

  onDrain(): void {
    if (!this.#writer.isEmpty) this.#writer.resume()
  }

  onEnd(): void {}

  onClose(): void {
    this.#settle(transportFailure('connect', 'reset', 'the proxy closed the connection instead of making a tunnel'))
  }

  #malformed(what: string): void {
    this.#settle(transportFailure('connect', 'malformed', `the answer of the proxy cannot be used: ${what}`))
  }
}
