/**
 * One outgoing HTTP exchange. Nothing is redirected, decompressed or added here, and nothing retried but a request that
 * an idle connection took down with it.
 */
export interface Transport {
  /** Resolves when the response head is there or when the exchange broke before it. Never rejects. */
  send(request: OutgoingRequest): Promise<IncomingResponse | TransportFailure>
}

export interface OutgoingRequest {
  readonly method: string
  readonly url: URL
  /** Names in any case, values latin-1; sent as given. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array<ArrayBuffer> | undefined
  readonly clocks: TransportClocks
  /** False only where the operator switched verification off for this backend. */
  readonly verifyTls: boolean
  /** Destroys the exchange in any phase; the transport uses it too, when one of its clocks runs out. */
  readonly abort: AbortController
}

/** Limits in milliseconds, 0 = none. */
export interface TransportClocks {
  readonly connectMs: number
  /** Longest time without progress while the request body is sent. */
  readonly writeMs: number
  /** From the end of the request to the response head. */
  readonly firstByteMs: number
}

export interface IncomingResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: Headers
  /** Monotonic time at which the request was sent whole, where that took long enough to matter. */
  readonly sentMs?: number | undefined
  /** Cancelling it closes the exchange. */
  readonly body: ReadableStream<Uint8Array>
  /** The whole body at once, instead of `body`: cheaper for bodies that are known to be small. */
  readonly whole?: () => Promise<Uint8Array>
  /** What a rejected read of either means; without it, reads reject with a {@link TransportFailure} themselves. */
  readonly explain?: (error: unknown) => TransportFailure
}

export type TransportPhase = 'dns' | 'connect' | 'tls' | 'write' | 'head' | 'body'

export interface TransportFailure {
  readonly kind: 'transport_failure'
  readonly phase: TransportPhase
  readonly cause: 'refused' | 'timeout' | 'reset' | 'not_found' | 'malformed' | 'tls' | 'aborted' | 'other'
  /** For people and logs; holds no URL and no header. */
  readonly message: string
}
