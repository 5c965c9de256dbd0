import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway } from '../support/gateway.ts'
import { ask, configOf, tlsOrigin, transports, type TlsOrigin } from '../support/links.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { selfSigned } from '../support/tls.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

describe.each(transports)('TLS by transport: %s', (transport) => {
  /** Status of one answer for each of these `tls` sections, by name. */
  async function statusesOf(
    origin: TlsOrigin,
    sections: Readonly<Record<string, string>>,
  ): Promise<Record<string, number>> {
    const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-tls-'))
    for (const [name, pem] of Object.entries(selfSigned)) {
      writeFileSync(join(directory, `${name}.pem`), pem, { mode: 0o600 })
    }
    const backends = Object.fromEntries(
      Object.entries(sections).map(([name, section]) => {
        const tls = section.replaceAll(/file:(\w+)/g, (_, file: string) => `"\${file:${join(directory, file)}.pem}"`)
        return [name, `url: "${origin.url}", transport: ${transport}, ${tls}`]
      }),
    )
    await using gateway = await startGateway(configOf(backends))
    const statuses: Record<string, number> = {}
    for (const name of Object.keys(sections)) statuses[name] = (await ask(gateway, name)).status
    expect(gateway.output()).not.toContain('PRIVATE KEY')
    rmSync(directory, { recursive: true })
    return statuses
  }

  test('F5: tls.verify false takes a certificate that nobody signed, tls.ca trusts just its signer', async () => {
    await using origin = await tlsOrigin()
    const sections = {
      strict: 'weight: 1',
      lax: 'tls: { verify: false }',
      older: 'tls_verify: false',
      trusting: 'tls: { ca: file:cert }',
    }
    const statuses = await statusesOf(origin, sections)
    expect(statuses).toEqual({ strict: 502, lax: 200, older: 200, trusting: 200 })
  })

  test('tls.cert and tls.key are shown to a backend that asks for them', async () => {
    await using origin = await tlsOrigin({ requestCert: true, rejectUnauthorized: true, ca: selfSigned.cert })
    const sections = {
      without: 'tls: { ca: file:cert }',
      with: 'tls: { ca: file:cert, cert: file:cert, key: file:key }',
    }
    expect(await statusesOf(origin, sections)).toEqual({ without: 502, with: 200 })
  })

  test('tls.server_name is asked for and must be in the certificate', async () => {
    await using origin = await tlsOrigin()
    const sections = {
      right: 'tls: { ca: file:cert, server_name: localhost }',
      wrong: 'tls: { ca: file:cert, server_name: other.test }',
    }
    expect(await statusesOf(origin, sections)).toEqual({ right: 200, wrong: 502 })
    expect(origin.names).toContain('localhost')
  })

  test('tls.min_version refuses backends that speak only older versions', async () => {
    await using old = await tlsOrigin({ maxVersion: 'TLSv1.2' })
    const sections = {
      default: 'tls: { ca: file:cert }',
      newer: 'tls: { ca: file:cert, min_version: "1.3" }',
    }
    expect(await statusesOf(old, sections)).toEqual({ default: 200, newer: 502 })
    await using modern = await tlsOrigin()
    expect(await statusesOf(modern, sections)).toEqual({ default: 200, newer: 200 })
    expect(old.versions).toEqual(['TLSv1.2'])
  })
})

test.each(['timeout', 'backends[].timeout'])(
  'F4: %s.tls ends a TLS connection that never comes about',
  async (place) => {
    await using origin = await rawOrigin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
    const limit = 'timeout: { tls: 310ms }'
    const isOwn = place !== 'timeout'
    const backend = `url: "${origin.url.href.replace('http:', 'https:')}v1"${isOwn ? `, ${limit}` : ''}`
    await using gateway = await startGateway(configOf({ m: backend }, isOwn ? '' : limit))
    const answer = await ask(gateway)
    expect([answer.status, answer.text.includes('310 ms')]).toEqual([504, true])
  },
)
