import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { concat, encode } from '#kit/bytes.ts'
import { FrameReader, FrameWriter, mayBeSent } from '#http1/websocket-frames.ts'

/** What a reader handed over, in words. */
type Told = readonly (string | number)[]

/** Reads the pieces one after the other. */
function read(pieces: readonly Uint8Array[], messageBytesMax = 1000): Told[] {
  const told: Told[] = []
  const reader = new FrameReader(
    {
      onText: (text, bytes) => void told.push(['text', text, bytes]),
      onBinary: (payload) => void told.push(['binary', hex(payload)]),
      onPing: (payload) => void told.push(['ping', hex(payload)]),
      onPong: (payload) => void told.push(['pong', hex(payload)]),
      onCloseFrame: (code, reason) => void told.push(['close', code, reason]),
      onFault: ({ code, message }) => void told.push(['fault', code, message]),
    },
    messageBytesMax,
  )
  for (const piece of pieces) reader.push(piece)
  return told
}

/** Every way to cut the bytes once, and all of them at once. */
function cuts(bytes: Uint8Array): Uint8Array[][] {
  const halves = Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.slice(0, at), bytes.slice(at)])
  return [[bytes], ...halves, Array.from(bytes, (byte) => Uint8Array.of(byte))]
}

const hex = (bytes: Uint8Array): string => bytes.toHex()
const bytesOf = (text: string): Uint8Array => Uint8Array.fromHex(text.replaceAll(' ', ''))
const reserved = 'a reserved bit is set, but no extension was agreed on'
const shortest = 'the length of a frame is not in its shortest form'
const noCode = 'a close frame has no valid code'

describe('the reader of frames, however its bytes are cut,', () => {
  test.each<{ name: string; bytes: string; told: Told[] }>([
    { name: 'an empty text', bytes: '8100', told: [['text', '', 0]] },
    { name: 'a text', bytes: '8105 48656c6c6f', told: [['text', 'Hello', 5]] },
    { name: 'a text of several bytes a letter', bytes: '8104 f09f9880', told: [['text', '😀', 4]] },
    { name: 'a text with a byte order mark', bytes: '8104 efbbbf41', told: [['text', '\uFEFFA', 4]] },
    { name: 'binary', bytes: '8203 000102', told: [['binary', '000102']] },
    {
      name: 'a length of 126',
      bytes: `827e007e ${'ab'.repeat(126)}`,
      told: [['binary', 'ab'.repeat(126)]],
    },
    { name: 'a text in fragments', bytes: '0103 48656c 8002 6c6f', told: [['text', 'Hello', 5]] },
    { name: 'a letter cut by fragments', bytes: '0102 f09f 8002 9880', told: [['text', '😀', 4]] },
    { name: 'fragments of which some are empty', bytes: '0200 0000 0001ff 8000', told: [['binary', 'ff']] },
    {
      name: 'a ping between fragments',
      bytes: '0103 48656c 8901 07 8002 6c6f',
      told: [
        ['ping', '07'],
        ['text', 'Hello', 5],
      ],
    },
    {
      name: 'several frames in a row',
      bytes: '8a00 8101 61 8201 62',
      told: [
        ['pong', ''],
        ['text', 'a', 1],
        ['binary', '62'],
      ],
    },
    { name: 'a ping of 125 bytes', bytes: `897d ${'00'.repeat(125)}`, told: [['ping', '00'.repeat(125)]] },
    { name: 'a close without a code', bytes: '8800', told: [['close', 1005, '']] },
    { name: 'a close', bytes: '8802 03e8', told: [['close', 1000, '']] },
    { name: 'a close with a reason', bytes: '8805 0fa0 627965', told: [['close', 4000, 'bye']] },
    { name: 'nothing behind a close', bytes: '8802 03e8 8101 61', told: [['close', 1000, '']] },
    { name: 'no opcode 3', bytes: '8300', told: [['fault', 1002, 'the opcode 3 is unknown']] },
    { name: 'no opcode 11', bytes: '8b00', told: [['fault', 1002, 'the opcode 11 is unknown']] },
    { name: 'no first reserved bit', bytes: 'c100', told: [['fault', 1002, reserved]] },
    { name: 'no second reserved bit', bytes: 'a100', told: [['fault', 1002, reserved]] },
    { name: 'no third reserved bit', bytes: '9100', told: [['fault', 1002, reserved]] },
    { name: 'no reserved bit in a control frame', bytes: 'c900', told: [['fault', 1002, reserved]] },
    { name: 'no mask', bytes: '8181 00000000 61', told: [['fault', 1002, 'a frame of the server is masked']] },
    { name: 'no ping in fragments', bytes: '0900', told: [['fault', 1002, 'a control frame is fragmented']] },
    { name: 'no ping of 126 bytes', bytes: '897e007e', told: [['fault', 1002, 'a control frame is too long']] },
    { name: 'no close of 2⁶³ bytes', bytes: '887f', told: [['fault', 1002, 'a control frame is too long']] },
    { name: 'no end without a beginning', bytes: '8000', told: [['fault', 1002, 'a continuation has no beginning']] },
    {
      name: 'no beginning after an end that is over',
      bytes: '8101 61 0000',
      told: [
        ['text', 'a', 1],
        ['fault', 1002, 'a continuation has no beginning'],
      ],
    },
    {
      name: 'no beginning within a message',
      bytes: '0101 61 8101 62',
      told: [['fault', 1002, 'a message begins before the last one is complete']],
    },
    { name: 'no length of 125 in two bytes', bytes: '827e007d', told: [['fault', 1002, shortest]] },
    { name: 'no length of 65535 in eight bytes', bytes: '827f000000000000ffff', told: [['fault', 1002, shortest]] },
    { name: 'no negative length', bytes: '827f8000000000010000', told: [['fault', 1002, shortest]] },
    { name: 'no code of one byte', bytes: '8801 03', told: [['fault', 1002, noCode]] },
    { name: 'no code 0', bytes: '8802 0000', told: [['fault', 1002, noCode]] },
    { name: 'no code 1005', bytes: '8802 03ed', told: [['fault', 1002, noCode]] },
    {
      name: 'no reason of broken UTF-8',
      bytes: '8803 03e8ff',
      told: [['fault', 1007, 'a close reason is not valid UTF-8']],
    },
    { name: 'no text of broken UTF-8', bytes: '8102 c328', told: [['fault', 1007, 'a text is not valid UTF-8']] },
    { name: 'no half of a letter', bytes: '8102 f09f', told: [['fault', 1007, 'a text is not valid UTF-8']] },
    {
      name: 'a message of the largest size',
      bytes: `827e03e8 ${'00'.repeat(1000)}`,
      told: [['binary', '00'.repeat(1000)]],
    },
    {
      name: 'no larger message, before it comes',
      bytes: '827e03e9',
      told: [['fault', 1009, 'a message is larger than 1000 bytes']],
    },
    {
      name: 'no larger message in fragments',
      bytes: `027e03e8 ${'00'.repeat(1000)} 8001`,
      told: [['fault', 1009, 'a message is larger than 1000 bytes']],
    },
    {
      name: 'no message of 2⁶² bytes',
      bytes: '827f4000000000000000',
      told: [['fault', 1009, 'a message is larger than 1000 bytes']],
    },
  ])('takes $name', ({ bytes, told }) => {
    for (const pieces of cuts(bytesOf(bytes))) expect(read(pieces)).toEqual(told)
  })
})

test.each([
  {
    codes: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999],
    may: true,
  },
  { codes: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535], may: false },
])('mayBeSent() says $may to $codes', ({ codes, may }) => {
  expect(codes.filter((code) => mayBeSent(code) !== may)).toEqual([])
})

/** A server's frame. */
function frame(first: number, payload: Uint8Array): Uint8Array {
  const length = payload.byteLength
  if (length < 126) return concat([Uint8Array.of(first, length), payload])
  if (length < 65_536) return concat([Uint8Array.of(first, 126, length >> 8, length & 255), payload])
  const head = Buffer.alloc(10)
  head.writeUInt16BE((first << 8) | 127)
  head.writeBigUInt64BE(BigInt(length), 2)
  return concat([head, payload])
}

const message = fc.record({
  isText: fc.boolean(),
  text: fc.string({ unit: 'binary', maxLength: 200 }),
  fragmentAt: fc.array(fc.nat(400), { maxLength: 3 }),
  pings: fc.boolean(),
})

test('what a server says arrives as it was said, for any fragments and any cuts', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(2000), { maxLength: 12 }), (said, cutAt) => {
      const frames: Uint8Array[] = []
      const expected: Told[] = []
      for (const { isText, text, fragmentAt, pings } of said) {
        const payload = encode(text)
        const borders = [
          0,
          ...fragmentAt.filter((at) => at <= payload.length).toSorted((a, b) => a - b),
          payload.length,
        ]
        for (let index = 0; index + 1 < borders.length; index += 1) {
          const isLast = index + 2 === borders.length
          const opcode = index > 0 ? 0 : isText ? 1 : 2
          frames.push(frame((isLast ? 0x80 : 0) | opcode, payload.slice(borders[index], borders[index + 1])))
          if (pings && !isLast) {
            frames.push(frame(0x89, Uint8Array.of(index)))
            expected.push(['ping', hex(Uint8Array.of(index))])
          }
        }
        expected.push(isText ? ['text', text, payload.length] : ['binary', hex(payload)])
      }
      const bytes = concat(frames)
      const borders = [0, ...cutAt.filter((at) => at < bytes.length).toSorted((a, b) => a - b), bytes.length]
      const pieces = borders.slice(1).map((end, index) => bytes.slice(borders[index], end))
      expect(read(pieces, 100_000)).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})

test('whatever bytes come, the reader neither throws nor goes on after a fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const pieces of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
        const told = read(pieces, 64)
        const endedAt = told.findIndex(([kind]) => kind === 'fault' || kind === 'close')
        expect(endedAt === -1 || endedAt === told.length - 1).toBe(true)
      }
      expect(read([bytes], 64)).toEqual(
        read(
          Array.from(bytes, (byte) => Uint8Array.of(byte)),
          64,
        ),
      )
    }),
    { numRuns: 500 },
  )
})

test('a paused reader keeps what comes and loses nothing', () => {
  const told: string[] = []
  const reader: FrameReader = new FrameReader(
    {
      onText(text) {
        told.push(text)
        reader.pause()
      },
      onBinary() {},
      onPing() {},
      onPong() {},
      onCloseFrame: (code) => void told.push(String(code)),
      onFault() {},
    },
    1000,
  )
  reader.push(bytesOf('8101 61 8101 62 8101'))
  expect(told).toEqual(['a'])
  reader.push(bytesOf('63 8802 03e8'))
  expect(told).toEqual(['a'])
  for (const expected of [
    ['a', 'b'],
    ['a', 'b', 'c'],
    ['a', 'b', 'c', '1000'],
  ]) {
    reader.resume()
    expect(told).toEqual(expected)
  }
})

test('a message of a hundred thousand fragments costs about its own size', () => {
  const before = process.memoryUsage().rss
  const fragment = frame(0x00, Uint8Array.of(7))
  const flood = concat(Array.from({ length: 100_000 }, () => fragment))
  const told = read([frame(0x02, Uint8Array.of(7)), flood, frame(0x80, Uint8Array.of(7))], 200_000)
  expect(told).toEqual([['binary', '07'.repeat(100_002)]])
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
})

describe('the writer of frames', () => {
  let next = 0
  /** Never the same four bytes. */
  const writer = (): FrameWriter =>
    new FrameWriter((bytes) => {
      const words = new Uint32Array(bytes.buffer)
      for (let index = 0; index < words.length; index += 1) words[index] = 0x01_00_00_00 + (next += 1)
    })

  /** A server's view of a frame; empty bytes when it is not masked or has bytes left over. */
  function unmask(bytes: Uint8Array): { first: number; mask: string; payload: Uint8Array } {
    const second = bytes[1] ?? 0
    const short = second & 127
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const at = short < 126 ? 2 : short === 126 ? 4 : 10
    const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2))
    const mask = bytes.slice(at, at + 4)
    const payload = bytes.slice(at + 4).map((byte, index) => byte ^ (mask[index % 4] ?? 0))
    expect(second & 128).toBe(128)
    expect(payload.length).toBe(length)
    return { first: bytes[0] ?? 0, mask: hex(mask), payload }
  }

  test.each([0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 70_001])('masks %d bytes', (length) => {
    const payload = Uint8Array.from({ length: length + 3 }, (_, index) => index).subarray(3)
    const { first, payload: seen } = unmask(writer().binary(payload))
    expect(first).toBe(0x82)
    expect(hex(seen)).toBe(hex(payload))
    // The caller's bytes are as they were.
    expect(payload[0] ?? 3).toBe(3)
    const text = unmask(writer().text('é'.repeat(length)))
    expect(text.first).toBe(0x81)
    expect(new TextDecoder().decode(text.payload)).toBe('é'.repeat(length))
  })

  test('gives every frame a mask of its own', () => {
    const frames = writer()
    const masks = Array.from({ length: 1000 }, () => unmask(frames.binary(Uint8Array.of(1, 2, 3, 4, 5))).mask)
    expect(new Set(masks).size).toBe(1000)
  })

  test.each([
    { name: 'a code', code: 1000, reason: '', payload: '03e8' },
    { name: 'a code and a reason', code: 4001, reason: 'bye', payload: '0fa1627965' },
    { name: 'no code', code: 1005, reason: 'lost', payload: '' },
    { name: 'no code for a broken connection', code: 1006, reason: '', payload: '' },
    { name: 'as many letters as fit', code: 1000, reason: '€'.repeat(50), payload: `03e8${'e282ac'.repeat(41)}` },
  ])('closes with $name', ({ code, reason, payload }) => {
    const { first, payload: seen } = unmask(writer().close(code, reason))
    expect(first).toBe(0x88)
    expect(hex(seen)).toBe(payload)
  })

  test('pings and pongs', () => {
    expect(unmask(writer().ping(Uint8Array.of(1)))).toMatchObject({ first: 0x89, payload: Uint8Array.of(1) })
    expect(unmask(writer().pong(new Uint8Array(125)))).toMatchObject({ first: 0x8a, payload: new Uint8Array(125) })
  })
})
