import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Listener } from '#server/listen.ts'
import { expiryWarningMs, type ListenTls } from '#snapshot/listen-tls.ts'

/** How often it is looked whether a certificate is about to end: what is loaded warns only when it is loaded. */
const lookEveryMs = 86_400_000

export interface TlsWatchParts {
  readonly clock: Clock
  readonly log: Log
  readonly listeners: readonly Pick<Listener, 'renew' | 'address'>[]
}

/** Gives listeners the certificates of the configuration that counts, and tells when one of them is about to end. */
export class TlsWatch {
  readonly #parts: TlsWatchParts
  #served: ListenTls
  #wanted: ListenTls
  #running: Promise<void> | undefined

  constructor(parts: TlsWatchParts, tls: ListenTls) {
    this.#parts = parts
    this.#served = tls
    this.#wanted = tls
  }

  /** From now on new connections are shown these. Resolves when it is so, or was told why it is not; never rejects. */
  async adopt(tls: ListenTls): Promise<void> {
    this.#wanted = tls
    this.#running ??= this.#untilServed().finally(() => (this.#running = undefined))
    await this.#running
  }

  /** Background work until the signal. */
  async keepLooking(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    for (;;) {
      await clock.sleep(lookEveryMs, signal)
      if (signal.aborted) return
      for (const { names, untilMs } of this.#served.certificates) {
        const leftMs = untilMs - clock.wallMs()
        if (leftMs > expiryWarningMs) continue
        const name = names[0] ?? 'the listener'
        if (leftMs > 0) log.write('warn', 'tls_expires', { name, forMs: leftMs })
        else log.write('error', 'tls_expired', { name })
      }
    }
  }

  async #untilServed(): Promise<void> {
    while (this.#wanted.digest !== this.#served.digest) {
      const tls = this.#wanted
      if (await this.#renew(tls)) this.#served = tls
      else if (this.#wanted === tls) return
    }
  }

  async #renew(tls: ListenTls): Promise<boolean> {
    const { listeners, log } = this.#parts
    for (const { renew, address } of listeners) {
      try {
        await renew?.(tls)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        log.write('error', 'tls_kept', { address, reason })
        return false
      }
    }
    const [first] = tls.certificates
    log.write('info', 'tls_renewed', { name: first.names[0] })
    return true
  }
}
