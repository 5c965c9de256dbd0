import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSnapshot, type LoadedSnapshot } from '#boot/load.ts'
import { formatProblem } from '#config/problem.ts'

const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-legacy-'))
afterAll(() => rmSync(folder, { recursive: true }))

const backendsFile = join(folder, 'backends.json')
const secretsFile = join(folder, 'secrets.json')
writeFileSync(secretsFile, '[{"name": "a", "clientId": "id-1", "clientSecret": "secret-0001", "tenant": "t"}]', {
  mode: 0o600,
})

function write(...backends: readonly object[]): void {
  writeFileSync(backendsFile, JSON.stringify({ services: { s: { models: { m: { backends } } } } }))
}

async function load(
  files: { backendsFile?: string; secretsFile?: string },
  env: Record<string, string> = {},
): Promise<LoadedSnapshot> {
  return await loadSnapshot({ kind: 'legacy', ...files }, { env, version: 1, listen: {} })
}

const told = ({ problems }: LoadedSnapshot): string[] => problems.map(formatProblem)

test('D14 N309: backends that are sent no key are told, an empty key counts as none, and who wants none is not meant', async () => {
  const url = 'http://127.0.0.1:1'
  write(
    { id: 'a', url, api_key: '' },
    { id: 'b', url },
    { id: 'c', url, auth_mode: 'none' },
    { id: 'd', url, api_key: 'k' },
  )
  const lines = told(await load({ backendsFile }, { BACKEND_API_KEY: 'sk-client-0001' }))
  expect(lines).toEqual([expect.stringContaining('2 of the backends have no api_key and are sent none (s/m/a, s/m/b)')])
})

test.each([
  { files: { backendsFile }, opened: 'set BACKEND_API_KEY or ALLOW_UNAUTHENTICATED=true' },
  { files: { secretsFile }, opened: 'set ALLOW_UNAUTHENTICATED=true' },
])('D27: how to open a gateway without a key is told in the words of its start: $opened', async ({ files, opened }) => {
  write({ id: 'a', url: 'http://127.0.0.1:1' })
  const { snapshot, problems } = await loadSnapshot(
    { kind: 'legacy', ...files },
    { env: {}, version: 1, listen: { host: '0.0.0.0' } },
  )
  expect(snapshot?.listen).toMatchObject({ host: '127.0.0.1' })
  expect(problems.map(({ message }) => message)).toContainEqual(expect.stringContaining(opened))
})

test('A41: what does nothing is told, for the log of the start', async () => {
  const { variableNotes } = await load({ secretsFile }, { FLOW_PROXY_PLUGIN_POOL_SIZE: '64' })
  expect(variableNotes).toEqual([expect.stringContaining('FLOW_PROXY_PLUGIN_POOL_SIZE: note: does nothing')])
})

describe('TRUSTED_PROXIES', () => {
  test('N306 D23: are believed', async () => {
    write({ id: 'a', url: 'http://127.0.0.1:1' })
    const { snapshot } = await load({ backendsFile }, { TRUSTED_PROXIES: '10.0.0.0/8' })
    expect(snapshot?.trustedProxies.includes('10.1.2.3')).toBe(true)
  })

  test('are told by their own name when one of them is none', async () => {
    write({ id: 'a', url: 'http://127.0.0.1:1' })
    expect(told(await load({ backendsFile }, { TRUSTED_PROXIES: 'nginx' }))).toContainEqual(
      expect.stringContaining('environment TRUSTED_PROXIES: expected an IP address'),
    )
  })
})

test('a file that cannot be read is told apart from one that is broken', async () => {
  const asFolder = join(folder, 'folder')
  mkdirSync(asFolder)
  expect((await load({ backendsFile: asFolder })).servicesLack).toBe('unreadable')
  writeFileSync(backendsFile, '{')
  expect((await load({ backendsFile })).servicesLack).toBe('broken')
})

test('knows when its file was changed', async () => {
  write()
  utimesSync(backendsFile, 1_700_000_000, 1_700_000_000)
  expect((await load({ backendsFile })).changedMs).toBe(1_700_000_000_000)
  expect((await load({ backendsFile, secretsFile })).changedMs).toBe(1_700_000_000_000)
})
