import type { Upload } from '#core/call.ts'
import type { Debt } from '#core/debts.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'
import { leftEarly, uploadTooLarge, type BegunBody, type BodyReader } from './body.ts'
import { uploadSeconds } from './incoming.ts'

type Controller = ReadableStreamDefaultController<Uint8Array>

/**
 * A client's body on its way to an upstream: read piece by piece, as the upstream takes it, and counted against its
 * limit. The client may be slow, but not silent.
 */
export class ClientUpload implements Upload, Debt, DeadlineOwner {
  readonly length: number | undefined
  fault: Refusal | undefined
  readonly #pieces: Uint8Array[]
  readonly #rest: BodyReader
  readonly #bytesMax: number
  readonly #wheel: TimerWheel
  readonly #silence = new Deadline(this)
  #controller: Controller | undefined
  #bytes = 0
  #isOver = false

  /** `bytesMax`: 0 = no limit. */
  constructor({ length, pieces, rest }: BegunBody, bytesMax: number, wheel: TimerWheel) {
    this.length = length
    this.#pieces = [...pieces]
    this.#rest = rest
    this.#bytesMax = bytesMax === 0 ? Infinity : bytesMax
    this.#wheel = wheel
  }

  get wasTaken(): boolean {
    return this.#controller !== undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  stream(): ReadableStream<Uint8Array> {
    let tookSome = false
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          tookSome = true
          await this.#pull(controller)
        },
        // An attempt that took nothing leaves all of it to the next one, however late it is given up.
        cancel: () => {
          if (tookSome) this.pay()
        },
      },
      // Nothing is read ahead: until the upstream wants something, another one may be given all of it.
      { highWaterMark: 0 },
    )
  }

  async #pull(controller: Controller): Promise<void> {
    if (this.#isOver) return controller.error(new Error(overBefore))
    this.#controller = controller
    const piece = this.#pieces.shift()
    if (piece !== undefined) return this.#pass(piece)
    this.#wheel.arm(this.#silence, uploadSeconds * 1000)
    const step = await this.#rest.read().catch(() => undefined)
    this.#wheel.disarm(this.#silence)
    // Whoever said why has told it already; to the others it must not seem to go on.
    if (this.#isOver) return controller.error(new Error(overBefore))
    if (step?.value !== undefined) return this.#pass(step.value)
    if (step === undefined || (this.length !== undefined && this.#bytes < this.length)) return this.#fail(leftEarly)
    this.#isOver = true
    controller.close()
  }

  // Called by the wheel.

  onDue(): void {
    this.#fail(silent)
  }

  /** Nobody wants any more of it. */
  pay(): void {
    this.#wheel.disarm(this.#silence)
    if (this.#isOver) return
    this.#isOver = true
    // What still comes is thrown away by the platform. A client that is gone makes this reject.
    this.#rest.cancel().catch(() => {})
  }

  #pass(piece: Uint8Array): void {
    this.#bytes += piece.byteLength
    if (this.#bytes > this.#bytesMax) return this.#fail(uploadTooLarge(this.#bytesMax))
    this.#controller?.enqueue(piece)
  }

  #fail(fault: Refusal): void {
    this.fault = fault
    this.pay()
    this.#controller?.error(new Error(fault.message))
  }
}

const overBefore = 'Cannot read the body: nobody wants any more of it'
const silent = refuse('client_closed', `Cannot read the body: the client sent nothing of it for ${uploadSeconds} s`)
