import { describe, expect, test } from 'bun:test'
import { asList, type JsonObject } from '#kit/json-value.ts'
import type { CommonError, CommonEvent, CommonResponse, FinishReason } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { geminiBackend } from '#translate/gemini/backend.ts'
import { seededRandom } from '#ports/random.ts'
import { faultsOf } from '../../support/common-events.ts'
import { answerFacts } from '../../support/translating.ts'

const facts = (): ReturnType<typeof answerFacts> => answerFacts('gemini', 'gemini', 'gemini-3-pro')
const own = (payload: string): object => ({ form: 'gemini', family: 'gemini', kind: 'signature', payload })

function read(body: JsonObject): CommonResponse {
  const answer = geminiBackend.readBody(body, facts())
  if ('kind' in answer) throw new Error(answer.message)
  return answer
}

function events(...chunks: JsonObject[]): CommonEvent[] {
  const reader = geminiBackend.openReader(facts())
  return chunks.flatMap((chunk) => reader.push('', JSON.stringify(chunk))).concat(reader.end())
}

const parts = (...list: JsonObject[]): JsonObject => ({ candidates: [{ content: { role: 'model', parts: list } }] })
const last = (finishReason = 'STOP', more: JsonObject = {}): JsonObject => ({ candidates: [{ finishReason, ...more }] })

/** Without `start`, which is always the same. */
function rest(...chunks: JsonObject[]): CommonEvent[] {
  const all = events(...chunks)
  expect(faultsOf(all)).toEqual([])
  return all.slice(1)
}

describe('a body', () => {
  test('thoughts, text, calls and usage', () => {
    const answer = read({
      candidates: [
        {
          content: {
            role: 'model',
            parts: [
              { text: 'hm', thought: true },
              { text: 'Check' },
              { text: 'ing.' },
              { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'AAAA' },
              { functionCall: { id: 'own', name: 'g' } },
            ],
          },
          finishReason: 'STOP',
          finishMessage: 'Model generated function call(s).',
        },
      ],
      usageMetadata: {
        promptTokenCount: 100,
        toolUsePromptTokenCount: 20,
        cachedContentTokenCount: 50,
        candidatesTokenCount: 33,
        thoughtsTokenCount: 12,
        totalTokenCount: 165,
        promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 5 }],
        serviceTier: 'standard',
      },
      modelVersion: 'gemini-3-pro-001',
      responseId: 'r1',
      createTime: '2026-04-02T17:03:50.399550Z',
    })
    expect(answer).toMatchObject({
      id: 'r1',
      model: 'gemini-3-pro-001',
      createdAt: 1_775_149_430,
      usage: { input: 120, cacheRead: 50, output: 45, reasoning: 12, audioInput: 5 },
      tier: 'default',
      choices: [
        {
          index: 0,
          parts: [
            { kind: 'reasoning', text: 'hm' },
            { kind: 'text', text: 'Checking.' },
            {
              kind: 'tool_call',
              id: 'call_000000000000000000000001',
              name: 'f',
              args: { value: { a: 1 } },
              opaque: own('AAAA'),
            },
            { kind: 'tool_call', id: 'own', name: 'g', args: { value: {} } },
          ],
          finish: { reason: 'stop', native: 'STOP' },
        },
      ],
    })
    expect(answer.choices[0]?.finish.explanation).toBeUndefined()
  })

  test.each<[word: string, reason: FinishReason]>([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['LANGUAGE', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
    ['IMAGE_RECITATION', 'content_filter'],
    ['CONTINUATION', 'pause'],
    ['MALFORMED_FUNCTION_CALL', 'error'],
    ['UNEXPECTED_TOOL_CALL', 'error'],
    ['TOO_MANY_TOOL_CALLS', 'error'],
    ['MALFORMED_RESPONSE', 'error'],
    ['OTHER', 'other'],
    ['NO_IMAGE', 'other'],
    ['IMAGE_OTHER', 'other'],
    ['FINISH_REASON_UNSPECIFIED', 'other'],
    ['constructor', 'other'],
  ])('finish %s is %s, in bodies and streams (§7.1)', (word, reason) => {
    expect(read(last(word)).choices[0]?.finish).toMatchObject({ reason, native: word })
    expect(rest(parts({ text: 'a' }), last(word)).at(-2)).toMatchObject({
      event: 'finish',
      finish: { reason, native: word },
    })
  })

  test('a prompt that was blocked is a refusal', () => {
    const body = { promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'why' } }
    const finish = { reason: 'content_filter', native: 'SAFETY', explanation: 'why' } as const
    expect(read(body).choices).toEqual([{ index: 0, parts: [], finish }])
    expect(rest(body)).toEqual([{ event: 'finish', choice: 0, finish }, { event: 'end' }])
  })

  test('text without a finish stopped, nothing without a finish is an error', () => {
    expect(read(parts({ text: 'a' })).choices[0]?.finish.reason).toBe('stop')
    for (const body of [{}, { candidates: [] }, { candidates: [{}] }, { candidates: 3 }]) {
      expect(geminiBackend.readBody(body, facts())).toMatchObject({ kind: 'upstream_failed', status: 502 })
    }
  })

  test('an error with a good status', () => {
    const error = geminiBackend.readBody({ error: { code: 503, message: 'full', status: 'UNAVAILABLE' } }, facts())
    expect(error).toMatchObject({ kind: 'overloaded', message: 'full' })
  })

  test('signatures on texts, media, and what Google carried out', () => {
    const body = parts(
      { text: 'a', thoughtSignature: 'S1' },
      { text: 'b' },
      { text: '', thoughtSignature: 'S2' },
      { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: 'AA==' } },
      { executableCode: { code: '1' } },
      { text: '', thoughtSignature: 'S3' },
    )
    expect(read(body).choices[0]?.parts).toMatchObject([
      { kind: 'text', text: 'a', opaque: own('S1') },
      { kind: 'text', text: 'b', opaque: own('S2') },
      { kind: 'media', medium: 'audio', mime: 'audio/L16;codec=pcm;rate=24000', source: { base64: 'AA==' } },
      { kind: 'native', form: 'gemini', type: 'executableCode', value: { executableCode: { code: '1' } } },
      { kind: 'reasoning', text: '', opaque: own('S3') },
    ])
  })

  test('probabilities of tokens (§7.5)', () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'a', logProbability: -1 }],
      topCandidates: [
        {
          candidates: [
            { token: 'a', logProbability: -1 },
            { token: 'b', logProbability: -2 },
          ],
        },
      ],
    }
    const logprobs = [
      {
        token: 'a',
        logprob: -1,
        top: [
          { token: 'a', logprob: -1 },
          { token: 'b', logprob: -2 },
        ],
      },
    ]
    const body = { candidates: [{ content: { parts: [{ text: 'a' }] }, finishReason: 'STOP', logprobsResult }] }
    expect(read(body).choices[0]?.parts).toEqual([{ kind: 'text', text: 'a', logprobs }])
    expect(rest(body)).toContainEqual({ event: 'part_meta', choice: 0, part: 0, meta: { logprobs } })
  })

  test('sources, whose places are counted in bytes, in bodies and streams (§7.3)', () => {
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: 'https://a', title: 'A' } }, { retrievedContext: { uri: 'https://b' } }],
      groundingSupports: [
        { segment: { startIndex: 3, endIndex: 9, text: 'é😀' }, groundingChunkIndices: [0, 1, 9] },
        { segment: { endIndex: 3 } },
      ],
    }
    const expected = [
      { kind: 'url', url: 'https://a', title: 'A', start: 1, end: 3, citedText: 'é😀' },
      { kind: 'url', url: 'https://b', start: 1, end: 3 },
    ]
    const body = { candidates: [{ content: { parts: [{ text: '日é😀x' }] }, finishReason: 'STOP', groundingMetadata }] }
    expect(read(body).choices[0]?.parts).toMatchObject([{ annotations: expected }])
    const told = rest(parts({ text: '日é' }), parts({ text: '😀x' }), last('STOP', { groundingMetadata }))
    expect(told.flatMap((event) => (event.event === 'part_meta' ? [event.meta.annotation] : []))).toMatchObject(
      expected,
    )
  })
})

describe('a stream', () => {
  test('a part opens with its first text and closes when another kind begins', () => {
    expect(
      rest(parts({ text: '' }), parts({ text: 'hm', thought: true }), parts({ text: 'a' }, { text: 'b' }), last(), {
        usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 2 },
      }),
    ).toEqual([
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'reasoning', style: 'summary', isRedacted: false } },
      { event: 'part_delta', choice: 0, part: 0, text: 'hm' },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'part_start', choice: 0, part: 1, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 1, text: 'a' },
      { event: 'part_delta', choice: 0, part: 1, text: 'b' },
      { event: 'part_end', choice: 0, part: 1 },
      { event: 'finish', choice: 0, finish: { reason: 'stop', native: 'STOP' } },
      { event: 'usage', usage: { input: 1, output: 2 } },
      { event: 'end' },
    ])
  })

  test('begins with the first chunk that has an id or content', () => {
    const [first] = events({ usageMetadata: {} }, { responseId: 'r', modelVersion: 'v' }, parts({ text: 'a' }), last())
    expect(first).toEqual({ event: 'start', id: 'r', model: 'v', createdAt: 1_790_000_000 })
    expect(events(parts({ text: 'a' }), last())[0]).toMatchObject({
      id: '0000000000000000000001',
      model: 'gemini-3-pro',
    })
  })

  test('usage is told once, the last word of each field', () => {
    const told = rest(
      { ...parts({ text: 'a' }), usageMetadata: { promptTokenCount: 15, totalTokenCount: 15 } },
      { ...last(), usageMetadata: { promptTokenCount: 13, candidatesTokenCount: 8, thoughtsTokenCount: 4 } },
      { usageMetadata: { trafficType: 'ON_DEMAND' } },
    )
    expect(told.filter(({ event }) => event === 'usage')).toMatchObject([
      { usage: { input: 13, output: 12, reasoning: 4 } },
    ])
  })

  test('a call is whole, gets an id, and tells its signature before its arguments', () => {
    expect(rest(parts({ functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'S' }), last())).toMatchObject([
      { event: 'part_start', head: { kind: 'tool_call', id: 'call_000000000000000000000002', name: 'f' } },
      { event: 'part_meta', part: 0, meta: { opaque: own('S') } },
      { event: 'part_delta', part: 0, text: '{"a":1}' },
      { event: 'part_end', part: 0 },
      { event: 'finish' },
      { event: 'end' },
    ])
  })

  const pieces = (list: JsonObject[], more: JsonObject = {}): JsonObject =>
    parts({ functionCall: { partialArgs: list, ...more } })
  const begin = (name = 'f'): JsonObject => parts({ functionCall: { name, willContinue: true } })

  test.each<{ name: string; chunks: JsonObject[]; args: string[] }>([
    { name: 'an empty call ends it', chunks: [begin(), parts({ functionCall: {} })], args: ['{}'] },
    {
      name: 'texts of one path are put together',
      chunks: [
        begin(),
        pieces([{ jsonPath: '$.city', stringValue: 'Bos', willContinue: true }], { willContinue: true }),
        pieces([{ jsonPath: '$.city', stringValue: 'ton' }], { willContinue: true }),
        parts({ functionCall: {} }),
      ],
      args: ['{"city":"Boston"}'],
    },
    {
      name: 'one that does not go on ends it',
      chunks: [
        begin(),
        pieces([
          { jsonPath: '$.n', numberValue: 2 },
          { jsonPath: '$.b', boolValue: false },
          { jsonPath: '$.z', nullValue: 'NULL_VALUE' },
        ]),
      ],
      args: ['{"n":2,"b":false,"z":null}'],
    },
    {
      name: 'paths go through lists and quoted names',
      chunks: [
        begin(),
        pieces([
          { jsonPath: '$.days[0].name', stringValue: 'Mo' },
          { jsonPath: '$.days[1].name', stringValue: 'Tu' },
          { jsonPath: "$['a.b']['it\\'s']", stringValue: 'x' },
          { jsonPath: '$["q"][0]', numberValue: 1 },
        ]),
      ],
      args: ['{"days":[{"name":"Mo"},{"name":"Tu"}],"a.b":{"it\'s":"x"},"q":[1]}'],
    },
    {
      name: 'the next named call ends it',
      chunks: [begin(), begin('g'), parts({ functionCall: {} })],
      args: ['{}', '{}'],
    },
    {
      name: 'the finish ends it',
      chunks: [begin(), pieces([{ jsonPath: '$.a', numberValue: 1 }], { willContinue: true })],
      args: ['{"a":1}'],
    },
    {
      name: 'no index makes a list of empty places',
      chunks: [begin(), pieces([{ jsonPath: '$.a[999999999]', numberValue: 1 }])],
      args: ['{"a":[1]}'],
    },
    {
      name: 'names of the prototype are only names',
      chunks: [
        begin(),
        pieces([
          { jsonPath: '$.__proto__.x', numberValue: 1 },
          { jsonPath: '$.constructor', stringValue: 'c' },
        ]),
      ],
      args: ['{"__proto__":{"x":1},"constructor":"c"}'],
    },
    {
      name: 'what is no path says nothing',
      chunks: [begin(), pieces([{ jsonPath: 'x', numberValue: 1 }, {}, { jsonPath: '$' }])],
      args: ['{}'],
    },
  ])('a call in pieces: $name', ({ chunks, args }) => {
    const told = rest(...chunks, last())
    expect(told.flatMap((event) => (event.event === 'part_delta' ? [event.text] : []))).toEqual(args)
    expect(told.filter(({ event }) => event === 'part_start')).toHaveLength(args.length)
  })

  test('a signature without text goes to the text in front of it, and behind a call is a thought', () => {
    const behindText = rest(parts({ text: 'a' }), parts({ text: '', thoughtSignature: 'S' }), last())
    expect(behindText[2]).toEqual({ event: 'part_meta', choice: 0, part: 0, meta: { opaque: own('S') as never } })
    const behindCall = rest(parts({ functionCall: { name: 'f' } }), parts({ text: '', thoughtSignature: 'S' }), last())
    expect(behindCall.slice(3, 6)).toMatchObject([
      { event: 'part_start', part: 1, head: { kind: 'reasoning' } },
      { event: 'part_meta', part: 1, meta: { opaque: own('S') } },
      { event: 'part_end', part: 1 },
    ])
  })

  test('content behind a finish is not lost', () => {
    const told = rest(last(), parts({ text: 'late' }))
    expect(told.map(({ event }) => event)).toEqual(['part_start', 'part_delta', 'part_end', 'finish', 'end'])
  })

  test('several candidates', () => {
    const chunk = (index: number, text: string, finishReason?: string): JsonObject => ({
      candidates: [{ index, content: { parts: [{ text }] }, finishReason }],
    })
    const told = rest(chunk(0, 'a'), chunk(1, 'b'), chunk(0, 'c', 'STOP'), chunk(1, 'd', 'MAX_TOKENS'))
    const texts = told.flatMap((event) => (event.event === 'part_delta' ? [[event.choice, event.text]] : []))
    expect(texts).toEqual([
      [0, 'a'],
      [1, 'b'],
      [0, 'c'],
      [1, 'd'],
    ])
    expect(told.filter(({ event }) => event === 'finish')).toMatchObject([
      { choice: 0, finish: { reason: 'stop' } },
      { choice: 1, finish: { reason: 'length' } },
    ])
  })

  test.each<{ name: string; chunks: JsonObject[] }>([
    { name: 'nothing came', chunks: [] },
    { name: 'only usage came', chunks: [{ usageMetadata: { promptTokenCount: 1 } }] },
    { name: 'no finish came', chunks: [parts({ text: 'a' })] },
  ])('one that breaks off is incomplete, never an end: $name', ({ chunks }) => {
    expect(events(...chunks).at(-1)).toMatchObject({ event: 'error', error: { code: 'stream_incomplete' } })
  })

  test.each<{ name: string; data: string; error: Partial<CommonError> }>([
    {
      name: 'an object',
      data: '{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}',
      error: { kind: 'rate_limit', message: 'm' },
    },
    {
      name: 'in a list of one',
      data: '[{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}]',
      error: { kind: 'overloaded' },
    },
    { name: 'no JSON', data: '{"candidates":[', error: { kind: 'upstream_failed' } },
  ])('an error within it ends it: $name', ({ data, error }) => {
    const reader = geminiBackend.openReader(facts())
    reader.push('', JSON.stringify(parts({ text: 'a' })))
    expect(reader.push('', data)).toMatchObject([{ event: 'error', error }])
    expect([...reader.push('', JSON.stringify(last())), ...reader.end()]).toEqual([])
  })

  test.each(['ping', '', ' [DONE] ', 'keep-alive'])('%j is only a sign of life', (data) => {
    expect(geminiBackend.openReader(facts()).push('', data)).toEqual([{ event: 'keepalive' }])
  })

  test.each([
    { data: 'null' },
    { data: '[]' },
    { data: '{"candidates":[null,{"content":3}]}' },
    { data: '{"candidates":{"0":1}}' },
  ])('$data breaks nothing', ({ data }) => {
    const reader = geminiBackend.openReader(facts())
    expect(() => [reader.push('', data), reader.end()]).not.toThrow()
  })
})

test('however an answer is cut into chunks, it is the same as in one body (§11.9)', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = seededRandom(seed)
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random.unit() * values.length)] as Value
    const whole = Array.from({ length: Math.floor(random.unit() * 6) }, (_, at): JsonObject =>
      pick<JsonObject>([
        { text: `t${at} 日` },
        { text: `h${at}`, thought: true },
        { text: `s${at}`, thoughtSignature: `S${at}` },
        { text: '', thoughtSignature: `E${at}` },
        { functionCall: { id: `c${at}`, name: 'f', args: { at } } },
        { functionCall: { id: `c${at}`, name: 'g' }, thoughtSignature: `C${at}` },
        { inlineData: { mimeType: 'image/png', data: 'AA==' } },
        { codeExecutionResult: { output: `${at}` } },
      ]),
    )
    const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4 }
    const finish = { finishReason: 'STOP', index: 0 }
    const body = { candidates: [{ content: { parts: whole }, ...finish }], usageMetadata, responseId: 'r' }
    const chunks: JsonObject[] = []
    for (const part of whole) {
      for (const piece of cut(part, () => random.unit() < 0.5)) chunks.push({ ...parts(piece), responseId: 'r' })
    }
    const fold = new Fold()
    for (const event of events(...chunks, { candidates: [finish], usageMetadata, responseId: 'r' })) fold.take(event)
    const folded = fold.result() as CommonResponse
    const plain = read(body)
    expect(comparable(folded)).toEqual(comparable(plain))
  }
})

/** A text comes in pieces, the signature with the last. */
function cut(part: JsonObject, isCut: () => boolean): JsonObject[] {
  const text = part['text']
  if (typeof text !== 'string' || text.length < 2 || !isCut()) return [part]
  const { thoughtSignature, ...plain } = part
  return [
    { ...plain, text: text.slice(0, 1) },
    { ...plain, text: text.slice(1), ...(thoughtSignature !== undefined && { thoughtSignature }) },
  ]
}

/** Arguments as text, and no members that hold nothing. */
function comparable({ choices, usage, id }: CommonResponse): unknown {
  const plain = choices.map(({ index, parts: all, finish }) => ({
    index,
    finish,
    parts: all.map((part) =>
      part.kind === 'tool_call'
        ? { ...part, args: 'raw' in part.args ? part.args.raw : JSON.stringify(part.args.value) }
        : part,
    ),
  }))
  return JSON.parse(JSON.stringify({ id, usage, plain })) as unknown
}

describe('an error answer (§8)', () => {
  const headers = new Headers()
  const body = (error: JsonObject): JsonObject => ({ error })

  test.each<{ name: string; status: number; body: unknown; expected: Partial<CommonError> }>([
    {
      name: 'the wait stands in the body',
      status: 429,
      body: body({
        code: 429,
        message: 'slow down',
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'x' }, { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }],
      }),
      expected: { kind: 'rate_limit', status: 429, message: 'slow down', retryAfterMs: 34_400 },
    },
    {
      name: 'a key that is not valid is told as a bad request',
      status: 400,
      body: body({
        code: 400,
        message: 'API key not valid. Please pass a valid API key.',
        status: 'INVALID_ARGUMENT',
        details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
      }),
      expected: { kind: 'upstream_auth', status: 401 },
    },
    {
      name: 'in a list of one',
      status: 503,
      body: [body({ code: 503, message: 'overloaded', status: 'UNAVAILABLE' })],
      expected: { kind: 'overloaded', status: 503 },
    },
    {
      name: 'too long a prompt',
      status: 400,
      body: body({
        code: 400,
        message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).',
        status: 'INVALID_ARGUMENT',
      }),
      expected: { kind: 'context_overflow', status: 400 },
    },
    {
      name: 'which field is to blame',
      status: 400,
      body: body({
        message: 'bad',
        status: 'INVALID_ARGUMENT',
        details: [{ fieldViolations: [{ field: 'contents[0]', description: 'bad' }] }],
      }),
      expected: { kind: 'invalid_request', status: 400, param: 'contents[0]' },
    },
    {
      name: 'a right that is missing',
      status: 403,
      body: body({ message: 'no', status: 'PERMISSION_DENIED' }),
      expected: { kind: 'upstream_auth', status: 403 },
    },
    {
      name: 'no such model',
      status: 404,
      body: body({ message: 'models/x is not found', status: 'NOT_FOUND' }),
      expected: { kind: 'not_found', status: 404 },
    },
    { name: 'no JSON', status: 502, body: '<html>', expected: { kind: 'upstream_failed', status: 502 } },
    { name: 'nothing', status: 500, body: undefined, expected: { status: 500 } },
  ])('$name', ({ status, body: told, expected }) => {
    expect(geminiBackend.readError(status, headers, told)).toMatchObject(expected)
  })

  test('no body of any shape throws', () => {
    for (const odd of [
      null,
      1,
      [],
      [1],
      { error: null },
      { error: 'text' },
      { error: { details: [1, null] } },
      asList('x'),
    ]) {
      expect(geminiBackend.readError(400, headers, odd).status).toBe(400)
    }
  })
})
