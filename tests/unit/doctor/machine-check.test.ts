import { expect, test } from 'bun:test'
import { checkMachine, judgeClocks } from '#doctor/machine-check.ts'
import { checkListener } from '#doctor/listener-check.ts'
import { systemMachine } from '#doctor/machine.ts'
import { parseListen } from '#snapshot/listen.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { snapshotOf } from '../../support/compiled.ts'
import { linesOf, machineOf, portsOf } from '../../support/doctor.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { closedPort, plainAnswer, rawOrigin } from '../../support/raw-origin.ts'

const clock = new FakeClock()
const gigabyte = 1024 ** 3

async function linesFor(
  overrides: Parameters<typeof machineOf>[0],
  env: Readonly<Record<string, string>> = {},
  logging: Parameters<typeof snapshotOf>[0]['logging'] = {},
): Promise<string[]> {
  return linesOf(await checkMachine({ machine: machineOf(overrides), clock }, snapshotOf({ logging }), env))
}

test('checkMachine() finds nothing wrong with a good machine', async () => {
  expect(await linesFor({})).toEqual([
    'ok open files: 65536 at once',
    'ok memory: 8.0 GB, no limit of its own',
    'ok time zone: Europe/Berlin, in which log lines and their files are dated',
  ])
})

test.each([
  {
    name: 'few open files',
    machine: { openFilesMax: async () => await Promise.resolve(1024) },
    says: /^warn open files: only 1024 at once — .*"LimitNOFILE=65536" in the systemd unit/,
  },
  {
    name: 'a tight memory limit',
    machine: { memoryMax: () => 128 * 1024 ** 2 },
    says: /^warn memory: limited to 128 MB — give /,
  },
  {
    name: 'a fair memory limit',
    machine: { memoryMax: () => gigabyte },
    says: /^ok memory: limited to 1\.0 GB$/,
  },
  {
    name: 'a time zone that nobody knows',
    machine: { timeZone: () => 'UTC' },
    env: { TZ: 'Europe/Berlyn' },
    says: /^warn time zone: "Europe\/Berlyn" of TZ is not known, so logs are in UTC — /,
  },
  {
    name: 'D79: a time zone of the configuration',
    machine: { timeZone: () => 'UTC' },
    env: { TZ: 'Europe/Berlyn' },
    logging: { timezone: 'Asia/Shanghai' },
    says: /^ok time zone: Asia\/Shanghai, by "logging\.timezone"/,
  },
  {
    name: 'a full disk',
    machine: {
      disk: async (folder: string) => await Promise.resolve({ folder, freeBytes: gigabyte / 2, isWritable: true }),
    },
    logging: { general_file: '/var/log/llm/p.log' },
    says: /^warn disk: only 512 MB are free for \/var\/log\/llm — remove old logs/,
  },
  {
    name: 'a disk that cannot be written to',
    machine: { disk: async () => await Promise.resolve({ folder: '/var', freeBytes: gigabyte, isWritable: false }) },
    logging: { general_file: '/var/log/llm/p.log' },
    says: /^fail disk: \/var cannot be written to, .* — .*"logging\.general_file"$/,
  },
  {
    name: 'a folder on no disk at all',
    machine: { disk: async () => await Promise.resolve(undefined) },
    logging: { separate_files: true, request_dir: 'Q:/x' },
    says: /^fail disk: there is no place for Q:\/x — correct "logging\.request_dir"$/,
  },
  {
    name: 'a variable that loads code',
    env: { BUN_OPTIONS: '--preload=x' },
    says: /^warn BUN_OPTIONS is set, and can change what the program does — unset it for the service$/,
  },
  {
    name: 'a proxy that is not used',
    env: { https_proxy: 'http://user:pass@proxy:1' },
    says: /^warn https_proxy is set, and has no effect — unset it, or write "outbound_proxy: \{ url: '\$\{https_proxy\}' \}"/,
  },
  {
    name: 'certificates that are not verified elsewhere',
    env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    says: /^warn NODE_TLS_REJECT_UNAUTHORIZED is set, and has no effect — /,
  },
  {
    name: 'authorities from outside',
    env: { NODE_EXTRA_CA_CERTS: '/x.pem' },
    says: /^warn NODE_EXTRA_CA_CERTS is set, and changes which certificates are trusted/,
  },
])('checkMachine() tells of $name', async ({ machine = {}, env = {}, logging = {}, says }) => {
  expect(await linesFor(machine, env, logging)).toContainEqual(expect.stringMatching(says))
})

test('each variable of the environment is told once, and for what it is', async () => {
  const env = {
    NODE_EXTRA_CA_CERTS: '/a.pem',
    SSL_CERT_FILE: '/b.pem',
    SSL_CERT_DIR: '/c',
    NODE_OPTIONS: '--x',
    HTTPS_PROXY: 'http://p:1',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    HOME: '/root',
  }
  const trusting =
    'is set, and changes which certificates are trusted for every backend — name the authority in "tls.ca" of the backends that need it, and unset the variable'
  expect((await linesFor({}, env)).slice(2, -1)).toEqual([
    `warn NODE_EXTRA_CA_CERTS ${trusting}`,
    `warn SSL_CERT_FILE ${trusting}`,
    `warn SSL_CERT_DIR ${trusting}`,
    'warn NODE_OPTIONS is set, and can change what the program does — unset it for the service',
    'warn HTTPS_PROXY is set, and has no effect — unset it, or write "outbound_proxy: { url: \'${HTTPS_PROXY}\' }" if requests are to go through it',
    'warn NODE_TLS_REJECT_UNAUTHORIZED is set, and has no effect — unset it, or use "tls" of the backend',
  ])
})

test.each<{ name: string; clocks: readonly number[]; says: string[] }>([
  { name: 'none', clocks: [], says: [] },
  { name: 'one that agrees', clocks: [700], says: ['ok the clock agrees with that of b0'] },
  { name: 'one that nearly agrees', clocks: [-20_000], says: ['ok the clock agrees with that of b0 (20 s apart)'] },
  { name: 'one of two that agrees', clocks: [400_000, 100], says: ['ok the clock agrees with that of b1'] },
  {
    name: 'one that is behind',
    clocks: [40_000],
    says: [expect.stringMatching(/^warn the clock is 40 s ahead of that of b0 — .*NTP/)],
  },
  {
    name: 'two far ahead',
    clocks: [-900_000, -400_000],
    says: [expect.stringMatching(/^fail the clock is 400 s behind that of b1 — /)],
  },
])('judgeClocks() with $name', ({ clocks, says }) => {
  expect(linesOf(judgeClocks(clocks.map((aheadMs, index) => ({ backend: `b${index}`, aheadMs }))))).toEqual(says)
})

test('checkListener() knows its own kind, others, and nobody', async () => {
  const ports = portsOf({ machine: systemMachine })
  const told = async (text: string): Promise<string> => {
    const address = parseListen(text)
    if (address === undefined) throw new Error(text)
    return linesOf([(await checkListener(ports, address)).finding])[0] ?? ''
  }
  await using own = await rawOrigin((peer) => peer.end(plainAnswer('{"service":"llm-proxy","version":"9.9"}')))
  await using other = await rawOrigin((peer) => peer.end(plainAnswer('{}')))
  const free = await closedPort()
  expect(await told(`127.0.0.1:${own.url.port}`)).toBe(`ok llm-proxy 9.9 is running on "127.0.0.1:${own.url.port}"`)
  expect(await told(`127.0.0.1:${other.url.port}`)).toMatch(/^fail another program than llm-proxy is on /)
  expect(await told(`:${free}`)).toBe(`ok ":${free}" is free, nobody listens there now`)
  expect(await told(':0')).toBe('ok ":0" takes whatever port is free')
})

test('checkListener() tells why an address cannot be had', async () => {
  const fault = Object.assign(new Error('no'), { code: 'EACCES' })
  const ports = portsOf({ machine: machineOf({ listenFault: async () => await Promise.resolve(fault) }) })
  const { finding } = await checkListener(ports, { kind: 'tcp', host: '127.0.0.1', port: await closedPort() })
  expect(linesOf([finding])[0]).toMatch(/^fail Cannot listen on "127\.0\.0\.1:\d+": this user may not use it/)
})

test.skipIf(process.platform === 'win32')('checkListener() looks at unix sockets, too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-doctor-'))
  try {
    const path = join(folder, 'p.sock')
    const ports = portsOf({ machine: systemMachine })
    const free = await checkListener(ports, { kind: 'unix', path })
    expect(linesOf([free.finding])).toEqual([`ok "unix:${path}" is free, nobody listens there now`])
    await using own = await rawOrigin((peer) => peer.end(plainAnswer('{"service":"llm-proxy","version":"9.9"}')), {
      unixPath: path,
    })
    expect(own.connections).toBe(0)
    const taken = await checkListener(ports, { kind: 'unix', path })
    expect(linesOf([taken.finding])).toEqual([`ok llm-proxy 9.9 is running on "unix:${path}"`])
    const lost = await checkListener(ports, { kind: 'unix', path: join(folder, 'none', 'p.sock') })
    expect(lost.finding.level).toBe('fail')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.skipIf(process.platform === 'win32')('checkListener() tells where a relative path leads', async () => {
  const { finding } = await checkListener(portsOf(), { kind: 'unix', path: 'none/p.sock' })
  expect(linesOf([finding])).toEqual([
    `warn "unix:${process.cwd()}/none/p.sock" is free, nobody listens there now, seen from this folder — the service may run in another one: write the path in "listen" from its root on`,
  ])
})

test('systemMachine tells what this machine has', async () => {
  const disk = await systemMachine.disk(join(tmpdir(), 'not', 'there'))
  expect(disk?.folder).toBe(tmpdir())
  expect(disk?.isWritable).toBe(true)
  expect(disk?.freeBytes).toBeGreaterThan(0)
  if (process.platform === 'linux') expect(await systemMachine.openFilesMax()).toBeGreaterThan(0)
  expect(systemMachine.timeZone()).not.toBe('')
})
