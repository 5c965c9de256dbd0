import { systemClock } from '#ports/clock.ts'
import type { Io } from './io.ts'

/** The real process. */
export function processIo(env: Io['env']): Io {
  const out = new Outlet(() => process.stdout)
  const errors = new Outlet(() => process.stderr)
  return {
    stdout: (text) => void out.write(text),
    stderr: (text) => void errors.write(text),
    print: async (text) => {
      const error = await out.write(text)
      if (error !== undefined) throw error
    },
    async flushed(msMax) {
      const all = Promise.all([out.last, errors.last])
      if (msMax === Infinity) return void (await all)
      const done = new AbortController()
      await Promise.race([all, systemClock.sleep(msMax, done.signal)])
      done.abort()
    },
    env,
    isTty: process.stdout.isTTY,
    onSignal(signals, handler) {
      for (const signal of signals) process.on(signal, handler)
      return () => {
        for (const signal of signals) process.off(signal, handler)
      }
    },
  }
}

/** A standard stream: what was written to a pipe waits inside the process until the other end takes it. */
class Outlet {
  readonly #open: () => NodeJS.WriteStream
  #stream: NodeJS.WriteStream | undefined
  /** The last write; all others are done before it. */
  last: Promise<Error | undefined> = Promise.resolve(undefined)

  /** `open` is called at the first write: making a stream takes time at the start. */
  constructor(open: () => NodeJS.WriteStream) {
    this.#open = open
  }

  /** Resolves when the text is taken, or with the reason why it is lost. */
  async write(text: string): Promise<Error | undefined> {
    this.#stream ??= listenedTo(this.#open())
    const stream = this.#stream
    this.last = new Promise((resolve) => {
      stream.write(text, (error) => resolve(error ?? undefined))
    })
    return await this.last
  }
}

/** A reader that left would end the process, did nobody listen; what it means is told to each write. */
function listenedTo(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on('error', () => undefined)
}
