import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'

const clientKey = 'sk-client-canary-77aa'
const adminKey = 'admin-canary-0123456789'
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })

const config = (file: string, more = ''): string => `
proxy_api_key: ${clientKey}
admin: { key: ${adminKey} }
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
logging: { timezone: UTC }
usage: { file: "${file}", pricing: { ok: { input: 1, output: 1, per: token } } }
budgets:
  - { name: monthly, scope: global, per: month, usd: 1 }
  - { name: each, scope: key, per: day, tokens: 1000000 }
${more}`

const cached = (file: string): string => `
proxy_api_key: ${clientKey}
admin: { key: ${adminKey} }
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
logging: { timezone: UTC }
cache: { enabled: true }
usage: { file: "${file}", pricing: { ok: { input: 1, output: 1, per: token } } }
budgets:
  - { name: daily, scope: global, per: day, tokens: 1000000 }
  - { name: hourly, scope: global, per: hour, tokens: 1000000, usd: 1000000 }`

async function ask(gateway: RunningGateway): Promise<{ readonly status: number; readonly code: string }> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(clientKey), 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], temperature: 0 }),
  })
  return { status: response.status, code: /"code":"(\w+)"/.exec(await response.text())?.[1] ?? '' }
}

async function spentIn(gateway: RunningGateway): Promise<Record<string, { readonly tokens: number } | undefined>> {
  const response = await fetch(`${gateway.url}/api/budgets`, { headers: bearer(adminKey) })
  expect(response.status).toBe(200)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is in it is what the tests ask
  const { budgets } = (await response.json()) as { budgets: { name: string; spent: { tokens: number }[] }[] }
  return Object.fromEntries(budgets.map(({ name, spent }) => [name, spent[0]]))
}

async function restored(
  gateway: RunningGateway,
  name = 'monthly',
): Promise<Record<string, { readonly tokens: number } | undefined>> {
  for (let left = 100; left > 0; left -= 1) {
    const spent = await spentIn(gateway)
    if (spent[name] !== undefined) return spent
    await Bun.sleep(50)
  }
  throw new Error('what was spent did not come back')
}

test('usage.file: what was spent of a budget is spent after a restart as well, and no key opens its page but that of admins', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-budgets-'))
  const file = join(directory, 'usage.db')
  try {
    let before: Awaited<ReturnType<typeof spentIn>>
    {
      await using gateway = await startGateway(config(file))
      expect(await ask(gateway)).toEqual({ status: 200, code: '' })
      expect(await ask(gateway)).toEqual({ status: 429, code: 'insufficient_quota' })
      before = await spentIn(gateway)
      expect(before['monthly']?.tokens).toBeGreaterThan(1)
      await gateway.told(/Budget monthly is spent to \d+ %/)
      for (const headers of [{}, bearer(clientKey)]) {
        expect((await fetch(`${gateway.url}/api/budgets`, { headers })).status).toBe(401)
      }
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
      expect(metrics).toContain('llm_proxy_budget_limit_usd{budget="monthly"} 1\n')
      expect(metrics).toMatch(/llm_proxy_budget_spent_usd\{budget="monthly",of=""\} [1-9]/)
      expect(metrics).toMatch(/llm_proxy_budget_used_ratio\{budget="each",of=""\} [\d.e-]+\n/)
      expect(metrics).not.toContain('of="default"')
      await gateway.stop()
    }
    await using gateway = await startGateway(config(file))
    const { monthly, each } = await restored(gateway)
    expect({ monthly, each }).toEqual({ monthly: before['monthly'], each: before['each'] })
    expect(await ask(gateway)).toEqual({ status: 429, code: 'insufficient_quota' })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}, 20_000)

test('several gateways with one usage.file share their budgets within seconds', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-budgets-'))
  const file = join(directory, 'usage.db')
  try {
    await using one = await startGateway(config(file))
    await using other = await startGateway(config(file))
    expect((await ask(one)).status).toBe(200)
    await restored(other)
    expect(await ask(other)).toEqual({ status: 429, code: 'insufficient_quota' })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}, 20_000)

test('what the cache gave is spent of no budget, neither here nor where the file is read', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-budgets-'))
  const file = join(directory, 'usage.db')
  try {
    await using one = await startGateway(cached(file))
    await using other = await startGateway(cached(file))
    expect((await ask(one)).status).toBe(200)
    const once = (await spentIn(one))['daily']?.tokens ?? 0
    expect(once).toBeGreaterThan(0)
    for (let left = 3; left > 0; left -= 1) expect((await ask(one)).status).toBe(200)
    const seen = await restored(other, 'daily')
    expect(seen['daily']?.tokens).toBe(once)
    expect(seen['hourly']).toMatchObject({ tokens: 0 })
    expect((await spentIn(one))['hourly']?.tokens).toBe(once)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}, 20_000)
