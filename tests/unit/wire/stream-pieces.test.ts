import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { StreamPieces } from '#wire/stream-pieces.ts'
import { bytesOf, cutInTwo, inPieces, sampleStreams } from '../../support/streams.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What the pieces say, their bytes, and what the stream ended in. */
function cut(
  form: StreamForm,
  chunks: readonly Uint8Array[],
): { said: string[]; raw: string[]; last: string | undefined } {
  const pieces = new StreamPieces(form)
  const whole = chunks.flatMap((chunk) => pieces.push(chunk))
  return {
    said: whole.map(({ data }) => data).filter((data) => data !== undefined),
    raw: whole.map(({ raw }) => decoder.decode(raw)),
    last: pieces.end()?.data,
  }
}

describe('StreamPieces', () => {
  test.each([...sampleStreams])('cuts $name into its events, from chunks cut anywhere', ({ form, events }) => {
    const bytes = bytesOf(events)
    const { said } = cut(form, [bytes])
    for (const chunks of [...cutInTwo(bytes), inPieces(bytes, 1)]) {
      expect(cut(form, chunks)).toEqual({ said, raw: [...events], last: undefined })
    }
  })

  test('reads every line and no blank one, with carriage returns as well', () => {
    for (const { events } of sampleStreams.filter(({ form }) => form === 'ndjson')) {
      const wanted = events.map((event) => event.trim()).filter(Boolean)
      const bytes = encoder.encode(events.join('').replaceAll('\n', '\r\n'))
      for (const chunks of cutInTwo(bytes)) expect(cut('ndjson', chunks).said).toEqual(wanted)
    }
  })

  test.each<{ form: StreamForm; text: string; last: string | undefined }>([
    { form: 'ndjson', text: '{"a":1}\n{"b":2}', last: '{"b":2}' },
    { form: 'ndjson', text: '{"a":1}\n{"b":', last: undefined },
    { form: 'ndjson', text: '{"a":1}\n \r', last: undefined },
    { form: 'chat', text: 'data: 1\n\ndata: {"b":2}', last: '{"b":2}' },
    { form: 'chat', text: 'data: {"b":', last: undefined },
    { form: 'chat', text: ': comment\n', last: undefined },
    { form: 'gemini_array', text: '[{"a":1},{"b":2', last: undefined },
    { form: 'gemini_array', text: '[{"a":1}\n', last: undefined },
  ])('of $form $text the last piece says $last: it may lack no more than its line ends', ({ form, text, last }) => {
    for (const chunks of cutInTwo(encoder.encode(text))) expect(cut(form, chunks).last).toBe(last)
  })
})
