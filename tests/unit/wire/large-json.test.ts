import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '#core/refusal.ts'
import { encode } from '#kit/bytes.ts'
import { peekLargeJson } from '#wire/large-json.ts'
import { peekJson, peekWhole } from '#wire/peek.ts'

const sentence = String.raw`He said \"{\\\"model\\\": \\\"x\\\", \"stream\": true}\" and\n[left] {\u00e9} — 模型. `
/** With the rest of a body more than the bytes from which bodies count as large. */
const prose = sentence.repeat(1000)
const long = `"messages":[{"role":"user","content":"${prose}"}]`
const model = '"model":"m"'

/** An object with `members` in the middle of its bytes. */
function aroundTheMiddle(members: string): string {
  return `{"front":"${'x'.repeat(40_000)}",${members},"behind":"${'x'.repeat(40_000)}"}`
}

const answered = [
  { name: 'both keys first', text: `{"model":"m","stream":true,${long}}`, stream: true },
  { name: 'one key at each end', text: `{"model":"m",${long},"stream":true}`, stream: true },
  { name: 'no stream', text: `{"model":"m",${long}}`, stream: false },
  { name: 'blanks everywhere', text: ` {\n\t"model" :\r\n"m" , ${long} , "stream" : true } \r\n`, stream: true },
  {
    name: 'a long text in front of the model',
    text: `{"system":"${sentence.repeat(200)}",${model},${long}}`,
    stream: false,
  },
  { name: 'keys on both sides of the middle', text: aroundTheMiddle(`${model},"x":1,"stream":true`), stream: true },
  { name: 'names that begin alike', text: `{"models":1,"model":"m","stream_options":{},${long}}`, stream: false },
  {
    name: 'tools behind the keys',
    text: `{"model":"m",${long},"stream":true,"tools":[{"a":{"b":[1]}}]}`,
    stream: true,
  },
  {
    name: 'capitals that only begin a name',
    text: `{${model},"x":["Models","MODELS"],"Streams":1,${long}}`,
    stream: false,
  },
  {
    name: 'names in capitals inside a text',
    text: `{${model},"x":"\\"Model\\": \\"STREAM\\"",${long}}`,
    stream: false,
  },
]

/** Their model is reached from the end only, which does not show that the text is one value. */
const modelBehind = [
  { name: 'both keys last', text: `{${long},"model":"m","stream":true}`, stream: true },
  { name: 'both keys last, the other way round', text: `{${long},"stream":true,"model":"m"}`, stream: true },
  { name: 'one key at each end, the model last', text: `{"stream":true,${long},"model":"m"}`, stream: true },
  { name: 'no stream, the model last', text: `{${long},"model":"m" }\n`, stream: false },
]

const unsure = [
  { name: 'B52: two models far apart', text: `{${model},${long},"model":"n"}`, code: 'duplicate_key' },
  { name: 'B52: two models, one in the middle', text: `{${model},${long},"model":"n",${long}}`, code: 'duplicate_key' },
  {
    name: 'B52: a second model spelled otherwise',
    text: `{${model},${long},"mod\\u0065l":"n"}`,
    code: 'duplicate_key',
  },
  { name: 'B52: … with its first letter', text: `{${long},"\\u006Dodel":"n",${model}}`, code: 'duplicate_key' },
  {
    name: 'B52: a second stream spelled otherwise',
    text: `{${model},"stream":true,${long},"s\\u0074ream":false,"a":1}`,
    code: 'duplicate_key',
  },
  { name: 'two streams', text: `{${model},"stream":true,${long},"stream":false}`, code: 'duplicate_key' },
  ...['Model', 'MODEL', 'mOdel', 'moDel', 'modEl', 'modeL', 'Mode\\u006c', '\\u004dodel'].map((key) => ({
    name: `B52: a second model as ${key}`,
    text: `{${model},${long},"${key}":"dear",${long}}`,
    code: 'duplicate_key',
  })),
  ...['Stream', 'STREAM', 'sTream', 'stReam', 'strEam', 'streAm', 'streaM', 'ſtream', 'ſTREAM', '\\u017ftream'].map(
    (key) => ({
      name: `B52: a second stream as ${key}`,
      text: `{${model},"stream":false,${long},"${key}":true,${long}}`,
      code: 'duplicate_key',
    }),
  ),
  { name: 'a stream as ſtream only', text: `{${model},${long},"ſtream":true}`, code: 'invalid_parameter' },
  { name: 'a model in capitals only', text: `{"MODEL":"m",${long}}`, code: 'missing_model' },
  ...['', ' ', '\n', ' \r\n\t', ',', '0', '[]', '"a"'].flatMap((between) => [
    {
      name: `B48: two objects with ${JSON.stringify(between)} between, the second with the model`,
      text: `{"x":1,${long}}${between}{"a":1,${model}}`,
      code: 'invalid_json',
    },
    {
      name: `B48: two objects with ${JSON.stringify(between)} between, each with a model`,
      text: `{"Model":"dear",${long}}${between}{${model}}`,
      code: 'invalid_json',
    },
  ]),
  { name: 'no model', text: `{${long}}`, code: 'missing_model' },
  { name: 'a model deeper down only', text: `{${long},"x":{"model":"m"}}`, code: 'missing_model' },
  { name: 'a model deeper down at the beginning', text: `{"x":{"model":"m"},${long}}`, code: 'missing_model' },
  { name: 'a model as a value', text: `{${long},"role":"model"}`, code: 'missing_model' },
  { name: 'a text that ends like a key', text: `{${long},"a":"\\"model","b":"m"}`, code: 'missing_model' },
  { name: 'a text that ends like a key, and a colon', text: `{${long},"\\"model":"m"}`, code: 'missing_model' },
  { name: 'B49: an array', text: `[{${model},${long}}]`, code: 'invalid_parameter' },
  { name: 'B49: an array, the model last', text: `[{${long},${model}}]`, code: 'invalid_parameter' },
  { name: 'B62: a stream that is a text', text: `{${model},"stream":"true",${long}}`, code: 'invalid_parameter' },
  { name: 'B63: a model that is a number', text: `{${long},"model":5}`, code: 'invalid_parameter' },
  { name: 'B48: something behind the object', text: `{${model},${long}}x`, code: 'invalid_json' },
  { name: 'B48: a second object', text: `{${model}}${' '.repeat(70_000)}{}`, code: 'invalid_json' },
  { name: 'B48: an array closed as an object', text: `["${prose}",${model}}`, code: 'invalid_json' },
  { name: 'B48: a body that breaks off', text: `{${model},${long}`, code: 'invalid_json' },
  { name: 'B48: a fault near the first key', text: `{${model},x,${long}}`, code: 'invalid_json' },
  { name: 'B48: a fault near the last key', text: `{${long},${model},"a":01}`, code: 'invalid_json' },
  { name: 'B59: a byte order mark', text: `\ufeff{${model},${long}}`, code: 'invalid_json' },
  {
    name: 'B51: nesting at once behind the model',
    text: `{${model},"x":${'['.repeat(40_000)}${']'.repeat(40_000)}}`,
    code: 'json_too_deep',
  },
  {
    name: 'B56: a hundred thousand keys',
    text: `{${model},${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`).join()}}`,
    code: 'invalid_parameter',
  },
]

describe('peekLargeJson()', () => {
  test.each(answered)('answers by itself for $name', ({ text, stream }) => {
    const found = peekLargeJson(encode(text))
    if (found === undefined) throw new Error('it did not answer')
    expect(found).toMatchObject({ model: 'm', stream })
    expect(peekWhole(encode(text))).toEqual(found)
  })

  test.each(unsure)('leaves to a scan of the whole body, which refuses it: $name', ({ text, code }) => {
    expect(peekLargeJson(encode(text))).toBeUndefined()
    expect(peekJson(encode(text))).toMatchObject({ kind: 'refusal', code })
  })

  test.each(modelBehind)('leaves to a scan of the whole body, which answers: $name', ({ text, stream }) => {
    expect(peekLargeJson(encode(text))).toBeUndefined()
    expect(peekJson(encode(text))).toMatchObject({ model: 'm', stream })
  })

  test('leaves a nested model in capitals to a scan of the whole body, which allows it', () => {
    const body = encode(`{${model},"tools":[{"properties":{"Model":{"type":"string"}}}],${long}}`)
    expect(peekLargeJson(body)).toBeUndefined()
    expect(peekJson(body)).toMatchObject({ model: 'm' })
  })

  test('finds every spelling of a second key of ours, in whatever case and escaped or not', () => {
    const spelled = fc.constantFrom('model', 'stream').chain((name) =>
      fc.tuple(
        fc.constant(name),
        fc.tuple(...Array.from(name, (letter) => fc.constantFrom(...spellingsOf(letter)))).map((all) => all.join('')),
      ),
    )
    fc.assert(
      fc.property(spelled, ([name, key]) => {
        const text = `{"model":"m","stream":true,"x":"${'long '.repeat(200)}","${key}":null,"y":"${'long '.repeat(200)}"}`
        expect(peekLargeJson(encode(text), 60)).toBeUndefined()
        expect(peekWhole(encode(text))).toMatchObject({ code: 'duplicate_key', param: name })
      }),
      { numRuns: 3000 },
    )
  })

  test('leaves a nested second model to a scan of the whole body, which allows it', () => {
    const body = encode(`{${model},"tools":[{"properties":{"model":{"type":"string"}}}],${long}}`)
    expect(peekLargeJson(body)).toBeUndefined()
    expect(peekJson(body)).toMatchObject({ model: 'm' })
  })

  test('leaves a value that stands too far behind its key to a scan of the whole body', () => {
    const body = encode(`{${model},"stream":${' '.repeat(5000)}true,${long}}`)
    expect(peekLargeJson(body)).toBeUndefined()
    expect(peekJson(body)).toMatchObject({ model: 'm', stream: true })
  })

  test('B58: refuses invalid UTF-8 anywhere in a large body', () => {
    const body = encode(`{${model},${long},"stream":true}`)
    for (const at of [20, body.length >> 1, body.length - 20]) {
      const broken = body.slice()
      broken[at] = 0xff
      expect(peekLargeJson(broken)).toBeUndefined()
      expect(peekJson(broken)).toMatchObject({ code: 'invalid_json' })
    }
  })

  test.each([
    { name: 'a fault', middle: '{]' },
    { name: 'a control character', middle: '"a\u0001"' },
    { name: 'too many levels', middle: '['.repeat(65) + ']'.repeat(65) },
  ])('leaves to the backend what stands far from the keys: $name', ({ middle }) => {
    expect(peekJson(encode(`{${model},${long},"x":${middle},${long}}`))).toMatchObject({ model: 'm' })
  })

  test('gives up on names that end like ours by the thousands', () => {
    expect(peekLargeJson(encode(`{${model},"x":[${Array.from({ length: 5000 }, () => '"small"').join()}]}`))).toBe(
      undefined,
    )
  })

  // No scan beyond the keys themselves, or a little further, so that small bodies have a middle too.
  const scanned = fc.constantFrom(14, 24, 60, 4096)

  test('never answers a JSON text otherwise than a scan of all of it', () => {
    let answers = 0
    fc.assert(
      fc.property(objectTexts, scanned, (text, headBytes) => {
        const body = encode(text)
        const found = peekLargeJson(body, headBytes)
        if (found === undefined) return
        answers++
        expect(peekWhole(body)).toEqual(found)
      }),
      { numRuns: 6000 },
    )
    expect(answers).toBeGreaterThan(500)
  })

  test('answers a text that is no JSON only as a scan would, or with the only model in it', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\"',
      '1',
      ' ',
      'true',
      '\n',
      '"model"',
      'e',
    )
    const damages = fc.array(fc.tuple(fc.nat(), fc.nat(3), pieces), { minLength: 1, maxLength: 3 })
    let differences = 0
    fc.assert(
      fc.property(objectTexts, damages, scanned, (text, list, headBytes) => {
        const damaged = list.reduce((before, [nth, length, piece]) => {
          const at = nth % (before.length + 1)
          return before.slice(0, at) + piece + before.slice(at + length)
        }, text)
        const body = encode(damaged)
        const found = peekLargeJson(body, headBytes)
        if (found === undefined) return
        const whole = peekWhole(body)
        if (Bun.deepEquals(found, whole)) return
        differences++
        expect(isRefusal(whole)).toBe(true)
        expect(parses(damaged)).toBe(false)
        expect(damaged.split('"model"')).toHaveLength(2)
        expect(damaged.match(/"model"/giu)).toHaveLength(1)
        expect(damaged.match(/"stream"/giu) ?? []).toHaveLength(damaged.split('"stream"').length - 1)
        expect(damaged).not.toMatch(/\\u00[4-7]|\\u017/)
        expect(JSON.parse(Buffer.from(body.subarray(found.modelAt.start, found.modelAt.end)).toString())).toBe(
          found.model,
        )
      }),
      { numRuns: 10_000 },
    )
    expect(differences).toBeGreaterThan(0)
  })
})

function spellingsOf(letter: string): string[] {
  const both = [letter, letter.toUpperCase(), ...(letter === 's' ? ['ſ'] : [])]
  const escaped = both.map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return [...both, ...both, ...escaped, ...escaped.map((one) => `\\u${one.slice(2).toUpperCase()}`)]
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Objects as text, so that keys can stand twice and be spelled with escapes. */
const objectTexts: fc.Arbitrary<string> = fc
  .letrec<{ value: string; object: string }>((tie) => {
    const space = fc.constantFrom('', '', '', ' ', '\n\t', '\r\n')
    const names = fc.constantFrom(
      'model',
      'stream',
      'mod\\u0065l',
      '\\u006dodel',
      '\\u0073tream',
      'str\\u0065\\u0061m',
      '\\"model',
      'models',
      'Model',
      'MODEL',
      'streaM',
      'ſtream',
      '\\u017ftream',
      'x',
      '\\u0000',
    )
    const bits = fc.constantFrom(
      'model',
      '\\"',
      '\\\\',
      '\\n',
      '\\u00e9',
      '模',
      '"model"',
      ':',
      ',',
      '}',
      '{',
      'text ',
      ' ',
    )
    const texts = fc.array(bits, { maxLength: 12 }).map((list) => list.join('').replaceAll('"model"', '\\"model\\"'))
    const strings = fc.oneof(
      texts.filter((text) => parses(`"${text}"`)).map((text) => `"${text}"`),
      fc.constantFrom('"model"', '"stream"', '"\\"model"', '"\\"stream"', `"${'long text \\" '.repeat(20)}"`),
    )
    const members = fc.tuple(names, tie('value'), space, space, space).map(([name, value, ...around]) => {
      return `${around[0]}"${name}"${around[1]}:${around[2]}${value}${around[0]}`
    })
    return {
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom('true', 'false', 'null', '0', '-1.5e3', '"m"', '"gpt"'),
        strings,
        tie('object'),
        fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join()}]`),
      ),
      object: fc.array(members, { maxLength: 4 }).map((list) => `{${list.join()}}`),
    }
  })
  .object.chain((inner) => topLevel(inner))

/** One object around others, with keys of ours where the scans look for them, or not. */
function topLevel(inner: string): fc.Arbitrary<string> {
  const own = fc.constantFrom(
    '"model":"n"',
    '"model" : "m"',
    '"stream":true',
    '"stream":null',
    '"mod\\u0065l":"n"',
    '"modeL":"n"',
    '"Stream":1',
  )
  const trap = fc.constantFrom('"s":"\\"model"', '"s":"\\"stream"', '"s":"model"', '"s":{"stream":1}')
  const filler = fc.constantFrom('"a":1', `"long":"${'some \\"text\\" '.repeat(12)}"`, '"b":[{"c":{}}]')
  const member = fc.oneof(
    { weight: 6, arbitrary: filler },
    { weight: 1, arbitrary: own },
    { weight: 1, arbitrary: trap },
    { weight: 1, arbitrary: fc.constant(`"inner":${inner}`) },
  )
  const plain = fc.constantFrom('"model":"m"', '"model":"m","stream":true', '"stream":false,"model":"\\n"', '"x":0')
  const ends = fc.constantFrom('', ' ', '\n')
  return fc
    .tuple(fc.array(member, { maxLength: 4 }), plain, fc.array(member, { maxLength: 4 }), ends)
    .map(([before, one, behind, end]) => `${end}{${[...before, one, ...behind].join()}}${end}`)
}
