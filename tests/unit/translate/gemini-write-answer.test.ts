import { describe, expect, test } from 'bun:test'
import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import type { FramedEvent } from '#translate/codec.ts'
import type { Choice, CommonEvent, CommonResponse, Opaque, Part, Usage } from '#translate/common.ts'
import { geminiBackend } from '#translate/gemini/backend.ts'
import { geminiClient } from '#translate/gemini/client.ts'
import { signatureOf } from '#translate/gemini/signature.ts'
import { commonEvents, faultsOf } from '../../support/common-events.ts'
import { answerContext, answerFacts } from '../../support/translating.ts'

const claude: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'sig' }
/** With the words that it seals. */
const sealing = (words: string): string => signatureOf([{ ...claude, text: words }]) ?? ''
const usage: Usage = { input: 120, cacheRead: 100, output: 45, reasoning: 12 }

function response(parts: readonly Part[], finish: Partial<Choice['finish']> = {}): CommonResponse {
  const choices: Choice[] = [{ index: 0, parts, finish: { reason: 'stop', ...finish } }]
  return { id: 'x', model: 'm', createdAt: 1, choices, usage, tier: undefined, fingerprint: undefined }
}

function body(answer: CommonResponse, includesThoughts = false): JsonObject {
  const visibility = includesThoughts ? 'summary' : 'none'
  return geminiClient.writeBody(answer, answerContext({ form: 'gemini', reasoning: { visibility } }))
}

function candidate(answer: CommonResponse, includesThoughts = false): JsonObject {
  return asObject(asList(body(answer, includesThoughts)['candidates'])[0]) ?? {}
}

function partsOf(answer: CommonResponse, includesThoughts = false): unknown {
  return asObject(candidate(answer, includesThoughts)['content'])?.['parts']
}

const text = (words: string): Part => ({ kind: 'text', text: words })
const thought = (words: string, opaque?: Opaque): Part => ({
  kind: 'reasoning',
  text: words,
  style: 'summary',
  isRedacted: false,
  opaque,
})
const call = (name: string, raw: string, more: object = {}): Part => ({
  kind: 'tool_call',
  id: `id_${name}`,
  name,
  args: { raw },
  isCustom: false,
  tool: 'function',
  ...more,
})

describe('a body', () => {
  test('is complete (§7.7)', () => {
    expect(body(response([text('Hi.')]))).toEqual({
      candidates: [{ content: { role: 'model', parts: [{ text: 'Hi.' }] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: {
        promptTokenCount: 120,
        cachedContentTokenCount: 100,
        candidatesTokenCount: 33,
        thoughtsTokenCount: 12,
        totalTokenCount: 165,
      },
      modelVersion: 'demo',
      responseId: '0000000000000000000001',
    })
  })

  test('without usage tells the estimate of the prompt', () => {
    const answer = { ...response([]), usage: undefined }
    expect(body(answer)['usageMetadata']).toEqual({ promptTokenCount: 77, totalTokenCount: 77 })
  })

  test('says nothing in a part, not in none', () => {
    expect(partsOf(response([]))).toEqual([{ text: '' }])
  })

  test.each<[reason: Choice['finish']['reason'], word: string]>([
    ['stop', 'STOP'],
    ['tool_calls', 'STOP'],
    ['length', 'MAX_TOKENS'],
    ['content_filter', 'SAFETY'],
    ['pause', 'STOP'],
    ['error', 'OTHER'],
    ['other', 'OTHER'],
  ])('finish %s is %s (#17.3)', (reason, word) => {
    expect(candidate(response([text('a')], { reason, native: 'foreign' }))['finishReason']).toBe(word)
  })

  test('thoughts only for those who asked, their signature on the next call (§6.2)', () => {
    const answer = response([thought('hm', claude), text('Checking.'), call('f', '{"a":1}')])
    const signed = { functionCall: { id: 'id_f', name: 'f', args: { a: 1 } }, thoughtSignature: sealing('hm') }
    expect(partsOf(answer, true)).toEqual([{ text: 'hm', thought: true }, { text: 'Checking.' }, signed])
    expect(partsOf(answer)).toEqual([{ text: 'Checking.' }, signed])
  })

  test('without a call the signature is on the last text, or on an empty one', () => {
    const thoughtSignature = signatureOf([claude])
    expect(partsOf(response([thought('', claude), text('a')]))).toEqual([{ text: 'a', thoughtSignature }])
    expect(partsOf(response([thought('hm', claude)]), true)).toEqual([
      { text: 'hm', thought: true },
      { text: '', thoughtSignature: sealing('hm') },
    ])
  })

  test('the envelope is base64, for the field holds bytes', () => {
    const plain = Buffer.from(signatureOf([claude]) ?? '', 'base64').toString()
    expect(plain).toStartWith('lp1.')
  })

  test('a refusal is text and SAFETY', () => {
    const answer = candidate(response([{ kind: 'refusal', text: 'No.' }]))
    expect(answer).toMatchObject({ content: { parts: [{ text: 'No.' }] }, finishReason: 'SAFETY' })
  })

  test('why it was refused is told', () => {
    const answer = candidate(response([text('a')], { reason: 'content_filter', explanation: 'because' }))
    expect(answer['finishMessage']).toBe('because')
  })

  test('a prompt that was not answered at all was blocked', () => {
    const answer = body(response([], { reason: 'content_filter', explanation: 'because' }))
    expect(answer['promptFeedback']).toEqual({ blockReason: 'OTHER', blockReasonMessage: 'because' })
    expect(answer).not.toHaveProperty('candidates')
  })

  test('calls that nobody may carry out are left out: void ones, and those that were cut (§7.1)', () => {
    const cut = response([call('f', '{"city":"Par')], { reason: 'length' })
    expect(candidate(cut)).toMatchObject({ content: { parts: [{ text: '' }] }, finishReason: 'MAX_TOKENS' })
    expect(partsOf(response([text('a'), call('f', '{}', { isVoid: true })]))).toEqual([{ text: 'a' }])
    expect(partsOf(response([call('f', '{"a":1}')], { reason: 'length' }))).toHaveLength(1)
  })

  test('arguments are an object, whatever they were (#17.6)', () => {
    const args = (raw: string, more = {}): unknown => {
      const [part] = asList(partsOf(response([call('f', raw, more)])))
      return asObject(asObject(part)?.['functionCall'])?.['args']
    }
    expect(args('')).toEqual({})
    expect(args('[1]')).toEqual({ value: [1] })
    expect(args('{"a":')).toEqual({})
    expect(args('free text', { isCustom: true })).toEqual({ input: 'free text' })
    expect(JSON.stringify(args('{"id":12345678901234567890}'))).toBe('{"id":12345678901234567890}')
  })

  test('media, and what only others understand', () => {
    const answer = response([
      { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'AA==' } },
      { kind: 'native', form: 'messages', type: 'server_tool_use', value: {} },
    ])
    expect(partsOf(answer)).toEqual([{ inlineData: { mimeType: 'image/png', data: 'AA==' } }])
  })

  test('sources are told in bytes', () => {
    const annotations = [
      { kind: 'url', url: 'https://a', title: 'A', start: 1, end: 3 },
      { kind: 'url', url: 'https://a', title: 'A', start: 0, end: 1 },
      { kind: 'url', url: 'https://b', start: 0, end: 0 },
    ] as const
    const { groundingMetadata } = candidate(response([{ kind: 'text', text: '日é😀x', annotations }]))
    expect(groundingMetadata).toEqual({
      groundingChunks: [{ web: { uri: 'https://a', title: 'A' } }, { web: { uri: 'https://b' } }],
      groundingSupports: [
        { segment: { partIndex: 0, startIndex: 3, endIndex: 9, text: 'é😀' }, groundingChunkIndices: [0] },
        { segment: { partIndex: 0, startIndex: 0, endIndex: 3, text: '日' }, groundingChunkIndices: [0] },
      ],
    })
  })

  test('probabilities of tokens', () => {
    const logprobs = [{ token: 'a', logprob: -0.5, top: [{ token: 'b', logprob: -1.5 }] }]
    expect(candidate(response([{ kind: 'text', text: 'a', logprobs }]))).toMatchObject({
      avgLogprobs: -0.5,
      logprobsResult: {
        chosenCandidates: [{ token: 'a', logProbability: -0.5 }],
        topCandidates: [{ candidates: [{ token: 'b', logProbability: -1.5 }] }],
      },
    })
  })

  test('several answers are several candidates', () => {
    const choices = [0, 1].map((index): Choice => ({ index, parts: [text(`${index}`)], finish: { reason: 'stop' } }))
    const answer = body({ ...response([]), choices })
    expect(asList(answer['candidates'])).toMatchObject([{ index: 0 }, { index: 1 }])
  })
})

function written(given: readonly CommonEvent[], includesThoughts = false): FramedEvent[] {
  const visibility = includesThoughts ? 'summary' : 'none'
  const writer = geminiClient.openWriter(answerContext({ form: 'gemini', reasoning: { visibility } }))
  return given.flatMap((event) => writer.write(event))
}

const start: CommonEvent = { event: 'start', id: 'x', model: 'm', createdAt: 1 }

/** One part after the other, whole. */
function events(
  parts: readonly (readonly [head: object, ...texts: (string | object)[]])[],
  ...rest: CommonEvent[]
): CommonEvent[] {
  const all: CommonEvent[] = [start]
  for (const [part, [head, ...texts]] of parts.entries()) {
    all.push({ event: 'part_start', choice: 0, part, head: head as never })
    for (const each of texts) {
      if (typeof each === 'string') all.push({ event: 'part_delta', choice: 0, part, text: each })
      else all.push({ event: 'part_meta', choice: 0, part, meta: each })
    }
    all.push({ event: 'part_end', choice: 0, part })
  }
  return [...all, ...rest]
}

const thinking = { kind: 'reasoning', style: 'summary', isRedacted: false }
const saying = { kind: 'text' }
const calling = (id: string, name: string): object => ({
  kind: 'tool_call',
  id,
  name,
  isCustom: false,
  tool: 'function',
})
const finished = (reason: Choice['finish']['reason'], explanation?: string): CommonEvent => ({
  event: 'finish',
  choice: 0,
  finish: { reason, explanation },
})
const end: CommonEvent = { event: 'end' }

describe('a stream', () => {
  test('one turn, byte for byte (§11.6)', () => {
    const turn = events(
      [
        [thinking, 'Look ', 'it up.', { opaque: claude }],
        [saying, 'Look', 'ing.'],
        [calling('call_1', 'find'), '{"q":', '"x",', '"big":12345678901234567890}'],
        [calling('call_2', 'now')],
      ],
      finished('tool_calls'),
      { event: 'usage', usage },
      end,
    )
    const signature = sealing('Look it up.')
    const tail = '"modelVersion":"demo","responseId":"0000000000000000000001"}'
    const chunk = (part: string): string =>
      `{"candidates":[{"content":{"role":"model","parts":[${part}]},"index":0}],${tail}`
    const last =
      '{"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],' +
      '"usageMetadata":{"promptTokenCount":120,"cachedContentTokenCount":100,"candidatesTokenCount":33,"thoughtsTokenCount":12,"totalTokenCount":165},' +
      tail
    expect(written(turn, true)).toEqual(
      [
        chunk('{"text":"Look ","thought":true}'),
        chunk('{"text":"it up.","thought":true}'),
        chunk('{"text":"Look"}'),
        chunk('{"text":"ing."}'),
        chunk(
          `{"functionCall":{"id":"call_1","name":"find","args":{"q":"x","big":12345678901234567890}},"thoughtSignature":"${signature}"}`,
        ),
        chunk('{"functionCall":{"id":"call_2","name":"now","args":{}}}'),
        last,
      ].map((data) => ({ data })),
    )
  })

  test('thoughts are not shown unasked, but their signature is kept', () => {
    const [first, last, ...more] = written(
      events(
        [
          [thinking, 'hm', { opaque: claude }],
          [saying, 'a'],
        ],
        finished('stop'),
        end,
      ),
    )
    expect(more).toEqual([])
    expect(first?.data).toContain('{"text":"a"}')
    expect(last?.data).toContain(`{"text":"","thoughtSignature":"${sealing('hm')}"}`)
  })

  test('only in events of data, and none after the end (#17.17, #17.20)', () => {
    const all = written([...events([[saying, 'a']], finished('stop')), { event: 'keepalive' }, end, end])
    expect(all).toHaveLength(2)
    expect(all.every(({ name }) => name === undefined)).toBe(true)
  })

  test('an answer that says nothing still has a part and a finish', () => {
    const [only] = written([start, finished('stop'), end])
    expect(JSON.parse(only?.data ?? '')).toMatchObject({
      candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 77 },
    })
  })

  test('a prompt that was not answered was blocked, a text that was broken off was not', () => {
    const [blocked] = written([start, finished('content_filter', 'because'), end])
    expect(JSON.parse(blocked?.data ?? '')).toMatchObject({ promptFeedback: { blockReason: 'OTHER' } })
    const last = written(events([[saying, 'a']], finished('content_filter', 'because'), end)).at(-1)
    expect(JSON.parse(last?.data ?? '')).toMatchObject({
      candidates: [{ finishReason: 'SAFETY', finishMessage: 'because' }],
    })
  })

  test('a refusal is text, and SAFETY at the end', () => {
    const [first, last] = written(events([[{ kind: 'refusal' }, 'No.']], finished('stop'), end))
    expect(first?.data).toContain('{"text":"No."}')
    expect(last?.data).toContain('"finishReason":"SAFETY"')
  })

  test('a call that the limit cut is left out; one that is only odd is told at the end', () => {
    const cut = events([[calling('c', 'f'), '{"a":1,"b":"x']])
    expect(written([...cut, finished('length'), end])).toHaveLength(1)
    const [odd] = written([...cut, finished('tool_calls'), end])
    expect(odd?.data).toContain('"args":{"a":1')
  })

  test('arguments on several lines stay within one event', () => {
    const [first] = written(events([[calling('c', 'f'), '{\n"a": 1\n}']], finished('stop'), end))
    expect(first?.data).not.toMatch(/[\r\n]/)
    expect(first?.data).toContain('"args":{"a":1}')
  })

  test('bytes of an image are gathered', () => {
    const part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: '' } }
    const [first] = written(events([[{ kind: 'media', part }, 'AAAA', 'BBBB']], finished('stop'), end))
    expect(first?.data).toContain('{"inlineData":{"mimeType":"image/png","data":"AAAABBBB"}}')
  })

  test('sources come with the last chunk, probabilities with the next', () => {
    const annotation = { kind: 'url', url: 'https://a', start: 0, end: 2 }
    const logprobs = [{ token: 'éa', logprob: -1, top: [] }]
    const [first, last] = written(events([[saying, { logprobs }, 'éa', { annotation }]], finished('stop'), end))
    expect(first?.data).toContain('"logprobsResult":{"chosenCandidates":[{"token":"éa","logProbability":-1}]}')
    expect(JSON.parse(last?.data ?? '')).toMatchObject({
      candidates: [
        { groundingMetadata: { groundingSupports: [{ segment: { startIndex: 0, endIndex: 3, text: 'éa' } }] } },
      ],
    })
  })

  test('an error comes twice, the second time bare, and nothing after it (§8.4)', () => {
    const broken: CommonEvent = { event: 'error', error: { kind: 'overloaded', status: 503, message: 'broke' } }
    const all = written([...events([[saying, 'a']]), broken, finished('stop'), end])
    const data = '{"error":{"code":503,"message":"broke","status":"UNAVAILABLE"}}'
    expect(all.slice(1)).toEqual([{ data }, { data, bare: true }])
  })

  test('a finish that is an error is told as one', () => {
    const all = written(events([[saying, 'a']], finished('error', 'malformed'), end))
    expect(all.at(-1)?.bare).toBe(true)
    expect(all.at(-1)?.data).toContain('malformed')
  })

  test('usage is merged, the last word of each field counts', () => {
    const all = written([
      start,
      { event: 'usage', usage: { input: 5, output: 1 } },
      finished('stop'),
      { event: 'usage', usage: { input: undefined, output: 9 } },
      end,
    ])
    expect(JSON.parse(all.at(-1)?.data ?? '')).toMatchObject({
      usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 9, totalTokenCount: 14 },
    })
  })

  test('any valid events are read back as what was said', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const given = commonEvents(seed, { choices: 2, hasMeta: true })
      const framed = written(given, true)
      const reader = geminiBackend.openReader(answerFacts('gemini', 'gemini', 'gemini-3-pro'))
      const back = framed.flatMap(({ data }) => reader.push('', data)).concat(reader.end())
      expect(faultsOf(back)).toEqual([])
      expect(said(back)).toEqual(said(given))
    }
  })
})

/** Texts and calls of each choice, without where one part ends. */
function said(all: readonly CommonEvent[]): unknown {
  const heads = new Map<string, string>()
  const texts: Record<string, string> = {}
  for (const event of all) {
    if (event.event === 'part_start') {
      const { head } = event
      const name = head.kind === 'tool_call' ? `call ${head.id} ${head.name}` : head.kind
      heads.set(`${event.choice}.${event.part}`, name)
      if (head.kind === 'tool_call') texts[`${event.choice} ${name}`] ??= ''
    } else if (event.event === 'part_delta') {
      const key = `${event.choice} ${heads.get(`${event.choice}.${event.part}`)}`
      texts[key] = (texts[key] ?? '') + event.text
    }
  }
  for (const [key, value] of Object.entries(texts)) {
    if (key.includes(' call ')) texts[key] = JSON.stringify(JSON.parse(value === '' ? '{}' : value))
  }
  return texts
}
