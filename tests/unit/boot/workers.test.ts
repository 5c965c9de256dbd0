import { expect, test } from 'bun:test'
import { identityOf, type SharedFact } from '#core/shared.ts'
import type { FromWorker, SeatFacts, ToWorker } from '#boot/worker-messages.ts'
import { Workers } from '#boot/workers.ts'
import type { EventName, LogFields, Level } from '#ports/log.ts'
import { bootOnlyOf } from '#snapshot/diff.ts'
import { snapshotOf } from '../../support/compiled.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** Processes that only pretend, and what their starter does with them. */
class Bench {
  readonly clock = new FakeClock()
  readonly children: FakeChild[] = []
  readonly log: [EventName, LogFields | undefined][] = []
  readonly levels: Level[] = []
  readonly workers: Workers
  readonly code: Promise<number>

  constructor(count: number, { isEarly = false } = {}) {
    const kept = bootOnlyOf(snapshotOf({}))
    this.workers = new Workers(
      { count, kept, drainMs: 30_000, ownersMax: 5000 },
      {
        clock: this.clock,
        log: {
          keeps: () => true,
          write: (level, event, fields) => {
            this.levels.push(level)
            this.log.push([event, fields])
          },
        },
        spawn: (seat, heard) => {
          const child = new FakeChild(seat, heard, this.children.length + 100)
          this.children.push(child)
          return child
        },
      },
    )
    this.code = isEarly ? Promise.resolve(0) : this.workers.run()
  }

  /** The newest process of this number. */
  child(number: number): FakeChild {
    const child = this.children.findLast(({ seat }) => seat.number === number)
    if (child === undefined) throw new Error(`There is no worker ${number}`)
    return child
  }

  async allReady(): Promise<this> {
    this.child(1).ready()
    for (const child of this.children.slice(1)) child.ready()
    await this.clock.advance(0)
    return this
  }
}

class FakeChild {
  readonly seat: SeatFacts
  readonly pid: number
  readonly got: ToWorker[] = []
  readonly killedBy: string[] = []
  readonly #heard: (message: FromWorker) => void
  readonly #exit = Promise.withResolvers<number | string>()
  readonly exited = this.#exit.promise

  constructor(seat: SeatFacts, heard: (message: FromWorker) => void, pid: number) {
    this.seat = seat
    this.#heard = heard
    this.pid = pid
  }

  send(message: ToWorker): void {
    this.got.push(message)
  }

  kill(signal: string): void {
    this.killedBy.push(signal)
  }

  says(message: FromWorker): void {
    this.#heard(message)
  }

  ready(): void {
    this.says({ kind: 'ready', ports: { main: 8080, admin: undefined }, address: 'http://127.0.0.1:8080' })
  }

  ends(how: number | string): void {
    this.#exit.resolve(how)
  }

  /** Facts of the messages it got, in one list. */
  facts(): SharedFact[] {
    return this.got.flatMap((message) => (message.kind === 'facts' ? message.facts : []))
  }

  signals(): string[] {
    return this.got.flatMap((message) => (message.kind === 'signal' ? [message.name] : []))
  }

  get leads(): boolean {
    return this.got.some(({ kind }) => kind === 'lead')
  }
}

function cooldown(key: string, forMs = 60_000): SharedFact {
  return { kind: 'cooldown', key, forMs }
}

test('A68: the others are started when the first one serves, and are told the port that it got', async () => {
  const bench = new Bench(3)
  const kept = { listen: { kind: 'tcp', host: '127.0.0.1', port: 0 }, admin: { path: '/admin' } }
  expect(bench.children.map(({ seat }) => seat)).toMatchObject([
    { number: 1, of: 3, isFirst: true, ports: undefined, kept },
  ])
  bench.child(1).ready()
  const ports = { main: 8080, admin: undefined }
  expect(bench.children.slice(1).map(({ seat }) => seat)).toMatchObject([
    { number: 2, of: 3, isFirst: false, ports, kept },
    { number: 3, of: 3, isFirst: false, ports, kept },
  ])
})

test('D66: a reload that one of them was asked for is an order to all the others', async () => {
  const bench = await new Bench(3).allReady()
  bench.child(2).says({ kind: 'reload' })
  expect([1, 2, 3].map((number) => bench.child(number).signals())).toEqual([['SIGHUP'], [], ['SIGHUP']])
})

test.each([
  { how: 1, code: 1 },
  { how: 2, code: 2 },
  { how: 'SIGKILL', code: 1 },
])(
  'what is wrong at the start is tried once: a first worker that ends with $how ends all with $code',
  async ({ how, code }) => {
    const bench = new Bench(4)
    bench.child(1).ends(how)
    expect(await bench.code).toBe(code)
    expect(bench.children).toHaveLength(1)
  },
)

test('one that dies is started anew, after pauses that grow, and after a long life at once again', async () => {
  const bench = await new Bench(2).allReady()
  const pauses: unknown[] = []
  const die = async (): Promise<void> => {
    const { length } = bench.children
    bench.child(2).ends('SIGSEGV')
    await bench.clock.advance(0)
    const [event, fields] = bench.log.at(-1) ?? []
    expect([event, fields?.['worker'], fields?.['how']]).toEqual(['worker_ended', 2, 'SIGSEGV'])
    pauses.push(fields?.['restartMs'])
    await bench.clock.advance(Number(fields?.['restartMs']) - 1)
    expect(bench.children).toHaveLength(length)
    await bench.clock.advance(1)
    expect(bench.child(2).seat).toMatchObject({ number: 2, isFirst: false, ports: { main: 8080 } })
    expect(bench.children).toHaveLength(length + 1)
  }
  for (let times = 0; times < 9; times += 1) await die()
  bench.child(2).ready()
  await bench.clock.advance(61_000)
  await die()
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 100])
})

test('the order to stop reaches all, none is started anew, and the end is theirs', async () => {
  const bench = await new Bench(3).allReady()
  bench.child(3).ends(1)
  await bench.clock.advance(0)
  bench.workers.signal('SIGTERM')
  expect([1, 2].map((number) => bench.child(number).signals())).toEqual([['SIGTERM'], ['SIGTERM']])
  bench.child(1).ends(0)
  await bench.clock.advance(60_000)
  expect(bench.children).toHaveLength(3)
  bench.child(2).ends(0)
  expect(await bench.code).toBe(0)
})

test('a reload is passed on and stops nobody, a second order hurries, a third one kills', async () => {
  const bench = await new Bench(1).allReady()
  const child = bench.child(1)
  for (const name of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) bench.workers.signal(name)
  expect(child.signals()).toEqual(['SIGHUP', 'SIGTERM', 'SIGINT'])
  expect(child.killedBy).toEqual([])
  bench.workers.signal('SIGTERM')
  expect(child.killedBy).toEqual(['SIGKILL'])
  child.ends('SIGKILL')
  expect(await bench.code).toBe(0)
})

test('an order to stop during the start ends it without a complaint', async () => {
  const bench = new Bench(2)
  bench.workers.signal('SIGINT')
  bench.child(1).ends(0)
  expect(await bench.code).toBe(0)
})

test('D67: what one learned the others are told, and nobody is told what is its own', async () => {
  const bench = await new Bench(3).allReady()
  bench.child(2).says({ kind: 'facts', facts: [cooldown('a')] })
  expect([1, 2, 3].map((number) => bench.child(number).facts())).toEqual([[cooldown('a')], [], [cooldown('a')]])
})

test('whoever has not taken the last facts gets the newest of each when it has, and no more than there is room for', async () => {
  const bench = await new Bench(2).allReady()
  const [teller, slow] = [bench.child(1), bench.child(2)]
  teller.says({ kind: 'facts', facts: [cooldown('first')] })
  for (let round = 1; round <= 3; round += 1) {
    const facts = Array.from({ length: 900 }, (_, index) => cooldown(`${index}`, round))
    teller.says({ kind: 'facts', facts })
  }
  teller.says({ kind: 'facts', facts: Array.from({ length: 500 }, (_, index) => cooldown(`late ${index}`)) })
  expect(slow.facts()).toEqual([cooldown('first')])
  slow.says({ kind: 'took' })
  const facts = slow.facts().slice(1)
  expect(facts).toHaveLength(1000)
  expect(new Set(facts.map(identityOf)).size).toBe(1000)
  expect(facts.at(-1)).toEqual(cooldown('late 499'))
  expect(facts.find(({ key }) => key === '899')).toEqual(cooldown('899', 3))
})

test('one that joins later is told what still holds, for as long as it still does', async () => {
  const bench = await new Bench(2).allReady()
  const closed: SharedFact = { kind: 'circuit', key: 'a', forMs: 0 }
  bench.child(1).says({
    kind: 'facts',
    facts: [cooldown('short', 1000), cooldown('long', 9000), { ...closed, forMs: 9000 }, closed],
  })
  await bench.clock.advance(2000)
  bench.child(2).ends(1)
  await bench.clock.advance(0)
  await bench.clock.advance(100)
  bench.child(2).ready()
  expect(bench.child(2).facts()).toEqual([cooldown('long', 6900)])
})

test('one checks for all, and another takes over when it dies or leaves', async () => {
  const bench = await new Bench(3).allReady()
  const leading = (): number[] => [1, 2, 3].filter((number) => bench.child(number).leads)
  expect(leading()).toEqual([1])
  bench.child(1).ends('SIGKILL')
  await bench.clock.advance(0)
  await bench.clock.advance(100)
  expect(leading()).toEqual([2])
  bench.child(1).ready()
  bench.child(2).says({ kind: 'leaving' })
  expect(leading()).toEqual([1, 2])
  expect(bench.child(1).got).toContainEqual({ kind: 'lead' })
})

test('one that ends in order, since somebody told it alone to stop, is no error', async () => {
  const bench = await new Bench(2).allReady()
  bench.child(1).ends(0)
  await bench.clock.advance(0)
  bench.child(2).ends(1)
  await bench.clock.advance(0)
  expect(bench.levels.slice(-2)).toEqual(['warn', 'error'])
})

test('an order to stop before the first one is started leaves it at that', async () => {
  const bench = new Bench(2, { isEarly: true })
  bench.workers.signal('SIGTERM')
  expect(await bench.workers.run()).toBe(0)
  expect(bench.children).toEqual([])
})

test('whoever is frozen is killed some seconds after its drain should be over, and it is said', async () => {
  const bench = await new Bench(2).allReady()
  bench.child(1).says({ kind: 'keeps', source: '', drainMs: 60_000 })
  bench.workers.signal('SIGTERM')
  bench.child(1).ends(0)
  await bench.clock.advance(62_999)
  expect(bench.child(2).killedBy).toEqual([])
  await bench.clock.advance(1)
  expect(bench.child(2).killedBy).toEqual(['SIGKILL'])
  expect(bench.log.at(-1)).toEqual(['worker_killed', { worker: 2, pid: 101 }])
  expect(bench.child(1).killedBy).toEqual([])
  bench.child(2).ends('SIGKILL')
  expect(await bench.code).toBe(0)
  expect(bench.clock.pending).toBe(0)
})

test('whoever lacks a configuration is told the one that was taken last', async () => {
  const bench = await new Bench(2).allReady()
  for (const source of ['first', 'second']) bench.child(1).says({ kind: 'keeps', source, drainMs: 1 })
  bench.child(2).says({ kind: 'lacks' })
  expect(bench.child(2).got).toContainEqual({ kind: 'source', source: 'second' })
})

test('D67: neither pins nor owners displace a rest, and one that joins later is told of all of them, in pieces', async () => {
  const bench = await new Bench(2).allReady()
  const teller = bench.child(1)
  const owner = { backend: 'a', address: 'b', credential: undefined, caller: 'c' }
  teller.says({ kind: 'facts', facts: [cooldown('rests')] })
  for (let batch = 0; batch < 6; batch += 1) {
    const keys = Array.from({ length: 1000 }, (_, index) => `${batch * 1000 + index}`)
    teller.says({ kind: 'facts', facts: keys.map((key) => ({ kind: 'pin', key, forMs: 60_000, stateKey: 'a' })) })
    teller.says({
      kind: 'facts',
      facts: keys.map((key) => ({ kind: 'owner', key, forMs: 60_000, of: 'file', owner })),
    })
  }
  bench.child(2).ends('SIGKILL')
  await bench.clock.advance(0)
  await bench.clock.advance(100)
  const late = bench.child(2)
  late.ready()
  expect(late.facts()).toHaveLength(1000)
  expect(late.facts()[0]).toEqual(cooldown('rests', 59_900))
  // Comes while the newcomer is still being told.
  teller.says({ kind: 'facts', facts: [{ kind: 'circuit', key: 'news', forMs: 5 }] })
  for (let times = 0; times < 20; times += 1) late.says({ kind: 'took' })
  const counts = Map.groupBy(late.facts(), ({ kind }) => kind)
  expect([counts.get('pin')?.length, counts.get('owner')?.length, counts.get('circuit')?.length]).toEqual([
    6000, 5000, 1,
  ])
  expect(counts.get('owner')?.[0]?.key).toBe('1000')
})
