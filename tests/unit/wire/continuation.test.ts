import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { PrefillStyle } from '#core/candidate.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { concat } from '#kit/bytes.ts'
import { Continuation } from '#wire/continuation.ts'
import { SaidText } from '#wire/said-text.ts'
import { firstVoice, plainStream, plainStreams, secondVoice, understand } from '../../support/plain-streams.ts'
import { bytesOf, chatChunk, dataEvent, inPieces, namedEvent, sampleStreams } from '../../support/streams.ts'

const decoder = new TextDecoder()

function told(form: StreamForm, events: readonly string[]): SaidText {
  const said = new SaidText(form)
  said.see(bytesOf(events))
  return said
}

/** All that a continuation gives for a stream that ends, or `diverged`. */
function fed(continuation: Continuation, bytes: Uint8Array, size = 1_000_000): Uint8Array | 'diverged' {
  const out: Uint8Array[] = []
  for (const piece of inPieces(bytes, size)) {
    const step = continuation.push(piece)
    if (step === 'diverged') return out.length === 0 ? step : concat(out)
    if (step !== 'more') out.push(step)
  }
  const last = continuation.end()
  if (last === 'diverged' && out.length === 0) return last
  if (last !== 'diverged' && last !== undefined) out.push(last)
  return concat(out)
}

const pieces = ['Grüße, ', '模型 🙂', ' und "[DONE]"\n\ndata: x\u2028', 'Schluß.']
const text = pieces.join('')
const otherPieces = ['G', 'rüße, 模型', ' 🙂 und', ' "[DONE]"\n\ndata: x', '\u2028Schluß', '.']

describe('Continuation by match', () => {
  test.each([...plainStreams])('$name: behind every event, a client has the whole answer of one voice', (stream) => {
    const { form, events } = stream
    const first = events(pieces, firstVoice)
    const second = bytesOf(events(otherPieces, secondVoice))
    const wanted = understand(form, bytesOf(first))
    let rescued = 0
    for (let count = 1; count < first.length; count++) {
      const said = told(form, first.slice(0, count))
      if (!said.canContinue) continue
      rescued++
      for (const size of [1, 13, 1_000_000]) {
        const rest = fed(new Continuation(said, 'match'), second, size)
        if (rest === 'diverged') throw new Error(`It diverges behind event ${count}`)
        const got = understand(form, concat([bytesOf(first.slice(0, count)), rest]))
        // An item that the client had not heard of keeps the name it has.
        const names = said.soFar.step < 4 && form === 'responses' ? got.names : wanted.names
        expect(got).toEqual({ ...wanted, names, sequence: got.sequence.map((_, index) => index) })
        expect(got.names).toHaveLength(wanted.names.length)
      }
    }
    expect(rescued).toBeGreaterThanOrEqual(pieces.length - 1)
  })

  const samples = sampleStreams.map(({ name, form, events }) => ({ name, form, events: () => [...events] }))
  test.each([...plainStreams, ...samples])(
    '$name: gone on with by the very same stream, it is the same to the byte',
    ({ form, events }) => {
      const all = events(pieces)
      for (let count = 1; count < all.length; count++) {
        const said = told(form, all.slice(0, count))
        if (!said.canContinue) continue
        const rest = fed(new Continuation(said, 'match'), bytesOf(all), 17)
        const client = rest === 'diverged' ? rest : decoder.decode(rest)
        // Only events that say nothing at all are left out, and only in the beginning.
        const from = all.findIndex((_, index) => index >= count && all.slice(index).join('') === client)
        expect(from).toBeGreaterThanOrEqual(count)
        const { text: had, step } = told(form, all.slice(0, from)).soFar
        expect([had, step]).toEqual([said.text, said.soFar.step])
      }
    },
  )

  test.each([...plainStreams])('$name: a text that differs anywhere before is no continuation', ({ form, events }) => {
    const first = events([text, 'more', 'and more'])
    const said = told(form, first.slice(0, first.findIndex((event) => event.includes('Gr')) + 1))
    expect(said.text).toBe(text)
    for (let at = 0; at < text.length; at++) {
      const other = `${text.slice(0, at)}\u0001${text.slice(at + 1)}`
      for (const cut of [[other], [other.slice(0, at), other.slice(at), 'more']]) {
        expect(fed(new Continuation(said, 'match'), bytesOf(events(cut, secondVoice)), 29)).toBe('diverged')
      }
    }
  })

  test.each([...plainStreams])('$name: an answer that ends earlier is none, one that ends there is', (stream) => {
    const { form, events } = stream
    const first = events([text, 'more', 'and more'])
    const count = first.findIndex((event) => event.includes('Gr')) + 1
    const said = told(form, first.slice(0, count))
    const short = bytesOf(events([text.slice(0, -1)], secondVoice))
    expect(fed(new Continuation(said, 'match'), short)).toBe('diverged')
    const same = fed(new Continuation(said, 'match'), bytesOf(events([text], secondVoice)))
    if (same === 'diverged') throw new Error('It diverges')
    const got = understand(form, concat([bytesOf(first.slice(0, count)), same]))
    expect(got.text).toBe(text)
    expect(got.finishes).toEqual(understand(form, bytesOf(events([text]))).finishes)
  })

  test('any texts, cut in any way and fed in any pieces, become one', () => {
    const anyText = fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(
        fc.constantFrom(...plainStreams),
        anyText,
        fc.array(fc.nat(60), { maxLength: 5 }),
        fc.nat(20),
        fc.integer({ min: 1, max: 300 }),
        ({ form, events }, parts, places, count, size) => {
          const whole = parts.join('')
          const first = events(parts)
          const had = first.slice(0, Math.max(1, Math.min(count, first.length - 1)))
          const said = told(form, had)
          if (!said.canContinue) return
          // Cut between UTF-16 units, so that halves of pairs stand alone too.
          const cuts = places.map((place) => place % (whole.length + 1)).toSorted((a, b) => a - b)
          const other = [...cuts, whole.length].map((end, index) => whole.slice(cuts[index - 1] ?? 0, end))
          const rest = fed(new Continuation(said, 'match'), bytesOf(events(other, secondVoice)), size)
          if (rest === 'diverged') throw new Error('It diverges')
          const got = understand(form, concat([bytesOf(had), rest]))
          expect(got.text).toBe(whole)
        },
      ),
    )
  })

  test('a client that has half of a surrogate pair gets the other half', () => {
    const said = told('chat', [chatChunk({ role: 'assistant', content: 'a\ud83d' })])
    const rest = fed(new Continuation(said, 'match'), bytesOf([chatChunk({ content: 'a🙂b' }), chatChunk({}, 'stop')]))
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toContain(String.raw`"content":"\ude42b"`)
  })

  test.each([...plainStreams])(
    '$name: a rescue of a rescue goes on with all that the client has',
    ({ form, events }) => {
      const all = events(pieces)
      const first = bytesOf(all.slice(0, all.findIndex((event) => event.includes('Gr')) + 1))
      const said = new SaidText(form)
      said.see(first)
      const others = events(otherPieces, secondVoice)
      const half = others.slice(0, others.findIndex((event) => event.includes('🙂')) + 1)
      const more = new Continuation(said, 'match').push(bytesOf(half))
      if (typeof more === 'string') throw new Error(more)
      said.see(more)
      expect(said.text).toBe('Grüße, 模型 🙂 und')
      const rest = fed(new Continuation(said, 'match'), bytesOf(events(pieces, { ...secondVoice, id: 'three' })))
      if (rest === 'diverged') throw new Error('It diverges')
      const got = understand(form, concat([first, more, rest]))
      const wanted = understand(form, bytesOf(all))
      expect(got).toEqual({ ...wanted, sequence: got.sequence.map((_, index) => index) })
    },
  )

  test('what comes behind the text passes, whatever it is', () => {
    const call = chatChunk({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } }] })
    const said = told('chat', [chatChunk({ role: 'assistant', content: 'ab' })])
    const after = [call, ': comment\n\n', chatChunk({}, 'tool_calls'), 'data: [DONE]\n\n']
    const rest = fed(new Continuation(said, 'match'), bytesOf([': hi\n\n', chatChunk({ content: 'ab' }), ...after]))
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(after.join(''))
    const blocks = [
      namedEvent({ type: 'content_block_stop', index: 0 }),
      namedEvent({ type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 'c', name: 'f' } }),
      namedEvent({ type: 'content_block_stop', index: 1 }),
      namedEvent({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 1 } }),
      namedEvent({ type: 'message_stop' }),
    ]
    const messages = plainStream('messages').events(['ab']).slice(0, 4)
    const others = fed(new Continuation(told('messages', messages), 'match'), bytesOf([...messages, ...blocks]))
    expect(others === 'diverged' ? others : decoder.decode(others)).toBe(blocks.join(''))
  })

  test.each([
    { name: 'a tool call', event: chatChunk({ tool_calls: [{ index: 0, id: 'c' }] }) },
    { name: 'reasoning', event: chatChunk({ reasoning_content: 'hm' }) },
    { name: 'an error', event: dataEvent({ error: { message: 'no' } }) },
    { name: 'an end', event: chatChunk({}, 'stop') },
    { name: 'the last word of all', event: 'data: [DONE]\n\n' },
    { name: 'an event that is no JSON', event: 'data: {\n\n' },
  ])('$name before the text is complete is no continuation', ({ event }) => {
    const said = told('chat', [chatChunk({ role: 'assistant', content: 'ab' })])
    const front = [chatChunk({ role: 'assistant', content: '' }), chatChunk({ content: 'a' })]
    expect(fed(new Continuation(said, 'match'), bytesOf([...front, event, chatChunk({ content: 'bc' })]))).toBe(
      'diverged',
    )
    expect(fed(new Continuation(said, 'match'), bytesOf([event]))).toBe('diverged')
  })

  test('an error behind the text is not passed: the stream is one that does not go on', () => {
    const said = told('chat', [chatChunk({ content: 'ab' })])
    const continuation = new Continuation(said, 'match')
    const more = continuation.push(bytesOf([chatChunk({ content: 'abc' }), dataEvent({ error: { message: 'no' } })]))
    expect(typeof more === 'string' ? more : decoder.decode(more)).toBe(chatChunk({ content: 'c' }))
    expect(continuation.push(bytesOf([chatChunk({ content: 'd' })]))).toBe('diverged')
    expect(continuation.end()).toBe('diverged')
  })

  test('nobody goes on with what is no plain text, or with half of an event', () => {
    for (const event of [chatChunk({ reasoning_content: 'hm' }), chatChunk({ content: 'a' }).slice(0, -1)]) {
      const continuation = new Continuation(told('chat', [event]), 'match')
      expect(continuation.push(bytesOf([chatChunk({ content: 'ab' })]))).toBe('diverged')
      expect(continuation.end()).toBe('diverged')
    }
  })

  test('text in the event that ends the answer, and a signature behind it, go with the rest', () => {
    const chunk = (parts: object[], more: object = {}): string =>
      dataEvent({ candidates: [{ content: { parts }, ...more }] })
    const said = told('gemini_sse', [chunk([{ text: 'ab' }])])
    const last = chunk([{ text: 'a' }, { text: 'bc' }, { text: 'd', thoughtSignature: 's' }], { finishReason: 'STOP' })
    const rest = fed(new Continuation(said, 'match'), bytesOf([last]))
    const wanted = chunk([{ text: 'cd' }, { text: '', thoughtSignature: 's' }], { finishReason: 'STOP' })
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(wanted)
    const early = chunk([{ text: 'a', thoughtSignature: 's' }])
    expect(fed(new Continuation(said, 'match'), bytesOf([early, chunk([{ text: 'bcd' }])]))).toBe('diverged')
  })

  test('an event that is written anew has no character that some clients take for a line end', () => {
    const said = told('chat', [chatChunk({ content: 'a' })])
    const rest = fed(new Continuation(said, 'match'), bytesOf([chatChunk({ content: 'a\u0085\u2028\u2029' })]))
    const line = rest === 'diverged' ? rest : decoder.decode(rest)
    expect(line).toContain(String.raw`"content":"\u0085\u2028\u2029"`)
  })

  test('a role is told once, also where servers repeat it', () => {
    const chunk = (content: string): string => chatChunk({ role: 'assistant', content })
    const said = told('chat', [chunk('a')])
    const rest = fed(new Continuation(said, 'match'), bytesOf([chunk('a'), chunk('b'), chatChunk({}, 'stop')]))
    const wanted = chatChunk({ content: 'b' }) + chatChunk({}, 'stop')
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(wanted)
  })

  test('an event that lacks its last line end is completed', () => {
    const said = told('chat', [chatChunk({ content: 'ab' })])
    const all = bytesOf([chatChunk({ content: 'ab' }), chatChunk({}, 'stop').trimEnd()])
    const rest = fed(new Continuation(said, 'match'), all)
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(chatChunk({}, 'stop'))
    const torn = fed(new Continuation(said, 'match'), all.subarray(0, -3))
    expect(torn === 'diverged' ? torn : decoder.decode(torn)).toBe('')
  })

  test('an event without end counts as one that does not fit', () => {
    const continuation = new Continuation(told('chat', [chatChunk({ content: 'a' })]), 'match')
    const chunk = new Uint8Array(1024 * 1024).fill(0x61)
    const steps = Array.from({ length: 17 }, () => continuation.push(chunk))
    expect([steps.at(15), steps.at(16)]).toEqual(['more', 'diverged'])
  })

  test('no bytes whatever make it fail', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...plainStreams),
        fc.array(fc.uint8Array()),
        fc.boolean(),
        (stream, chunks, matches) => {
          const said = told(stream.form, stream.events(pieces).slice(0, 1))
          const continuation = new Continuation(said, matches ? 'match' : 'prefill')
          for (const bytes of chunks) continuation.push(bytes)
          continuation.end()
        },
      ),
    )
  })
})

interface Sequel {
  readonly name: string
  readonly said: string
  readonly cut?: string
  readonly style?: PrefillStyle
  readonly goesOn: readonly string[]
  /** The text in the end, or nothing when it does not go on. */
  readonly text: string | undefined
}

const long = 'The quick brown fox jumps over the lazy dog, again and again.'

const sequels: readonly Sequel[] = [
  { name: 'all that is said is new', said: 'Hello', goesOn: [' wor', 'ld'], text: 'Hello world' },
  { name: 'nothing more', said: 'Hello', goesOn: [''], text: 'Hello' },
  {
    name: 'blanks that were cut come again',
    said: 'One,\n\n',
    cut: '\n\n',
    goesOn: ['\n', '\nTwo'],
    text: 'One,\n\nTwo',
  },
  { name: 'blanks that were cut come again with more', said: 'One ', cut: ' ', goesOn: ['  Two'], text: 'One  Two' },
  { name: 'blanks that were cut do not come again', said: 'One ', cut: ' ', goesOn: ['Two'], text: 'One Two' },
  { name: 'other blanks than those that were cut', said: 'One ', cut: ' ', goesOn: ['\nTwo'], text: 'One \nTwo' },
  { name: 'only half of the blanks, and the end', said: 'One \n', cut: ' \n', goesOn: [' '], text: 'One \n' },
  {
    name: 'a short given text comes first, as it may where it was marked',
    said: 'Hello',
    style: 'prefix',
    goesOn: ['Hel', 'lo', ' world'],
    text: 'Hello world',
  },
  { name: 'a long given text comes first', said: long, goesOn: [long, ' And so on.'], text: `${long} And so on.` },
  {
    name: 'a long given text and the blanks come first',
    said: `${long} \n`,
    cut: ' \n',
    goesOn: [long, ' \nAnd', ' so on.'],
    text: `${long} \nAnd so on.`,
  },
  {
    name: 'a short given text and the blanks come first where it was marked',
    said: 'A b ',
    cut: ' ',
    style: 'prefix',
    goesOn: ['A b', ' c'],
    text: 'A b c',
  },
  { name: 'it goes on with what was said last', said: 'ha', goesOn: ['ha', '!'], text: 'haha!' },
  { name: 'the same in one piece, to be continued', said: 'ha', style: 'continue', goesOn: ['ha!'], text: 'haha!' },
  { name: 'the given text, and nothing more', said: long, goesOn: [long], text: long },
  {
    name: 'it begins like the given text by chance',
    said: 'The cat. ',
    goesOn: ['The', ' dog.'],
    text: 'The cat. The dog.',
  },
  { name: 'it is the beginning of the given text by chance', said: 'The cat. ', goesOn: ['The'], text: 'The cat. The' },
  { name: 'another try at the answer', said: long, goesOn: [long.slice(0, 40), '!'], text: undefined },
  { name: 'another try at the answer that ends early', said: long, goesOn: [long.slice(0, 40)], text: undefined },
]

describe('Continuation by prefill', () => {
  const streams = plainStreams.filter(({ form }) => form !== 'responses')
  test.each(
    sequels.flatMap((sequel) => streams.map((stream) => ({ name: sequel.name, dialect: stream.name, sequel, stream }))),
  )('$dialect: $name', ({ stream: { form, events }, sequel: { said: given, cut, style, goesOn, text: wanted } }) => {
    const first = events([given, 'x', 'y'])
    const count = first.findIndex((event) => event.includes(JSON.stringify(given))) + 1
    const second = bytesOf(events(goesOn, secondVoice))
    for (const size of [1, 31, 1_000_000]) {
      const rest = fed(new Continuation(told(form, first.slice(0, count)), 'prefill', cut, style), second, size)
      if (rest === 'diverged' || wanted === undefined) {
        expect([rest === 'diverged', wanted]).toEqual([true, undefined])
        continue
      }
      const got = understand(form, concat([bytesOf(first.slice(0, count)), rest]))
      const whole = understand(form, bytesOf(first))
      const steps = { types: whole.types, roles: whole.roles, names: whole.names, finishes: whole.finishes }
      expect(got).toEqual({ ...steps, text: wanted, sequence: [] })
    }
  })

  test('a response cannot be gone on with so, since its last events hold all of its text', () => {
    const events = plainStream('responses').events(['a', 'b'])
    const continuation = new Continuation(told('responses', events.slice(0, 5)), 'prefill')
    expect(continuation.push(bytesOf(events))).toBe('diverged')
  })

  test('nor can a text whose end was told', () => {
    const events = plainStream('messages').events(['a'])
    const said = told('messages', events.slice(0, 5))
    expect(said.canContinue).toBe(true)
    expect(new Continuation(said, 'prefill').push(bytesOf(events))).toBe('diverged')
    const rest = fed(new Continuation(said, 'match'), bytesOf(events))
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(events.slice(5).join(''))
    const longer = bytesOf(plainStream('messages').events(['a', 'b']))
    expect(fed(new Continuation(said, 'match'), longer)).toBe('diverged')
  })

  test.each([
    { name: 'a tool call', event: chatChunk({ tool_calls: [{ index: 0, id: 'c' }] }) },
    { name: 'reasoning', event: chatChunk({ reasoning_content: 'hm' }) },
  ])('one that begins with $name does not go on', ({ event }) => {
    const said = told('chat', [chatChunk({ role: 'assistant', content: 'ab' })])
    expect(fed(new Continuation(said, 'prefill'), bytesOf([event, chatChunk({ content: 'c' })]))).toBe('diverged')
  })

  test('events pass byte for byte when nothing in them is another’s', () => {
    const events = plainStream('messages').events(['a', 'b'])
    const said = told('messages', events.slice(0, 4))
    const rest = fed(
      new Continuation(said, 'prefill'),
      bytesOf(plainStream('messages').events(['c', 'd'], secondVoice)),
    )
    const wanted = plainStream('messages').events(['c', 'd']).slice(3).join('')
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(wanted)
  })

  test('a long text that is said again in small pieces costs no more than its length', () => {
    const whole = 'abcdefgh'.repeat(50_000)
    const events = inPieces(new TextEncoder().encode(whole), 4).map((piece) =>
      chatChunk({ content: decoder.decode(piece) }),
    )
    const said = told('chat', [chatChunk({ content: whole })])
    const rest = fed(new Continuation(said, 'prefill'), bytesOf([...events, chatChunk({ content: '!' })]), 100_000)
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(chatChunk({ content: '!' }))
  })

  test('a refusal of the prompt does not go on, and ends what did', () => {
    const refusal = dataEvent({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } })
    const chunk = (said: string): string => dataEvent({ candidates: [{ content: { parts: [{ text: said }] } }] })
    const had = told('gemini_sse', [chunk('a')])
    expect(fed(new Continuation(had, 'prefill'), bytesOf([refusal]))).toBe('diverged')
    expect(fed(new Continuation(had, 'match'), bytesOf([refusal]))).toBe('diverged')
    const rest = fed(new Continuation(had, 'prefill'), bytesOf([chunk('b'), refusal]))
    expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(chunk('b') + refusal)
  })
})

describe('[DONE] is believed of a stream that said something', () => {
  const role = chatChunk({ role: 'assistant', content: '' })
  const last = 'data: [DONE]\n\n'
  const news = chatChunk({ content: 'b' })
  const finish = chatChunk({}, 'stop')
  test.each<{ mode: 'match' | 'prefill'; events: string[]; rest: string | undefined }>([
    { mode: 'prefill', events: [last], rest: undefined },
    { mode: 'prefill', events: [role, last], rest: undefined },
    { mode: 'prefill', events: [role, news, last], rest: news + last },
    { mode: 'prefill', events: [role, finish, last], rest: finish + last },
    { mode: 'match', events: [role, chatChunk({ content: 'a' }), last], rest: undefined },
    { mode: 'match', events: [role, chatChunk({ content: 'a' }), finish, last], rest: finish + last },
    { mode: 'match', events: [role, chatChunk({ content: 'ab' }), last], rest: news + last },
  ])('$mode of $events', ({ mode, events, rest }) => {
    const said = told('chat', [chatChunk({ role: 'assistant', content: 'a' })])
    const got = fed(new Continuation(said, mode), bytesOf(events))
    expect(got === 'diverged' ? undefined : decoder.decode(got)).toBe(rest)
  })
})

test('numbers of an event that is written anew stay as they stand', () => {
  const event = (id: string, content: string): string =>
    `data: {"id":"${id}","seed":12345678901234567890,"cost":1.0,"tiny":[1e-7,-0],` +
    `"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}],"created":7}\n\n`
  const said = told('chat', [event('one', 'a')])
  const rest = fed(new Continuation(said, 'match'), bytesOf([event('two', 'ab')]))
  expect(rest === 'diverged' ? rest : decoder.decode(rest)).toBe(event('one', 'b'))
})

test('an array that begins with an element of no account is one to the client', () => {
  const { form, events } = plainStream('gemini_array')
  const silent = '[{"candidates":[{"content":{"parts":[]}}]}'
  const [first = '', ...others] = events(['a', 'b'])
  const array = bytesOf([silent, `,\r\n${first.slice(1)}`, ...others])
  for (const size of [1, 1000]) {
    const rest = fed(new Continuation(new SaidText(form), 'match'), array, size)
    expect(rest === 'diverged' ? rest : understand(form, rest).text).toBe('ab')
  }
})
