/** What a command may touch of the process it runs in; tests give their own. */
export interface Io {
  stdout(text: string): void
  stderr(text: string): void
  /** Like `stdout`; resolves when the text has left the process, rejects when nobody reads any more. */
  print(text: string): Promise<void>
  /** Resolves when all that was printed has left the process or is lost, at the latest after `msMax`. */
  flushed(msMax: number): Promise<void>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard output is a terminal. */
  readonly isTty: boolean
  /** Calls back each time one of the signals arrives; the returned function stops listening. */
  onSignal(signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void): () => void
}
