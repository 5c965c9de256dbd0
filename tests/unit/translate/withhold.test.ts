import { describe, expect, test } from 'bun:test'
import { seededRandom } from '#ports/random.ts'
import type { Choice, CommonEvent, CommonResponse, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { passageTo } from '#translate/passage.ts'
import { unfolded } from '#translate/unfold.ts'
import { broughtBack, type Return } from '#translate/way-back.ts'
import { keepsOneCall, withheldOf } from '#translate/withheld.ts'
import type { Withheld } from '#translate/withhold.ts'
import { commonRequest, plainPolicy } from '../../support/translating.ts'
import { noWayBack } from '../../support/plain-codec.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

const text = (said: string, more: object = {}): Part => ({ kind: 'text', text: said, ...more })
const refusal: Part = { kind: 'refusal', text: 'No.' }
const thought: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }
const call = (name: string, more: object = {}): Part => ({
  kind: 'tool_call',
  id: `call_${name}`,
  name,
  args: { raw: '{}' },
  isCustom: false,
  tool: 'function',
  ...more,
})
const lone = { kind: 'url', url: 'https://a.test/', title: 'A' } as const
const placed = { ...lone, url: 'https://b.test/', start: 0, end: 1 } as const

function wayOf(notes: Notes, withheld: Partial<Withheld> = {}): Return {
  const all = { furtherCalls: true, loneSources: true, outputTool: undefined, notes, ...withheld }
  return { back: { ...noWayBack, outputTool: all.outputTool }, hasTags: false, form: 'chat', notes, withheld: all }
}

function answer(...told: readonly Omit<Choice, 'index'>[]): CommonResponse {
  const choices = told.map(({ parts, finish }, index): Choice => ({ index, parts, finish }))
  const rest = { usage: undefined, tier: undefined, fingerprint: undefined }
  return { id: 'a', model: 'm', createdAt: 1, choices, ...rest }
}

function streamed(events: readonly CommonEvent[], way: Return): ReturnType<Fold['result']> {
  const fold = new Fold()
  const passage = passageTo(fold, way, { choices: 2, inputEstimate: 1 }, false)
  for (const event of events) passage.first.take(event)
  return fold.result()
}

interface Case {
  readonly name: string
  readonly parts: readonly Part[]
  readonly finish?: Choice['finish']['reason']
  readonly withheld?: Partial<Withheld>
  readonly told: readonly Part[]
  readonly reason?: Choice['finish']['reason']
  readonly codes?: readonly string[]
}

const cut = ['dropped:further_calls']

const cases: readonly Case[] = [
  { name: 'one call is all that there is', parts: [call('a'), text('b')], told: [call('a'), text('b')] },
  {
    name: 'a second call and what follows it',
    parts: [thought, call('a'), text('b'), call('c'), text('d')],
    told: [thought, call('a'), text('b')],
    codes: cut,
  },
  {
    name: 'a refusal is told all the same',
    parts: [text('b'), call('a'), call('c'), refusal],
    told: [text('b'), refusal],
    reason: 'content_filter',
    codes: cut,
  },
  {
    name: 'the limit was reached behind the cut',
    parts: [call('a'), call('c')],
    finish: 'length',
    told: [call('a')],
    reason: 'tool_calls',
    codes: cut,
  },
  {
    name: 'the limit was reached in front of it',
    parts: [call('a')],
    finish: 'length',
    told: [call('a')],
    reason: 'length',
  },
  {
    name: 'the call that is the text is none',
    parts: [call('out'), call('a')],
    withheld: { outputTool: 'out' },
    told: [text('{}'), call('a')],
  },
  {
    name: 'nothing is cut where nothing is to be',
    parts: [call('a'), call('c')],
    withheld: { furtherCalls: false },
    told: [call('a'), call('c')],
  },
  {
    name: 'sources without a place',
    parts: [text('b', { annotations: [lone, placed] })],
    told: [text('b', { annotations: [placed] })],
    reason: 'stop',
    codes: ['dropped:citations'],
  },
  {
    name: 'sources are told where they may be',
    parts: [text('b', { annotations: [lone] })],
    withheld: { loneSources: false },
    told: [text('b', { annotations: [lone] })],
    reason: 'stop',
  },
]

describe('what is withheld of an answer', () => {
  test.each(cases)(
    '$name: the same of a body and of a stream',
    ({ parts, finish = 'tool_calls', withheld, told, reason = 'tool_calls', codes = [] }) => {
      const whole = answer({ parts, finish: { reason: finish } })
      const notes = [new Notes('warn'), new Notes('warn')] as const
      const body = broughtBack(whole, wayOf(notes[0], withheld))
      expect(body).toMatchObject({ choices: [{ parts: [...told], finish: { reason } }] })
      expect(notes[0].codes).toEqual([...codes])
      const stream = streamed(unfolded(whole, ids, 1), wayOf(notes[1], withheld))
      // That a call is taken back by a refusal is for the writers of streams to tell.
      const kept = reason === 'content_filter' ? [text('b'), call('a'), refusal] : told
      expect(stream).toMatchObject({ choices: [{ parts: [...kept], finish: { reason } }] })
      expect(notes[1].codes).toEqual([...codes])
    },
  )

  test('a source that is told behind its text', () => {
    const notes = new Notes('warn')
    const whole = unfolded(answer({ parts: [text('b')], finish: { reason: 'stop' } }), ids, 1)
    const late: CommonEvent[] = [lone, placed].map((annotation) => ({
      event: 'late_source',
      choice: 0,
      part: 0,
      annotation,
    }))
    const events = whole.flatMap((event) => (event.event === 'finish' ? late.concat(event) : event))
    expect(streamed(events, wayOf(notes))).toMatchObject({
      choices: [{ parts: [text('b', { annotations: [placed] })] }],
    })
    expect(notes.fields).toEqual([['dropped:citations', 'annotations']])
  })

  test('calls that are told side by side: the pieces of the second are nobody’s', () => {
    const head = { kind: 'tool_call', isCustom: false, tool: 'function' } as const
    const events: CommonEvent[] = [
      { event: 'start', id: 'a', model: 'm', createdAt: 1 },
      { event: 'part_start', choice: 0, part: 0, head: { ...head, id: '1', name: 'a' } },
      { event: 'part_start', choice: 0, part: 1, head: { ...head, id: '2', name: 'b' } },
      { event: 'part_delta', choice: 0, part: 1, text: '{"no":' },
      { event: 'part_delta', choice: 0, part: 0, text: '{"yes":' },
      { event: 'part_delta', choice: 0, part: 1, text: '1}' },
      { event: 'part_delta', choice: 0, part: 0, text: '1}' },
      { event: 'part_end', choice: 0, part: 1 },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'finish', choice: 0, finish: { reason: 'tool_calls' } },
      { event: 'end' },
    ]
    expect(streamed(events, wayOf(new Notes('warn')))).toMatchObject({
      choices: [{ parts: [{ kind: 'tool_call', id: '1', args: { raw: '{"yes":1}' } }] }],
    })
  })

  test('calls that another carries out, or that were taken back, are no first ones', () => {
    const parts = [call('a', { caller: 'code' }), call('b', { isVoid: true }), call('c'), call('d')]
    const body = broughtBack(answer({ parts, finish: { reason: 'tool_calls' } }), wayOf(new Notes('warn')))
    expect(body).toMatchObject({ choices: [{ parts: [{ name: 'a' }, { name: 'c' }] }] })
  })

  test('of any answer a body and a stream tell the same, and each choice one call at most', () => {
    const random = seededRandom(11)
    const pool = [text('b'), text('c', { annotations: [lone, placed] }), thought, call('a'), call('d')]
    const partsOf = (): readonly Part[] =>
      Array.from(
        { length: Math.floor(random.unit() * 7) },
        () => pool[Math.floor(random.unit() * pool.length)] ?? thought,
      )
    for (let round = 0; round < 300; round++) {
      const whole = answer(
        { parts: partsOf(), finish: { reason: 'tool_calls' } },
        { parts: partsOf(), finish: { reason: 'length' } },
      )
      const body = broughtBack(whole, wayOf(new Notes('warn')))
      const stream = streamed(unfolded(whole, ids, 1), wayOf(new Notes('warn')))
      if (!('choices' in body) || stream === undefined || !('choices' in stream)) throw new Error('It is an error')
      const plain = (choices: readonly Choice[]): unknown => JSON.parse(JSON.stringify(choices))
      expect(plain(stream.choices)).toEqual(plain(body.choices))
      const counts = body.choices.map(({ parts }) => parts.filter(({ kind }) => kind === 'tool_call').length)
      expect(Math.max(...counts)).toBeLessThan(2)
      expect(JSON.stringify(body.choices)).not.toContain(lone.url)
    }
  })
})

test.each([
  { form: 'chat', protocol: 'openai', model: 'gpt-5', cut: false },
  { form: 'chat', protocol: 'deepseek', model: 'deepseek-chat', cut: true },
  { form: 'responses', protocol: 'openai', model: 'gpt-5', cut: false },
  { form: 'messages', protocol: 'anthropic', model: 'claude-sonnet-4-5', cut: false },
  { form: 'gemini', protocol: 'gemini', model: 'gemini-2.5-pro', cut: true },
  { form: 'ollama', protocol: 'ollama', model: 'qwen3', cut: true },
  { form: 'cohere', protocol: 'cohere', model: 'command-a', cut: true },
  { form: 'converse', protocol: 'bedrock', model: 'amazon.nova-pro-v1:0', cut: true },
  { form: 'converse', protocol: 'bedrock', model: 'openai.gpt-oss-120b-1:0', cut: true },
] as const)('answers of $model in $form are cut: $cut', ({ form, protocol, model, cut: isCut }) => {
  const profile = profileOf(form, protocol, model)
  const policy = { ...plainPolicy, keepsOneCall: true }
  expect(keepsOneCall({ parallelToolCalls: false }, { form, profile, policy })).toBe(isCut)
  expect(keepsOneCall({ parallelToolCalls: undefined }, { form, profile, policy })).toBe(false)
  expect(keepsOneCall({ parallelToolCalls: false }, { form, profile, policy: plainPolicy })).toBe(false)
})

test.each([
  { form: 'chat', drops: true, loneSources: true },
  { form: 'chat', drops: false, loneSources: undefined },
  // It cites by blocks, which are places.
  { form: 'converse', drops: true, loneSources: undefined },
] as const)('lone sources of $form, with dropsLoneSources $drops: $loneSources', ({ form, drops, loneSources }) => {
  const profile = profileOf(form, 'openai', 'some-model')
  const policy = { ...plainPolicy, dropsLoneSources: drops }
  const withheld = withheldOf(commonRequest(), { form, profile, policy }, noWayBack, new Notes('warn'))
  expect(withheld?.loneSources).toBe(loneSources)
})
