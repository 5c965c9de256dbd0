import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway } from '../support/gateway.ts'

// Processes start slowly on a busy machine.
setDefaultTimeout(20_000)

const desk = readFileSync(join(import.meta.dir, '../../docs/examples/hook-desk.ts'), 'utf8')

function configOf(hooks: string, more = ''): string {
  return `
proxy_api_key: sk-client
admin: { key: sk-admin-1234567890 }
backends: [{ name: one, url: "mock://one" }, { name: two, url: "mock://two" }]
models: { smart: { routes: [{ backend: one, model: ok }] }, cheap: { routes: [{ backend: two, model: ok }] } }
headers: { debug: true }
hooks: ${hooks}
${more}`
}

async function chat(url: string, model: string, content: string, more: object = {}): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-client' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], ...more }),
  })
}

test('C911 C912 C913 C914: the example of a hook works as it stands, types and all', async () => {
  const entry = '[{ file: hooks/desk.ts }]'
  const hooks = `{ before_request: ${entry}, after_request: ${entry}, on_error: ${entry}, on_stream_chunk: ${entry} }`
  await using gateway = await startGateway(configOf(hooks), { files: { 'hooks/desk.ts': desk } })
  const short = await chat(gateway.url, 'smart', 'hi')
  expect([short.status, short.headers.get('x-llm-proxy-backend')]).toEqual([200, 'two'])
  const long = await chat(gateway.url, 'smart', 'x'.repeat(300))
  expect(long.headers.get('x-llm-proxy-backend')).toBe('one')
  const refused = await chat(gateway.url, 'smart', 'the launch code')
  expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('"off_limits"')])
  await gateway.told(/"desk":"req_[^"]+","model":"smart","status":200/)
  await gateway.told(/"status":403/)
  const stream = await (await chat(gateway.url, 'smart', 'ACC-123456 please', { stream: true })).text()
  expect(stream).toContain('[DONE]')
  expect(stream).not.toContain('ACC-123456')
  const figures = await (await fetch(`${gateway.url}/metrics`)).text()
  expect(figures).toContain(
    'llm_proxy_hook_calls_total{point="before_request",hook="hooks/desk.ts#beforeRequest",result="done"} 4',
  )
})

test('C915: a changed file counts with the next request; a broken one leaves the last good one, and says where', async () => {
  const says = (word: string): string =>
    `import { word } from './word.ts'\nexport const beforeRequest = () => ({ refuse: { message: word + ${JSON.stringify(word)} } })`
  const files = { 'h.ts': says('1'), 'word.ts': `export const word: string = 'word '` }
  await using gateway = await startGateway(configOf('{ before_request: [{ file: ./h.ts }] }'), { files })
  expect(await (await chat(gateway.url, 'smart', 'hi')).text()).toContain('word 1')
  writeFileSync(join(gateway.directory, 'h.ts'), says('2'))
  await gateway.told(/Configuration reloaded: version=2/)
  expect(await (await chat(gateway.url, 'smart', 'hi')).text()).toContain('word 2')
  writeFileSync(join(gateway.directory, 'h.ts'), 'export const beforeRequest: = 1')
  await gateway.told(/hooks\.before_request\[0\]\.file: file "\.\/h\.ts" cannot be loaded: h\.ts:1:\d+/)
  expect(await (await chat(gateway.url, 'smart', 'hi')).text()).toContain('word 2')
  writeFileSync(join(gateway.directory, 'word.ts'), `export const word: string = 'verb '`)
  writeFileSync(join(gateway.directory, 'h.ts'), says('3'))
  await gateway.told(/Configuration reloaded: version=3/)
  expect(await (await chat(gateway.url, 'smart', 'hi')).text()).toContain('verb 3')
})

test.each([
  { name: 'is not there', text: undefined, says: /cannot be read: there is no such file/ },
  { name: 'exports nothing of the kind', text: 'export const other = 1', says: /has no function "beforeRequest"/ },
  { name: 'throws at its start', text: `throw new Error('not today')`, says: /cannot be run: not today/ },
])('C915: a file that $name keeps a gateway from starting, with the reason', async ({ text, says }) => {
  const files: Record<string, string> = text === undefined ? {} : { 'h.ts': text }
  const config = configOf('{ before_request: [{ file: ./h.ts }] }')
  await using gateway = await startGateway(config, { files, waits: false })
  expect(await gateway.exited).not.toBe(0)
  expect(gateway.output()).toMatch(says)
})

test('F92 F93: hooks that throw late, never end and reject beside the road harm nobody', async () => {
  const text = `
export const beforeRequest = ({ model }) => {
  Promise.reject(new Error('nobody waits for me'))
  setTimeout(() => { throw new Error('thrown late') }, 5)
  return new Promise((resolve, reject) => model === 'smart' ? setTimeout(() => reject(new Error('late')), 150) : undefined)
}
export const onStreamChunk = () => { throw new Error('each time') }
export const afterRequest = () => new Promise(() => {})`
  const hooks = `
  before_request: [{ file: h.ts, timeout: 50ms }]
  on_stream_chunk: [{ file: h.ts }]
  after_request: [{ file: h.ts, timeout: 100ms }]`
  await using gateway = await startGateway(configOf(hooks), { files: { 'h.ts': text } })
  for (const model of ['smart', 'cheap', 'smart']) {
    const answer = await chat(gateway.url, model, 'hi', { stream: true })
    expect([answer.status, (await answer.text()).includes('[DONE]')]).toEqual([200, true])
  }
  await gateway.told(/h\.ts#beforeRequest \(before_request\) failed: it did not end within 50 ms/)
  await gateway.told(/thrown late/)
  expect((await chat(gateway.url, 'smart', 'hi')).status).toBe(200)
  expect(await gateway.stop()).toBe(0)
})

test('C911 C912: addresses are asked and told by a real connection, and one that hangs holds nobody up', async () => {
  const told: Record<string, unknown>[] = []
  using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 30,
    async fetch(request) {
      if (new URL(request.url).pathname === '/hang') await Bun.sleep(5000)
      const body = (await request.json()) as Record<string, unknown>
      told.push({ ...body, signed: request.headers.get('x-llm-proxy-signature') })
      return body['point'] === 'before_request'
        ? Response.json({ model: 'cheap' })
        : new Response(null, { status: 204 })
    },
  })
  const at = `http://127.0.0.1:${server.port}`
  const hooks = `
  before_request: [{ url: "${at}/ask", secret: "0123456789abcdef" }, { url: "${at}/hang", timeout: 100ms }]
  after_request: [{ url: "${at}/tell?key=sk-hidden-in-address" }]`
  await using gateway = await startGateway(configOf(hooks), {})
  const answer = await chat(gateway.url, 'smart', 'hi')
  expect([answer.status, answer.headers.get('x-llm-proxy-backend')]).toEqual([200, 'two'])
  // What is still to be told is told before the program ends.
  expect(await gateway.stop()).toBe(0)
  expect(told).toMatchObject([
    { point: 'before_request', model: 'smart', signed: expect.stringMatching(/^t=\d+,v1=[0-9a-f]{64}$/) },
    { point: 'after_request', model: 'smart', status: 200, signed: null },
  ])
  expect(gateway.output()).toMatch(
    /Hook http:\/\/127\.0\.0\.1:\d+ \[1\] \(before_request\) failed: it did not end within 100 ms/,
  )
  expect(gateway.output()).not.toMatch(/0123456789abcdef|sk-hidden/)
})
