import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { authority, expired, forClient, forElsewhere, forLocalhost } from '../support/certificates.ts'
import { startGateway, type GatewayOptions, type RunningGateway } from '../support/gateway.ts'
import { isLinux } from '../support/process.ts'
import { greeting, question } from '../support/sdk.ts'
import { selfSigned } from '../support/tls.ts'
import { askTls } from '../support/tls-client.ts'
import {
  clientKey,
  filesOf,
  first,
  plainTls,
  renew,
  sdkOver,
  second,
  startTls,
  tlsBase,
} from '../support/tls-gateway.ts'
import { startTwo } from '../support/workers.ts'
import { startWebSocketUpstream } from '../support/ws-upstream.ts'

// Processes start slowly on a busy machine.
setDefaultTimeout(20_000)

const base = tlsBase()

async function start(tls: string, options: GatewayOptions = {}): Promise<RunningGateway> {
  return await startTls(base, tls, options)
}

describe('C1301 D72: tls.cert and tls.key', () => {
  test('clients are served over https, and the start says so', async () => {
    await using gateway = await start(plainTls)
    expect(gateway.output()).toMatch(/listening on https:\/\/127\.0\.0\.1:\d+/)
    await gateway.told(/curl https:\/\/127\.0\.0\.1:\d+\/v1/)
    const { shown, text, version } = await askTls(gateway.url)
    expect(shown).toBe(first)
    expect(text).toStartWith('HTTP/1.1 200')
    expect(version).toBe('TLSv1.3')
    expect(gateway.output()).not.toContain('PRIVATE KEY')
  })

  test.each([
    ['${file:…}', 'tls: { cert: "${file:cert.pem}", key: "${file:key.pem}" }'],
    ['a variable that names the file', 'tls: { cert: "${CERT_FILE}", key: ./key.pem }'],
    ['server.tls_cert and server.tls_key', 'server: { tls_cert: cert.pem, tls_key: key.pem }'],
    ['server.tls', 'server: { tls: { cert_file: cert.pem, key_file: key.pem } }'],
    ['PEM', `tls: { cert: ${JSON.stringify(forLocalhost.cert)}, key: ${JSON.stringify(forLocalhost.key)} }`],
  ])('they are written as %s', async (_, tls) => {
    await using gateway = await start(tls, { env: { CERT_FILE: './cert.pem' }, files: filesOf(forLocalhost) })
    expect((await askTls(gateway.url)).shown).toBe(first)
  })

  test('an official client gets an answer and a stream', async () => {
    await using gateway = await start(plainTls)
    const client = sdkOver(gateway)
    const messages = [{ role: 'user' as const, content: question }]
    const whole = await client.chat.completions.create({ model: 'm', messages })
    expect(whole.choices[0]?.message.content).toBe(greeting)
    let said = ''
    for await (const chunk of await client.chat.completions.create({ model: 'm', messages, stream: true })) {
      said += chunk.choices[0]?.delta.content ?? ''
    }
    expect(said).toBe(greeting)
  })

  test('a WebSocket goes through', async () => {
    await using upstream = startWebSocketUpstream()
    await using gateway = await start(
      `${plainTls}\npassthrough: { backends: [{ id: voice, url: "http://127.0.0.1:${upstream.port}", api_key: sk-x }] }`,
    )
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const options = { headers: { authorization: `Bearer ${clientKey}` }, tls: { ca: authority } }
    const url = gateway.url.replace('https:', 'wss:').replace('127.0.0.1', 'localhost')
    const socket = new WebSocket(`${url}/v1/realtime`, options)
    socket.addEventListener('open', () => socket.send('hello over there'))
    socket.addEventListener('message', ({ data }) => resolve(data))
    socket.addEventListener('error', () => reject(new Error('The WebSocket failed')))
    expect(await promise).toBe('hello over there')
    socket.close()
  })

  test('B17: who speaks HTTP without TLS there is cut off, and others are not', async () => {
    await using gateway = await start(plainTls)
    const { hostname, port } = new URL(gateway.url)
    const said = await new Promise<string>((resolve) => {
      let text = ''
      const socket = connectTcp({ host: hostname, port: Number(port) }, () => {
        socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
      })
      socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
      socket.on('error', () => resolve(text))
      socket.on('close', () => resolve(text))
    })
    expect(said).toBe('')
    expect((await askTls(gateway.url)).text).toStartWith('HTTP/1.1 200')
  })

  test('the admin pages that have an address of their own are encrypted too', async () => {
    await using gateway = await start(`${plainTls}\nadmin: { key: sk-admin-key-000001, listen: "127.0.0.1:0" }`)
    const [, url = ''] = await gateway.told(/Admin pages at (https:\/\/\S+)/)
    const request =
      'GET /admin/status HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-admin-key-000001\r\nconnection: close\r\n\r\n'
    expect((await askTls(url.replace('localhost', '127.0.0.1'), { request })).text).toStartWith('HTTP/1.1 200')
  })

  test.skipIf(!isLinux)('a unix socket stays as it was', async () => {
    await using gateway = await startGateway(`listen: "unix:./proxy.sock"\n${base}${plainTls}\n`, {
      files: filesOf(forLocalhost),
      waits: false,
    })
    await gateway.told(/listening on unix:/)
    expect(gateway.output()).toContain('does nothing on a unix socket')
    const answer = await fetch('http://localhost/healthz', { unix: join(gateway.directory, 'proxy.sock') })
    expect(answer.status).toBe(200)
  })

  test('tls.enabled false: the section is as if it were not there', async () => {
    await using gateway = await start('tls: { enabled: false, cert: ./cert.pem, key: ./key.pem }')
    expect(gateway.url).toStartWith('http://')
  })

  test.skipIf(!isLinux)('workers share the port', async () => {
    await using gateway = await startTwo(`${base}${plainTls}`, { files: filesOf(forLocalhost) })
    for (let times = 0; times < 8; times += 1) expect((await askTls(gateway.url)).text).toStartWith('HTTP/1.1 200')
    renew(gateway, selfSigned)
    await gateway.told(/New connections get the new certificate[\s\S]*New connections get the new certificate/)
    for (let times = 0; times < 8; times += 1) expect((await askTls(gateway.url)).shown).toBe(second)
  })
})

describe('C1302: tls.client_ca', () => {
  const section = 'tls: { cert: ./cert.pem, key: ./key.pem, client_ca: ./ca.pem }'
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('only who has a certificate of it gets an answer: %s', async (version) => {
    await using gateway = await start(section)
    const asked = { minVersion: version, maxVersion: version }
    expect((await askTls(gateway.url, { ...asked, ...forClient })).text).toStartWith('HTTP/1.1 200')
    const without = await askTls(gateway.url, asked)
    expect(without.text).toBe('')
    const foreign = await askTls(gateway.url, { ...asked, ...selfSigned })
    expect(foreign.text).toBe('')
  })

  test('tls.client_auth off: nobody is asked for one', async () => {
    await using gateway = await start(section.replace('client_ca', 'client_auth: off, client_ca'))
    expect((await askTls(gateway.url)).text).toStartWith('HTTP/1.1 200')
  })

  test('another certificate by name does not get around it', async () => {
    const more = 'certificates: [{ cert: ./other.pem, key: ./other-key.pem }]'
    await using gateway = await start(section.replace('client_ca', `${more}, client_ca`), {
      files: filesOf(forLocalhost, { 'other.pem': forElsewhere.cert, 'other-key.pem': forElsewhere.key }),
    })
    expect((await askTls(gateway.url, { servername: 'elsewhere.test' })).text).toBe('')
    const { shown, text } = await askTls(gateway.url, { servername: 'elsewhere.test', ...forClient })
    expect(shown).toBe('elsewhere by test authority')
    expect(text).toStartWith('HTTP/1.1 200')
  })
})

describe('tls.certificates', () => {
  test('each of its names gets its own, all others the first', async () => {
    const more = 'certificates: [{ cert: ./other.pem, key: ./other-key.pem }]'
    await using gateway = await start(`tls: { cert: ./cert.pem, key: ./key.pem, ${more} }`, {
      files: filesOf(forLocalhost, { 'other.pem': forElsewhere.cert, 'other-key.pem': forElsewhere.key }),
    })
    const shown = async (servername: string): Promise<string> => (await askTls(gateway.url, { servername })).shown
    expect(await shown('localhost')).toBe(first)
    expect(await shown('elsewhere.test')).toBe('elsewhere by test authority')
    expect(await shown('nobody.test')).toBe(first)
  })
})

describe('C1303: tls.min_version', () => {
  test('"1.3" refuses TLS 1.2, and the default takes it', async () => {
    await using strict = await start('tls: { cert: ./cert.pem, key: ./key.pem, min_version: 1.3 }')
    const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    expect((await askTls(strict.url, old)).error).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    expect((await askTls(strict.url)).version).toBe('TLSv1.3')
    await using usual = await start(plainTls)
    expect((await askTls(usual.url, old)).version).toBe('TLSv1.2')
  })

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0
  test.skipIf(!hasOpenssl)(
    'C1312: openssl agrees, and gets neither TLS 1.1 nor ciphers with CBC and SHA-1',
    async () => {
      await using gateway = await start(plainTls)
      await using strict = await start('tls: { cert: ./cert.pem, key: ./key.pem, min_version: "1.3" }')
      const cipherOf = (url: string, ...flags: string[]): string => {
        const args = ['s_client', '-connect', new URL(url).host, '-servername', 'localhost', ...flags]
        const { stdout } = spawnSync('openssl', args, { input: '', timeout: 5000, encoding: 'utf8' })
        return /Cipher is (\S+)/.exec(stdout)?.[1] ?? 'no connection'
      }
      const any = 'ALL@SECLEVEL=0'
      expect(cipherOf(gateway.url, '-tls1_2')).toMatch(/GCM|CHACHA20/)
      expect(cipherOf(gateway.url, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA@SECLEVEL=0')).toBe('(NONE)')
      expect(cipherOf(gateway.url, '-tls1_1', '-cipher', any)).toBe('(NONE)')
      expect(cipherOf(strict.url, '-tls1_2')).toBe('(NONE)')
      expect(cipherOf(strict.url, '-tls1_3')).toStartWith('TLS_')
    },
  )
})

test.each([
  [
    'a certificate that is over',
    filesOf(expired),
    plainTls,
    /config\.yaml:\d+:\d+ tls\.cert: file ".*cert\.pem": the certificate expired on/,
  ],
  [
    'a key of another one',
    { ...filesOf(forLocalhost), 'key.pem': forElsewhere.key },
    plainTls,
    /tls\.key: file ".*key\.pem": does not belong/,
  ],
  ['a file that is not there', {}, plainTls, /tls\.cert: file ".*cert\.pem" cannot be read: there is none/],
  [
    'no key',
    filesOf(forLocalhost),
    'tls: { cert: ./cert.pem }',
    /tls\.cert: file ".*cert\.pem": needs its private key in "key"/,
  ],
  [
    'a certificate in place of the key',
    filesOf(forLocalhost),
    'tls: { cert: ./cert.pem, key: ./cert.pem }',
    /tls\.key: expected a private key in PEM/,
  ],
  [
    'a client_ca that is none',
    { ...filesOf(forLocalhost), 'ca.pem': 'x' },
    'tls: { cert: ./cert.pem, key: ./key.pem, client_ca: ./ca.pem }',
    /tls\.client_ca: expected a certificate in PEM/,
  ],
])('a start with %s ends with the place and the reason', async (_, files, tls, says) => {
  await using gateway = await startGateway(`${base}${tls}\n`, { files, waits: false })
  expect(await gateway.exited).not.toBe(0)
  expect(gateway.output()).toMatch(says)
  expect(gateway.output()).not.toContain(forLocalhost.key.split('\n')[1] ?? '')
})
