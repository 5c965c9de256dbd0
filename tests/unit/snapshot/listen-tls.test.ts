import { expect, test } from 'bun:test'
import * as v from 'valibot'
import { ListenTlsSchema } from '#config/listen-tls-schema.ts'
import type { CompileProblem } from '#core/problem.ts'
import { compileListenTls, keysOfTls, type ListenTls } from '#snapshot/listen-tls.ts'
import { authority, expired, forAddress, forElsewhere, forLocalhost } from '../../support/certificates.ts'

const dayMs = 86_400_000
const inTheEndMs = Date.UTC(2120, 0, 1)
const nowWallMs = Date.UTC(2026, 0, 1)

type Section = v.InferInput<typeof ListenTlsSchema>

function compiled(
  section: v.InferInput<typeof ListenTlsSchema> | undefined,
  around: Partial<Parameters<typeof compileListenTls>[1]> = {},
): { readonly tls: ListenTls | undefined; readonly told: readonly string[] } {
  const problems: CompileProblem[] = []
  const settings = section && v.parse(ListenTlsSchema, section)
  const tls = compileListenTls(settings, { hasPort: true, nowWallMs, ...around }, problems)
  return { tls, told: problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`) }
}

test('compileListenTls() knows the names of each certificate, and its end', () => {
  const { tls, told } = compiled({ ...forLocalhost, certificates: [forElsewhere], client_ca: authority })
  expect(told).toEqual([])
  expect(tls?.certificates.map(({ names }) => names)).toEqual([['localhost'], ['elsewhere.test']])
  expect(tls?.certificates[0].untilMs).toBe(inTheEndMs)
  expect(tls?.clientCa).toBe(authority)
  expect(tls?.minVersion).toBe('1.2')
})

test.each([
  { name: 'no section', section: undefined, told: [] },
  { name: 'one that is switched off', section: { ...forLocalhost, enabled: false }, told: [] },
  { name: 'an empty one', section: {}, told: ['note tls: does nothing without "cert" and "key"'] },
  { name: 'empty texts', section: { cert: '', key: '' }, told: ['note tls: does nothing without "cert" and "key"'] },
])('$name: nothing is encrypted', ({ section, told }) => {
  expect(compiled(section)).toEqual({ tls: undefined, told })
})

test.each([
  {
    name: 'a key of another one',
    section: { cert: forLocalhost.cert, key: forElsewhere.key },
    at: 'error tls.key: does not',
  },
  { name: 'a certificate alone', section: { cert: forLocalhost.cert }, at: 'error tls.cert: needs its private key' },
  { name: 'a key alone', section: { key: forLocalhost.key }, at: 'error tls.key: needs its certificate' },
  { name: 'one that is over', section: expired, at: 'error tls.cert: the certificate expired on ' },
  {
    name: 'others without a first',
    section: { certificates: [forLocalhost] },
    at: 'error tls.certificates: needs "tls.cert"',
  },
  {
    name: 'another one without a name',
    section: { ...forLocalhost, certificates: [forAddress] },
    at: 'error tls.certificates.0.cert: the certificate holds no host name',
  },
] as readonly { name: string; section: Section; at: string }[])(
  '$name is refused, and it is told where',
  ({ section, at }) => {
    const { tls, told } = compiled(section)
    expect(tls).toBeUndefined()
    expect(told).toHaveLength(1)
    expect(told[0]).toStartWith(at)
  },
)

test.each([
  { name: '31 days before its end', atMs: inTheEndMs - 31 * dayMs, told: [] },
  {
    name: '30 days before its end',
    atMs: inTheEndMs - 30 * dayMs,
    told: ['warning tls.cert: the certificate expires on 2120-01-01, renew it'],
  },
  {
    name: 'at its end',
    atMs: inTheEndMs,
    told: ['error tls.cert: the certificate expired on 2120-01-01, put a new one there'],
  },
  {
    name: 'before its beginning',
    atMs: Date.UTC(2019, 0, 1),
    told: ['warning tls.cert: the certificate holds from 2020-01-01 on: is the clock of this machine right?'],
  },
  { name: 'by nobody who knows the time', atMs: undefined, told: [] },
])('a certificate that is read $name', ({ atMs, told }) => {
  expect(compiled(forLocalhost, { nowWallMs: atMs }).told).toEqual(told)
})

test('a name that stands in two certificates is told, and the first is shown', () => {
  const { told } = compiled({ ...forLocalhost, certificates: [forLocalhost] })
  expect(told).toEqual([
    'warning tls.certificates.0: "localhost" is in a certificate above already, which is the one that is shown',
  ])
})

test('the digest is another one when anything is, and only then', () => {
  const digestOf = (section: Parameters<typeof compiled>[0]): string | undefined => compiled(section).tls?.digest
  const usual = digestOf(forLocalhost)
  expect(digestOf({ ...forLocalhost })).toBe(usual)
  const others = [
    { ...forLocalhost, min_version: '1.3' as const },
    { ...forLocalhost, client_ca: authority },
    { ...forLocalhost, certificates: [forElsewhere] },
    forElsewhere,
  ].map(digestOf)
  expect(new Set([usual, ...others]).size).toBe(5)
  expect(digestOf({ ...forLocalhost, client_ca: authority, client_auth: 'off' })).toBe(usual)
})

test('I9: keys are secrets that nothing prints', () => {
  const { tls } = compiled(forLocalhost)
  expect(JSON.stringify(tls)).not.toContain('PRIVATE KEY')
  expect(Bun.inspect(tls)).not.toContain('PRIVATE KEY')
  expect(keysOfTls(tls)).toEqual([forLocalhost.key])
})
