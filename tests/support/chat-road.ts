import type { FakeClock } from './fake-clock.ts'
import { broken, chatAnswer, type Road, type Upstream } from './road.ts'
import { dataEvent } from './streams.ts'
import { signalOf } from './upstream.ts'

const head = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'up' }

/** One event of a chat stream that says this. */
export function says(content: string): string {
  return dataEvent({ ...head, choices: [{ index: 0, delta: { content }, finish_reason: null }] })
}

/** The handshake of a chat stream. */
export const role = dataEvent({
  ...head,
  choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
})

/** A reason to finish, behind which usage may come. */
export const finish = dataEvent({ ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })

/** The end of a chat stream. */
export const done = `${finish}data: [DONE]\n\n`

/** Sign of life of a chat stream. */
export const sign = ': keep-alive\n\n'

/** A model `m` with a route on each of these hosts, one after the other; those behind the first take a prefill. */
export function routesOn(hosts: readonly string[], streaming: string, rest = ''): string {
  const backends = hosts.map(
    (name, at) => `{ name: ${name}, url: "http://${name}/v1", prefill: ${at === 0 ? 'none' : 'plain'} }`,
  )
  const routes = hosts.map((name, at) => `{ backend: ${name}, model: up, priority: ${at + 1} }`)
  return `
backends: [${backends.join(', ')}]
models: { m: { routes: [${routes.join(', ')}] } }
streaming: { ${streaming} }
${rest}`
}

/** Upstreams by host: what they answer when they are asked. */
export function byHost(upstreams: Readonly<Record<string, Upstream>>): Upstream {
  return async (request, road) => (await upstreams[request.url.hostname]?.(request, road)) ?? chatAnswer()
}

/** A stream that sends these parts, each after its pause, and then ends, is cut or stays open. */
export function paced(
  parts: readonly (readonly [afterMs: number, text: string])[],
  how: 'end' | 'cut' | 'open',
): Upstream {
  return (request, { clock }) => {
    const left = [...parts]
    const signal = signalOf(request.stop)
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const part = left.shift()
        if (part !== undefined) {
          if (part[0] > 0) await clock.sleep(part[0], signal)
          if (signal.aborted) return controller.error(broken('body', 'aborted'))
          return controller.enqueue(new TextEncoder().encode(part[1]))
        }
        if (how === 'end') return controller.close()
        if (how === 'cut') return controller.error(broken('body'))
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        controller.error(broken('body', 'aborted'))
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}

/** What a client was told. */
export interface Told {
  text: string
  ended: 'clean' | 'reset' | undefined
  status: number | undefined
  /** Virtual milliseconds at which each piece came. */
  readonly at: number[]
  endedMs: number | undefined
}

/** Reads an answer to its end, as it comes; `told` grows meanwhile. */
export function reading(road: Road, asking: Promise<Response>): Told {
  const told: Told = { text: '', ended: undefined, status: undefined, at: [], endedMs: undefined }
  const end = (how: 'clean' | 'reset'): void => {
    told.ended = how
    told.endedMs = road.clock.monotonicMs()
  }
  void (async () => {
    const response = await asking
    told.status = response.status
    const decoder = new TextDecoder()
    for await (const piece of response.body ?? []) {
      told.at.push(road.clock.monotonicMs())
      told.text += decoder.decode(piece, { stream: true })
    }
    end('clean')
  })().catch(() => end('reset'))
  return told
}

/** Asks the model `m`, and reads everything while time goes on. */
export async function ask(road: Road, forMs: number, extra: Record<string, unknown> = { stream: true }): Promise<Told> {
  const told = reading(road, road.chat('m', extra))
  await letPass(road.clock, forMs, () => told.ended !== undefined)
  return told
}

/** Lets time go on in small steps, with everything done in between that needs no time. */
export async function letPass(clock: FakeClock, ms: number, isEnough: () => boolean = () => false): Promise<void> {
  for (let passedMs = 0; passedMs < ms && !isEnough(); passedMs += stepMs) {
    await eventLoopTurns()
    await clock.advance(stepMs)
  }
  await eventLoopTurns()
}

const stepMs = 250

export async function eventLoopTurns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve))
}

/** The text that a client of a chat stream puts together. */
export function textOf({ text }: Told): string {
  const events = text.split('\n\n').filter((event) => event.startsWith('data: {'))
  return events.map((event) => JSON.parse(event.slice(6)).choices?.[0]?.delta?.content ?? '').join('')
}

/**
 * This process stands still: what a clock would do soon waits, as it waits for what is there to be read, until the
 * function that comes back is called.
 */
export function standStill(clock: FakeClock): () => void {
  const waiting: (() => void)[] = []
  clock.soon = (action) => void waiting.push(action)
  return () => {
    for (const action of waiting.splice(0)) action()
  }
}
