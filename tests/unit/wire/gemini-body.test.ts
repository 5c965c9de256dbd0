import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { concat, encode } from '#kit/bytes.ts'
import { spliceGeminiBody } from '#wire/gemini-body.ts'

function spliced(verb: string, body: string, from = 'alias', to = 'new'): string {
  return Buffer.from(concat(spliceGeminiBody(encode(body), `/v1beta/models/${from}:${verb}`, from, to))).toString()
}

describe('spliceGeminiBody()', () => {
  test.each([
    {
      name: 'each request of a batch',
      verb: 'batchEmbedContents',
      body: '{ "requests":[{"model" : "models/alias","n":9007199254740993},\n{"content":{},"model":"models/alias"}] }',
      after: '{ "requests":[{"model" : "models/new","n":9007199254740993},\n{"content":{},"model":"models/new"}] }',
    },
    {
      name: 'the body itself',
      verb: 'embedContent',
      body: '{"model":"alias","content":{"parts":[{"text":"<ü>"}]}}',
      after: '{"model":"models/new","content":{"parts":[{"text":"<ü>"}]}}',
    },
    {
      name: 'the request that is counted',
      verb: 'countTokens',
      body: '{"generateContentRequest":{"model":\t"models\\/alias","contents":[]}}',
      after: '{"generateContentRequest":{"model":\t"models/new","contents":[]}}',
    },
  ])('B39: renames the model of $name, and changes no other byte', ({ verb, body, after }) => {
    expect(spliced(verb, body)).toBe(after)
  })

  test.each([
    { name: 'another model', body: '{"model":"models/other"}' },
    { name: 'a text that looks like one', body: '{"text":"{\\"model\\":\\"models/alias\\"}"}' },
    { name: 'a value that is spelled as the key', body: '{"a":"model","b":["model", "models/alias"]}' },
    { name: 'a value that is no string', body: '{"model":{"x":"models/alias"},"n":{"model":1}}' },
    { name: 'a body that breaks off', body: '{"model":"models/alias' },
    { name: 'no model', body: '{}' },
  ])('leaves alone $name', ({ body }) => {
    expect(spliced('batchEmbedContents', body)).toBe(body)
  })

  test('hands back the same bytes for verbs that name the model in the path only', () => {
    const body = encode('{"contents":[{"parts":[{"functionCall":{"args":{"model":"models/alias"}}}]}]}')
    const pieces = spliceGeminiBody(body, '/v1beta/models/alias:generateContent', 'alias', 'new')
    expect(pieces).toHaveLength(1)
    expect(pieces[0]).toBe(body)
  })

  test('hands back the same bytes where nothing is renamed', () => {
    const body = encode('{"model":"models/other"}')
    expect(spliceGeminiBody(body, '/v1beta/models/alias:embedContent', 'alias', 'new')[0]).toBe(body)
  })

  test('renames in batches of every size, in views up to a few hundred pieces, in one copy beyond', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('alias', 'models/alias', 'other')),
        fc.constantFrom(1, 60),
        (models, times) => {
          const text = JSON.stringify({
            requests: Array.from({ length: times }, () => models.map((model) => ({ model, content: 'x' }))).flat(),
          })
          const body = encode(text)
          const pieces = spliceGeminiBody(body, '/v1/models/alias:batchEmbedContents', 'alias', 'new')
          expect(pieces.length).toBeLessThanOrEqual(256)
          const after = text.replaceAll('"models/alias"', '"alias"').replaceAll('"alias"', '"models/new"')
          expect(Buffer.from(concat(pieces)).toString()).toBe(after)
        },
      ),
    )
  })

  test('does not double a prefix, and escapes what JSON needs escaped', () => {
    expect(spliced('embedContent', '{"model":"models/alias"}', 'alias', 'models/new')).toBe('{"model":"models/new"}')
    expect(spliced('embedContent', '{"model":"models/alias"}', 'alias', 'a"b')).toBe('{"model":"models/a\\"b"}')
  })
})
