import { describe, expect, test } from 'bun:test'
import type { Form } from '#core/talk.ts'
import type { CommonEvent, PartHead } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { Notes } from '#translate/notes.ts'
import { passageTo } from '#translate/passage.ts'
import { profileOf } from '#translate/profiles.ts'
import { knownCodecs } from '#translate/registry.ts'
import type { Return } from '#translate/way-back.ts'
import { commonRequest, plainPolicy } from '../../support/common-request.ts'
import { noWayBack } from '../../support/plain-codec.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }
const annotation = { kind: 'url', url: 'https://e.example/s', title: 't', start: 0, end: 2 } as const
const call: PartHead = { kind: 'tool_call', id: 'c', name: 'f', isCustom: false, tool: 'function' }

const started: CommonEvent = { event: 'start', id: 'i', model: 'm', createdAt: 1 }
const ended: readonly CommonEvent[] = [{ event: 'finish', choice: 0, finish: { reason: 'stop' } }, { event: 'end' }]

function part(number: number, head: PartHead, text: string): CommonEvent[] {
  return [
    { event: 'part_start', choice: 0, part: number, head },
    { event: 'part_delta', choice: 0, part: number, text },
    { event: 'part_end', choice: 0, part: number },
  ]
}

/** A source of the first text, told when the text is over, and maybe a call behind it. */
function answer(between: readonly CommonEvent[]): readonly CommonEvent[] {
  return [
    started,
    ...part(0, { kind: 'text' }, 'hi there'),
    ...between,
    { event: 'late_source', choice: 0, part: 0, annotation },
    ...ended,
  ]
}

const behindCall = part(1, call, '{}')

/** What clients of a form are told of it. */
async function toldTo(form: Form, events: readonly CommonEvent[], own: Partial<Return> = {}) {
  const client = await knownCodecs.client(form)
  if (client === undefined) throw new Error(`nobody speaks ${form}`)
  const notes = new Notes()
  const writer = client.openWriter({
    request: commonRequest({ form, stream: true }),
    body: {},
    facts: { path: '/api/chat', query: '', headers: new Headers(), model: 'alias', stream: true },
    requestId: 'r',
    model: 'alias',
    ids,
    nowSeconds: 1,
    inputEstimate: 1,
    policy: plainPolicy,
    notes,
  })
  const data: string[] = []
  const last = { take: (event: CommonEvent) => data.push(...writer.write(event).map((framed) => framed.data)) }
  const way = { back: noWayBack, hasTags: false, form, notes, ...own }
  const passage = passageTo(last, way, { choices: 1, inputEstimate: 1 }, writer.order === 'serial')
  for (const event of events) passage.first.take(event)
  return { data, text: data.join('\n'), codes: notes.codes }
}

describe('§11.2–11.6: a source that is told when its text is over', () => {
  test.each<[client: Form, between: string, events: readonly CommonEvent[], isTold: boolean]>([
    ['chat', 'nothing', [], true],
    ['chat', 'a call', behindCall, true],
    ['responses', 'nothing', [], true],
    ['responses', 'a call', behindCall, false],
    ['messages', 'a call', behindCall, false],
    ['gemini', 'a call', behindCall, true],
    ['ollama', 'nothing', [], false],
    ['completions', 'nothing', [], false],
  ])('to a client of %s, with %s between them: told, or noted', async (form, _between, events, isTold) => {
    const { text, codes } = await toldTo(form, answer(events))
    expect({ isTold: text.includes(annotation.url), codes }).toEqual({
      isTold,
      codes: isTold ? [] : ['dropped:citations'],
    })
  })

  test('stands in a Responses message before the text and the message are done', async () => {
    const { data } = await toldTo('responses', answer([]))
    const types = data.map((event) => (JSON.parse(event) as { type: string }).type)
    const at = types.indexOf('response.output_text.annotation.added')
    expect(types.slice(at)).toEqual([
      'response.output_text.annotation.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(data.at(-1)).toContain('"annotations":[{"type":"url_citation"')
  })

  test('keeps its place in the text of a Chat answer, whatever was said since', async () => {
    const { text } = await toldTo('chat', answer(part(1, { kind: 'text' }, 'and more')))
    expect(text).toContain('"start_index":0,"end_index":2,"url":"https://e.example/s"')
  })

  test('is known to whoever folds the stream', () => {
    const fold = new Fold()
    for (const event of answer(behindCall)) fold.take(event)
    expect(fold.result()).toMatchObject({ choices: [{ parts: [{ text: 'hi there', annotations: [annotation] }, {}] }] })
  })

  test('belongs to its text also where that is cut at a stop sequence, or has its thoughts taken out', async () => {
    const back = { ...noWayBack, stops: ['END'] }
    const thought = [started, ...part(0, { kind: 'text' }, '<think>so</think>hi'), ...answer([]).slice(4)]
    const { text, codes } = await toldTo('chat', thought, { back, hasTags: true })
    expect({ isTold: text.includes(annotation.url), codes }).toEqual({ isTold: true, codes: [] })
  })

  test('begins no empty text where another part is open: one that is noted is no block without words', async () => {
    const events: CommonEvent[] = [
      started,
      ...part(0, { kind: 'text' }, 'hi').slice(0, 2),
      { event: 'part_start', choice: 0, part: 1, head: call },
      { event: 'part_delta', choice: 0, part: 1, text: '{}' },
      { event: 'part_meta', choice: 0, part: 0, meta: { annotation } },
      { event: 'part_end', choice: 0, part: 1 },
      { event: 'part_end', choice: 0, part: 0 },
      ...ended,
    ]
    const { text, codes } = await toldTo('messages', events)
    expect(text.match(/content_block_start/g)).toHaveLength(2)
    expect(codes).toEqual(['dropped:citations'])
  })
})

/** What a backend's reader makes of the events of its stream. */
async function read(form: Form, events: readonly (readonly [name: string, data: object])[]) {
  const backend = await knownCodecs.backend(form)
  if (backend === undefined) throw new Error(`nobody speaks ${form}`)
  const notes = new Notes()
  const reader = backend.openReader({ model: 'm', profile: profileOf(form, 'any', 'm'), ids, nowSeconds: 1, notes })
  const all = [...events.flatMap(([name, data]) => reader.push(name, JSON.stringify(data))), ...reader.end()]
  const told = all.flatMap((event) => {
    if (event.event === 'late_source') return [`late ${event.part} ${event.annotation.url}`]
    const source = event.event === 'part_meta' ? event.meta.annotation : undefined
    return source === undefined || event.event !== 'part_meta' ? [] : [`${event.part} ${source.url}`]
  })
  return { told, codes: notes.codes }
}

const url = annotation.url

describe('§7.3: backends tell sources when they know them', () => {
  const said = ['', { id: 'c', choices: [{ index: 0, delta: { content: 'hi' } }] }] as const
  const called = [
    '',
    {
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } }] } }],
    },
  ] as const
  const end = ['', { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }] as const
  const noted = { annotations: [{ type: 'url_citation', url_citation: { url, start_index: 0, end_index: 1 } }] }
  const source = ['', { choices: [{ index: 0, delta: noted }] }] as const
  const beside = { citations: [url] }

  test.each([
    ['while their text is open', [said, source, end], [`0 ${url}`]],
    ['behind a call', [said, called, source, end], [`late 0 ${url}`]],
    ['before any text', [source, said, end], [`0 ${url}`]],
    [
      'beside the choices, with every chunk',
      [
        ['', { ...said[1], ...beside }],
        ['', { ...end[1], ...beside }],
      ],
      [`0 ${url}`],
    ],
    ['beside the choices, behind a call', [said, called, ['', { ...end[1], ...beside }]], [`late 0 ${url}`]],
    ['twice, at their place and beside the choices', [said, source, ['', { ...end[1], ...beside }]], [`0 ${url}`]],
  ] as const)('Chat: %s', async (_when, events, told) => {
    expect(await read('chat', events)).toEqual({ told: [...told], codes: [] })
  })

  test('Chat: of an answer that says nothing they are noted', async () => {
    expect(await read('chat', [source, called, end])).toEqual({ told: [], codes: ['dropped:citations'] })
  })

  const chunk = (candidate: object) => ['', { candidates: [{ index: 0, ...candidate }] }] as const
  const parts = (...list: readonly object[]) => ({ content: { parts: list } })
  const groundingMetadata = {
    groundingChunks: [{ web: { uri: url } }],
    groundingSupports: [{ segment: { endIndex: 2 }, groundingChunkIndices: [0] }],
  }

  test.each([
    [
      'with the end, while the text is open',
      [chunk(parts({ text: 'hi' })), chunk({ finishReason: 'STOP', groundingMetadata })],
      [`0 ${url}`],
    ],
    [
      'with the end, behind a call',
      [
        chunk(parts({ text: 'hi' }, { functionCall: { name: 'f', args: {} } })),
        chunk({ finishReason: 'STOP', groundingMetadata }),
      ],
      [`late 0 ${url}`],
    ],
    ['with the end, of no text at all', [chunk({ finishReason: 'STOP', groundingMetadata })], []],
  ] as const)('Gemini: %s', async (_when, events, told) => {
    expect(await read('gemini', events)).toEqual({
      told: [...told],
      codes: told.length > 0 ? [] : ['dropped:citations'],
    })
  })

  const message = (annotations: readonly object[]) => ({
    type: 'message',
    id: 'm',
    content: [{ type: 'output_text', text: 'hi', annotations }],
  })
  const own = { type: 'url_citation', url, start_index: 0, end_index: 1 }
  const item = (index: number, one: object) =>
    ['', { type: 'response.output_item.done', output_index: index, item: one }] as const
  const made = { type: 'function_call', id: 'f', call_id: 'c', name: 'f', arguments: '{}' }
  const completed = (...output: readonly object[]) =>
    ['', { type: 'response.completed', response: { status: 'completed', output } }] as const

  test.each([
    ['with their message', [item(0, message([own])), completed(message([own]))], [`0 ${url}`]],
    ['with the whole answer only', [item(0, message([])), completed(message([own]))], [`0 ${url}`]],
    [
      'with the whole answer only, behind a call',
      [item(0, message([])), item(1, made), completed(message([own]), made)],
      [`late 0 ${url}`],
    ],
  ] as const)('Responses: %s', async (_when, events, told) => {
    expect(await read('responses', events)).toEqual({ told: [...told], codes: [] })
  })
})
