import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { goodAnswer, goodEvents, goodJson, json, said, streamed, type Script } from '../support/fault-origin.ts'
import { expectGoodAccounts, faultLab, recordsOf, within, type FaultLab } from '../support/fault-origin-lab.ts'
import { command, startGateway } from '../support/gateway.ts'
import { isLinux, openFiles, residentBytes } from '../support/process.ts'
import { chatRequest, rawRequest } from '../support/raw-client.ts'
import { chunk, chunkedHead, rawOrigin, type RawPeer } from '../support/raw-origin.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isLong = process.env['LLM_PROXY_LONG'] !== undefined

/** The end of one connection reaches the other within this; the promise is 200 ms on a machine with time. */
const promptMs = isLong ? 200 : 1000

/** A request as bytes. */
function requestBytes(model: string, extra: Readonly<Record<string, unknown>> = {}): string {
  const { body = '' } = chatRequest(model, extra)
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** A socket that keeps what it gets, and half of which may be closed. */
async function openSocket(gateway: { readonly url: string }): Promise<{ socket: Socket; got: () => string }> {
  const { hostname, port } = new URL(gateway.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  let text = ''
  socket.on('data', (bytes) => (text += bytes.toString('latin1')))
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => void socket.once('connect', resolve).once('error', reject))
  return { socket, got: () => text }
}

describe('a client that goes', () => {
  /** Where its request is when it does: what the upstream has done so far, and whether the client has bytes. */
  const phases: Readonly<
    Record<string, { readonly script: Script; readonly hasBytes: boolean; readonly stream: boolean }>
  > = {
    'F43: before the head of a stream': { script: [], hasBytes: false, stream: true },
    'F43: before the head of an answer': { script: [], hasBytes: false, stream: false },
    'F43: before the first content of a stream': {
      script: [streamed('data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n')],
      hasBytes: false,
      stream: true,
    },
    'F44: in the middle of a stream': { script: [streamed(said('hello'))], hasBytes: true, stream: true },
    'F44: in the middle of an answer': {
      script: [chunkedHead('application/json') + chunk(`{"x":"${'x'.repeat(40_000)}`)],
      hasBytes: true,
      stream: false,
    },
    'F38: in a stream whose usage is still to come': {
      script: [streamed(said('one'), said('two'), said('three'))],
      hasBytes: true,
      stream: true,
    },
  }
  const ways: Readonly<Record<string, (socket: Socket) => void>> = {
    'closes its socket at once': (socket) => void socket.destroy(),
    // By then it is known to be slow, and the gateway listens for it.
    'closes its socket after a while': (socket) => void setTimeout(() => socket.destroy(), 80),
    'resets it': (socket) => void socket.resetAndDestroy(),
    'F45: closes its half of it': (socket) => void socket.end(),
  }
  const cases = Object.keys(phases).flatMap((phase) => Object.keys(ways).map((way) => ({ phase, way })))
  let lab: FaultLab

  beforeAll(async () => {
    const faults = Object.fromEntries(cases.map(({ phase, way }) => [`${phase} ${way}`, phases[phase]?.script ?? []]))
    lab = await faultLab(faults)
  })

  afterAll(async () => {
    await expectGoodAccounts(lab.gateway)
    await lab[Symbol.asyncDispose]()
  })

  test.each(cases)(
    '$phase $way takes its upstream request with it, and is nobody’s failure',
    async ({ phase, way }) => {
      const model = `${phase} ${way}`
      const { socket, got } = await openSocket(lab.gateway)
      socket.write(requestBytes(`${model} 2nd`, { stream: phases[phase]?.stream }))
      const peer = await eventually(() => lab.origin.asked(`${model} 2nd`)[0])
      if (phases[phase]?.hasBytes === true)
        await eventually(() => got().includes('\r\n\r\n') && got().split('\r\n\r\n')[1] !== '')
      const before = recordsOf(lab.gateway).length
      ways[way]?.(socket)
      await within(peer.gone, 'the end of the upstream connection', promptMs)
      const [record, ...others] = await eventually(() => {
        const later = recordsOf(lab.gateway).slice(before)
        return later.length > 0 && later
      })
      expect(others).toEqual([])
      expect(record).toMatchObject({
        event: 'client_closed',
        attempts: 1,
        status: phases[phase]?.hasBytes === true ? 200 : 499,
      })
      socket.destroy()
      // Neither the next route nor a rest: the upstream did nothing wrong.
      expect(lab.second.raw.received).toEqual([])
      expect([lab.lines('route_cooled'), lab.lines('attempt_failed')]).toEqual([[], []])
    },
  )

  test.each([
    { name: 'before the head', script: [] },
    { name: 'in the middle of a stream', script: [streamed(said('hello'))] },
  ] satisfies { name: string; script: Script }[])(
    'F43, F44: $name gives its place back at once',
    async ({ script }) => {
      let turn = 0
      await using origin = await rawOrigin((peer) => {
        turn += 1
        for (const step of turn === 1 ? script : [goodAnswer]) peer.write(step)
      })
      await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1", max_connections: 1 }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { queue: 5s }
`)
      const { socket } = await openSocket(gateway)
      socket.write(requestBytes('m'))
      await origin.arrived(1)
      const waiting = rawRequest(gateway.url, chatRequest('m', { stream: false }))
      const startedMs = performance.now()
      socket.destroy()
      expect((await waiting).text).toBe(goodJson)
      expect(performance.now() - startedMs).toBeLessThan(2000)
    },
  )

  test('F38: with on_disconnect: finish the upstream is read to its end, within bounds', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => {
      peers.push(peer)
      peer.write(streamed(said('one')))
    })
    await using gateway = await startGateway(`
logging: { format: json }
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
streaming: { on_disconnect: finish }
`)
    const { socket, got } = await openSocket(gateway)
    socket.write(requestBytes('m'))
    await eventually(() => got().includes('one'))
    socket.destroy()
    const gone = peers[0]?.gone.then(() => 'gone')
    expect(await Promise.race([gone, Bun.sleep(400).then(() => 'open')])).toBe('open')
    peers[0]?.write(chunk(goodEvents) + chunk(''))
    const record = await eventually(() => recordsOf(gateway)[0])
    expect(record).toMatchObject({ event: 'client_closed', attempts: 1 })
    expect(recordsOf(gateway)).toHaveLength(1)
  })
})

test.skipIf(!isLinux)(
  'F46: a client that never reads pauses its upstream, costs no memory, and is let go after client_timeout',
  async () => {
    let sent = 0
    const event = said('x'.repeat(60_000))
    const flood = (peer: RawPeer): void => {
      peer.write(chunkedHead())
      const timer = setInterval(() => {
        for (let turn = 0; turn < 4 && sent < 300_000_000; turn += 1) {
          sent += event.length
          peer.write(chunk(event))
        }
      }, 1)
      void peer.gone.then(() => clearInterval(timer))
    }
    await using origin = await rawOrigin(flood)
    await using gateway = await startGateway(`
logging: { format: json }
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
streaming: { client_timeout: 1500ms }
`)
    const before = residentBytes(gateway.pid)
    const { socket } = await openSocket(gateway)
    socket.pause()
    socket.write(requestBytes('m'))
    await origin.arrived(1)
    const startedMs = performance.now()
    const [peer] = origin.peers
    let peak = 0
    const timer = setInterval(() => (peak = Math.max(peak, residentBytes(gateway.pid))), 20)
    try {
      await within(peer?.gone ?? Promise.resolve(), 'the end of the upstream connection', 8000)
    } finally {
      clearInterval(timer)
    }
    expect(performance.now() - startedMs).toBeGreaterThan(1400)
    expect(peak - before).toBeLessThan(60_000_000)
    // It is over although the client is still there.
    expect(await eventually(() => recordsOf(gateway)[0])).toMatchObject({ event: 'client_closed' })
    const gone = new Promise<void>((resolve) => void socket.on('close', () => resolve()))
    socket.resume()
    await within(gone, 'the end of the client’s connection')
    expect(gateway.output()).not.toContain('route_cooled')
  },
)

describe('an upload', () => {
  /** Longer than the 255 s that the platform gives a body. */
  const patienceMs = 290_000

  test.skipIf(!isLong)(
    'F47, F48: of a byte a second, and one that stops, are closed at the deadline of a body, and reach no upstream',
    async () => {
      await using lab = await faultLab({ m: [goodAnswer] })
      const [slow, stopped] = [await openSocket(lab.gateway), await openSocket(lab.gateway)]
      const half = requestBytes('m').slice(0, -20)
      slow.socket.write(half.slice(0, -30))
      stopped.socket.write(half)
      const timer = setInterval(() => slow.socket.write(' '), 1000)
      const startedMs = performance.now()
      await Promise.all(
        [slow, stopped].map(
          async ({ socket }) =>
            await new Promise((resolve) => socket.on('close', resolve).on('end', () => socket.destroy())),
        ),
      )
      clearInterval(timer)
      expect(performance.now() - startedMs).toBeLessThan(patienceMs)
      expect(lab.origin.raw.connections).toBe(0)
      await eventually(() => recordsOf(lab.gateway).length === 2)
    },
    patienceMs + 10_000,
  )

  test('F48: that is broken off reaches no upstream and leaves one record', async () => {
    await using lab = await faultLab({ m: [goodAnswer] })
    const { socket, got } = await openSocket(lab.gateway)
    socket.write(requestBytes('m').slice(0, -20))
    await Bun.sleep(50)
    socket.destroy()
    const record = await eventually(
      () => recordsOf(lab.gateway)[0],
      () => lab.gateway.output(),
    )
    expect([record.status, record.attempts, lab.origin.raw.connections, got()]).toEqual([499, 0, 0, ''])
    expect((await rawRequest(lab.gateway.url, { path: '/health' })).status).toBe(200)
    await expectGoodAccounts(lab.gateway)
  })
})

describe('many connections', () => {
  test.skipIf(!isLinux)(
    'F49: thousands of idle ones leave room for those who ask',
    async () => {
      await using lab = await faultLab({ m: [goodAnswer] })
      const count = isLong ? 10_000 : 2000
      const idle: Socket[] = []
      for (let at = 0; at < count; at += 200) {
        const some = await Promise.all(Array.from({ length: 200 }, async () => await openSocket(lab.gateway)))
        idle.push(...some.map(({ socket }) => socket))
      }
      // The system hands a connection over when its first byte is there.
      for (const socket of idle) socket.write('P')
      await eventually(() => openFiles(lab.gateway.pid).length > count)
      expect((await lab.ask('m')).answer.text).toBe(goodJson)
      expect((await rawRequest(lab.gateway.url, { path: '/health' })).status).toBe(200)
      for (const socket of idle) socket.destroy()
      await eventually(() => openFiles(lab.gateway.pid).length < 200)
    },
    60_000,
  )

  test.skipIf(!isLinux)(
    'F50: a program that may open no more files delays those who come, and does not fall',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-files-'))
      const config = join(folder, 'config.yaml')
      await using origin = await rawOrigin((peer) => peer.write(goodAnswer))
      writeFileSync(
        config,
        `listen: "127.0.0.1:0"\nlogging: { format: json }\nbackends: [{ name: a, url: "${origin.url.origin}/v1" }]\nmodels: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }\n`,
      )
      const limited = Bun.spawn(['sh', '-c', 'ulimit -n 64 && exec "$0" "$@"', ...command, '-config', config], {
        cwd: folder,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'inherit',
      })
      let output = ''
      void (async () => {
        for await (const bytes of limited.stdout) output += new TextDecoder().decode(bytes)
      })()
      try {
        const url = await eventually(
          () => /listening on (http:[^"\s]+)/.exec(output)?.[1],
          () => output,
          10_000,
        )
        const gateway = { url }
        const crowd = await Promise.all(Array.from({ length: 150 }, async () => await openSocket(gateway)))
        for (const { socket } of crowd) socket.write('P')
        let [held, sinceMs] = [0, 0]
        await eventually(() => {
          const now = openFiles(limited.pid).length
          if (now !== held) [held, sinceMs] = [now, performance.now()]
          return held >= 60 && performance.now() - sinceMs > 200
        })
        const late = rawRequest(url, { path: '/health' })
        expect(await Promise.race([late.then(() => 'served'), Bun.sleep(300).then(() => 'waits')])).toBe('waits')
        for (const { socket } of crowd) socket.destroy()
        expect((await within(late, 'the answer to the one who waited', 10_000)).status).toBe(200)
        expect((await rawRequest(url, chatRequest('m', { stream: false }))).text).toBe(goodJson)
        expect(limited.exitCode).toBeNull()
        expect(output.split('EMFILE').length).toBeLessThan(5)
      } finally {
        limited.kill('SIGKILL')
        await limited.exited
        rmSync(folder, { recursive: true })
      }
    },
  )

  test('F52: fifty requests in one write are answered in their order', async () => {
    await using lab = await faultLab({ m: [goodAnswer] })
    const { socket, got } = await openSocket(lab.gateway)
    const paths = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? '/healthz' : `/v1/models/none-${at}`))
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`).join(''))
    await eventually(() => got().split('HTTP/1.1 ').length > 50, got)
    const answers = got().split('HTTP/1.1 ').slice(1)
    for (const [at, answer] of answers.entries()) expect(answer).toContain(at % 2 === 0 ? 'ok' : `none-${at}`)
    socket.destroy()
  })

  test('F52: of model requests in one write none gets an answer that is not its own, and the next connection works', async () => {
    // The platform closes a connection that brings a request while the answer to another one is still awaited.
    await using origin = await rawOrigin((peer) => {
      const user = /"user":"(\d+)"/.exec(peer.request.body.toString())?.[1] ?? ''
      // The later ones are ready first.
      setTimeout(() => peer.write(json(`{"user":${user}}`)), 100 - 2 * Number(user))
    })
    await using gateway = await startGateway(`
logging: { format: json }
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    const { socket, got } = await openSocket(gateway)
    socket.on('end', () => socket.destroy())
    const wanted = Array.from({ length: 50 }, (_, at) => `{"user":${at}}`)
    socket.write(wanted.map((_, at) => requestBytes('m', { stream: false, user: String(at) })).join(''))
    await eventually(() => socket.destroyed || got().split('{"user":').length > 50, got)
    const answers: readonly string[] = got().match(/\{"user":\d+\}/g) ?? []
    expect(answers).toEqual(wanted.slice(0, answers.length))
    socket.destroy()
    expect((await rawRequest(gateway.url, chatRequest('m', { stream: false, user: '7' }))).text).toBe('{"user":7}')
    await expectGoodAccounts(gateway)
  })

  test('F53: who opens HTTP/2 is turned away, and who resets as soon as it has asked harms nobody', async () => {
    await using lab = await faultLab({ slow: [200, goodAnswer], m: [goodAnswer] })
    const second = await openSocket(lab.gateway)
    second.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
    await new Promise<void>(
      (resolve) => void second.socket.on('close', () => resolve()).on('end', () => second.socket.destroy()),
    )
    expect(second.got()).not.toMatch(/ 200 /)
    for (let turn = 0; turn < 10; turn += 1) {
      const burst = await Promise.all(Array.from({ length: 40 }, async () => await openSocket(lab.gateway)))
      for (const { socket } of burst) {
        socket.write(requestBytes('slow'))
        setTimeout(() => socket.resetAndDestroy(), 5)
      }
      expect((await rawRequest(lab.gateway.url, chatRequest('m', { stream: false }))).text).toBe(goodJson)
    }
    expect(lab.lines('route_cooled')).toEqual([])
    await expectGoodAccounts(lab.gateway)
    // Nothing of it is left.
    await Promise.all(
      lab.origin.asked('slow').map(async (peer) => await within(peer.gone, 'the end of an upstream connection')),
    )
  })
})
