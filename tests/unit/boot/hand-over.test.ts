import { expect, test } from 'bun:test'
import { askPort, handOver } from '#boot/hand-over.ts'
import type { Exchange } from '#core/exchange.ts'
import { Roster } from '#kit/roster.ts'
import { systemClock } from '#ports/clock.ts'
import { settledExchange } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

type Who = 'leaving' | 'other' | 'nobody'

interface Situation {
  /** Who stands at which place of the kernel's list. */
  readonly places?: Who[]
  readonly inFlight?: number
  readonly kernelRefuses?: boolean
}

function bench({ places = ['leaving', 'other'], inFlight = 0, kernelRefuses = false }: Situation = {}) {
  const clock = new FakeClock()
  const live = new Roster<Exchange>()
  for (let index = 0; index < inFlight; index += 1) live.add(settledExchange())
  const done: string[] = []
  const farewell = { requests: 0 }
  let at: readonly number[] = []
  const hurry = new AbortController()
  let result: boolean | undefined
  const over = handOver(
    {
      clock,
      live,
      listener: { bow: () => (done.push('bow'), farewell) },
      port: {
        listeners: places.length,
        steerTo(next) {
          at = next
          done.push(`steer to ${next.join(', ')}`)
          return !kernelRefuses
        },
        steerToAll: () => void done.push('steer to all'),
        leave: () => void done.push(`leave at ${clock.monotonicMs()}`),
      },
      stayMs: 1000,
      ask: async () =>
        at.map((place) => places[place]).find((who) => who !== 'other') ?? places[at[0] ?? -1] ?? 'nobody',
    },
    10_000,
    hurry.signal,
  ).then((value) => (result = value))
  return { clock, live, done, farewell, hurry, over, result: () => result, places }
}

test('F96: new connections are shared by all places where another process answers, and then the port is left', async () => {
  const { clock, done, over } = bench({ places: ['leaving', 'nobody', 'other', 'other'] })
  await clock.advance(0)
  await clock.advance(2000)
  expect(await over).toBe(true)
  expect(done).toEqual([
    'bow',
    'steer to 0',
    'steer to 1',
    'steer to 2',
    'steer to 3',
    'steer to 2, 3',
    'leave at 1000',
  ])
})

test('F96: when new connections come back, since another process that left gave them to all, they are steered away anew', async () => {
  const { clock, done, places, over } = bench({ places: ['leaving', 'other', 'other'] })
  await clock.advance(0)
  await clock.advance(950)
  places[1] = 'leaving'
  await clock.advance(1000)
  expect(await over).toBe(true)
  const tried = ['steer to 0', 'steer to 1', 'steer to 2']
  expect(done.slice(0, -1)).toEqual(['bow', ...tried, 'steer to 1, 2', ...tried, 'steer to 2'])
  expect(Number(done.at(-1)?.replace('leave at ', ''))).toBeWithin(1000, 1100)
})

test('as long as somebody asks or waits for an answer, the process stays', async () => {
  const { clock, live, farewell, done, over } = bench({ inFlight: 1 })
  for (let times = 0; times < 8; times += 1) {
    farewell.requests += 1
    await clock.advance(250)
  }
  expect(done.filter((step) => step.startsWith('leave'))).toEqual([])
  for (const exchange of live) live.delete(exchange)
  await clock.advance(1000)
  expect(await over).toBe(true)
  expect(Number(done.at(-1)?.replace('leave at ', ''))).toBeWithin(2100, 2500)
})

test.each([
  { name: 'time that is over', end: async ({ clock }: ReturnType<typeof bench>) => await clock.advance(10_100) },
  { name: 'an order to hurry', end: async ({ hurry }: ReturnType<typeof bench>) => hurry.abort() },
])('$name ends it, whoever still waits', async ({ end }) => {
  const situation = bench({ inFlight: 1 })
  await situation.clock.advance(1500)
  expect(situation.result()).toBeUndefined()
  await end(situation)
  await situation.clock.advance(100)
  expect(await situation.over).toBe(true)
  expect(situation.done.at(-1)).toStartWith('leave at')
})

test.each([
  { name: 'alone on the port', places: ['leaving'], steps: [] },
  {
    name: 'all others leave too',
    places: ['leaving', 'leaving'],
    steps: ['bow', 'steer to 0', 'steer to 1', 'steer to all'],
  },
  { name: 'a kernel that cannot', places: ['leaving', 'other'], kernelRefuses: true, steps: ['bow', 'steer to 0'] },
] as const)('$name: there is nobody to leave the port to', async ({ steps, ...situation }) => {
  const { done, over } = bench({ ...situation, places: [...situation.places] })
  expect(await over).toBe(false)
  expect(done).toEqual([...steps])
})

test.each([
  { name: 'one that serves', answer: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', who: 'other' },
  { name: 'one that leaves', answer: 'HTTP/1.1 200 OK\r\nX-LLM-Proxy-Leaving: yes\r\n\r\n', who: 'leaving' },
  { name: 'one that hangs up', answer: '', who: 'nobody' },
  { name: 'something else', answer: '220 mail ready\r\n\r\n', who: 'nobody' },
] as const)('askPort() knows $name', async ({ answer, who }) => {
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket) => void socket.end(answer) },
  })
  expect(await askPort(undefined, listener.port, systemClock)).toBe(who)
  listener.stop(true)
  expect(await askPort('127.0.0.1', listener.port, systemClock)).toBe('nobody')
})

test('F96: a hurry that comes while places are tried ends the search', async () => {
  const { clock, done, hurry, over } = bench({ places: ['leaving', 'leaving', 'other'] })
  hurry.abort()
  await clock.advance(0)
  expect(await over).toBe(false)
  expect(done).toEqual(['bow', 'steer to 0', 'steer to all'])
})
