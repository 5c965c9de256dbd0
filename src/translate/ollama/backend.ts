import { readError } from '#translate/chat/read-error.ts'
import type { BackendCodec } from '#translate/codec.ts'
import { readBody } from './read-body.ts'
import { OllamaReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** Ollama's own API, as its servers speak it. */
export const ollamaBackend: BackendCodec = {
  form: 'ollama',
  writeRequest,
  readBody,
  openReader: (facts) => new OllamaReader(facts),
  readError,
  framing: 'lines',
}
