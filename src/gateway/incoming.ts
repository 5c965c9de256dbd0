import type { Client } from '#core/client.ts'
import type { Endpoint } from '#core/endpoint.ts'
import type { Plan } from '#core/plan.ts'
import type { Refusal } from '#core/refusal.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import type { TunnelRelay } from './tunnel-relay.ts'

/** A request as the server hands it to the road. */
export interface Incoming {
  readonly request: Request
  readonly endpoint: Endpoint
  /** Percent-encoded, starting with `/`. */
  readonly path: string
  /** Without `?`; empty when there is none. */
  readonly query: string
  readonly client: IncomingClient
  readonly connection: Connection
  /** Where it goes, if it came to us as to a proxy. */
  readonly forwarded?: Plan | undefined
  /** Why its body cannot be read whole now, if somebody should have to. */
  readonly overload?: Refusal | undefined
}

/** Asking for an address costs the platform more than most else of a request, so it is done for those who need it. */
export interface IncomingClient extends Client {
  /** Looks the addresses up now: once the client has left, nobody can tell them any more. */
  note(): void
}

/** What the listener knows about a connection. */
export interface Connection {
  /** Address of its other end; undefined on a unix socket. */
  readonly peer: string | undefined
  /** The port that it came to; undefined on a unix socket, absent where nobody listens. */
  readonly port?: number | undefined
  /**
   * Sets how many seconds the connection may stay silent before the server closes it, 0 = for ever. Needed because one
   * setting covers reading a body, waiting for an upstream, and the idle connection afterwards.
   */
  patience(seconds: number): void
  /** Seconds for which it may be silent between two requests; absent: {@link idleSeconds}. */
  readonly idleSeconds?: number
  /**
   * Makes a WebSocket of the request, with these headers in its 101, and gives the relay its client. False when the
   * client is gone; absent where nobody listens.
   */
  upgrade?(relay: TunnelRelay, headers: readonly HeaderPair[]): boolean
}

/** Seconds for an idle connection between two requests: longer than the 60 s of common load balancers. */
export const idleSeconds = 75

/** Limit: seconds that a client may take to send its body; the platform's maximum. */
export const uploadSeconds = 255
