// `node scripts/run.mjs bench/road.ts [--seconds 3] [--check]`: what the road costs per request, in process: no sockets,
// an upstream that answers at once from a script. `--check` fails when a budget is exceeded.
import { parseArgs } from 'node:util'
import { loadConfig } from '#config/load.ts'
import { formatProblem } from '#config/problem.ts'
import { countRequests } from '#boot/count-requests.ts'
import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import { noHealth } from '#core/health.ts'
import { Credentials } from '#credential/credentials.ts'
import { Roster } from '#kit/roster.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Translator } from '#gateway/translator.ts'
import { HeaderList } from '#kit/header-list.ts'
import { systemClock } from '#ports/clock.ts'
import { systemIds } from '#ports/ids.ts'
import type { Log } from '#ports/log.ts'
import { seededRandom } from '#ports/random.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import { Limits } from '#limit/limits.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import type { BodySink, IncomingBody, Transport } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { Figures } from '#route/figures.ts'
import { createApp, type App } from '#server/app.ts'
import { compileSnapshot } from '#snapshot/compile.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { Tally } from '#telemetry/tally.ts'
import { Breakers } from '#upstream/breaker.ts'
import { median } from './statistics.ts'
import { chatBody, names, upstreamBehaviour, workloads } from './workloads.ts'

interface Kind {
  readonly name: string
  readonly workload: string
  /** Budget for the CPU time of the road, as a multiple of that of an app which only reads the body and answers. */
  readonly timesFloorMax: number
}

const kinds: readonly Kind[] = [
  { name: 'JSON, 1.7 KB', workload: 'W1-c32', timesFloorMax: 9 },
  { name: 'JSON, 256 KB', workload: 'W8', timesFloorMax: 5 },
  { name: 'stream of 100 events', workload: 'W4-200', timesFloorMax: 6 },
]

/** Pieces that come as fast as they are taken. */
class ScriptedBody implements IncomingBody {
  readonly whole = undefined
  readonly #pieces: readonly Uint8Array[]
  #at = 0
  #sink: BodySink | undefined
  #isPaused = false

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces
  }

  async read(): Promise<Uint8Array | 'end'> {
    return await Promise.resolve(this.#next() ?? 'end')
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#push()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#push()
  }

  cancel(): void {
    this.#sink = undefined
  }

  #next(): Uint8Array | undefined {
    const piece = this.#pieces[this.#at]
    this.#at += 1
    return piece
  }

  #push(): void {
    while (!this.#isPaused && this.#sink !== undefined) {
      const piece = this.#next()
      if (piece !== undefined) {
        this.#sink.onPiece(piece)
        continue
      }
      const sink = this.#sink
      this.#sink = undefined
      sink.onEnd()
    }
  }
}

const rounds = 7

/** Budget for an event that is translated, as a multiple of one that is passed on, without sockets. */
const timesPassedMax = 6

const encoder = new TextEncoder()
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, check: { type: 'boolean' } } })
const seconds = Number(values.seconds)
if (!(seconds > 0 && seconds <= 60)) throw new Error(`Cannot use "--seconds ${values.seconds}": it must be up to 60`)

const reply = encoder.encode(`{"choices":[{"message":{"content":"${'measured, '.repeat(110)}"}}]}`)
const events = Array.from({ length: upstreamBehaviour.events }, (_, index) => eventOf(index))
let isOver = false
for (const { name, workload: id, timesFloorMax } of kinds) {
  const workload = workloads.find((one) => one.id === id)
  if (workload === undefined) throw new Error(`Cannot find the workload "${id}"`)
  const body = encoder.encode(chatBody(workload))
  const streams = workload.unit === 'event'
  const [roadUs, floorUs] = await race(await openRoad(streams), streams ? streamingFloor : floorApp, body)
  const times = roadUs / floorUs
  isOver ||= times > timesFloorMax
  const verdict = times > timesFloorMax ? 'OVER' : 'within'
  console.log(
    `${name.padEnd(22)} road ${roadUs.toFixed(1)} µs, floor ${floorUs.toFixed(1)} µs, ${times.toFixed(2)} × the floor, ${verdict} the budget of ${timesFloorMax}`,
  )
}
isOver ||= await raceTranslation()
if (values.check === true && isOver) process.exitCode = 1

/** The same stream passed on to a client of Chat, and translated for a client of Messages; gives whether it costs too much. */
async function raceTranslation(): Promise<boolean> {
  const workload = workloads.find(({ id }) => id === 'W4-200')
  if (workload === undefined) throw new Error('Cannot find the workload "W4-200"')
  const chat = chatBody(workload)
  const { messages, ...rest } = JSON.parse(chat) as { readonly messages: readonly { readonly role: string }[] }
  const talk = messages.filter(({ role }) => role !== 'system')
  const asked = encoder.encode(JSON.stringify({ ...rest, system: 'You are a careful engineer.', messages: talk }))
  const app = await openRoad(true)
  const sliceMs = (seconds * 1000) / rounds / 2
  const costs: readonly [number[], number[]] = [[], []]
  for (let round = 0; round <= rounds; round += 1) {
    const passed = await spend(app, encoder.encode(chat), sliceMs)
    const translated = await spend(app, asked, sliceMs, '/v1/messages')
    // The first round only warms up.
    if (round === 0) continue
    costs[0].push(passed / upstreamBehaviour.events)
    costs[1].push(translated / upstreamBehaviour.events)
  }
  const [passedUs, translatedUs] = [median(costs[0]), median(costs[1])]
  const times = translatedUs / passedUs
  const verdict = times > timesPassedMax ? 'OVER' : 'within'
  console.log(
    `translated, each event  ${translatedUs.toFixed(2)} µs, passed on ${passedUs.toFixed(2)} µs, ${times.toFixed(2)} × that, ${verdict} the budget of ${timesPassedMax}`,
  )
  return times > timesPassedMax
}

/** CPU µs per request of both apps: medians of rounds in which each had its turn. */
async function race(first: App, second: App, body: Uint8Array<ArrayBuffer>): Promise<readonly [number, number]> {
  const sliceMs = (seconds * 1000) / rounds / 2
  const costs: readonly [number[], number[]] = [[], []]
  // The first round only warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, app] of [first, second].entries()) {
      const cost = await spend(app, body, sliceMs)
      if (round > 0) costs[index]?.push(cost)
    }
  }
  return [median(costs[0]), median(costs[1])]
}

async function spend(app: App, body: Uint8Array<ArrayBuffer>, forMs: number, path?: string): Promise<number> {
  const untilMs = performance.now() + forMs
  const before = process.cpuUsage()
  let count = 0
  while (performance.now() < untilMs) {
    for (let left = 10; left > 0; left -= 1, count += 1) await askOnce(app, body, path)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

async function askOnce(app: App, body: Uint8Array<ArrayBuffer>, path = '/v1/chat/completions'): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    'content-length': `${body.length}`,
    authorization: `Bearer ${names.clientKey}`,
    accept: 'application/json',
    'user-agent': 'bench/1.0',
  }
  const request = new Request(`http://gateway${path}`, { method: 'POST', headers, body })
  const response = await app(request, { peer: '127.0.0.1', patience: nothing })
  const bytes = await response.bytes()
  if (response.status !== 200 || bytes.length < reply.length)
    throw new Error(`Cannot measure: the answer was ${response.status} ${new TextDecoder().decode(bytes)}`)
}

function nothing(): void {}

async function floorApp(request: Request): Promise<Response> {
  await request.bytes()
  return new Response(reply, { headers: { 'content-type': 'application/json' } })
}

async function streamingFloor(request: Request): Promise<Response> {
  await request.bytes()
  let at = 0
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const event = events[at]
      at += 1
      if (event === undefined) controller.close()
      else controller.enqueue(event)
    },
  })
  return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
}

/** All but the network: its upstream gives a whole answer, or a stream. */
async function openRoad(streams: boolean): Promise<App> {
  const snapshot = await readSnapshot()
  const contentType = streams ? 'text/event-stream' : 'application/json'
  const transport: Transport = {
    async send() {
      const headers = new HeaderList([['content-type', contentType]])
      const body = streams ? new ScriptedBody(events) : new WholeBody(reply)
      return await Promise.resolve({ kind: 'response', status: 200, headers, sentMs: undefined, body })
    },
  }
  const log: Log = { write: (_level, event, fields) => console.error(event, fields), keeps: () => false }
  const wheel = new TimerWheel(systemClock)
  const gateway: Gateway = {
    current: () => snapshot,
    breakers: new Breakers(),
    credentials: new Credentials({ clock: systemClock, transport, files: systemSecretFiles, log }),
    health: noHealth,
    figures: new Figures(),
    prefillRefusers: new Set(),
    translator: new Translator(systemClock),
    live: new Roster<Exchange>(),
    sinks: [tallyFor(snapshot)],
    clock: systemClock,
    wheel,
    limits: new Limits({ clock: systemClock, wheel }),
    random: seededRandom(1),
    ids: systemIds,
    transport,
    log,
  }
  return createApp(gateway, { version: 'bench', isDraining: () => false })
}

/** Requests are counted, as they are by default. */
function tallyFor(snapshot: Snapshot): Tally {
  const tally = new Tally()
  const sinks: ExchangeSink[] = []
  countRequests(tally, sinks, snapshot)
  return tally
}

async function readSnapshot(): Promise<Snapshot> {
  const text = JSON.stringify({
    proxy_api_key: names.clientKey,
    backends: [{ name: 'script', url: 'http://upstream.invalid/v1', api_key: names.backendKey }],
    models: { [names.alias]: { routes: [{ backend: 'script', model: names.upstreamModel, priority: 1 }] } },
  })
  const files = { read: async () => await Promise.reject(new Error('Cannot read a file: the bench has none')) }
  const { config, digest, problems } = await loadConfig({ file: 'bench.yaml', text, env: {}, files })
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  const context = { version: 1, digest, file: 'bench.yaml', offBackends: new Set<string>(), secrets: [] }
  const compiled = compileSnapshot(config, context)
  if (compiled.snapshot === undefined) throw new Error(compiled.problems.map(({ message }) => message).join('\n'))
  return compiled.snapshot
}

function eventOf(index: number): Uint8Array<ArrayBuffer> {
  const isLast = index === upstreamBehaviour.events - 1
  const choice = `{"index":0,"delta":{"content":"measured, "},"finish_reason":${isLast ? '"stop"' : 'null'}}`
  const event = `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[${choice}]}\n\n`
  return encoder.encode(isLast ? `${event}data: [DONE]\n\n` : event)
}
