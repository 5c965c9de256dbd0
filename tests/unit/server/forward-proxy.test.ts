import { describe, expect, test } from 'bun:test'
import { isRefusal } from '#core/refusal.ts'
import type { ConfigInput } from '#config/schema.ts'
import { forwardedTarget } from '#server/forward-proxy.ts'
import { snapshotOf } from '../../support/compiled.ts'

const passthrough: ConfigInput['passthrough'] = {
  backends: [
    { id: 'flow', url: 'https://flow.example.com/flow-llm-proxy' },
    { id: 'plain', url: 'http://10.0.0.7:5000' },
  ],
}

interface Asked {
  readonly host?: string
  readonly path?: string
  /** 0: a unix socket. */
  readonly port?: number
  readonly more?: Readonly<Record<string, string>>
  readonly method?: string
}

/** Where a request leads: a path at a backend, `own`, or the code of a refusal. */
function leadsTo(
  { host, path = '/v1/models', port = 8899, more = {}, method = 'GET' }: Asked,
  settings: ConfigInput['forward_proxy'] = {},
): string {
  const { forwarding } = snapshotOf({ passthrough, forward_proxy: { enabled: true, ...settings } })
  if (forwarding === undefined) return 'no proxy'
  const headers = new Headers({ ...(host !== undefined && { host }), ...more })
  // The platform gives CONNECT, which the Request constructor would not take.
  const request = { method, headers } as unknown as Request
  const connection = { peer: '127.0.0.1', port: port === 0 ? undefined : port, patience() {} }
  const isProbe = path === '/health'
  const forwarded = forwardedTarget(request, connection, { path, query: 'x=1' }, forwarding, isProbe)
  if (isRefusal(forwarded)) return forwarded.code
  return forwarded === undefined ? 'own' : `${forwarded.target.path}?${forwarded.target.query}`
}

describe('forwardedTarget()', () => {
  test.each([
    { host: 'flow.example.com', path: '/flow-llm-proxy/v1/models', goes: '/v1/models?x=1' },
    { host: 'flow.example.com', path: '/v1/models', goes: '/v1/models?x=1' },
    { host: 'Flow.Example.Com.:443', path: '/flow-llm-proxy/v1/models', goes: '/v1/models?x=1' },
    { host: 'flow.example.com', path: '/flow-llm-proxy', goes: '?x=1' },
    { host: 'flow.example.com', path: '/flow-llm-proxy2/v1', goes: '/flow-llm-proxy2/v1?x=1' },
    { host: '10.0.0.7:5000', path: '/v1/models', goes: '/v1/models?x=1' },
    { host: '10.0.0.7', path: '/v1/models', goes: 'foreign_host' },
    { host: 'flow.example.com:8443', path: '/v1/models', goes: 'foreign_host' },
    { host: 'evil.example', path: '/flow-llm-proxy/v1/models', goes: 'foreign_host' },
    { host: 'flow.example.com.evil.example', path: '/v1/models', goes: 'foreign_host' },
    { host: '127.0.0.1:9999', path: '/v1/models', goes: 'foreign_host' },
    { host: 'localhost', path: '/v1/models', goes: 'foreign_host' },
    { host: undefined, path: '/v1/models', goes: 'foreign_host' },
  ])('A51 A53: forward_proxy.enabled: what is asked of $host goes to $goes', ({ host, path, goes }) => {
    expect(leadsTo({ path, ...(host !== undefined && { host }) })).toBe(goes)
  })

  test.each([
    { name: 'who connects directly', asked: { host: '127.0.0.1:8899' } },
    { name: 'by any name, at our port', asked: { host: 'llm-proxy:8899' } },
    { name: 'through itself', asked: { host: 'localhost:8899', more: { 'proxy-connection': 'Keep-Alive' } } },
    { name: 'at the usual port', asked: { host: 'localhost', port: 80 } },
    { name: 'a probe of HTTP/1.0 without a host', asked: { path: '/health' } },
    { name: 'on a unix socket', asked: { host: 'whoever.example', port: 0 } },
  ])('means ourselves: $name', ({ asked }) => {
    expect(leadsTo(asked)).toBe('own')
  })

  test.each([
    { name: 'whose port is ours by chance', host: 'other.example:8899', more: { 'proxy-connection': 'Keep-Alive' } },
    { name: 'who pays at the door', host: 'other.example:8899', more: { 'proxy-authorization': 'Basic eDp5' } },
  ])('means somebody else: $name', ({ host, more }) => {
    expect(leadsTo({ host, more })).toBe('foreign_host')
  })

  test.each([
    { host: 'llm.example.com', goes: 'own' },
    { host: 'LLM.example.com:443', goes: 'own' },
    { host: 'gateway.test:8443', goes: 'own' },
    { host: 'gateway.test', goes: 'foreign_host' },
  ])('forward_proxy.own_hosts are names of our own: $host: $goes', ({ host, goes }) => {
    expect(leadsTo({ host }, { own_hosts: ['llm.Example.com', 'gateway.test:8443'] })).toBe(goes)
  })

  test('A52: a tunnel is refused, whatever its target', () => {
    expect(leadsTo({ method: 'CONNECT', host: 'flow.example.com:443' })).toBe('method_not_allowed')
  })

  test('without passthrough every other host is refused', () => {
    const { forwarding } = snapshotOf({ forward_proxy: { enabled: true } })
    expect(forwarding?.wayTo('flow.example.com', '/')).toBeUndefined()
    expect(snapshotOf({ passthrough }).forwarding).toBeUndefined()
  })

  test('our own names at our own port are ours, also where a backend is called so for want of a name', () => {
    const sock = { backends: [{ id: 's', url: 'http://localhost/api', unix_socket: '/run/s.sock' }] }
    const policy = snapshotOf({ passthrough: sock, forward_proxy: { enabled: true } }).forwarding
    const leads = (port: number | undefined): string => {
      if (policy === undefined) return 'no proxy'
      const request = new Request('http://x', { headers: { host: 'localhost' } })
      const at = { path: '/api/x', query: '' }
      const forwarded = forwardedTarget(request, { peer: undefined, port, patience() {} }, at, policy, false)
      return isRefusal(forwarded) ? forwarded.code : (forwarded?.target.path ?? 'own')
    }
    expect([leads(undefined), leads(80), leads(8080)]).toEqual(['own', 'own', '/x'])
  })

  test.each([
    { path: '/a/v1/models', ids: ['p'], rest: '/v1/models' },
    { path: '/a/b/v1/models', ids: ['r'], rest: '/v1/models' },
    { path: '/a/bc', ids: ['p'], rest: '/bc' },
    { path: '/v1/models', ids: ['p', 'q', 'r'], rest: '/v1/models' },
  ])('A51: of several backends of one host $path is for $ids', ({ path, ids, rest }) => {
    const ofOneHost = ['/a', '/b', '/a/b'].map((base, at) => ({ id: 'pqr'.charAt(at), url: `http://flow.test${base}` }))
    const other = { id: 'z', url: 'http://other.test' }
    const { forwarding } = snapshotOf({
      passthrough: { backends: [...ofOneHost, other] },
      forward_proxy: { enabled: true },
    })
    const way = forwarding?.wayTo('flow.test', path)
    expect(way?.plan.tiers.flatMap(({ candidates }) => candidates.map(({ entry }) => entry?.id))).toEqual([...ids])
    expect(path.slice(way?.base.length)).toBe(rest)
    expect(way?.plan.alias).toMatch(/^passthrough@flow\.test:80/)
    expect(way?.plan.tiers.map(({ alias }) => alias)).toEqual([way?.plan.alias ?? ''])
  })
})
