import type { ClientCodec } from '#translate/codec.ts'
import { readRequest } from './read-request.ts'
import { ChatWriter } from './stream-writer.ts'
import { writeBody } from './write-body.ts'

/** OpenAI Chat Completions, as its clients speak it. */
export const chatClient: ClientCodec = {
  form: 'chat',
  readRequest,
  writeBody,
  openWriter: (context) => new ChatWriter(context),
}
