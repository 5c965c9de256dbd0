import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { rawRequest, type ClientRequest } from '../support/raw-client.ts'
import { chunk, chunkedHead, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'

const content = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'

/** One upstream for each clock, that makes just this one run out. */
const upstreams: Readonly<Record<string, () => Promise<RawOrigin>>> = {
  // A proxy that does not say whether it can reach anyone.
  connect: async () => await rawOrigin(() => {}, { onConnect: (socket) => (socket.resume(), false) }),
  // Reads nothing.
  write: async () => await rawOrigin(() => {}, { onConnect: (socket) => (socket.pause(), false) }),
  first_byte: async () => await rawOrigin(() => {}),
  idle: async () => await rawOrigin((peer) => peer.write(chunkedHead() + chunk(content))),
  // Never silent and never done.
  total: async () =>
    await rawOrigin((peer) => {
      peer.write(chunkedHead())
      const ticking = setInterval(() => peer.write(chunk(content)), 40)
      ended.push(() => clearInterval(ticking))
    }),
}

const ended: (() => void)[] = []

/** Different lengths, so that the message shows which of them it was. */
const limits = { connect: '310ms', write: '320ms', first_byte: '630ms', idle: '740ms', total: '1600ms' }
const clocks = Object.keys(limits) as (keyof typeof limits)[]

/** What the client is told: an error answer, or an error event in a stream that had begun. */
const told: Readonly<Record<keyof typeof limits, readonly [status: number, message: string]>> = {
  connect: [504, 'no connection within 310 ms'],
  write: [504, 'the request could not be sent on for 320 ms'],
  first_byte: [504, 'no answer within 630 ms'],
  idle: [200, 'the upstream fell silent for longer than timeout.idle'],
  total: [200, 'it took longer than timeout.total'],
}

function requestFor(model: string): ClientRequest {
  // More than the kernel takes on behalf of an upstream that does not read.
  const padding = model === 'write' ? 'x'.repeat(24 * 1024 * 1024) : 'hi'
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: padding }] })
  return { method: 'POST', path: '/v1/chat/completions', headers: { 'content-type': 'application/json' }, body }
}

describe.each([
  { place: 'timeout', isOwn: false },
  { place: 'backends[].timeout', isOwn: true },
])('B111: $place', ({ place, isOwn }) => {
  const running: RawOrigin[] = []
  let gateway: RunningGateway

  beforeAll(async () => {
    const backends: string[] = []
    for (const clock of clocks) {
      const origin = await upstreams[clock]?.()
      if (origin === undefined) throw new Error(`No upstream for ${clock}`)
      running.push(origin)
      const way =
        clock === 'connect'
          ? `url: "https://llm.test/v1", outbound_proxy: "${origin.url.href}"`
          : `url: "${origin.url.href}v1"`
      const own = isOwn ? `, timeout: { ${clock}: ${limits[clock]} }` : ''
      backends.push(`  - { name: ${clock}, ${way}${own} }`)
    }
    const common = clocks.map((clock) => `${clock}: ${limits[clock]}`).join(', ')
    gateway = await startGateway(`
backends:
${backends.join('\n')}
models:
${clocks.map((clock) => `  ${clock}: { routes: [{ backend: ${clock}, model: ${clock} }] }`).join('\n')}
timeout: { ${isOwn ? '' : common} }
`)
  })

  afterAll(async () => {
    for (const end of ended.splice(0)) end()
    await gateway[Symbol.asyncDispose]()
    await Promise.all(running.splice(0).map(async (origin) => await origin.stop()))
  })

  test.concurrent.each(clocks)(`B111: ${place}.%s is enforced, and names itself`, async (clock) => {
    const [status, message] = told[clock]
    const answer = await rawRequest(gateway.url, requestFor(clock))
    expect([answer.status, answer.isWhole]).toEqual([status, status !== 200])
    expect(answer.text).toContain(message)
    expect(answer.text).toContain('upstream_timeout')
  })
})
