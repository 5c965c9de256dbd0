import type { Permission } from './permission.ts'

/** The identity that we gave to a client. */
export interface Caller {
  /** Never the key itself: `default`, `anonymous`, the id of a client key, the subject of a token. */
  readonly id: string
  /** What it may do; undefined: everything. */
  readonly access?: Access | undefined
  /** What it may take, where that is its own; undefined: what all may. */
  readonly limits?: CallerLimits | undefined
}

/** What a caller may do. */
export interface Access {
  /** Undefined: all. */
  readonly permissions?: ReadonlySet<Permission> | undefined
  /** May it use this alias? Undefined: every one. */
  allowsModel?: ((alias: string) => boolean) | undefined
  /** May it come from this address? Undefined: from everywhere. */
  allowsAddress?: ((address: string) => boolean) | undefined
}

/** What one caller may take; absent members: no limit of its own. */
export interface CallerLimits {
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  /** Requests at a time. */
  readonly concurrent?: number | undefined
}

export const anonymous: Caller = { id: 'anonymous' }
