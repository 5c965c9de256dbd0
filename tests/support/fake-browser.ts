import type { Browser, BrowserAnswer, BrowserRequest } from '#server/ui/browser.ts'

/** A question that the page asked, still open. */
export interface AskedQuestion extends BrowserRequest {
  readonly path: string
  answer(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void
  /** The network failed. */
  fail(): void
}

interface Timer {
  readonly atMs: number
  readonly action: () => void
}

/** A browser whose time moves only when told, and whose questions a test answers. */
export class FakeBrowser implements Browser {
  readonly languages: readonly string[]
  readonly asked: AskedQuestion[] = []
  readonly stored = new Map<string, string>()
  isInBackground = false
  isDark = false
  #nowMs = Date.UTC(2026, 0, 13, 9, 41)
  #timers: Timer[] = []
  readonly #onVisibility: (() => void)[] = []
  readonly #onPreference: (() => void)[] = []

  constructor(languages: readonly string[] = ['en-GB']) {
    this.languages = languages
  }

  async fetch(path: string, request: BrowserRequest): Promise<BrowserAnswer> {
    return await new Promise((resolve, reject) => {
      const fail = (): void => reject(new TypeError('Failed to fetch'))
      request.signal.addEventListener('abort', fail)
      this.asked.push({
        ...request,
        path,
        fail,
        answer: (status, body, headers = {}) =>
          resolve({
            status,
            header: (name) => headers[name],
            json: async (): Promise<unknown> => await Promise.resolve(body),
          }),
      })
    })
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(ms: number, action: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + ms, action }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  isHidden(): boolean {
    return this.isInBackground
  }

  onVisibility(action: () => void): void {
    this.#onVisibility.push(action)
  }

  prefersDark(): boolean {
    return this.isDark
  }

  onPreference(action: () => void): void {
    this.#onPreference.push(action)
  }

  recall(name: string): string | undefined {
    return this.stored.get(name)
  }

  remember(name: string, value: string | undefined): void {
    if (value === undefined) this.stored.delete(name)
    else this.stored.set(name, value)
  }

  /** Time passes, and everything happens that comes of it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > untilMs) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#nowMs = next.atMs
      next.action()
      await settled()
    }
    this.#nowMs = untilMs
    await settled()
  }

  /** The viewer turns to another tab, or back. */
  async show(isShown: boolean): Promise<void> {
    this.isInBackground = !isShown
    for (const action of this.#onVisibility) action()
    await settled()
  }

  setDark(isDark: boolean): void {
    this.isDark = isDark
    for (const action of this.#onPreference) action()
  }

  /** The questions that nobody answered yet, and those to come, by path. */
  paths(): string[] {
    return this.asked.map(({ path }) => path)
  }
}

/** Everything that waits for a promise has gone on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
