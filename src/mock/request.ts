/** A request as it reached a mock backend. */
export interface MockRequest {
  readonly method: string
  /** Percent-encoded, starting with `/`. */
  readonly path: string
  /** Without its `?`. */
  readonly query: string
  readonly headers: Headers
  readonly body: Uint8Array
}
