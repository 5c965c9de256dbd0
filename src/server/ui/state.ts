import { batch, computed, signal, type ReadonlySignal } from '@preact/signals'
import type { Status } from '#core/status.ts'
import type { Api, OpenStatus, Reply, ReloadResult, Trouble } from './api.ts'
import type { Browser } from './browser.ts'
import { momentOf } from './format.ts'

/** From the end of one question to the next. */
const everyMs = 5000

/** Limit: how long one answer is waited for. */
const answerMsMax = 10_000

/** Limit: the same where the gateway is to do something first. */
const deedMsMax = 30_000

/** What the page knows, and when it asks for more. */
export class State {
  /** The full view; undefined without a key that opens it. */
  readonly status = signal<Status | undefined>(undefined)
  /** What everybody may see; undefined while the full view is open. */
  readonly open = signal<OpenStatus | undefined>(undefined)
  /** Why the last question had no answer. */
  readonly trouble = signal<Trouble | undefined>(undefined)
  /** Why the key that was given last opened nothing. */
  readonly keyTrouble = signal<Trouble | undefined>(undefined)
  readonly isPaused = signal(false)
  readonly isBusy = signal(false)
  /** The viewer's clock when the last news came. */
  readonly updatedMs = signal<number | undefined>(undefined)
  /** The viewer's clock, once a second. */
  readonly nowMs: ReadonlySignal<number>
  /** The same moment by the gateway's clock, by which it tells when something was. */
  readonly gatewayNowMs: ReadonlySignal<number>
  readonly hasKey: ReadonlySignal<boolean>
  /** What came of reading the configuration anew. */
  readonly reloaded = signal<Reply<ReloadResult> | 'asking' | undefined>(undefined)
  /** Kept nowhere else: answers of backends have the same origin, and could read whatever the browser stores. */
  readonly #key = signal('')
  readonly #now = signal(0)
  readonly #browser: Browser
  readonly #api: Api
  #stopWaiting: (() => void) | undefined
  #running: AbortController | undefined

  constructor(browser: Browser, api: Api) {
    this.#browser = browser
    this.#api = api
    this.nowMs = this.#now
    this.#now.value = browser.nowMs()
    this.hasKey = computed(() => this.#key.value !== '')
    this.gatewayNowMs = computed(() => {
      const toldMs = momentOf((this.status.value ?? this.open.value)?.at)
      const updatedMs = this.updatedMs.value
      const nowMs = this.#now.value
      return toldMs === undefined || updatedMs === undefined ? nowMs : toldMs + nowMs - updatedMs
    })
  }

  get hasAdminPages(): boolean {
    return this.#api.hasAdminPages
  }

  start(): void {
    this.#browser.onVisibility(() => this.#onVisibility())
    this.#tick()
    void this.refresh()
  }

  /** Asks now. An answer that is still on its way is not waited for. */
  async refresh(): Promise<void> {
    this.#stopWaiting?.()
    this.#running?.abort()
    const running = new AbortController()
    this.#running = running
    this.isBusy.value = true
    const stopClock = this.#browser.after(answerMsMax, () => running.abort())
    const key = this.#key.value
    const reply = await (key === '' ? this.#api.open(running.signal) : this.#api.status(key, running.signal))
    stopClock()
    // Another question was asked since; what comes late must not replace what came after it.
    if (this.#running !== running) return
    this.#running = undefined
    batch(() => {
      this.isBusy.value = false
      this.#take(reply)
    })
    if (this.#key.value !== key) return await this.refresh()
    this.#wait()
  }

  pause(): void {
    this.isPaused.value = true
    this.#stopWaiting?.()
    this.#running?.abort()
    this.#running = undefined
    this.isBusy.value = false
  }

  async resume(): Promise<void> {
    this.isPaused.value = false
    await this.refresh()
  }

  /** Opens the full view, if it is the right key. */
  async enter(key: string): Promise<void> {
    this.keyTrouble.value = undefined
    this.#key.value = key
    await this.refresh()
  }

  /** Back to what everybody may see. */
  async leave(): Promise<void> {
    this.#forgetKey()
    this.keyTrouble.value = undefined
    await this.refresh()
  }

  async reload(): Promise<void> {
    this.reloaded.value = 'asking'
    this.reloaded.value = await this.#limited(async (stop) => await this.#api.reload(this.#key.value, stop))
    await this.refresh()
  }

  async resetCredential(backend: string, name: string): Promise<void> {
    const reply = await this.#limited(
      async (stop) => await this.#api.resetCredential(this.#key.value, backend, name, stop),
    )
    if (reply.kind === 'ok') await this.refresh()
    else this.trouble.value = reply
  }

  async #limited<Value>(ask: (signal: AbortSignal) => Promise<Reply<Value>>): Promise<Reply<Value>> {
    const running = new AbortController()
    const stopClock = this.#browser.after(deedMsMax, () => running.abort())
    const reply = await ask(running.signal)
    stopClock()
    return reply
  }

  #take(reply: Reply<Status | OpenStatus>): void {
    if (reply.kind !== 'ok') return this.#takeTrouble(reply)
    this.trouble.value = undefined
    this.updatedMs.value = this.#browser.nowMs()
    this.#now.value = this.#browser.nowMs()
    if ('aliases' in reply.value) {
      this.status.value = reply.value
      this.open.value = undefined
      this.keyTrouble.value = undefined
    } else {
      this.open.value = reply.value
      this.status.value = undefined
    }
  }

  #takeTrouble(trouble: Trouble): void {
    const isOfKey = trouble.kind === 'wrong_key' || trouble.kind === 'locked_out' || trouble.kind === 'no_pages'
    if (!isOfKey || this.#key.value === '') {
      this.trouble.value = trouble
      return
    }
    // Sent again every few seconds, a wrong key would lock its viewer out.
    this.#forgetKey()
    this.keyTrouble.value = trouble
  }

  #forgetKey(): void {
    this.#key.value = ''
    this.status.value = undefined
    this.reloaded.value = undefined
  }

  #wait(): void {
    this.#stopWaiting = undefined
    if (this.isPaused.value || this.#browser.isHidden()) return
    this.#stopWaiting = this.#browser.after(everyMs, () => void this.refresh())
  }

  #onVisibility(): void {
    if (this.#browser.isHidden()) this.#stopWaiting?.()
    else if (!this.isPaused.value) void this.refresh()
  }

  #tick(): void {
    this.#now.value = this.#browser.nowMs()
    this.#browser.after(1000, () => this.#tick())
  }
}
