import { expect, test } from 'bun:test'
import { CachingResolver, systemResolver, type Address } from '#http1/dns.ts'
import { systemClock } from '#ports/clock.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const one: Address = { address: '192.0.2.1', family: 4 }
const two: Address = { address: '192.0.2.2', family: 4 }
const six: Address = { address: '2001:db8::1', family: 6 }

/** A resolver over answers that are given one after the other; the last one stays. */
function resolverOver(...answers: (readonly Address[] | string)[]) {
  const clock = new FakeClock()
  const asked: string[] = []
  const resolver = new CachingResolver(clock, async (host) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(host)
    if (typeof answer === 'string') throw Object.assign(new Error('lookup'), { code: answer })
    return answer
  })
  return { clock, asked, resolver }
}

test('an answer is used for 30 seconds, and then the host is looked up again as its records change', async () => {
  const { clock, asked, resolver } = resolverOver([one], [two])
  expect(await resolver.resolve('a.test')).toEqual([one])
  await clock.advance(29_999)
  expect(await resolver.resolve('a.test')).toEqual([one])
  expect(asked).toHaveLength(1)
  await clock.advance(1)
  expect(await resolver.resolve('a.test')).toEqual([two])
})

test('those who ask for the same host at once share one lookup', async () => {
  const { asked, resolver } = resolverOver([one])
  const answers = await Promise.all([
    resolver.resolve('a.test'),
    resolver.resolve('a.test'),
    resolver.resolve('b.test'),
  ])
  expect(answers).toEqual([[one], [one], [one]])
  expect(asked).toEqual(['a.test', 'b.test'])
})

test('both families come in the order of the system, doubles only once', async () => {
  const { resolver } = resolverOver([six, one, six, one])
  expect(await resolver.resolve('a.test')).toEqual([six, one])
})

test.each([
  {
    name: 'F2: an unknown host',
    code: 'ENOTFOUND',
    cause: 'not_found',
    says: 'the host name was not found (ENOTFOUND)',
  },
  {
    name: 'a host without addresses',
    code: 'ENODATA',
    cause: 'not_found',
    says: 'the host name was not found (ENODATA)',
  },
  {
    name: 'a silent name server',
    code: 'ETIMEOUT',
    cause: 'timeout',
    says: 'the name server did not answer (ETIMEOUT)',
  },
  {
    name: 'a name server out of order',
    code: 'EAI_AGAIN',
    cause: 'other',
    says: 'the name server did not answer (EAI_AGAIN)',
  },
  {
    name: 'any other error',
    code: 'EBADRESP',
    cause: 'other',
    says: 'the host name could not be looked up (EBADRESP)',
  },
] as const)('$name is a failure of the phase dns, and is not remembered', async ({ code, cause, says }) => {
  const { asked, resolver } = resolverOver(code, [one])
  expect(await resolver.resolve('a.test')).toMatchObject({
    kind: 'transport_failure',
    phase: 'dns',
    cause,
    message: says,
    trace: { bytesSent: 0, bytesReceived: 0, wasReused: false, afterMs: 0 },
  })
  expect(await resolver.resolve('a.test')).toEqual([one])
  expect(asked).toHaveLength(2)
})

test('an empty answer is a host that was not found', async () => {
  const { resolver } = resolverOver([])
  expect(await resolver.resolve('a.test')).toMatchObject({ phase: 'dns', cause: 'not_found' })
})

test('while the name servers are out of order, what was known is used on', async () => {
  const { clock, resolver } = resolverOver([one], 'EAI_AGAIN', [two])
  await resolver.resolve('a.test')
  await clock.advance(30_000)
  expect(await resolver.resolve('a.test')).toEqual([one])
  await clock.advance(30_000)
  expect(await resolver.resolve('a.test')).toEqual([two])
})

test('a host that is gone is not kept alive by what was known', async () => {
  const { clock, resolver } = resolverOver([one], 'ENOTFOUND')
  await resolver.resolve('a.test')
  await clock.advance(30_000)
  expect(await resolver.resolve('a.test')).toMatchObject({ cause: 'not_found' })
})

test('demote() puts an address behind the others', async () => {
  const { resolver } = resolverOver([one, two, six])
  await resolver.resolve('a.test')
  resolver.demote('a.test', one.address)
  resolver.demote('a.test', '192.0.2.99')
  resolver.demote('unknown.test', one.address)
  expect(await resolver.resolve('a.test')).toEqual([two, six, one])
})

test('forget() has the host looked up again', async () => {
  const { asked, resolver } = resolverOver([one], [two])
  await resolver.resolve('a.test')
  resolver.forget('a.test')
  expect(await resolver.resolve('a.test')).toEqual([two])
  expect(asked).toHaveLength(2)
})

test('of more than 1024 hosts the oldest is forgotten', async () => {
  const { asked, resolver } = resolverOver([one])
  for (let host = 0; host <= 1024; host += 1) await resolver.resolve(`h${host}.test`)
  await resolver.resolve('h1.test')
  expect(asked).toHaveLength(1025)
  await resolver.resolve('h0.test')
  expect(asked).toHaveLength(1026)
})

test('the system knows localhost, from its hosts file', async () => {
  const addresses = await systemResolver(systemClock).resolve('localhost')
  expect(addresses).toBeArray()
  for (const { address } of addresses as Address[]) expect(['127.0.0.1', '::1']).toContain(address)
})
