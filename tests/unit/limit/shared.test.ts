import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { demandsOf, type Demand } from '#limit/demand.ts'
import { plainPolicy, type Counting, type LimitPolicy, type SharedPolicy } from '#limit/policy.ts'
import { SharedLimits, type SharedOutcome } from '#limit/shared.ts'
import { Slots } from '#limit/slots.ts'
import type { SlotDemand } from '#limit/ticket.ts'
import { systemClock, type Clock } from '#ports/clock.ts'
import type { LogFields } from '#ports/log.ts'
import { openRedis, type Redis } from '#ports/redis.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { noRedis, startRedis, type RunningRedis } from '../../support/redis.ts'

const sliding: Counting = { algorithm: 'sliding_window', burst: 1 }
const bucket: Counting = { algorithm: 'token_bucket', burst: 1 }

let names = 0

/** What a request takes, under a name that no other test has. */
function demands(rates: LimitPolicy['global'], tokens = 1, alias = `test-${(names += 1)}`): Demand[] {
  const policy: LimitPolicy = { ...plainPolicy, perModel: { byAlias: new Map([[alias, rates ?? {}]]), patterns: [] } }
  const caller = { id: 'ann' }
  return demandsOf(
    policy,
    { caller, tellsApart: true, client: { address: '::1', peer: '::1' }, alias },
    1,
    () => tokens,
  )
}

function place(limit: number): SlotDemand {
  const queue = { sizeMax: 0, timeoutMs: 0 }
  return { of: 'slots', id: `c:test-${(names += 1)}`, scope: 'global', limit, share: limit, queue }
}

interface Process {
  readonly limits: SharedLimits
  readonly slots: Slots
  readonly told: string[]
}

let processes = 0

function startProcess(
  policy: Partial<SharedPolicy> & { url: string },
  {
    clock = systemClock,
    open = async (url: string) => await Promise.resolve(openRedis(url)),
    leaseMs = 15_000,
  }: {
    clock?: Clock
    open?: (url: string) => Promise<Redis>
    leaseMs?: number
  } = {},
): Process {
  const slots = new Slots()
  const told: string[] = []
  const log = {
    keeps: () => true,
    write: (_level: string, event: string, _fields?: LogFields) => void told.push(event),
  }
  const limits = new SharedLimits({
    clock,
    log,
    processId: `p${(processes += 1)}`,
    policy: { keyPrefix: 'test:', timeoutMs: 1000, onError: 'local', ...policy },
    open,
    slots,
    leaseMs,
  })
  return { limits, slots, told }
}

const kinds = (outcomes: readonly SharedOutcome[], kind: SharedOutcome['kind']): number =>
  outcomes.filter((outcome) => outcome.kind === kind).length

describe.skipIf(noRedis !== undefined)(
  `with a real Redis${noRedis === undefined ? '' : ` (left out: ${noRedis})`}`,
  () => {
    let redis: RunningRedis
    beforeAll(async () => {
      redis = await startRedis()
    })
    afterAll(async () => {
      await redis[Symbol.asyncDispose]()
    })

    test.each([{ counting: sliding }, { counting: bucket }])(
      'C211 I10: two processes share one limit, to the last request: $counting.algorithm',
      async ({ counting }) => {
        const [one, other] = [startProcess(redis), startProcess(redis)]
        const wanted = demands({ requestsPerMinute: 100 })
        const outcomes = await Promise.all(
          Array.from(
            { length: 300 },
            async (_each, index) => await (index % 2 === 0 ? one : other).limits.take(wanted, [], counting),
          ),
        )
        // What comes back meanwhile is let in too.
        expect(kinds(outcomes, 'taken')).toBeGreaterThanOrEqual(100)
        expect(kinds(outcomes, 'taken')).toBeLessThanOrEqual(counting === sliding ? 100 : 102)
        const refused = await one.limits.take(wanted, [], counting)
        expect(refused.kind === 'hindered' && refused.hindrance.waitMs).toBeGreaterThan(0)
        one.limits.close()
        other.limits.close()
      },
    )

    test('all or nothing: what one limit refuses is not taken from another', async () => {
      const { limits } = startProcess(redis)
      const wide = demands({ requestsPerMinute: 100 })
      const narrow = demands({ requestsPerMinute: 1 })
      for (let index = 0; index < 10; index += 1) await limits.take([...wide, ...narrow], [], sliding)
      const outcome = await limits.take(wide, [], sliding)
      expect(outcome.kind === 'taken' && outcome.marks.states(wide)[0]?.used).toBe(2)
      limits.close()
    })

    test.each([{ counting: sliding }, { counting: bucket }])(
      'C202 F82: what came to more or less is put right, and never to less than nothing: $counting.algorithm',
      async ({ counting }) => {
        const { limits } = startProcess(redis)
        const wanted = demands({ tokensPerMinute: 1000 }, 400)
        const used = (outcome: SharedOutcome): number =>
          outcome.kind === 'taken' ? (outcome.marks.states(wanted)[0]?.used ?? 0) : -1
        const first = await limits.take(wanted, [], counting)
        if (first.kind !== 'taken' || wanted[0] === undefined) throw new Error('it was not taken')
        limits.correct(wanted[0], first.marks.at(0), -300, counting)
        expect(used(await limits.take(wanted, [], counting))).toBeCloseTo(500, -1)
        limits.correct(wanted[0], first.marks.at(0), -100_000, counting)
        expect(used(await limits.take(wanted, [], counting))).toBe(400)
        limits.correct(wanted[0], first.marks.at(0), 5000, counting)
        expect((await limits.take(wanted, [], counting)).kind).toBe('hindered')
        await flush(redis)
        limits.correct(wanted[0], first.marks.at(0), -100, counting)
        expect(used(await limits.take(wanted, [], counting))).toBe(400)
        limits.close()
      },
    )

    test('F82: a Redis that lost its memory and its scripts counts anew', async () => {
      const { limits } = startProcess(redis)
      const wanted = demands({ requestsPerMinute: 1 })
      expect((await limits.take(wanted, [], sliding)).kind).toBe('taken')
      expect((await limits.take(wanted, [], sliding)).kind).toBe('hindered')
      await flush(redis)
      expect((await limits.take(wanted, [], sliding)).kind).toBe('taken')
      expect(limits.state).toBe('up')
      limits.close()
    })

    test('C221: places are shared, given back, and lost by a process that dies', async () => {
      const [one, other] = [startProcess(redis, { leaseMs: 300 }), startProcess(redis, { leaseMs: 300 })]
      const wanted = place(2)
      const enter = async (process: Process): Promise<string> => {
        const { kind } = await process.limits.take([], [wanted], sliding)
        if (kind === 'taken') process.slots.take(wanted.id)
        return kind
      }
      expect([await enter(one), await enter(one), await enter(other)]).toEqual(['taken', 'taken', 'hindered'])
      one.slots.giveBack(wanted.id)
      one.limits.leave(wanted.id)
      // Nobody waits for what is given back to be told.
      let kind = 'hindered'
      for (let left = 100; left > 0 && kind === 'hindered'; left -= 1) kind = await enter(other)
      expect([kind, await enter(other)]).toEqual(['taken', 'hindered'])
      // As long as it lives, a process keeps what it has.
      await Bun.sleep(700)
      expect(await enter(other)).toBe('hindered')
      one.limits.close()
      await Bun.sleep(700)
      expect(await enter(other)).toBe('taken')
      other.limits.close()
    })

    test('many who ask in vain take nothing from those who run, and what ended unseen is told', async () => {
      const { limits, slots } = startProcess(redis, { leaseMs: 300 })
      const wanted = place(3)
      const told = new Bun.RedisClient(redis.url)
      const runs = async (): Promise<number> => {
        const [, value = '0'] = Object.entries(await told.hgetall(`test:limit:${wanted.id}`))[0] ?? []
        return Number(value.split(';')[0])
      }
      for (let index = 0; index < 3; index += 1) {
        expect((await limits.take([], [wanted], sliding)).kind).toBe('taken')
        slots.take(wanted.id)
      }
      const untilMs = performance.now() + 400
      let most = 0
      while (performance.now() < untilMs) {
        const asked = Array.from({ length: 20 }, async () => await limits.take([], [wanted], sliding))
        most = Math.max(most, await runs())
        expect(kinds(await Promise.all(asked), 'taken')).toBe(0)
      }
      expect(most).toBe(3)
      // As requests do that were let in while it did not answer.
      for (let index = 0; index < 3; index += 1) slots.giveBack(wanted.id)
      await Bun.sleep(250)
      expect(await runs()).toBe(0)
      told.close()
      limits.close()
    })

    test('F104: nonsense about tokens does not break it', async () => {
      const { limits } = startProcess(redis)
      const wanted = demands({ tokensPerMinute: 1 }, 1)
      const first = await limits.take(wanted, [], bucket)
      if (first.kind !== 'taken' || wanted[0] === undefined) throw new Error('it was not taken')
      limits.correct(wanted[0], first.marks.at(0), 1_000_000_000_000, bucket)
      const next = await limits.take(wanted, [], bucket)
      expect(next.kind === 'hindered' && next.hindrance.waitMs).toBeLessThan(3 * 3_600_000)
      expect(limits.state).toBe('up')
      limits.close()
    })

    test('F81: keys of another type, as if somebody else wrote them, are no answer', async () => {
      const { limits, told } = startProcess(redis)
      const wanted = demands({ requestsPerMinute: 5 })
      const client = new Bun.RedisClient(redis.url)
      await client.set(`test:limit:w:${wanted[0]?.id}`, 'garbage')
      expect((await limits.take(wanted, [], sliding)).kind).toBe('down')
      expect(told).toEqual(['limits_not_shared'])
      client.close()
      limits.close()
    })

    test('F80: one that hangs costs one request its timeout and the others nothing; when it is back it counts', async () => {
      await using own = await startRedis()
      const { limits, told } = startProcess({ url: own.url, timeoutMs: 50 })
      const wanted = demands({ requestsPerMinute: 1000 })
      expect((await limits.take(wanted, [], sliding)).kind).toBe('taken')
      own.freeze()
      const startedMs = performance.now()
      expect((await limits.take(wanted, [], sliding)).kind).toBe('down')
      expect(performance.now() - startedMs).toBeLessThan(500)
      const thenMs = performance.now()
      for (let index = 0; index < 1000; index += 1) expect((await limits.take(wanted, [], sliding)).kind).toBe('down')
      expect(performance.now() - thenMs).toBeLessThan(200)
      own.thaw()
      await Bun.sleep(600)
      let kind = 'down'
      for (let left = 100; left > 0 && kind === 'down'; left -= 1) {
        ;({ kind } = await limits.take(wanted, [], sliding))
        await Bun.sleep(20)
      }
      expect(kind).toBe('taken')
      expect(told).toEqual(['limits_not_shared', 'limits_shared'])
      limits.close()
    })

    test('F80: one that dies and comes again is found again', async () => {
      const first = await startRedis()
      const { limits } = startProcess({ url: first.url, timeoutMs: 300 })
      const wanted = demands({ requestsPerMinute: 1000 })
      expect((await limits.take(wanted, [], sliding)).kind).toBe('taken')
      await first[Symbol.asyncDispose]()
      expect((await limits.take(wanted, [], sliding)).kind).toBe('down')
      await using second = await startRedis(first.port)
      expect(second.port).toBe(first.port)
      let kind = 'down'
      for (let left = 100; left > 0 && kind === 'down'; left -= 1) {
        await Bun.sleep(50)
        ;({ kind } = await limits.take(wanted, [], sliding))
      }
      expect(kind).toBe('taken')
      limits.close()
    })
  },
)

describe('F81: answers that are none', () => {
  test.each([
    { name: 'nothing', answer: null },
    { name: 'a text', answer: 'OK' },
    { name: 'too short a list', answer: [1] },
    { name: 'words', answer: ['x', 'y', 'z', 'a', 'b', 'c'] },
    { name: 'a place that was not asked for', answer: [0, 99, 5, 1, 1, 1] },
    { name: 'an object', answer: { a: 1 } },
  ])('$name', async ({ answer }) => {
    const fake: Redis = { run: async () => await Promise.resolve(answer), close() {} }
    const { limits } = startProcess(
      { url: 'redis://x' },
      { clock: new FakeClock(), open: async () => await Promise.resolve(fake) },
    )
    expect((await limits.take(demands({ requestsPerMinute: 1 }), [], sliding)).kind).toBe('down')
  })

  test('MOVED and other refusals are no answer, and nobody asks again at once', async () => {
    let asked = 0
    const fake: Redis = {
      async run() {
        asked += 1
        throw await Promise.resolve(new Error('MOVED 1 127.0.0.1:1'))
      },
      close() {},
    }
    const clock = new FakeClock()
    const { limits, told } = startProcess(
      { url: 'redis://x' },
      { clock, open: async () => await Promise.resolve(fake) },
    )
    for (let index = 0; index < 10; index += 1) await limits.take(demands({ requestsPerMinute: 1 }), [], sliding)
    expect(asked).toBe(1)
    await clock.advance(500)
    for (let index = 0; index < 10; index += 1) await limits.take(demands({ requestsPerMinute: 1 }), [], sliding)
    expect(asked).toBe(2)
    expect(told).toEqual(['limits_not_shared'])
  })

  test('F80: who never answers is waited for no longer than the timeout', async () => {
    const fake: Redis = { run: async () => await new Promise(() => {}), close() {} }
    const clock = new FakeClock()
    const { limits } = startProcess(
      { url: 'redis://x', timeoutMs: 50 },
      { clock, open: async () => await Promise.resolve(fake) },
    )
    const outcome = limits.take(demands({ requestsPerMinute: 1 }), [], sliding)
    await clock.advance(50)
    expect((await outcome).kind).toBe('down')
    expect(clock.monotonicMs()).toBe(50)
  })
})

async function flush({ url }: RunningRedis): Promise<void> {
  const client = new Bun.RedisClient(url)
  await client.send('FLUSHALL', [])
  await client.send('SCRIPT', ['FLUSH'])
  client.close()
}
