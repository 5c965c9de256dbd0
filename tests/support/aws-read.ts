/** A frame of AWS's binary event stream whose headers are strings and whose payload is JSON. */
export interface ReadFrame {
  readonly headers: Readonly<Record<string, string>>
  readonly json: ReturnType<typeof JSON.parse>
}

/** Reads frames one after another; throws where a checksum is wrong or a frame is torn. */
export function framesOf(bytes: Buffer): readonly ReadFrame[] {
  const frames: ReadFrame[] = []
  for (let at = 0; at < bytes.length;) {
    const length = at + 12 <= bytes.length ? bytes.readUInt32BE(at) : Infinity
    if (at + length > bytes.length) throw new Error(`The frame at ${at} is torn`)
    frames.push(readFrame(bytes.subarray(at, at + length)))
    at += length
  }
  return frames
}

function readFrame(frame: Buffer): ReadFrame {
  if (Bun.hash.crc32(frame.subarray(0, 8)) !== frame.readUInt32BE(8)) throw new Error('The prelude is damaged')
  if (Bun.hash.crc32(frame.subarray(0, -4)) !== frame.readUInt32BE(frame.length - 4))
    throw new Error('The frame is damaged')
  const end = 12 + frame.readUInt32BE(4)
  const headers: Record<string, string> = {}
  for (let at = 12; at < end;) {
    const nameEnd = at + 1 + frame.readUInt8(at)
    const valueStart = nameEnd + 3
    const valueEnd = valueStart + frame.readUInt16BE(nameEnd + 1)
    headers[frame.toString('utf8', at + 1, nameEnd)] = frame.toString('utf8', valueStart, valueEnd)
    at = valueEnd
  }
  return { headers, json: JSON.parse(frame.toString('utf8', end, frame.length - 4)) }
}
