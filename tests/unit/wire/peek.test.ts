import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '#core/refusal.ts'
import { peekJson } from '#wire/peek.ts'

const encoder = new TextEncoder()

function peek(text: string): ReturnType<typeof peekJson> {
  return peekJson(encoder.encode(text))
}

const fine = [
  { name: 'the plain case', text: '{"model":"m"}', model: 'm', stream: false },
  { name: 'a stream', text: '{"stream":true,"model":"m"}', model: 'm', stream: true },
  { name: 'stream false', text: '{"model":"m","stream":false}', model: 'm', stream: false },
  { name: 'B62: stream null is no stream', text: '{"model":"m","stream":null}', model: 'm', stream: false },
  { name: 'space everywhere', text: '\r\n{\t"model" : "m" , "stream" :\ntrue }\n', model: 'm', stream: true },
  { name: 'an escaped key', text: '{"mod\\u0065l":"m"}', model: 'm', stream: false },
  { name: 'an escaped value', text: '{"model":"\\u0061\\/b\\"c"}', model: 'a/b"c', stream: false },
  { name: 'a value outside ASCII', text: '{"model":"通义千问"}', model: '通义千问', stream: false },
  { name: 'model and stream deeper down', text: '{"x":{"model":1,"stream":2},"model":"m"}', model: 'm', stream: false },
  {
    name: 'B53: keys of Object.prototype',
    text: '{"__proto__":{},"toString":1,"model":"m"}',
    model: 'm',
    stream: false,
  },
  { name: 'B54: odd numbers', text: '{"model":"m","x":[1e400,9007199254740993,-0,1.0]}', model: 'm', stream: false },
  { name: 'B57: odd characters', text: '{"model":"m","x":"\\ud800\\u0000\u2028"}', model: 'm', stream: false },
  {
    name: 'names in capitals deeper down, and such as only look like ours',
    text: '{"x":{"Model":1,"STREAM":2},"Models":1,"ﬆream":1,"model":"m"}',
    model: 'm',
    stream: false,
  },
  { name: 'other keys twice', text: '{"x":1,"x":2,"model":"m"}', model: 'm', stream: false },
]

const wrong = [
  { name: 'B47: an empty body', text: '', code: 'invalid_json' },
  { name: 'B47: blanks', text: ' \r\n\t', code: 'invalid_json' },
  { name: 'B48: no JSON', text: 'hello', code: 'invalid_json' },
  { name: 'B48: something after the object', text: '{"model":"m"}x', code: 'invalid_json' },
  { name: 'B48: a comment', text: '{"model":"m"/* */}', code: 'invalid_json' },
  { name: 'B48: NaN', text: '{"model":"m","x":NaN}', code: 'invalid_json' },
  { name: 'B48: single quotes', text: "{'model':'m'}", code: 'invalid_json' },
  { name: 'B48: a line feed in a string', text: '{"model":"m","x":"a\nb"}', code: 'invalid_json' },
  { name: 'B48: a cut body', text: '{"model":"m","x":"a', code: 'invalid_json' },
  { name: 'B49: an array', text: '[{"model":"m"}]', code: 'invalid_parameter' },
  { name: 'B49: a string', text: '"model"', code: 'invalid_parameter' },
  { name: 'B49: a number', text: '1', code: 'invalid_parameter' },
  { name: 'B49: null', text: 'null', code: 'invalid_parameter' },
  { name: 'B50: 65 levels', text: `{"model":"m","x":${'['.repeat(64)}${']'.repeat(64)}}`, code: 'json_too_deep' },
  { name: 'B52: two models', text: '{"model":"a","model":"b"}', code: 'duplicate_key', param: 'model' },
  {
    name: 'B52: two models, one escaped',
    text: '{"model":"a","mod\\u0065l":"b"}',
    code: 'duplicate_key',
    param: 'model',
  },
  ...['Model', 'MODEL', 'modeL', 'M\\u006fdel', '\\u004dodel'].flatMap((key) => [
    {
      name: `B52: a second model as ${key}, which only some backends read`,
      text: `{"model":"a","${key}":"b"}`,
      code: 'duplicate_key',
      param: 'model',
    },
    { name: `B52: … as ${key} in front`, text: `{"${key}":1,"model":"a"}`, code: 'duplicate_key', param: 'model' },
    { name: `B72: a model as ${key} only`, text: `{"${key}":"a"}`, code: 'missing_model', param: 'model' },
  ]),
  ...['Stream', 'STREAM', 'ſtream', 'ſTREAM', '\\u017Ftre\\u0041m', 'ſtre\\u0061m'].flatMap((key) => [
    {
      name: `B52: a second stream as ${key}`,
      text: `{"model":"a","stream":false,"${key}":true}`,
      code: 'duplicate_key',
      param: 'stream',
    },
    {
      name: `a stream as ${key} only`,
      text: `{"${key}":true,"model":"a"}`,
      code: 'invalid_parameter',
      param: 'stream',
    },
  ]),
  { name: 'two streams', text: '{"model":"a","stream":null,"stream":true}', code: 'duplicate_key', param: 'stream' },
  { name: 'B59: a byte order mark', text: '\ufeff{"model":"m"}', code: 'invalid_json' },
  { name: 'B62: stream as text', text: '{"model":"m","stream":"true"}', code: 'invalid_parameter', param: 'stream' },
  { name: 'B62: stream as a number', text: '{"model":"m","stream":1}', code: 'invalid_parameter', param: 'stream' },
  { name: 'stream as an object', text: '{"model":"m","stream":{}}', code: 'invalid_parameter', param: 'stream' },
  { name: 'B72: no model', text: '{"messages":[]}', code: 'missing_model', param: 'model' },
  { name: 'B63: an empty model', text: '{"model":""}', code: 'invalid_parameter', param: 'model' },
  { name: 'B63: a number as model', text: '{"model":5}', code: 'invalid_parameter', param: 'model' },
  { name: 'B63: an array as model', text: '{"model":["m"]}', code: 'invalid_parameter', param: 'model' },
  { name: 'null as model', text: '{"model":null}', code: 'invalid_parameter', param: 'model' },
  {
    name: 'B63: a model of 10 kB',
    text: `{"model":"${'m'.repeat(10_000)}"}`,
    code: 'invalid_parameter',
    param: 'model',
  },
  { name: 'a model that is too long in bytes', text: `{"model":"${'模'.repeat(171)}"}`, code: 'invalid_parameter' },
  { name: 'a model with an escape that is none', text: '{"model":"a\\qb"}', code: 'invalid_parameter', param: 'model' },
]

describe('peekJson()', () => {
  test.each(fine)('reads $name', ({ text, model, stream }) => {
    expect(peek(text)).toMatchObject({ model, stream })
  })

  test.each(wrong)('refuses $name', ({ text, code, param }) => {
    expect(peek(text)).toMatchObject({ kind: 'refusal', code, ...(param === undefined ? {} : { param }) })
  })

  test('says at which byte JSON ends to be JSON, and echoes nothing of the body', () => {
    const refusal = peek('{"model":"m","secret":sk-123}')
    expect(refusal).toMatchObject({ message: 'Cannot read the body: it is not valid JSON at byte 22' })
  })

  test('B58: refuses invalid UTF-8', () => {
    const body = encoder.encode('{"model":"m","x":"??"}')
    body[18] = 0xc0
    expect(peekJson(body)).toMatchObject({ code: 'invalid_json' })
  })

  test('B59: refuses UTF-16', () => {
    expect(peekJson(Buffer.from('{"model":"m"}', 'utf16le'))).toMatchObject({ code: 'invalid_json' })
  })

  test('B56: refuses an object of a million keys', () => {
    const keys = Array.from({ length: 1_000_000 }, (_, index) => `"${index}":0`).join(',')
    expect(peek(`{"model":"m",${keys}}`)).toMatchObject({ code: 'invalid_parameter' })
  })

  test('B51: refuses five million levels, on top or below', () => {
    expect(peek('['.repeat(5_000_000) + ']'.repeat(5_000_000))).toMatchObject({ code: 'json_too_deep' })
    expect(peek(`{"model":"m","x":${'{"a":'.repeat(2_000_000)}`)).toMatchObject({ code: 'json_too_deep' })
  })

  test('B55: passes a number of ten million digits', () => {
    expect(peek(`{"model":"m","x":${'7'.repeat(10_000_000)}}`)).toMatchObject({ model: 'm' })
  })

  test('finds in any object what JSON.parse finds, and its bytes are the JSON of the model', () => {
    const objects = fc.record(
      { model: fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }), stream: fc.boolean() },
      { requiredKeys: ['model'] },
    )
    const others = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 5 }))
    fc.assert(
      fc.property(others, objects, fc.constantFrom(undefined, 2, '\t'), (other, object, indent) => {
        const text = JSON.stringify({ ...other, ...object }, undefined, indent)
        const expected: { model: string; stream?: unknown } = JSON.parse(text)
        fc.pre(typeof expected.stream === 'boolean' || expected.stream === undefined)
        const result = peek(text)
        if (isRefusal(result)) throw new Error(result.message)
        expect(result.model).toBe(expected.model)
        expect(result.stream).toBe(expected.stream === true)
        const { start, end } = result.modelAt
        expect(JSON.parse(new TextDecoder().decode(encoder.encode(text).subarray(start, end)))).toBe(expected.model)
      }),
    )
  })
})
