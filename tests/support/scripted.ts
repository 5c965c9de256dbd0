import type { Stop } from '#kit/stop.ts'
import type { TransportFailure } from '#ports/transport.ts'
import type { FakeClock } from './fake-clock.ts'
import { broken, chatAnswer, type Upstream } from './road.ts'
import { signalOf } from './upstream.ts'

/** One answer of a scripted upstream: a good one (200), an error, none because nobody listens, or none ever. */
export type Turn = number | 'dead' | 'hang' | ((signal: AbortSignal) => Response)

/** A config of one alias with two routes, the second for when the first fails; sections can be put behind it. */
export const ladder = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  m:
    routes:
      - { backend: a, model: up, priority: 1 }
      - { backend: b, model: up, priority: 2 }
`

/** Upstreams by host that answer in turn, the last answer again and again; hosts that are not named answer well. */
export function answering(turnsByHost: Readonly<Record<string, readonly Turn[]>>): Upstream {
  const asked = new Map<string, number>()
  return async (request) => {
    const { hostname } = request.url
    const turns = turnsByHost[hostname] ?? [200]
    const count = asked.get(hostname) ?? 0
    asked.set(hostname, count + 1)
    const turn = turns[Math.min(count, turns.length - 1)] ?? 200
    if (turn === 'dead') return broken('connect', 'refused')
    if (turn === 'hang') return await untilStopped(request.stop)
    if (typeof turn === 'function') return turn(signalOf(request.stop))
    return turn === 200 ? chatAnswer(`from ${hostname}`) : errorAnswer(turn)
  }
}

/** An error answer without a word that says whose fault it is. */
export function errorAnswer(status: number, headers: Readonly<Record<string, string>> = {}, message = 'no'): Response {
  return Response.json({ error: { message } }, { status, headers })
}

/** A stream that sends these parts and then nothing, until the exchange is given up. */
export function silentStream(signal: AbortSignal, parts: readonly string[] = []): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      signal.addEventListener('abort', () => controller.error(broken('body', 'aborted')), { once: true })
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/**
 * Lets fake time pass in steps until the work is done, and tells how long that took. Before each step whatever needs no
 * time is let happen, so that no timer starts late.
 */
export async function whenDone<T>(
  clock: FakeClock,
  work: Promise<T>,
  withinMs = 3_600_000,
  stepMs = 100,
): Promise<{ readonly value: T; readonly tookMs: number }> {
  const startedMs = clock.monotonicMs()
  const passedMs = (): number => clock.monotonicMs() - startedMs
  const end = { reached: false }
  const watched = work.then((value) => {
    end.reached = true
    return { value, tookMs: passedMs() }
  })
  for (;;) {
    for (let turn = 0; !end.reached && (turn < 5 || clock.pending === 0); turn += 1) {
      if (turn > turnsMax) throw new Error('Cannot go on: the work waits for nothing that time would bring')
      await eventLoopTurn()
    }
    if (end.reached) return await watched
    if (passedMs() >= withinMs) throw new Error(`It was not done within ${withinMs} ms`)
    await clock.advance(stepMs)
  }
}

const turnsMax = 1000

async function eventLoopTurn(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}

/** Resolves when the exchange is given up, as a transport tells it. */
export async function untilStopped(stop: Stop): Promise<TransportFailure> {
  await new Promise<void>((resolve) => stop.tell({ onStop: resolve }))
  return broken('head', 'aborted')
}
