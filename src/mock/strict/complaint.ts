import type { Ask } from '#mock/ask.ts'
import type { MockRequest } from '#mock/request.ts'
import type { Surface } from '#mock/surface.ts'
import { chatComplaint } from './chat.ts'
import { cohereComplaint, cohereEmbedComplaint } from './cohere.ts'
import { converseComplaint } from './converse.ts'
import { geminiComplaint } from './gemini.ts'
import { hostedMessagesComplaint, messagesComplaint } from './messages.ts'
import { ollamaComplaint } from './ollama.ts'
import { responsesComplaint } from './responses.ts'
import type { Complaint } from './rules.ts'

const complaints: Readonly<Partial<Record<Surface, (ask: Ask, request: MockRequest) => Complaint>>> = {
  chat: ({ json }) => chatComplaint(json),
  responses: ({ json }) => responsesComplaint(json),
  messages({ json }, { path }) {
    return /:(?:stream)?rawPredict$/i.test(path)
      ? hostedMessagesComplaint(json, 'vertex-2023-10-16')
      : messagesComplaint(json)
  },
  message_tokens: ({ json }) => messagesComplaint(json, true),
  generate: ({ json, model }) => geminiComplaint(json, model),
  generate_tokens: ({ json, model }) => geminiComplaint(json, model),
  converse: ({ json }) => converseComplaint(json),
  invoke: ({ json }) => hostedMessagesComplaint(json, 'bedrock-2023-05-31'),
  cohere_chat: ({ json }) => cohereComplaint(json),
  cohere_embed: ({ json }) => cohereEmbedComplaint(json),
  ollama_chat: ({ json }) => ollamaComplaint(json),
}

/** What a strict provider would say against the form of a request; undefined when it would answer. */
export function complaintAbout(ask: Ask, request: MockRequest): Complaint {
  return complaints[ask.surface]?.(ask, request)
}
