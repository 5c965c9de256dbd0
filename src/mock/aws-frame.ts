import type { StreamEvent } from './events.ts'

export const awsStreamType = 'application/vnd.amazon.eventstream'

/** A frame of AWS's binary event stream that tells an event of this type. */
export function awsEvent(type: string, payload: unknown, isContent = false): StreamEvent {
  return { text: awsFrame({ ':event-type': type, ...jsonEvent }, JSON.stringify(payload)), isContent }
}

/** A frame that tells what went wrong. */
export function awsException(type: string, payload: unknown): StreamEvent {
  const headers = { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' }
  return { text: awsFrame(headers, JSON.stringify(payload)), isContent: false }
}

/** A well-framed event whose payload is no JSON. */
export function awsMalformed(type: string): Uint8Array {
  return awsFrame({ ':event-type': type, ...jsonEvent }, '{"contentBlockIndex":')
}

const jsonEvent = { ':content-type': 'application/json', ':message-type': 'event' }

/** Two lengths and their checksum, the headers, the payload, and a checksum of it all. */
function awsFrame(headers: Readonly<Record<string, string>>, payload: string): Uint8Array {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => headerBytes(name, value)))
  const body = Buffer.from(payload)
  const frame = Buffer.alloc(12 + head.length + body.length + 4)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(head.length, 4)
  frame.writeUInt32BE(Bun.hash.crc32(frame.subarray(0, 8)), 8)
  head.copy(frame, 12)
  body.copy(frame, 12 + head.length)
  frame.writeUInt32BE(Bun.hash.crc32(frame.subarray(0, -4)), frame.length - 4)
  return frame
}

/** Type 7 is a string. */
function headerBytes(name: string, value: string): Buffer {
  const text = Buffer.from(value)
  const bytes = Buffer.alloc(1 + name.length + 3)
  bytes.writeUInt8(name.length, 0)
  bytes.write(name, 1, 'latin1')
  bytes.writeUInt8(7, 1 + name.length)
  bytes.writeUInt16BE(text.length, 2 + name.length)
  return Buffer.concat([bytes, text])
}
