import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askChat } from '../support/ask.ts'
import { eventually } from '../support/eventually.ts'
import {
  error,
  fin,
  goodAnswer,
  goodEvents,
  goodJson,
  goodStream,
  json,
  play,
  rst,
  said,
  streamed,
  type Script,
} from '../support/fault-origin.ts'
import { expectGoodAccounts, faultLab, recordsOf, within } from '../support/fault-origin-lab.ts'
import { command, startGateway, type RunningGateway } from '../support/gateway.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'
import { chunk, rawOrigin } from '../support/raw-origin.ts'

// F94, F95: hazards.e2e.test.ts; F92: tests/unit/boot/faults.test.ts.

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isWindows = process.platform === 'win32'

function configOf(models: Readonly<Record<string, string>>, more = ''): string {
  const aliases = Object.entries(models).map(
    ([alias, model]) => `  ${alias}: { routes: [{ backend: up, model: "${model}" }] }`,
  )
  return `backends: [{ name: up, url: "mock://up" }]\nmodels:\n${aliases.join('\n')}\n${more}\n`
}

/** The lines of the log file, all of them whole. */
function fileLines(gateway: RunningGateway): readonly Readonly<Record<string, unknown>>[] {
  const folder = join(gateway.directory, 'logs')
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('')
  expect(text).toEndWith('\n')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
}

const toFile = 'logging: { format: json, general_file: ./logs/proxy.log }'

describe.skipIf(isWindows)('the order to stop', () => {
  test('F88: fifty streams are finished, what comes meanwhile is told to go, readiness says so first, and every record is on the disk', async () => {
    await using gateway = await startGateway(configOf({ m: 'tokens=20+gap=50' }, toFile))
    using probe = await rawClient(gateway.url)
    using late = await rawClient(gateway.url)
    const drains = Promise.withResolvers<void>()
    const readiness = probe.send({ path: '/ready', after: drains.promise })
    const refused = late.send({ ...chatRequest('m'), after: drains.promise })
    const clients = await Promise.all(Array.from({ length: 50 }, async () => await rawClient(gateway.url)))
    const streams = clients.map((client) => client.send(chatRequest('m')))
    await Promise.all(streams.map(async (stream) => await stream.begun))
    gateway.signal('SIGTERM')
    await gateway.told(/"event":"shutdown_started".*"in_flight":50/)
    drains.resolve()
    const answers = await Promise.all(streams.map(async (stream) => await stream.ended))
    for (const { status, isWhole, text } of answers) {
      expect([status, isWhole, text.endsWith('data: [DONE]\n\n')]).toEqual([200, true, true])
    }
    expect((await readiness.ended).status).toBe(503)
    const told = await refused.ended
    expect([told.status, told.headers.get('connection'), JSON.parse(told.text).error.code]).toEqual([
      503,
      'close',
      'shutting_down',
    ])
    expect(await rawClient(gateway.url).catch(() => 'refused')).toBe('refused')
    expect(await gateway.exited).toBe(0)
    const lines = fileLines(gateway)
    const finished = lines.filter((line) => line['event'] === 'request_finished')
    expect(new Set(finished.map((line) => line['request_id'])).size).toBe(50)
    expect(lines.at(-1)).toMatchObject({ event: 'shutdown_finished', in_flight: 0 })
    for (const client of clients) client.close()
  })

  test('F89: what does not end in time ends with an error in its stream, is counted, and the exit code is 0', async () => {
    await using gateway = await startGateway(
      configOf({ m: 'tokens=10000+gap=50' }, `${toFile}\nshutdown: { drain_timeout: 500ms }`),
    )
    const clients = await Promise.all([1, 2, 3].map(async () => await rawClient(gateway.url)))
    const streams = clients.map((client) => client.send(chatRequest('m')))
    await Promise.all(streams.map(async (stream) => await stream.begun))
    gateway.signal('SIGTERM')
    for (const stream of streams) {
      const { text, isWhole } = await stream.ended
      expect([/data: \{"error":\{.*"shutting_down".*\}\}\n\n$/.test(text), text.includes('[DONE]'), isWhole]).toEqual([
        true,
        false,
        false,
      ])
    }
    expect(await gateway.exited).toBe(0)
    const lines = fileLines(gateway)
    expect(lines.filter((line) => line['event'] === 'stream_broken' && line['outcome'] === 'shut_down')).toHaveLength(3)
    expect(lines.at(-1)).toMatchObject({ event: 'shutdown_forced', in_flight: 3 })
    for (const client of clients) client.close()
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'F90: a second %s ends it at once, and still tells what was cut',
    async (signal) => {
      await using gateway = await startGateway(configOf({ m: 'tokens=10000+gap=50' }, toFile))
      using client = await rawClient(gateway.url)
      await client.send(chatRequest('m')).begun
      gateway.signal(signal)
      await gateway.told(/shutdown_started/)
      const startedMs = performance.now()
      gateway.signal(signal)
      expect(await gateway.exited).toBe(0)
      expect(performance.now() - startedMs).toBeLessThan(1500)
      expect(
        fileLines(gateway)
          .map((line) => line['event'])
          .slice(-2),
      ).toEqual(['stream_broken', 'shutdown_forced'])
    },
  )
})

describe('a process that is killed', () => {
  test.skipIf(isWindows)(
    'F91: resets its clients, and leaves a log of whole lines and nothing that keeps the next one from starting',
    async () => {
      await using gateway = await startGateway(configOf({ m: 'tokens=10000+gap=20', quick: 'ok' }, toFile))
      using client = await rawClient(gateway.url)
      const stream = client.send(chatRequest('m'))
      await stream.begun
      for (let turn = 0; turn < 20; turn += 1) await askChat(gateway.url, 'quick')
      await Bun.sleep(300)
      gateway.signal('SIGKILL')
      expect((await stream.ended).isWhole).toBe(false)
      await gateway.exited
      expect(fileLines(gateway).filter((line) => line['event'] === 'request_finished')).toHaveLength(20)
      await startAgain(gateway, async () => expect((await askChat(gateway.url, 'quick')).status).toBe(200))
      expect(fileLines(gateway).filter((line) => line['event'] === 'request_finished')).toHaveLength(21)
    },
  )

  test('F91: in the middle of a write loses that line only, no other is glued to it', async () => {
    await using gateway = await startGateway(configOf({ quick: 'ok' }, toFile))
    await askChat(gateway.url, 'quick')
    expect(await gateway.stop()).toBe(0)
    const folder = join(gateway.directory, 'logs')
    const [file = ''] = readdirSync(folder)
    const torn = '{"time":"2026-01-13T09:41:00.000Z","level":"in'
    appendFileSync(join(folder, file), torn)
    await startAgain(gateway, async () => expect((await askChat(gateway.url, 'quick')).status).toBe(200))
    const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n')
    expect(lines.filter((line) => !isJson(line) && line !== torn)).toEqual([])
  })

  test.skipIf(isWindows)(
    'F96: a restart breaks no answer that has begun, and who is refused meanwhile is told to come again',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-restart-'))
      const path = join(folder, 'config.yaml')
      await using first = await startGateway(configOf({ m: 'tokens=5+gap=20' }))
      const { port } = new URL(first.url)
      writeFileSync(path, `listen: "127.0.0.1:${port}"\n${configOf({ m: 'tokens=5+gap=20' })}`)
      const counts = { whole: 0, away: 0, stopping: 0, broken: 0 }
      const over = { now: false }
      const load = Promise.all(
        Array.from({ length: 6 }, async () => {
          while (!over.now) {
            const answer = await rawRequest(first.url, chatRequest('m')).catch(() => undefined)
            if (answer === undefined) counts.away += 1
            else if (answer.status === 503 && answer.headers.get('x-should-retry') === 'true') counts.stopping += 1
            else if (answer.status === 200 && answer.isWhole && answer.text.endsWith('data: [DONE]\n\n'))
              counts.whole += 1
            else counts.broken += 1
            if (answer?.status !== 200) await Bun.sleep(5)
          }
        }),
      )
      await Bun.sleep(300)
      first.signal('SIGTERM')
      await first.told(/Shutting down on SIGTERM/)
      const wholeBefore = counts.whole
      expect(await first.exited).toBe(0)
      await using second = await startGateway('', { args: ['-config', path], hasFile: false })
      await eventually(
        () => counts.whole > wholeBefore + 20,
        () => JSON.stringify(counts),
      )
      over.now = true
      await load
      expect(counts.broken).toBe(0)
      expect(await second.stop()).toBe(0)
      rmSync(folder, { recursive: true })
    },
  )
})

describe('a program that cannot start', () => {
  test('F97: because its port is taken, names the port and what to do, and ends with 1', async () => {
    await using holder = await startGateway(configOf({ m: 'ok' }))
    const { port } = new URL(holder.url)
    await using second = await startGateway(`listen: "127.0.0.1:${port}"\n${configOf({ m: 'ok' })}`, { waits: false })
    expect(await second.exited).toBe(1)
    await second.told(new RegExp(`Cannot listen on "127\\.0\\.0\\.1:${port}": another program has it, .*--port`))
    expect((await askChat(holder.url, 'm')).status).toBe(200)
  })

  test.each([
    {
      name: 'is not there',
      prepare: (file: string) => rmSync(file),
      says: /there is no file ".*config\.yaml"; "llm-proxy init" writes one/,
    },
    { name: 'is a folder', prepare: () => {}, says: /Cannot read ".*": it is a folder/, args: [tmpdir()] },
    {
      name: 'may not be read',
      prepare: (file: string) => chmodSync(file, 0),
      says: /Cannot read ".*config\.yaml"/,
      isForbidden: true,
    },
  ])(
    'F99: because its configuration $name, says so with the path and a hint',
    async ({ prepare, says, args, isForbidden = false }) => {
      // Nothing is forbidden to the superuser.
      if (isForbidden && (isWindows || process.getuid?.() === 0)) return
      const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
      const file = join(folder, 'config.yaml')
      writeFileSync(file, configOf({ m: 'ok' }))
      prepare(file)
      await using gateway = await startGateway('', {
        args: ['-config', args?.[0] ?? file],
        hasFile: false,
        waits: false,
      })
      // 1: it could not start; 2 is for a command line or a configuration that is wrong.
      expect(await gateway.exited).toBe(1)
      await gateway.told(says)
      rmSync(folder, { recursive: true })
    },
  )
})

describe.skipIf(isWindows)('time', () => {
  test.each([
    { zone: 'Pacific/Kiritimati', hours: 14 },
    { zone: 'Pacific/Pago_Pago', hours: -11 },
  ])('F78: the day of a log file is that of $zone', async ({ zone, hours }) => {
    await using gateway = await startGateway(configOf({ m: 'ok' }, 'logging: { general_file: ./logs/proxy.log }'), {
      env: { TZ: zone },
    })
    const days = [0, 2000].map((ms) => new Date(Date.now() + hours * 3_600_000 + ms - 1000).toISOString().slice(0, 10))
    await askChat(gateway.url, 'm')
    const [name] = await eventually(() => {
      const folder = join(gateway.directory, 'logs')
      const names = existsSync(folder) ? readdirSync(folder) : []
      return names.length > 0 && names
    })
    expect(name).toBeOneOf(days.map((day) => `proxy_${day}.log`))
  })

  test('F79: after a sleep, connections that died meanwhile are replaced, and nothing is held against their routes', async () => {
    await using origin = await rawOrigin((peer) => peer.write(goodAnswer))
    await using gateway = await startGateway(`
logging: { format: json }
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    for (let turn = 0; turn < 3; turn += 1) expect((await askChat(gateway.url, 'm')).status).toBe(200)
    gateway.signal('SIGSTOP')
    for (const peer of origin.peers) peer.reset()
    await Bun.sleep(1200)
    gateway.signal('SIGCONT')
    const answers = await Promise.all(Array.from({ length: 5 }, async () => await askChat(gateway.url, 'm')))
    expect(answers.map(({ status, text }) => [status, text])).toEqual(Array.from({ length: 5 }, () => [200, goodJson]))
    expect(gateway.output()).not.toMatch(/route_cooled|attempt_failed/)
  })

  test('F79: a stream that was asleep for longer than its idle limit is whole, or told as broken', async () => {
    await using origin = await rawOrigin((peer) => {
      peer.write(streamed(said('good ')))
      setTimeout(() => peer.write(chunk(goodEvents.slice(said('good ').length)) + chunk('')), 500)
    })
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
streaming: { idle_timeout: 1s }
`)
    using client = await rawClient(gateway.url)
    const stream = client.send(chatRequest('m'))
    await stream.begun
    gateway.signal('SIGSTOP')
    await Bun.sleep(1500)
    gateway.signal('SIGCONT')
    const { text, isWhole } = await stream.ended
    // Which of the two is seen first, the bytes that came or the time that passed, is up to the system.
    if (isWhole) expect(text).toBe(goodEvents)
    else expect(text).toMatch(/^data: .*\n\ndata: \{"error":\{.*"upstream_timeout".*\n\n$/)
    expect((await rawRequest(gateway.url, { path: '/health' })).status).toBe(200)
  })
})

describe('what was taken is given back', () => {
  const endings: Readonly<
    Record<string, { readonly script: Script; readonly stream?: boolean; readonly leaves?: boolean }>
  > = {
    'a good answer': { script: [goodAnswer] },
    'a good stream': { script: [goodStream], stream: true },
    'an error': { script: [error('500 No')] },
    'a head that is none': { script: ['nonsense\r\n\r\n'] },
    'a reset': { script: [rst] },
    silence: { script: [] },
    'a stream that is cut': { script: [streamed(said('x')), 20, fin], stream: true },
    'a stream without its end': { script: [streamed(said('x')) + chunk('')], stream: true },
    'a stream that falls silent': { script: [streamed(said('x'))], stream: true },
    'a client that leaves before the head': { script: [], leaves: true },
    'a client that leaves a stream': { script: [streamed(said('x'))], stream: true, leaves: true },
    'a page instead of an answer': { script: [json('<html>', '200 OK').replace('application/json', 'text/html')] },
    'a compressed body that is none': { script: [json('{"error":', '200 OK', ['Content-Encoding: gzip'])] },
  }

  test('F103: after every ending the only connection of a backend is free for the next request', async () => {
    let script: Script = []
    await using lab = await faultLab(
      {
        one: [async (peer) => await play(peer, script)],
      },
      'timeout: { first_byte: 250ms, idle: 250ms, queue: 4s }\nstreaming: { idle_timeout: 250ms, time_to_first_token: 250ms, heartbeat: 0 }\nfallback: { cooldown_seconds: 0 }',
    )
    lab.gateway.rewrite(
      readFileSync(lab.gateway.configFile, 'utf8').replace('{ name: bad,', '{ name: bad, max_connections: 1,'),
    )
    await lab.gateway.told(/config_reloaded/)
    for (const [name, ending] of Object.entries(endings)) {
      script = ending.script
      const asked = lab.origin.asked('one').length
      const records = recordsOf(lab.gateway).length
      using client = await rawClient(lab.gateway.url)
      const exchange = client.send(chatRequest('one', { stream: ending.stream ?? false }))
      if (ending.leaves === true) {
        await eventually(() => lab.origin.asked('one').length > asked)
        if (ending.stream === true) await exchange.begun
        client.close()
      } else await exchange.ended
      await eventually(
        () => recordsOf(lab.gateway).length === records + 1,
        () => `${name}\n${lab.gateway.output()}`,
      )
      script = [goodAnswer]
      const next = await within(lab.ask('one'), `the request after ${name}`, 3000)
      expect([name, next.answer.status, next.answer.text]).toEqual([name, 200, goodJson])
    }
    await expectGoodAccounts(lab.gateway)
  })

  test.each(['1e400', '-5', '"many"', 'null', '{}', '12345678901234567890'])(
    'F104: usage of %s is passed on as it is and upsets no account',
    async (count) => {
      const usage = `"usage":{"prompt_tokens":${count},"completion_tokens":${count},"total_tokens":${count}}`
      const body = goodJson.replace(/\}$/, `,${usage}}`)
      const events = goodEvents.replace(
        'data: [DONE]',
        `data: {"id":"c","object":"chat.completion.chunk","choices":[],${usage}}\n\ndata: [DONE]`,
      )
      await using lab = await faultLab({ body: [json(body)], stream: [streamed(events) + chunk('')] })
      expect((await lab.ask('body')).answer.text).toBe(body)
      expect((await lab.ask('stream', { stream: true })).answer).toMatchObject({ text: events, isWhole: true })
      expect(JSON.stringify(recordsOf(lab.gateway))).not.toMatch(/NaN|Infinity|null/)
      await expectGoodAccounts(lab.gateway)
    },
  )
})

describe('F105: when every route rests', () => {
  let origin: Awaited<ReturnType<typeof rawOrigin>>
  let isBroken = true

  beforeAll(async () => {
    origin = await rawOrigin((peer) => peer.write(isBroken ? error('503 Busy') : goodAnswer))
  })

  afterAll(async () => {
    await origin.stop()
  })

  async function resting(whenAllCooling: string): Promise<RunningGateway> {
    isBroken = true
    const gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: x, priority: 1 }, { backend: a, model: y, priority: 2 }] } }
fallback: { cooldown_seconds: 2, when_all_cooling: ${whenAllCooling} }
`)
    expect((await askChat(gateway.url, 'm')).status).toBe(503)
    isBroken = false
    return gateway
  }

  test('the client is told when the first of them is back, and nobody is asked', async () => {
    await using gateway = await resting('refuse')
    const before = origin.received.length
    const { status, text, headers } = await askChat(gateway.url, 'm')
    expect([status, JSON.parse(text).error.code, headers.get('x-should-retry')]).toEqual([
      503,
      'no_backend_available',
      'true',
    ])
    expect(Number(headers.get('retry-after'))).toBeWithin(1, 3)
    expect(origin.received.length).toBe(before)
  })

  test('least_bad asks the one that recovers first', async () => {
    await using gateway = await resting('least_bad')
    expect((await askChat(gateway.url, 'm')).text).toBe(goodJson)
    expect(origin.received.at(-1)?.body.toString()).toContain('"model":"x"')
  })

  test('wait waits for it', async () => {
    await using gateway = await resting('wait')
    const startedMs = performance.now()
    expect((await askChat(gateway.url, 'm')).text).toBe(goodJson)
    expect(performance.now() - startedMs).toBeWithin(1000, 5000)
  })
})

/** Starts it once more on the same port and folder, for as long as the work takes. */
async function startAgain(gateway: RunningGateway, work: () => Promise<void>): Promise<void> {
  const { port } = new URL(gateway.url)
  const again = Bun.spawn([...command, '-config', gateway.configFile, '-port', port], {
    cwd: gateway.directory,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
  })
  try {
    let isUp = false
    for (let turn = 0; turn < 200 && !isUp; turn += 1) {
      isUp = await rawRequest(gateway.url, { path: '/health' }).then(
        ({ status }) => status === 200,
        () => false,
      )
      if (!isUp) await Bun.sleep(20)
    }
    await work()
  } finally {
    again.kill('SIGTERM')
    await again.exited
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
