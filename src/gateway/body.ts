import type * as Zlib from 'node:zlib'
import { concat } from '#kit/bytes.ts'
import { refuse, type Refusal } from '#core/refusal.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A body that goes on behind what was read of it. */
export interface BegunBody {
  /** Bytes that the client announced; undefined when it sends in chunks. */
  readonly length: number | undefined
  /** What was read already. */
  readonly pieces: readonly Uint8Array[]
  readonly rest: BodyReader
}

/** What is asked of a reader of the platform's. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(): Promise<void>
}

/** The whole body, or the reason why it cannot be had. */
export async function readBody(request: Request, bytesMax: number): Promise<Bytes | Refusal> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN)
  if (announced > bytesMax) return tooLarge(bytesMax)
  try {
    // One call is far cheaper than a loop over chunks; only bodies of unknown length need the loop to stop in time.
    if (!Number.isNaN(announced)) return Buffer.from(await request.arrayBuffer())
    return await readUpTo(request, bytesMax)
  } catch {
    // The only way for this to fail is a client that leaves, or stalls, before its body is complete.
    return leftEarly
  }
}

/**
 * The whole body where it is small, so that it can be sent a second time; else its beginning, which was read to find out,
 * and the rest. Its Content-Encoding stays on it.
 */
export async function readSmall(
  request: Request,
  smallBytesMax: number,
  bytesMax: number,
): Promise<Bytes | BegunBody | Refusal> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN)
  if (bytesMax > 0 && announced > bytesMax) return uploadTooLarge(bytesMax)
  if (request.body === null) return nothing
  if (announced <= smallBytesMax) return await readBody(request, smallBytesMax)
  const rest = request.body.getReader()
  if (announced > smallBytesMax) return { length: announced, pieces: [], rest }
  const pieces: Bytes[] = []
  let size = 0
  try {
    while (size <= smallBytesMax) {
      const { done, value } = await rest.read()
      if (done) return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : concat(pieces)
      size += value.byteLength
      if (bytesMax > 0 && size > bytesMax) {
        // A client that is gone makes this reject.
        rest.cancel().catch(() => {})
        return uploadTooLarge(bytesMax)
      }
      pieces.push(value)
    }
    return { length: undefined, pieces, rest }
  } catch {
    return leftEarly
  }
}

/** The platform throws the bodies of some methods away; passing on a request without its body would be another one. */
export function lostBody({ method, headers, body }: Request): Refusal | undefined {
  if (body !== null || (method !== 'GET' && method !== 'HEAD')) return undefined
  return Number(headers.get('content-length') ?? 0) > 0 || headers.has('transfer-encoding') ? lost : undefined
}

const nothing = new Uint8Array(0)
const lost = refuse(
  'invalid_parameter',
  'Cannot send the request on: the body of a GET or HEAD cannot be, send it without one, or by another method',
)

async function readUpTo(request: Request, bytesMax: number): Promise<Bytes | Refusal> {
  if (request.body === null) return new Uint8Array(0)
  const chunks: Bytes[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += chunk.byteLength
    if (size > bytesMax) return tooLarge(bytesMax)
    chunks.push(chunk)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : concat(chunks)
}

type Decoder = (
  body: Bytes,
  options: { maxOutputLength: number },
  onDone: (error: Error | null, decoded: Buffer) => void,
) => void

const decoders: Readonly<Record<string, (zlib: typeof Zlib) => Decoder>> = {
  gzip: ({ gunzip }) => gunzip,
  'x-gzip': ({ gunzip }) => gunzip,
  deflate: ({ inflate }) => inflate,
  br: ({ brotliDecompress }) => brotliDecompress,
  zstd: ({ zstdDecompress }) => zstdDecompress,
}

/** Undoes a request's Content-Encoding; the limit holds for the decoded bytes, so that a bomb stays small. */
export async function decodeBody(body: Bytes, encoding: string, bytesMax: number): Promise<Bytes | Refusal> {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity' || name === '') return body
  const decoderOf = decoders[name]
  if (decoderOf === undefined) {
    return refuse(
      'unsupported_media_type',
      'Cannot read the body: its Content-Encoding is unknown, send gzip, deflate, br, zstd or none',
    )
  }
  // Few bodies are encoded, and loading takes time that a start does not have.
  const decode = decoderOf(await import('node:zlib'))
  try {
    return await new Promise<Bytes>((resolve, reject) => {
      decode(body, { maxOutputLength: bytesMax }, (error, decoded) => {
        if (error === null) resolve(new Uint8Array(decoded))
        else reject(error)
      })
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(bytesMax)
    return refuse('invalid_json', `Cannot read the body: it is not valid ${name}, as its Content-Encoding says`)
  }
}

export const leftEarly = refuse(
  'client_closed',
  'Cannot read the body: the client closed the connection before it was complete',
)

export function uploadTooLarge(bytesMax: number): Refusal {
  return refuse('body_too_large', `Cannot accept the body: it is larger than the ${bytesMax} bytes of max_upload_size`)
}

function tooLarge(bytesMax: number): Refusal {
  return refuse('body_too_large', `Cannot accept the body: it is larger than the ${bytesMax} bytes of max_body_size`)
}
