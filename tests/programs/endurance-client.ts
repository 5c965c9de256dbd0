// A process of its own, so that its memory can be told: `endurance-client.ts scenario url count` prints what it saw as JSON.
import { heapStats } from 'bun:jsc'
import { Http1Client } from '#http1/client.ts'
import { systemClock, type Clock } from '#ports/clock.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { linkWith, outgoing } from '../support/outgoing.ts'
import { selfSigned } from '../support/tls.ts'

const [scenario = '', base = '', countText = '1'] = process.argv.slice(2)
const count = Number(countText)

/** The system's clock, which knows how many timers wait. */
let timers = 0
const clock: Clock = {
  ...systemClock,
  after(ms, action) {
    timers += 1
    let isOver = false
    const over = (): void => {
      if (!isOver) timers -= 1
      isOver = true
    }
    const cancel = systemClock.after(ms, () => (over(), action()))
    return () => (over(), cancel())
  },
}

const client = new Http1Client({ clock })
const link = linkWith({ idleMs: 1000 }, { ca: selfSigned.cert })
const clocks = { queueMs: 0, dnsMs: 5000, connectMs: 20_000, tlsMs: 20_000, writeMs: 0, firstByteMs: 0, idleMs: 0 }

function urlOf(path: string): URL {
  return new URL(path, base)
}

async function send(url: URL, changes: Partial<Parameters<typeof outgoing>[1]> = {}): Promise<IncomingResponse> {
  const outcome = await client.send(outgoing(url, { link, clocks, ...changes }))
  if (outcome.kind !== 'response') throw new Error(JSON.stringify(outcome))
  return outcome
}

/** Bytes of the body until its end. */
async function drained({ body }: IncomingResponse): Promise<number> {
  let bytes = 0
  if (body.whole !== undefined) return body.whole.byteLength
  for (let step = await body.read(); step !== 'end'; step = await body.read()) {
    if (!(step instanceof Uint8Array)) throw new Error(JSON.stringify(step))
    bytes += step.byteLength
  }
  return bytes
}

function rssBytes(): number {
  Bun.gc(true)
  return process.memoryUsage.rss()
}

/** All streams have begun before any may end. */
async function streams(): Promise<object> {
  const hold = urlOf('/hold')
  const all = await Promise.all(
    Array.from({ length: count }, async () => {
      const response = await send(hold)
      return { response, first: await response.body.read() }
    }),
  )
  const [gauges] = client.gauges()
  const begun = all.filter(({ first }) => first instanceof Uint8Array).length
  await drained(await send(urlOf('/release')))
  const bytes = await Promise.all(all.map(async ({ response }) => await drained(response)))
  return { begun, open: gauges?.open, whole: bytes.filter((each) => each === 'data: 2\n\n'.length).length }
}

/** Nobody reads what comes, for long enough to fill every buffer; then all of it is read. */
async function down(): Promise<object> {
  const before = rssBytes()
  const response = await send(urlOf(`/flood/${count}`))
  await Bun.sleep(700)
  const stalled = rssBytes() - before
  return { stalled, bytes: await drained(response), after: rssBytes() - before }
}

/** The upstream takes nothing for a while, then all of it. */
async function up(): Promise<object> {
  const piece = new Uint8Array(65_536).fill(120)
  let given = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (given >= count) return controller.close()
        given += piece.byteLength
        controller.enqueue(piece)
      },
    },
    { highWaterMark: 0 },
  )
  const before = rssBytes()
  const sent = send(urlOf('/stall'), { body })
  await Bun.sleep(700)
  const stalled = rssBytes() - before
  const givenWhileStalled = given
  await drained(await send(urlOf('/release')))
  await drained(await sent)
  return { stalled, givenWhileStalled, given, after: rssBytes() - before }
}

/** Many requests over a few connections; what they leave behind. */
async function requests(): Promise<object> {
  const url = urlOf('/')
  const run = async (total: number): Promise<void> => {
    let left = total
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (left > 0) {
          left -= 1
          await drained(await send(url))
        }
      }),
    )
  }
  await run(Math.min(10_000, count))
  const before = { rss: rssBytes(), objects: heapStats().objectCount, timers }
  await run(count)
  const after = { rss: rssBytes(), objects: heapStats().objectCount, timers }
  const [gauges] = client.gauges()
  client.closeIdle()
  // Every line of deadlines looks once more, and is gone.
  await Bun.sleep(1200)
  return { before, after, gauges, gaugesAtEnd: client.gauges(), fds: openFiles() }
}

function openFiles(): number {
  return [...new Bun.Glob('*').scanSync({ cwd: '/proc/self/fd', onlyFiles: false })].length
}

const scenarios: Readonly<Record<string, () => Promise<object>>> = { streams, down, up, requests }
const chosen = scenarios[scenario]
if (chosen === undefined) throw new Error(`No scenario "${scenario}"`)
console.log(JSON.stringify(await chosen()))
process.exit(0)
