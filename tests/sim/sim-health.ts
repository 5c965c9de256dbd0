import type { HealthBook, HealthRecord } from '#core/health.ts'

/** Checks that find backends well and ill in turn: by name, seed and time alone, so that everybody can tell afterwards. */
export class SimHealth implements HealthBook {
  readonly #nowMs: () => number
  readonly #seed: number
  /** From now on everybody is well. */
  isHealed = false

  constructor(seed: number, nowMs: () => number) {
    this.#seed = seed
    this.#nowMs = nowMs
  }

  isDownAt(backend: string, atMs: number): boolean {
    return !this.isHealed && atMs >= 0 && this.#lot(backend, Math.floor(atMs / spellMs)) < downShare
  }

  downUntil(backend: string): number | undefined {
    const nowMs = this.#nowMs()
    return this.isDownAt(backend, nowMs) ? (Math.floor(nowMs / spellMs) + 1) * spellMs : undefined
  }

  backSinceMs(backend: string): number | undefined {
    const sinceMs = Math.floor(this.#nowMs() / spellMs) * spellMs
    return !this.isDownAt(backend, sinceMs) && this.isDownAt(backend, sinceMs - 1) ? sinceMs : undefined
  }

  recordOf(): HealthRecord | undefined {
    return undefined
  }

  #lot(backend: string, spell: number): number {
    let bits = this.#seed ^ Math.imul(spell + 1, 0x9e3779b1)
    for (const byte of Buffer.from(backend)) bits = Math.imul(bits ^ byte, 0x01000193)
    bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d)
    return ((bits ^ (bits >>> 13)) >>> 0) / 4_294_967_296
  }
}

/** Milliseconds for which a backend stays as it is. */
const spellMs = 7000

const downShare = 0.4
