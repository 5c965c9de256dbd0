import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '#core/refusal.ts'
import { concat } from '#kit/bytes.ts'
import { peekMultipart, spliceFormModel } from '#wire/multipart.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const type = 'multipart/form-data; boundary=XX'

function field(name: string, value: string, more = ''): string {
  return `--XX\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
}

function form(...parts: string[]): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${parts.join('')}--XX--\r\n`)
}

const file = `--XX\r\nContent-Disposition: form-data; name="file"; filename="../../a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n\r\n--X\0\xff name="model"\r\n\r\n\r\n`

const fine = [
  { name: 'a field alone', body: form(field('model', 'whisper-1')), model: 'whisper-1', stream: false },
  { name: 'a field behind a file', body: form(file, field('model', 'm')), model: 'm', stream: false },
  { name: 'a field before a file', body: form(field('model', 'm'), file), model: 'm', stream: false },
  { name: 'a stream', body: form(field('stream', 'true'), field('model', 'm')), model: 'm', stream: true },
  {
    name: "a stream in Python's spelling",
    body: form(field('model', 'm'), field('stream', 'True')),
    model: 'm',
    stream: true,
  },
  { name: 'stream false', body: form(field('model', 'm'), field('stream', 'false')), model: 'm', stream: false },
  { name: 'a value outside ASCII', body: form(field('model', '模型')), model: '模型', stream: false },
  { name: 'a line end in front', body: encoder.encode(`\r\n${field('model', 'm')}--XX--`), model: 'm', stream: false },
  { name: 'an unquoted name', body: form(field('x', '1').replace('"x"', 'model')), model: '1', stream: false },
  { name: 'an empty other field', body: form(field('prompt', ''), field('model', 'm')), model: 'm', stream: false },
  {
    name: 'blanks behind a boundary',
    body: form(field('model', 'm').replace('XX', 'XX \t')),
    model: 'm',
    stream: false,
  },
]

const wrong = [
  { name: 'another content type', type: 'application/json', body: form(), code: 'unsupported_media_type' },
  { name: 'B76: no boundary', type: 'multipart/form-data', body: form(field('model', 'm')), code: 'invalid_parameter' },
  {
    name: 'B76: two boundaries',
    type: `${type}; boundary=YY`,
    body: form(field('model', 'm')),
    code: 'invalid_parameter',
  },
  { name: 'an empty boundary', type: 'multipart/form-data; boundary=""', body: form(), code: 'invalid_parameter' },
  { name: 'an empty body', body: new Uint8Array(), code: 'invalid_parameter' },
  { name: 'no field', body: form(), code: 'missing_model' },
  { name: 'B72: no model', body: form(field('prompt', 'x'), file), code: 'missing_model' },
  { name: 'an empty model', body: form(field('model', '')), code: 'invalid_parameter' },
  { name: 'a model that is too long', body: form(field('model', 'm'.repeat(513))), code: 'invalid_parameter' },
  {
    name: 'a model that is no UTF-8',
    body: Buffer.from(Buffer.from(form(field('model', '\u00ff'))).toString(), 'latin1'),
    code: 'invalid_parameter',
  },
  { name: 'a file as model', body: form(field('model', 'm', '; filename="m"')), code: 'invalid_parameter' },
  { name: 'two models', body: form(field('model', 'a'), field('model', 'b')), code: 'duplicate_key' },
  { name: 'two names for one part', body: form(field('x', 'a', '; name="model"')), code: 'invalid_parameter' },
  {
    name: 'two streams',
    body: form(field('model', 'a'), field('stream', '0'), field('stream', '1')),
    code: 'duplicate_key',
  },
  {
    name: 'a stream that is neither',
    body: form(field('model', 'a'), field('stream', 'maybe')),
    code: 'invalid_parameter',
  },
  { name: 'a part without a name', body: form('--XX\r\n\r\nx\r\n', field('model', 'm')), code: 'invalid_parameter' },
  { name: 'a part cut in its headers', body: form('--XX\r\nA: b\r\n', field('model', 'm')), code: 'invalid_parameter' },
  {
    name: 'a boundary at once behind headers',
    body: form(field('x', '').slice(0, -2), field('model', 'm')),
    code: 'invalid_parameter',
  },
  { name: 'a folded header', body: form(field('model', 'm').replace('; ', ';\r\n ')), code: 'invalid_parameter' },
  {
    name: 'a bare line feed in a header',
    body: form(field('x', 'm').replace('; ', '; a=b\nX: y; ')),
    code: 'invalid_parameter',
  },
  {
    name: 'a recoded field',
    body: form(field('model', 'bQ==').replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n')),
    code: 'invalid_parameter',
  },
  { name: 'text behind a boundary', body: form(field('model', 'm').replace('XX', 'XXY')), code: 'invalid_parameter' },
  { name: 'a form that breaks off', body: encoder.encode(field('model', 'm')), code: 'invalid_parameter' },
  {
    name: 'a form that breaks off in a value',
    body: encoder.encode(field('model', 'm').slice(0, -2)),
    code: 'invalid_parameter',
  },
  {
    name: 'B76: ten thousand parts',
    body: form(...Array.from({ length: 10_000 }, (_, n) => field(`f${n}`, ''))),
    code: 'invalid_parameter',
  },
  {
    name: 'B76: a part header of 1 MB',
    body: form(`--XX\r\nX: ${'y'.repeat(1_000_000)}\r\n\r\n\r\n`, field('model', 'm')),
    code: 'invalid_parameter',
  },
]

describe('peekMultipart()', () => {
  test.each(fine)('reads $name', ({ body, model, stream }) => {
    const found = peekMultipart(body, type)
    expect(found).toMatchObject({ model, stream })
    if (isRefusal(found)) return
    expect(new TextDecoder().decode(body.subarray(found.modelAt.start, found.modelAt.end))).toBe(model)
  })

  test.each(wrong)('refuses $name', ({ body, code, type: other }) => {
    expect(peekMultipart(body, other ?? type)).toMatchObject({ kind: 'refusal', code })
  })

  test.each(['Multipart/Form-Data;charset=utf-8;Boundary="X X"', 'multipart/form-data ; x=";" ; boundary="X X"'])(
    'reads the boundary of %s',
    (contentType) => {
      const body = encoder.encode(new TextDecoder().decode(form(field('model', 'm'))).replaceAll('--XX', '--X X'))
      expect(peekMultipart(body, contentType)).toMatchObject({ model: 'm' })
    },
  )

  test('reads what FormData writes, whatever the file holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.string({ minLength: 1, maxLength: 40 }), async (bytes, name) => {
        const data = new FormData()
        data.append('file', new Blob([new Uint8Array(bytes)]), 'a"b.bin')
        data.append('model', name)
        data.append('stream', 'true')
        const response = new Response(data)
        const contentType = response.headers.get('content-type') ?? ''
        const body = new Uint8Array(await response.arrayBuffer())
        const found = peekMultipart(body, contentType)
        expect(found).toMatchObject({ stream: true })
        if (isRefusal(found)) return
        expect(new TextDecoder().decode(body.subarray(found.modelAt.start, found.modelAt.end))).toBe(found.model)
      }),
      { numRuns: 50 },
    )
  })
})

describe('spliceFormModel()', () => {
  test('the pieces of any form are the form with another model, and can be read again', () => {
    const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(value, value, fc.boolean(), (before, after, isLast) => {
        const body = form(...(isLast ? [file, field('model', before)] : [field('model', before), file]))
        const found = peekMultipart(body, type)
        if (isRefusal(found)) throw new Error(found.message)
        const result = concat(spliceFormModel(body, found.modelAt, after))
        expect(result.length).toBe(body.length - encoder.encode(before).length + encoder.encode(after).length)
        const again = peekMultipart(result, type)
        expect(again).toMatchObject({ model: after })
      }),
    )
  })

  test('B39: changes nothing but the bytes of the model', () => {
    const body = form(file, field('model', 'old'), field('prompt', 'old'))
    const found = peekMultipart(body, type)
    if (isRefusal(found)) throw new Error(found.message)
    const result = spliceFormModel(body, found.modelAt, 'new/模型')
    expect(decoder.decode(concat(result))).toBe(
      decoder.decode(form(file, field('model', 'new/模型'), field('prompt', 'old'))),
    )
    expect(result[0]?.buffer).toBe(body.buffer)
    expect(result[2]?.buffer).toBe(body.buffer)
  })
})
