import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expired } from '../support/certificates.ts'
import { tlsOrigin } from '../support/dialing.ts'
import { command, startGateway } from '../support/gateway.ts'
import { closedPort, plainAnswer, rawOrigin } from '../support/raw-origin.ts'

interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

async function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = Bun.spawn([...command, 'doctor', ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { stdout, stderr, code }
}

async function doctorOn(
  yaml: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-doctor-'))
  try {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, yaml, { mode: 0o600 })
    return await doctor(['-config', file, ...args], env)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const key = 'sk-canary-e2e-0123456789abcdef'

function running(port: number): string {
  return `listen: "127.0.0.1:${port}"
proxy_api_key: ${key}
backends: [{ name: a, url: "mock://a" }]
models: { m: { routes: [{ backend: a, model: ok }] } }
`
}

test('a gateway that runs is found, and its streams come through as they are sent', async () => {
  await using gateway = await startGateway(running(await closedPort()))
  const { stdout, stderr, code } = await doctor(['-config', gateway.configFile])
  expect(stdout).toMatch(/\nmachine\n {2}ok {4}llm-proxy \S+ is running on "127\.0\.0\.1:\d+"\n/)
  expect(stdout).toMatch(
    /\nin front http:\/\/127\.0\.0\.1:\d+\n {2}ok {4}llm-proxy \S+ answers\n {2}ok {4}streams come through as they are sent/,
  )
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout).not.toContain(key)
})

test('a proxy in front that collects streams is found out', async () => {
  await using gateway = await startGateway(running(await closedPort()))
  await using front = await collectingProxy(gateway.url)
  const { stdout, code } = await doctor(['-config', gateway.configFile, '--url', front.url])
  expect(stdout).toContain(`\nin front ${front.url}\n`)
  expect(stdout).toContain('fail  streams are buffered on their way: all events came at once, at the end')
  expect(code).toBe(1)
})

test('what is wrong with backends is told with what to do about it, and ends with 1', async () => {
  await using strict = await rawOrigin((peer) => peer.end(plainAnswer('{}', ['Connection: close'], '401 Unauthorized')))
  await using old = await tlsOrigin(expired)
  const { stdout, code } = await doctorOn(`listen: "127.0.0.1:0"
proxy_api_key: ${key}
backends:
  - { name: strict, url: "${strict.url.href}v1", api_key: sk-canary-strict-0123456789 }
  - { name: old, url: "https://localhost:${old.port}/v1" }
  - { name: gone, url: "http://127.0.0.1:${await closedPort()}/v1" }
models: { m: { routes: [{ backend: strict, model: x }, { backend: old, model: x }, { backend: gone, model: x }] } }
`)
  expect(stdout).toMatch(
    /\nbackend strict .*\n {2}ok .*\n {2}fail {2}the key is not accepted \(status 401\) {2}— check "api_key"/,
  )
  expect(stdout).toMatch(
    /\nbackend old .*\n(?: {2}ok .*\n)+ {2}fail {2}TLS: the certificate for expired by .* (?:is not trusted|expired on 2020-02-01)/,
  )
  expect(stdout).toMatch(/\nbackend gone .*\n {2}fail {2}connect to .* {2}— is the server running/)
  expect(stdout).not.toContain('canary')
  expect(code).toBe(1)
})

test('a port that another program has is told', async () => {
  await using other = await rawOrigin((peer) => peer.end(plainAnswer('hello')))
  const { stdout, code } = await doctorOn(running(Number(other.url.port)))
  expect(stdout).toContain(`fail  another program than llm-proxy is on "127.0.0.1:${other.url.port}"  — stop it`)
  expect(code).toBe(1)
})

test('a bundle is for its owner alone, and holds no secret', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-bundle-'))
  try {
    const bundle = join(folder, 'report.txt')
    const env = { OTHER_SECRET: 'canary-of-the-environment-0123' }
    const { stdout, code } = await doctorOn(running(0), ['--bundle', bundle], env)
    expect(code).toBe(0)
    const report = readFileSync(bundle, 'utf8')
    expect(report).toContain('proxy_api_key: "****"')
    expect(`${report}${stdout}`).not.toContain('canary')
    if (process.platform !== 'win32') expect(statSync(bundle).mode & 0o777).toBe(0o600)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a configuration that cannot be read ends with 2', async () => {
  const { stderr, code } = await doctor(['-config', '/none/config.yaml'])
  expect(stderr).toBe('Cannot read "/none/config.yaml": there is no such file\n')
  expect(code).toBe(2)
})

test('--json prints one object', async () => {
  const { stdout, code } = await doctorOn(running(0), ['--json'])
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, sections: [{ findings: [{ level: 'ok' }] }, {}, {}] })
  expect(code).toBe(0)
})

/** A proxy that reads each answer to its end before it passes it on. */
async function collectingProxy(target: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server: Server = createServer((request, response) => {
    void (async () => {
      const headers = { authorization: request.headers.authorization ?? '' }
      const answer = await fetch(`${target}${request.url ?? '/'}`, { headers })
      const bytes = await answer.bytes()
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(bytes)
    })()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Cannot tell the port: the proxy has none')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

test('admin pages with an address of their own are known as ours', async () => {
  const [port, own] = [await closedPort(), await closedPort()]
  const head = `admin: { key: admin-key-0123456789, listen: "127.0.0.1:${own}" }\n`
  await using gateway = await startGateway(`${running(port)}${head}`)
  const { stdout, code } = await doctor(['-config', gateway.configFile])
  expect(stdout).toMatch(new RegExp(`ok    llm-proxy \\S+ is running on "127\\.0\\.0\\.1:${port}"`))
  expect(stdout).toMatch(new RegExp(`ok    llm-proxy \\S+ is running on "127\\.0\\.0\\.1:${own}"`))
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('another program')])
})

test('--url takes the base URL of clients as well', async () => {
  await using gateway = await startGateway(running(await closedPort()))
  for (const end of ['/v1', '/v1/']) {
    const { stdout, code } = await doctor(['-config', gateway.configFile, '--url', `${gateway.url}${end}`])
    expect([code, stdout]).toEqual([0, expect.stringContaining('streams come through as they are sent')])
  }
})
