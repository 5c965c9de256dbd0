import type { ClientCodec } from '#translate/codec.ts'
import { readRequest } from './read-request.ts'
import { ResponsesWriter } from './stream-writer.ts'
import { writeBody } from './write-body.ts'

/** OpenAI's Responses, from the client's side. */
export const responsesClient: ClientCodec = {
  form: 'responses',
  readRequest,
  writeBody,
  openWriter: (context) => new ResponsesWriter(context),
}
