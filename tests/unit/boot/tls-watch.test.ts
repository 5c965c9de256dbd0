import { expect, test } from 'bun:test'
import { TlsWatch } from '#boot/tls-watch.ts'
import { Secret } from '#core/secret.ts'
import type { Log } from '#ports/log.ts'
import type { ListenTls } from '#snapshot/listen-tls.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const dayMs = 86_400_000

const tlsOf = (digest: string, untilMs = 1e15): ListenTls => ({
  certificates: [{ cert: digest, key: new Secret(digest), names: ['proxy.test'], untilMs }],
  clientCa: undefined,
  minVersion: '1.2',
  digest,
})

interface Lab {
  readonly watch: TlsWatch
  readonly told: string[]
  readonly served: string[]
  readonly clock: FakeClock
}

function lab(tls = tlsOf('first'), renew?: (tls: ListenTls) => Promise<void>): Lab {
  const told: string[] = []
  const served: string[] = []
  const clock = new FakeClock()
  const log: Log = {
    keeps: () => true,
    write: (level, event, fields) => void told.push(`${level} ${event} ${JSON.stringify(fields)}`),
  }
  const own = async ({ digest }: ListenTls): Promise<void> => void served.push(digest)
  const listeners = [{ address: 'https://a', renew: renew ?? own }, { address: 'unix:b' }]
  return { watch: new TlsWatch({ clock, log, listeners }, tls), told, served, clock }
}

test('adopt() renews what changed, and what is the same is left alone', async () => {
  const { watch, served, told } = lab()
  await watch.adopt(tlsOf('first'))
  expect(served).toEqual([])
  await watch.adopt(tlsOf('second'))
  expect(served).toEqual(['second'])
  expect(told).toEqual(['info tls_renewed {"name":"proxy.test"}'])
})

test('changes that come during one are one more after it', async () => {
  const served: string[] = []
  const gate = Promise.withResolvers<void>()
  const { watch } = lab(tlsOf('first'), async ({ digest }) => {
    served.push(digest)
    await gate.promise
  })
  const all = [watch.adopt(tlsOf('second')), watch.adopt(tlsOf('third')), watch.adopt(tlsOf('fourth'))]
  gate.resolve()
  await Promise.all(all)
  expect(served).toEqual(['second', 'fourth'])
})

test('one that cannot be had does not keep away the one that came meanwhile', async () => {
  const served: string[] = []
  const gate = Promise.withResolvers<void>()
  const { watch } = lab(tlsOf('first'), async ({ digest }) => {
    await gate.promise
    if (digest === 'second') throw new Error('no room')
    served.push(digest)
  })
  const all = [watch.adopt(tlsOf('second')), watch.adopt(tlsOf('third'))]
  gate.resolve()
  await Promise.all(all)
  expect(served).toEqual(['third'])
})

test('what cannot be had is told, and tried again with the next change', async () => {
  let fails = true
  const { watch, told } = lab(tlsOf('first'), async () => {
    if (fails) throw new Error('no room')
  })
  await watch.adopt(tlsOf('second'))
  fails = false
  await watch.adopt(tlsOf('second'))
  expect(told).toEqual([
    'error tls_kept {"address":"https://a","reason":"no room"}',
    'info tls_renewed {"name":"proxy.test"}',
  ])
})

test('a certificate that nobody renews is told each day, from 30 days before its end on', async () => {
  const clock = new FakeClock()
  const { watch, told, clock: own } = lab(tlsOf('first', clock.wallMs() + 31.5 * dayMs))
  const stop = new AbortController()
  const looking = watch.keepLooking(stop.signal)
  await own.advance(dayMs)
  expect(told).toEqual([])
  await own.advance(dayMs)
  expect(told).toEqual([`warn tls_expires {"name":"proxy.test","forMs":${29.5 * dayMs}}`])
  await own.advance(30 * dayMs)
  expect(told.at(-1)).toBe('error tls_expired {"name":"proxy.test"}')
  stop.abort()
  await own.advance(dayMs)
  await looking
})
