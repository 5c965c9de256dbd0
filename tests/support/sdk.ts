import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { generateText, streamText, type LanguageModel } from 'ai'
import OpenAI from 'openai'
import type { Dialect } from '#core/dialect.ts'
import type { StreamForm } from '#core/endpoint.ts'

/** What a client application has in hand when an official SDK gave it an answer. */
export interface Told {
  readonly text: string
  /** In the dialect's own words. */
  readonly finish: string | undefined
  /** The model as the answer names it. */
  readonly model: string | undefined
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
}

export interface AskOptions {
  readonly signal?: AbortSignal
  /** Told of each piece of a stream's text. */
  readonly onText?: (text: string) => void
}

/** One way in which an official SDK asks for text; both calls reject when the SDK raises. */
export interface Surface {
  readonly name: string
  readonly dialect: Dialect
  /** Of its streams. */
  readonly form: StreamForm
  /** The finish reason of an answer that ended by itself. */
  readonly finished: string
  readonly ask: (model: string, options?: AskOptions) => Promise<Told>
  readonly stream: (model: string, options?: AskOptions) => Promise<Told>
}

export interface SdkOptions {
  /** Of the gateway or provider, without a version in its path. */
  readonly url: string
  readonly apiKey?: string
  /** Extra requests that the SDK may make on its own; none unless given. */
  readonly retries?: number
  readonly fetch?: FetchLike
}

export type FetchLike = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export const question = 'hi'
/** What the mock backend says to the question. */
export const greeting = 'Hello from the mock backend. You said: hi'

const messages = [{ role: 'user' as const, content: question }]

export function openaiAt({ url, apiKey = 'sk-test', retries = 0, fetch }: SdkOptions): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: retries, ...(fetch && { fetch }) })
}

export function anthropicAt({ url, apiKey = 'sk-test', retries = 0, fetch }: SdkOptions): Anthropic {
  return new Anthropic({ baseURL: url, apiKey, maxRetries: retries, ...(fetch && { fetch }) })
}

export function geminiAt({ url, apiKey = 'sk-test', retries = 0, fetch }: SdkOptions): GoogleGenAI {
  const retryOptions = retries === 0 ? {} : { retryOptions: { attempts: retries + 1, initialDelay: 0.1, jitter: 0 } }
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, ...retryOptions, ...(fetch && { fetch }) } })
}

export function vercelAt({ url, apiKey = 'sk-test', fetch }: SdkOptions): ReturnType<typeof createOpenAI> {
  return createOpenAI({ baseURL: `${url}/v1`, apiKey, ...(fetch && { fetch: Object.assign(fetch, { preconnect }) }) })
}

/** Every text surface of the four SDKs. */
export function surfacesAt(options: SdkOptions): readonly Surface[] {
  const vercel = vercelAt(options)
  const retries = options.retries ?? 0
  return [
    openaiChat(openaiAt(options)),
    openaiCompletions(openaiAt(options)),
    openaiResponses(openaiAt(options)),
    anthropicMessages(anthropicAt(options)),
    geminiGenerate(geminiAt(options)),
    vercelText('ai chat', 'chat', (model) => vercel.chat(model), retries),
    vercelText('ai responses', 'responses', (model) => vercel.responses(model), retries),
  ]
}

/** Every text surface, and those that have a helper once more without it: event by event, as the server sent them. */
export function streamSurfacesAt(options: SdkOptions): readonly Surface[] {
  return [
    ...surfacesAt(options),
    openaiChatEvents(openaiAt(options)),
    openaiResponsesEvents(openaiAt(options)),
    anthropicEvents(anthropicAt(options)),
  ]
}

/** The names of {@link surfacesAt}, for tables that are made before there is an address. */
export const surfaceNames: readonly string[] = surfacesAt({ url: 'http://127.0.0.1' }).map(({ name }) => name)

/** The names of {@link streamSurfacesAt}. */
export const streamSurfaceNames: readonly string[] = streamSurfacesAt({ url: 'http://127.0.0.1' }).map(
  ({ name }) => name,
)

export function surfaceAt(name: string, options: SdkOptions): Surface {
  const surface = streamSurfacesAt(options).find((candidate) => candidate.name === name)
  if (surface === undefined) throw new Error(`Cannot find the surface "${name}"`)
  return surface
}

/** What the promise rejects with; throws when it resolves. */
export async function raised(promise: Promise<unknown>): Promise<unknown> {
  const told = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('error' in told) return told.error
  throw new Error(`The SDK raised nothing, but gave ${JSON.stringify(told.value)}`)
}

/** The HTTP status where each SDK keeps it; undefined for errors that have none. */
export function statusOf(error: unknown): number | undefined {
  const { status, statusCode } = error as { readonly status?: number; readonly statusCode?: number }
  return status ?? statusCode
}

function openaiChat(client: OpenAI): Surface {
  return {
    name: 'openai chat',
    dialect: 'openai',
    form: 'chat',
    finished: 'stop',
    async ask(model, options) {
      const {
        choices,
        usage,
        model: told,
      } = await client.chat.completions.create({ model, messages }, signalOf(options))
      return {
        text: choices[0]?.message.content ?? '',
        finish: choices[0]?.finish_reason,
        model: told,
        inputTokens: usage?.prompt_tokens,
        outputTokens: usage?.completion_tokens,
      }
    },
    async stream(model, options) {
      const stream = client.chat.completions.stream(
        { model, messages, stream_options: { include_usage: true } },
        signalOf(options),
      )
      stream.on('content', (text) => options?.onText?.(text))
      const { choices, model: told } = await stream.finalChatCompletion()
      const usage = await stream.totalUsage()
      return {
        text: choices[0]?.message.content ?? '',
        finish: choices[0]?.finish_reason,
        model: told,
        inputTokens: usage.prompt_tokens,
        outputTokens: usage.completion_tokens,
      }
    },
  }
}

function openaiCompletions(client: OpenAI): Surface {
  return {
    name: 'openai completions',
    dialect: 'openai',
    form: 'completions',
    finished: 'stop',
    async ask(model, options) {
      const answer = await client.completions.create({ model, prompt: question }, signalOf(options))
      return {
        text: answer.choices[0]?.text ?? '',
        finish: answer.choices[0]?.finish_reason,
        model: answer.model,
        inputTokens: answer.usage?.prompt_tokens,
        outputTokens: answer.usage?.completion_tokens,
      }
    },
    async stream(model, options) {
      const request = { model, prompt: question, stream: true, stream_options: { include_usage: true } } as const
      const told = new Telling()
      for await (const chunk of await client.completions.create(request, signalOf(options))) {
        const choice = chunk.choices[0]
        told.add(choice?.text, options)
        told.finish = choice?.finish_reason ?? told.finish
        told.model = chunk.model
        told.inputTokens = chunk.usage?.prompt_tokens ?? told.inputTokens
        told.outputTokens = chunk.usage?.completion_tokens ?? told.outputTokens
      }
      // An abort of its own ends the loop of this SDK without a word.
      options?.signal?.throwIfAborted()
      return told
    },
  }
}

function openaiResponses(client: OpenAI): Surface {
  const toldOf = (response: OpenAI.Responses.Response): Told => ({
    text: response.output_text,
    finish: response.status,
    model: response.model,
    inputTokens: response.usage?.input_tokens,
    outputTokens: response.usage?.output_tokens,
  })
  return {
    name: 'openai responses',
    dialect: 'openai',
    form: 'responses',
    finished: 'completed',
    ask: async (model, options) => toldOf(await client.responses.create({ model, input: question }, signalOf(options))),
    async stream(model, options) {
      const stream = client.responses.stream({ model, input: question }, signalOf(options))
      stream.on('response.output_text.delta', ({ delta }) => options?.onText?.(delta))
      return toldOf(await stream.finalResponse())
    },
  }
}

function anthropicMessages(client: Anthropic): Surface {
  const request = { max_tokens: 1000, messages }
  const toldOf = (message: Anthropic.Message): Told => ({
    text: message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    finish: message.stop_reason ?? undefined,
    model: message.model,
    inputTokens: message.usage.input_tokens,
    outputTokens: message.usage.output_tokens,
  })
  return {
    name: 'anthropic messages',
    dialect: 'anthropic',
    form: 'messages',
    finished: 'end_turn',
    ask: async (model, options) => toldOf(await client.messages.create({ model, ...request }, signalOf(options))),
    async stream(model, options) {
      const stream = client.messages.stream({ model, ...request }, signalOf(options))
      stream.on('text', (text) => options?.onText?.(text))
      return toldOf(await stream.finalMessage())
    },
  }
}

function geminiGenerate({ models }: GoogleGenAI): Surface {
  const requestOf = (model: string, options?: AskOptions) => ({
    model,
    contents: question,
    ...(options?.signal && { config: { abortSignal: options.signal } }),
  })
  return {
    name: 'genai generate',
    dialect: 'gemini',
    form: 'gemini_sse',
    finished: 'STOP',
    async ask(model, options) {
      const answer = await models.generateContent(requestOf(model, options))
      return {
        text: answer.text ?? '',
        finish: answer.candidates?.[0]?.finishReason,
        model: answer.modelVersion,
        inputTokens: answer.usageMetadata?.promptTokenCount,
        outputTokens: answer.usageMetadata?.candidatesTokenCount,
      }
    },
    async stream(model, options) {
      const told = new Telling()
      for await (const chunk of await models.generateContentStream(requestOf(model, options))) {
        told.add(chunk.text, options)
        told.finish = chunk.candidates?.[0]?.finishReason ?? told.finish
        told.model = chunk.modelVersion ?? told.model
        told.inputTokens = chunk.usageMetadata?.promptTokenCount ?? told.inputTokens
        told.outputTokens = chunk.usageMetadata?.candidatesTokenCount ?? told.outputTokens
      }
      return told
    },
  }
}

function vercelText(
  name: string,
  form: StreamForm,
  modelOf: (model: string) => LanguageModel,
  maxRetries: number,
): Surface {
  const requestOf = (model: string, options?: AskOptions) => ({
    model: modelOf(model),
    prompt: question,
    maxRetries,
    ...(options?.signal && { abortSignal: options.signal }),
  })
  return {
    name,
    dialect: 'openai',
    form,
    finished: 'stop',
    async ask(model, options) {
      const { text, finishReason, usage, response } = await generateText(requestOf(model, options))
      return {
        text,
        finish: finishReason,
        model: response.modelId,
        inputTokens: usage.inputTokens,
        outputTokens: usage.outputTokens,
      }
    },
    async stream(model, options) {
      // This SDK reports errors as parts of the stream.
      const result = streamText({ ...requestOf(model, options), onError: () => {} })
      const told = new Telling()
      for await (const part of result.fullStream) {
        if (part.type === 'error') throw part.error
        if (part.type === 'abort') throw new Error('aborted')
        if (part.type === 'text-delta') told.add(part.text, options)
        if (part.type !== 'finish-step') continue
        told.finish = part.finishReason
        told.model = part.response.modelId
        told.inputTokens = part.usage.inputTokens
        told.outputTokens = part.usage.outputTokens
      }
      return told
    },
  }
}

/** Without its helper this SDK looks at nothing but errors: whether the stream is whole is left to the application. */
function openaiChatEvents(client: OpenAI): Surface {
  return {
    ...openaiChat(client),
    name: 'openai chat, event by event',
    async stream(model, options) {
      const request = { model, messages, stream: true, stream_options: { include_usage: true } } as const
      const told = new Telling()
      for await (const chunk of await client.chat.completions.create(request, signalOf(options))) {
        const choice = chunk.choices[0]
        told.add(choice?.delta.content ?? undefined, options)
        told.finish = choice?.finish_reason ?? told.finish
        told.model = chunk.model
        told.inputTokens = chunk.usage?.prompt_tokens ?? told.inputTokens
        told.outputTokens = chunk.usage?.completion_tokens ?? told.outputTokens
      }
      options?.signal?.throwIfAborted()
      return told
    },
  }
}

function openaiResponsesEvents(client: OpenAI): Surface {
  return {
    ...openaiResponses(client),
    name: 'openai responses, event by event',
    async stream(model, options) {
      const told = new Telling()
      const request = { model, input: question, stream: true } as const
      for await (const event of await client.responses.create(request, signalOf(options))) {
        if (event.type === 'response.output_text.delta') told.add(event.delta, options)
        // An application has to look for it; it is an event like any other.
        if (event.type === 'response.failed') throw new Error(event.response.error?.message)
        if (event.type !== 'response.completed') continue
        told.finish = event.response.status
        told.model = event.response.model
        told.inputTokens = event.response.usage?.input_tokens
        told.outputTokens = event.response.usage?.output_tokens
      }
      options?.signal?.throwIfAborted()
      return told
    },
  }
}

function anthropicEvents(client: Anthropic): Surface {
  return {
    ...anthropicMessages(client),
    name: 'anthropic messages, event by event',
    async stream(model, options) {
      const told = new Telling()
      const request = { model, max_tokens: 1000, messages, stream: true } as const
      for await (const event of await client.messages.create(request, signalOf(options))) {
        if (event.type === 'message_start') {
          told.model = event.message.model
          told.inputTokens = event.message.usage.input_tokens
        }
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
          told.add(event.delta.text, options)
        if (event.type !== 'message_delta') continue
        told.finish = event.delta.stop_reason ?? undefined
        told.outputTokens = event.usage.output_tokens
      }
      options?.signal?.throwIfAborted()
      return told
    },
  }
}

/** A fetch that also keeps what came over it, as text, while it comes. */
export class Listener {
  text = ''
  status: number | undefined

  readonly fetch: FetchLike = async (input, init) => {
    const response = await fetch(input, init)
    this.text = ''
    this.status = response.status
    const decoder = new TextDecoder()
    const ear = new TransformStream<Uint8Array, Uint8Array>({
      transform: (bytes, controller) => {
        this.text += decoder.decode(bytes, { stream: true })
        controller.enqueue(bytes)
      },
    })
    return new Response(response.body?.pipeThrough(ear), { status: response.status, headers: response.headers })
  }
}

/** An answer that grows. */
class Telling implements Told {
  text = ''
  finish: string | undefined
  model: string | undefined
  inputTokens: number | undefined
  outputTokens: number | undefined

  add(text: string | undefined, options: AskOptions | undefined): void {
    if (text === undefined || text === '') return
    this.text += text
    options?.onText?.(text)
  }
}

function signalOf(options: AskOptions | undefined): { signal?: AbortSignal } {
  return options?.signal === undefined ? {} : { signal: options.signal }
}

/** A part of the platform's type of fetch that no SDK uses. */
function preconnect(): void {}
