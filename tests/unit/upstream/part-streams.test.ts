import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import { Stop } from '#kit/stop.ts'
import type { BodySink, IncomingBody, IncomingResponse, TransportFailure } from '#ports/transport.ts'
import type { Parts } from '#translate/asked.ts'
import { PartStreams } from '#upstream/part-streams.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { callOf } from '../../support/upstream.ts'

/** A body that says what it is told to, and notes whether it may. */
class HandBody implements IncomingBody {
  readonly whole = undefined
  sink: BodySink | undefined
  isPaused = false
  isCancelled = false

  async read(): Promise<'end'> {
    return 'end'
  }

  flow(sink: BodySink): void {
    this.sink = sink
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  cancel(): void {
    this.isCancelled = true
  }
}

interface Lab {
  readonly streams: PartStreams
  readonly bodies: HandBody[]
  readonly stop: Stop
  readonly done: Set<number>
  readonly clock: FakeClock
}

function labOf(count: number): Lab {
  const done = new Set<number>()
  const parts: Parts = {
    count,
    call: () => callOf(),
    answer: (response) => response,
    lacks: (index) => !done.has(index),
    get isOver() {
      return done.size === count
    },
  }
  const bodies = Array.from({ length: count }, () => new HandBody())
  const stop = new Stop()
  const clock = new FakeClock()
  const ask = async (index: number): Promise<IncomingResponse> => responseWith(bodies[index] ?? new HandBody())
  return { streams: new PartStreams(parts, ask, stop, clock), bodies, stop, done, clock }
}

function responseWith(body: IncomingBody): IncomingResponse {
  return {
    kind: 'response',
    status: 200,
    headers: new HeaderList([['content-type', 'text/event-stream']]),
    sentMs: undefined,
    body,
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve))
}

class Taken implements BodySink {
  text = ''
  end: 'end' | TransportFailure | undefined

  onPiece(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString()
  }

  onEnd(): void {
    this.end = 'end'
  }

  onBreak(failure: TransportFailure): void {
    this.end = failure
  }
}

describe('PartStreams', () => {
  test('what was read and what flows is all that came, in its order, wherever the reader lets go', async () => {
    const pieces = fc.array(fc.record({ of: fc.nat({ max: 3 }), text: fc.string() }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat({ max: 20 }), async (all, reads) => {
        const { streams, bodies, done } = labOf(4)
        await streams.begin()
        await turns()
        const taken = new Taken()
        let read = 0
        const reading = (async () => {
          for (; read < Math.min(reads, all.filter(({ text }) => text !== '').length); read += 1) {
            const step = await streams.read()
            if (step instanceof Uint8Array) taken.onPiece(step)
          }
        })()
        for (const { of, text } of all) bodies[of]?.sink?.onPiece(encode(text))
        await reading
        streams.flow(taken)
        for (const [index, body] of bodies.entries()) {
          done.add(index)
          body.sink?.onEnd()
        }
        await turns()
        expect(taken.text).toBe(Buffer.from(all.map(({ text }) => text).join('')).toString())
        expect(taken.end).toBe('end')
      }),
      { numRuns: 50 },
    )
  })

  test('who does not read holds all upstreams back, and lets them go on', async () => {
    const { streams, bodies } = labOf(2)
    await streams.begin()
    await turns()
    bodies[0]?.sink?.onPiece(new Uint8Array(40_000))
    expect(bodies.map(({ isPaused }) => isPaused)).toEqual([false, false])
    bodies[1]?.sink?.onPiece(new Uint8Array(40_000))
    expect(bodies.map(({ isPaused }) => isPaused)).toEqual([true, true])
    await streams.read()
    expect(bodies.map(({ isPaused }) => isPaused)).toEqual([false, false])
    streams.flow(new Taken())
    streams.pause()
    expect(bodies.map(({ isPaused }) => isPaused)).toEqual([true, true])
    streams.resume()
    expect(bodies.map(({ isPaused }) => isPaused)).toEqual([false, false])
  })

  test('one that begins while the client takes nothing waits like the others', async () => {
    const { streams, bodies, done } = labOf(5)
    await streams.begin()
    await turns()
    streams.flow(new Taken())
    streams.pause()
    done.add(0)
    bodies[0]?.sink?.onEnd()
    await turns()
    expect(bodies[4]?.isPaused).toBe(true)
  })

  test('who is not wanted any more is ended, and tells nobody', async () => {
    const { streams, bodies, stop } = labOf(3)
    await streams.begin()
    await turns()
    const taken = new Taken()
    streams.flow(taken)
    streams.cancel()
    expect([stop.isAsked, bodies.map(({ isCancelled }) => isCancelled)]).toEqual([true, [true, true, true]])
    bodies[0]?.sink?.onPiece(encode('late'))
    expect(taken).toEqual(new Taken())
    expect(await streams.read()).toMatchObject({ kind: 'transport_failure', cause: 'aborted' })
  })

  test('one that has said its last word is let go after a second', async () => {
    const { streams, bodies, done, clock } = labOf(1)
    await streams.begin()
    await turns()
    const taken = new Taken()
    streams.flow(taken)
    done.add(0)
    bodies[0]?.sink?.onPiece(encode('all'))
    await clock.advance(999)
    expect(taken.end).toBeUndefined()
    await clock.advance(1)
    await turns()
    expect([taken.end, bodies[0]?.isCancelled, clock.pending]).toEqual(['end', true, 0])
  })

  test('one that breaks breaks the whole, and leaves no timer', async () => {
    const { streams, bodies, clock } = labOf(2)
    await streams.begin()
    await turns()
    const reading = streams.read()
    const failure = { kind: 'transport_failure', phase: 'body', cause: 'reset', message: 'gone' } as const
    bodies[1]?.sink?.onBreak(failure)
    expect(await reading).toBe(failure)
    expect([bodies[0]?.isCancelled, clock.pending]).toEqual([true, 0])
  })

  test('what asking throws is thrown to who waits', async () => {
    const parts = {
      count: 2,
      call: () => callOf(),
      answer: (response: IncomingResponse) => response,
      lacks: () => true,
    }
    const ask = async (): Promise<IncomingResponse> => Promise.reject(new Error('odd'))
    const streams = new PartStreams({ ...parts, isOver: false }, ask, new Stop(), new FakeClock())
    expect(await streams.begin().catch((error: unknown) => error)).toEqual(new Error('odd'))
  })
})
