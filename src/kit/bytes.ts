const encoder = new TextEncoder()

/** UTF-8 bytes of a text. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text)
}

/** The same memory as a Buffer, whose searches and text conversions are native. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** All parts in one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Buffer.concat(parts)
}

/** A copy in which the bytes from `start` to `end` are replaced; one allocation, which is not zeroed first. */
export function replaceRange(
  bytes: Uint8Array,
  start: number,
  end: number,
  replacement: Uint8Array,
): Uint8Array<ArrayBuffer> {
  // Small ones come out of the platform's pool, which spares an allocation of its own.
  const result = Buffer.allocUnsafe(bytes.length - (end - start) + replacement.length)
  result.set(bytes.subarray(0, start), 0)
  result.set(replacement, start)
  result.set(bytes.subarray(end), start + replacement.length)
  return result
}
