import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { encode } from '#kit/bytes.ts'
import { withoutMembers } from '#wire/json-remove.ts'

function removed(text: string, paths: readonly string[], kept?: string): string {
  const start = kept === undefined ? -1 : Buffer.from(text).indexOf(kept)
  const span = kept === undefined ? undefined : { start, end: start + Buffer.byteLength(kept) }
  const split = paths.map((path) => path.split('.'))
  return Buffer.from(withoutMembers(encode(text), split, span)).toString()
}

describe('withoutMembers() takes out what is named, and no other byte', () => {
  test.each([
    { name: 'the only member', text: '{"a":1}', paths: ['a'], left: '{}' },
    { name: 'the first one', text: '{"a":1,"b":2}', paths: ['a'], left: '{"b":2}' },
    { name: 'the last one', text: '{"a":1,"b":2}', paths: ['b'], left: '{"a":1}' },
    { name: 'one in the middle', text: '{"a":1,"b":2,"c":3}', paths: ['b'], left: '{"a":1,"c":3}' },
    { name: 'all of them', text: '{ "a": 1, "b": [2] }', paths: ['a', 'b'], left: '{  }' },
    { name: 'all of them by a star', text: '{"a":1,"b":{"c":2}}', paths: ['*'], left: '{}' },
    { name: 'the last two', text: '{"a":1,"b":2,"c":3}', paths: ['b', 'c'], left: '{"a":1}' },
    { name: 'first and last', text: '{"a":1,"b":2,"c":3}', paths: ['a', 'c'], left: '{"b":2}' },
    {
      name: 'blanks around the others stay',
      text: '{\n  "a" : 1 ,\n\t"b":2.50,\r\n  "c" :1e+2\n}\n',
      paths: ['b'],
      left: '{\n  "a" : 1 ,\n\t"c" :1e+2\n}\n',
    },
    {
      name: 'A59: a star goes through every element',
      text: '{"tools":[{"custom":{"defer_loading":true,"x":1}},{"custom":{"defer_loading":false}},{"type":"y"}]}',
      paths: ['tools.*.custom.defer_loading'],
      left: '{"tools":[{"custom":{"x":1}},{"custom":{}},{"type":"y"}]}',
    },
    {
      name: 'A59: indices are those of the text as it came',
      text: '{"a":[10,11,12,13]}',
      paths: ['a.0', 'a.2'],
      left: '{"a":[11,13]}',
    },
    {
      name: 'an index is no key of a neighbour',
      text: '{"a":{"0":1,"1":2},"b":[1]}',
      paths: ['a.1'],
      left: '{"a":{"0":1},"b":[1]}',
    },
    { name: 'a member that stands twice goes twice', text: '{"a":1,"b":2,"a":3}', paths: ['a'], left: '{"b":2}' },
    {
      name: 'a key is what it means, however it is written',
      text: '{"\\u0061b":1,"c":2}',
      paths: ['ab'],
      left: '{"c":2}',
    },
    { name: 'a key of other letters', text: '{"größe":1,"名":2,"c":3}', paths: ['größe', '名'], left: '{"c":3}' },
    {
      name: 'what looks like JSON in a string is a string',
      text: '{"a":"{\\"b\\":1}\\\\","b":"]},\\"","c":[]}',
      paths: ['b'],
      left: '{"a":"{\\"b\\":1}\\\\","c":[]}',
    },
    {
      name: 'whole containers',
      text: '{"a":[{"b":[1,2]},[]],"c":{"d":{}}}',
      paths: ['a.*.b', 'c.d'],
      left: '{"a":[{},[]],"c":{}}',
    },
    {
      name: 'an outer path spares looking at an inner one',
      text: '{"a":{"b":1},"c":1}',
      paths: ['a', 'a.b'],
      left: '{"c":1}',
    },
    { name: 'in an array at the top', text: '[{"a":1},{"a":2,"b":3}]', paths: ['*.a'], left: '[{},{"b":3}]' },
    { name: 'a byte order mark in front stays', text: '\ufeff {"a":1,"b":2}', paths: ['a'], left: '\ufeff {"b":2}' },
    {
      name: 'paths that begin alike, by name and by star',
      text: '{"a":{"b":{"c":1,"d":2},"e":{"c":3,"d":4}},"f":{"b":{"d":5}}}',
      paths: ['a.b.c', 'a.*.d', '*.b.d', 'a.b.c'],
      left: '{"a":{"b":{},"e":{"c":3}},"f":{"b":{}}}',
    },
    {
      name: 'numbers keep their digits',
      text: '{"n":12345678901234567890.10,"a":1}',
      paths: ['a'],
      left: '{"n":12345678901234567890.10}',
    },
  ])('$name', ({ text, paths, left }) => {
    expect(removed(text, paths)).toBe(left)
  })

  test.each([
    { name: 'a path that is not there', text: '{"a":{"b":1}}', paths: ['a.c', 'x', 'a.b.c', 'a.0'] },
    { name: 'a text that is no JSON', text: '{"a":1,}', paths: ['a'] },
    { name: 'a text with something behind it', text: '{"a":1} x', paths: ['a'] },
    { name: 'a text of one value', text: '"a"', paths: ['a', '*'] },
    { name: 'a form', text: 'a=1&b=2', paths: ['a'] },
    { name: 'nothing', text: '', paths: ['a'] },
  ])('$name leaves the very same array', ({ text, paths }) => {
    const body = encode(text)
    expect(
      withoutMembers(
        body,
        paths.map((path) => path.split('.')),
      ),
    ).toBe(body)
  })

  test('many paths cost a member no more than one', () => {
    const body = encode(`{${Array.from({ length: 50_000 }, (_, at) => `"k${at}":{"a":[1,2,3]}`).join(',')}}`)
    const spentMs = (count: number): number => {
      const paths = Array.from({ length: count }, (_, at) => ['*', `z${at}`, '*'])
      const startedMs = performance.now()
      expect(withoutMembers(body, paths)).toBe(body)
      return performance.now() - startedMs
    }
    const fewest = (count: number): number => Math.min(spentMs(count), spentMs(count), spentMs(count))
    const oneMs = fewest(1)
    expect(fewest(200)).toBeLessThan(oneMs * 5)
  })

  test('bytes that are no UTF-8 are left alone', () => {
    const body = new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])
    expect(withoutMembers(body, [['a']])).toBe(body)
  })

  test('what holds the place that is kept stays, and what stands beside it goes', () => {
    const text = '{"a":1,"model":"m","b":{"model":"m"}}'
    expect(removed(text, ['*'], '"m"')).toBe('{"model":"m"}')
    expect(removed(text, ['model', 'b.model'], '"m"')).toBe('{"a":1,"model":"m","b":{}}')
  })
})

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The same, naively: on the value. */
function without(value: Json, paths: readonly (readonly string[])[]): Json {
  if (typeof value !== 'object' || value === null) return value
  const isCut = (name: string): boolean => paths.some((path) => path.length === 1 && names(path, name))
  const inner = (name: string) =>
    paths.filter((path) => path.length > 1 && names(path, name)).map((path) => path.slice(1))
  if (Array.isArray(value)) {
    return value.flatMap((one, at) => (isCut(String(at)) ? [] : [without(one, inner(String(at)))]))
  }
  const kept = Object.entries(value).filter(([name]) => !isCut(name))
  return Object.fromEntries(kept.map(([name, one]) => [name, without(one, inner(name))]))
}

function names(path: readonly string[], name: string): boolean {
  return path[0] === name || path[0] === '*'
}

const key = fc.constantFrom('a', 'b', 'c', '0', '1', 'ä"', 'x\\')
const scalar = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
)
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
  ),
}))
const path = fc.array(fc.oneof(key, fc.constant('*')), { minLength: 1, maxLength: 4 })
const paths = fc.array(path, { minLength: 1, maxLength: 3 })

/** The value with blanks wherever there may be some. */
function spaced(value: Json, blank: () => string): string {
  const around = (text: string): string => blank() + text + blank()
  if (typeof value !== 'object' || value === null) return around(JSON.stringify(value))
  const inner = Array.isArray(value)
    ? `[${value.map((one) => spaced(one, blank)).join(',') || blank()}]`
    : `{${
        Object.entries(value)
          .map(([name, one]) => `${around(JSON.stringify(name))}:${spaced(one, blank)}`)
          .join(',') || blank()
      }}`
  return around(inner)
}

describe('withoutMembers() against parsing, deleting and writing', () => {
  test('gives the same bytes for a text without blanks', () => {
    fc.assert(
      fc.property(tree, paths, (value, cut) => {
        const text = JSON.stringify(value)
        const left = Buffer.from(withoutMembers(encode(text), cut)).toString()
        expect(left).toBe(JSON.stringify(without(JSON.parse(text), cut)))
      }),
      { numRuns: 2000 },
    )
  })

  test('gives the same value for a text with blanks anywhere', () => {
    fc.assert(
      fc.property(
        tree,
        paths,
        fc.infiniteStream(fc.constantFrom('', '', ' ', '\n', '\t \r\n')),
        (value, cut, blanks) => {
          const text = spaced(value, () => String(blanks.next().value))
          const left = Buffer.from(withoutMembers(encode(text), cut)).toString()
          expect(JSON.parse(left)).toEqual(without(JSON.parse(text), cut))
        },
      ),
      { numRuns: 1000 },
    )
  })
})
