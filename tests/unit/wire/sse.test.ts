import { describe, expect, test } from 'bun:test'
import { SseParser, type SseEvent } from '#wire/sse.ts'
import { cutInTwo } from '../../support/streams.ts'

const encoder = new TextEncoder()

const lineEnds = [
  { name: 'LF', lineEnd: '\n' },
  { name: 'CR LF', lineEnd: '\r\n' },
  { name: 'CR', lineEnd: '\r' },
]

function parse(chunks: readonly Uint8Array[]): { events: SseEvent[]; last: SseEvent | undefined } {
  const parser = new SseParser()
  return { events: chunks.flatMap((chunk) => parser.push(chunk)), last: parser.end() }
}

const texts = [
  { name: 'data', text: 'data: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'a name', text: 'event: e\ndata: a\n\n', events: [{ event: 'e', data: 'a' }] },
  { name: 'a name behind the data', text: 'data: a\nevent: e\n\n', events: [{ event: 'e', data: 'a' }] },
  { name: 'several data lines', text: 'data: a\ndata:\ndata:  b\n\n', events: [{ event: '', data: 'a\n\n b' }] },
  { name: 'no space', text: 'data:a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'a field without colon', text: 'data\n\n', events: [{ event: '', data: '' }] },
  { name: 'comments and blank lines', text: ': c\n\n\n:\ndata: a\n: c\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'an event without data', text: 'event: e\n\ndata: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'unknown fields', text: 'id: 1\nretry: 5\nfoo: x\ndata: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'a byte order mark', text: '\ufeffdata: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'characters of several bytes', text: 'data: ü🙂模\n\n', events: [{ event: '', data: 'ü🙂模' }] },
  { name: 'an unfinished event', text: 'data: a\n\ndata: b\n', events: [{ event: '', data: 'a' }] },
]

describe('SseParser', () => {
  test.each(texts)('reads $name, with every line end and cut at every byte', ({ text, events }) => {
    for (const { lineEnd } of lineEnds) {
      for (const chunks of cutInTwo(encoder.encode(text.replaceAll('\n', lineEnd)))) {
        expect(parse(chunks).events).toEqual(events)
      }
    }
  })

  test('gives an event at the end that lacks its blank line, if it is whole', () => {
    expect(parse([encoder.encode('event: e\ndata: {"a":1}')]).last).toEqual({ event: 'e', data: '{"a":1}' })
    expect(parse([encoder.encode('data: {"a":1}\n')]).last).toEqual({ event: '', data: '{"a":1}' })
    expect(parse([encoder.encode('data: [DONE]')]).last).toEqual({ event: '', data: '[DONE]' })
    expect(parse([encoder.encode('data: {"a":')]).last).toBeUndefined()
    expect(parse([encoder.encode('data: {"a":1}\n\n')]).last).toBeUndefined()
    expect(parse([encoder.encode(': comment')]).last).toBeUndefined()
  })

  test('turns bytes that are no UTF-8 into replacement characters', () => {
    expect(parse([Buffer.from('data: a\xff\n\n', 'latin1')]).events).toEqual([{ event: '', data: 'a\ufffd' }])
  })
})
