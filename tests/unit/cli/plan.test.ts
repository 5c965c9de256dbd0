import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plan, type PlanOptions } from '#cli/plan.ts'
import { clientKeyMark } from '#server/admin-config.ts'
import { snapshotOf } from '../../support/compiled.ts'
import { FakeIo } from '../../support/fake-io.ts'

const next = `
backends:
  - { name: a, url: "https://a.test/v1", api_key: "sk-backend-secret-1" }
  - { name: b, url: "https://b.test/v1", enabled: auto, api_key: "\${B_KEY}" }
models:
  m: { routes: [{ backend: b, model: new, priority: 1 }, { backend: a, model: up, priority: 2 }] }
`

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-plan-'))
  file = join(folder, 'new.yaml')
  writeFileSync(file, next)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const asked = { dialect: 'openai', model: 'm', seed: 1, wouldTry: ['a/up'] }

const running = {
  digest: 'd',
  backends: [
    { name: 'a', url: 'https://a.test/v1' },
    { name: 'b', url: 'https://b.test/v1' },
  ],
}

async function planned(page: unknown, options: Partial<PlanOptions> = {}, env = {}, config: unknown = running) {
  const io = new FakeIo(env)
  const paths: string[] = []
  const past = {
    address: 'http://127.0.0.1:8080/admin',
    get: async (path: string) => {
      paths.push(path)
      return await Promise.resolve(path === '/config' ? config : page)
    },
  }
  const given = { file, requests: undefined, running: undefined, key: undefined, config: undefined, json: false }
  const code = await plan({ ...given, ...options }, io, async () => await Promise.resolve(past))
  return { code, out: io.out.replaceAll(file, 'new.yaml'), errors: io.errors, paths }
}

describe('llm-proxy plan', () => {
  test('decides the past anew and tells what would go elsewhere', async () => {
    const { code, out, errors, paths } = await planned(
      { requests: [asked, asked] },
      { requests: '20' },
      { B_KEY: 'sk-b' },
    )
    expect([code, errors, paths]).toEqual([0, '', ['/config', '/requests?limit=20']])
    expect(out).toContain('Of the last 2 requests, new.yaml would begin 2 (100 %) elsewhere and refuse none')
    expect(out).toContain('100 %  a/up → b/new')
  })

  test('a backend whose variable is not set here is left out, and told', async () => {
    const { code, out, errors } = await planned({ requests: [asked] })
    expect([code, out]).toEqual([0, 'Of the last request, new.yaml would send every one where it goes now.\n'])
    expect(errors).toContain('backend "b" is off here, since environment variable "B_KEY" is not set')
  })

  test('addresses and keys that change are told first, since they concern every request', async () => {
    writeFileSync(file, `proxy_api_key: sk-new-0001\n${next}`)
    const before = { ...running, clientKey: 'of-another-key', backends: [{ name: 'a', url: 'https://old.test/v1' }] }
    const { out } = await planned({ requests: [] }, {}, {}, before)
    expect(out.split('\n').slice(0, 3)).toEqual([
      'The key of the clients changes: every client is refused unless it has the new one.',
      'Backend "a" moves: https://old.test/v1 → https://a.test/v1',
      '',
    ])
    const { out: json } = await planned({ requests: [] }, { json: true }, {}, before)
    expect(JSON.parse(json)).toMatchObject({ differences: { clientKey: 'changed', moved: [{ backend: 'a' }] } })
    expect(out + json).not.toContain('sk-new')
  })

  test.each([
    { name: 'the same key', before: 'sk-client-0001', text: 'proxy_api_key: sk-client-0001', change: 'same' },
    { name: 'no key at all', before: undefined, text: '', change: 'same' },
    { name: 'a first key', before: undefined, text: 'proxy_api_key: sk-client-0001', change: 'added' },
    { name: 'no key any more', before: 'sk-client-0001', text: 'proxy_api_key: ""', change: 'removed' },
    { name: 'another key', before: 'sk-client-0001', text: 'proxy_api_key: sk-client-0002', change: 'changed' },
    {
      name: 'a key that only the service knows',
      before: 'sk-client-0001',
      text: 'proxy_api_key: "${NOT_HERE}"',
      change: 'unknown',
    },
  ])('$name is $change', async ({ before, text, change }) => {
    const clientKey =
      before === undefined ? undefined : clientKeyMark(snapshotOf({ proxy_api_key: before }), running.digest)
    writeFileSync(file, `${text}\n${next}`)
    const { out } = await planned({ requests: [] }, { json: true }, {}, { ...running, clientKey })
    expect(JSON.parse(out)).toMatchObject({ differences: { clientKey: change, moved: [] } })
  })

  test('secrets that only the service has are not needed', async () => {
    writeFileSync(
      file,
      next
        .replace(
          '"sk-backend-secret-1"',
          '"${NOT_HERE}", headers: { x-key: "${file:/not/here}" }, tls: { key: "${cred:k}" }',
        )
        .concat('outbound_proxy: { url: "${PROXY_URL}" }\nadmin: { key: "${ADMIN}" }\n'),
    )
    const { code, out } = await planned({ requests: [asked] }, {}, { B_KEY: 'sk-b' })
    expect([code, out]).toEqual([0, expect.stringContaining('100 %  a/up → b/new')])
  })

  test('an address that is not to be had is an error still', async () => {
    writeFileSync(file, next.replace('"https://a.test/v1"', '"${A_URL}"'))
    const { code, errors } = await planned({ requests: [asked] })
    expect([code, errors]).toEqual([2, expect.stringContaining('"A_URL" is not set')])
  })

  test('JSON for programs', async () => {
    const { out } = await planned({ requests: [asked] }, { json: true }, { B_KEY: 'sk-b' })
    expect(JSON.parse(out)).toMatchObject({ requests: 1, moved: 1, changed: [{ alias: 'm' }] })
    expect(out).not.toContain('sk-')
  })

  test.each([
    { name: 'no file', options: { file: undefined }, code: 2, says: 'name the new configuration' },
    { name: 'a number that is none', options: { requests: 'many' }, code: 2, says: '--requests: a whole number' },
    { name: 'no request', options: { requests: '0' }, code: 2, says: '--requests: a whole number' },
    { name: 'too many', options: { requests: '10001' }, code: 2, says: '--requests: a whole number' },
    {
      name: 'a file that is not there',
      options: { file: '/nowhere/new.yaml' },
      code: 2,
      says: 'Cannot read "/nowhere/new.yaml": there is no such file',
    },
  ])('B79: $name ends with $code', async ({ options, code, says }) => {
    const { code: ended, errors, paths } = await planned({ requests: [] }, options)
    expect([ended, paths]).toEqual([code, []])
    expect(errors).toContain(says)
  })

  test('a new configuration with errors is told as check tells it, before anybody is asked', async () => {
    writeFileSync(file, `${next}listen: nowhere\n`)
    const { code, errors, paths } = await planned({ requests: [] })
    expect([code, paths]).toEqual([2, []])
    expect(errors).toMatch(/new\.yaml:\d+:9 listen: expected an address/)
  })

  test.each([
    {
      name: 'why the past cannot be had',
      page: 'Cannot reach llm-proxy: nothing listens there',
      says: 'nothing listens there',
    },
    { name: 'an answer of another form', page: { requests: [{ id: 1 }] }, says: 'is it of another version?' },
    { name: 'no answer of ours', page: undefined, says: 'is it of another version?' },
  ])('ends with 1 and tells $name', async ({ page, says }) => {
    const { code, out, errors } = await planned(page)
    expect([code, out]).toEqual([1, ''])
    expect(errors).toContain(says)
  })
})
