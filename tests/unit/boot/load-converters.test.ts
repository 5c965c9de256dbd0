import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConverters, type LoadedConverters } from '#boot/load-converters.ts'
import { systemClock } from '#ports/clock.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'converters-'))

  constructor(files: Readonly<Record<string, string>>) {
    this.write(files)
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.path, name), text)
  }

  /** `hurry`: nobody is waited for. */
  async load(names: readonly string[], hurry = false): Promise<LoadedConverters> {
    const clock = hurry ? { sleep: async () => {} } : systemClock
    return await loadConverters(names, { files: systemSecretFiles, directory: this.path, clock })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

const good = (name: string, more = ''): string =>
  `${more}
  export const converter = { contract: 1, name: '${name}', writeRequest: () => ({ path: '', body: {} }), readAnswer: () => ({}) }`

test.each([
  { name: 'is missing', text: undefined, says: 'cannot be read: there is no such file' },
  { name: 'has a mistake', text: 'export const converter: = 1', says: 'cannot be loaded: a.ts:1:25: Unexpected =' },
  {
    name: 'imports what is not there',
    text: `import './gone.ts'\n${good('a')}`,
    says: 'cannot be loaded: a.ts:1:8: Could not resolve: "./gone.ts"',
  },
  { name: 'throws at its start', text: `throw new Error('not today')`, says: 'cannot be run: not today' },
  {
    name: 'throws what has no words',
    text: `throw Object.create(null)`,
    says: 'cannot be run: it threw what has no words',
  },
  {
    name: 'throws an odd error',
    text: `throw Object.assign(new Error(), { message: 5 })`,
    says: 'cannot be run: 5',
  },
  {
    name: 'throws where it is looked at',
    text: `export const converter = { get contract() { throw new Error('boo') } }`,
    says: 'cannot be used: boo',
  },
  { name: 'exports nothing', text: 'export {}', says: 'has no export "converter" that is an object' },
])('a file that $name is a problem with its place', async ({ text, says }) => {
  using folder = new Folder(text === undefined ? {} : { 'a.ts': text })
  const { problems, converters } = await folder.load(['a.ts'])
  expect(problems).toEqual([{ severity: 'error', path: ['converters', 0], message: `file "a.ts" ${says}` }])
  expect(converters.byName.size).toBe(0)
})

test('a file that waits for ever is given up', async () => {
  using folder = new Folder({ 'a.ts': `await new Promise(() => {})\n${good('a')}` })
  const { problems } = await folder.load(['a.ts'], true)
  expect(problems[0]?.message).toBe('file "a.ts" does not come to its end in 10 s')
})

test('each name stands once', async () => {
  using folder = new Folder({ 'a.ts': good('same'), 'b.ts': good('same'), 'c.ts': good('chat') })
  const { problems, converters } = await folder.load(['a.ts', 'b.ts', 'c.ts'])
  expect(problems.map(({ message }) => message)).toEqual([
    'file "b.ts" has a converter "same", which another file has already',
  ])
  // What is called like a known form is not that form.
  expect(converters.byName.get('chat')?.form).toBe('converter:chat')
})

test('what a file imports is watched with it, and counts for whether anything changed', async () => {
  using folder = new Folder({ 'a.ts': good('a', `import { word } from './word.ts'; export const said = word`) })
  folder.write({ 'word.ts': `export const word = 'one'` })
  const first = await folder.load(['a.ts'])
  expect(first.files).toEqual([join(folder.path, 'a.ts'), join(folder.path, 'word.ts')])
  expect((await folder.load(['a.ts'])).digest).toBe(first.digest)
  folder.write({ 'word.ts': `export const word = 'two'` })
  const second = await folder.load(['a.ts'])
  expect(second.digest).not.toBe(first.digest)
  expect(second.converters.byName.get('a')?.digest).not.toBe(first.converters.byName.get('a')?.digest)
})
