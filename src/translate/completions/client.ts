import type { ClientCodec } from '#translate/codec.ts'
import { readRequest } from './read-request.ts'
import { CompletionsWriter } from './stream-writer.ts'
import { writeBody } from './write-body.ts'

/** OpenAI's older Completions: a prompt, and the text that goes on from it. */
export const completionsClient: ClientCodec = {
  form: 'completions',
  readRequest,
  writeBody,
  openWriter: (context) => new CompletionsWriter(context),
}
