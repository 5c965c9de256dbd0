import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import { ApiError } from '@google/genai'
import { ContextOverflowError } from '@langchain/core/errors'
import { APICallError } from 'ai'
import OpenAI from 'openai'
import { dialectClientAt } from '../support/dialect-clients.ts'
import { aliasOf, dialectCells, dialectMatrix, type DialectMatrix } from '../support/dialect-matrix.ts'
import { raised } from '../support/sdk.ts'

/*
 * §16.3-8: what goes wrong at a backend of any form is the right error in every SDK, and no stream that breaks looks like one
 * that ended.
 */

/** In the words of the mock backend: errors told by an event, broken connections, and ends that are none. */
const breaks = [
  'serr',
  'serr=3',
  'scut=3',
  'scut=3+torn',
  'nodone+nofinish',
  'tools=2+scut=1',
  'think+scut=3',
  'think+serr=3',
]

let matrix: DialectMatrix

beforeAll(async () => {
  matrix = await dialectMatrix(['e429', 'e401', 'e503', 'e500', 'e400', ...breaks])
})

afterAll(async () => {
  await matrix[Symbol.asyncDispose]()
})

type ErrorClass = new (...args: never[]) => Error

interface Kind {
  readonly status: number
  readonly openai: ErrorClass
  readonly anthropic: ErrorClass
  /** Where their API has a number of its own. */
  readonly anthropicStatus?: number
  /** Types of the envelopes. */
  readonly words: { readonly openai: string; readonly anthropic: string; readonly gemini: string }
  readonly code?: string
  /** In the words of Anthropic, whose clients look for them. */
  readonly message?: RegExp
  readonly retryAfter?: string
  /** Where the error of the backend goes through as it came. */
  readonly native?: Partial<Kind>
}

const kinds: Readonly<Record<string, Kind>> = {
  e429: {
    status: 429,
    openai: OpenAI.RateLimitError,
    anthropic: Anthropic.RateLimitError,
    words: { openai: 'rate_limit_error', anthropic: 'rate_limit_error', gemini: 'RESOURCE_EXHAUSTED' },
    retryAfter: '7',
  },
  e401: {
    status: 502,
    openai: OpenAI.InternalServerError,
    anthropic: Anthropic.InternalServerError,
    words: { openai: 'upstream_error', anthropic: 'api_error', gemini: 'INTERNAL' },
  },
  e503: {
    status: 503,
    openai: OpenAI.InternalServerError,
    anthropic: Anthropic.OverloadedError,
    anthropicStatus: 529,
    words: { openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
    native: {
      anthropic: Anthropic.ServiceUnavailableError,
      anthropicStatus: 503,
      words: { openai: 'server_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' },
    },
  },
  e500: {
    status: 500,
    openai: OpenAI.InternalServerError,
    anthropic: Anthropic.InternalServerError,
    words: { openai: 'upstream_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' },
    native: { words: { openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL' } },
  },
  e400: {
    status: 400,
    openai: OpenAI.BadRequestError,
    anthropic: Anthropic.BadRequestError,
    words: { openai: 'invalid_request_error', anthropic: 'invalid_request_error', gemini: 'INVALID_ARGUMENT' },
  },
  overflow: {
    status: 400,
    openai: OpenAI.BadRequestError,
    anthropic: Anthropic.BadRequestError,
    words: { openai: 'invalid_request_error', anthropic: 'invalid_request_error', gemini: 'INVALID_ARGUMENT' },
    code: 'context_length_exceeded',
    message: /^prompt is too long/,
  },
}

describe.each(dialectCells)('$client on $backend.name', ({ client: name, backend }) => {
  const isNative = dialectClientAt(name, 'http://127.0.0.1').form === backend.name

  async function failing(behaviour: string, stream: boolean): Promise<unknown> {
    const client = dialectClientAt(name, matrix.gateway.url)
    const tools = behaviour.startsWith('tools')
    return await raised(client.ask({ model: aliasOf(backend, behaviour), stream, tools }))
  }

  test.each(
    Object.entries(kinds).flatMap(([behaviour, kind]) => [false, true].map((stream) => ({ behaviour, kind, stream }))),
  )('$behaviour (stream: $stream)', async ({ behaviour, kind, stream }) => {
    expectKind(await failing(behaviour, stream), isNative ? { ...kind, ...kind.native } : kind)
  })

  test.each(breaks)('a stream that breaks by %s', async (behaviour) => {
    expect(await failing(behaviour, true)).toBeInstanceOf(Error)
  })
})

function expectKind(error: unknown, kind: Kind): void {
  if (error instanceof OpenAI.APIError) {
    expect(error).toBeInstanceOf(kind.openai)
    expect([error.status, error.type]).toEqual([kind.status, kind.words.openai])
    if (kind.code !== undefined) expect(error.code).toBe(kind.code)
    if (kind.retryAfter !== undefined) expect(error.headers?.get('retry-after')).toBe(kind.retryAfter)
  } else if (error instanceof Anthropic.APIError) {
    expect(error).toBeInstanceOf(kind.anthropic)
    expect([error.status, error.type]).toEqual([kind.anthropicStatus ?? kind.status, kind.words.anthropic])
    if (kind.message !== undefined) expect(error.apiMessage).toMatch(kind.message)
    if (kind.retryAfter !== undefined) expect(error.headers?.get('retry-after')).toBe(kind.retryAfter)
  } else if (error instanceof ApiError) {
    expect(error.status).toBe(kind.status)
    expect(error.message).toContain(`"status":"${kind.words.gemini}"`)
  } else if (APICallError.isInstance(error)) {
    const isAnthropic = error.url.endsWith('/messages')
    expect(error.statusCode).toBe(isAnthropic ? (kind.anthropicStatus ?? kind.status) : kind.status)
    if (kind.retryAfter !== undefined) expect(error.responseHeaders?.['retry-after']).toBe(kind.retryAfter)
  } else if (ContextOverflowError.isInstance(error)) {
    // What LangChain makes of the code.
    expect(kind.code).toBe('context_length_exceeded')
  } else {
    // Ollama's own class is not among what its package gives away.
    expect(error).toMatchObject({ name: 'ResponseError', status_code: kind.status })
  }
}
