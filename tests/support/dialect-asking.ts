import type { Call } from '#core/call.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { IncomingBody, IncomingResponse } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { Translation } from '#translate/asked.ts'
import type { Rejection } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { translate } from '#translate/translate.ts'
import { countingIds, plainPolicy } from './translating.ts'

export type MainForm = 'chat' | 'responses' | 'messages' | 'gemini'

export const mainForms: readonly MainForm[] = ['chat', 'responses', 'messages', 'gemini']

interface Ways {
  readonly path: string
  readonly streamPath: string
  readonly query: string
  readonly dialect: Dialect
  readonly stream: StreamForm
}

/** How clients of each form ask, streamed and not. */
const ways: Readonly<Record<MainForm, Ways>> = {
  chat: same('/v1/chat/completions', 'openai', 'chat'),
  responses: same('/v1/responses', 'openai', 'responses'),
  messages: same('/v1/messages', 'anthropic', 'messages'),
  gemini: {
    path: '/v1beta/models/alias:generateContent',
    streamPath: '/v1beta/models/alias:streamGenerateContent',
    query: 'alt=sse',
    dialect: 'gemini',
    stream: 'gemini_sse',
  },
}

function same(path: string, dialect: Dialect, stream: StreamForm): Ways {
  return { path, streamPath: path, query: '', dialect, stream }
}

export interface Backend {
  readonly form: string
  readonly protocol: Protocol
  readonly model: string
}

/** One backend of each form. */
export const mainBackends: Readonly<Record<MainForm, Backend>> = {
  chat: { form: 'chat', protocol: 'openai', model: 'gpt-4o' },
  responses: { form: 'responses', protocol: 'openai', model: 'gpt-5.1' },
  messages: { form: 'messages', protocol: 'anthropic', model: 'claude-sonnet-4-5' },
  gemini: { form: 'gemini', protocol: 'gemini', model: 'gemini-2.5-flash' },
}

/** A client's request as it is translated for a backend, in this process. */
export async function askedAs(
  from: MainForm,
  to: Backend,
  body: object,
  stream = false,
): Promise<Translation | Rejection> {
  const { path, streamPath, query, dialect, stream: streamForm } = ways[from]
  const call: Call = {
    endpoint: { path, dialect, reads: from === 'gemini' ? 'path' : 'json', stream: streamForm },
    method: 'POST',
    path: stream ? streamPath : path,
    query: stream ? query : '',
    headers: new Headers(),
    model: 'alias',
    stream,
    body: encode(JSON.stringify(body)),
    modelAt: { start: 0, end: 0 },
    client: { address: '127.0.0.1', peer: undefined },
  }
  return await translate(
    {
      call,
      talk: { form: from, does: 'generate' },
      form: to.form,
      model: to.model,
      backend: 'b',
      protocol: to.protocol,
      profile: profileOf(to.form, to.protocol, to.model),
      policy: plainPolicy,
      requestId: 'req-1',
    },
    {
      ids: countingIds(),
      clock: { wallMs: () => 1_790_000_000_000 },
      fetchMedia: async () => ({ mime: 'image/gif', base64: 'R0lGODlhAQABAAAAACw=' }),
    },
  )
}

/** What a backend says; `cuts`: where its bytes come in pieces. */
export function answerOf(bytes: Uint8Array, type: string, status = 200, cuts?: readonly number[]): IncomingResponse {
  const headers = HeaderList.from([['content-type', type]])
  const body = cuts === undefined ? new WholeBody(bytes) : new PiecesBody(bytes, cuts)
  return { kind: 'response', status, headers, sentMs: undefined, body }
}

/** All that a client gets, and whether it came to its end. */
export async function bytesOf({ body }: IncomingResponse): Promise<{ readonly text: string; readonly broke: string }> {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const step = await body.read()
    if (step === 'end') return { text: text + decoder.decode(), broke: '' }
    if (!(step instanceof Uint8Array)) return { text, broke: `${step.cause}: ${step.message}` }
    text += decoder.decode(step, { stream: true })
  }
}

/** Bytes that are read piece by piece. */
class PiecesBody implements IncomingBody {
  readonly whole = undefined
  readonly #pieces: Uint8Array[] = []

  constructor(bytes: Uint8Array, cuts: readonly number[]) {
    let start = 0
    for (const end of [...cuts, bytes.byteLength]) {
      if (end > start) this.#pieces.push(bytes.slice(start, end))
      start = Math.max(start, end)
    }
  }

  async read(): Promise<Uint8Array | 'end'> {
    return this.#pieces.shift() ?? 'end'
  }

  flow(): void {
    throw new Error('it is read piece by piece')
  }

  pause(): void {}

  resume(): void {}

  cancel(): void {
    this.#pieces.length = 0
  }
}
