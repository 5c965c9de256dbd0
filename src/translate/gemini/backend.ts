import type { BackendCodec } from '#translate/codec.ts'
import { readBody } from './read-body.ts'
import { readError } from './read-error.ts'
import { GeminiStreamReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** Google's generateContent, on the Gemini API and on Vertex. */
export const geminiBackend: BackendCodec = {
  form: 'gemini',
  writeRequest,
  readBody,
  openReader: (facts) => new GeminiStreamReader(facts),
  readError,
  framing: 'sse',
}
