import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { completedJson } from '#translate/complete-json.ts'
import { Notes } from '#translate/notes.ts'
import { argsObject, argsObjectOfAnswer, argsOfCustom, argsText, customInput } from '#translate/tool-args.ts'

describe('argsText() (§5.6, §7.3)', () => {
  test.each([
    { name: 'a text stays as it came', args: { raw: '{ "a": 1.0 }' }, text: '{ "a": 1.0 }' },
    { name: 'a text that is no JSON stays as it came', args: { raw: '{"a":' }, text: '{"a":' },
    { name: 'an empty text is an object', args: { raw: '' }, text: '{}' },
    { name: 'blanks are an object', args: { raw: ' \n' }, text: '{}' },
    {
      name: 'a value is written compactly, in its order',
      args: { value: { b: 1, a: [2, null] } },
      text: '{"b":1,"a":[2,null]}',
    },
    { name: 'no value is an object', args: { value: undefined }, text: '{}' },
  ])('$name', ({ args, text }) => {
    expect(argsText(args)).toBe(text)
  })
})

describe('argsObject() (§5.6)', () => {
  const wrapped = ['adapted:tool_args_wrapped']
  test.each([
    { name: 'an object is itself', args: { raw: '{"a":{"b":[1]}}' }, text: '{"a":{"b":[1]}}', codes: [] },
    { name: 'an empty text is an empty object', args: { raw: '' }, text: '{}', codes: [] },
    { name: 'blanks are an empty object', args: { raw: '  ' }, text: '{}', codes: [] },
    { name: 'null is an empty object', args: { raw: 'null' }, text: '{}', codes: [] },
    { name: 'blanks around it are no matter', args: { raw: '\n {"a":1}\t' }, text: '{"a":1}', codes: [] },
    { name: 'a fence is taken off', args: { raw: '```json\n{"a":1}\n```' }, text: '{"a":1}', codes: [] },
    { name: 'a fence without a language is taken off', args: { raw: ' ```{"a":1}``` ' }, text: '{"a":1}', codes: [] },
    {
      name: 'what is no JSON is wrapped',
      args: { raw: '{"a":' },
      text: '{"_raw_arguments":"{\\"a\\":"}',
      codes: wrapped,
    },
    { name: 'a list is wrapped', args: { raw: '[1,2]' }, text: '{"value":[1,2]}', codes: wrapped },
    { name: 'a text is wrapped', args: { raw: '"x"' }, text: '{"value":"x"}', codes: wrapped },
    { name: 'a number is wrapped with its digits', args: { raw: '1.0' }, text: '{"value":1.0}', codes: wrapped },
    { name: 'a value is itself', args: { value: { a: 1 } }, text: '{"a":1}', codes: [] },
    { name: 'a text in the place of a value is read', args: { value: '{"a":1}' }, text: '{"a":1}', codes: [] },
    { name: 'a list in the place of a value is wrapped', args: { value: [1] }, text: '{"value":[1]}', codes: wrapped },
    { name: 'nothing is an empty object', args: { value: null }, text: '{}', codes: [] },
    {
      name: 'names of prototypes are names',
      args: { raw: '{"__proto__":{"a":1.50}}' },
      text: '{"__proto__":{"a":1.50}}',
      codes: [],
    },
  ])('$name', ({ args, text, codes }) => {
    const notes = new Notes()
    expect(JSON.stringify(argsObject(args, notes, 'messages[1]'))).toBe(text)
    expect(notes.codes).toEqual(codes)
    expect(notes.rejection).toBeUndefined()
  })

  test.each(['1.0', '12345678901234567890', '-0', '1e3', '0.10', '1E+2', '9007199254740993', '1e999'])(
    'the number %s keeps its digits, wherever it stands',
    (number) => {
      const raw = `{"a":${number},"b":[{"c":${number}}],"d":2}`
      const object = argsObject({ raw }, new Notes(), '')
      expect(JSON.stringify({ body: object })).toBe(`{"body":${raw}}`)
      expect(argsText({ value: object })).toBe(raw)
      expect(object['d']).toBe(2)
    },
  )

  test('whatever JSON an object is, it is written as it stood', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const raw = JSON.stringify(value)
        // Keys that are numbers change their place when they are parsed.
        fc.pre(JSON.stringify(JSON.parse(raw)) === raw)
        expect(JSON.stringify(argsObject({ raw }, new Notes(), ''))).toBe(raw)
      }),
    )
  })
})

describe('argsObjectOfAnswer() (§7.4, #17.6)', () => {
  test.each([
    { name: 'whole arguments are themselves', raw: '{"a":1.0}', text: '{"a":1.0}' },
    { name: 'none are an empty object', raw: '', text: '{}' },
    { name: 'a text that was cut is closed', raw: '{"a":1,"b":"hel', text: '{"a":1,"b":"hel"}' },
    { name: 'a number that was cut is left out', raw: '{"a":1,"b":12', text: '{"a":1}' },
    { name: 'a key that was cut is left out', raw: '{"a":1,"b', text: '{"a":1}' },
    { name: 'a key without a value is left out', raw: '{"a":1,"b":', text: '{"a":1}' },
    { name: 'a word that was cut is left out', raw: '{"a":1,"b":tru', text: '{"a":1}' },
    { name: 'a whole word stays', raw: '{"a":true', text: '{"a":true}' },
    { name: 'brackets are closed', raw: '{"a":[{"b":[1,2', text: '{"a":[{"b":[1]}]}' },
    { name: 'half an escape is left out', raw: String.raw`{"a":"x\u12`, text: '{"a":"x"}' },
    { name: 'a lone backslash is left out', raw: '{"a":"x\\', text: '{"a":"x"}' },
    { name: 'a whole escape stays', raw: String.raw`{"a":"x\n`, text: String.raw`{"a":"x\n"}` },
    { name: 'half a pair is left out', raw: String.raw`{"a":"x\ud83d`, text: '{"a":"x"}' },
    {
      name: 'half a pair and half of its other half are left out',
      raw: String.raw`{"a":"x\ud83d\ude`,
      text: '{"a":"x"}',
    },
    { name: 'a pair stays', raw: String.raw`{"a":"\ud83d\ude00`, text: '{"a":"😀"}' },
    { name: 'digits are kept in what was cut', raw: '{"a":1.0,"b":[', text: '{"a":1.0,"b":[]}' },
    { name: 'what is no JSON is an empty object', raw: 'call me', text: '{}' },
    { name: 'what is broken in the middle is an empty object', raw: '{"a":}', text: '{}' },
    { name: 'a cut list is an empty object', raw: '[1,2', text: '{}' },
    { name: 'JSON inside of JSON is read', raw: '"{\\"a\\":1}"', text: '{"a":1}' },
    { name: 'a list is wrapped', raw: '[1]', text: '{"value":[1]}' },
  ])('$name', ({ raw, text }) => {
    expect(JSON.stringify(argsObjectOfAnswer({ raw }))).toBe(text)
  })

  test('wherever an object is cut, the result is an object whose members are in the whole one', () => {
    const whole = { a: 'x"\\\u{1F600}', list: [1, { deep: [true, null, -1.5] }], 'k"ey': { e: {} } }
    const raw = JSON.stringify(whole)
    for (let end = 1; end < raw.length; end += 1) {
      const completed = completedJson(raw.slice(0, end))
      expect(completed).toBeDefined()
      const keys = Object.keys(argsObjectOfAnswer({ raw: raw.slice(0, end) }))
      expect(Object.keys(whole).slice(0, keys.length)).toEqual(keys)
    }
    expect(argsObjectOfAnswer({ raw })).toEqual(whole)
  })
})

describe('customInput() (§5.4, §11.7)', () => {
  test.each([
    { name: 'the input is taken out', args: { raw: '{"input":"*** Begin\\n"}' }, text: '*** Begin\n' },
    { name: 'members beside it are ignored', args: { raw: '{"x":1,"input":"a"}' }, text: 'a' },
    { name: 'an input that was cut is taken as far as it goes', args: { raw: '{"input":"*** Beg' }, text: '*** Beg' },
    { name: 'another shape is told as it came', args: { raw: '{"patch":"a"}' }, text: '{"patch":"a"}' },
    { name: 'an input that is no text is told as it came', args: { raw: '{"input":[1]}' }, text: '{"input":[1]}' },
    { name: 'no JSON is told as it came', args: { raw: '*** Begin' }, text: '*** Begin' },
    { name: 'a value is read the same way', args: { value: { input: 'a' } }, text: 'a' },
    { name: 'a value of another shape is told as JSON', args: { value: { patch: 'a' } }, text: '{"patch":"a"}' },
  ])('$name', ({ args, text }) => {
    expect(customInput(args)).toBe(text)
  })

  test('argsOfCustom() leads back to the same input', () => {
    fc.assert(
      fc.property(fc.string(), (input) => {
        expect(customInput(argsOfCustom({ raw: input }))).toBe(input)
        expect(customInput({ raw: argsText(argsOfCustom({ raw: input })) })).toBe(input)
      }),
    )
  })
})
