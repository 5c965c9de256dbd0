import type { ClientCodec } from '#translate/codec.ts'
import { readRequest } from './read-request.ts'
import { MessagesStreamWriter } from './stream-writer.ts'
import { writeBody } from './write-body.ts'

/** Anthropic Messages as its clients speak it. */
export const messagesClient: ClientCodec = {
  form: 'messages',
  readRequest,
  writeBody,
  openWriter: (context) => new MessagesStreamWriter(context),
}
