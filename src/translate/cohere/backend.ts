import { readError } from '#translate/chat/read-error.ts'
import type { BackendCodec } from '#translate/codec.ts'
import { readBody } from './read-body.ts'
import { CohereReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** Version 2 of Cohere's own API. */
export const cohereBackend: BackendCodec = {
  form: 'cohere',
  writeRequest,
  readBody,
  openReader: (facts) => new CohereReader(facts),
  readError,
  framing: 'sse',
}
