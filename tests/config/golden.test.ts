import { expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { problemLines } from '../support/config.ts'

const surroundings = {
  env: {
    SET_KEY: 'sk-set-0123456789',
    EMPTY: '',
    WORD: 'hello',
    NUL: 'a\0b',
    CREDENTIALS_DIRECTORY: '/run/credentials',
  },
  files: {
    '/run/secrets/key': { content: 'sk-from-a-file\n' },
    '/run/secrets/shared': { content: 'sk-shared\r\n', shared: true },
    '/run/secrets/empty': { content: '\n' },
  },
}

const names = readdirSync(import.meta.dir)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.replace(/\.yaml$/, ''))

// `UPDATE=1 bun test tests/config` writes the expectations anew; read the difference.
test.each(names)('the problems of %s.yaml are those of its golden file', async (name) => {
  const text = readFileSync(join(import.meta.dir, `${name}.yaml`), 'utf8')
  const golden = join(import.meta.dir, `${name}.problems`)
  const lines = await problemLines(text, surroundings)
  const told = lines.map((line) => `${line}\n`).join('')
  if (process.env['UPDATE'] === '1') writeFileSync(golden, told)
  expect(existsSync(golden)).toBe(true)
  expect(told).toBe(readFileSync(golden, 'utf8'))
})

test('every golden file belongs to a configuration', () => {
  const orphans = readdirSync(import.meta.dir).filter(
    (name) => name.endsWith('.problems') && !names.includes(name.slice(0, -9)),
  )
  expect(orphans).toEqual([])
})

test('F59: no problem of any of them shows a secret', () => {
  const told = names.map((name) => readFileSync(join(import.meta.dir, `${name}.problems`), 'utf8')).join('')
  for (const secret of [
    'sk-very-secret',
    'secret-pass',
    'key=secret',
    'sk-set-',
    'sk-from-a-file',
    'sk-shared',
    '987654321',
    '12345678',
    'secret%pass',
    'very-secret-key',
    'MIGHAgEAMBM',
  ]) {
    expect(told).not.toContain(secret)
  }
})
