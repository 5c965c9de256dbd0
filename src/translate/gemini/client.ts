import type { ClientCodec } from '#translate/codec.ts'
import { readRequest } from './read-request.ts'
import { GeminiStreamWriter } from './stream-writer.ts'
import { writeBody } from './write-body.ts'

/** Clients of Google's generateContent. */
export const geminiClient: ClientCodec = {
  form: 'gemini',
  readRequest,
  writeBody,
  openWriter: (context) => new GeminiStreamWriter(context),
}
