import type { ServerWebSocket } from 'bun'
import { messageBytesMax, type TunnelRelay } from '#gateway/tunnel-relay.ts'

/** Seconds after which a client that answers no ping is given up. */
const silentSeconds = 120

/** What the platform's server needs to know of WebSockets; each has the relay that it belongs to. */
export const websocketHandlers = {
  open: (client: ServerWebSocket<TunnelRelay>): void => client.data.opened(client),
  message: (client: ServerWebSocket<TunnelRelay>, message: string | Buffer): void => client.data.fromClient(message),
  drain: (client: ServerWebSocket<TunnelRelay>): void => client.data.clientDrained(),
  close: (client: ServerWebSocket<TunnelRelay>, code: number, reason: string): void =>
    client.data.clientClosed(code, reason),
  maxPayloadLength: messageBytesMax,
  // Limit: what is over this would be dropped unsent. Nothing is sent while more than a part of one message waits.
  backpressureLimit: 2 * messageBytesMax,
  idleTimeout: silentSeconds,
  sendPings: true,
  // Messages stay readable on their way.
  perMessageDeflate: false,
} as const
