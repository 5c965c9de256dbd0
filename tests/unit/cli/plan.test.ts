import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plan, type PlanOptions } from '#cli/plan.ts'
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

async function planned(page: unknown, options: Partial<PlanOptions> = {}, env = {}) {
  const io = new FakeIo(env)
  const paths: string[] = []
  const past = {
    address: 'http://127.0.0.1:8080/admin',
    get: async (path: string) => {
      paths.push(path)
      return await Promise.resolve(page)
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
    expect([code, errors, paths]).toEqual([0, '', ['/requests?limit=20']])
    expect(out).toContain('Of the last 2 requests, new.yaml would begin 2 (100 %) elsewhere and refuse none')
    expect(out).toContain('100 %  a/up → b/new')
  })

  test('a backend whose variable is not set here is left out, and told', async () => {
    const { code, out, errors } = await planned({ requests: [asked] })
    expect([code, out]).toEqual([0, 'Of the last request, new.yaml would send every one where it goes now.\n'])
    expect(errors).toContain('backend "b" is off here, since environment variable "B_KEY" is not set')
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
