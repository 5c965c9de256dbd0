import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { deafPort } from '../support/fault-origin.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { isLinux, residentBytes } from '../support/process.ts'
import { closedPort } from '../support/raw-origin.ts'
import { readWire } from '../support/wire-client.ts'

const megabyte = 1024 ** 2
const piece = Uint8Array.from({ length: 256 * 1024 }, (_, at) => (at * 13 + (at >> 8)) & 255)
/** Limit: what 200 MB on their way may cost a gateway beyond what it holds anyway. */
const growthMax = 96 * megabyte

/** What an origin does with a connection; it gets every piece of what arrives behind the head. */
type Script = (side: OriginSide) => void

interface OriginSide {
  readonly socket: Socket
  readonly head: string
  /** Bytes of the body so far, as they stand on the wire. */
  bytes: number
  onPiece?: (piece: Buffer) => void
  /** Answers, and waits for the next request. */
  end(answer: string): void
  readonly gone: Promise<void>
}

interface Origin {
  readonly url: string
  readonly sides: OriginSide[]
  script: Script
  /** Whatever a script left lying is no part of the next request. */
  forget(): void
  stop(): void
}

async function startOrigin(): Promise<Origin> {
  const sides: OriginSide[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    const gone = Promise.withResolvers<void>()
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      gone.resolve()
    })
    let head = Buffer.alloc(0)
    let side: OriginSide | undefined
    socket.on('data', (bytes) => {
      let body = Buffer.from(bytes)
      if (side === undefined) {
        head = Buffer.concat([head, body])
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        side = {
          socket,
          head: head.toString('latin1', 0, end),
          bytes: 0,
          gone: gone.promise,
          end(answer) {
            socket.write(answer)
            head = Buffer.alloc(0)
            side = undefined
          },
        }
        sides.push(side)
        body = head.subarray(end + 4)
        origin.script(side)
      }
      if (side === undefined) return
      side.bytes += body.byteLength
      if (body.byteLength > 0) side.onPiece?.(body)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Cannot tell the address of the origin')
  const origin: Origin = {
    url: `http://127.0.0.1:${address.port}`,
    sides,
    script: () => {},
    forget() {
      for (const socket of sockets) socket.destroy()
    },
    stop() {
      server.close()
      origin.forget()
    },
  }
  return origin
}

/** Takes all of it, then tells how much, and a number that depends on every byte and its place. */
const swallow: Script = (side) => {
  const length = Number(/^content-length: (\d+)$/im.exec(side.head)?.[1] ?? Number.NaN)
  const hash = new Bun.CryptoHasher('sha1')
  side.onPiece = (bytes) => {
    hash.update(bytes)
    const isOver = Number.isNaN(length) ? bytes.includes('0\r\n\r\n', bytes.byteLength - 5) : side.bytes === length
    if (!isOver) return
    const told = JSON.stringify({ bytes: side.bytes, hash: hash.digest('hex') })
    side.end(`HTTP/1.1 200 OK\r\nContent-Length: ${told.length}\r\n\r\n${told}`)
  }
}

/** A client that sends what it is given, and stops where the gateway takes no more. */
class Client {
  readonly socket: Socket
  readonly #parts: Buffer[] = []
  receivedBytes = 0
  readonly closed = Promise.withResolvers<void>()
  #keeps = true

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.socket = connect({ host: hostname, port: Number(port) })
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.closed.resolve())
    this.socket.on('data', (bytes) => {
      this.receivedBytes += bytes.length
      if (this.#keeps) this.#parts.push(Buffer.from(bytes))
    })
  }

  begin(target: string, headers: readonly string[], method = 'POST'): void {
    this.socket.write([`${method} ${target} HTTP/1.1`, 'Host: gateway', ...headers, '', ''].join('\r\n'))
  }

  /** Nothing that comes is kept, only counted. */
  countOnly(): void {
    this.#keeps = false
  }

  /** False when the connection is closed. */
  async send(bytes: Uint8Array): Promise<boolean> {
    if (this.socket.destroyed || this.socket.writableEnded) return false
    if (this.socket.write(bytes)) return true
    await Promise.race([new Promise<void>((resolve) => void this.socket.once('drain', resolve)), this.closed.promise])
    return !this.socket.destroyed
  }

  async sendBody(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; left -= piece.byteLength) {
      if (!(await this.send(left >= piece.byteLength ? piece : piece.subarray(0, left)))) return
    }
  }

  async sendChunks(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; left -= piece.byteLength) {
      const part = left >= piece.byteLength ? piece : piece.subarray(0, left)
      const framed = Buffer.concat([Buffer.from(`${part.byteLength.toString(16)}\r\n`), part, Buffer.from('\r\n')])
      if (!(await this.send(framed))) return
    }
    await this.send(Buffer.from('0\r\n\r\n'))
  }

  /** The answer so far, before the next request. */
  forget(): void {
    this.#parts.length = 0
  }

  get received(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** The answer, as soon as all of it is there. */
  async answer() {
    return await eventually(
      () => {
        const { received } = this
        const answer = received.includes('\r\n\r\n') ? readWire(received, 'POST') : undefined
        return answer?.isWhole === true ? answer : undefined
      },
      () => this.received.toString('latin1').slice(0, 2000),
      20_000,
    )
  }
}

function hashOf(bytes: number): string {
  const hash = new Bun.CryptoHasher('sha1')
  for (let left = bytes; left > 0; left -= piece.byteLength) {
    hash.update(left >= piece.byteLength ? piece : piece.subarray(0, left))
  }
  return hash.digest('hex')
}

let origin: Origin
let spare: Origin
let gateway: RunningGateway
let deaf: Awaited<ReturnType<typeof deafPort>>

beforeAll(async () => {
  origin = await startOrigin()
  spare = await startOrigin()
  deaf = await deafPort()
  const dead = `http://127.0.0.1:${await closedPort()}`
  gateway = await startGateway(`
allow_unauthenticated: true
max_body_size: 2mb
max_upload_size: 300mb
health_check: { enabled: false }
fallback: { cooldown_seconds: 0 }
timeout: { first_byte: 5s, write: 2s, idle: 5s }
services:
  up:
    affinity: { by: "off" }
    models:
      one: { backends: [{ id: a, url: "${origin.url}" }] }
      spared: { backends: [{ id: a, url: "${origin.url}" }, { id: b, url: "${spare.url}", weight: 0 }] }
      standby: { backends: [{ id: a, url: "${dead}" }, { id: b, url: "${origin.url}", weight: 0 }] }
      standby_fetch: { backends: [{ id: a, url: "${dead}", transport: fetch }, { id: b, url: "${origin.url}", transport: fetch, weight: 0 }] }
      deaf: { backends: [{ id: a, url: "http://127.0.0.1:${deaf.port}", timeout: { connect: 300ms } }, { id: b, url: "${origin.url}", weight: 0 }] }
      deaf_fetch: { backends: [{ id: a, url: "http://127.0.0.1:${deaf.port}", transport: fetch, timeout: { dns: 100ms, connect: 300ms } }, { id: b, url: "${origin.url}", weight: 0 }] }
      hasty: { backends: [{ id: a, url: "${origin.url}", timeout: { idle: 300ms } }] }
      keyed: { backends: [{ id: a, url: "${origin.url}", credentials: [{ api_key: sk-1 }, { api_key: sk-2 }] }] }
filters:
  - { match: { path: "/read/*" }, remove: { body: ["secret"] } }
`)
})

beforeEach(() => {
  for (const each of [origin, spare]) {
    each.forget()
    each.script = swallow
  }
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await deaf[Symbol.asyncDispose]()
  origin.stop()
  spare.stop()
})

/** The most memory that the gateway held beyond what it held before, while this ran. */
async function growth(act: () => Promise<unknown>): Promise<number> {
  if (!isLinux) return await act().then(() => 0)
  const before = residentBytes(gateway.pid)
  let most = before
  const watch = setInterval(() => (most = Math.max(most, residentBytes(gateway.pid))), 20)
  try {
    await act()
  } finally {
    clearInterval(watch)
  }
  return most - before
}

describe('a body that is too large to be kept flows', () => {
  test.each([
    { name: 'announced', size: 200 * megabyte },
    { name: 'announced, one byte beyond what is kept', size: megabyte + 1 },
    { name: 'announced, as much as is kept', size: megabyte },
  ])('N124: $size bytes, $name, arrive whole, with their length, in little memory', async ({ size }) => {
    const client = new Client(gateway.url)
    const grown = await growth(async () => {
      client.begin('/up/one/files', [`Content-Length: ${size}`, 'Content-Encoding: gzip'])
      await client.sendBody(size)
      const answer = await client.answer()
      expect(JSON.parse(answer.text)).toEqual({ bytes: size, hash: hashOf(size) })
    })
    const head = origin.sides.at(-1)?.head ?? ''
    expect(head).toMatch(new RegExp(`^content-length: ${size}$`, 'im'))
    expect(head).toMatch(/^content-encoding: gzip$/im)
    expect(grown).toBeLessThan(growthMax)
    client.socket.destroy()
  })

  test('N124: 200 MB in chunks arrive in chunks, in little memory', async () => {
    const client = new Client(gateway.url)
    const grown = await growth(async () => {
      client.begin('/up/one/files', ['Transfer-Encoding: chunked'])
      await client.sendChunks(200 * megabyte)
      expect(JSON.parse((await client.answer()).text).bytes).toBeGreaterThan(200 * megabyte)
    })
    expect(origin.sides.at(-1)?.head).toMatch(/^transfer-encoding: chunked$/im)
    expect(grown).toBeLessThan(growthMax)
    client.socket.destroy()
  })

  test('few bytes in chunks arrive with their length', async () => {
    const client = new Client(gateway.url)
    client.begin('/up/one/files', ['Transfer-Encoding: chunked'])
    await client.sendChunks(1000)
    expect(JSON.parse((await client.answer()).text)).toEqual({ bytes: 1000, hash: hashOf(1000) })
    client.socket.destroy()
  })

  test('N124: 200 MB down take little memory, and a client that stops reading stops the backend', async () => {
    const size = 200 * megabyte
    let sentBytes = 0
    origin.script = ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nContent-Type: application/octet-stream\r\n\r\n`)
      const go = (): void => {
        while (sentBytes < size) {
          sentBytes += piece.byteLength
          if (!socket.write(piece)) return void socket.once('drain', go)
        }
      }
      go()
    }
    const client = new Client(gateway.url)
    client.countOnly()
    const grown = await growth(async () => {
      client.begin('/up/one/files', [], 'GET')
      await eventually(() => client.receivedBytes > 8 * megabyte)
      client.socket.pause()
      const stillBytes = await standsStill(() => sentBytes)
      expect(stillBytes).toBeLessThan(100 * megabyte)
      client.socket.resume()
      await eventually(() => client.receivedBytes > size, undefined, 15_000)
    })
    expect(grown).toBeLessThan(growthMax)
    client.socket.destroy()
  })

  test('100 MB go up and come back at the same time', async () => {
    const size = 100 * megabyte
    origin.script = (side) => {
      const { socket } = side
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nContent-Type: text/event-stream\r\n\r\n`)
      side.onPiece = (bytes) => {
        if (!socket.write(bytes)) {
          socket.pause()
          socket.once('drain', () => void socket.resume())
        }
      }
    }
    const client = new Client(gateway.url)
    client.countOnly()
    const grown = await growth(async () => {
      client.begin('/up/one/echo', [`Content-Length: ${size}`])
      const sending = client.sendBody(size)
      await eventually(() => client.receivedBytes > 4 * megabyte)
      await sending
      await eventually(
        () => client.receivedBytes > size,
        () => String(client.receivedBytes),
        15_000,
      )
    })
    expect(grown).toBeLessThan(growthMax)
    client.socket.destroy()
  })

  test('a backend that takes nothing holds the client back, until its limit ends it', async () => {
    origin.script = ({ socket }) => void socket.pause()
    const client = new Client(gateway.url)
    let sentBytes = 0
    const grown = await growth(async () => {
      client.begin('/up/one/files', [`Content-Length: ${200 * megabyte}`])
      void (async () => {
        while (await client.send(piece)) sentBytes += piece.byteLength
      })()
      expect(await standsStill(() => sentBytes)).toBeLessThan(100 * megabyte)
      const answer = await client.answer()
      expect([answer.status, Object.keys(JSON.parse(answer.text))]).toEqual([504, ['error', 'request_id']])
    })
    expect(grown).toBeLessThan(growthMax)
    client.socket.destroy()
  })

  test('a client that is slow is waited for, longer than any limit of the backend', async () => {
    const client = new Client(gateway.url)
    client.begin('/up/one/files', [`Content-Length: ${megabyte + 60}`])
    await client.sendBody(megabyte)
    await client.send(piece.subarray(0, 30))
    await Bun.sleep(2500)
    await client.send(piece.subarray(0, 30))
    expect(JSON.parse((await client.answer()).text).bytes).toBe(megabyte + 60)
    client.socket.destroy()
  })
})

describe('a body that flows does not arrive', () => {
  test('an answer that comes before it is sent is passed on, and the connection goes on to serve', async () => {
    origin.script = (side) => {
      side.onPiece = () => {
        if (side.bytes < megabyte) return
        delete side.onPiece
        side.socket.write('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig')
      }
    }
    const client = new Client(gateway.url)
    client.begin('/up/spared/files', [`Content-Length: ${20 * megabyte}`])
    const sending = client.sendBody(20 * megabyte)
    const answer = await client.answer()
    expect([answer.status, answer.text]).toEqual([413, 'big'])
    await sending
    expect(spare.sides).toEqual([])
    // What came too late belongs to no other request.
    origin.script = swallow
    client.forget()
    client.begin('/up/one/files', ['Content-Length: 3'])
    await client.sendBody(3)
    expect(JSON.parse((await client.answer()).text).bytes).toBe(3)
    client.socket.destroy()
  })

  test('a client that leaves ends it at the backend, and that is nobody’s fault', async () => {
    const client = new Client(gateway.url)
    client.begin('/up/one/leaves', [`Content-Length: ${20 * megabyte}`])
    await client.sendBody(4 * megabyte)
    const side = await eventually(() => origin.sides.find(({ head, bytes }) => head.includes('/leaves') && bytes > 0))
    const before = origin.sides.length
    client.socket.resetAndDestroy()
    await side.gone
    await gateway.told(/Client closed the connection: backend=up\/one\/a/)
    expect(gateway.output()).not.toMatch(/Attempt failed.*leaves/)
    const next = new Client(gateway.url)
    next.begin('/up/one/files', ['Content-Length: 3'])
    await next.sendBody(3)
    expect((await next.answer()).status).toBe(200)
    expect(origin.sides.length).toBe(before + 1)
    next.socket.destroy()
  })

  test('a backend that dies is told as 502, and nobody else is asked for the rest', async () => {
    origin.script = (side) => {
      side.onPiece = () => void (side.bytes > 2 * megabyte && side.socket.resetAndDestroy())
    }
    const client = new Client(gateway.url)
    client.begin('/up/spared/files', [`Content-Length: ${40 * megabyte}`])
    void client.sendBody(40 * megabyte)
    const answer = await client.answer()
    expect([answer.status, Object.keys(JSON.parse(answer.text))]).toEqual([502, ['error', 'request_id']])
    expect(spare.sides).toEqual([])
    client.socket.destroy()
  })

  test('a credential that is refused in the middle of it is followed by no other: the rest alone would be no body', async () => {
    const before = origin.sides.length
    origin.script = (side) => {
      side.onPiece = () => {
        if (side.bytes < megabyte) return
        delete side.onPiece
        side.socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
      }
    }
    const client = new Client(gateway.url)
    client.begin('/up/keyed/files', [`Content-Length: ${20 * megabyte}`])
    void client.sendBody(20 * megabyte)
    expect([(await client.answer()).status, origin.sides.length]).toEqual([401, before + 1])
    client.socket.destroy()
  })

  test.each([
    { name: 'takes no connection', model: 'standby' },
    { name: 'takes no connection over fetch', model: 'standby_fetch' },
    { name: 'lets a connection wait', model: 'deaf' },
    { name: 'lets a connection over fetch wait', model: 'deaf_fetch' },
  ])('D21: a backend that $name is passed over, and the next one gets all of it', async ({ model }) => {
    const size = 5 * megabyte
    const client = new Client(gateway.url)
    client.begin(`/up/${model}/files`, [`Content-Length: ${size}`])
    const sending = client.sendBody(size)
    expect(JSON.parse((await client.answer()).text)).toEqual({ bytes: size, hash: hashOf(size) })
    await sending
    client.socket.destroy()
  })

  test('a client that pauses while its answer is under way is waited for', async () => {
    const size = 2 * megabyte
    origin.script = (side) => {
      side.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/event-stream\r\n\r\no`)
      side.onPiece = () => void (side.bytes === size && side.end('k'))
    }
    const client = new Client(gateway.url)
    client.begin('/up/hasty/echo', [`Content-Length: ${size}`])
    await client.sendBody(megabyte)
    await eventually(() => client.received.includes('\r\n\r\n'))
    await Bun.sleep(1200)
    await client.sendBody(megabyte)
    expect((await client.answer()).text).toBe('ok')
    client.socket.destroy()
  })
})

describe('limits', () => {
  test('max_upload_size refuses what announces more', async () => {
    const before = origin.sides.length
    const client = new Client(gateway.url)
    client.begin('/up/one/files', [`Content-Length: ${300 * megabyte + 1}`])
    const answer = await client.answer()
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([413, expect.stringContaining('max_upload_size')])
    expect(origin.sides.length).toBe(before)
    client.socket.destroy()
  })

  test('max_upload_size refuses small ones in chunks, too', async () => {
    await using small = await startGateway(`
allow_unauthenticated: true
max_upload_size: 100kb
services: { up: { models: { one: { backends: [{ id: a, url: "${origin.url}" }] } } } }
`)
    const before = origin.sides.length
    const client = new Client(small.url)
    client.begin('/up/one/files', ['Transfer-Encoding: chunked'])
    void client.sendChunks(500_000)
    const answer = await client.answer()
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([413, expect.stringContaining('max_upload_size')])
    expect(origin.sides.length).toBe(before)
    client.socket.destroy()
  })

  test('max_upload_size ends what grows beyond in chunks', async () => {
    const client = new Client(gateway.url)
    client.begin('/up/one/files', ['Transfer-Encoding: chunked'])
    void client.sendChunks(320 * megabyte)
    const answer = await client.answer()
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([413, expect.stringContaining('max_upload_size')])
    await origin.sides.at(-1)?.gone
    client.socket.destroy()
  })

  test('max_body_size holds for bodies that a filter must read', async () => {
    const client = new Client(gateway.url)
    client.begin('/up/one/read/x', [`Content-Length: ${2 * megabyte + 1}`])
    const answer = await client.answer()
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([413, expect.stringContaining('max_body_size')])
    client.socket.destroy()
  })
})

/** The number at which it stays. */
async function standsStill(look: () => number): Promise<number> {
  for (let last = look(), still = 0; ;) {
    await Bun.sleep(20)
    still = look() === last ? still + 1 : 0
    last = look()
    if (still === 25) return last
  }
}
