import { expect, test } from 'bun:test'
import { keys } from '#cli/keys.ts'
import { compileText } from '../../support/config.ts'
import { FakeIo } from '../../support/fake-io.ts'

test('llm-proxy keys new prints a key and lines by which it is let in', async () => {
  const io = new FakeIo()
  expect(keys({ what: 'new', name: 'alice "the first"', json: false }, io)).toBe(0)
  const key = /sk-llmp-[\w-]{43}/.exec(io.out)?.[0] ?? ''
  const yaml = io.out.slice(io.out.indexOf('  auth:')).replaceAll(/^ {2}/gm, '')
  const { compilation } = await compileText(`${yaml}\nbackends: [{ name: a, url: "mock://a" }]`)
  expect(compilation?.snapshot?.keys.find(key)?.caller.id).toBe('alice "the first"')
  expect(yaml).not.toContain(key)
})

test('llm-proxy keys new --json is for programs, and each key is another', () => {
  const [one, other] = [new FakeIo(), new FakeIo()]
  keys({ what: 'new', name: undefined, json: true }, one)
  keys({ what: 'new', name: undefined, json: true }, other)
  expect(JSON.parse(one.out)).toMatchObject({ name: 'alice', key_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(one.out).not.toBe(other.out)
})

test.each([
  { what: undefined, name: undefined },
  { what: 'old', name: undefined },
  { what: 'new', name: 'a\nb' },
])('wrong usage is told: %j', (options) => {
  const io = new FakeIo()
  expect(keys({ ...options, json: false }, io)).toBe(2)
  expect(io.out).toBe('')
})
