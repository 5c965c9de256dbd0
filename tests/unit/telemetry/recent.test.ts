import { describe, expect, test } from 'bun:test'
import { Secret } from '#core/secret.ts'
import { refuse } from '#core/refusal.ts'
import { Masker } from '#telemetry/mask.ts'
import { RecentRequests } from '#telemetry/recent.ts'
import { attemptOf, settledExchange, statusFailure } from '../../support/exchange.ts'

const secret = 'canary-4f1c9a7e'

function recentOf(countMax: number, secrets: readonly string[] = []): RecentRequests {
  const hidden = secrets.map((value) => new Secret(value))
  return new RecentRequests(countMax, new Masker(() => hidden))
}

/** A ring of `countMax` in which `count` requests with the ids `req_1`, `req_2`, … were settled. */
function filled(countMax: number, count: number): RecentRequests {
  const recent = recentOf(countMax)
  for (let at = 1; at <= count; at += 1) recent.settled(settledExchange({ id: `req_${at}` }))
  return recent
}

function idsOf(recent: RecentRequests, countMax = 100): string[] {
  return recent.newest(countMax, () => true).map(({ story }) => story.id)
}

describe('RecentRequests', () => {
  test.each<{ countMax: number; count: number; ids: string[] }>([
    { countMax: 3, count: 0, ids: [] },
    { countMax: 3, count: 2, ids: ['req_2', 'req_1'] },
    { countMax: 3, count: 3, ids: ['req_3', 'req_2', 'req_1'] },
    { countMax: 3, count: 5, ids: ['req_5', 'req_4', 'req_3'] },
    { countMax: 1, count: 4, ids: ['req_4'] },
    { countMax: 0, count: 4, ids: [] },
  ])('keeps the last $countMax of $count, newest first', ({ countMax, count, ids }) => {
    const recent = filled(countMax, count)
    expect([idsOf(recent), recent.size]).toEqual([ids, ids.length])
  })

  test.each<{ from: number; to: number; kept: string[]; later: string[] }>([
    { from: 3, to: 2, kept: ['req_5', 'req_4'], later: ['req_6', 'req_5'] },
    { from: 3, to: 5, kept: ['req_5', 'req_4', 'req_3'], later: ['req_6', 'req_5', 'req_4', 'req_3'] },
    { from: 3, to: 3, kept: ['req_5', 'req_4', 'req_3'], later: ['req_6', 'req_5', 'req_4'] },
    { from: 3, to: 0, kept: [], later: [] },
    { from: 0, to: 2, kept: [], later: ['req_6'] },
  ])('a reload from $from to $to keeps the newest and goes on', ({ from, to, kept, later }) => {
    const recent = filled(from, 5)
    recent.resize(to)
    expect(idsOf(recent)).toEqual(kept)
    recent.settled(settledExchange({ id: 'req_6' }))
    expect(idsOf(recent)).toEqual(later)
  })

  test('newest() gives those that are wanted, and no more than that', () => {
    const recent = recentOf(10)
    for (const [at, alias] of ['a', 'b', 'a', 'a'].entries())
      recent.settled(settledExchange({ id: `req_${at}`, alias }))
    expect(recent.newest(2, ({ model }) => model === 'a').map(({ story }) => story.id)).toEqual(['req_3', 'req_2'])
  })

  test('requests without a key that is accepted push out only their own kind', () => {
    const recent = recentOf(20)
    const ids: string[] = []
    for (let at = 1; at <= 100; at += 1) {
      const caller = at % 10 === 0 ? 'default' : undefined
      recent.settled(settledExchange({ id: `req_${at}`, caller }))
      if (caller !== undefined || at > 97) ids.unshift(`req_${at}`)
    }
    expect(idsOf(recent)).toEqual(ids)
    expect([recent.size, recent.strangers, recent.countMax]).toEqual([12, 2, 20])
  })

  test('newest() goes on behind one of them', () => {
    const recent = filled(5, 5)
    const [third] = recent.named('req_3')
    expect(recent.newest(1, () => true, third?.number).map(({ story }) => story.id)).toEqual(['req_2'])
  })

  test('several requests may have one id, and newest() still goes on behind each of them', () => {
    const recent = recentOf(10)
    for (let at = 0; at < 3; at += 1) recent.settled(settledExchange({ id: 'same' }))
    const numbers = recent.newest(2, () => true).map(({ number }) => number)
    expect(numbers).toEqual([3, 2])
    expect(recent.newest(2, () => true, numbers.at(-1)).map(({ number }) => number)).toEqual([1])
  })

  test('B80: only our own ids may be written without their head', () => {
    const recent = recentOf(10)
    for (const id of ['req_0198abcc0198', '0198abcc0198', 'xyz_0198abcc0198']) recent.settled(settledExchange({ id }))
    const found = (text: string): string[] => recent.named(text).map(({ story }) => story.id)
    expect(found('0198abcc0198')).toEqual(['0198abcc0198'])
    expect(found('req_0198abcc0198')).toEqual(['req_0198abcc0198'])
    expect(found('0198abcc')).toEqual(['0198abcc0198', 'req_0198abcc0198'])
  })

  test.each([
    { text: 'req_0198ab', ids: ['req_0198abcc', 'req_0198ab'], wanted: 'the one with just this id' },
    { text: '0198ab', ids: ['req_0198abcc', 'req_0198ab'], wanted: 'the one with just this id' },
    { text: '0198abc', ids: ['req_0198abcc', 'req_0198ab'], wanted: 'the one that begins so' },
    { text: 'req_0198', ids: ['req_0198abcc', 'req_0198ab'], wanted: 'both' },
    { text: '98ab', ids: ['req_0198abcc', 'req_0198ab'], wanted: 'none' },
  ])('named($text) finds $wanted', ({ text, ids, wanted }) => {
    const recent = recentOf(10)
    for (const id of ids) recent.settled(settledExchange({ id }))
    const found = { 'the one with just this id': ['req_0198ab'], 'the one that begins so': ['req_0198abcc'] }
    const both = wanted === 'both' ? ids.toReversed() : []
    expect(recent.named(text).map(({ story }) => story.id)).toEqual(found[wanted as keyof typeof found] ?? both)
  })
})

describe('a story', () => {
  test('tells times from the arrival, who was asked and why that failed, and nothing else', () => {
    const recent = recentOf(1)
    recent.settled(
      settledExchange({
        client: { address: '203.0.113.9', peer: '203.0.113.9', noted: '203.0.113.9' },
        stream: true,
        skips: [{ backend: 'c', model: 'mc', reason: 'it is cooling down for another 12 s' }],
        attempts: [
          attemptOf({ backend: 'a', status: 503, failure: statusFailure(503, 'a body'), durationMs: 40.4 }),
          attemptOf({ backend: 'b', startedMs: 1040.6, durationMs: 100, rescue: 'match', isRepeated: true }),
        ],
        heartbeats: 2,
        rescuedAtBytes: [300],
        seen: { method: 'POST', target: '/v1/x?key=k', headers: [['authorization', 'Bearer k']], body: undefined },
      }),
    )
    expect(JSON.parse(JSON.stringify(recent.newest(1, () => true)[0]?.story))).toEqual({
      id: 'req_abc123',
      at: '2026-01-13T09:41:00.000Z',
      method: 'POST',
      path: '/v1/chat/completions',
      dialect: 'openai',
      model: 'opus',
      stream: true,
      caller: 'default',
      client: '203.0.113.9',
      seed: 1,
      configVersion: 1,
      status: 200,
      outcome: 'complete',
      skips: [{ backend: 'c', model: 'mc', reason: 'it is cooling down for another 12 s' }],
      attempts: [
        {
          backend: 'a',
          model: 'claude-opus-4-5',
          alias: 'opus',
          level: 'l1',
          startedMs: 0,
          durationMs: 40,
          status: 503,
          reason: 'status',
          message: 'it answered with status 503',
          isRepeated: false,
        },
        {
          backend: 'b',
          model: 'claude-opus-4-5',
          alias: 'opus',
          level: 'l1',
          startedMs: 41,
          durationMs: 100,
          status: 200,
          rescue: 'match',
          isRepeated: true,
        },
      ],
      firstByteMs: 150,
      totalMs: 1234,
      bytesOut: 512,
      chunksOut: 4,
      heartbeats: 2,
      rescuedAtBytes: [300],
    })
  })

  test('never looks an address up', () => {
    const recent = recentOf(1)
    const client = {
      get address(): string {
        throw new Error('looked up')
      },
      peer: undefined,
      noted: undefined,
    }
    recent.settled(settledExchange({ client }))
    expect(recent.newest(1, () => true)).toMatchObject([{ story: { client: undefined } }])
  })

  test('holds no secret, whatever a backend or a client says', () => {
    const recent = recentOf(1, [secret])
    recent.settled(settledExchange({ alias: `model-${secret}`, attempts: [] }))
    expect(JSON.stringify(recent.newest(1, () => true))).not.toContain(secret)
    recent.settled(
      settledExchange({
        path: `/v1/${secret}`,
        refusal: refuse('upstream_error', `Cannot get an answer: it says ${secret}`),
        brokenBy: `it says ${secret}`,
        attempts: [attemptOf({ failure: { ...statusFailure(500), message: `it says ${secret}` } })],
      }),
    )
    expect(JSON.stringify(recent.newest(1, () => true))).not.toContain(secret)
  })

  test('holds no half of a secret that stands where a text is cut', () => {
    const recent = recentOf(1, [secret])
    recent.settled(
      settledExchange({
        path: `/${'x'.repeat(245)}${secret}`,
        refusal: refuse('upstream_error', `${'x'.repeat(490)}${secret}`),
      }),
    )
    expect(JSON.stringify(recent.newest(1, () => true))).not.toContain(secret.slice(0, 8))
  })

  test('an alias is what it is, also where a key is the same word', () => {
    const recent = recentOf(2, ['opus'])
    recent.settled(settledExchange({ alias: 'opus' }))
    recent.settled(settledExchange({ alias: 'opus', attempts: [], skips: [{ backend: 'a', model: 'b', reason: 'c' }] }))
    expect(recent.newest(2, () => true).map(({ story }) => story.model)).toEqual(['opus', 'opus'])
  })

  test('is of bounded size', () => {
    const recent = recentOf(1)
    const long = 'x'.repeat(100_000)
    recent.settled(
      settledExchange({
        path: `/${long}`,
        alias: long,
        refusal: refuse('upstream_error', long),
        skips: Array.from({ length: 1000 }, () => ({ backend: 'a', model: 'b', reason: 'c' })),
        attempts: Array.from({ length: 1000 }, () => attemptOf()),
      }),
    )
    const story = recent.newest(1, () => true)[0]?.story
    expect(JSON.stringify(story).length).toBeLessThan(50_000)
    expect([story?.skips.length, story?.attempts.length, story?.path.length]).toEqual([100, 100, 256])
  })

  test('leaves nothing of a request alive', async () => {
    const recent = recentOf(100)
    const alive: WeakRef<object>[] = []
    for (let at = 0; at < 100; at += 1) {
      const exchange = settledExchange({
        id: `req_${at}`,
        attempts: [attemptOf({ failure: statusFailure(500, 'text') })],
      })
      alive.push(new WeakRef(exchange), new WeakRef(exchange.client), new WeakRef(exchange.attempts))
      recent.settled(exchange)
    }
    for (let round = 0; round < 3; round += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      Bun.gc(true)
    }
    expect(recent.size).toBe(100)
    expect(alive.filter((held) => held.deref() !== undefined).length).toBeLessThan(20)
  })

  test('does not keep the text that its names were cut out of', () => {
    const recent = recentOf(200)
    Bun.gc(true)
    const bytesBefore = process.memoryUsage().heapUsed
    for (let at = 0; at < 200; at += 1) {
      const body = Buffer.from(`${'y'.repeat(500_000)}${at}model-${at}`).toString('utf8')
      recent.settled(settledExchange({ id: `req_${at}`, alias: body.slice(body.lastIndexOf('model-')) }))
    }
    Bun.gc(true)
    const grownBytes = process.memoryUsage().heapUsed - bytesBefore
    expect(grownBytes).toBeLessThan(20_000_000)
  })
})
