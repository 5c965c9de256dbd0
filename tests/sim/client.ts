import type { ReadableStreamDefaultReader } from 'node:stream/web'
import type { StreamForm } from '#core/endpoint.ts'
import { idOf, type World } from './world.ts'

/** What a client wants, and how it behaves while it gets it. */
export interface Wish {
  readonly number: number
  readonly form: StreamForm | undefined
  readonly isStream: boolean
  readonly alias: string
  readonly askMs: number
  readonly reads: 'all' | 'slowly' | 'never'
  /** Milliseconds after asking; undefined: it stays to the end. */
  readonly leavesAfterMs: number | undefined
  /** Whether the request's signal tells that it left before its body is given up, and how long lies in between. */
  readonly leaving: { readonly first: 'signal' | 'body'; readonly gapMs: number }
  /** Milliseconds that its body takes to arrive. */
  readonly uploadMs: number
}

/** One client: asks, reads, leaves; remembers all that it saw. */
export class Client {
  readonly wish: Wish
  readonly bytes: Uint8Array[] = []
  /** Of its request; undefined while it has not asked. */
  id: string | undefined
  status: number | undefined
  headers: Headers | undefined
  /** How its response ended; undefined while it has not. */
  ended: 'clean' | 'reset' | 'left' | undefined
  leftMs: number | undefined
  /** Monotonic times of what it got. */
  readonly gotMs: number[] = []
  endedMs: number | undefined
  readonly #world: World
  readonly #abort = new AbortController()
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor(world: World, wish: Wish) {
    this.#world = world
    this.wish = wish
  }

  get body(): Buffer {
    return Buffer.concat(this.bytes)
  }

  /** Asks when its time has come; resolves when all is over. */
  async run(): Promise<void> {
    const { clock } = this.#world
    const { askMs, leavesAfterMs } = this.wish
    await clock.sleep(askMs - clock.monotonicMs())
    this.#world.tell(
      `client ${this.wish.number} asks ${this.wish.alias} (${this.wish.form}${this.wish.isStream ? ', stream' : ''})`,
    )
    const cancel = leavesAfterMs === undefined ? undefined : clock.after(leavesAfterMs, () => this.leave())
    const answering = this.#world.app(this.#request(), { peer: '127.0.0.1', patience() {} })
    this.id = idOf(this.#world.accepted)
    const response = await answering
    this.status = response.status
    this.headers = response.headers
    this.#reader = response.body?.getReader()
    if (this.leftMs !== undefined) return this.#giveUp()
    await this.#read()
    cancel?.()
  }

  leave(): void {
    if (this.ended !== undefined) return
    const { clock } = this.#world
    const { first, gapMs } = this.wish.leaving
    this.leftMs = clock.monotonicMs()
    this.ended = 'left'
    this.#world.tell(`client ${this.wish.number} leaves`)
    const steps = [(): void => this.#abort.abort(), (): void => this.#giveUp()]
    // Before there is a body, the signal is all that tells.
    const [one, other] = first === 'signal' || this.#reader === undefined ? steps : steps.toReversed()
    one?.()
    if (gapMs === 0) other?.()
    else if (other !== undefined) clock.after(gapMs, other)
  }

  #giveUp(): void {
    this.#reader?.cancel().catch(() => {})
  }

  async #read(): Promise<void> {
    const { clock, dice } = this.#world
    const reader = this.#reader
    if (reader === undefined) return this.#end('clean')
    if (this.wish.reads === 'never') return await this.#wait()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (this.ended !== undefined) return
        if (done) return this.#end('clean')
        this.bytes.push(value)
        this.gotMs.push(clock.monotonicMs())
        if (this.wish.reads === 'slowly') await clock.sleep(dice.pick([0, 100, 3000]))
      }
    } catch {
      this.#end('reset')
    }
  }

  /** Takes nothing until it is sent away, or loses patience. */
  async #wait(): Promise<void> {
    await this.#world.clock.sleep(neverReadsMs)
    this.leave()
  }

  #end(how: 'clean' | 'reset'): void {
    if (this.ended !== undefined) return
    this.ended = how
    this.endedMs = this.#world.clock.monotonicMs()
  }

  #request(): Request {
    const { path, body } = requestOf(this.wish)
    const headers = { 'content-type': 'application/json' }
    const { signal } = this.#abort
    const url = `http://gateway${path}`
    if (this.wish.uploadMs === 0) {
      const length = { 'content-length': String(Buffer.byteLength(body)) }
      return new Request(url, { method: 'POST', headers: { ...headers, ...length }, body, signal })
    }
    return new Request(url, { method: 'POST', headers, body: this.#upload(body), signal })
  }

  #upload(text: string): ReadableStream<Uint8Array> {
    const { clock } = this.#world
    const { signal } = this.#abort
    const halves = [text.slice(0, 20), text.slice(20)]
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const half = halves.shift()
        if (half === undefined) return controller.close()
        await clock.sleep(this.wish.uploadMs / 2, signal)
        if (signal.aborted) controller.error(new Error('the client left'))
        else controller.enqueue(Buffer.from(half))
      },
    })
  }
}

/** Longer than any limit for clients that take nothing. */
const neverReadsMs = 400_000

function requestOf({ form, isStream, alias, number }: Wish): { path: string; body: string } {
  const common = { client: number, model: alias, stream: isStream }
  const messages = [{ role: 'user', content: 'hi' }]
  switch (form) {
    case undefined:
      return {
        path: '/v1/embeddings',
        body: JSON.stringify({ client: number, model: alias, input: 'hi', stream: false }),
      }
    case 'chat':
      return { path: '/v1/chat/completions', body: JSON.stringify({ ...common, messages }) }
    case 'completions':
      return { path: '/v1/completions', body: JSON.stringify({ ...common, prompt: 'hi' }) }
    case 'responses':
      return { path: '/v1/responses', body: JSON.stringify({ ...common, input: 'hi' }) }
    case 'messages':
      return { path: '/v1/messages', body: JSON.stringify({ ...common, max_tokens: 9, messages }) }
    case 'ndjson':
      return { path: '/api/chat', body: JSON.stringify({ ...common, messages }) }
    case 'gemini_sse':
    case 'gemini_array': {
      const verb = isStream ? 'streamGenerateContent' : 'generateContent'
      const query = isStream && form === 'gemini_sse' ? '?alt=sse' : ''
      const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]
      const body = JSON.stringify({ client: number, contents, stream: isStream })
      return { path: `/v1beta/models/${alias}:${verb}${query}`, body }
    }
  }
}
