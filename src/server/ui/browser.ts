/** What the page needs of the browser that shows it. */
export interface Browser {
  fetch(path: string, request: BrowserRequest): Promise<BrowserAnswer>
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Runs `action` once after `ms`; the returned function takes it back. */
  after(ms: number, action: () => void): () => void
  /** Nobody looks at the page. */
  isHidden(): boolean
  onVisibility(action: () => void): void
  /** The system is set to dark colours. */
  prefersDark(): boolean
  /** That changed. */
  onPreference(action: () => void): void
  /** What was remembered at the last visit, unless the browser keeps nothing. Every page of this origin can read it. */
  recall(name: string): string | undefined
  /** Undefined forgets it. */
  remember(name: string, value: string | undefined): void
  /** The most wanted first, such as `zh-CN`. */
  readonly languages: readonly string[]
}

export interface BrowserRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export interface BrowserAnswer {
  readonly status: number
  /** By its name in lower case. */
  header(name: string): string | undefined
  /** Rejects when the body is no JSON. */
  json(): Promise<unknown>
}
