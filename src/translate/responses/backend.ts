import type { BackendCodec } from '#translate/codec.ts'
import { errorFrom, wordsOf } from '#translate/errors.ts'
import { readBody } from './read-body.ts'
import { ResponsesReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** OpenAI's Responses, from the backend's side. */
export const responsesBackend: BackendCodec = {
  form: 'responses',
  framing: 'sse',
  writeRequest,
  readBody,
  openReader: (facts) => new ResponsesReader(facts),
  readError: (status, headers, body) => errorFrom(status, headers, wordsOf(body) ?? { message: '' }),
}
