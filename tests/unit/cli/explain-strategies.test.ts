import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { run } from '#cli/cli.ts'
import { openAdmin } from '../../support/admin.ts'
import { FakeIo } from '../../support/fake-io.ts'
import { answering } from '../../support/scripted.ts'

const configWith = (keys: string): string => `
proxy_api_key: sk-client-key-0001
backends: [{ name: a, url: "https://a.test/v1" }, { name: b, url: "https://b.test/v1" }]
models:
  m:
    ${keys}
    routes:
      - { backend: a, model: up, weight: 3, cost: { input: 3, output: 15 } }
      - { backend: b, model: up, cost: { input: 1, output: 5 } }
`

test.each([
  {
    keys: 'strategy: round_robin',
    says: [
      '1. a / up (openai), 75 % of the traffic, has credit for 3',
      '2. b / up (openai), 25 % of the traffic, has credit for 1',
      'Among routes of one priority it goes in turn, by weight (round_robin).',
    ],
  },
  {
    keys: 'strategy: least_connections',
    says: [
      '1. a / up (openai), works on 0',
      '2. b / up (openai), works on 0',
      'Among routes of one priority the one that works on the fewest requests for its weight comes first (least_connections); of those that are alike this is the order of seed 1.',
    ],
  },
  {
    keys: 'strategy: latency',
    says: [
      'not measured yet',
      'the one that begins sooner comes first, of two that chance chose (latency); this is the order of seed 1.',
    ],
  },
  {
    keys: 'strategy: cost',
    says: [
      '1. b / up (openai), costs 1 in and 5 out',
      '2. a / up (openai), costs 3 in and 15 out',
      'Among routes of one priority the cheapest comes first, with three tokens read for each that is written (cost).',
    ],
  },
  {
    keys: 'strategy: hash',
    says: ["the request's key decides (hash); this is the order of seed 1, for a request without one."],
  },
  {
    keys: 'strategy: random',
    says: ['50 % of the traffic', 'chance decides, whatever the weights (random); this is the order of seed 1.'],
  },
  {
    keys: 'affinity: { by: ip, ttl: 30m }',
    says: [
      'Requests of one address stay with the route that answered last, while it is well, for 30m after each answer.',
    ],
  },
])('llm-proxy explain tells what decides: $keys', async ({ keys, says }) => {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-explain-'))
  try {
    writeFileSync(join(folder, 'config.yaml'), configWith(keys))
    const io = new FakeIo()
    expect(await run(['explain', '-config', join(folder, 'config.yaml'), '--model', 'm'], io)).toBe(0)
    for (const line of says) expect(io.out).toContain(line)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the running process tells what it knows at the moment, and looking takes nobody’s turn', async () => {
  const bench = await openAdmin(configWith('strategy: round_robin'), answering({}))
  await bench.chat('m')
  await bench.chat('m')
  for (let look = 0; look < 3; look += 1) {
    const { routes } = await bench.read('/admin/explain?model=m')
    expect(routes).toMatchObject([
      { backend: 'b', strategy: 'round_robin', score: 'has credit for 3' },
      { backend: 'a', strategy: 'round_robin', score: 'has credit for 1' },
    ])
  }
})

test('a header of the request tells to whom it belongs, and the running process where that one stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-explain-'))
  const keys = 'affinity: { by: auto, ttl: 30m }'
  try {
    writeFileSync(join(folder, 'config.yaml'), configWith(keys))
    const io = new FakeIo()
    const args = ['explain', '-config', join(folder, 'config.yaml'), '--model', 'm']
    expect(await run([...args, '--key', 'sk-client-key-0001', '--header', 'session-id: s-17'], io)).toBe(0)
    expect(io.out).toContain(
      'Affinity: it belongs to the requests with the same value of the header "session-id", which no route answered yet.',
    )
    expect(io.out).not.toContain('s-17')
    const other = new FakeIo()
    await run([...args, '--header', 'x-other: 1'], other)
    expect(other.out).toContain('Affinity: none of its headers tells where it belongs, its body or its address may.')
    const silent = new FakeIo()
    await run(args, silent)
    expect(silent.out).not.toContain('Affinity:')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const bench = await openAdmin(configWith(keys), answering({}))
  const session = { 'session-id': 's-17', authorization: 'Bearer sk-client-key-0001' }
  await (
    await bench.road.fetch('/v1/chat/completions', { method: 'POST', headers: session, body: '{"model":"m"}' })
  ).text()
  const home = bench.road.tried()[0]?.slice(0, 1) ?? ''
  const asked = `/admin/explain?model=m&seed=7&headers=${encodeURIComponent('x-other: 1\nsession-id: s-17')}`
  for (let look = 0; look < 3; look += 1) {
    const { affinity, routes } = await bench.read(asked)
    expect(affinity).toEqual({ by: 'the header "session-id"', pinned: `${home}/up`, forMs: 1_800_000 })
    expect(routes).toMatchObject([{ backend: home, turn: 1 }, { turn: 2 }])
  }
  const { affinity } = await bench.read('/admin/explain?model=m')
  expect(affinity).toBeNull()
  const key = { headers: { authorization: 'Bearer sk-client-key-0001' } }
  expect((await bench.ask('/admin/explain?model=m&headers=nonsense', key)).status).toBe(400)
})

test('the page of the routes tells how well they stay together', async () => {
  const bench = await openAdmin(configWith('affinity: { by: auto, ttl: 30m }'), answering({ a: [200] }))
  await bench.chat('m')
  await bench.chat('m')
  const { aliases, ownedIds } = await bench.read('/admin/routes')
  expect(aliases).toMatchObject([{ affinity: { pins: 1, hits: 1, repinned: 0, cachedTokensLost: 0 } }])
  expect(ownedIds).toEqual({ known: 0, max: 100_000 })
  const off = await openAdmin(configWith('strategy: hash'), answering({}))
  expect((await off.read('/admin/routes'))['aliases']).toMatchObject([{ affinity: null }])
})
