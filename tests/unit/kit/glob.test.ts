import { expect, test } from 'bun:test'
import { compileGlob, compileReplacement } from '#kit/glob.ts'

test.each([
  { glob: 'a', text: 'a', to: 'b', made: 'b' },
  { glob: 'a', text: 'ab', to: 'b', made: undefined },
  { glob: '*', text: 'ab', to: 'x-*', made: 'x-ab' },
  { glob: 'openai/*', text: 'openai/gpt', to: '*', made: 'gpt' },
  { glob: '*-*-x', text: 'a-b-c-x', to: '*|*', made: 'a|b-c' },
  { glob: 'a*b', text: 'ab', to: '<*>', made: '<>' },
  { glob: 'ab*b', text: 'ab', to: '*', made: undefined },
  { glob: 'a*', text: 'ab', to: '*.*', made: 'b.' },
  { glob: '$*', text: '$&', to: '*$1', made: '&$1' },
])('$text as $glob becomes $to: $made', ({ glob, text, to, made }) => {
  expect(compileReplacement(glob, to)(text)).toBe(made)
  expect(compileGlob(glob)(text)).toBe(made !== undefined)
})

test('many stars take no longer than few', () => {
  expect(compileGlob('*a'.repeat(2000) + 'b')('a'.repeat(20_000))).toBe(false)
})
