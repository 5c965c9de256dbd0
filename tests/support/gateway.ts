import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A gateway running as a process of its own: the compiled binary when there is one, else from its sources. */
export interface RunningGateway extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly directory: string
  readonly configFile: string
  readonly pid: number
  /** Everything it printed so far. */
  output(): string
  /** Resolves when the output matches; rejects with the output when it does not in time. */
  told(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>
  /** Writes the config file anew, in place. */
  rewrite(yaml: string): void
  signal(name: NodeJS.Signals): void
  /** Sends SIGTERM unless it ended already, and gives the exit code. */
  stop(): Promise<number>
  readonly exited: Promise<number>
}

export interface GatewayOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** False to pass a config that must not start. */
  readonly waits?: boolean
  /** False to start it without a config file. */
  readonly hasFile?: boolean
  /** Files in the folder of the gateway, its working directory: path → text. Readable by their owner alone. */
  readonly files?: Readonly<Record<string, string>>
}

/** What the tests run: see `scripts/test.ts` for who sets the variable. */
export const command: readonly string[] =
  process.env['LLM_PROXY_BINARY'] === undefined
    ? [process.execPath, join(import.meta.dir, '../../src/main.ts')]
    : [process.env['LLM_PROXY_BINARY']]

/** Starts a gateway in a folder of its own; `listen` is added to the config unless it has one. */
export async function startGateway(yaml: string, options: GatewayOptions = {}): Promise<RunningGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  const configFile = join(directory, 'config.yaml')
  const hasFile = options.hasFile !== false
  if (hasFile) writeFileSync(configFile, withListen(yaml))
  for (const [file, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    writeFileSync(join(directory, file), text, { mode: 0o600 })
  }
  const child = Bun.spawn([...command, ...(hasFile ? ['-config', configFile] : []), ...(options.args ?? [])], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const transcript = new Transcript()
  transcript.follow(child.stdout)
  transcript.follow(child.stderr)
  const gateway: Omit<RunningGateway, 'url'> = {
    directory,
    configFile,
    pid: child.pid,
    output: () => transcript.text,
    told: async (pattern, withinMs) => await transcript.matches(pattern, withinMs),
    rewrite: (text) => writeFileSync(configFile, withListen(text)),
    signal: (name) => child.kill(name),
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM')
      return await child.exited
    },
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await child.exited
      rmSync(directory, { recursive: true, force: true })
    },
  }
  if (options.waits === false) return Object.assign(gateway, { url: '' })
  try {
    const [, url = ''] = await transcript.matches(/(?:listening on|监听地址:) (https?:\/\/[^\s"]+)/)
    return Object.assign(gateway, { url: url.replace('localhost', '127.0.0.1') })
  } catch (error) {
    await gateway[Symbol.asyncDispose]()
    throw error
  }
}

function withListen(yaml: string): string {
  return /^listen:/m.test(yaml) ? yaml : `listen: "127.0.0.1:0"\n${yaml}`
}

/** Text that grows, and people who wait for something in it. */
class Transcript {
  text = ''
  readonly #waiting = new Set<() => void>()

  follow(stream: ReadableStream<Uint8Array>): void {
    const decoder = new TextDecoder()
    void (async () => {
      for await (const chunk of stream) {
        this.text += decoder.decode(chunk, { stream: true })
        for (const look of this.#waiting) look()
      }
    })()
  }

  async matches(pattern: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
    return await new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.text)
        if (found === null) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`The gateway did not print ${String(pattern)} within ${withinMs} ms, but:\n${this.text}`))
      }, withinMs)
      this.#waiting.add(look)
      look()
    })
  }
}
