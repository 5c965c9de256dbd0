/** A memcached, as far as we use one. Values are texts. */
export interface Memcached {
  /** Those that are there, by key. */
  get(keys: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** `seconds`: how long it is kept; 0: as long as there is room. */
  set(key: string, value: string, seconds: number): Promise<void>
  close(): void
}

/** A connection is made when something is asked first, and again whenever it was lost. */
export function openMemcached(hostname: string, port: number): Memcached {
  return new SystemMemcached(hostname, port)
}

/** Limit: bytes of one answer; a server that sends more is none. */
const answerBytesMax = 8 * 1_048_576

/** Limit: commands that wait for their answers. */
const waitingMax = 4096

interface Waiting {
  /** Undefined: its answer is not whole yet. */
  read(answer: Buffer): { readonly bytes: number } | undefined
  fail(why: Error): void
}

class SystemMemcached implements Memcached {
  readonly #hostname: string
  readonly #port: number
  #line: Promise<Line> | undefined

  constructor(hostname: string, port: number) {
    this.#hostname = hostname
    this.#port = port
  }

  async get(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return await (await this.#open()).ask(`get ${keys.join(' ')}\r\n`, readValues)
  }

  async set(key: string, value: string, seconds: number): Promise<void> {
    const command = `set ${key} 0 ${seconds} ${Buffer.byteLength(value)}\r\n${value}\r\n`
    await (await this.#open()).ask(command, readStored)
  }

  close(): void {
    const line = this.#line
    this.#line = undefined
    line?.then((open) => open.close()).catch(() => undefined)
  }

  // oxlint-disable-next-line typescript/promise-function-async -- all who ask at once wait for the same connection
  #open(): Promise<Line> {
    if (this.#line !== undefined) return this.#line
    const forget = (): void => {
      if (this.#line === opening) this.#line = undefined
    }
    const opening = Line.open(this.#hostname, this.#port, forget)
    this.#line = opening
    opening.catch(forget)
    return opening
  }
}

/** One connection, on which answers come in the order of the commands. */
class Line {
  readonly #waiting: Waiting[] = []
  #held: Buffer = Buffer.alloc(0)
  #unsent: Buffer[] = []
  #socket: Bun.Socket | undefined

  static async open(hostname: string, port: number, onClosed: () => void): Promise<Line> {
    const line = new Line()
    line.#socket = await Bun.connect({
      hostname,
      port,
      socket: {
        data: (_socket, bytes) => line.#take(bytes),
        drain: () => line.#flush(),
        close: () => {
          onClosed()
          line.#fail(new Error('the connection was closed'))
        },
        error: (_socket, error) => line.#fail(error),
      },
    })
    return line
  }

  async ask<Answer>(command: string, read: (answer: Buffer) => Read<Answer> | undefined): Promise<Answer> {
    if (this.#waiting.length >= waitingMax) throw new Error('too many commands wait for their answers')
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#waiting.push({
      read(answer) {
        const whole = read(answer)
        if (whole !== undefined) resolve(whole.value)
        return whole
      },
      fail: reject,
    })
    this.#unsent.push(Buffer.from(command))
    this.#flush()
    return await promise
  }

  close(): void {
    this.#fail(new Error('the connection was closed'))
  }

  #flush(): void {
    for (let piece = this.#unsent[0]; piece !== undefined; piece = this.#unsent[0]) {
      const written = this.#socket?.write(piece) ?? 0
      if (written < piece.length) {
        this.#unsent[0] = piece.subarray(Math.max(0, written))
        return
      }
      this.#unsent.shift()
    }
  }

  #take(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes])
    if (this.#held.length > answerBytesMax) return this.#fail(new Error('its answer is too large'))
    try {
      for (let next = this.#waiting[0]; next !== undefined && this.#held.length > 0; next = this.#waiting[0]) {
        const whole = next.read(this.#held)
        if (whole === undefined) return
        this.#waiting.shift()
        this.#held = this.#held.subarray(whole.bytes)
      }
    } catch (error) {
      // Where the next answer begins nobody knows.
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #fail(why: Error): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#unsent = []
    this.#held = Buffer.alloc(0)
    for (const waiting of this.#waiting.splice(0)) waiting.fail(why)
    socket?.terminate()
  }
}

interface Read<Answer> {
  readonly value: Answer
  /** Of the answer. */
  readonly bytes: number
}

const lineEnd = '\r\n'

/** `VALUE <key> <flags> <bytes>`, the value, and so on until `END`. */
function readValues(answer: Buffer): Read<ReadonlyMap<string, string>> | undefined {
  const values = new Map<string, string>()
  for (let at = 0; ;) {
    const end = answer.indexOf(lineEnd, at)
    if (end === -1) return undefined
    const line = answer.toString('latin1', at, end)
    if (line === 'END') return { value: values, bytes: end + lineEnd.length }
    const [, key, length] = /^VALUE (\S+) [0-9]+ ([0-9]{1,8})$/.exec(line) ?? []
    if (key === undefined || length === undefined) throw new Error(faultIn(line))
    const start = end + lineEnd.length
    at = start + Number(length) + lineEnd.length
    if (answer.length < at) return undefined
    values.set(key, answer.toString('utf8', start, start + Number(length)))
  }
}

function readStored(answer: Buffer): Read<void> | undefined {
  const end = answer.indexOf(lineEnd)
  if (end === -1) return undefined
  const line = answer.toString('latin1', 0, end)
  // What is too large, or has no room, is not kept; that is no reason to give the connection up.
  if (line !== 'STORED' && !line.startsWith('SERVER_ERROR')) throw new Error(faultIn(line))
  return { value: undefined, bytes: end + lineEnd.length }
}

function faultIn(line: string): string {
  return `memcached answered ${JSON.stringify(line.slice(0, 100))}`
}
