import type { HeaderPair } from '#kit/header-list.ts'
import { asList, asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import { Stop } from '#kit/stop.ts'
import { bodyText } from '#ports/body-text.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Link, Transport, TransportClocks } from '#ports/transport.ts'
import type { TokenProof } from './token-provider.ts'

export interface KeySetPorts {
  readonly clock: Clock
  readonly transport: Transport
  readonly log: Log
}

export type KeySetSource = Extract<TokenProof, { kind: 'jwks' }> & {
  /** For the log. */
  readonly name: string
}

/**
 * The public keys of who signs tokens, from an address (JWKS). Asked for by one errand however many wait, anew when they
 * are old, and when a token names a key that is not among them; used on while they cannot be had, up to a limit.
 */
export class KeySet {
  readonly #source: KeySetSource
  readonly #ports: KeySetPorts
  readonly #onChange: () => void
  #link: Link
  #held: { readonly keys: JsonObject; readonly text: string; readonly sinceMs: number } | undefined
  #errand: Promise<void> | undefined
  /** Before this moment nobody is asked, whatever tokens say. */
  #dueMs = 0
  #failures = 0

  /** `onChange`: the keys are others than before. */
  constructor(source: KeySetSource, ports: KeySetPorts, onChange: () => void) {
    this.#source = source
    this.#ports = ports
    this.#onChange = onChange
    this.#link = source.link
  }

  /** How the address is reached from now on. */
  goBy(link: Link): void {
    this.#link = link
  }

  /** Undefined where there are none yet, or none that are fresh enough. Old ones are renewed behind it. */
  current(): JsonObject | undefined {
    const nowMs = this.#ports.clock.monotonicMs()
    const ageMs = this.#held === undefined ? Infinity : nowMs - this.#held.sinceMs
    if (ageMs >= this.#source.refreshMs) void this.renew()
    return ageMs < this.#source.staleMsMax ? this.#held?.keys : undefined
  }

  /** Resolves when they are as new as can be had now; never rejects. */
  // oxlint-disable-next-line typescript/promise-function-async -- the one errand is handed to all who wait
  renew(): Promise<void> {
    if (this.#errand !== undefined) return this.#errand
    if (this.#ports.clock.monotonicMs() < this.#dueMs) return nothingToDo
    return (this.#errand = this.#run())
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#ports
    const { name } = this.#source
    const outcome = await this.#ask()
    const nowMs = clock.monotonicMs()
    this.#errand = undefined
    if (typeof outcome === 'string') {
      const retryMs = Math.min(failureMsMin * 2 ** Math.min(this.#failures, doublingsMax), failureMsMax)
      this.#failures += 1
      this.#dueMs = nowMs + retryMs
      log.write('warn', 'token_keys_failed', { provider: name, reason: outcome, retryMs })
      return
    }
    this.#failures = 0
    this.#dueMs = nowMs + pauseMs
    const before = this.#held
    // The same object while they are the same, since what was made of it is kept by it.
    this.#held = before?.text === outcome.text ? { ...before, sinceMs: nowMs } : { ...outcome, sinceMs: nowMs }
    if (before?.text === outcome.text) return
    this.#onChange()
    log.write('debug', 'token_keys', { provider: name, keys: asList(outcome.keys['keys']).length })
  }

  /** The keys, or why there are none. */
  async #ask(): Promise<{ readonly keys: JsonObject; readonly text: string } | string> {
    const { clock, transport } = this.#ports
    const { url } = this.#source
    const link = this.#link
    const stop = new Stop()
    const cancelLimit = clock.after(wholeMsMax, () => stop.ask())
    try {
      const response = await transport.send({ method: 'GET', url, headers, body: undefined, clocks, link, stop })
      if (response.kind !== 'response') return `it cannot be reached: ${response.message}`
      if (response.status !== 200) {
        response.body.cancel()
        return `it answered with status ${response.status}`
      }
      const text = await bodyText(response.body, bytesMax)
      if (text === undefined) return 'its answer broke off, or is larger than 256kb'
      const keys = asObject(parseJson(text))
      const list = keys?.['keys']
      if (keys === undefined || !Array.isArray(list)) return 'its answer is no set of keys (JWKS)'
      if (list.length > keysMax) return `it has more than ${keysMax} keys`
      // One that is no key is no reason to do without the others.
      return { keys: { ...keys, keys: list.filter((key) => asObject(key) !== undefined) }, text }
    } finally {
      cancelLimit()
    }
  }
}

const nothingToDo = Promise.resolve()

/** Whoever makes up names of keys must not keep the other side busy. */
const pauseMs = 30_000

/** Pauses behind errands that fail. */
const failureMsMin = 1000
const failureMsMax = 60_000
const doublingsMax = 6

/** Limit: requests may wait for the errand. */
const wholeMsMax = 5000

/** Limit: keys of one set. */
const keysMax = 200

const headers: readonly HeaderPair[] = [
  ['accept', 'application/json, application/jwk-set+json'],
  ['accept-encoding', 'identity'],
]

const clocks: TransportClocks = {
  queueMs: wholeMsMax,
  dnsMs: wholeMsMax,
  connectMs: wholeMsMax,
  tlsMs: wholeMsMax,
  writeMs: wholeMsMax,
  firstByteMs: wholeMsMax,
  idleMs: wholeMsMax,
}

/** Undefined when it broke off or is too large. */
/** Limit: bytes of an answer. */
const bytesMax = 256 * 1024
