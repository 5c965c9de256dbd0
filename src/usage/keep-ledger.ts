import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Ledger } from './ledger.ts'
import { LedgerFile } from './ledger-file.ts'

export interface LedgerKeeperPorts {
  readonly clock: Clock
  readonly log: Log
  readonly ledger: Ledger
  /** Tells the first day that is kept. */
  readonly firstDay: () => string
  /** Is told that the ledger has what is in the file, at first and when others added to it; absent: nobody needs to know. */
  readonly onRead?: () => void
  /** Somebody goes by what other processes add. */
  readonly wantsNews?: () => boolean
}

/** How often what changed is written. */
const everyMs = 1000

/** How often old days are looked for. */
const forgetEveryMs = 3_600_000

/** Keeps a ledger in a file: reads what is there, adds what comes, and goes on in memory alone where the file is of no use. */
export class LedgerKeeper {
  readonly #ports: LedgerKeeperPorts
  readonly #path: string
  #file: LedgerFile | undefined
  #cancel: (() => void) | undefined
  #isStopped = false
  /** A fault was told, and is not mended yet. */
  #isFailing = false
  #forgetDueMs = 0

  constructor(path: string, ports: LedgerKeeperPorts) {
    this.#path = path
    this.#ports = ports
  }

  start(): void {
    this.#ports.ledger.follow()
    void this.#tick()
  }

  /** What is there to be kept is written first. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#cancel?.()
    this.#attempt(() => this.#file?.write(this.#ports.clock.wallMs()))
    this.#ports.ledger.unfollow()
    this.#file?.close()
    this.#file = undefined
  }

  /** Does nothing reach the file, for now or for good? */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /** For those who want to know sums now: with those of other processes. */
  refresh(): void {
    const { clock } = this.#ports
    const file = this.#file
    if (file === undefined) return
    this.#attempt(() => {
      file.write(clock.wallMs())
      if (file.read(clock.wallMs())) this.#ports.onRead?.()
    })
  }

  async #tick(): Promise<void> {
    if (this.#file === undefined) await this.#open()
    else {
      const file = this.#file
      this.#attempt(() => {
        file.write(this.#ports.clock.wallMs())
        if (this.#ports.wantsNews?.() === true) {
          // Looking through all of it takes as long as there is much.
          if (file.read(this.#ports.clock.wallMs())) this.#ports.onRead?.()
        }
        this.#forget(file)
      })
    }
    if (!this.#isStopped) this.#cancel = this.#ports.clock.after(everyMs, () => void this.#tick())
  }

  async #open(): Promise<void> {
    const { clock, ledger, log } = this.#ports
    try {
      const file = await LedgerFile.open(this.#path, ledger)
      if (this.#isStopped) return file.close()
      this.#file = file
      file.write(clock.wallMs())
      file.read(clock.wallMs())
      this.#ports.onRead?.()
      this.#forget(file)
      this.#worked()
    } catch (error) {
      if (mayPass(error)) return this.#failed(error)
      // Neither a table of ours nor an empty file: it is somebody else's, or broken.
      this.#isStopped = true
      this.#isFailing = true
      ledger.unfollow()
      this.#file?.close()
      this.#file = undefined
      log.write('error', 'usage_file_unusable', { file: this.#path, reason: reasonOf(error) })
    }
  }

  #forget(file: LedgerFile): void {
    const { clock, firstDay, ledger } = this.#ports
    const nowMs = clock.monotonicMs()
    if (nowMs < this.#forgetDueMs) return
    this.#forgetDueMs = nowMs + forgetEveryMs
    file.forgetBefore(firstDay())
    ledger.forgetBefore(firstDay())
  }

  #attempt(action: () => void): void {
    try {
      action()
      if (this.#file !== undefined) this.#worked()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (!this.#isFailing) this.#ports.log.write('warn', 'log_failed', { file: this.#path, reason: reasonOf(error) })
    this.#isFailing = true
  }

  #worked(): void {
    if (this.#isFailing) this.#ports.log.write('warn', 'log_recovered', { file: this.#path })
    this.#isFailing = false
  }
}

/** Somebody holds it, or the disk is full: that passes. */
function mayPass(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /BUSY|LOCKED|FULL|IOERR|ENOSPC|EMFILE/.test(code)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
