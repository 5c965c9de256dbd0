/** A value of a frame's header, as its type writes it. */
export type AwsHeaderValue = string | number | bigint | boolean | Uint8Array | Date

/** A frame of AWS's binary event stream. */
export function awsFrame(
  headers: readonly (readonly [name: string, value: AwsHeaderValue])[],
  payload: string,
): Buffer {
  const head = Buffer.concat(headers.map(([name, value]) => Buffer.concat([nameBytes(name), valueBytes(value)])))
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

/** One that tells an event of this type. */
export function awsEvent(type: string, payload: object): Buffer {
  return awsFrame(
    [
      [':event-type', type],
      [':content-type', 'application/json'],
      [':message-type', 'event'],
    ],
    JSON.stringify(payload),
  )
}

/** One that tells what went wrong. */
export function awsException(type: string, payload: object): Buffer {
  return awsFrame(
    [
      [':exception-type', type],
      [':content-type', 'application/json'],
      [':message-type', 'exception'],
    ],
    JSON.stringify(payload),
  )
}

/** An event of a model's own dialect, as InvokeModelWithResponseStream carries it. */
export function awsChunk(event: object): Buffer {
  return awsEvent('chunk', { bytes: Buffer.from(JSON.stringify(event)).toString('base64'), p: 'abcdefgh' })
}

function nameBytes(name: string): Buffer {
  return Buffer.concat([Buffer.of(Buffer.byteLength(name)), Buffer.from(name)])
}

function valueBytes(value: AwsHeaderValue): Buffer {
  if (typeof value === 'boolean') return Buffer.of(value ? 0 : 1)
  if (typeof value === 'string') return sized(7, Buffer.from(value))
  if (typeof value === 'bigint') return fixed(5, 8, (bytes) => bytes.writeBigInt64BE(value, 1))
  if (typeof value === 'number') return fixed(4, 4, (bytes) => bytes.writeInt32BE(value, 1))
  if (value instanceof Date) return fixed(8, 8, (bytes) => bytes.writeBigInt64BE(BigInt(value.getTime()), 1))
  return value.length === 16 ? Buffer.concat([Buffer.of(9), value]) : sized(6, value)
}

function sized(type: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(3)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function fixed(type: number, size: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(1 + size)
  bytes.writeUInt8(type, 0)
  write(bytes)
  return bytes
}
