import type * as Zlib from 'node:zlib'
import { asBuffer } from '#kit/bytes.ts'
import type { HeaderList } from '#kit/header-list.ts'

/**
 * The text of a body, or of its beginning, its Content-Encoding undone on a copy; empty when it cannot be undone.
 * The bytes themselves always go out as they came.
 */
export function textOf(body: Uint8Array, headers: HeaderList): string {
  const encoding = encodingOf(headers)
  if (encoding === 'identity') return asBuffer(body).toString('utf8')
  const decode = decoders.get(encoding)
  if (decode === undefined) return ''
  try {
    // Few such bodies are looked into, and loading takes time that a start does not have.
    return decode(process.getBuiltinModule('node:zlib'), body).toString('utf8')
  } catch {
    return ''
  }
}

/** The bytes are not the text itself. */
export function isEncoded(headers: HeaderList): boolean {
  return encodingOf(headers) !== 'identity'
}

function encodingOf(headers: HeaderList): string {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  return encoding === '' ? 'identity' : encoding
}

/** Limit: a body that grows beyond this is a bomb and is not looked into. */
const maxOutputLength = 4_194_304

/** A cut body still gives what came of it. */
const decoders: ReadonlyMap<string, (zlib: typeof Zlib, body: Uint8Array) => Buffer> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflateAny],
  ['br', brotli],
  ['zstd', zstd],
])

function gunzip({ constants, gunzipSync }: typeof Zlib, body: Uint8Array): Buffer {
  return gunzipSync(body, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
}

/** Some servers send `deflate` without the zlib frame that RFC 9110 §8.4.1.2 asks for. */
function inflateAny({ constants, inflateRawSync, inflateSync }: typeof Zlib, body: Uint8Array): Buffer {
  const first = body[0] ?? 0
  const isFramed = (first & 0x0f) === 8 && (first * 256 + (body[1] ?? 0)) % 31 === 0
  return (isFramed ? inflateSync : inflateRawSync)(body, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
}

function brotli({ brotliDecompressSync, constants }: typeof Zlib, body: Uint8Array): Buffer {
  return brotliDecompressSync(body, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH })
}

function zstd({ constants, zstdDecompressSync }: typeof Zlib, body: Uint8Array): Buffer {
  return zstdDecompressSync(body, { maxOutputLength, finishFlush: constants.ZSTD_e_flush })
}
