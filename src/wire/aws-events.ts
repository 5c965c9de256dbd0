import { asBuffer, concat } from '#kit/bytes.ts'
import { asObject, parseJson } from '#kit/json-value.ts'

/** A frame of AWS's binary event stream, as far as it says something. */
export interface AwsEvent {
  /** `:event-type`; `exception` for everything that went wrong. */
  readonly name: string
  /** The payload, which is JSON; that of an exception has its type in `__type`. */
  readonly data: string
}

/** `__type` of what is not the sender's own exception: the stream broke off within a frame, or is none. */
export const cutStream = 'stream_incomplete'
export const brokenStream = 'stream_corrupted'

/**
 * Reads AWS's binary event stream (`application/vnd.amazon.eventstream`) from chunks cut anywhere. A frame: its length, that
 * of its headers, a CRC of both; headers, payload; a CRC of all that. What does not add up is told once, as an exception, and
 * nothing behind it is read.
 */
export class AwsEvents {
  /** Pieces of a frame that is not whole yet. */
  #pieces: Uint8Array[] = []
  #heldBytes = 0
  /** How many are needed before there is anything to read. */
  #neededBytes = preludeBytes
  #isOver = false

  /** Bytes of the frame that is not over yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  push(chunk: Uint8Array): readonly AwsEvent[] {
    if (this.#isOver || chunk.length === 0) return none
    if (this.#heldBytes + chunk.length < this.#neededBytes) {
      this.#hold(chunk)
      return none
    }
    const bytes = asBuffer(this.#heldBytes === 0 ? chunk : concat([...this.#pieces, chunk]))
    this.#pieces = []
    this.#heldBytes = 0
    return this.#read(bytes)
  }

  /** The transfer is over; within a frame, that is an exception too. */
  end(): readonly AwsEvent[] {
    const isCut = !this.#isOver && this.#heldBytes > 0
    this.#isOver = true
    return isCut ? [fault(cutStream, 'the event stream ended within a frame')] : none
  }

  #read(bytes: Buffer): readonly AwsEvent[] {
    const events: AwsEvent[] = []
    let at = 0
    this.#neededBytes = preludeBytes
    while (bytes.length - at >= preludeBytes) {
      const size = frameBytes(bytes, at)
      if (size === 0) return this.#giveUp(events)
      if (bytes.length - at < size) {
        this.#neededBytes = size
        break
      }
      const event = readFrame(bytes, at, at + size)
      if (event === 'broken') return this.#giveUp(events)
      if (event !== undefined) events.push(event)
      at += size
    }
    // A copy: the chunk's memory is the sender's.
    if (at < bytes.length) this.#hold(new Uint8Array(bytes.subarray(at)))
    return events
  }

  #giveUp(events: AwsEvent[]): readonly AwsEvent[] {
    this.#isOver = true
    events.push(fault(brokenStream, 'the event stream is damaged, or is none'))
    return events
  }

  #hold(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#heldBytes += bytes.length
  }
}

const none: readonly AwsEvent[] = []

const preludeBytes = 12
const crcBytes = 4

/** Limit: bytes of a frame; AWS sends none above 16 MiB. */
const frameBytesMax = 16 * 1024 * 1024

/** 0: what stands here is no frame. */
function frameBytes(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32BE(at)
  const headerBytes = bytes.readUInt32BE(at + 4)
  if (size > frameBytesMax || size < preludeBytes + headerBytes + crcBytes) return 0
  return Bun.hash.crc32(bytes.subarray(at, at + 8)) === bytes.readUInt32BE(at + 8) ? size : 0
}

/** Undefined: it says nothing. */
function readFrame(bytes: Buffer, start: number, end: number): AwsEvent | 'broken' | undefined {
  const payloadEnd = end - crcBytes
  if (Bun.hash.crc32(bytes.subarray(start, payloadEnd)) !== bytes.readUInt32BE(payloadEnd)) return 'broken'
  const headersEnd = start + preludeBytes + bytes.readUInt32BE(start + 4)
  const headers = readHeaders(bytes, start + preludeBytes, headersEnd)
  if (headers === undefined) return 'broken'
  const payload = bytes.toString('utf8', headersEnd, payloadEnd)
  switch (headers.messageType) {
    case 'exception':
      return exception(headers.exceptionType, payload)
    case 'error':
      return fault(headers.errorCode, headers.errorMessage)
    default:
      return payload === '' ? undefined : { name: headers.eventType, data: payload }
  }
}

/** Those that mean something here. */
interface FrameHeaders {
  messageType: string
  eventType: string
  exceptionType: string
  errorCode: string
  errorMessage: string
}

const memberOfHeader: ReadonlyMap<string, keyof FrameHeaders> = new Map([
  [':message-type', 'messageType'],
  [':event-type', 'eventType'],
  [':exception-type', 'exceptionType'],
  [':error-code', 'errorCode'],
  [':error-message', 'errorMessage'],
])

/** Undefined: they do not end where they should. */
function readHeaders(bytes: Buffer, start: number, end: number): FrameHeaders | undefined {
  const found: FrameHeaders = { messageType: '', eventType: '', exceptionType: '', errorCode: '', errorMessage: '' }
  let at = start
  while (at < end) {
    const nameEnd = at + 1 + (bytes[at] ?? 0)
    if (nameEnd >= end) return undefined
    const type = bytes[nameEnd] ?? 0
    const valueStart = nameEnd + 1
    const isSized = type === textType || type === bytesType
    if (isSized && valueStart + 2 > end) return undefined
    const size = isSized ? 2 + bytes.readUInt16BE(valueStart) : bytesOfType[type]
    if (size === undefined || valueStart + size > end) return undefined
    if (type === textType) {
      const member = memberOfHeader.get(bytes.toString('latin1', at + 1, nameEnd))
      if (member !== undefined) found[member] = bytes.toString('utf8', valueStart + 2, valueStart + size)
    }
    at = valueStart + size
  }
  return found
}

/** Of values without a length of their own: true, false, byte, short, int, long; a moment, a UUID. */
const bytesOfType: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16]
const bytesType = 6
const textType = 7

function exception(type: string, payload: string): AwsEvent {
  const told = asObject(parseJson(payload))
  const data = told === undefined ? { message: payload, __type: type } : { ...told, __type: type }
  return { name: 'exception', data: JSON.stringify(data) }
}

function fault(type: string, message: string): AwsEvent {
  return { name: 'exception', data: JSON.stringify({ message, __type: type }) }
}
