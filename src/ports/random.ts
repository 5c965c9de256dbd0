/** Chance for choices that need no secrecy: routing, jitter. Secrets and ids use `crypto`. */
export interface Random {
  /** A number in [0, 1). */
  unit(): number
}

export const systemRandom: Random = { unit: () => Math.random() }

/** Bytes that nobody can guess. */
export function fillRandom(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes)
}

/** The same sequence for the same seed (mulberry32), for tests, the simulator and the mock backend. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    unit() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
    },
  }
}
