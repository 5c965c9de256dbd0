import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadHooks, type LoadedHooks } from '#boot/load-hooks.ts'
import { loadConfig } from '#config/load.ts'
import { systemClock } from '#ports/clock.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'hooks-'))

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text)
  }

  async load(hooks: string): Promise<LoadedHooks> {
    const text = `hooks: ${hooks}\nbackends: [{ name: a, url: "http://a" }]\n`
    const { config } = await loadConfig({ file: 'config.yaml', text, env: {}, files: systemSecretFiles })
    if (config === undefined) throw new Error('no configuration')
    return await loadHooks(config, { files: systemSecretFiles, directory: this.path, clock: systemClock })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

test('C915: one file may serve every point; it is loaded once, and watched with what it imports', async () => {
  using folder = new Folder()
  folder.write('word.ts', `export const word: string = 'x'`)
  folder.write(
    'h.ts',
    `import { word } from './word.ts'
    export const beforeRequest = () => undefined, afterRequest = () => word, onError = () => {}, onStreamChunk = () => null`,
  )
  const each = ['before_request', 'after_request', 'on_error', 'on_stream_chunk'].map(
    (point) => `${point}: [{ file: h.ts }]`,
  )
  const { hooks, problems, files } = await folder.load(`{ ${each.join(', ')} }`)
  expect(problems).toEqual([])
  expect(hooks?.ids.size).toBe(4)
  expect(files.toSorted()).toEqual([join(folder.path, 'h.ts'), join(folder.path, 'word.ts')])
})

test('C915: another content of a file is another hook, and another configuration', async () => {
  using folder = new Folder()
  folder.write('h.ts', 'export const onError = () => 1')
  const before = await folder.load('{ on_error: [{ file: h.ts }] }')
  folder.write('h.ts', 'export const onError = () => 2')
  const after = await folder.load('{ on_error: [{ file: h.ts }] }')
  expect(after.digest).not.toBe(before.digest)
  expect(after.hooks?.ids).not.toEqual(before.hooks?.ids)
})

test.each([
  {
    name: 'a file that is not there',
    hooks: '{ on_error: [{ file: gone.ts }] }',
    at: 'file',
    says: 'there is no such file',
  },
  {
    name: 'an export that is none',
    hooks: '{ on_error: [{ file: h.ts, export: no }] }',
    at: 'export',
    says: 'has no function "no" among its exports',
  },
  {
    name: 'an export that is no function',
    hooks: '{ on_error: [{ file: h.ts, export: text }] }',
    at: 'export',
    says: 'has no function "text"',
  },
  {
    name: 'a secret beside a file',
    hooks: '{ on_error: [{ file: h.ts, secret: 0123456789abcdef }] }',
    at: 'secret',
    says: 'does nothing beside "file"',
  },
  {
    name: 'an export beside an address',
    hooks: '{ on_error: [{ url: "http://x/", export: no }] }',
    at: 'export',
    says: 'does nothing beside "url"',
  },
  {
    name: 'a password in an address',
    hooks: '{ on_error: [{ url: "http://u:p@x/" }] }',
    at: 'url',
    says: 'may hold no name and no password',
  },
])('$name is a problem with its place', async ({ hooks, at, says }) => {
  using folder = new Folder()
  folder.write('h.ts', 'export const onError = () => {}, text = "x"')
  const { problems } = await folder.load(hooks)
  expect(problems).toEqual([
    { severity: 'error', path: ['hooks', 'on_error', 0, at], message: expect.stringContaining(says) },
  ])
})
