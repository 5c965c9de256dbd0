import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { warningCodes } from '#translate/warning-codes.ts'

const root = join(import.meta.dir, '..', '..', '..')
const registry = 'src/translate/warning-codes.ts'

/** Codes that stand in the sources, each with a file. */
function codesInUse(): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of new Bun.Glob('src/{translate,gateway}/**/*.ts').scanSync(root)) {
    if (file === registry) continue
    const text = readFileSync(join(root, file), 'utf8')
    for (const [, code = ''] of text.matchAll(/'((?:dropped|adapted):[a-z_]+)'/g)) found.set(code, file)
  }
  return found
}

test('every code that is noted is in the registry', () => {
  expect([...codesInUse()].filter(([code]) => !Object.hasOwn(warningCodes, code))).toEqual([])
})

test('every code of the registry is noted somewhere', () => {
  const used = codesInUse()
  expect(used.size).toBeGreaterThan(40)
  expect(Object.keys(warningCodes).filter((code) => !used.has(code))).toEqual([])
})

test('no code is made up while the program runs', () => {
  const made: string[] = []
  for (const file of new Bun.Glob('src/{translate,gateway}/**/*.ts').scanSync(root)) {
    for (const line of readFileSync(join(root, file), 'utf8').split('\n')) {
      // Types are written like that, too.
      if (/`(?:dropped|adapted):\$\{(?!string\})/.test(line)) made.push(`${file}: ${line.trim()}`)
    }
  }
  expect(made).toEqual([])
})

test('every code has a sentence', () => {
  expect(Object.entries(warningCodes).filter(([, says]) => !/^[A-Z].*\.$/.test(says))).toEqual([])
})
