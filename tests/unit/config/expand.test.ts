import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { expand } from '#config/expand.ts'
import { fakeSecretFiles } from '../../support/config.ts'

const env = { A: 'one', B: 'two', EMPTY: '', DOLLAR: '${A}', NUL: 'x\0y', CREDENTIALS_DIRECTORY: '/cred' }
const files = fakeSecretFiles({
  '/run/key': { content: 'sk-1\n' },
  '/run/crlf': { content: 'sk-2\r\n' },
  '/run/two': { content: 'sk-3\n\n' },
  '/run/shared': { content: 'sk-4', shared: true },
  '/run/empty': { content: '' },
  '/run/binary': { content: new Uint8Array([0xff, 0xfe]) },
  '/run/large': { content: 'x'.repeat(64 * 1024 + 1) },
  '/etc/llm-proxy/near': { content: 'sk-5' },
  '/cred/key': { content: 'sk-6', shared: true },
})
const sources = { env, files, directory: '/etc/llm-proxy' }

test.each([
  ['${A}', 'one'],
  ['x${A}y${B}z', 'xoneytwoz'],
  ['${UNSET:-default}', 'default'],
  ['${EMPTY:-default}', 'default'],
  ['${EMPTY-default}', ''],
  ['${UNSET-default}', 'default'],
  ['${UNSET:-}', ''],
  ['${UNSET:-${B}}', 'two'],
  ['${UNSET:-a}b}', 'ab}'],
  ['${A:?needed}', 'one'],
  ['$$', '$'],
  ['$${A}', '${A}'],
  ['$$$$', '$$'],
  ['costs 5$ or $5 $$', 'costs 5$ or $5 $'],
  ['${DOLLAR}', '${A}'],
  ['os.environ/A', 'one'],
  ['${file:/run/key}', 'sk-1'],
  ['${file:/run/crlf}', 'sk-2'],
  ['${file:/run/two}', 'sk-3\n'],
  ['${file:near}', 'sk-5'],
  ['Bearer ${cred:key}', 'Bearer sk-6'],
])('B93: expand() turns %p into %p', async (written, text) => {
  const expansion = await expand(written, sources)
  expect(expansion?.text).toBe(text)
  expect(expansion?.problems).toEqual([])
})

test.each(['plain', '', 'a $ b', '$A', 'see os.environ/A', 're:quota$'])(
  'expand() leaves %p alone',
  async (written) => {
    expect(await expand(written, sources)).toBeUndefined()
  },
)

test.each([
  ['${UNSET}', 'environment variable "UNSET" is not set: set it, or write "${UNSET:-…}" to give a default'],
  ['${UNSET:?ask the platform team}', 'environment variable "UNSET" is not set: ask the platform team'],
  ['${EMPTY:?it is empty}', 'environment variable "EMPTY" is not set: it is empty'],
  ['os.environ/UNSET', 'environment variable "UNSET" is not set: set it, or write "${UNSET:-…}" to give a default'],
  ['${A', '"${" is not closed by "}"; write "$$" for a plain "$"'],
  ['${NUL}', 'environment variable "NUL" holds a NUL byte'],
  ['${UNSET:-${UNSET:-${A}}}', 'references are nested deeper than one level'],
  ['${file:/run/none}', 'file "/run/none" cannot be read: there is none'],
  ['${file:/run/empty}', 'file "/run/empty" is empty'],
  ['${file:/run/binary}', 'file "/run/binary" cannot be read: it is not UTF-8'],
  ['${file:/run/large}', 'file "/run/large" is larger than 64kb'],
  ['${file:}', '"${file:…}" lacks the path of a file'],
  ['${cred:../key}', '"../key" is no name of a credential'],
])('B93, B97: expand() says what is wrong with %p', async (written, message) => {
  const expansion = await expand(written, sources)
  expect(expansion?.problems.map((problem) => problem.message)).toEqual([message])
})

test('B97: a secret file that others can read is a warning, a credential of systemd is not', async () => {
  const file = await expand('${file:/run/shared}', sources)
  expect(file?.problems).toEqual([
    { severity: 'warning', message: 'others can read file "/run/shared": set its mode to 600' },
  ])
  expect((await expand('${cred:key}', sources))?.problems).toEqual([])
})

test('a credential without systemd says what is missing', async () => {
  const expansion = await expand('${cred:key}', { ...sources, env: {} })
  expect(expansion?.problems[0]?.message).toContain('"CREDENTIALS_DIRECTORY" is not set')
})

test('expand() tells which files and secrets came in, and whether the text was one reference alone', async () => {
  const expansion = await expand('${file:/run/key}', sources)
  expect(expansion).toMatchObject({ whole: true, files: ['/run/key'], secrets: ['sk-1'] })
  expect(await expand('${A}${B}', sources)).toMatchObject({ whole: false, variables: ['A', 'B'] })
})

test('a text is the same again when every dollar in it is doubled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      const doubled = text.replaceAll('$', '$$$$')
      fc.pre(!doubled.startsWith('os.environ/'))
      expect((await expand(doubled, sources))?.text ?? doubled).toBe(text)
    }),
  )
})
