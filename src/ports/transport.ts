import type { HeaderList, HeaderPair } from '#kit/header-list.ts'
import type { Stop } from '#kit/stop.ts'

/**
 * One outgoing HTTP exchange. Nothing is redirected, decompressed, added or retried here. Implementations: `http1/`,
 * fetch-transport.ts, the mock backend.
 */
export interface Transport {
  /** Resolves when the response head is there or when the exchange broke before it. Never rejects. */
  send(request: OutgoingRequest): Promise<IncomingResponse | TransportFailure>
  /**
   * The same for a request whose headers ask to leave HTTP behind; an answer other than 101 is a response like any.
   * Absent where an implementation cannot do it.
   */
  upgrade?(request: OutgoingRequest): Promise<Upgraded | IncomingResponse | TransportFailure>
}

/** The upstream agreed: from here on the connection belongs to who asked. */
export interface Upgraded {
  readonly kind: 'upgraded'
  readonly status: 101
  readonly headers: HeaderList
  readonly socket: RawSocket
}

/** A connection that left HTTP behind. Nothing is read from it before an owner is attached. */
export interface RawSocket {
  /** Bytes that came together with the head are handed to the owner at once. */
  attach(owner: RawSocketOwner): void
  /** Takes the bytes, which must not be changed any more. False: they wait, as should the next until `onDrain`. */
  write(bytes: Uint8Array): boolean
  /** Reading stops; a few pieces on their way may still come. */
  pause(): void
  resume(): void
  /** Sends what waits, then closes; nothing may be written any more. */
  end(): void
  /** Closes both sides at once; nothing is handed over any more. */
  destroy(): void
}

export interface RawSocketOwner {
  /** The bytes are the owner's own from now on. */
  onPiece(bytes: Uint8Array): void
  /** Everything written so far is on its way. */
  onDrain(): void
  /** Once, at the end, unless it was destroyed. Without a failure the other side ended it in order. */
  onClose(failure?: TransportFailure): void
}

export interface OutgoingRequest {
  readonly method: string
  /** `http:` or `https:`; `mock:` for the mock backend. */
  readonly url: URL
  /** Sent in this order, in this case, duplicates included; besides them only `host` and the framing of the body. */
  readonly headers: readonly HeaderPair[]
  readonly body: RequestBody | undefined
  /** Length of a body that is a stream, where it is known: sent with it, and broken off where it is another. */
  readonly bodyBytes?: number | undefined
  readonly clocks: TransportClocks
  readonly link: Link
  /** An idle connection may not be used: the last one turned out to be dead. */
  readonly fresh?: boolean
  /** Asked, it destroys the exchange in any phase. */
  readonly stop: Stop
}

/** Pieces that go out one behind the other, uncopied; or a stream, sent in chunks unless its length is known. */
export type RequestBody = readonly Uint8Array<ArrayBuffer>[] | ReadableStream<Uint8Array>

/** Limits in milliseconds, 0 = none. */
export interface TransportClocks {
  /** Waiting for a connection, where their number is limited. */
  readonly queueMs: number
  readonly dnsMs: number
  /** From the first attempt until a TCP connection stands. */
  readonly connectMs: number
  readonly tlsMs: number
  /** Longest time without progress while the request is sent. */
  readonly writeMs: number
  /** From the end of the request to the response head. */
  readonly firstByteMs: number
  /** Between two pieces of the body, while it is not paused. Fetch cannot tell; whoever reads has to watch it too. */
  readonly idleMs?: number
}

/** How a backend is connected to. Equal content, limits aside, means the same connections. */
export interface Link {
  /** Shares its connections with nobody; for those whose number is limited. */
  readonly owner?: string
  readonly tls: TlsOptions
  /** Path of a unix socket to connect to instead of the URL's host. */
  readonly unixPath: string | undefined
  /** HTTP proxy to go through by CONNECT (https) or by absolute target (http). */
  readonly proxy: ProxyOptions | undefined
  readonly pool: PoolLimits
  /** Speak HTTP/2; only fetch can. */
  readonly http2: boolean
  readonly transport: 'own' | 'fetch'
}

export interface TlsOptions {
  /** False only where the operator switched verification off for this backend. */
  readonly verify: boolean
  /** PEM, instead of the certificate authorities of the system. */
  readonly ca: string | undefined
  /** PEM, for backends that ask for a client certificate. */
  readonly cert: string | undefined
  readonly key: string | undefined
  /** For SNI and verification, instead of the URL's host. */
  readonly serverName: string | undefined
  readonly minVersion: '1.2' | '1.3'
}

export interface ProxyOptions {
  readonly url: URL
  /** Value of `proxy-authorization`. */
  readonly authorization: string | undefined
}

export interface PoolLimits {
  /** Connections at once, 0 = no limit. */
  readonly connectionsMax: number
  /** Idle connections that are kept. */
  readonly idleMax: number
  /** Milliseconds for which an idle connection is kept. */
  readonly idleMs: number
  /** Milliseconds after which a connection is not used again, 0 = no limit. */
  readonly ageMs: number
  /** Requests that may wait for a connection. */
  readonly waitingMax: number
  /** Connections opened before they are needed. */
  readonly prewarm: number
}

export interface IncomingResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: HeaderList
  /** Monotonic time at which the request was sent whole, where that took long enough to matter. */
  readonly sentMs: number | undefined
  readonly body: IncomingBody
}

/** A response body on its way: first read piece by piece while it is judged, then left to flow. */
export interface IncomingBody {
  /** All of it, where it arrived with the head. There is nothing to read then and no connection to give back. */
  readonly whole: Uint8Array | undefined
  /** The next piece, `end`, or what broke. Never rejects; one read at a time. */
  read(): Promise<Uint8Array | 'end' | TransportFailure>
  /** Instead of further reads: hands every piece to `sink` in the moment it comes, those that came already at once. */
  flow(sink: BodySink): void
  /** Flowing stops, and soon the upstream with it; a few pieces on their way may still come. */
  pause(): void
  resume(): void
  /** Closes the exchange; nothing is handed over any more. */
  cancel(): void
}

/** Takes a body that flows. After `onEnd` or `onBreak` nothing comes. */
export interface BodySink {
  /** The bytes are the sink's own from now on. */
  onPiece(bytes: Uint8Array): void
  onEnd(): void
  onBreak(failure: TransportFailure): void
}

export type TransportPhase = 'queue' | 'dns' | 'connect' | 'tls' | 'write' | 'head' | 'body'

export interface TransportFailure {
  readonly kind: 'transport_failure'
  readonly phase: TransportPhase
  readonly cause: 'refused' | 'timeout' | 'reset' | 'not_found' | 'malformed' | 'tls' | 'full' | 'aborted' | 'other'
  /** For people and logs; holds no URL and no header. */
  readonly message: string
  /** It was a step of the gateway that failed, which says nothing about the upstream. */
  readonly isOurs?: true
  /** What is known of the connection when it broke; absent where the implementation cannot tell. */
  readonly trace?: TransportTrace
}

export interface TransportTrace {
  /** Bytes of the request handed to the connection; 0: the upstream cannot have seen any of it. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** The connection had served another request before. */
  readonly wasReused: boolean
  /** Milliseconds from the beginning of the request's transmission to the break; 0 when nothing was sent. */
  readonly afterMs: number
}

/**
 * May the same request be sent again at once, over a fresh connection, without the risk that it is done twice? Only when
 * nothing of it went out, or when an idle connection was being closed by the upstream just then: not one byte came back,
 * and the end came at once. What that leaves: an upstream that took the request, and fell over it within that moment. A
 * body that was a stream is gone, and cannot be sent again.
 */
export function isSafeToRepeat({ phase, cause, trace }: TransportFailure): boolean {
  if (trace === undefined || !trace.wasReused || cause !== 'reset' || trace.bytesReceived > 0) return false
  if (phase !== 'write' && phase !== 'head') return false
  return trace.bytesSent === 0 || trace.afterMs < staleMsMax
}

/** Within this time the end of an idle connection shows: more than the longest way around the world and back. */
const staleMsMax = 500
