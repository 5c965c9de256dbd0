import type { Endpoint } from '#core/endpoint.ts'

/** A request as the server hands it to the road. */
export interface Incoming {
  readonly request: Request
  readonly endpoint: Endpoint
  /** Percent-encoded, starting with `/`. */
  readonly path: string
  /** Without `?`; empty when there is none. */
  readonly query: string
  readonly clientAddress: string
  /** The connection's other end; undefined on a unix socket. */
  readonly peerAddress: string | undefined
  /**
   * Sets how many seconds the connection may stay silent before the server closes it, 0 = for ever. Needed because one
   * setting covers reading a body, waiting for an upstream, and the idle connection afterwards.
   */
  readonly patience: (seconds: number) => void
}

/** Seconds for an idle connection between two requests: longer than the 60 s of common load balancers. */
export const idleSeconds = 75

/** Limit: seconds that a client may take to send its body; the platform's maximum. */
export const uploadSeconds = 255
