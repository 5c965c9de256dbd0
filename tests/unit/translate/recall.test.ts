import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import type { Message, Opaque, Part } from '#translate/common.ts'
import { thoughtsBeforeCalls, withContinuity } from '#translate/continuity.ts'
import { RecallMemory } from '#translate/recall-memory.ts'
import { RecallStore, recallDefaults, type Answered } from '#translate/recall.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const hourMs = 60 * 60 * 1000

function answered(id: string, over: Partial<Answered> & { readonly body?: JsonObject } = {}): Answered {
  const output = [{ type: 'message', id: `msg_${id}`, role: 'assistant', content: `answer ${id}` }]
  const body = { input: `question ${id}` }
  return { form: 'responses', body, answer: { id, status: 'completed', output }, parts: [], ...over }
}

function store(limits = {}): { readonly store: RecallStore; readonly clock: FakeClock } {
  const clock = new FakeClock()
  return { store: new RecallStore(clock, { ...recallDefaults, ...limits }), clock }
}

describe('an earlier response (§5.11)', () => {
  test('is found with its input and its output, and every item by its id', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1', { body: { input: [{ id: 'in_1', role: 'user', content: 'q' }] } }))
    const recall = kept.of('a', 'responses')
    expect(recall.response('resp_1')).toEqual({
      input: [{ id: 'in_1', role: 'user', content: 'q' }],
      output: [{ type: 'message', id: 'msg_resp_1', role: 'assistant', content: 'answer resp_1' }],
    })
    expect(recall.item('msg_resp_1')).toMatchObject({ content: 'answer resp_1' })
    expect(recall.item('in_1')).toMatchObject({ content: 'q' })
    expect(recall.item('msg_other')).toBeUndefined()
  })

  test('brings those with it that it followed, in their order', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1'))
    kept.remember('a', answered('resp_2', { body: { input: 'second', previous_response_id: 'resp_1' } }))
    kept.remember('a', answered('resp_3', { body: { input: 'third', previous_response_id: 'resp_2' } }))
    const recalled = kept.of('a', 'responses').response('resp_3')
    expect([...(recalled?.input ?? []), ...(recalled?.output ?? [])].map(({ content }) => content)).toEqual([
      'question resp_1',
      'answer resp_1',
      'second',
      'answer resp_2',
      'third',
      'answer resp_3',
    ])
  })

  test('is not there when one of those that it followed is not', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1'))
    kept.remember('a', answered('resp_2', { body: { input: 'second', previous_response_id: 'resp_1' } }))
    expect(kept.forget('a', 'resp_1')).toBe(true)
    expect(kept.forget('a', 'resp_1')).toBe(false)
    expect(kept.of('a', 'responses').response('resp_2')).toBeUndefined()
  })

  test('is there as a whole, with all that led to it, as far as that is still there', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1'))
    kept.remember('a', answered('resp_2', { body: { input: 'second', previous_response_id: 'resp_1' } }))
    expect(kept.answer('a', 'resp_2')).toMatchObject({ id: 'resp_2', status: 'completed' })
    expect([kept.answer('b', 'resp_2'), kept.answer('a', 'resp_3')]).toEqual([undefined, undefined])
    expect(kept.input('a', 'resp_2').map(({ content }) => content)).toEqual([
      'question resp_1',
      'answer resp_1',
      'second',
    ])
    kept.forget('a', 'resp_1')
    expect(kept.input('a', 'resp_2').map(({ content }) => content)).toEqual(['second'])
    expect(kept.input('a', 'resp_3')).toEqual([])
  })

  test('that follows itself ends', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1', { body: { input: 'q', previous_response_id: 'resp_1' } }))
    expect(kept.of('a', 'responses').response('resp_1')).toBeUndefined()
  })

  test('holds what was only referred to', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1'))
    const input = [
      { type: 'item_reference', id: 'msg_resp_1' },
      { id: 'msg_resp_1' },
      { type: 'item_reference', id: 'gone' },
      { role: 'user', content: 'q' },
    ]
    kept.remember('a', answered('resp_2', { body: { input } }))
    kept.forget('a', 'resp_1')
    expect(kept.of('a', 'responses').response('resp_2')?.input).toMatchObject([
      { content: 'answer resp_1' },
      { content: 'answer resp_1' },
      { content: 'q' },
    ])
  })

  test('belongs to its tenant alone', () => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1'))
    expect(kept.of('b', 'responses').response('resp_1')).toBeUndefined()
    expect(kept.of('b', 'responses').item('msg_resp_1')).toBeUndefined()
    expect(kept.forget('b', 'resp_1')).toBe(false)
  })

  test.each<[why: string, over: Partial<Answered>]>([
    ['its client did not want it stored', { body: { input: 'q', store: false } }],
    ['it failed', { answer: { id: 'resp_1', status: 'failed', output: [] } }],
    ['it is of another API', { form: 'chat' }],
    ['it has no id', { answer: { output: [] } }],
  ])('is not kept where %s', (_, over) => {
    const { store: kept } = store()
    kept.remember('a', answered('resp_1', over))
    expect(kept.of('a', 'responses').response('resp_1')).toBeUndefined()
    expect(kept.bytes).toBe(0)
  })

  test('is forgotten an hour after it was asked for last', async () => {
    const { store: kept, clock } = store()
    kept.remember('a', answered('resp_1'))
    await clock.advance(hourMs - 1)
    expect(kept.of('a', 'responses').response('resp_1')).toBeDefined()
    await clock.advance(hourMs - 1)
    expect(kept.of('a', 'responses').response('resp_1')).toBeDefined()
    await clock.advance(hourMs + 1)
    expect(kept.of('a', 'responses').response('resp_1')).toBeUndefined()
    expect(kept.of('a', 'responses').item('msg_resp_1')).toBeUndefined()
    expect(kept.bytes).toBe(0)
  })

  test('makes room for others when nobody asks for it', () => {
    const { store: kept } = store({ bytesMax: 3000 })
    for (let n = 0; n < 20; n++) {
      kept.remember('a', answered(`resp_${n}`))
      expect(kept.of('a', 'responses').response('resp_0')).toBeDefined()
      expect(kept.bytes).toBeLessThanOrEqual(3000)
    }
    expect(kept.of('a', 'responses').response('resp_1')).toBeUndefined()
    expect(kept.of('a', 'responses').item('msg_resp_1')).toBeUndefined()
    expect(kept.of('a', 'responses').response('resp_19')).toBeDefined()
  })

  test('that is larger than the memory drives nothing out', () => {
    const { store: kept } = store({ bytesMax: 3000 })
    kept.remember('a', answered('resp_1'))
    kept.remember('a', answered('resp_2', { body: { input: 'x'.repeat(4000) } }))
    expect(kept.of('a', 'responses').response('resp_1')).toBeDefined()
    expect(kept.of('a', 'responses').response('resp_2')).toBeUndefined()
    expect(kept.of('a', 'responses').item('msg_resp_2')).toBeUndefined()
  })
})

const opaque: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'sig' }
const thought: Part = { kind: 'reasoning', text: 'thought', style: 'summary', isRedacted: false, opaque }
const gemini: Opaque = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'g' }

function call(id: string, signature?: Opaque): Part {
  const plain = { kind: 'tool_call', id, name: 'f', args: { raw: '{}' }, isCustom: false, tool: 'function' } as const
  return signature === undefined ? plain : { ...plain, opaque: signature }
}

function turn(...parts: readonly Part[]): Message {
  return { role: 'assistant', parts, placement: 'inline' }
}

describe('what a client did not bring back (§6.3)', () => {
  function after(parts: readonly Part[], brought: readonly Part[], form = 'chat'): readonly Part[] | undefined {
    const { store: kept } = store()
    kept.remember('a', { form: 'chat', body: { store: false }, parts })
    return withContinuity([turn(...brought)], kept.of('a', form), false)[0]?.parts
  }

  test('returns to its place in front of its call, and in front of the text that announced it', () => {
    const text: Part = { kind: 'text', text: 'Checking.' }
    expect(after([thought, text, call('A'), call('B')], [text, call('A'), call('B')])).toEqual([
      thought,
      text,
      call('A'),
      call('B'),
    ])
    expect(after([call('A'), thought, call('B')], [call('A'), call('B')])).toEqual([call('A'), thought, call('B')])
  })

  test('takes the place of the same thoughts without a signature', () => {
    const unsigned: Part = { kind: 'reasoning', text: 'thought', style: 'raw', isRedacted: false }
    expect(after([thought, call('A')], [unsigned, call('A')])).toEqual([thought, call('A')])
  })

  test("is the call's own where the call was signed", () => {
    const [signed] = after([call('A', gemini), call('B')], [call('A'), call('B')]) ?? []
    expect(signed).toMatchObject({ kind: 'tool_call', id: 'A', opaque: { ...gemini, id: undefined } })
  })

  test('does not come where the turn has some of its own, or the client is another one', () => {
    const own: Part = { ...(thought as Part & { kind: 'reasoning' }), opaque: { ...opaque, payload: 'own' } }
    expect(after([thought, call('A')], [own, call('A')])).toEqual([own, call('A')])
    expect(after([thought, call('A')], [call('A')], 'responses')).toEqual([call('A')])
    expect(after([thought, call('A')], [call('C')])).toEqual([call('C')])
  })

  test('is of no other tenant', () => {
    const { store: kept } = store()
    kept.remember('a', { form: 'chat', body: {}, parts: [thought, call('A')] })
    expect(kept.of('b', 'chat').partsBefore('A')).toBeUndefined()
    expect(kept.of('a', 'chat').partsBefore('A')).toEqual([thought])
  })

  test('is kept of thoughts that nobody signed only for who wants them back, and given to nobody else', () => {
    const plain: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }
    const own: Part = { ...plain, opaque: { form: 'chat', family: 'deepseek', kind: 'text', payload: '' } }
    const plan: Part = { ...plain, opaque: { form: 'cohere', family: 'command', kind: 'text', payload: 'tool_plan' } }
    for (const part of [plain, own, plan]) {
      for (const keepsPlain of [false, true]) {
        const { store: kept } = store()
        kept.remember('a', { form: 'chat', body: {}, parts: [part, call('A')], keepsPlain })
        for (const takesPlain of [false, true]) {
          const mended = withContinuity([turn(call('A'))], kept.of('a', 'chat'), takesPlain)[0]?.parts
          const isThere = part === plan || (keepsPlain && takesPlain)
          expect(mended).toEqual(isThere ? [part, call('A')] : [call('A')])
        }
      }
    }
  })

  test('leaves the thoughts that a client brought back unsigned as they are', () => {
    const plain: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }
    const { store: kept } = store()
    kept.remember('a', { form: 'chat', body: {}, parts: [plain, call('A')], keepsPlain: true })
    const brought: Part = { ...plain, text: 'h' }
    const messages = [turn(brought, call('A'))]
    expect(withContinuity(messages, kept.of('a', 'chat'), true)).toBe(messages)
  })

  test('of thoughts that nobody signed has a limit for one turn', () => {
    const long: Part = { kind: 'reasoning', text: 'x'.repeat(256 * 1024 + 1), style: 'raw', isRedacted: false }
    expect([...thoughtsBeforeCalls([long, call('A')], true)]).toEqual([])
  })

  test('changes nothing where there is nothing', () => {
    const messages = [turn(call('A')), turn({ kind: 'text', text: 'a' })]
    expect(withContinuity(messages, undefined, true)).toBe(messages)
    expect(withContinuity(messages, store().store.of('a', 'chat'), true)).toBe(messages)
    expect([...thoughtsBeforeCalls([{ kind: 'text', text: 'a' }, call('A')], true)]).toEqual([])
  })

  test('has its own limit', () => {
    const { store: kept } = store({ continuityBytesMax: 1500 })
    for (let n = 0; n < 50; n++) kept.remember('a', { form: 'chat', body: {}, parts: [thought, call(`call_${n}`)] })
    expect(kept.bytes).toBeLessThanOrEqual(1500)
    expect(kept.of('a', 'chat').partsBefore('call_49')).toEqual([thought])
    expect(kept.of('a', 'chat').partsBefore('call_0')).toBeUndefined()
  })
})

test('a memory counts what it holds, whatever is put, asked for and forgotten', () => {
  const forgotten: string[] = []
  const memory = new RecallMemory(2000, 100, (key) => void forgotten.push(key))
  for (let step = 0; step < 500; step++) {
    const key = `k${(step * 7) % 13}`
    if (step % 5 === 0) memory.forget(key)
    else if (step % 3 === 0) memory.get(key, step)
    else memory.put(key, 'x'.repeat((step * 31) % 600), ['other'], step)
    expect(memory.bytes).toBeLessThanOrEqual(2000)
    expect(memory.size === 0).toBe(memory.bytes === 0)
  }
  for (let key = 0; key < 13; key++) memory.forget(`k${key}`)
  expect(memory.bytes).toBe(0)
  expect(forgotten.length).toBeGreaterThan(13)
})
