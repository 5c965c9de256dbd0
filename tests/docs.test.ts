import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedDocuments } from '../scripts/docs.ts'

const root = dirname(import.meta.dir)
const documents = ['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'bench/results/README.md']
  .flatMap((pattern) => Array.from(new Bun.Glob(pattern).scanSync({ cwd: root })))
  .map((file) => file.replaceAll('\\', '/'))

test.each([...generatedDocuments()])('%s is what "npm run docs" makes of the sources', (path, text) => {
  expect(existsSync(join(root, path))).toBe(true)
  expect(readFileSync(join(root, path), 'utf8')).toBe(text)
})

test('every link to a file of the project leads somewhere', () => {
  expect(documents.length).toBeGreaterThan(20)
  const dead = documents.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  )
  expect(dead).toEqual([])
})

test('no document tells to call bun by its bare name, which a machine with only Node does not know', () => {
  const told = documents.filter((file) => /^bun |`bun /m.test(readFileSync(join(root, file), 'utf8')))
  expect(told).toEqual([])
})
