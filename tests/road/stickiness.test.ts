import { expect, test } from 'bun:test'
import { seededRandom } from '#ports/random.ts'
import { openRoad } from '../support/road.ts'
import { errorAnswer } from '../support/scripted.ts'

const names = ['a', 'b', 'c', 'd'] as const

const config = `
backends: [${names.map((name) => `{ name: ${name}, url: "http://${name}/v1" }`).join(', ')}]
models:
  m:
    affinity: { by: "header:x-session", ttl: 10m }
    routes: [${names.map((name) => `{ backend: ${name}, model: up }`).join(', ')}]
fallback: { cooldown_seconds: 20 }
`

const requests = 3000

/** Sessions of many clients, backends that fail and come back, time that passes: all by chance, all by one seed. */
test.each([1, 2, 3])(
  'sessions stay where they are while that can be, and every move has its reason (seed %p)',
  async (seed) => {
    const random = seededRandom(seed)
    const down = new Set<string>()
    let prompts = 0
    const road = await openRoad(
      config,
      ({ url }) => {
        if (down.has(url.hostname)) return errorAnswer(500)
        prompts += 1
        return Response.json({
          choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
          usage: { prompt_tokens_details: { cached_tokens: prompts } },
        })
      },
      seed,
    )
    const homes = new Map<string, { readonly name: string; readonly cached: number; readonly atMs: number }>()
    const used = new Map<string, number>()
    let moves = 0
    let stays = 0
    let lost = 0
    for (let request = 0; request < requests; request += 1) {
      await road.clock.advance(random.unit() * 2000)
      if (random.unit() < 0.01) down.add(names[Math.floor(random.unit() * names.length)] ?? 'a')
      if (random.unit() < 0.02) down.clear()
      if (down.size === names.length) down.clear()
      const session = `s${Math.floor(random.unit() * 60)}`
      const asked = road.sent.length
      const response = await road.chat('m', {}, { headers: { 'x-session': session } })
      await response.text()
      const nowMs = road.clock.monotonicMs()
      const { repinned, skips } = road.settled.at(-1) ?? {}
      const first = road.sent[asked]?.url.hostname
      const last = road.sent.at(-1)?.url.hostname ?? ''
      const before = homes.get(session)
      const isHome = before !== undefined && nowMs - before.atMs < 600_000
      const wasPassedOver = skips?.some(({ backend }) => backend === before?.name) === true
      // Whoever can be asked is asked first, and nobody else if it answers.
      if (isHome && !wasPassedOver) expect(first).toBe(before.name)
      if (response.status !== 200) continue
      if (isHome && last !== before.name) {
        moves += 1
        lost += before.cached
        expect(repinned).toMatchObject({ from: `${before.name}/up`, cachedTokens: before.cached })
        expect(repinned?.why).toMatch(/^it (?:answered with status 500|is cooling down)/)
      } else expect(repinned).toBeUndefined()
      if (isHome && last === before.name) stays += 1
      homes.set(session, { name: last, cached: prompts, atMs: nowMs })
      used.set(last, (used.get(last) ?? 0) + 1)
    }
    const tally = road.gateway.figures.pins.tallyOf('m')
    expect(tally).toMatchObject({ hits: stays, repinned: moves, cachedTokensLost: lost })
    expect(moves).toBeGreaterThan(20)
    expect(stays).toBeGreaterThan(moves * 5)
    expect(used.size).toBe(names.length)
  },
)
