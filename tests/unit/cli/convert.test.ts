import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { check } from '#cli/check.ts'
import { run } from '#cli/cli.ts'
import { FakeIo } from '../../support/fake-io.ts'

const samples = join(dirname(dirname(import.meta.dir)), 'convert')

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'llm-proxy-convert-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function sample(name: string): string {
  return join(samples, name)
}

test('the configuration goes to standard output, and the report beside it', async () => {
  const io = new FakeIo()
  expect(await run(['convert', sample('ococl-1.yaml')], io)).toBe(0)
  expect(io.out).toContain('proxy_api_key: "sk-your-unified-api-key"')
  expect(io.errors).toContain('was read as YAML of ococl/llm-proxy (--from ococl)')
  expect(io.errors).toContain('Keys stand in it in clear, 3 of them')
  expect(io.errors).toContain('Valid: ')
  expect(io.errors).not.toContain('sk-')
})

test('what is written is for its owner alone, and is what "check" accepts', async () => {
  const io = new FakeIo()
  const output = join(folder, 'new', 'config.yaml')
  expect(await run(['convert', sample('backends.json'), '--env', sample('backends.env'), '-o', output], io)).toBe(0)
  expect(io.out).toBe('')
  expect(io.errors).toContain(`Wrote ${output}`)
  if (process.platform !== 'win32') expect(statSync(output).mode & 0o777).toBe(0o600)
  expect(await check({ config: output, json: false, strict: true }, io)).toBe(0)
  expect(io.out).toContain('config.yaml is valid: 3 backends, 0 aliases, 2 services')
})

test('a file that exists is left as it is', async () => {
  const io = new FakeIo()
  const output = join(folder, 'config.yaml')
  writeFileSync(output, 'mine')
  expect(await run(['convert', sample('litellm.yaml'), '--output', output], io)).toBe(2)
  expect(io.errors).toContain('it exists already, and is left as it is')
  expect(readFileSync(output, 'utf8')).toBe('mine')
})

test('--keys env names the variables and holds none of the keys', async () => {
  const io = new FakeIo()
  expect(await run(['convert', sample('one-api.json'), '--keys', 'env'], io)).toBe(0)
  expect(io.errors).toContain('  A_API_KEY: backends[1].api_key\n  A_2_API_KEY: backends[2].api_key\n')
  expect(io.errors).toContain('to be set where the gateway runs: COHERE_API_KEY, A_API_KEY, A_2_API_KEY\n')
  expect(io.out).toContain('api_key: "${A_API_KEY}"')
  expect(io.out).not.toContain('k2')
})

test('a secrets file is named from where the configuration will be, and every --model is an alias', async () => {
  const io = new FakeIo()
  writeFileSync(join(folder, 'secrets.json'), readFileSync(sample('secrets.json'), 'utf8'), { mode: 0o600 })
  const output = join(folder, 'etc', 'config.yaml')
  const models = ['--model', 'm-1', '-m', 'm-2']
  expect(await run(['convert', join(folder, 'secrets.json'), ...models, '-o', output], io)).toBe(0)
  const text = readFileSync(output, 'utf8')
  expect(text).toContain('secrets_file: "../secrets.json"')
  expect(text).not.toContain('your-client-secret-1')
  expect(await check({ config: output, json: false, strict: true }, io)).toBe(0)
  expect(io.out).toContain('1 backend, 2 aliases')
})

test('a result with errors is written all the same, tells them, and ends with 1', async () => {
  const io = new FakeIo()
  const file = join(folder, 'old.yaml')
  writeFileSync(file, 'backends: [{ name: a, url: nowhere }]\nmodels: { m: { routes: [{ backend: b, model: x }] } }\n')
  expect(await run(['convert', file], io)).toBe(1)
  expect(io.errors).toContain('What "llm-proxy check" says of the result:')
  expect(io.errors).toContain('backends[0].url: expected an address')
  expect(io.errors).toContain('Not valid yet: ')
  expect(io.out).toContain('url: nowhere')
})

test('a file in which nothing is a backend ends with 1', async () => {
  const io = new FakeIo()
  expect(await run(['convert', sample('secrets.json'), '--from', 'litellm'], io)).toBe(1)
  expect(io.errors).toContain('neither backends nor models')
})

test.each([
  { args: [], says: 'name the file' },
  { args: ['/nowhere/old.yaml'], says: 'cannot read "/nowhere/old.yaml": there is no such file' },
  { args: [sample('litellm.yaml'), '--from', 'nginx'], says: '--from: expected auto, secrets, backends' },
  { args: [sample('litellm.yaml'), '--keys', 'vault'], says: '--keys: expected env or keep' },
  { args: [sample('litellm.yaml'), '--env', '/nowhere/.env'], says: 'cannot read "/nowhere/.env"' },
  { args: [sample('backends.env')], says: 'cannot convert' },
])('$says', async ({ args, says }) => {
  const io = new FakeIo()
  expect(await run(['convert', ...args], io)).toBe(2)
  expect(io.errors).toContain(says)
  expect(io.out).toBe('')
})

test.each([
  { text: '{ "a": 1', says: 'no JSON: line 1, column 9' },
  {
    text: '{ "a": 1 }',
    says: 'it looks like none of secrets, backends, ococl, proxy-llm, litellm, one-api: name it by --from',
  },
  { text: '', says: 'the file is empty' },
  { text: 'a: b: c', says: 'old.json:1:' },
])('what cannot be read is told with its place: $says', async ({ text, says }) => {
  const io = new FakeIo()
  writeFileSync(join(folder, 'old.json'), text)
  expect(await run(['convert', join(folder, 'old.json')], io)).toBe(2)
  expect(io.errors).toContain(says)
})
