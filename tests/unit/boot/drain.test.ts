import { expect, test } from 'bun:test'
import { drain } from '#boot/drain.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Roster } from '#kit/roster.ts'
import type { Listener } from '#server/listen.ts'
import { settledExchange } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** Exchanges that run, and a listener that notes what is done to it. */
function bench(count: number, isCuttable = true) {
  const clock = new FakeClock()
  const live = new Roster<Exchange>()
  const done: string[] = []
  const flushed = Promise.withResolvers<void>()
  for (let index = 0; index < count; index += 1) {
    const exchange = settledExchange()
    exchange.cut = {
      cut() {
        done.push('error sent')
        if (isCuttable) live.delete(exchange)
      },
    }
    live.add(exchange)
  }
  const listener: Pick<Listener, 'stop' | 'cut'> = {
    stop: async () => {
      done.push('stop')
      await flushed.promise
    },
    cut: async () => void done.push('cut'),
  }
  const hurry = new AbortController()
  const gateway: Pick<Gateway, 'clock' | 'live'> = { clock, live }
  const drained = drain(gateway, listener, 1000, hurry.signal)
  return { clock, live, done, flushed, hurry, drained }
}

test('B118: running requests may finish, and their last bytes may leave', async () => {
  const { clock, live, done, flushed, drained } = bench(2)
  await clock.advance(500)
  expect(done).toEqual(['stop'])
  for (const exchange of live) live.delete(exchange)
  await clock.advance(100)
  expect(done).toEqual(['stop'])
  flushed.resolve()
  expect(await drained).toBe(0)
  expect(done).toEqual(['stop', 'cut'])
})

test('when the time is over what still runs is told so, and then closed', async () => {
  const { clock, done, flushed, drained } = bench(2)
  await clock.advance(1100)
  expect(done).toEqual(['stop', 'error sent', 'error sent'])
  flushed.resolve()
  expect(await drained).toBe(2)
  expect(done.at(-1)).toBe('cut')
})

test('a client that reads nothing does not hold it up', async () => {
  const { clock, done, drained } = bench(1, false)
  await clock.advance(2100)
  expect(await drained).toBe(1)
  expect(done).toEqual(['stop', 'error sent', 'cut'])
})

test('whoever hurries waits no longer', async () => {
  const { clock, done, hurry, drained } = bench(1, false)
  await clock.advance(100)
  hurry.abort()
  await clock.advance(0)
  await clock.advance(300)
  expect(await drained).toBe(1)
  expect(done).toEqual(['stop', 'error sent', 'cut'])
})
