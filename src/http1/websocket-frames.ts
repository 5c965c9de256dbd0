import { asBuffer } from '#kit/bytes.ts'

/** RFC 6455 §5.2. */
export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const

export type Opcode = (typeof opcodes)[keyof typeof opcodes]

/** Close codes that this room gives or knows by name, RFC 6455 §7.4.1. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  /** Stands for a close frame without a code; never on the wire. */
  none: 1005,
  /** Stands for a connection that ended without a close frame; never on the wire. */
  abnormal: 1006,
  invalidText: 1007,
  tooBig: 1009,
  internalError: 1011,
  serviceRestart: 1012,
} as const

/** Limit: bytes of a control frame's payload, RFC 6455 §5.5. */
const controlBytesMax = 125

/** Limit: bytes of a close frame's reason; what is longer is cut before a character. */
const reasonBytesMax = controlBytesMax - 2

/** Makes the frames of a client, each masked with four random bytes of its own (RFC 6455 §5.3). */
export class FrameWriter {
  readonly #fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void
  readonly #masks = new Uint8Array(1024)
  #maskAt = 1024

  /** `fillRandom` must not be guessable, such as `crypto.getRandomValues`. */
  constructor(fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#fillRandom = fillRandom
  }

  text(text: string): Uint8Array<ArrayBuffer> {
    const length = Buffer.byteLength(text)
    const payloadAt = headBytes(length)
    const frame = frameFor(opcodes.text, length, payloadAt)
    frame.write(text, payloadAt)
    return this.#masked(frame, payloadAt)
  }

  binary(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#frame(opcodes.binary, payload)
  }

  ping(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#frame(opcodes.ping, payload)
  }

  pong(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#frame(opcodes.pong, payload)
  }

  /** `closeCodes.none` and `closeCodes.abnormal` give a frame without a code, which has no reason either. */
  close(code: number, reason: string): Uint8Array<ArrayBuffer> {
    if (code === closeCodes.none || code === closeCodes.abnormal) return this.#frame(opcodes.close, noBytes)
    const said = Buffer.alloc(2 + reasonBytesMax)
    said.writeUInt16BE(code)
    return this.#frame(opcodes.close, said.subarray(0, 2 + said.write(reason, 2)))
  }

  #frame(opcode: Opcode, payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const payloadAt = headBytes(payload.byteLength)
    const frame = frameFor(opcode, payload.byteLength, payloadAt)
    frame.set(payload, payloadAt)
    return this.#masked(frame, payloadAt)
  }

  #masked(frame: Buffer<ArrayBuffer>, payloadAt: number): Uint8Array<ArrayBuffer> {
    if (this.#maskAt === this.#masks.byteLength) {
      this.#fillRandom(this.#masks)
      this.#maskAt = 0
    }
    frame.set(this.#masks.subarray(this.#maskAt, this.#maskAt + 4), payloadAt - 4)
    this.#maskAt += 4
    applyMask(frame, payloadAt)
    return frame
  }
}

const noBytes = new Uint8Array()

/** Of a masked frame whose payload is so long. */
function headBytes(length: number): number {
  if (length < 126) return 6
  return length < 65_536 ? 8 : 14
}

/** A whole frame with its head, mask and payload still missing. The payload begins where words of four bytes begin. */
function frameFor(opcode: Opcode, length: number, payloadAt: number): Buffer<ArrayBuffer> {
  const padding = -payloadAt & 3
  const frame = Buffer.allocUnsafeSlow(padding + payloadAt + length).subarray(padding)
  frame[0] = 0x80 | opcode
  if (payloadAt === 6) {
    frame[1] = 0x80 | length
  } else if (payloadAt === 8) {
    frame[1] = 0x80 | 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 0x80 | 127
    frame.writeUInt32BE(Math.floor(length / 4_294_967_296), 2)
    frame.writeUInt32BE(length >>> 0, 6)
  }
  return frame
}

/** In place, with the four bytes before the payload. */
function applyMask(frame: Buffer<ArrayBuffer>, payloadAt: number): void {
  const start = frame.byteOffset + payloadAt
  const wordCount = (frame.byteLength - payloadAt) >>> 2
  // The same word order as memory has, so that no machine's byte order matters.
  const mask = new Uint8Array(frame.buffer, start - 4, 4)
  const [maskWord = 0] = new Uint32Array(mask.slice().buffer)
  const words = new Uint32Array(frame.buffer, start, wordCount)
  for (let index = 0; index < wordCount; index += 1) words[index] = (words[index] ?? 0) ^ maskWord
  for (let at = wordCount * 4; payloadAt + at < frame.byteLength; at += 1) {
    frame[payloadAt + at] = (frame[payloadAt + at] ?? 0) ^ (mask[at & 3] ?? 0)
  }
}

/** Takes what a {@link FrameReader} finds. */
export interface FrameSink {
  /** `bytes`: length of its UTF-8. */
  onText(text: string, bytes: number): void
  onBinary(payload: Uint8Array): void
  onPing(payload: Uint8Array): void
  onPong(payload: Uint8Array): void
  /** `closeCodes.none` when the frame has no code. Nothing comes after it. */
  onCloseFrame(code: number, reason: string): void
  /** The other side broke the protocol or a limit. Nothing comes after it. */
  onFault(fault: FrameFault): void
}

export interface FrameFault {
  /** Close code that tells the other side. */
  readonly code: number
  /** For people and logs, and the reason of the close frame. */
  readonly message: string
}

/**
 * Reads a server's frames from bytes cut anywhere and puts fragments together. Strict: what RFC 6455 forbids is a fault
 * and never a guess. No extension is ever negotiated, so reserved bits are faults as well.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #messageBytesMax: number
  /** Pieces that wait while it is paused, the first of them read up to `#at`. */
  #pieces: Uint8Array[] = []
  #at = 0
  #isPaused = false
  #isReading = false
  #isOver = false

  readonly #head = new Uint8Array(10)
  #headLength = 0
  /** Undefined while the head is not complete. */
  #frame: { readonly opcode: number; readonly isLast: boolean; readonly length: number } | undefined
  /** The beginning of a payload that did not come in one piece. */
  #payload: Buffer | undefined
  #payloadLength = 0
  /** Opcode of a message whose last fragment is still to come. */
  #messageOpcode: number | undefined
  #message = Buffer.alloc(0)
  #messageLength = 0

  constructor(sink: FrameSink, messageBytesMax: number) {
    this.#sink = sink
    this.#messageBytesMax = messageBytesMax
  }

  push(piece: Uint8Array): void {
    if (this.#isOver || piece.byteLength === 0) return
    this.#pieces.push(piece)
    this.#read()
  }

  /** Keeps what comes from now on; the frame that is being handed over is the last. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#read()
  }

  /** Nothing is handed over any more. */
  stop(): void {
    this.#isOver = true
    this.#pieces = []
    this.#payload = undefined
    this.#message = Buffer.alloc(0)
  }

  #read(): void {
    // A sink may resume what it paused a moment ago.
    if (this.#isReading) return
    this.#isReading = true
    for (;;) {
      const piece = this.#pieces[0]
      if (piece === undefined || this.#isPaused) break
      this.#step(piece)
      if (this.#isOver) break
      if (this.#at === piece.byteLength) {
        this.#pieces.shift()
        this.#at = 0
      }
    }
    this.#isReading = false
  }

  #step(piece: Uint8Array): void {
    const frame = this.#frame
    if (frame !== undefined) return this.#readPayload(piece, frame.length)
    this.#head[this.#headLength] = piece[this.#at] ?? 0
    this.#headLength += 1
    this.#at += 1
    if (this.#headLength === 1) return this.#checkFirst(this.#head[0] ?? 0)
    if (this.#headLength === 2 && !this.#checkSecond(this.#head[1] ?? 0)) return
    const length = this.#lengthIfWhole()
    if (length !== undefined) this.#begin(length)
  }

  #checkFirst(first: number): void {
    const opcode = first & 0x0f
    const isLast = first >= 0x80
    if ((first & 0x70) !== 0) return this.#fail('a reserved bit is set, but no extension was agreed on')
    if (opcode >= 0x8) {
      if (opcode > opcodes.pong) return this.#fail(`the opcode ${opcode} is unknown`)
      if (!isLast) this.#fail('a control frame is fragmented')
    } else if (opcode > opcodes.binary) {
      this.#fail(`the opcode ${opcode} is unknown`)
    } else if (opcode === opcodes.continuation) {
      if (this.#messageOpcode === undefined) this.#fail('a continuation has no beginning')
    } else if (this.#messageOpcode !== undefined) {
      this.#fail('a message begins before the last one is complete')
    }
  }

  #checkSecond(second: number): boolean {
    if (second >= 0x80) this.#fail('a frame of the server is masked')
    else if ((this.#head[0] ?? 0) % 0x10 >= 0x8 && second > controlBytesMax) this.#fail('a control frame is too long')
    return !this.#isOver
  }

  /** Of the payload, as soon as the head is complete. */
  #lengthIfWhole(): number | undefined {
    const head = this.#head
    const short = head[1] ?? 0
    if (short < 126) return short
    if (short === 126) {
      if (this.#headLength < 4) return undefined
      const length = ((head[2] ?? 0) << 8) | (head[3] ?? 0)
      return length < 126 ? this.#failLength() : length
    }
    if (this.#headLength < 10) return undefined
    const length = Number(asBuffer(head).readBigUInt64BE(2))
    return length < 65_536 || (head[2] ?? 0) >= 0x80 ? this.#failLength() : length
  }

  #failLength(): undefined {
    this.#fail('the length of a frame is not in its shortest form')
  }

  #begin(length: number): void {
    const first = this.#head[0] ?? 0
    const opcode = first & 0x0f
    this.#headLength = 0
    const before = opcode === opcodes.continuation ? this.#messageLength : 0
    if (before + length > this.#messageBytesMax) {
      return this.#fail(`a message is larger than ${this.#messageBytesMax} bytes`, closeCodes.tooBig)
    }
    this.#frame = { opcode, isLast: first >= 0x80, length }
    if (length === 0) this.#end(noBytes)
  }

  #readPayload(piece: Uint8Array, length: number): void {
    const here = piece.byteLength - this.#at
    if (this.#payload === undefined) {
      if (here >= length) {
        this.#at += length
        return this.#end(piece.subarray(this.#at - length, this.#at))
      }
      // Memory that nothing is written to is not taken, so an announced length alone costs nothing.
      this.#payload = Buffer.allocUnsafeSlow(length)
      this.#payloadLength = 0
    }
    const taken = Math.min(here, length - this.#payloadLength)
    this.#payload.set(piece.subarray(this.#at, this.#at + taken), this.#payloadLength)
    this.#payloadLength += taken
    this.#at += taken
    if (this.#payloadLength < length) return
    const payload = this.#payload
    this.#payload = undefined
    this.#end(payload)
  }

  #end(payload: Uint8Array): void {
    const frame = this.#frame
    this.#frame = undefined
    if (frame === undefined) return
    const { opcode, isLast } = frame
    if (opcode === opcodes.ping) return this.#sink.onPing(payload)
    if (opcode === opcodes.pong) return this.#sink.onPong(payload)
    if (opcode === opcodes.close) return this.#endAll(payload)
    if (isLast && opcode !== opcodes.continuation) return this.#tell(opcode, payload)
    if (opcode !== opcodes.continuation) this.#messageOpcode = opcode
    this.#add(payload)
    if (!isLast) return
    const message = this.#message.subarray(0, this.#messageLength)
    const kind = this.#messageOpcode ?? opcodes.binary
    this.#message = Buffer.alloc(0)
    this.#messageLength = 0
    this.#messageOpcode = undefined
    this.#tell(kind, message)
  }

  /** Grows by doubling: a message of a million fragments must neither cost a million arrays nor as many copies. */
  #add(payload: Uint8Array): void {
    const length = this.#messageLength + payload.byteLength
    if (length > this.#message.byteLength) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#messageBytesMax, Math.max(length, this.#messageLength * 2)))
      grown.set(this.#message.subarray(0, this.#messageLength))
      this.#message = grown
    }
    this.#message.set(payload, this.#messageLength)
    this.#messageLength = length
  }

  #tell(opcode: number, payload: Uint8Array): void {
    if (opcode === opcodes.binary) return this.#sink.onBinary(payload)
    const text = textOf(payload)
    if (text === undefined) return this.#fail('a text is not valid UTF-8', closeCodes.invalidText)
    this.#sink.onText(text, payload.byteLength)
  }

  #endAll(payload: Uint8Array): void {
    if (payload.byteLength === 0) {
      this.stop()
      return this.#sink.onCloseFrame(closeCodes.none, '')
    }
    const code = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0)
    if (payload.byteLength === 1 || !mayBeSent(code)) return this.#fail('a close frame has no valid code')
    const reason = textOf(payload.subarray(2))
    if (reason === undefined) return this.#fail('a close reason is not valid UTF-8', closeCodes.invalidText)
    this.stop()
    this.#sink.onCloseFrame(code, reason)
  }

  #fail(message: string, code: number = closeCodes.protocolError): void {
    this.stop()
    this.#sink.onFault({ code, message })
  }
}

/** RFC 6455 §7.4.2 and IANA's registry: what else is reserved must not be made up. */
export function mayBeSent(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    // The only thing it throws for is malformed UTF-8.
    return undefined
  }
}
