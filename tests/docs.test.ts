import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedDocuments } from '../scripts/docs.ts'

const root = dirname(import.meta.dir)
const documents = [...new Bun.Glob('{*.md,docs/**/*.md}').scanSync({ cwd: root })].map((file) =>
  file.replaceAll('\\', '/'),
)

test.each([...generatedDocuments()])('%s is what "npm run docs" makes of the sources', (path, text) => {
  expect(existsSync(join(root, path))).toBe(true)
  expect(readFileSync(join(root, path), 'utf8')).toBe(text)
})

test('every link to a file of the project leads somewhere', () => {
  const dead = documents.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  )
  expect(dead).toEqual([])
})
