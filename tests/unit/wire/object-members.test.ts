import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { membersAt } from '#wire/object-members.ts'

const names = new Set(['n', 'kind', 'messages'])

function found(text: string): { readonly values: Record<string, unknown>; readonly ambiguous: string | undefined } {
  const bytes = Buffer.from(text)
  const { spans, ambiguous } = membersAt(bytes, text.indexOf('{'), names)
  const values = Array.from(spans, ([name, { start, end }]) => [name, JSON.parse(bytes.toString('utf8', start, end))])
  return { values: Object.fromEntries(values) as Record<string, unknown>, ambiguous }
}

test('membersAt() finds what JSON.parse finds, whatever is around it', () => {
  const key = fc.oneof(fc.constantFrom(...names), fc.string())
  const property = fc.property(
    fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })),
    fc.constantFrom(0, 2),
    (object, indent) => {
      const text = ` ${JSON.stringify(object, undefined, indent)}`
      const { values, ambiguous } = found(text)
      const wanted = Object.entries(JSON.parse(text) as object).filter(([name]) => names.has(name))
      if (ambiguous === undefined) expect(values).toEqual(Object.fromEntries(wanted))
    },
  )
  fc.assert(property, { numRuns: 500 })
})

test.each([
  ['one that comes twice', '{"n":1,"n":2}', 'n'],
  ['another case', '{"N":1}', 'n'],
  ['an escape', String.raw`{"\u006b\u0069nd":1}`, 'kind'],
  ['a long s', '{"meſſages":1}', 'messages'],
  ['the sign for Kelvin', '{"\u212aind":1}', 'kind'],
])('membersAt() knows %s', (_, text, ambiguous) => {
  expect(found(text).ambiguous).toBe(ambiguous)
})

test('membersAt() takes no other member for one of them, and none from within', () => {
  expect(found(String.raw`{"nn":1,"Mode":{"n":1,"N":2},"a\"n":3,"\x":4,"text":"\"n\":5"}`)).toEqual({
    values: {},
    ambiguous: undefined,
  })
})

test('strings of every length and with escapes at every place end where they end', () => {
  for (let length = 0; length < 70; length += 1) {
    for (const escape of ['', '\\"', '\\\\', '\\\\\\"']) {
      const text = `{"a":"${'x'.repeat(length)}${escape}","n":"${'y'.repeat(length)}${escape}"}`
      expect(found(text).values).toEqual({ n: (JSON.parse(text) as { n: string }).n })
    }
  }
})
