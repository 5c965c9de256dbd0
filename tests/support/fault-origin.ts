import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  chunk,
  chunkedHead,
  plainAnswer,
  rawOrigin,
  type RawOptions,
  type RawOrigin,
  type RawPeer,
} from './raw-origin.ts'

/** One thing that an upstream does: bytes go out as they are, a number is a pause in milliseconds. */
export type Step = string | Uint8Array | number | typeof fin | typeof rst | ((peer: RawPeer) => void | Promise<void>)

/** Closes the connection. */
export const fin: unique symbol = Symbol('FIN')

/** Resets it. */
export const rst: unique symbol = Symbol('RST')

/** What an upstream does with a request, from its first byte to the end; without an end the connection stays open. */
export type Script = readonly Step[]

/** An upstream whose model names are its faults: what is asked of model `x` is answered by the script `x`. */
export interface FaultOrigin extends AsyncDisposable {
  readonly url: URL
  readonly raw: RawOrigin
  /** Everything that was asked of a model so far. */
  asked(model: string): readonly RawPeer[]
}

/** Starts it with a table of faults; `x 2nd` is the fault `x` under another name. A model that is not in the table gets {@link goodAnswer}. */
export async function faultOrigin(
  faults: Readonly<Record<string, Script>>,
  options: RawOptions = {},
): Promise<FaultOrigin> {
  const peersOf = new Map<string, RawPeer[]>()
  const raw = await rawOrigin((peer) => {
    const model = modelOf(peer)
    peersOf.set(model, [...(peersOf.get(model) ?? []), peer])
    void play(peer, faults[model.replace(/ 2nd$/, '')] ?? [isStreamWanted(peer) ? goodStream : goodAnswer])
  }, options)
  return {
    url: raw.url,
    raw,
    asked: (model) => peersOf.get(model) ?? [],
    [Symbol.asyncDispose]: async () => await raw.stop(),
  }
}

/** Plays a script on a connection; what comes after its end is not played. */
export async function play(peer: RawPeer, script: Script): Promise<void> {
  for (const step of script) {
    if (typeof step === 'number') await sleep(step)
    else if (step === fin) return peer.end()
    else if (step === rst) return peer.reset()
    else if (typeof step === 'function') await step(peer)
    else peer.write(step)
  }
}

/** The model that a request is for, by its body or by its path. */
export function modelOf({ request }: RawPeer): string {
  const inBody = /"model"\s*:\s*"([^"]*)"/.exec(request.body.toString('latin1'))?.[1]
  return decodeURIComponent(inBody ?? /\/models\/([^:?]+):/.exec(request.target)?.[1] ?? '')
}

function isStreamWanted({ request }: RawPeer): boolean {
  return request.body.includes('"stream":true') || request.target.includes('stream')
}

/**
 * A port of loopback that is listened on, and where no connection comes about: the line in front of it is full, and its
 * program is busy for ever. Only Node lets a program make that line short.
 */
export async function deafPort(): Promise<{ readonly port: number } & AsyncDisposable> {
  const program = `
    const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      process.stdout.write(server.address().port + '\\n', () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
      })
    })`
  const child = Bun.spawn(['node', '-e', program], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  let port = 0
  for await (const bytes of child.stdout) {
    port = Number(new TextDecoder().decode(bytes))
    break
  }
  const inLine = Array.from({ length: 4 }, () => connect({ host: '127.0.0.1', port }).on('error', () => {}))
  await Promise.all(
    inLine.slice(0, 2).map(async (socket) => await new Promise((resolve) => socket.once('connect', resolve))),
  )
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of inLine) socket.destroy()
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

// What a healthy upstream says, and pieces to make unhealthy ones of.

/** An event of a chat stream with some text. */
export function said(text: string): string {
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })}\n\n`
}

/** The event that completes a chat stream. */
export const finished =
  'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'

export const done = 'data: [DONE]\n\n'

/** The body of {@link goodStream}. */
export const goodEvents = said('good ') + said('answer') + finished + done

/** The body of {@link goodAnswer}. */
export const goodJson =
  '{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"good"},"finish_reason":"stop"}]}'

export const goodAnswer = json(goodJson)
export const goodStream = streamed(goodEvents) + chunk('')

/** An answer of JSON with its length. */
export function json(body: string, status = '200 OK', headers: readonly string[] = []): string {
  return plainAnswer(body, ['Content-Type: application/json', ...headers], status)
}

/** An error as OpenAI's API tells it. */
export function error(status: string, headers: readonly string[] = [], code = 'some_code'): string {
  return json(
    `{"error":{"message":"the upstream says no","type":"some_type","param":null,"code":"${code}"}}`,
    status,
    headers,
  )
}

/** A stream's head and its first events, each in a chunk of its own; it goes on. */
export function streamed(...events: readonly string[]): string {
  return chunkedHead() + events.map(chunk).join('')
}
