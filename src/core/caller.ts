/** The identity that we gave to a client. */
export interface Caller {
  /** Never the key itself: `default`, `anonymous`, later the id of a virtual key. */
  readonly id: string
}

export const anonymous: Caller = { id: 'anonymous' }
