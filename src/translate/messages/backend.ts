import type { BackendCodec } from '#translate/codec.ts'
import { readBody } from './read-body.ts'
import { readError } from './read-error.ts'
import { MessagesStreamReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** Anthropic Messages as its servers speak it. */
export const messagesBackend: BackendCodec = {
  form: 'messages',
  writeRequest,
  readBody,
  openReader: (facts) => new MessagesStreamReader(facts),
  readError,
  framing: 'sse',
}
