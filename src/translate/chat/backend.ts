import type { BackendCodec } from '#translate/codec.ts'
import { readBody } from './read-body.ts'
import { readError } from './read-error.ts'
import { ChatReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** OpenAI Chat Completions, as its servers speak it, and the many that say that they do. */
export const chatBackend: BackendCodec = {
  form: 'chat',
  writeRequest,
  readBody,
  openReader: (facts) => new ChatReader(facts),
  readError,
  framing: 'sse',
}
