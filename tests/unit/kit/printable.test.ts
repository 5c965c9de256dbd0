import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { printable, printableBlock } from '#kit/printable.ts'

describe('printable()', () => {
  test.each([
    { text: 'plain 文字 🙂', shown: 'plain 文字 🙂' },
    { text: 'a\tb\nc\rd', shown: 'a\\tb\\nc\\rd' },
    { text: '\u001b]0;title\u0007', shown: '\\x1b]0;title\\x07' },
    { text: '\u0085\u2028\u2029\u202e\u2066', shown: '\\x85\\u2028\\u2029\\u202e\\u2066' },
  ])('shows $shown', ({ text, shown }) => {
    expect(printable(text)).toBe(shown)
  })

  test('gives text of one line in every reading of that word', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const codes = Array.from(printable(text), (character) => character.charCodeAt(0))
        expect(codes.filter((code) => code < 32 || (code > 126 && code < 160) || code === 0x2028)).toEqual([])
      }),
    )
  })
})

describe('printableBlock()', () => {
  test('keeps line feeds and tabs, and nothing else that controls', () => {
    expect(printableBlock('a\r\n\tb\rc\u001bd')).toBe('a\n\tb\\rc\\x1bd')
  })
})
