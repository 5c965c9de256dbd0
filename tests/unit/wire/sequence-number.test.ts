import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { nextSequenceNumber } from '#wire/sequence-number.ts'
import { namedEvent } from '../../support/streams.ts'

const delta = (number: number, text = 'x'): string =>
  namedEvent({ type: 'response.output_text.delta', delta: text, sequence_number: number })

describe('nextSequenceNumber()', () => {
  test.each([
    { name: 'goes on from the last event', tail: delta(6) + delta(7), next: 8 },
    { name: 'knows nothing of an event that was kept back', tail: delta(6) + delta(7).slice(0, -2), next: 7 },
    {
      name: 'counts an event of which the client has half',
      tail: delta(6) + delta(7).slice(0, -2),
      inside: true,
      next: 8,
    },
    { name: 'reads the end of an event that is cut in front', tail: delta(7).slice(20), next: 8 },
    { name: 'is not misled by what a text says', tail: delta(3, '"sequence_number":99,'), next: 4 },
    { name: 'is not misled by arguments', tail: delta(3, JSON.stringify({ sequence_number: 50 })), next: 4 },
    { name: 'takes blanks', tail: 'data: {"type":"x", "sequence_number" : 12 }\r\n\r\n', next: 13 },
    { name: 'is not there without events', tail: '', next: undefined },
    { name: 'is not there where nothing is numbered', tail: 'data: {"sequence_number":"7"}\n\n', next: undefined },
    {
      name: 'does not count what is no number of an event',
      tail: 'data: {"sequence_number":1e9}\n\n',
      next: undefined,
    },
  ])('$name', ({ tail, inside, next }) => {
    expect(nextSequenceNumber(encode(tail), inside === true ? 'inside' : 'between')).toBe(next)
  })
})
