import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { StreamForm } from '#core/endpoint.ts'
import { EventWriter, readEvent, shownOf } from '#hook/stream-event.ts'
import { StreamPieces } from '#wire/stream-pieces.ts'

type Change = (data: string, index: number) => unknown

/** A stream in chunks cut after so many bytes each, with what hooks would make of its events. */
function rewritten(form: StreamForm, text: string, change: Change, size = 7): string {
  const pieces = new StreamPieces(form)
  const writer = new EventWriter(form)
  const bytes = new TextEncoder().encode(text)
  const decoder = new TextDecoder()
  let made = ''
  let index = 0
  for (let at = 0; at < bytes.length; at += size) {
    for (const piece of pieces.push(bytes.subarray(at, at + size))) {
      const data = shownOf(piece, form)
      const given = data === undefined ? undefined : readEvent(change(data, index++))
      if (given === 'drop') writer.drop(piece)
      else made += decoder.decode(given === undefined ? writer.plain(piece) : writer.changed(piece, given))
    }
  }
  return made + decoder.decode(pieces.rest)
}

const upper: Change = (data) => data.toUpperCase()
const sse = ': hello\n\nid: 1\nevent: ping\ndata: {"a":\ndata: 1}\n\ndata: two\n\ndata: [DONE]\n\n'

test.each<{ name: string; form: StreamForm; text: string; change: Change; gives: string }>([
  { name: 'keeps what it is not told to change', form: 'chat', text: sse, change: () => undefined, gives: sse },
  {
    name: 'writes events anew, their names and ids as they were',
    form: 'chat',
    text: sse,
    change: upper,
    gives: ': hello\n\nid: 1\nevent: ping\ndata: {"A":\ndata: 1}\n\ndata: TWO\n\ndata: [DONE]\n\n',
  },
  {
    name: 'gives an event another name',
    form: 'messages',
    text: 'event: a\ndata: 1\n\n',
    change: (data) => ({ event: 'b', data }),
    gives: 'event: b\ndata: 1\n\n',
  },
  {
    name: 'reads lines that end as in Windows',
    form: 'chat',
    text: 'id: 1\r\ndata: two\r\n\r\n',
    change: upper,
    gives: 'id: 1\ndata: TWO\n\n',
  },
  { name: 'leaves events out', form: 'chat', text: sse, change: () => null, gives: ': hello\n\ndata: [DONE]\n\n' },
  {
    name: 'changes lines, which stay lines',
    form: 'ndjson',
    text: '{"a":1}\n{"b":2}\n',
    change: (_data, at) => (at === 0 ? '{\n"a": 9}' : undefined),
    gives: '{ "a": 9}\n{"b":2}\n',
  },
  {
    name: 'leaves lines out',
    form: 'ndjson',
    text: '{"a":1}\n{"b":2}\n',
    change: (_data, at) => (at === 0 ? null : undefined),
    gives: '{"b":2}\n',
  },
])('EventWriter $name (C914)', ({ form, text, change, gives }) => {
  for (const size of text.includes('\r') ? [1000] : [1, 5, 1000])
    expect(rewritten(form, text, change, size)).toBe(gives)
})

describe('EventWriter of an array', () => {
  test('C914: whatever is changed and left out, an array stays one, for every way of cutting it', () => {
    const element = fc.record({ text: fc.string(), n: fc.integer() })
    const verdict = fc.constantFrom('keep', 'drop', 'change')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(element, verdict), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (parts, size, isSpread) => {
          const text = `[${parts.map(([each]) => JSON.stringify(each)).join(isSpread ? '\n,\r\n' : ',')}${isSpread ? '\n' : ''}]`
          const change: Change = (_data, at) => {
            const [each, what] = parts[at] ?? []
            return what === 'drop' ? null : what === 'change' ? JSON.stringify({ ...each, n: 'new' }) : undefined
          }
          const wanted = parts.flatMap(([each, what]) =>
            what === 'drop' ? [] : [what === 'change' ? { ...each, n: 'new' } : each],
          )
          expect(JSON.parse(rewritten('gemini_array', text, change, size))).toEqual(wanted)
        },
      ),
    )
  })
})

test.each([7, true, {}, { data: 1 }, { data: 'x', event: 'a\nb' }, []].map((given) => ({ given })))(
  'readEvent() takes no $given for an event',
  ({ given }) => {
    expect(() => readEvent(given)).toThrow()
  },
)
