import type { BackendCodec, BackendRequest, ClientCodec, WayBack } from '#translate/codec.ts'
import type { CommonEvent, CommonRequest, CommonResponse } from '#translate/common.ts'
import { errorFrom, wordsOf } from '#translate/errors.ts'

/** Nothing has to be undone. */
export const noWayBack: WayBack = {
  toolNames: new Map(),
  customTools: new Set(),
  builtins: new Map(),
  outputTool: undefined,
  isOutputWrapped: false,
  stops: [],
}

export const emptyRequest: CommonRequest = {
  form: 'plain',
  model: 'm',
  stream: false,
  messages: [],
  tools: [],
  toolChoice: undefined,
  parallelToolCalls: undefined,
  sampling: {},
  reasoning: undefined,
  output: {},
  cache: undefined,
  identity: {},
  tier: undefined,
  store: undefined,
  previousResponseId: undefined,
  include: [],
  includeUsage: false,
  rest: {},
}

/** A form that says what the common form says, in JSON: what goes through it can be compared with what came out. */
export const plainClient: ClientCodec = {
  form: 'plain',
  readRequest(body, facts, notes) {
    if (body['bad'] === true) notes.reject('bad', 'bad things are not supported')
    if (body['seed'] !== undefined) notes.drop('dropped:seed', 'seed')
    const messages = (body['messages'] ?? []) as CommonRequest['messages']
    return { ...emptyRequest, model: facts.model, stream: facts.stream, messages, rest: body }
  },
  writeBody: (response) => ({ response }),
  openWriter: () => ({
    order: 'serial',
    write: (event) => [{ name: event.event === 'error' ? 'error' : '', data: JSON.stringify(event) }],
  }),
}

/** `back`: what its requests ask to be undone. */
export function plainBackend(back: Partial<WayBack> = {}, stream?: boolean): BackendCodec {
  return {
    form: 'plain',
    framing: 'sse',
    writeRequest: (request, target): BackendRequest => ({
      path: '/plain',
      query: '',
      body: { model: target.model, rest: request.rest, messages: request.messages },
      headers: [['x-plain', 'yes']],
      stream: stream ?? request.stream,
      back: { ...noWayBack, ...back },
    }),
    readBody: (body) => {
      const words = 'error' in body ? wordsOf(body) : undefined
      if (words !== undefined) return errorFrom(502, new Headers(), words)
      return body['response'] as CommonResponse
    },
    openReader: () => new PlainReader(),
    readError: (status, headers, body) => errorFrom(status, headers, wordsOf(body) ?? { message: '' }),
  }
}

class PlainReader {
  #hasEnd = false

  push(_name: string, data: string): readonly CommonEvent[] {
    if (data === 'throw') throw new Error('a converter of the operator')
    const event = JSON.parse(data) as CommonEvent
    this.#hasEnd ||= event.event === 'end'
    return [event]
  }

  end(): readonly CommonEvent[] {
    if (this.#hasEnd) return []
    const error = { kind: 'upstream_failed', status: 502, message: 'cut', code: 'stream_incomplete' } as const
    return [{ event: 'error', error }]
  }
}
