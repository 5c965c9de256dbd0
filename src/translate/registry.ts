import type { Form, KnownForm } from '#core/talk.ts'
import type { BackendCodec, ClientCodec, FramedEvent, StreamWriter } from './codec.ts'

/** A form that a converter brings. */
export interface OwnForm {
  readonly client?: ClientCodec | undefined
  readonly backend?: BackendCodec | undefined
}

/** Who reads and writes which form. Nothing is loaded before somebody asks in it. */
export class Codecs {
  readonly #own = new Map<Form, OwnForm>()

  /** In place of what is known by that name. */
  register(form: Form, own: OwnForm): void {
    const { client, backend } = own
    this.#own.set(form, { client: client === undefined ? undefined : writingLines(client), backend })
  }

  /** Undefined: no client speaks it. */
  async client(form: Form): Promise<ClientCodec | undefined> {
    const own = this.#own.get(form)
    return own === undefined ? await clients.get(form)?.() : own.client
  }

  /** Undefined: no backend can be asked in it. */
  async backend(form: Form): Promise<BackendCodec | undefined> {
    const own = this.#own.get(form)
    return own === undefined ? await backends.get(form)?.() : own.backend
  }
}

/** Those that need no converter. */
export const knownCodecs = new Codecs()

const clients: ReadonlyMap<string, () => Promise<ClientCodec>> = new Map(
  Object.entries({
    chat: async () => (await import('#translate/chat/client.ts')).chatClient,
    completions: async () => (await import('#translate/completions/client.ts')).completionsClient,
    responses: async () => (await import('#translate/responses/client.ts')).responsesClient,
    messages: async () => (await import('#translate/messages/client.ts')).messagesClient,
    gemini: async () => (await import('#translate/gemini/client.ts')).geminiClient,
    ollama: async () => (await import('#translate/ollama/client.ts')).ollamaClient,
  } satisfies Partial<Record<KnownForm, () => Promise<ClientCodec>>>),
)

const backends: ReadonlyMap<string, () => Promise<BackendCodec>> = new Map(
  Object.entries({
    chat: async () => (await import('#translate/chat/backend.ts')).chatBackend,
    responses: async () => (await import('#translate/responses/backend.ts')).responsesBackend,
    messages: async () => (await import('#translate/messages/backend.ts')).messagesBackend,
    gemini: async () => (await import('#translate/gemini/backend.ts')).geminiBackend,
    converse: async () => (await import('#translate/converse/backend.ts')).converseBackend,
    ollama: async () => (await import('#translate/ollama/backend.ts')).ollamaBackend,
    cohere: async () => (await import('#translate/cohere/backend.ts')).cohereBackend,
  } satisfies Partial<Record<KnownForm, () => Promise<BackendCodec>>>),
)

/** Converters may write their JSON over several lines, which would be several events. */
function writingLines(client: ClientCodec): ClientCodec {
  return {
    form: client.form,
    readRequest: (body, facts, notes) => client.readRequest(body, facts, notes),
    writeBody: (response, context) => client.writeBody(response, context),
    openWriter(context) {
      const writer: StreamWriter = client.openWriter(context)
      return { order: writer.order, write: (event) => writer.write(event).map(inOneLine) }
    },
  }
}

/** Between the values of JSON a line end is a blank like any. */
function inOneLine(event: FramedEvent): FramedEvent {
  return /[\r\n]/.test(event.data) ? { ...event, data: event.data.replaceAll(/[\r\n]+/g, ' ') } : event
}
