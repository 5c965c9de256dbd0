import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readModelPath, splicePathModel } from '#wire/model-path.ts'

const paths = [
  { path: '/v1beta/models/gemini-2.5-flash:generateContent', model: 'gemini-2.5-flash', verb: 'generateContent' },
  {
    path: '/v1/models/gemini-2.5-flash:streamGenerateContent',
    model: 'gemini-2.5-flash',
    verb: 'streamGenerateContent',
    stream: true,
  },
  { path: '/v1alpha/models/m:countTokens', model: 'm', verb: 'countTokens' },
  {
    path: '/v1beta/models/anthropic/claude-opus:generateContent',
    model: 'anthropic/claude-opus',
    verb: 'generateContent',
  },
  { path: '/v1beta/models/gpt-5:free:generateContent', model: 'gpt-5:free', verb: 'generateContent' },
  { path: '/v1beta/models/a%2Fb%3Ac%20d:embedContent', model: 'a/b:c d', verb: 'embedContent' },
  { path: '/v1beta/models/%E6%A8%A1:batchEmbedContents', model: '模', verb: 'batchEmbedContents' },
  { path: '/v1beta/models/models/m:generateContent', model: 'm', verb: 'generateContent' },
]

describe('readModelPath()', () => {
  test.each(paths)('reads $path', ({ path, model, verb, stream }) => {
    const found = readModelPath(path)
    expect(found).toMatchObject({ model, verb, stream: stream ?? false })
    const encoded = path.slice(found?.modelAt.start, found?.modelAt.end)
    expect(path).toBe(`${path.slice(0, path.indexOf('models/') + 7)}${encoded}:${verb}`)
  })

  test.each([
    '/v1beta/models',
    '/v1beta/models/m',
    '/v1beta/models/:generateContent',
    '/v1beta/models/models/:generateContent',
    '/v1beta/models/m:',
    '/v1beta/models/m:generate/content',
    '/v1beta/models/m%zz:generateContent',
    '/v1beta/models/m%ff:generateContent',
    '/v1beta/tunedModels/m:generateContent',
    '/v2/models/m:generateContent',
    '/x/v1beta/models/m:generateContent',
    '/v1/models/gpt-5',
    `/v1beta/models/${'m'.repeat(513)}:generateContent`,
  ])('sees no model in %s', (path) => {
    expect(readModelPath(path)).toBeUndefined()
  })
})

describe('splicePathModel()', () => {
  test.each([
    { model: 'other', path: '/v1beta/models/other:generateContent' },
    { model: 'a/b:c', path: '/v1beta/models/a/b:c:generateContent' },
    { model: 'models/other', path: '/v1beta/models/other:generateContent' },
    { model: 'a b?c#d%e', path: '/v1beta/models/a%20b%3Fc%23d%25e:generateContent' },
    { model: '模', path: '/v1beta/models/%E6%A8%A1:generateContent' },
  ])('B39: puts $model into the path', ({ model, path }) => {
    const before = '/v1beta/models/old%2Fname:generateContent'
    expect(splicePathModel(before, { start: 15, end: 25 }, model)).toBe(path)
  })

  test('gives a path that is read as the same model, for every name', () => {
    const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(names, (name) => {
        fc.pre(!name.startsWith('models/'))
        const path = splicePathModel('/v1/models/x:generateContent', { start: 11, end: 12 }, name)
        expect(readModelPath(path)).toMatchObject({ model: name, verb: 'generateContent' })
        expect(new URL(path, 'http://host').pathname.length > 0 && !/[?#\s]/.test(path)).toBe(true)
      }),
    )
  })
})
