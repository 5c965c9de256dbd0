import { expect, test } from 'bun:test'
import { readEnvFile, withEnvFile } from '#config/env-file.ts'

test.each([
  { line: 'PORT=8000', name: 'PORT', value: '8000' },
  { line: 'port = 8000', name: 'port', value: '8000' },
  { line: '  export KEY=sk-1  ', name: 'KEY', value: 'sk-1' },
  { line: `KEY='a # b' # a comment`, name: 'KEY', value: 'a # b' },
  { line: 'KEY="a=b"', name: 'KEY', value: 'a=b' },
  { line: String.raw`KEY="a\nb \"c\" \$d"`, name: 'KEY', value: 'a\nb "c" $d' },
  { line: String.raw`KEY='a\nb'`, name: 'KEY', value: String.raw`a\nb` },
  { line: 'KEY="-----BEGIN\nKEY-----"', name: 'KEY', value: '-----BEGIN\nKEY-----' },
  { line: 'KEY=a#b', name: 'KEY', value: 'a#b' },
  { line: 'KEY=a #b', name: 'KEY', value: 'a' },
  { line: 'BACKEND_AUTH_MODE=Authorization # 或 x-api-key', name: 'BACKEND_AUTH_MODE', value: 'Authorization' },
  { line: 'KEY="not closed', name: 'KEY', value: '"not closed' },
  { line: 'KEY=', name: 'KEY', value: '' },
  { line: 'KEY=first\nKEY=second', name: 'KEY', value: 'second' },
  { line: '# KEY=1', name: 'KEY', value: undefined },
  { line: 'not a variable', name: 'NOT', value: undefined },
])('readEnvFile() reads $line', ({ line, name, value }) => {
  const read = readEnvFile(`\uFEFFFIRST=1\r\n${line}\nLAST=2`)
  expect(read.get(name)).toBe(value)
  expect(read.get('FIRST')).toBe('1')
  expect(read.get('LAST')).toBe('2')
})

test('D52: withEnvFile() adds what is not set, and takes small letters for large ones', () => {
  const env = withEnvFile({ PORT: '1', EMPTY: '' }, 'PORT=2\nEMPTY=2\nlog_level=DEBUG\n')
  expect(env).toMatchObject({ PORT: '1', EMPTY: '', LOG_LEVEL: 'DEBUG', log_level: 'DEBUG' })
})
