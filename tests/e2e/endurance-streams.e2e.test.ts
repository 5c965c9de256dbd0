import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { seededRandom } from '#ports/random.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { isLinux, openFiles, residentBytes } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest, type ClientAnswer, type RawClient } from '../support/raw-client.ts'

/** 60,000 streams with `LLM_PROXY_LONG=1`. */
const isLong = process.env['LLM_PROXY_LONG'] === '1'
const streamsMax = isLong ? 60_000 : 2400
const atOnce = 64
const withinMs = isLong ? 900_000 : 60_000

/** What a client sees of a stream, and what it does to it. */
interface Kind {
  /** An alias of the gateway. */
  readonly model: string
  /** Of all streams, in thousandths. */
  readonly share: number
  /** How the log calls its end; several where the client is in a race. */
  readonly ends: readonly string[]
  /** `leaves`: at some moment in so many milliseconds; `sleeps`: it never reads, until it is given up. */
  readonly client?: { readonly leavesMs: number } | 'sleeps'
  readonly sees?: 'whole' | 'broken' | 'refused' | 'broken or refused'
}

const finished = ['request_finished']
const broken = ['stream_broken']
const eitherEnd = ['client_closed', 'request_finished']

const kinds: Readonly<Record<string, Kind>> = {
  'a whole stream': { model: 'whole', share: 300, ends: finished, sees: 'whole' },
  'a whole stream with pauses': { model: 'paced', share: 100, ends: finished, sees: 'whole' },
  'a failover': { model: 'failover', share: 90, ends: finished, sees: 'whole' },
  'a client that leaves': { model: 'paced', share: 130, ends: eitherEnd, client: { leavesMs: 40 } },
  'a client that leaves before the head': { model: 'silent', share: 40, ends: eitherEnd, client: { leavesMs: 40 } },
  'a client that leaves while heartbeats go': { model: 'slow', share: 20, ends: eitherEnd, client: { leavesMs: 200 } },
  'a client that leaves in a rescue': { model: 'match-slow', share: 20, ends: eitherEnd, client: { leavesMs: 200 } },
  'a client that leaves a stream that is read on': {
    model: 'finish',
    share: 30,
    ends: eitherEnd,
    client: { leavesMs: 40 },
  },
  'an upstream cut': { model: 'cut', share: 50, ends: broken, sees: 'broken' },
  'an upstream reset': { model: 'reset', share: 20, ends: broken, sees: 'broken' },
  'an upstream stall': { model: 'stall', share: 50, ends: broken, sees: 'broken' },
  // The end may come in the moment of the beginning, and is seen before anything is sent then.
  'a clean end without a marker': {
    model: 'unmarked',
    share: 50,
    ends: [...broken, 'request_failed'],
    sees: 'broken or refused',
  },
  'a rescue by match': { model: 'match', share: 50, ends: finished, sees: 'whole' },
  'a held stream': { model: 'held', share: 20, ends: finished, sees: 'whole' },
  'a heartbeat first': { model: 'slow', share: 15, ends: finished, sees: 'whole' },
  'a heartbeat, and then no route': { model: 'silent', share: 5, ends: ['request_failed'], sees: 'broken' },
  'a refusal': { model: 'fails', share: 6, ends: ['request_failed'], sees: 'refused' },
  'a client that never reads': { model: 'flood', share: 4, ends: ['client_closed'], client: 'sleeps' },
}

const routesOf: Readonly<Record<string, readonly string[]>> = {
  failover: ['fails', 'whole'],
  match: ['cut', 'again'],
  'match-slow': ['cut', 'slow'],
  held: ['cut', 'whole'],
  finish: ['paced'],
}

const streamingOf: Readonly<Record<string, string>> = {
  match: 'rescue: match',
  'match-slow': 'rescue: match, heartbeat: 60ms',
  slow: 'heartbeat: 60ms',
  silent: 'heartbeat: 60ms',
  held: 'hold: true',
  finish: 'on_disconnect: finish',
}

const text = 'One two three four five six seven eight.'
const adminKey = 'an-admin-key-of-a-test'

let origin: Bun.Subprocess<'pipe', 'pipe', 'inherit'>
let gateway: RunningGateway
let config: string

beforeAll(async () => {
  const program = join(import.meta.dir, '..', 'programs', 'stream-endings-origin.ts')
  origin = Bun.spawn([process.execPath, program], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  const [port = ''] = await firstLine(origin.stdout)
  const aliases = [...new Set(Object.values(kinds).map(({ model }) => model))].map((model) => {
    const routes = (routesOf[model] ?? [model]).map(
      (route, at) => `{ backend: a, model: ${route}, priority: ${at + 1} }`,
    )
    return `  ${model}: { routes: [${routes.join(', ')}], streaming: { ${streamingOf[model] ?? ''} } }`
  })
  config = `
admin: { key: ${adminKey}, keep_requests: 100 }
logging: { format: json }
backends: [{ name: a, url: "http://127.0.0.1:${port}/v1", pool: { idle_timeout: 400ms } }]
models:
${aliases.join('\n')}
streaming: { time_to_first_token: 1s, idle_timeout: 800ms, client_timeout: 400ms }
fallback: { cooldown_seconds: 0 }
`
  gateway = await startGateway(config)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stdin.end()
  await origin.exited
})

test.skipIf(!isLinux)(
  `${streamsMax} streams of all endings leave memory, sockets and connections where they were`,
  async () => {
    const idle = await settled(gateway)
    const startedMs = performance.now()
    const levels: Level[] = []
    for (const seed of [1, 2, 3, 4]) {
      await run(streamsMax / 4, seed)
      levels.push(await settled(gateway, idle.sockets))
    }
    const [, middle = idle, , end = idle] = levels
    const tookS = ((performance.now() - startedMs) / 1000).toFixed(1)
    console.log(`${streamsMax} streams in ${tookS} s: idle ${told(idle)}; ${levels.map(told).join(', ')}`)
    expect([middle.sockets, end.sockets]).toEqual([idle.sockets, idle.sockets])
    expect([middle.files, end.files]).toEqual([idle.files, idle.files])
    expect(end.residentMb).toBeLessThanOrEqual(middle.residentMb * 1.1)

    const { pools } = await routesPage()
    for (const { open, waiting, idle: free } of pools)
      expect({ open: open - free, waiting }).toEqual({ open: 0, waiting: 0 })

    expect(await gateway.stop()).toBe(0)
    // It tells how many requests it still has when it is asked to end.
    expect(gateway.output()).toMatch(/"event":"shutdown_started"[^\n]*"in_flight":0,/)
    expectAccounts()
  },
  withinMs,
)

/** Asked by so many clients at once; every stream is looked at by the one who asked for it. */
async function run(count: number, seed: number): Promise<void> {
  const random = seededRandom(seed)
  let left = count
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      const client = new Client()
      while (left > 0) {
        left -= 1
        await client.go(chosen(random.unit() * 1000), random.unit())
      }
      client.leave()
    }),
  )
}

const shares = Object.entries(kinds)
const wanted: Record<string, number> = {}

function chosen(thousandth: number): string {
  let upTo = 0
  const [name = 'a whole stream'] = shares.find(([, { share }]) => (upTo += share) > thousandth) ?? []
  wanted[name] = (wanted[name] ?? 0) + 1
  return name
}

function kindOf(name: string): Kind {
  const kind = kinds[name]
  if (kind === undefined) throw new Error(`No kind "${name}"`)
  return kind
}

/** Keeps its connection as long as it is good for another request. */
class Client {
  #connection: RawClient | undefined

  async go(name: string, chance: number): Promise<void> {
    const { model, client, sees } = kindOf(name)
    this.#connection ??= await rawClient(gateway.url)
    const connection = this.#connection
    const { ended } = connection.send(chatRequest(model))
    if (client === 'sleeps') {
      connection.pause()
      // Nothing tells somebody who does not read that he was given up.
      await Bun.sleep(neverReadsMs)
      return this.leave()
    }
    if (client !== undefined) {
      const gone = ended.catch(() => undefined)
      await Promise.race([gone, Bun.sleep(chance * client.leavesMs)])
      return this.leave()
    }
    const answer = await ended
    if (!answer.isWhole) this.leave()
    const problem = problemOf(answer, sees)
    if (problem !== undefined) throw new Error(`${name}: ${problem}\n${answer.status} ${answer.text}`)
  }

  leave(): void {
    this.#connection?.close()
    this.#connection = undefined
  }
}

const neverReadsMs = 3000

function problemOf({ status, text: body, isWhole }: ClientAnswer, sees: Kind['sees']): string | undefined {
  if (sees === 'refused') return status === 502 || status === 500 ? undefined : 'not refused'
  if (status !== 200) return sees === 'broken or refused' ? undefined : 'refused'
  const isDone = body.includes('data: [DONE]')
  if (sees === 'broken' || sees === 'broken or refused') {
    return !isWhole && !isDone && body.includes('"error"') ? undefined : 'broken, and not told so'
  }
  const said = Array.from(body.matchAll(/"content":"([^"]*)"/g), ([, piece]) => piece).join('')
  const ids = new Set(Array.from(body.matchAll(/"id":"([^"]*)"/g), ([, id]) => id))
  return isWhole && isDone && said === text && ids.size === 1 ? undefined : 'not whole'
}

/** Every stream left one line about its end, and no other than its kind may. */
function expectAccounts(): void {
  const seen: Record<string, number> = {}
  for (const line of gateway.output().split('\n')) {
    const [, event = ''] =
      /"event":"(request_finished|request_failed|request_refused|client_closed|stream_broken)"/.exec(line) ?? []
    if (event !== '') seen[event] = (seen[event] ?? 0) + 1
  }
  const total = Object.values(seen).reduce((sum, count) => sum + count, 0)
  expect(total).toBe(streamsMax)
  for (const event of ['request_finished', 'request_failed', 'client_closed', 'stream_broken']) {
    const count = (isPossible: (kind: Kind) => boolean): number =>
      Object.entries(wanted).reduce((sum, [name, times]) => sum + (isPossible(kindOf(name)) ? times : 0), 0)
    expect(seen[event] ?? 0).toBeGreaterThanOrEqual(count(({ ends }) => ends.length === 1 && ends.includes(event)))
    expect(seen[event] ?? 0).toBeLessThanOrEqual(count(({ ends }) => ends.includes(event)))
  }
  expect(gateway.output()).not.toMatch(/"event":"(?:internal_error|unhandled_error)"/)
}

/** What a gateway holds when nobody wants anything of it. */
interface Level {
  readonly residentMb: number
  readonly sockets: number
  readonly files: number
}

/** Looked at when all connections are closed and the garbage is collected, several times: memory goes back at its own pace. */
async function settled({ pid }: RunningGateway, socketsMin = Infinity): Promise<Level> {
  const sockets = (): number => openFiles(pid).filter((file) => file.startsWith('socket:')).length
  const { pools } = await routesPage()
  expect(pools.every(({ waiting }) => waiting === 0)).toBe(true)
  await eventually(
    () => sockets() <= socketsMin,
    () => `${sockets()} sockets`,
    10_000,
  )
  // Where memory is short, the first thing is to collect garbage.
  await reloaded(`${config}server: { memory_limit: 1MB }\n`, '"memory_short"')
  const looks: number[] = []
  for (let turn = 0; turn < 6; turn += 1) {
    await Bun.sleep(150)
    looks.push(residentBytes(pid) / 1_048_576)
  }
  await reloaded(config, '"memory_enough"')
  return { residentMb: Math.min(...looks), sockets: sockets(), files: openFiles(pid).length }
}

async function reloaded(yaml: string, event: string): Promise<void> {
  const from = gateway.output().length
  gateway.rewrite(yaml)
  await eventually(
    () => gateway.output().includes(event, from),
    () => gateway.output().slice(from),
    10_000,
  )
}

function told({ residentMb, sockets, files }: Level): string {
  return `${residentMb.toFixed(1)} MB, ${sockets} sockets, ${files} files`
}

interface Pools {
  readonly pools: readonly { readonly open: number; readonly idle: number; readonly waiting: number }[]
}

async function routesPage(): Promise<Pools> {
  const headers = { authorization: `Bearer ${adminKey}` }
  const { status, text: body } = await rawRequest(gateway.url, { path: '/admin/routes', headers })
  if (status !== 200) throw new Error(`The routes were told with ${status}: ${body}`)
  const page: Pools = JSON.parse(body)
  return page
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  for await (const piece of stream) return new TextDecoder().decode(piece).trim().split('\n')
  throw new Error('Cannot start the upstream: it ended without telling its port')
}
