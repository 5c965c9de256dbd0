import type { Io } from '#cli/io.ts'

/** A process that only remembers what a command printed. */
export class FakeIo implements Io {
  out = ''
  errors = ''
  readonly env: Io['env']
  readonly isTty = false

  constructor(env: Io['env'] = {}) {
    this.env = env
  }

  stdout(text: string): void {
    this.out += text
  }

  stderr(text: string): void {
    this.errors += text
  }

  async print(text: string): Promise<void> {
    this.out += text
  }

  async flushed(): Promise<void> {}

  onSignal(): () => void {
    return () => {}
  }
}
