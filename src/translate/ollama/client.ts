import type { ClientCodec } from '#translate/codec.ts'
import { readRequest } from './read-request.ts'
import { OllamaWriter } from './stream-writer.ts'
import { writeBody } from './write-body.ts'

/** Ollama's own API, as its clients speak it: `/api/chat` and `/api/generate`. */
export const ollamaClient: ClientCodec = {
  form: 'ollama',
  readRequest,
  writeBody,
  openWriter: (context) => new OllamaWriter(context),
}
