import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig, type Loaded, type LoadInput } from '#config/load.ts'
import { formatProblem } from '#config/problem.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-services-'))
afterAll(() => rmSync(folder, { recursive: true }))

const backends = '[{"id": "a", "url": "http://127.0.0.1:1"}]'

async function load(services: string | undefined, more: Partial<LoadInput> & { yaml?: string } = {}): Promise<Loaded> {
  rmSync(join(folder, 'backends.json'), { force: true })
  if (services !== undefined) writeFileSync(join(folder, 'backends.json'), services)
  const { yaml = '', ...input } = more
  return await loadConfig({
    file: join(folder, 'config.yaml'),
    text: `services_file: ./backends.json\n${yaml}`,
    env: {},
    files: systemSecretFiles,
    ...input,
  })
}

const told = ({ problems }: Loaded): string[] =>
  problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''))

describe('services_file', () => {
  test.each([
    { name: 'JSON', text: `{"services": {"s": {"models": {"m": {"backends": ${backends}}}}}}` },
    { name: 'D07: the other spelling', text: `{"services": {"s": {"model": {"m": {"backends": ${backends}}}}}}` },
    {
      name: 'comments, commas, tabs, CRLF and a byte order mark',
      text: `\uFEFF/* all */\r\n{\t"services": { // here\r\n\t"s": {"models": {"m": {"backends": ${backends.replace('}]', ',},]')}}},},}}`,
    },
    { name: 'YAML', text: `services:\n  s:\n    models:\n      m:\n        backends: ${backends}\n` },
    {
      name: 'a slash escaped',
      text: `{"services": {"s": {"models": {"m": {"backends": ${backends.replaceAll('/', String.raw`\/`)}}}}}}`,
    },
  ])('may be $name', async ({ text }) => {
    const { config, problems } = await load(text)
    expect(problems.filter(({ severity }) => severity !== 'note')).toEqual([])
    expect(config?.services['s']?.models['m']?.backends).toMatchObject([{ id: 'a', url: 'http://127.0.0.1:1' }])
  })

  test('stands beside services of the configuration', async () => {
    const { config } = await load(`{"services": {"s": {"models": {"m": {"backends": ${backends}}}}}}`, {
      yaml: `services: { t: { models: { m: { backends: ${backends} } } } }\n`,
    })
    expect(Object.keys(config?.services ?? {})).toEqual(['t', 's'])
  })

  test.each([
    {
      name: 'a service that is in both',
      text: `{"services":\n{"t": {"models": {"m": {"backends": ${backends}}}}}}`,
      yaml: `services: { t: { models: { m: { backends: ${backends} } } } }\n`,
      says: './backends.json:2:2 services.t: is a service of the configuration too (line 2), keep one of them',
    },
    {
      name: 'a file that is not there',
      text: undefined,
      says: 'config.yaml:1:16 services_file: it cannot be read: there is none',
    },
    { name: 'too much', text: `{${' '.repeat(1024 * 1024)}`, says: './backends.json:1:1 the file is larger than 1mb' },
    {
      name: 'a key that YAML would read with its value',
      text: `{"services": {"s": {"models": {"m": {"backends": [\n{"id": "a",weight:2, "url": "http://x"}]}}}}}`,
      says: './backends.json:2:12 write keys and texts in double quotes',
    },
    {
      name: 'a text in single quotes',
      text: `{"services": {"s": {"models": {"m": {"backends": [{"id": 'it\\'s', "url": "http://x"}]}}}}}`,
      says: './backends.json:1:58 write keys and texts in double quotes',
    },
    {
      name: 'names that JavaScript keeps for itself',
      text: `{"services": {"constructor": {"models": {"m": {"backends": ${backends}}}},\n "s": {"model": {"__proto__": {"backends": ${backends}}}}}}`,
      says: './backends.json:2:31 services.s.models.__proto__: "__proto__" cannot be the name of a model of a service',
    },
    { name: 'no JSON', text: '{"services": {}\n,,}', says: './backends.json:2:2 no JSON' },
    { name: 'a list', text: '[]', says: './backends.json:1:1 expected keys and values at the top of the file' },
    {
      name: 'no services',
      text: '{}',
      says: './backends.json:1:1 services: expected "services" with the services in it',
    },
    {
      name: 'a key twice',
      text: `{"services": {"s": {"models": {"m": {"backends": ${backends}}}},\n"s": {"models": {}}}}`,
      says: './backends.json:2:1 key "s" is written twice in this map',
    },
    {
      name: 'a wrong value',
      text: `{"services": {"s": {"models": {"m": {"backends": [\n  {"id": "a", "url": "http://x", "weight": "much"}]}}}}}`,
      says: './backends.json:2:44 services.s.models.m.backends[0].weight: expected a number, not "much"',
    },
    {
      name: 'a variable that is not set',
      text: `{"services": {"s": {"models": {"m": {"backends": [\n  {"id": "a", "url": "http://x", "api_key": "\${NOT_SET}"}]}}}}}`,
      says: './backends.json:2:45 services.s.models.m.backends[0].api_key: environment variable "NOT_SET" is not set',
    },
  ])('tells the place of $name', async ({ text, yaml, says }) => {
    const loaded = await load(text, yaml === undefined ? {} : { yaml })
    expect(told(loaded)).toEqual(expect.arrayContaining([expect.stringContaining(says)]))
    expect(loaded.config).toBeUndefined()
  })

  test('what its own program took is put right, and told', async () => {
    const loaded = await load(
      `{"services": {"s": {"model": {"m": {"backends": [
        {"id": "a", "url": "http://x", "name": "", "auth_mode": "bearer", "weight": "2"},
        {"id": "b", "url": "http://x", "auth_mode": "", "weight": -1}]},
        "empty": {"backends": []}}}}}`,
      { serviceDefaults: { auth_mode: 'x-api-key' } },
    )
    expect(loaded.config?.services['s']?.models).toEqual({
      m: expect.objectContaining({
        backends: [
          expect.objectContaining({ id: 'a', auth_mode: 'none', weight: 2 }),
          expect.objectContaining({ id: 'b', auth_mode: 'x-api-key', weight: 0 }),
        ],
      }),
    })
    expect(told(loaded).filter((line) => line.includes('warning'))).toEqual([
      './backends.json:2:48 services.s.model.m.backends[0].name: warning: is empty, and counts as not given',
      './backends.json:2:65 services.s.model.m.backends[0].auth_mode: warning: "bearer" is neither Authorization nor x-api-key: no key is sent',
      './backends.json:2:85 services.s.model.m.backends[0].weight: warning: is a text, and is read as a number',
      './backends.json:3:53 services.s.model.m.backends[1].auth_mode: warning: is empty, and counts as not given',
      './backends.json:3:67 services.s.model.m.backends[1].weight: warning: expected a number from 0 to 1000000: 0 is used',
      './backends.json:4:18 services.s.model.empty: warning: has no backends, and is left out',
    ])
  })

  test.each([
    { name: 'is not there', text: undefined, lacks: 'gone' },
    { name: 'is no JSON', text: '{', lacks: 'broken' },
    { name: 'can be used', text: '{"services": {}}', lacks: undefined },
  ] as const)('what follows from a file that $name is not told beside it', async ({ text, lacks }) => {
    const loaded = await load(text)
    expect(loaded.servicesLack).toBe(lacks)
    expect(told(loaded).some((line) => line.includes('every request for a model is refused'))).toBe(lacks === undefined)
  })

  test('ignores keys that mean nothing, and says so', async () => {
    const loaded = await load(
      `{"version": 1, "services": {"s": {"models": {"m": {"backends": [{"id": "a", "url": "http://x", "region": "eu"}]}}}}}`,
    )
    expect(told(loaded)).toHaveLength(2)
    expect(told(loaded)[0]).toBe(
      './backends.json:1:2 version: warning: unknown key, it does nothing: this file holds "services" alone',
    )
    expect(told(loaded)[1]).toStartWith('./backends.json:1:')
    expect(told(loaded)[1]).toContain('services.s.models.m.backends[0].region: warning: unknown key')
    expect(loaded.config).toBeDefined()
  })

  test('takes dollar signs as they are, and references for what they are', async () => {
    const { config } = await load(
      `{"services": {"s": {"models": {"m": {"backends": [
        {"id": "a", "url": "http://x", "api_key": "a$$b$c"}, {"id": "b", "url": "http://x", "api_key": "\${KEY}"}]}}}}}`,
      { env: { KEY: 'sk-1' } },
    )
    expect(config?.services['s']?.models['m']?.backends.map(({ api_key: key }) => key)).toEqual(['a$$b$c', 'sk-1'])
  })

  test('D51: gives defaults to those who do not say it themselves, and to none that are named', async () => {
    const { config } = await load(
      `{"services": {"s": {"model": {"m": {"backends": [
        {"id": "a", "url": "http://x"}, {"id": "b", "url": "http://x", "auth_mode": "Authorization", "pool": {"max_waiting": 3}}, {"backend": "c"}]}}}}}`,
      {
        yaml: 'backends: [{ name: c, url: "http://x" }]\n',
        serviceDefaults: { auth_mode: 'x-api-key', pool: { max_idle: 7 } },
      },
    )
    expect(config?.services['s']?.models['m']?.backends).toMatchObject([
      { auth_mode: 'x-api-key', pool: { max_idle: 7 } },
      { auth_mode: 'authorization', pool: { max_idle: 7, max_waiting: 3 } },
      { auth_mode: 'dialect' },
    ])
  })

  test('belongs to the content of the configuration, and is watched with it', async () => {
    const one = await load(`{"services": {"s": {"models": {"m": {"backends": ${backends}}}}}}`)
    const two = await load(`{"services": {"t": {"models": {"m": {"backends": ${backends}}}}}}`)
    expect(one.digest).not.toBe(two.digest)
    expect(one.files).toEqual([join(folder, 'backends.json')])
  })
})

test('overrides win over the text, section by section', async () => {
  const { config } = await loadConfig({
    file: 'config.yaml',
    text: 'logging: { level: error, language: zh }\n',
    env: {},
    files: systemSecretFiles,
    overrides: { logging: { level: 'debug' } },
  })
  expect(config?.logging).toMatchObject({ level: 'debug', language: 'zh' })
})
