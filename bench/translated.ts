/**
 * `node scripts/run.mjs bench/translated.ts [--binary PATH] [--rounds 8]`: what a streamed event costs the compiled gateway
 * when it is translated, against one that it passes on: CPU of its process over real connections, in turns. An upstream of
 * Chat gives events at a pace; clients of Chat and of Messages read them. Linux only.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './statistics.ts'
import { gatewayBinary } from './targets.ts'

const events = 100
const gapMs = 10
const streamsAtOnce = 60
/** Budget for an event that is translated, as a multiple of one that is passed on. */
const timesMax = 3

const { values } = parseArgs({ options: { binary: { type: 'string' }, rounds: { type: 'string', default: '8' } } })
const rounds = Number(values.rounds)
if (!(Number.isInteger(rounds) && rounds > 0 && rounds <= 100)) {
  throw new Error(`Cannot use "--rounds ${values.rounds}": it must be a number from 1 to 100`)
}

const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-translated-'))
const upstream = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: () => pacedStream() })
const config = join(folder, 'config.yaml')
writeFileSync(
  config,
  JSON.stringify({
    listen: '127.0.0.1:0',
    allow_unauthenticated: true,
    logging: { level: 'info' },
    backends: [{ name: 'upstream', url: `http://127.0.0.1:${upstream.port}/v1` }],
    models: { m: { routes: [{ backend: 'upstream', model: 'up' }] } },
  }),
)
const gateway = Bun.spawn([gatewayBinary(values.binary), '-config', config], { stdout: 'pipe', stderr: 'inherit' })
try {
  const base = await listening()
  const messages = [{ role: 'user', content: 'Tell me.' }]
  const passed: number[] = []
  const translated: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const chatUs = await costOf(`${base}/v1/chat/completions`, { model: 'm', stream: true, messages })
    const messagesUs = await costOf(`${base}/v1/messages`, { model: 'm', stream: true, max_tokens: 999, messages })
    // The first round only warms up.
    if (round === 0) continue
    passed.push(chatUs)
    translated.push(messagesUs)
  }
  const times = median(translated) / median(passed)
  console.log(
    `CPU of an event: passed on ${median(passed).toFixed(1)} µs, translated ${median(translated).toFixed(1)} µs, ` +
      `${times.toFixed(2)} × that, ${times > timesMax ? 'OVER' : 'within'} the budget of ${timesMax}`,
  )
  if (times > timesMax) process.exitCode = 1
} finally {
  gateway.kill()
  await gateway.exited
  await upstream.stop(true)
  rmSync(folder, { recursive: true })
}

/** The address that it prints when it takes requests. */
async function listening(): Promise<string> {
  let output = ''
  for await (const chunk of gateway.stdout) {
    output += new TextDecoder().decode(chunk)
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
    if (address !== undefined) return address
  }
  throw new Error(`Cannot measure: the gateway did not start\n${output}`)
}

/** Microseconds of CPU for each event of as many streams as run at once. */
async function costOf(url: string, body: object): Promise<number> {
  const beforeUs = cpuUs()
  await Promise.all(Array.from({ length: streamsAtOnce }, async () => await readStream(url, body)))
  return (cpuUs() - beforeUs) / (streamsAtOnce * events)
}

async function readStream(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await response.text()
  const seen = text.split('measured, ').length - 1
  if (seen !== events) throw new Error(`Cannot measure: ${seen} events came\n${text.slice(0, 500)}`)
}

/** User and system time of the gateway so far, which Linux counts in hundredths of a second. */
function cpuUs(): number {
  const fields = readFileSync(`/proc/${gateway.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function pacedStream(): Response {
  let at = 0
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at === events) return controller.close()
      await Bun.sleep(gapMs)
      controller.enqueue(new TextEncoder().encode(eventOf(at)))
      at += 1
    },
  })
  return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
}

function eventOf(index: number): string {
  const isLast = index === events - 1
  const choice = `{"index":0,"delta":{"content":"measured, "},"finish_reason":${isLast ? '"stop"' : 'null'}}`
  const event = `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[${choice}]}\n\n`
  return isLast ? `${event}data: [DONE]\n\n` : event
}
