import { describe, expect, test } from 'bun:test'
import { pageNames } from '#server/ui/router.ts'
import { fill, languageFor, wordsOf } from '#server/ui/words.ts'

const names = Object.keys(wordsOf.en) as (keyof typeof wordsOf.en)[]

describe('the words of the page', () => {
  test('are all there in both languages, and differ', () => {
    expect(Object.keys(wordsOf.zh)).toEqual(names)
    expect(names.filter((name) => wordsOf.en[name] === '' || wordsOf.zh[name] === '')).toEqual([])
    expect(names.filter((name) => wordsOf.en[name] === wordsOf.zh[name])).toEqual([])
    expect(names.filter((name) => !/[\u4e00-\u9fff{]/.test(wordsOf.zh[name]))).toEqual([])
  })

  test('are punctuated as Chinese is written', () => {
    expect(names.filter((name) => /[,:;!?]/.test(wordsOf.zh[name]))).toEqual([])
  })

  test('leave the same places for what is filled in', () => {
    const placesOf = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).toSorted()
    const different = names.filter((name) => placesOf(wordsOf.en[name]).join() !== placesOf(wordsOf.zh[name]).join())
    expect(different).toEqual([])
  })

  test('are each used by some part of it, and name each page', async () => {
    const files = [...new Bun.Glob('src/server/ui/**/*.{ts,tsx}').scanSync()].filter(
      (file) => !file.endsWith('words.ts'),
    )
    const texts = await Promise.all([...files, 'src/core/status.ts'].map(async (file) => await Bun.file(file).text()))
    const used = new Set(texts.join('\n').match(/\b\w+\b/g))
    expect(files.length).toBeGreaterThan(10)
    expect(names.filter((name) => !used.has(name))).toEqual([])
    expect(pageNames.filter((page) => !names.includes(page))).toEqual([])
  })
})

describe('languageFor()', () => {
  test.each<{ wanted: readonly string[]; language: 'en' | 'zh' }>([
    { wanted: ['zh-CN', 'en'], language: 'zh' },
    { wanted: ['ZH-Hant-TW'], language: 'zh' },
    { wanted: ['de', 'zh'], language: 'zh' },
    { wanted: ['de', 'en-GB', 'zh'], language: 'en' },
    { wanted: ['de', 'fr'], language: 'en' },
    { wanted: [], language: 'en' },
  ])('$wanted → $language', ({ wanted, language }) => {
    expect(languageFor(wanted)).toBe(language)
  })
})

describe('fill()', () => {
  test.each([
    { text: '{a} of {b}', values: { a: 1, b: 'two' }, filled: '1 of two' },
    { text: '{a}{a}', values: { a: 0 }, filled: '00' },
    { text: '{unknown}', values: {}, filled: '{unknown}' },
    { text: '{a}', values: { a: '{b} $& $1' }, filled: '{b} $& $1' },
  ])('"$text" → "$filled"', ({ text, values, filled }) => {
    expect(fill(text, values)).toBe(filled)
  })
})
