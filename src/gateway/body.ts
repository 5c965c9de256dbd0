import type * as Zlib from 'node:zlib'
import { concat } from '#kit/bytes.ts'
import { refuse, type Refusal } from '#core/refusal.ts'

type Bytes = Uint8Array<ArrayBuffer>

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
    return refuse('client_closed', 'Cannot read the body: the client closed the connection before it was complete')
  }
}

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

function tooLarge(bytesMax: number): Refusal {
  return refuse('body_too_large', `Cannot accept the body: it is larger than the ${bytesMax} bytes of max_body_size`)
}
