import type { Secret } from '#core/secret.ts'
import type { Credentials } from '#credential/credentials.ts'

/** Every value that no log may show: those of the configuration, and those that came since. */
export class KnownSecrets {
  readonly #configured: () => readonly Secret[]
  #credentials: Pick<Credentials, 'arrived'> | undefined
  #before: readonly [configured: readonly Secret[], arrived: readonly Secret[]] = [none, none]
  #all = none

  constructor(configured: () => readonly Secret[]) {
    this.#configured = configured
  }

  /** Tokens and keys that come are known from now on. */
  watch(credentials: Pick<Credentials, 'arrived'>): void {
    this.#credentials = credentials
  }

  /** The same array while nothing changes. */
  all(): readonly Secret[] {
    const configured = this.#configured()
    const arrived = this.#credentials?.arrived() ?? none
    if (configured !== this.#before[0] || arrived !== this.#before[1]) {
      this.#before = [configured, arrived]
      this.#all = arrived.length === 0 ? configured : [...configured, ...arrived]
    }
    return this.#all
  }
}

const none: readonly Secret[] = []
