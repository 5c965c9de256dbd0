import type { BackendCodec } from '#translate/codec.ts'
import { errorFrom, wordsOf } from '#translate/errors.ts'
import { readBody } from './read-body.ts'
import { ConverseStreamReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

/** Converse of AWS Bedrock. */
export const converseBackend: BackendCodec = {
  form: 'converse',
  framing: 'aws',
  writeRequest,
  readBody,
  openReader: (facts) => new ConverseStreamReader(facts),
  // Its kind is told by the name of the exception, in a header.
  readError: (status, headers, body) => errorFrom(status, headers, wordsOf(body) ?? { message: '' }),
}
