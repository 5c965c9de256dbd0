import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { startGateway } from '../support/gateway.ts'
import { ask, configOf, good, tlsOrigin, transports } from '../support/links.ts'
import { outboundProxy } from '../support/outbound-proxy.ts'
import { rawOrigin, type RawOrigin } from '../support/raw-origin.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isWindows = process.platform === 'win32'

describe.each(transports)('the way out by transport: %s', (transport) => {
  const login = 'user:proxy-pass-0042'
  const expected = `Basic ${Buffer.from(login).toString('base64')}`
  const withLogin = (url: string): string => url.replace('//', `//${login}@`).replace(/\/$/, '')

  test('H18: outbound_proxy.url is asked for what lies outside, a backend may have its own or none', async () => {
    await using proxy = await rawOrigin((peer) => peer.write(good))
    await using other = await rawOrigin((peer) => peer.write(good))
    await using local = await rawOrigin((peer) => peer.write(good))
    const backends = {
      outside: `url: "http://llm.test:8080/v1", transport: ${transport}`,
      local: `url: "${local.url.href}v1", transport: ${transport}`,
      own: `url: "http://llm.test/v1", transport: ${transport}, outbound_proxy: "${withLogin(other.url.href)}"`,
      none: `url: "${local.url.href}v1", transport: ${transport}, outbound_proxy: none`,
    }
    const config = configOf(
      backends,
      `outbound_proxy: { url: "${withLogin(proxy.url.href)}" }\nlogging: { level: debug }`,
    )
    // Where requests go is in the configuration alone.
    const env = { HTTP_PROXY: other.url.href, http_proxy: other.url.href, ALL_PROXY: other.url.href }
    await using gateway = await startGateway(config, { env })
    for (const name of Object.keys(backends)) expect([name, (await ask(gateway, name)).status]).toEqual([name, 200])
    const seenBy = (origin: RawOrigin): unknown[] =>
      origin.received.map((request) => [request.target, request.header('proxy-authorization')])
    expect(seenBy(proxy)).toEqual([['http://llm.test:8080/v1/chat/completions', expected]])
    expect(seenBy(other)).toEqual([['http://llm.test/v1/chat/completions', expected]])
    const direct = ['/v1/chat/completions', undefined]
    expect(seenBy(local)).toEqual([direct, direct])
    for (const secret of ['proxy-pass-0042', expected.slice(6)]) expect(gateway.output()).not.toContain(secret)
  })

  test.skipIf(isWindows)('outbound_proxy.no_proxy names those that are connected to directly', async () => {
    await using proxy = await rawOrigin((peer) => peer.write(good))
    await using origin = await rawOrigin((peer) => peer.write(good))
    // This machine, by an address that does not say so.
    const backend = `url: "http://0.0.0.0:${origin.url.port}/v1", transport: ${transport}`
    for (const [noProxy, direct] of [
      [`"0.0.0.0:1"`, 0],
      [`"0.0.0.0:${origin.url.port}"`, 1],
    ] as const) {
      const section = `outbound_proxy: { url: "${proxy.url.href}", no_proxy: [${noProxy}] }`
      await using gateway = await startGateway(configOf({ m: backend }, section))
      expect([(await ask(gateway)).status, origin.received.length]).toEqual([200, direct])
    }
    expect(proxy.received).toHaveLength(1)
  })

  test('backends[].outbound_proxy is a tunnel for what is encrypted', async () => {
    await using proxy = await outboundProxy()
    await using origin = await tlsOrigin()
    const backend = `url: "${origin.url}", transport: ${transport}, tls: { verify: false }`
    await using gateway = await startGateway(configOf({ m: `${backend}, outbound_proxy: "${withLogin(proxy.url)}"` }))
    expect((await ask(gateway)).status).toBe(200)
    const { host } = new URL(origin.url)
    expect(proxy.heads[0]).toStartWith(`CONNECT ${host} HTTP/1.1\r\n`)
    expect(proxy.heads[0]?.toLowerCase()).toContain(`proxy-authorization: ${expected.toLowerCase()}`)
  })
})
