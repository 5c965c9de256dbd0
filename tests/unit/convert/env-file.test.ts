import { expect, test } from 'bun:test'
import { readEnvFile } from '#convert/env-file.ts'

test.each([
  { line: 'PORT=8000', name: 'PORT', value: '8000' },
  { line: 'port = 8000', name: 'PORT', value: '8000' },
  { line: '  export KEY=sk-1  ', name: 'KEY', value: 'sk-1' },
  { line: `KEY='a # b' # a comment`, name: 'KEY', value: 'a # b' },
  { line: 'KEY="a=b"', name: 'KEY', value: 'a=b' },
  { line: 'KEY=a#b', name: 'KEY', value: 'a#b' },
  { line: 'KEY=a #b', name: 'KEY', value: 'a' },
  { line: 'KEY=', name: 'KEY', value: '' },
  { line: '# KEY=1', name: 'KEY', value: undefined },
  { line: 'not a variable', name: 'NOT', value: undefined },
])('$line', ({ line, name, value }) => {
  expect(readEnvFile(`FIRST=1\r\n${line}\nLAST=2`).get(name)).toBe(value)
})
