import type { Answer, BodySource } from '#core/answer.ts'
import type { Exchange, Outcome } from '#core/exchange.ts'
import { openGate } from '#wire/gate.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { streamError } from '#wire/stream-error.ts'
import type { Gateway } from './gateway.ts'
import { idleSeconds, type Incoming } from './incoming.ts'
import { settle } from './settle.ts'

/**
 * The one wrapper on a response body: hands every chunk on as it comes, at the client's pace, and sees to it that a
 * stream which breaks never looks complete. Streams of a known form end with an in-protocol error, all others with a reset.
 */
export function pump(
  gateway: Gateway,
  incoming: Incoming,
  answer: Answer,
  rest: BodySource,
  exchange: Exchange,
): ReadableStream<Uint8Array> {
  const { clock } = gateway
  const { form } = answer
  const gate = form === undefined ? undefined : openGate(form)
  const end = form === undefined ? undefined : new StreamEnd(form)
  const idle = new IdleClock(
    gateway,
    answer.candidate.backend.timeouts.idleMs,
    () => void rest.cancel().catch(() => {}),
  )
  const held = [...answer.held]
  let isCut = false
  exchange.cut = (): void => {
    isCut = true
    rest.cancel().catch(() => {})
  }

  const finish = (outcome: Outcome, brokenBy?: string): void => {
    idle.stop()
    exchange.brokenBy = brokenBy
    // Before the body ends, or the idle connection would never be closed.
    incoming.patience(idleSeconds)
    settle(gateway, exchange, outcome)
  }

  const pass = (controller: ReadableStreamDefaultController<Uint8Array>, chunk: Uint8Array): boolean => {
    end?.see(chunk)
    const ready = gate === undefined ? chunk : gate.push(chunk)
    if (ready === undefined || ready.byteLength === 0) return false
    exchange.firstByteMs ??= clock.monotonicMs()
    exchange.bytesOut += ready.byteLength
    controller.enqueue(ready)
    return true
  }

  const breakOff = async (
    controller: ReadableStreamDefaultController<Uint8Array>,
    outcome: Outcome,
    code: string,
    message: string,
  ): Promise<void> => {
    finish(outcome, message)
    if (form !== undefined && gate !== undefined) {
      for (const piece of streamError(form, { code, message, requestId: exchange.id, position: gate.position })) {
        controller.enqueue(piece)
        // Gemini clients need each piece in a packet of its own.
        await clock.sleep(pieceGapMs)
      }
      // The reset below may overtake what was just written; the client must have read it by then.
      await clock.sleep(lingerMs)
    }
    controller.error(new Error(message))
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) if (pass(controller, chunk)) return
        try {
          for (;;) {
            idle.waits()
            const { done, value } = await rest.read()
            idle.heard()
            if (exchange.endedMs !== undefined) return
            if (done) break
            if (pass(controller, value)) return
          }
        } catch (error) {
          if (exchange.endedMs !== undefined) return
          if (incoming.request.signal.aborted) return finish('client_closed')
          return wasAborted(error)
            ? await breakOff(
                controller,
                'stalled',
                'upstream_timeout',
                'Cannot complete the answer: it took longer than timeout.total',
              )
            : await breakOff(
                controller,
                'upstream_broke',
                'upstream_error',
                'Cannot complete the answer: the upstream connection broke',
              )
        }
        // A stream that said all it has to say is whole, even if its connection stayed open.
        const isSaid = end?.verdict() === 'complete'
        if (isCut && !isSaid) {
          return await breakOff(
            controller,
            'shut_down',
            'shutting_down',
            'Cannot complete the answer: the server is shutting down',
          )
        }
        if (idle.isOver && !isSaid) {
          return await breakOff(
            controller,
            'stalled',
            'upstream_timeout',
            'Cannot complete the answer: the upstream fell silent for longer than timeout.idle',
          )
        }
        if (end?.verdict() === 'incomplete') {
          return await breakOff(
            controller,
            'upstream_broke',
            'stream_incomplete',
            'Cannot complete the answer: the upstream ended the stream before it was complete',
          )
        }
        const tail = gate?.end()
        if (tail !== undefined) controller.enqueue(tail)
        finish(
          end?.verdict() === 'errored' ? 'upstream_broke' : 'complete',
          end?.verdict() === 'errored' ? 'the upstream sent an error event' : undefined,
        )
        controller.close()
      },
      async cancel() {
        finish('client_closed')
        await rest.cancel()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Milliseconds between the pieces of a stream error. */
const pieceGapMs = 5

/** Milliseconds between the error event and the reset of the connection. */
const lingerMs = 50

/** Watches for a read that takes too long. One timer for the whole stream, not one per chunk. */
class IdleClock {
  isOver = false
  readonly #gateway: Gateway
  readonly #idleMs: number
  readonly #onSilence: () => void
  #waitingSinceMs: number | undefined
  #cancel: (() => void) | undefined

  constructor(gateway: Gateway, idleMs: number, onSilence: () => void) {
    this.#gateway = gateway
    this.#idleMs = idleMs
    this.#onSilence = onSilence
    if (idleMs > 0) this.#arm(idleMs)
  }

  waits(): void {
    this.#waitingSinceMs = this.#gateway.clock.monotonicMs()
  }

  /** A slow client is no silence: only the time inside a read counts. */
  heard(): void {
    this.#waitingSinceMs = undefined
  }

  stop(): void {
    this.#cancel?.()
  }

  #arm(ms: number): void {
    this.#cancel = this.#gateway.clock.after(ms, () => {
      const waitedMs = this.#waitingSinceMs === undefined ? 0 : this.#gateway.clock.monotonicMs() - this.#waitingSinceMs
      if (waitedMs < this.#idleMs) return this.#arm(this.#idleMs - waitedMs)
      this.isOver = true
      this.#onSilence()
    })
  }
}

/** Only our own clock aborts an exchange whose client is still there. */
function wasAborted(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'cause' in error && error.cause === 'aborted'
}
