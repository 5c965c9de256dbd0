import { expect, test } from 'bun:test'
import { clearPort, leavePort } from '#boot/company.ts'
import type { Exchange } from '#core/exchange.ts'
import { Roster } from '#kit/roster.ts'
import type { EventName } from '#ports/log.ts'
import type { Listener } from '#server/listen.ts'
import { snapshotOf } from '../../support/compiled.ts'

const listener: Listener = {
  address: 'http://127.0.0.1:8080',
  port: 8080,
  bow: () => ({ requests: 0 }),
  stop: async () => {},
  cut: async () => {},
}

function bench() {
  const told: [EventName, unknown][] = []
  const snapshot = { ...snapshotOf({}), sharing: { withOthers: true, workers: 1 } }
  const gateway = {
    current: () => snapshot,
    live: new Roster<Exchange>(),
    log: {
      keeps: () => true,
      write: (_level: string, event: EventName, fields?: { reason?: unknown }) =>
        void told.push([event, fields?.reason]),
    },
  }
  return { told, gateway }
}

const { signal } = new AbortController()

test('F96: a port that cannot be handed over is told once, and the drain goes on', async () => {
  const { told, gateway } = bench()
  await leavePort(gateway, listener, undefined, 1000, signal, async () => {
    throw new Error('Failed to open library "libc.so.6"')
  })
  const broken = {
    listeners: 2,
    steerTo: (): boolean => {
      throw new Error('no setsockopt')
    },
    steerToAll() {},
    leave() {},
  }
  await leavePort(gateway, listener, undefined, 1000, signal, async () => broken)
  expect(told).toEqual([
    ['hand_over_failed', 'Failed to open library "libc.so.6"'],
    ['hand_over_failed', 'no setsockopt'],
  ])
})

test('F96: whoever is in a hurry hands nothing over', async () => {
  const { gateway } = bench()
  let asked = 0
  await leavePort(gateway, listener, undefined, 1000, AbortSignal.abort(), async () => {
    asked += 1
    return undefined
  })
  expect(asked).toBe(0)
})

test('F96: whoever joins takes back where others steered, and starts all the same where it cannot', async () => {
  const done: string[] = []
  const port = { listeners: 2, steerTo: () => true, steerToAll: () => void done.push('all'), leave() {} }
  await clearPort(listener, async () => port)
  expect(done).toEqual(['all'])
  await clearPort(listener, async () => {
    throw new Error('no /proc')
  })
})
