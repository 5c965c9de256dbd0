import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from '#cli/check.ts'
import { init } from '#cli/init.ts'
import type { Io } from '#cli/io.ts'
import { schema } from '#cli/schema.ts'
import { keysOf } from '#config/keys.ts'
import { ConfigSchema } from '#config/schema.ts'

let folder = ''
let out = ''
let errors = ''

const io: Io = {
  stdout: (text) => void (out += text),
  stderr: (text) => void (errors += text),
  print: async (text) => void (out += text),
  flushed: async () => {},
  env: {},
  isTty: false,
  onSignal: () => () => {},
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-cli-'))
  out = ''
  errors = ''
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const good = `proxy_api_key: sk-test
backends: [{ name: a, url: mock://a }]
models: { m: { routes: [{ backend: a, model: ok }] } }
`

async function checked(text: string, options: { json?: boolean; strict?: boolean } = {}): Promise<number> {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, text)
  return await check({ config: file, json: options.json === true, strict: options.strict === true }, io)
}

describe('check', () => {
  test('a good file is told in one line and ends with 0', async () => {
    expect(await checked(good)).toBe(0)
    expect(out).toBe('config.yaml is valid: 1 backend, 1 alias\n')
  })

  test('B76: a bad file ends with 2, every problem with its place', async () => {
    expect(await checked(`${good}fallback: { max_retries: many }\nlisten: nowhere\n`)).toBe(2)
    const [first = '', second = '', last] = out.trimEnd().split('\n')
    expect(first).toContain('config.yaml:4:26 fallback.max_retries: expected a number, not "many"')
    expect(second).toContain('config.yaml:5:9 listen: expected an address')
    expect(last).toBe('config.yaml is not valid: 2 errors, 0 warnings')
  })

  test.each([
    { env: { PROXY_PORT: 'abc' }, backends: false, says: 'environment PROXY_PORT: a port is a number from 0 to 65535' },
    { env: { proxy_port: '70000' }, backends: false, says: 'environment proxy_port: a port is a number' },
    { env: { PORT: 'abc' }, backends: true, says: 'environment PORT: a port is a number' },
    { env: { PORT: 'abc' }, backends: false, says: undefined },
    { env: { PROXY_PORT: '8080', FLOW_PROXY_PORT: 'abc' }, backends: false, says: undefined },
  ])('what a start would not listen on is told: $env', async ({ env, backends, says }) => {
    const file = join(folder, backends ? 'b.json' : 'config.yaml')
    writeFileSync(file, backends ? '{"services": {}}' : good)
    const flags = backends ? { backendsFile: file } : { config: file }
    const variables = Object.fromEntries(Object.entries(env))
    expect(await check({ ...flags, json: false, strict: false }, { ...io, env: variables })).toBe(
      says === undefined ? 0 : 2,
    )
    expect(out.includes(says ?? 'a port is')).toBe(says !== undefined)
  })

  test('a warning refuses the file only when strict', async () => {
    const text = `${good}lissten: ":1"\n`
    expect(await checked(text)).toBe(0)
    expect(out).toContain('lissten: warning: unknown key, it does nothing (did you mean "listen"?)')
    expect(await checked(text, { strict: true })).toBe(2)
  })

  test('JSON for programs', async () => {
    expect(await checked(`${good}listen: nowhere\n`, { json: true })).toBe(2)
    expect(JSON.parse(out)).toMatchObject({
      valid: false,
      problems: [{ severity: 'error', line: 4, column: 9, path: 'listen' }],
    })
  })

  test('a folder is no file', async () => {
    expect(await check({ config: folder, json: false, strict: false }, io)).toBe(2)
    expect(errors).toBe(`Cannot read "${folder}": it is a folder, and a file is wanted\n`)
  })

  test('a missing file is named', async () => {
    expect(await check({ config: join(folder, 'none.yaml'), json: false, strict: false }, io)).toBe(2)
    expect(errors).toMatch(/^Cannot read ".*none\.yaml": there is no such file\n$/)
  })
})

describe('init', () => {
  test('writes the example, which is valid, for its owner alone', async () => {
    const file = join(folder, 'new', 'config.yaml')
    expect(await init(file, io)).toBe(0)
    const example = readFileSync(join(import.meta.dir, '..', '..', '..', 'config.example.yaml'), 'utf8')
    expect(readFileSync(file, 'utf8')).toBe(example)
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await check({ config: file, json: false, strict: true }, io)).toBe(0)
  })

  test('never overwrites', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'mine')
    expect(await init(file, io)).toBe(1)
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect(errors).toContain('it exists already')
  })
})

describe('schema', () => {
  test('is a JSON Schema that knows every key of the file', () => {
    expect(schema(io)).toBe(0)
    const printed: Record<string, unknown> = JSON.parse(out)
    expect(printed).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: 'urn:llm-proxy:config:1',
      additionalProperties: false,
      patternProperties: { '^x-': {} },
      properties: {
        listen: { type: 'string', default: ':8080' },
        timeout: { properties: { connect: { default: '10s', minimum: 0 } } },
        backends: { items: { required: ['name', 'url'] } },
      },
    })
    const names = new Set(JSON.stringify(printed).match(/"\w+":/g))
    expect(keysOf(ConfigSchema).filter(({ path }) => !names.has(`"${path.split('.').at(-1)}":`))).toEqual([])
  })

  test('describes every key and speaks of no default where there is none', () => {
    schema(io)
    const { properties } = JSON.parse(out) as {
      properties: Record<string, { description?: string; default?: unknown }>
    }
    expect(Object.values(properties).filter(({ description }) => description === undefined)).toEqual([])
    expect(properties['proxy_api_key']?.default).toBeUndefined()
  })
})
