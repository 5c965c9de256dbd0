import { expect, test } from 'bun:test'
import { Secret } from '#core/secret.ts'
import type { SharedPort } from '#ports/port-sharing.ts'
import type { Listener } from '#server/listen.ts'
import { lingerMs, renewable, type RenewalParts } from '#server/renewable-listener.ts'
import type { ListenTls } from '#snapshot/listen-tls.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const tlsNamed = (digest: string): ListenTls => ({
  certificates: [{ cert: digest, key: new Secret(digest), names: [], untilMs: 0 }],
  clientCa: undefined,
  minVersion: '1.2',
  digest,
})

/** Listeners that only tell what is done to them. */
function lab(parts: Partial<RenewalParts> = {}): {
  readonly listener: Listener
  readonly told: string[]
  readonly clock: FakeClock
} {
  const told: string[] = []
  const clock = new FakeClock()
  const listenerOf = (name: string): Listener => {
    told.push(`${name} listens`)
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    return {
      address: 'https://localhost:1',
      port: 1,
      bow: () => {
        told.push(`${name} bows`)
        return { requests: 1 }
      },
      stop: async () => {
        told.push(`${name} stops`)
        await ended
      },
      cut: async () => {
        told.push(`${name} is cut`)
        resolve()
      },
    }
  }
  const port: SharedPort = {
    listeners: 2,
    steerTo: (places) => told.push(`steered to ${places.join()}`) > 0,
    steerToAll: () => {},
    leave: () => {},
  }
  const listener = renewable(listenerOf('first'), tlsNamed('first'), {
    clock,
    open: ({ digest }) => {
      if (digest === 'bad') throw new Error('no such thing')
      return listenerOf(digest)
    },
    findPort: async () => port,
    isShareable: true,
    ...parts,
  })
  return { listener, told, clock }
}

function renewOf(listener: Listener): (tls: ListenTls) => Promise<void> {
  return async (tls) => {
    if (listener.renew === undefined) throw new Error('It cannot be renewed')
    await listener.renew(tls)
  }
}

async function settle(clock: FakeClock, ms = 0): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  await clock.advance(ms)
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

async function renewed({ listener, clock }: ReturnType<typeof lab>, digest: string): Promise<void> {
  const renewing = renewOf(listener)(tlsNamed(digest))
  renewing.catch(() => {})
  await settle(clock, 1)
  await renewing
}

test('the new one takes all connections before the former one stops, which has time for what is idle', async () => {
  const { told, clock, ...rest } = lab()
  await renewed({ told, clock, ...rest }, 'second')
  expect(told).toEqual(['first listens', 'second listens', 'first bows', 'steered to 1'])
  await settle(clock, lingerMs)
  expect(told.at(-1)).toBe('first stops')
})

test.each([
  ['where the system cannot steer', async (): Promise<undefined> => undefined],
  [
    'where it may not be asked',
    async (): Promise<undefined> => {
      throw new Error('not permitted')
    },
  ],
  [
    'where others listen too',
    async (): Promise<SharedPort> => ({ listeners: 3, steerTo: () => true, steerToAll() {}, leave() {} }),
  ],
])('%s, the former one stops at once', async (_, findPort) => {
  const it = lab({ findPort })
  await renewed(it, 'second')
  await settle(it.clock)
  expect(it.told).toEqual(['first listens', 'second listens', 'first bows', 'first stops'])
})

test('a certificate that cannot be served changes nothing', async () => {
  const it = lab()
  const renewing = renewOf(it.listener)(tlsNamed('bad'))
  renewing.catch(() => {})
  await settle(it.clock, 1)
  expect(renewing).rejects.toThrow('no such thing')
  expect(it.told).toEqual(['first listens'])
})

test('where two cannot listen at once, the former one comes back when the new one cannot', async () => {
  const it = lab({ isShareable: false })
  const renewing = renewOf(it.listener)(tlsNamed('bad'))
  renewing.catch(() => {})
  await settle(it.clock, 1)
  expect(renewing).rejects.toThrow('no such thing')
  expect(it.told).toEqual(['first listens', 'first stops', 'first listens'])
  await renewed(it, 'second')
  expect(it.told.slice(3)).toEqual(['first stops', 'second listens'])
})

test('of several former ones, only the last may still listen; a stop and a cut are for all of them', async () => {
  const it = lab()
  await renewed(it, 'second')
  await renewed(it, 'third')
  expect(it.told.filter((line) => line.endsWith('stops'))).toEqual(['first stops'])
  expect(it.listener.bow().requests).toBe(3)
  const stopping = it.listener.stop()
  await it.listener.cut()
  await stopping
  for (const name of ['first', 'second', 'third']) {
    expect(it.told).toContain(`${name} stops`)
    expect(it.told).toContain(`${name} is cut`)
  }
})
