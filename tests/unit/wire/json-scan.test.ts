import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { scanJson, scanJsonHead, scanJsonTail } from '#wire/json-scan.ts'

const quiet = { key: () => false, value: () => {} }

function scan(text: string): ReturnType<typeof scanJson> {
  return scanJson(new TextEncoder().encode(text), quiet)
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const texts = [
  '{}',
  '[]',
  ' [ { } , [ ] ] ',
  '{"a":1,"b":[true,false,null],"c":{"d":"e"}}',
  '-0',
  '0.5e-7',
  '1E+2',
  '1e400',
  '"\\u0041\\n\\"\\\\"',
  '"\\ud800"',
  '"\u2028\u007f"',
  '',
  '   ',
  '{',
  '}',
  '[1,]',
  '[,1]',
  '[1 2]',
  '[1}',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{a:1}',
  "{'a':1}",
  '{"a":1}{',
  '{"a":1} x',
  '{"a" 1}',
  '{1:1}',
  'nul',
  'nulll',
  'True',
  'NaN',
  'Infinity',
  '01',
  '-',
  '-01',
  '+1',
  '.5',
  '1.',
  '1.e1',
  '1e',
  '1e+',
  '0x10',
  '"abc',
  '"abc\\"',
  '"a\nb"',
  '"a\tb"',
  '"a\\\nb"',
  `"${'x'.repeat(200)}\\\n"`,
  '"a\u0000b"',
  `"${'x'.repeat(200)}\u001f${'x'.repeat(200)}"`,
  `"${'x'.repeat(200)}\\"${'x'.repeat(200)}\n"`,
  `"${'x'.repeat(200)}\\\\"`,
  `"${'x'.repeat(200)}\\\\\\"`,
  '// comment\n{}',
  '{}/**/',
  '\u00a0{}',
  '\ufeff{}',
  '[1\u000b]',
]

describe('scanJson()', () => {
  test.each(texts.map((text) => ({ name: JSON.stringify(text).slice(0, 40), text })))(
    'accepts what JSON.parse accepts, and no more: $name',
    ({ text }) => {
      expect(scan(text) === undefined).toBe(parses(text))
    },
  )

  test('accepts every JSON value, however it is spaced', () => {
    const values = fc.tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t', '\r\n'))
    fc.assert(
      fc.property(values, ([value, indent]) => {
        expect(scan(JSON.stringify(value, undefined, indent))).toBeUndefined()
      }),
    )
  })

  test('agrees with JSON.parse after any damage that leaves escapes alone', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '1', '0', '-', '.', 'e', ' ', 'true', 'a', '\n')
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
        fc.nat(),
        fc.nat(3),
        pieces,
        (text, at, length, piece) => {
          const start = at % (text.length + 1)
          const damaged = text.slice(0, start) + piece + text.slice(start + length)
          fc.pre(!damaged.includes('\\'))
          expect(scan(damaged) === undefined).toBe(parses(damaged))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('finds a control character at every place of strings of every length and alignment', () => {
    for (let length = 1; length < 120; length += 7) {
      for (let at = 0; at < length; at++) {
        const padding = ' '.repeat(at % 4)
        const text = `${padding}"${'é'.repeat(at)}\u0001${'x'.repeat(length - at)}"`
        const fault = padding.length + 1 + at * 2
        expect(scan(text)).toEqual({ kind: 'syntax', at: fault })
      }
    }
  })

  test('finds a control character, and the end, in strings full of escapes', () => {
    const runs = fc.oneof(fc.nat(3), fc.nat(200)).map((length) => 'x'.repeat(length))
    const escapes = fc.constantFrom('\\"', '\\\\', '\\n', '\\"\\"', '\\\\\\"')
    const strings = fc.array(fc.tuple(runs, escapes), { maxLength: 20 }).map((list) => `"${list.flat().join('')}"`)
    const lists = fc.array(strings, { minLength: 1, maxLength: 5 }).map((list) => `[${list.join(',\n')}]`)
    fc.assert(
      fc.property(lists, fc.nat(), fc.constantFrom('', '\u0001', '"', '\n'), (text, nth, piece) => {
        const at = nth % text.length
        const damaged = text.slice(0, at) + piece + text.slice(at)
        expect(scan(damaged) === undefined).toBe(parses(damaged) || parses(damaged.replaceAll(/\\[ -~]/g, '\\n')))
      }),
      { numRuns: 2000 },
    )
  })

  test('works on a view that begins at any offset of its buffer', () => {
    const text = new TextEncoder().encode(`{"a":"${'y'.repeat(99)}\u0002"}`)
    for (let offset = 0; offset < 9; offset++) {
      const buffer = new Uint8Array(offset + text.length + 3)
      buffer.set(text, offset)
      expect(scanJson(buffer.subarray(offset, offset + text.length), quiet)).toEqual({ kind: 'syntax', at: 105 })
    }
  })

  test('B50: allows 64 levels and refuses the 65th', () => {
    expect(scan('['.repeat(64) + ']'.repeat(64))).toBeUndefined()
    expect(scan('['.repeat(65) + ']'.repeat(65))).toEqual({ kind: 'depth', at: 64 })
    expect(scan('{"a":'.repeat(64) + '1' + '}'.repeat(64))).toBeUndefined()
    expect(scan('{"a":'.repeat(65) + '1' + '}'.repeat(65))).toEqual({ kind: 'depth', at: 64 * 5 })
  })

  test('refuses bytes that are no UTF-8', () => {
    expect(scanJson(Uint8Array.of(0x22, 0xff, 0x22), quiet)).toEqual({ kind: 'encoding', at: 0 })
    expect(scanJson(Uint8Array.of(0x22, 0xc3, 0x22), quiet)).toEqual({ kind: 'encoding', at: 0 })
  })

  test('reports the members of the top level only, with the exact bytes of keys and wanted values', () => {
    const text = ' { "a" : "x" , "b" : [ { "a" : 1 } ] , "a" : -1.5e3 , "é" : null , "c":{} } '
    const seen: string[] = []
    scanJson(new TextEncoder().encode(text), {
      key(bytes, start, end) {
        const key = bytes.toString('utf8', start, end)
        seen.push(`key ${key}`)
        return key !== 'é'
      },
      value: (bytes, start, end) => void seen.push(`value ${bytes.toString('utf8', start, end)}`),
    })
    expect(seen).toEqual([
      'key a',
      'value "x"',
      'key b',
      'value [',
      'key a',
      'value -1.5e3',
      'key é',
      'key c',
      'value {',
    ])
  })
})

describe('scanJsonHead()', () => {
  test('finds no fault before the end of any beginning of a JSON text', () => {
    const text = new TextEncoder().encode('{"a":"x\\"y","b":[{"c":null},-1.5e+3,[]],"model":"m"}')
    for (let length = 1; length < text.length; length++) {
      const fault = scanJsonHead(text.subarray(0, length), quiet)
      const last = text[length - 1] ?? 0
      // A literal that is cut is told from where it begins.
      if (fault?.at !== length) expect(String.fromCharCode(last)).toMatch(/[nul]/)
    }
  })

  test('finds a fault in front of the end', () => {
    expect(scanJsonHead(new TextEncoder().encode('{"a":1 "b":2,'), quiet)).toEqual({ kind: 'syntax', at: 7 })
  })
})

describe('scanJsonTail()', () => {
  test.each([
    { name: 'the last members', before: '{"a":[', tail: '"b":1,"c":{"d":[]}} \n', isOutermost: true },
    { name: 'members of an object within another', before: '{"a":{', tail: '"b":1}}', isOutermost: false },
    { name: 'members of an object within an array', before: '[{', tail: '"b":1}]', isOutermost: false },
    { name: 'an object that is not closed', before: '{', tail: '"b":1', isOutermost: false },
    { name: 'an object closed as an array', before: '{', tail: '"b":1]', isOutermost: false },
    { name: 'a value', before: '{"a":', tail: '"b"}', isOutermost: false },
  ])('tells whether an outermost object ends with $name', ({ before, tail, isOutermost }) => {
    // What a scan before this one has left behind must not matter.
    scan('[[]]')
    const seen: string[] = []
    const visitor = {
      ...quiet,
      key: (bytes: Buffer, start: number, end: number) => Boolean(seen.push(bytes.toString('utf8', start, end))),
    }
    const fault = scanJsonTail(new TextEncoder().encode(before + tail), before.length, visitor)
    expect(fault === undefined).toBe(isOutermost)
    if (isOutermost) expect(seen).toEqual(['b', 'c'])
  })

  test('counts the levels from the outermost object on', () => {
    const deep = (levels: number): string => `"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect(scanJsonTail(new TextEncoder().encode(deep(63)), 0, quiet)).toBeUndefined()
    expect(scanJsonTail(new TextEncoder().encode(deep(64)), 0, quiet)).toMatchObject({ kind: 'depth' })
  })
})
