/** Names for things that must never collide. */
export interface Ids {
  /** `req_` and 24 hexadecimal digits: 48 bits of wall time, then 48 random bits. Sorts by age. */
  requestId(): string
}

export const systemIds: Ids = {
  requestId() {
    // UUIDv7: 48 bits of time, version and 12 counter bits, variant, 62 random bits.
    const uuid = Bun.randomUUIDv7()
    return `req_${uuid.slice(0, 8)}${uuid.slice(9, 13)}${uuid.slice(24, 36)}`
  },
}
