/** Who sent a request. Each address is looked up when it is asked for first, which must be while the connection is open. */
export interface Client {
  /** Without brackets and IPv4-in-IPv6 form; `unix` on a unix socket. */
  readonly address: string
  /** The connection's other end, the client or the last proxy before us; undefined on a unix socket. */
  readonly peer: string | undefined
  /** The address, if anybody has asked for it; to be read at any time, since it looks nothing up. */
  readonly noted?: string | undefined
}
