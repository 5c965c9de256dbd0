import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { isLinux } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'
import { allServe, askOnce, freePort, isAlive, manyTimes, pidsOf, startTwo, workersLab } from '../support/workers.ts'

setDefaultTimeout(20_000)

const lab = workersLab()

/** Starts two workers by a configuration that comes through a pipe, after something was done to the process that reads. */
async function startFromPipe(before: (starting: RunningGateway) => void): Promise<RunningGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  const pipe = join(directory, 'config.yaml')
  execFileSync('mkfifo', [pipe])
  const gateway = await startGateway('', { hasFile: false, args: ['-config', pipe], waits: false })
  // Opens when there is a reader.
  const handle = await open(pipe, 'w')
  before(gateway)
  await handle.write(
    `listen: "127.0.0.1:0"\nserver: { workers: 2 }\nbackends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }\n`,
  )
  await handle.close()
  await gateway.exited
  rmSync(directory, { recursive: true })
  return gateway
}

describe.skipIf(!isLinux)('several workers', () => {
  test('A68 server.workers: all of them take connections of one port, and tell who they are', async () => {
    const yaml = `proxy_api_key: sk-client-key-0001\nadmin: { key: sk-admin-key-000001 }\nbackends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startTwo(yaml)
    const places = new Set<string>()
    for (let times = 0; times < manyTimes; times += 1) {
      const headers = { authorization: 'Bearer sk-admin-key-000001' }
      const { status, text } = await rawRequest(gateway.url, { path: '/admin/status', headers })
      expect(status).toBe(200)
      places.add(JSON.stringify(JSON.parse(text).worker))
    }
    expect([...places].toSorted()).toEqual(['{"number":1,"of":2}', '{"number":2,"of":2}'])
    expect(gateway.output().match(/LLM Proxy .* started, listening/g)).toHaveLength(1)
    expect(gateway.output().match(/Try it:/g)).toHaveLength(1)
  })

  test('A68 A41: --num-workers is the same, auto is one for each processor', async () => {
    const yaml = `backends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startGateway(yaml, { args: ['--num-workers', '3'] })
    await allServe(gateway, 3)
    await using auto = await startGateway(`server: { workers: auto }\n${yaml}`)
    const [, count] = await auto.told(/Worker 1 of (\d+) serves/)
    expect(Number(count)).toBeGreaterThan(0)
  })

  test.each([
    { by: 'whoever started them', also: false },
    { by: 'the system as well, as systemd does', also: true },
  ])('a request that runs when all are told to stop by $by is finished, and nobody is left', async ({ also }) => {
    const yaml = `backends: [{ name: up, url: "mock://up" }]\nmodels: { short: { routes: [{ backend: up, model: "tokens=12+gap=50" }] } }`
    await using gateway = await startTwo(yaml)
    const clients = await Promise.all(Array.from({ length: 8 }, async () => await rawClient(gateway.url)))
    const streams = clients.map((client) => client.send(chatRequest('short')))
    await Promise.all(streams.map(async ({ begun }) => await begun))
    gateway.signal('SIGINT')
    if (also) for (const pid of pidsOf(gateway)) process.kill(pid, 'SIGTERM')
    for (const { ended } of streams) expect((await ended).text).toEndWith('data: [DONE]\n\n')
    expect(await gateway.exited).toBe(0)
    expect(pidsOf(gateway).filter(isAlive)).toEqual([])
    for (const client of clients) client.close()
  })

  test('when whoever started them is killed, they end too', async () => {
    const yaml = `backends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startTwo(yaml)
    const pids = pidsOf(gateway)
    expect(pids.filter(isAlive)).toHaveLength(2)
    gateway.signal('SIGKILL')
    await eventually(() => pids.filter(isAlive).length === 0)
  })

  test('a reload reaches all of them and is told once', async () => {
    const yaml = (alias: string): string =>
      `listen: "127.0.0.1:0"\nserver: { workers: 2 }\nbackends: [${lab.backend('good')}]\nmodels: { ${alias}: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startTwo(yaml('m').replace(/^.*\n.*\n/, ''))
    gateway.rewrite(yaml('n'))
    gateway.signal('SIGHUP')
    await gateway.told(/alias n added/)
    await Bun.sleep(200)
    for (let times = 0; times < manyTimes; times += 1) expect((await askOnce(gateway, 'n')).status).toBe(200)
    expect(gateway.output().match(/alias n added/g)).toHaveLength(1)
    gateway.rewrite(yaml('n').replace('workers: 2', 'workers: 3'))
    await gateway.told(/Changes to server\.workers need a restart/)
  })

  test('B118: their lines go whole into one log, also where its file is full and a next one begins', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-logs-'))
    const logging = `logging: { general_file: ${directory}/proxy.log, max_file_size_mb: 1, level: info }`
    const yaml = `${logging}\nbackends: [{ name: up, url: "mock://up" }]\nmodels: { m: { routes: [{ backend: up, model: ok }] } }`
    const total = 6000
    {
      await using gateway = await startTwo(yaml)
      const clients = await Promise.all(Array.from({ length: 20 }, async () => await rawClient(gateway.url)))
      await Promise.all(
        clients.map(async (client) => {
          for (let times = 0; times < total / 20; times += 1) {
            expect((await client.send(chatRequest('m', { stream: false })).ended).status).toBe(200)
          }
          client.close()
        }),
      )
      expect(await gateway.stop()).toBe(0)
    }
    const names = readdirSync(directory)
    expect(names.length).toBeGreaterThan(1)
    const lines = names.flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    expect(lines.filter((line) => !/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \[(?:INFO|WARN)\] /.test(line))).toEqual([])
    const finished = lines.flatMap(
      (line) => /\[(req_[0-9a-f]{24})\] Request finished: .* status=200/.exec(line)?.[1] ?? [],
    )
    expect([finished.length, new Set(finished).size]).toEqual([total, total])
    rmSync(directory, { recursive: true })
  })

  test('A68: an order to stop that comes while the configuration is read ends it at once', async () => {
    await using gateway = await startFromPipe((starting) => starting.signal('SIGTERM'))
    expect(await gateway.exited).toBe(0)
    expect(gateway.output()).not.toContain('serves')
  })

  test('A68: a worker that takes the place of a dead one serves as the others do, whatever the file says by now', async () => {
    const more = `backends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    const port = freePort()
    const yaml = `listen: ":${port}"\nproxy_api_key: sk-client-key-0001\nserver: { workers: 2 }\n${more}`
    await using gateway = await startGateway(yaml)
    await allServe(gateway, 2)
    const replaced = async (served: number): Promise<void> => {
      process.kill(pidsOf(gateway).at(-1) ?? 0, 'SIGKILL')
      await eventually(
        () => pidsOf(gateway).length === served,
        () => gateway.output(),
      )
      const statuses = new Set<number>()
      for (let times = 0; times < manyTimes; times += 1) statuses.add((await askOnce(gateway)).status)
      expect([...statuses]).toEqual([401])
    }
    gateway.rewrite(`listen: ":${port}"\nserver: { workers: 2 }\n${more}`)
    gateway.signal('SIGHUP')
    await gateway.told(/Configuration .*(?:rejected|refused|not used)|without "proxy_api_key"/)
    await replaced(3)
    gateway.rewrite('backends: [')
    await replaced(4)
    gateway.rewrite(yaml.replace(`:${port}`, `127.0.0.1:${freePort()}`))
    await gateway.told(/Changes to listen need a restart/)
    await replaced(5)
    expect(gateway.output()).not.toContain('cannot start')
    expect(await gateway.stop()).toBe(0)
  })

  test('A68: whoever is frozen does not hold the others for ever', async () => {
    const yaml = `shutdown: { drain_timeout: 1s }\nbackends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startTwo(yaml)
    process.kill(pidsOf(gateway).at(-1) ?? 0, 'SIGSTOP')
    expect(await gateway.stop()).toBe(0)
    expect(gateway.output()).toMatch(/Worker \d does not end by itself and is killed/)
    expect(pidsOf(gateway).filter(isAlive)).toEqual([])
  })

  test('A68: several workers cannot read what can be read once only', async () => {
    await using gateway = await startFromPipe(() => {})
    expect(await gateway.exited).toBe(1)
    expect(gateway.output()).toMatch(/Cannot start several workers: .* it can be read once only/)
  })

  test('a unix socket cannot be shared', async () => {
    const yaml = `listen: "unix:/tmp/llm-proxy-nowhere.sock"\nserver: { workers: 2 }\nbackends: [${lab.backend('good')}]\nmodels: { m: { routes: [{ backend: good, model: x }] } }`
    await using gateway = await startGateway(yaml, { waits: false })
    expect(await gateway.exited).toBe(1)
    expect(gateway.output()).toContain('server.workers: a unix socket belongs to one process')
  })
})
