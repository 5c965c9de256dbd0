import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** An upstream as a process of its own, which can hang, die, and come back at the same address. */
export class NamedOrigin implements AsyncDisposable {
  readonly name: string
  /** `GET /health`, in order. */
  readonly requests: string[] = []
  #port = 0
  #child: Bun.Subprocess | undefined

  private constructor(name: string) {
    this.name = name
  }

  static async start(name: string): Promise<NamedOrigin> {
    const origin = new NamedOrigin(name)
    await origin.start()
    return origin
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const program = join(import.meta.dir, '../programs/named-origin.ts')
    const child = Bun.spawn([process.execPath, program, this.name, String(this.#port)], {
      stdout: 'pipe',
      stdin: 'pipe',
    })
    this.#child = child
    const found = { port: 0 }
    void (async () => {
      const decoder = new TextDecoder()
      let text = ''
      for await (const chunk of child.stdout) {
        const lines = (text + decoder.decode(chunk, { stream: true })).split('\n')
        text = lines.pop() ?? ''
        for (const line of lines) {
          const port = /^listening on (\d+)$/.exec(line)?.[1]
          if (port === undefined) this.requests.push(line)
          else found.port = Number(port)
        }
      }
    })()
    this.#port = await eventually(
      () => found.port > 0 && found.port,
      () => `${this.name} does not listen`,
      10_000,
    )
  }

  /** SIGSTOP: connections are taken and nothing is answered any more, until SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#child?.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
