import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommonRequest, Part } from '#translate/common.ts'
import type { Converter, ConverterRequest, ConverterTakes } from '#translate/converter.ts'
import { backendOf } from '#translate/converter/backend.ts'
import { checkConverter } from '#translate/converter/check.ts'
import { profileOfTakes } from '#translate/converter/takes.ts'
import { isRejection, Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { openUnframer } from '#translate/unframe.ts'
import { converter as parley } from '../../../docs/examples/converter-parley.ts'
import { answerFacts, commonRequest, targetOf } from '../../support/translating.ts'

const root = join(import.meta.dir, '../../..')

test('C1416: the contract that users copy is the one that the program has', () => {
  const own = readFileSync(join(root, 'src/translate/converter.ts'), 'utf8')
  expect(readFileSync(join(root, 'docs/examples/converter.d.ts'), 'utf8')).toBe(own)
})

const plain: Converter = {
  contract: 1,
  name: 'plain',
  writeRequest: () => ({ path: '/x', body: {} }),
  readAnswer: () => ({ parts: [], finish: 'stop' }),
}

/** What a converter is handed for a request, and what was noted. */
function handed(
  request: Partial<CommonRequest>,
  takes: ConverterTakes = {},
): { request: ConverterRequest | undefined; notes: Notes } {
  const notes = new Notes()
  let given: ConverterRequest | undefined
  const converter: Converter = {
    ...plain,
    takes,
    openStream: () => ({ push: () => [] }),
    writeRequest(told) {
      given = told
      return { path: '', body: {} }
    },
  }
  const target = {
    ...targetOf('converter:plain', 'converter', 'x-1'),
    profile: profileOf('converter:plain', 'converter', 'x-1', profileOfTakes(takes)),
  }
  backendOf(converter).writeRequest(commonRequest(request), target, notes)
  return { request: given, notes }
}

function said(role: 'system' | 'user' | 'assistant', ...parts: Part[]): CommonRequest['messages'][number] {
  return { role, parts, placement: 'inline' }
}

const text = (words: string): Part => ({ kind: 'text', text: words })
const call: Part = {
  kind: 'tool_call',
  id: 'c1',
  name: 'f',
  args: { raw: '{"a": 1}' },
  isCustom: false,
  tool: 'function',
}
const found: Part = {
  kind: 'tool_result',
  callId: 'c1',
  name: 'f',
  parts: [text('42')],
  isError: false,
  isCustom: false,
}
const f = { kind: 'function', name: 'f', schema: { type: 'object', properties: {} } } as const
const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } }

describe('the request that a converter is handed', () => {
  test('has what the system says in one text, and users and assistants in turn', () => {
    const messages = [
      said('system', text('One.')),
      said('system', text('Two.')),
      said('user', text('a')),
      said('user', text('b')),
      said('assistant', text('c')),
      said('system', text('Late.')),
    ]
    expect(handed({ messages }).request).toMatchObject({
      model: 'x-1',
      system: 'One.\n\nTwo.',
      messages: [
        { role: 'user', parts: [text('a'), text('b')] },
        { role: 'assistant', parts: [text('c')] },
        { role: 'user', parts: [text('<system-reminder>Late.</system-reminder>')] },
      ],
    })
  })

  test('has calls with their arguments both ways, and results in front of what the user says', () => {
    const messages = [said('user', text('?')), said('assistant', call), said('user', text('and?'), found)]
    expect(handed({ messages, tools: [f] }, { tools: true }).request?.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        parts: [{ kind: 'tool_call', id: 'c1', name: 'f', args: { a: 1 }, argsText: '{"a":1}' }],
      },
      {
        role: 'user',
        parts: [
          { kind: 'tool_result', callId: 'c1', name: 'f', text: '42', files: [], isError: false },
          { kind: 'text', text: 'and?' },
        ],
      },
    ])
  })

  const refused: readonly (Partial<CommonRequest> & { name: string; takes: ConverterTakes })[] = [
    { name: 'tools', takes: { tools: true }, tools: [f] },
    { name: 'calls of tools', takes: { tools: true }, messages: [said('assistant', call), said('user', found)] },
    { name: 'images', takes: { media: ['image'] }, messages: [said('user', image)] },
  ]
  test.each(refused)('$name are refused where they are not taken, and handed over where they are', (row) => {
    const { name: _name, takes, ...request } = row
    const { notes, request: unasked } = handed(request)
    expect(notes.rejection !== undefined && isRejection(notes.rejection)).toBe(true)
    expect(notes.rejection?.isFault).toBeUndefined()
    expect(unasked).toBeUndefined()
    expect(handed(request, takes).request).toBeDefined()
  })

  test('has only the sampling that is taken; the rest is noted', () => {
    const sampling = { temperature: 1.5, topP: 0.5, topK: 3, seed: 7, presencePenalty: 0, frequencyPenalty: 1 }
    const { request, notes } = handed({ sampling }, { sampling: ['temperature', 'seed'], temperatureMax: 1 })
    expect(request?.sampling).toEqual({ temperature: 1, seed: 7 })
    expect(notes.codes.toSorted()).toEqual([
      'adapted:temperature_clamped',
      'dropped:penalties',
      'dropped:top_k',
      'dropped:unknown_field',
    ])
  })

  test('has as many stop sequences as it takes; the others are looked for in the answer', () => {
    const { request, notes } = handed({ sampling: { stop: ['a', 'b', 'c'] } }, { stops: 2 })
    expect(request?.stops).toEqual(['a', 'b'])
    expect(notes.codes).toEqual(['adapted:stop_emulated'])
  })

  const format = { kind: 'json_schema', name: 'city', schema: { type: 'object', properties: {} } } as const
  test.each([
    { takes: { jsonSchema: true }, output: { kind: 'json_schema', name: 'city' }, tools: 0, told: false },
    { takes: { tools: true }, output: { kind: 'text' }, tools: 1, told: false },
    { takes: {}, output: { kind: 'text' }, tools: 0, told: true },
  ])('asks for a schema as it can be asked: $takes', ({ takes, output, tools, told }) => {
    const { request } = handed({ output: { format }, messages: [said('user', text('x'))] }, takes)
    expect(request?.output).toMatchObject(output)
    expect(request?.tools.length).toBe(tools)
    expect(request?.system.includes('JSON Schema')).toBe(told)
  })

  test('has the effort and the budget of thinking where that is taken', () => {
    const reasoning = { effort: 'high', budgetTokens: 2000 } as const
    expect(handed({ reasoning }, { thinking: true }).request?.thinking).toMatchObject({
      isOff: false,
      budgetTokens: 2000,
    })
    expect(handed({ reasoning: { effort: 'none' } }, { thinking: true }).request?.thinking?.isOff).toBe(true)
    expect(handed({ reasoning }).request?.thinking).toBeUndefined()
  })

  test('leaves out thoughts of earlier turns unless they are wanted', () => {
    const thought: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }
    const messages = [said('user', text('?')), said('assistant', thought, text('!'))]
    expect(handed({ messages }).request?.messages[1]?.parts).toEqual([text('!') as never])
    const wanted = handed({ messages }, { thoughts: true }).request?.messages[1]?.parts
    expect(wanted?.[0]).toEqual({ kind: 'thinking', text: 'hm' })
  })
})

describe('what a converter gives is looked at', () => {
  test.each([
    { name: 'nothing', gives: undefined, says: 'no "body"' },
    { name: 'a promise', gives: Promise.resolve({ path: '', body: {} }), says: 'a promise, and nothing' },
    { name: 'a foreign path', gives: { path: 'https://elsewhere/', body: {} }, says: 'no "path"' },
    { name: 'a query in the path', gives: { path: '/a?b', body: {} }, says: 'no "path"' },
    {
      name: 'a header of the connection',
      gives: { path: '', body: {}, headers: { Host: 'x' } },
      says: 'a header "Host"',
    },
    { name: 'a header in two lines', gives: { path: '', body: {}, headers: { a: 'b\r\nc: d' } }, says: 'a header "a"' },
    { name: 'a body that becomes a text', gives: { path: '', body: { toJSON: () => 'x' } }, says: 'a "body" that' },
    { name: 'a header without a name', gives: { path: '', body: {}, headers: { '': 'x' } }, says: 'a header ""' },
  ])('$name is no request, and the request of the client is not to blame', ({ gives, says }) => {
    const notes = new Notes()
    const converter = { ...plain, writeRequest: (): unknown => gives } as unknown as Converter
    backendOf(converter).writeRequest(commonRequest(), targetOf('converter:plain', 'converter', 'x'), notes)
    expect(notes.rejection).toMatchObject({ isFault: true, field: '' })
    expect(notes.rejection?.message).toContain(`converter "plain" failed: writeRequest gave ${says}`)
  })

  const round: Record<string, unknown> = {}
  round['again'] = round
  test.each([
    { name: 'goes round in circles', body: round },
    { name: 'has numbers of another kind', body: { a: 1n } },
  ])('a body that $name is a fault of the converter alone', ({ body }) => {
    const notes = new Notes()
    const converter: Converter = { ...plain, writeRequest: () => ({ path: '', body }) }
    backendOf(converter).writeRequest(commonRequest(), targetOf('converter:plain', 'converter', 'x'), notes)
    expect(notes.rejection).toMatchObject({ isFault: true, field: '' })
  })

  test.each<{ thrown: unknown; says: string }>([
    { thrown: Object.create(null), says: 'it threw what has no words' },
    { thrown: Object.assign(new Error('x'), { message: 5 }), says: '5' },
    { thrown: null, says: 'null' },
  ])('whatever it throws has words: $says', ({ thrown, says }) => {
    const act = (): never => {
      throw thrown
    }
    const backend = backendOf({ ...plain, writeRequest: act, readAnswer: act })
    const notes = new Notes()
    backend.writeRequest(commonRequest(), targetOf('converter:plain', 'converter', 'x'), notes)
    expect(notes.rejection?.message).toBe(`converter "plain" failed: ${says}`)
    const facts = answerFacts('converter:plain', 'converter', 'x')
    expect(() => backend.readBody({}, facts)).toThrow(`converter "plain" failed: ${says}`)
  })

  test('what an async function rejects with goes nowhere else', async () => {
    const faults: unknown[] = []
    const take = (fault: unknown): void => void faults.push(fault)
    process.on('unhandledRejection', take)
    const late = async (): Promise<never> => await Promise.reject(new Error('late'))
    const backend = backendOf({ ...plain, readAnswer: late, readError: late } as unknown as Converter)
    const facts = answerFacts('converter:plain', 'converter', 'x')
    expect(() => backend.readBody({}, facts)).toThrow('readAnswer gave a promise, and nothing is awaited')
    expect(backend.readError(500, new Headers(), { error: { message: 'no' } }).message).toBe('no')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', take)
    expect(faults).toEqual([])
  })

  test.each([
    { name: 'nothing', gives: undefined },
    { name: 'no parts', gives: { finish: 'stop' } },
    { name: 'a part of another kind', gives: { parts: [{ kind: 'dance' }], finish: 'stop' } },
    { name: 'a call without a name', gives: { parts: [{ kind: 'tool_call', args: {} }], finish: 'stop' } },
    { name: 'another finish', gives: { parts: [], finish: 'bored' } },
  ])('$name is no answer', ({ gives }) => {
    const backend = backendOf({ ...plain, readAnswer: () => gives } as unknown as Converter)
    const facts = answerFacts('converter:plain', 'converter', 'x')
    expect(() => backend.readBody({}, facts)).toThrow('converter "plain" failed: readAnswer gave')
  })

  test('an error in a good answer is a 502 unless it says another status', () => {
    const facts = answerFacts('converter:plain', 'converter', 'x')
    const read = (error: object): unknown =>
      backendOf({ ...plain, readAnswer: () => ({ kind: 'error', ...error }) } as unknown as Converter).readBody(
        {},
        facts,
      )
    expect(read({ message: 'no' })).toMatchObject({ status: 502, message: 'no' })
    expect(read({ message: 'no', status: 429, retryAfterMs: 5 })).toMatchObject({
      status: 429,
      kind: 'rate_limit',
      retryAfterMs: 5,
    })
    expect(read({ message: 'no', status: 200 })).toMatchObject({ status: 502 })
  })

  test.each([
    {
      name: 'throws',
      readError: () => {
        throw new Error('no')
      },
    },
    { name: 'gives nothing', readError: () => undefined },
    { name: 'is absent', readError: undefined },
  ])('an error answer is one where readError $name', ({ readError }) => {
    const backend = backendOf({ ...plain, readError } as unknown as Converter)
    const error = backend.readError(503, new Headers({ 'retry-after': '3' }), { error: { message: 'full' } })
    expect(error).toMatchObject({ message: 'full', retryAfterMs: 3000 })
  })
})

describe('streams of converters', () => {
  const lines = [
    { op: 'muse', t: 'hm' },
    { op: 'say', t: 'A' },
    { op: 'say', t: 'ä€😀' },
    { op: 'use', no: 0, id: 'u1', call: 'f' },
    { op: 'use', no: 1, id: 'u2', call: 'g' },
    { op: 'with', no: 0, t: '{"a":' },
    { op: 'with', no: 1, t: '{}' },
    { op: 'with', no: 0, t: '1}' },
    { op: 'bye', why: 'uses', spent: { heard: 3, said: 4 } },
  ]
  const facts = (): ReturnType<typeof answerFacts> => answerFacts('converter:parley', 'converter', 'p')

  test('every part begins and ends once, and calls may go side by side', () => {
    const reader = backendOf(parley).openReader(facts())
    const events = lines.flatMap((line) => reader.push('', JSON.stringify(line)))
    expect(events.map((event) => ('part' in event ? `${event.event} ${event.part}` : event.event))).toEqual([
      'start',
      'part_start 0',
      'part_delta 0',
      'part_end 0',
      'part_start 1',
      'part_delta 1',
      'part_delta 1',
      'part_end 1',
      'part_start 2',
      'part_start 3',
      'part_delta 2',
      'part_delta 3',
      'part_delta 2',
      'part_end 2',
      'part_end 3',
      'finish',
      'usage',
      'end',
    ])
    expect(reader.end()).toEqual([])
    expect(reader.push('', '{"op":"say","t":"more"}')).toEqual([])
  })

  test('one that ends without a finish is incomplete', () => {
    const reader = backendOf(parley).openReader(facts())
    reader.push('', JSON.stringify(lines[1]))
    expect(reader.end()).toMatchObject([{ event: 'error', error: { code: 'stream_incomplete' } }])
    expect(reader.end()).toEqual([])
  })

  test.each([
    { name: 'no list', gives: { kind: 'text', text: 'a' } },
    { name: 'a text without one', gives: [{ kind: 'text' }] },
    { name: 'more of a call that never began', gives: [{ kind: 'tool_call', args: '{' }] },
    {
      name: 'text behind the finish',
      gives: [
        { kind: 'finish', finish: 'stop' },
        { kind: 'text', text: 'a' },
      ],
    },
    { name: 'an unknown event', gives: [{ kind: 'riddle' }] },
  ])('$name breaks it', ({ gives }) => {
    const converter = { ...plain, openStream: () => ({ push: () => gives }) } as unknown as Converter
    const reader = backendOf(converter).openReader(facts())
    expect(() => reader.push('', '')).toThrow('converter "plain" failed: push gave')
  })

  test('raw pieces are whole characters, however the bytes are cut', () => {
    const bytes = new TextEncoder().encode('aä€😀\n\nb')
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const pieces: string[] = []
      const sink = { takeFramed: (_name: string, data: string) => void pieces.push(data) }
      const unframer = openUnframer('raw')
      unframer.push(bytes.slice(0, cut), sink)
      unframer.push(bytes.slice(cut), sink)
      unframer.end(sink)
      expect(pieces.join('')).toBe('aä€😀\n\nb')
      expect(pieces).not.toContain('')
    }
  })
})

describe('a file has a converter', () => {
  test.each([
    { exports: {}, says: 'has no export "converter" that is an object' },
    { exports: { converter: () => 1 }, says: 'has no export "converter" that is an object' },
    { exports: { converter: { ...plain, contract: 2 } }, says: 'is written for contract 2, and contract 1 is known' },
    { exports: { converter: { ...plain, name: 'a b' } }, says: 'has no "name" of letters, digits, "-" and "_"' },
    {
      exports: { converter: { ...plain, writeRequest: undefined } },
      says: 'has a converter without the function "writeRequest"',
    },
    { exports: { converter: { ...plain, openStream: 1 } }, says: 'has a converter whose "openStream" is no function' },
    {
      exports: { converter: { ...plain, framing: 'csv' } },
      says: 'has a converter whose "framing" is none of sse, lines, raw',
    },
    {
      exports: { converter: { ...plain, takes: { tool: true } } },
      says: 'has a converter that takes "tool", which is unknown',
    },
    {
      exports: { converter: { ...plain, takes: { media: ['smell'] } } },
      says: 'has a converter whose "takes.media" is of the wrong type',
    },
  ])('or is told why not: $says', ({ exports, says }) => {
    expect(checkConverter(exports)).toBe(says)
  })

  test('and the example is one', () => {
    expect(checkConverter({ converter: parley })).toBe(parley)
  })
})
