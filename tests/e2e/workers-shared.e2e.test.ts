import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { isLinux } from '../support/process.ts'
import { rawRequest } from '../support/raw-client.ts'
import { askOnce, manyTimes, pidsOf, startTwo, workersLab } from '../support/workers.ts'

setDefaultTimeout(20_000)

const lab = workersLab()

describe.skipIf(!isLinux)('what one of several workers learns', () => {
  test('D67: a route that fails in one worker rests in all of them', async () => {
    const yaml = `backends: [${lab.backend('bad')}, ${lab.backend('good')}]
models: { m: { routes: [{ backend: bad, model: x, priority: 1 }, { backend: good, model: x, priority: 2 }] } }`
    await using gateway = await startTwo(yaml)
    expect((await askOnce(gateway)).status).toBe(200)
    await Bun.sleep(300)
    for (let times = 0; times < manyTimes; times += 1) expect((await askOnce(gateway)).status).toBe(200)
    expect(lab.seen.filter((line) => line.includes(' bad '))).toHaveLength(1)
  })

  test('D67: a credential that is refused in one worker rests in all of them', async () => {
    const credentials = ', credentials: [{ name: a, api_key: refused-key }, { name: b, api_key: taken-key }]'
    const yaml = `backends: [${lab.backend('good', credentials)}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startTwo(yaml)
    expect((await askOnce(gateway)).status).toBe(200)
    await Bun.sleep(300)
    for (let times = 0; times < manyTimes; times += 1) expect((await askOnce(gateway)).status).toBe(200)
    expect(lab.seen.filter((line) => line.endsWith('refused-key'))).toHaveLength(1)
  })

  test('D67: a client stays with its route, whichever worker it comes to', async () => {
    const yaml = `backends: [${lab.backend('one')}, ${lab.backend('two')}]
models: { m: { affinity: { by: "header:x-session" }, routes: [{ backend: one, model: x }, { backend: two, model: x }] } }`
    await using gateway = await startTwo(yaml)
    const homes = new Set<string>()
    for (let client = 0; client < 10; client += 1) {
      const own = new Set<string>()
      const headers = { 'x-session': `client-${client}` }
      own.add(JSON.parse((await askOnce(gateway, 'm', headers)).text).id)
      await Bun.sleep(120)
      for (let times = 0; times < 8; times += 1) own.add(JSON.parse((await askOnce(gateway, 'm', headers)).text).id)
      expect(own.size).toBe(1)
      for (const home of own) homes.add(home)
    }
    expect([...homes].toSorted()).toEqual(['one', 'two'])
  })

  test('D67: who has an answer is known in every worker as soon as its client has it, and in one that starts later', async () => {
    const yaml = `backends: [${lab.backend('one')}, ${lab.backend('two')}]
models: { m: { strategy: round_robin, routes: [{ backend: one, model: x }, { backend: two, model: x }] } }`
    await using gateway = await startTwo(yaml)
    const statuses = new Set<number>()
    const ids: string[] = []
    const look = async (id: string): Promise<number> =>
      (await rawRequest(gateway.url, { path: `/v1/responses/${id}` })).status
    for (let times = 0; times < 1100; times += 1) {
      const { text } = await rawRequest(gateway.url, {
        path: '/v1/responses',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"model":"m","input":"hi"}',
      })
      ids.push(JSON.parse(text).id)
      if (times < 100) statuses.add(await look(ids.at(-1) ?? ''))
    }
    expect([...statuses]).toEqual([200])
    process.kill(pidsOf(gateway).at(-1) ?? 0, 'SIGKILL')
    await eventually(
      () => pidsOf(gateway).length === 3,
      () => gateway.output(),
    )
    for (let times = 0; times < manyTimes; times += 1) expect(await look(ids[0] ?? '')).toBe(200)
    expect((await look('resp_nobody')).toString()).toBe('404')
  })

  test('D67: one checks the health of backends for all, another takes over when it dies, and a new one takes its place', async () => {
    const check = '{ path: /health, interval: 500ms, failure_threshold: 1, success_threshold: 1 }'
    const yaml = `health_check: ${check}
backends: [${lab.backend('one')}, ${lab.backend('two')}]
models: { m: { routes: [{ backend: one, model: x, priority: 1 }, { backend: two, model: x, priority: 2 }] } }`
    await using gateway = await startTwo(yaml)
    const checks = (): number => lab.seen.filter((line) => line.includes('health one')).length
    await eventually(() => checks() >= 2)
    const before = checks()
    await Bun.sleep(2000)
    // Two that check would be eight.
    expect(checks() - before).toBeWithin(2, 7)

    lab.unwell.add('one')
    await gateway.told(/backend=one/i)
    await Bun.sleep(200)
    const chats = (): number => lab.seen.filter((line) => line.includes('completions one')).length
    for (let times = 0; times < manyTimes; times += 1) expect((await askOnce(gateway)).status).toBe(200)
    expect(chats()).toBe(0)

    const [leader = 0] = pidsOf(gateway)
    process.kill(leader, 'SIGKILL')
    await gateway.told(/Worker 1 ended with SIGKILL, another one is started after 100ms/)
    await eventually(
      () => pidsOf(gateway).length === 3,
      () => gateway.output(),
    )
    lab.unwell.clear()
    const asked = async (): Promise<number> => {
      expect((await askOnce(gateway)).status).toBe(200)
      return chats()
    }
    for (let times = 0; times < 100 && (await asked()) === 0; times += 1) await Bun.sleep(30)
    expect(chats()).toBeGreaterThan(0)
    expect(await gateway.stop()).toBe(0)
  })
})
