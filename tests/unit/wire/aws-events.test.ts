import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asObject, parseJson } from '#kit/json-value.ts'
import { AwsEvents, type AwsEvent } from '#wire/aws-events.ts'
import { awsChunk, awsEvent, awsException, awsFrame } from '../../support/aws-frames.ts'

function read(chunks: readonly Uint8Array[]): readonly AwsEvent[] {
  const events = new AwsEvents()
  return [...chunks.flatMap((chunk) => events.push(chunk)), ...events.end()]
}

const stream = Buffer.concat([
  awsEvent('messageStart', { role: 'assistant', p: 'abcdef' }),
  awsEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Grüße 🌍 "x"' } }),
  awsChunk({ type: 'ping' }),
  awsEvent('messageStop', { stopReason: 'end_turn' }),
])

describe('§10.6: AwsEvents reads frames', () => {
  test('their type is the name, their payload the data, as it came', () => {
    expect(read([stream])).toEqual([
      { name: 'messageStart', data: '{"role":"assistant","p":"abcdef"}' },
      { name: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"Grüße 🌍 \\"x\\""}}' },
      { name: 'chunk', data: expect.stringContaining('"bytes":"eyJ0eXBlIjoicGluZyJ9"') },
      { name: 'messageStop', data: '{"stopReason":"end_turn"}' },
    ])
  })

  test('the same ones for every way of cutting the bytes', () => {
    const whole = read([stream])
    expect(read([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(whole)
    for (let at = 0; at <= stream.length; at += 1)
      expect(read([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.toSorted((one, other) => one - other), stream.length]
        const chunks = places.slice(1).map((end, index) => stream.subarray(places[index], end))
        expect(read(chunks)).toEqual(whole)
      }),
    )
  })

  test('chunks that their owner uses again are not kept', () => {
    const events = new AwsEvents()
    const owned = new Uint8Array(stream.subarray(0, 50))
    const before = events.push(owned)
    owned.fill(0)
    expect([...before, ...events.push(stream.subarray(50))]).toEqual([...read([stream])])
  })

  test('headers of every type are passed over', () => {
    const frame = awsFrame(
      [
        ['yes', true],
        ['no', false],
        ['int', 7],
        ['long', 7n],
        ['bytes', Uint8Array.of(1, 2, 3)],
        ['when', new Date(0)],
        ['uuid', new Uint8Array(16)],
        [':event-type', 'metadata'],
        ['text', 'x'],
      ],
      '{"usage":{}}',
    )
    expect(read([frame])).toEqual([{ name: 'metadata', data: '{"usage":{}}' }])
  })

  test('what holds no payload says nothing', () => {
    expect(read([awsFrame([[':event-type', 'initial-response']], ''), awsEvent('a', {})])).toEqual([
      { name: 'a', data: '{}' },
    ])
  })
})

describe('§8.4: AwsEvents tells what went wrong as "exception"', () => {
  test.each([
    {
      name: 'an exception has its type beside what it says',
      frame: awsException('throttlingException', { message: 'Too many requests' }),
      data: { message: 'Too many requests', __type: 'throttlingException' },
    },
    {
      name: 'an exception of mere words',
      frame: awsFrame(
        [
          [':message-type', 'exception'],
          [':exception-type', 'internalServerException'],
        ],
        'oops',
      ),
      data: { message: 'oops', __type: 'internalServerException' },
    },
    {
      name: 'an error says it in its headers',
      frame: awsFrame(
        [
          [':message-type', 'error'],
          [':error-code', 'InternalFailure'],
          [':error-message', 'broken'],
        ],
        '',
      ),
      data: { message: 'broken', __type: 'InternalFailure' },
    },
  ])('$name', ({ frame, data }) => {
    const [event] = read([frame])
    expect(event?.name).toBe('exception')
    expect(JSON.parse(event?.data ?? '')).toEqual(data)
  })

  test('an end within a frame, wherever that is', () => {
    const frame = awsEvent('messageStop', { stopReason: 'end_turn' })
    for (let at = 1; at < frame.length; at += 1) {
      const events = read([frame.subarray(0, at)])
      expect(events.map(typeOf)).toEqual(['stream_incomplete'])
    }
    expect(read([frame, new Uint8Array()])).toHaveLength(1)
  })

  test('a byte that was changed, whichever it is, once, and nothing behind it is read', () => {
    const frame = awsEvent('messageStop', { stopReason: 'end_turn' })
    for (let at = 0; at < frame.length; at += 1) {
      const damaged = Buffer.from(frame)
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x20, at)
      const events = read([awsEvent('first', {}), damaged, frame, frame])
      expect(events.map(typeOf)).toEqual(['first', 'stream_corrupted'])
    }
  })

  test.each([
    { name: 'a web page', bytes: Buffer.from('<html><body>502 Bad Gateway</body></html>') },
    { name: 'a frame above 16 MiB', bytes: prelude(16 * 1024 * 1024 + 1, 0) },
    { name: 'a frame whose headers are longer than it', bytes: prelude(20, 10) },
  ])('$name is no event stream, which its first 12 bytes tell', ({ bytes }) => {
    expect(new AwsEvents().push(bytes.subarray(0, 12)).map(typeOf)).toEqual(['stream_corrupted'])
  })

  test('headers that do not end where they should', () => {
    const frame = awsEvent('x', {})
    // The length of the first value.
    frame.writeUInt16BE(5000, 12 + 1 + ':event-type'.length + 1)
    frame.writeUInt32BE(Bun.hash.crc32(frame.subarray(0, -4)), frame.length - 4)
    expect(read([frame]).map(typeOf)).toEqual(['stream_corrupted'])
  })

  test('random bytes never make it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        expect(read(chunks).length).toBeLessThanOrEqual(1)
      }),
    )
  })
})

function typeOf({ name, data }: AwsEvent): unknown {
  return name === 'exception' ? asObject(parseJson(data))?.['__type'] : name
}

function prelude(size: number, headerBytes: number): Buffer {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32BE(size, 0)
  bytes.writeUInt32BE(headerBytes, 4)
  bytes.writeUInt32BE(Bun.hash.crc32(bytes.subarray(0, 8)), 8)
  return bytes
}
